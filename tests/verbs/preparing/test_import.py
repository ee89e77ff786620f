import gzip

import pytest

from kanseq.errors import BadOption, BadTable, ContigMismatch, MalformedLine, MissingFile
from kanseq.sequences.assembling import genomes_by_class
from kanseq.sequences.labelled_files import SequenceSource
from kanseq.sequences.sequence_set import SequenceSet
from kanseq.verbs.preparing.import_ import import_sequences


@pytest.fixture
def write(tmp_path):
    def write(name, text):
        path = tmp_path / name
        path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
        return path

    return write


def rows(result, *columns):
    return [tuple(row) for row in result.set.table[list(columns)].itertuples(index=False)]


def test_the_names_of_several_tables_become_splits(write, tmp_path):
    train = write("train.csv.gz", "sequence,label\nACGTR,0\nacu,1\n")
    test = write("test.csv", '\ufeffsequence,label\r\n"GG",0\r\n')
    result = import_sequences([train, test], output=tmp_path / "s.parquet", species="hs")
    assert list(result.set.table.columns) == ["id", "species", "length", "sequence", "label", "split"]
    assert rows(result, "id", "species", "length", "sequence", "label", "split") == [
        ("train-1", "hs", 5, "ACGTN", "0", "train"),
        ("train-2", "hs", 3, "ACT", "1", "train"),
        ("test-1", "hs", 2, "GG", "0", "test"),
    ]
    assert result[:4] == (3, 5, {"0": 2, "1": 1}, tmp_path / "s.parquet")
    read = SequenceSet.read(tmp_path / "s.parquet")
    assert read.geometry.columns == 5
    assert read.codes().tolist() == [[0, 1, 2, 3, 4], [0, 1, 3, 4, 4], [2, 2, 4, 4, 4]]
    assert [item["name"] for item in read.metadata["inputs"]] == ["train.csv.gz", "test.csv"]


def test_columns_of_a_tsv_may_have_other_names(write):
    path = write("a.tsv", "name\tdna\tclass\nx\tAC\tenh\ny\tGT\tsil\n")
    result = import_sequences(path, sequence_column="dna", label_column="class", id_column="name")
    assert rows(result, "id", "sequence", "label") == [("x", "AC", "enh"), ("y", "GT", "sil")]
    assert "split" not in result.set.table


def test_a_table_without_labels_makes_a_set_without_labels(write):
    result = import_sequences(write("a.csv", "sequence\nAC\n"))
    assert list(result.set.table.columns) == ["id", "species", "length", "sequence"]
    assert result.labels == {}


def test_each_class_may_be_a_fasta(write):
    one, two = write("p.fa", ">a x\nACGT\nAC\n>b\nGG\n"), write("n.fa.gz", ">a\nTT\n")
    expected = [("pos:a", "ACGTAC", "pos"), ("pos:b", "GG", "pos"), ("neg:a", "TT", "neg")]
    for classes in ([f"pos={one}", f"neg={two}"], {"pos": one, "neg": two}):
        assert rows(import_sequences(classes=classes), "id", "sequence", "label") == expected


def test_intervals_are_read_from_a_genome(write):
    genome = write("g.fa.gz", ">1\nAACCGGTTNN\n>2\nACGT\n")
    one = write("p.bed", "2\t0\t4\tpeak1\t0\t+\n1\t1\t5\tpeak2\t0\t-\n")
    two = write("n.bed", "1\t0\t2\n1\t2\t4\n")
    result = import_sequences(classes={"p": one, "n": two}, genome=genome)
    assert rows(result, "id", "chrom", "strand", "start", "end", "sequence", "label") == [
        ("p:peak1", "2", "+", 0, 4, "ACGT", "p"),
        ("p:peak2", "1", "-", 1, 5, "CGGT", "p"),
        ("n:1:0-2(+)", "1", "+", 0, 2, "AA", "n"),
        ("n:1:2-4(+)", "1", "+", 2, 4, "CC", "n"),
    ]
    assert result.set.contigs["2"] == {"length": 4, "md5": "f1f8f4bf413b16ad135722aa4591043e"}


