import gzip

import pytest

from kanseq.data.importing import import_sequences
from kanseq.data.sequences import SequenceSet
from kanseq.errors import BadOption, BadTable, ContigMismatch, MalformedLine, MissingFile


@pytest.fixture
def write(tmp_path):
    def write(name, text):
        path = tmp_path / name
        path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
        return path

    return write


def rows(result, *columns):
    return [tuple(row) for row in result.set.table[list(columns)].itertuples(index=False)]


def test_several_tables_keep_their_names_as_split(write, tmp_path):
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


def test_columns_of_other_names_in_a_tsv(write):
    path = write("a.tsv", "name\tdna\tclass\nx\tAC\tenh\ny\tGT\tsil\n")
    result = import_sequences(path, sequence_column="dna", label_column="class", id_column="name")
    assert rows(result, "id", "sequence", "label") == [("x", "AC", "enh"), ("y", "GT", "sil")]
    assert "split" not in result.set.table


def test_a_table_without_labels_has_none(write):
    result = import_sequences(write("a.csv", "sequence\nAC\n"))
    assert list(result.set.table.columns) == ["id", "species", "length", "sequence"]
    assert result.labels == {}


def test_a_fasta_per_class(write):
    one, two = write("p.fa", ">a x\nACGT\nAC\n>b\nGG\n"), write("n.fa.gz", ">a\nTT\n")
    expected = [("pos:a", "ACGTAC", "pos"), ("pos:b", "GG", "pos"), ("neg:a", "TT", "neg")]
    for classes in ([f"pos={one}", f"neg={two}"], {"pos": one, "neg": two}):
        assert rows(import_sequences(classes=classes), "id", "sequence", "label") == expected


def test_intervals_with_a_genome(write):
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
        ("", ":1: the first line is empty, and a header is wanted"),
        ("sequence,label\nAC,0\n,1\n", ":3: the sequence is empty"),
        ("sequence,label\nAC,0\n\nAZ,1\n", ":4: 'Z' is no nucleotide letter"),
        ("sequence,label\nAC,\n", ":2: the label is empty"),
        ("sequence,label\nAC\n", ":2: 1 cells, and the header has 2"),
        ("sequence,label\n", ": no sequences"),
    ],
)
def test_a_wrong_table_is_named_with_its_line(write, tmp_path, text, message):
    path = write("a.csv", text)
    with pytest.raises(BadTable) as error:
        import_sequences(path, output=tmp_path / "s.parquet")
    assert str(error.value).startswith(f"{path}{message}")
    assert not (tmp_path / "s.parquet").exists()


def test_a_name_that_stands_twice_is_refused(write):
    path = write("a.csv", "sequence,id\nAC,x\nGT,x\n")
    with pytest.raises(BadTable, match=r":3: the name 'x' was there before, at .*a.csv:2; give every sequence its own"):
        import_sequences(path, id_column="id")


def test_options_and_files_that_do_not_fit_are_refused(write):
    table, genome = write("a.csv", "sequence\nAC\n"), write("g.fa", ">1\nACGT\n")
    past, lost = write("past.bed", "1\t0\t5\n"), write("lost.bed", "1\t0\t4\nchr2\t0\t4\n")
    for arguments, error, message in [
        ({}, BadOption, "give either input files or --class NAME=FILE"),
        ({"inputs": table, "classes": [f"a={genome}"]}, BadOption, "and not both"),
        ({"classes": ["a"]}, BadOption, "--class a: NAME=FILE is wanted"),
        ({"classes": [f"a={genome}", f"a={genome}"]}, BadOption, "--class a is given twice"),
        ({"classes": [f"a={table}"]}, BadOption, "this is no FASTA; for BED files give --genome"),
        ({"inputs": "nowhere.csv"}, MissingFile, "no such file"),
        ({"inputs": past, "genome": genome}, MalformedLine, ":1: the end 5 is past contig '1', which has 4 bases"),
        ({"inputs": lost, "genome": genome}, ContigMismatch, ":2: 'chr2' is not in the genome, which has 1"),
    ]:
        with pytest.raises(error, match=message):
            import_sequences(**arguments)


def test_names_and_labels_that_a_table_cannot_hold_are_refused(write):
    path = write("a.csv", 'sequence,label,id\nAC,0,x\nGG,0,"y\tz"\n')
    with pytest.raises(BadTable, match=r":3: the name 'y\\tz' is empty, or holds a tab or a line break"):
        import_sequences(path, id_column="id")


def test_an_input_is_never_overwritten(write):
    path = write("a.csv", "sequence\nAC\n")
    with pytest.raises(BadOption, match="this output would overwrite an input"):
        import_sequences(path, output=path)
    assert path.read_text() == "sequence\nAC\n"


def test_a_fasta_with_a_byte_order_mark_is_a_fasta(write):
    assert rows(import_sequences(write("a.fa", "\ufeff>x\nACGT\n")), "id", "sequence") == [("x", "ACGT")]