def test_the_same_inputs_give_the_same_bytes(write, tmp_path):
    path = write("a.csv", "sequence,label\nACGT,0\nGG,1\n")
    for name in ("a.parquet", "b.parquet"):
        import_sequences(path, output=tmp_path / name)
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ACGT,0\nGG,1\n", ":1: column 'sequence' is missing; the header has ACGT, 0; name it with --sequence-column"),
        ("", ":1: the first line is empty, but a header is required"),
        ("sequence,label\nAC,0\n,1\n", ":3: the sequence is empty"),
        ("sequence,label\nAC,0\n\nAZ,1\n", ":4: 'Z' is not a nucleotide letter"),
        ("sequence,label\nAC,\n", ":2: the label is empty"),
        ("sequence,label\nAC\n", ":2: 1 cells, but the header has 2"),
        ("sequence,label\n", ": no sequences"),
    ],
)
def test_errors_in_tables_name_file_and_line(write, tmp_path, text, message):
    path = write("a.csv", text)
    with pytest.raises(BadTable) as error:
        import_sequences(path, output=tmp_path / "s.parquet")
    assert str(error.value).startswith(f"{path}{message}")
    assert not (tmp_path / "s.parquet").exists()


def test_duplicate_names_are_refused(write):
    path = write("a.csv", "sequence,id\nAC,x\nGT,x\n")
    with pytest.raises(BadTable, match=r":3: the name 'x' is already used at .*a.csv:2; use a different name"):
        import_sequences(path, id_column="id")


def test_options_and_files_that_do_not_fit_are_refused(write):
    table, genome = write("a.csv", "sequence\nAC\n"), write("g.fa", ">1\nACGT\n")
    past, lost = write("past.bed", "1\t0\t5\n"), write("lost.bed", "1\t0\t4\nchr2\t0\t4\n")
    placed = write("placed.csv", "id,region,start,end,strand\n1,1,0,2,+\n")
    for arguments, error, message in [
        ({}, BadOption, "specify either input files or --class NAME=FILE"),
        ({"inputs": table, "classes": [f"a={genome}"]}, BadOption, "not both"),
        ({"classes": ["a"]}, BadOption, "--class a: NAME=FILE is expected"),
        ({"classes": [f"a={genome}", f"a={genome}"]}, BadOption, "--class a is specified twice"),
        (
            {"classes": [f"a={table}"]},
            BadOption,
            "this is not a FASTA file; for BED files and tables of intervals use --genome",
        ),
        ({"inputs": placed}, BadTable, "this is a table of intervals; use --genome"),
        ({"inputs": placed, "genome": genome, "width": 0}, BadOption, "--width 0; it must be at least 1"),
        ({"inputs": placed, "genome": {"a": genome}}, BadOption, "unknown class; there is"),
        (
            {"inputs": table, "sequence_column": []},
            BadOption,
            "--sequence-column: no column is named, or one is repeated",
        ),
        (
            {"inputs": table, "sequence_column": ["a", "a"]},
            BadOption,
            "--sequence-column: no column is named, or one is repeated",
        ),
        ({"inputs": "nowhere.csv"}, MissingFile, "no such file"),
        ({"inputs": past, "genome": genome}, MalformedLine, ":1: the end 5 is past contig '1', which has 4 bases"),
        ({"inputs": lost, "genome": genome}, ContigMismatch, ":2: 'chr2' is not in the genome, which has 1"),
    ]:
        with pytest.raises(error, match=message):
            import_sequences(**arguments)


def test_names_and_labels_that_a_table_cannot_hold_are_refused(write):
    path = write("a.csv", 'sequence,label,id\nAC,0,x\nGG,0,"y\tz"\n')
    with pytest.raises(BadTable, match=r":3: the name 'y\\tz' is empty, or contains a tab or a line break"):
        import_sequences(path, id_column="id")


def test_an_input_is_never_overwritten(write):
    path = write("a.csv", "sequence\nAC\n")
    with pytest.raises(BadOption, match="this output would overwrite an input"):
        import_sequences(path, output=path)
    assert path.read_text() == "sequence\nAC\n"


def test_a_fasta_with_a_byte_order_mark_is_a_fasta(write):
    assert rows(import_sequences(write("a.fa", "\ufeff>x\nACGT\n")), "id", "sequence") == [("x", "ACGT")]


def test_each_class_may_be_a_table_of_intervals(write):
    genome = write("g.fa.gz", ">1\nAACCGGTTNR\n>2\nACGT\n")
    one = write("p.csv.gz", "id,region,start,end,strand\n7,2,0,4,+\n8,1,1,5,-\n")
    two = write("n.tsv", "chrom\tstart\tend\n1\t0\t2\n1\t2\t4\n")
    result = import_sequences(classes={"p": one, "n": two}, genome=genome)
    assert rows(result, "id", "chrom", "strand", "start", "end", "sequence", "label") == [
        ("p:7", "2", "+", 0, 4, "ACGT", "p"),
        ("p:8", "1", "-", 1, 5, "CGGT", "p"),
        ("n:1:0-2(+)", "1", "+", 0, 2, "AA", "n"),
        ("n:1:2-4(+)", "1", "+", 2, 4, "CC", "n"),
    ]


def test_a_table_of_intervals_may_have_labels_names_and_splits(write):
    genome = write("g.fa", ">1\nAACCGGTTNR\n")
    path = write("t.csv", "chromosome,start,end,strand,class,name,part\n1,0,4,-,enh,x,train\n1,4,10,,sil,y,test\n")
    result = import_sequences(path, genome=genome, label_column="class", id_column="name", split_column="part")
    assert rows(result, "id", "sequence", "label", "split") == [
        ("x", "GGTT", "enh", "train"),
        ("y", "GGTTNN", "sil", "test"),
    ]
    plain = import_sequences(write("l.csv", "region,start,end,label\n1,0,2,a\n1,2,4,b\n"), genome=genome)
    assert rows(plain, "id", "label") == [("1:0-2(+)", "a"), ("1:2-4(+)", "b")]
    # A class specified by the user overrides the labels of the table.
    classed = import_sequences(classes={"c": path}, genome=genome)
    assert rows(classed, "id", "label") == [("c:1:0-4(-)", "c"), ("c:1:4-10(+)", "c")]
    unlabelled = write("u.csv", "region,start,end,label\n1,0,2,\n")
    assert rows(import_sequences(classes={"c": unlabelled}, genome=genome), "label") == [("c",)]


@pytest.mark.parametrize(
    ("row", "error", "message"),
    [
        ("1,0,11,a", MalformedLine, ":3: the end 11 is past contig '1', which has 10 bases"),
        ("1,4,4,a", MalformedLine, ":3: the start 4 is not before the end 4"),
        ("9,0,4,a", ContigMismatch, ":3: '9' is not in the genome, which has 1"),
        ("1,0,4,", BadTable, ":3: the label is empty"),
    ],
)
def test_errors_in_intervals_name_the_row_and_nothing_is_written(write, tmp_path, row, error, message):
    genome = write("g.fa", ">1\nAACCGGTTNR\n")
    path = write("t.csv", f"region,start,end,label\n1,0,10,b\n{row}\n")
    with pytest.raises(error) as caught:
        import_sequences(path, genome=genome, output=tmp_path / "s.parquet")
    assert str(caught.value).startswith(f"{path}{message}")
    assert not (tmp_path / "s.parquet").exists()


def test_duplicate_names_are_replaced_by_coordinates_and_duplicate_coordinates_by_numbers(write):
    genome = write("g.fa", ">1\nAACCGGTT\n")
    same_name = write("a.bed", "1\t0\t2\tp\n1\t2\t4\tp\n")
    assert rows(import_sequences(same_name, genome=genome), "id") == [("1:0-2(+)",), ("1:2-4(+)",)]
    same_place = write("b.bed", "1\t0\t2\n1\t0\t2\n")
    assert rows(import_sequences(same_place, genome=genome), "id") == [("b-1",), ("b-2",)]
    same_id = write("c.csv", "region,start,end,name\n1,0,2,x\n1,2,4,x\n")
    with pytest.raises(BadTable, match="the name 'x' is already used"):
        import_sequences(same_id, genome=genome, id_column="name")


def test_the_set_spells_contigs_as_the_genome_does(write):
    genome = write("g.fa", ">2L\nACGT\n")
    result = import_sequences(write("a.csv", "region,start,end\nchr2L,0,4\n"), genome=genome)
    assert rows(result, "id", "chrom", "sequence") == [("chr2L:0-4(+)", "2L", "ACGT")]
    assert result.set.of_contigs("length") == [4]


def test_each_class_may_have_its_own_genome(write):
    human, worm = write("h.fa", ">1\nAAAA\n>X\nCCCC\n"), write("w.fa", ">I\nGGGG\n>X\nTTTT\n")
    one, two = write("human.csv", "id,region,start,end,strand\n1,chrX,0,3,+\n"), write("worm.bed", "X\t0\t2\n")
    for genome in ({"human": human, "worm": worm}, [f"worm={worm}", f"human={human}"]):
        result = import_sequences(classes={"human": one, "worm": two}, genome=genome)
        assert rows(result, "id", "sequence") == [("human:1", "CCC"), ("worm:X:0-2(+)", "TT")]
        # Contigs of two genomes have the same names, so such a set has no coordinates.
        assert list(result.set.table.columns) == ["id", "species", "length", "sequence", "label"]
        assert result.set.contigs == {}
    same = import_sequences(classes={"human": one, "worm": two}, genome={"human": human, "worm": human})
    assert rows(same, "chrom", "sequence") == [("X", "CCC"), ("X", "CC")]
    labelled = write("l.csv", "region,start,end,label\nX,0,2,worm\nX,0,2,human\n")
    assert rows(import_sequences(labelled, genome={"human": human, "worm": worm}), "sequence") == [("TT",), ("CC",)]


def test_a_class_without_its_genome_is_refused(write):
    genome, path = write("h.fa", ">1\nAAAA\n"), write("a.bed", "1\t0\t2\n")
    for given, message in [
        ([f"b={genome}", f"a={genome}"], "--genome b=.*h.fa: unknown class; there is a"),
        ({"b": genome}, "--genome b=.*: unknown class"),
        ([f"a={genome}", f"a={genome}"], "--genome a is specified twice; specify one FASTA per class"),
        ([str(genome), f"a={genome}"], "--genome .*h.fa: CLASS=FASTA is expected"),
    ]:
        with pytest.raises(BadOption, match=message):
            import_sequences(classes={"a": path}, genome=given)
    with pytest.raises(BadOption, match=r"a.bed:1: the class 'a' has no genome; use --genome a=FASTA"):
        import_sequences(classes={"a": path, "f": genome}, genome={"f": genome})


def test_one_genome_is_distinguished_from_one_per_class(tmp_path):
    odd = tmp_path / "a=b.fa"
    odd.write_text(">1\nA\n")
    assert genomes_by_class([str(odd)]) == str(odd)
    assert [genomes_by_class(one) for one in (None, [], "g.fa", ["g.fa"], ["c=g.fa"])] == [
        None,
        None,
        "g.fa",
        "g.fa",
        {"c": "g.fa"},
    ]


def test_intervals_are_extended_to_one_width_or_excluded(write, caplog):
    genome = write("g.fa", ">1\nAACCGGTTAC\n")
    path = write("p.bed", "1\t3\t6\n1\t0\t9\n1\t0\t2\n1\t4\t5\t.\t0\t-\n")
    result = import_sequences(path, genome=genome, width=6)
    # The second is longer; the third would begin at -2.
    assert rows(result, "id", "start", "end", "sequence") == [
        ("1:2-8(+)", 2, 8, "CCGGTT"),
        ("1:2-8(-)", 2, 8, "AACCGG"),
    ]
    assert result.set.metadata["options"]["left_out"] == {"longer": 1, "past_end": 1}
    assert caplog.messages == [
        "excluded: 1 intervals of more than 6 bases, and 1 that extend past an end of their contig"
    ]
    with pytest.raises(BadTable, match="no interval remains; use another --width"):
        import_sequences(write("q.bed", "1\t0\t9\n"), genome=genome, width=6)


@pytest.mark.parametrize("sign", [",", "|", ";", "\t"])
def test_pairs_are_joined_by_twenty_columns_of_n(write, sign):
    path = write("p.csv", "enhancer,promoter,label\nACG,tu,1\nGG,AC,0\n".replace(",", sign))
    result = import_sequences(path, sequence_column=["enhancer", "promoter"])
    assert rows(result, "sequence", "length", "label") == [
        ("ACGNNNNNNNNNNNNNNNNNNNNTT", 25, "1"),
        ("GGNNNNNNNNNNNNNNNNNNNNAC", 24, "0"),
    ]
    other = import_sequences(path, sequence_column=["promoter", "enhancer"])
    assert rows(other, "sequence")[1] == ("ACNNNNNNNNNNNNNNNNNNNNGG",)


@pytest.mark.parametrize(
    ("row", "message"),
    [("AC,,1", ":2: the sequence is empty"), ("AC,AZ,1", ":2: 'Z' is not a nucleotide letter")],
)
def test_each_half_of_a_pair_is_checked(write, row, message):
    path = write("p.csv", f"enhancer,promoter,label\n{row}\n")
    with pytest.raises(BadTable, match=message):
        import_sequences(path, sequence_column=["enhancer", "promoter"])


def test_a_column_of_splits_is_read_on_request(write):
    path = write("a.csv", "sequence,label,split\nAC,0,train\nGT,1,test\n")
    assert "split" not in import_sequences(path).set.table
    assert rows(import_sequences(path, split_column="split"), "id", "split") == [("a-1", "train"), ("a-2", "test")]
    other = write("b.csv", "sequence,label,split\nAA,0,dev\n")
    both = import_sequences([path, other], split_column="split")
    assert rows(both, "split") == [("train",), ("test",), ("dev",)]
    with pytest.raises(BadTable, match=":2: the split is empty"):
        import_sequences(write("c.csv", "sequence,split\nAC,\n"), split_column="split")
    with pytest.raises(BadTable, match=r":1: column 'part' is missing; .*; name it with --split-column"):
        import_sequences(path, split_column="part")


def test_each_class_may_be_a_folder_of_text_files(tmp_path):
    for name, letters in (("a/10.txt", "acgu\n"), ("a/9.txt", "GGR"), ("b/10.txt", "TT")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(letters)
    (tmp_path / "a" / "README").write_text("no sequence")
    result = import_sequences(classes={"x": tmp_path / "a", "y": tmp_path / "b"})
    assert rows(result, "id", "sequence", "label") == [("x:10", "ACGT", "x"), ("x:9", "GGN", "x"), ("y:10", "TT", "y")]
    assert [(one["name"], one["files"], one["bytes"]) for one in result.set.metadata["inputs"]] == [
        ("a", 2, 8),
        ("b", 1, 2),
    ]


def test_sources_define_class_and_split(write):
    one, two = write("p.fa", ">a\nAC\n"), write("q.fa", ">a\nGT\n")
    result = import_sequences([SequenceSource(one, "x", "train"), SequenceSource(two, "x", "test")])
    assert rows(result, "id", "label", "split") == [("train:x:a", "x", "train"), ("test:x:a", "x", "test")]
    assert result.set.metadata["options"]["sources"] == [["p.fa", "x", "train"], ["q.fa", "x", "test"]]
