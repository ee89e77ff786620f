import gzip
import hashlib
import json

import numpy as np
import pandas as pd
import pyfaidx
import pytest

from kanseq.errors import BadOption, ContigMismatch, MalformedLine, MissingFile, NoGenes, NotWritable, TruncatedFile
from kanseq.sequences.sequence_set import SequenceSet
from kanseq.verbs.preparing.extract import extract

GENE = '{contig}\ts\tgene\t{start}\t{end}\t.\t{strand}\t.\tgene_id "{id}"; gene_biotype "{biotype}";\n'


def gtf_line(id, contig, start, end, strand="+", biotype="protein_coding"):
    return GENE.format(id=id, contig=contig, start=start, end=end, strand=strand, biotype=biotype)


@pytest.fixture
def genome(tmp_path):
    """Two contigs of random bases, the second soft-masked."""
    random = np.random.default_rng(0)
    one, two = ("".join(random.choice(list("ACGT"), size)) for size in (9000, 6000))
    path = tmp_path / "genome.fa"
    lines = [
        f">{name} text\n" + "\n".join(text[i : i + 60] for i in range(0, len(text), 60))
        for name, text in (("2", one), ("1", two.lower()))
    ]
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def annotation(tmp_path):
    path = tmp_path / "genes.gtf"
    path.write_text(
        gtf_line("C", "1", 2001, 3000)
        + gtf_line("B", "2", 5001, 5300, "-")
        + gtf_line("A", "2", 2001, 4500)
        + gtf_line("edge", "2", 8000, 8500)
        + gtf_line("rna", "1", 2001, 3000, biotype="tRNA")
        + gtf_line("C", "1", 2501, 3500)
        + gtf_line("lost", "Mt", 1, 100)
    )
    return path


def slow_sequence(path, chrom, first, last, strand):
    """Build a sequence column by column, from 1-based closed coordinates, with pyfaidx."""
    contig = pyfaidx.Fasta(str(path), sequence_always_upper=True)[chrom]
    step = 1 if strand == "+" else -1
    site, end = (first, last) if strand == "+" else (last, first)
    letters = [contig[site + step * offset - 1].seq for offset in range(-1000, 500)]
    letters += ["N"] * 20
    letters += [contig[end + step * offset - 1].seq for offset in range(-499, 1001)]
    pairs = dict(zip("ACGTN", "TGCAN", strict=True))
    return "".join(letters if strand == "+" else [pairs[letter] for letter in letters])


def test_sequences_equal_those_of_a_slow_loop_over_pyfaidx(genome, annotation):
    table = extract(genome, annotation).set.table
    assert list(table.columns) == [
        "id", "species", "length", "chrom", "strand", "tss", "tts",
        "tss_start", "tss_end", "tts_start", "tts_end", "sequence",
    ]  # fmt: skip
    assert [tuple(row) for row in table.drop(columns="sequence").itertuples(index=False)] == [
        ("A", ".", 3020, "2", "+", 2000, 4499, 1000, 2500, 4000, 5500),
        ("B", ".", 3020, "2", "-", 5299, 5000, 4800, 6300, 4000, 5500),
        ("C", ".", 3020, "1", "+", 2000, 2999, 1000, 2500, 2500, 4000),
    ]
    assert list(table["sequence"]) == [
        slow_sequence(genome, "2", 2001, 4500, "+"),
        slow_sequence(genome, "2", 5001, 5300, "-"),
        slow_sequence(genome, "1", 2001, 3000, "+"),
    ]


def test_every_excluded_gene_is_listed_with_its_reason(genome, annotation, tmp_path, caplog):
    result = extract(genome, annotation, output=tmp_path / "g.parquet", excluded=tmp_path / "x.tsv")
    assert result[:5] == (
        3,
        4,
        {"biotype": 1, "duplicate_id": 1, "edge": 1, "no_contig": 1},
        2,
        tmp_path / "g.parquet",
    )
    assert (tmp_path / "x.tsv").read_text() == (
        "id\treason\tdetail\n"
        "edge\tedge\t2:7999-8500(+): 500 columns past the contig's ends\n"
        "rna\tbiotype\ttRNA\n"
        "C\tduplicate_id\tline 6; the gene of line 1 was taken\n"
        "lost\tno_contig\tcontig Mt\n"
    )
    assert "several genes have the same name; the first one is kept: C" in caplog.text
    assert "1 of the 3 contigs with genes to extract (1 genes) are not in the genome: Mt" in caplog.text


def test_the_set_records_contigs_inputs_and_options(genome, annotation, tmp_path):
    extract(genome, annotation, output=tmp_path / "g.parquet", species="ath", exclude_contigs="1,Mt")
    read = SequenceSet.read(tmp_path / "g.parquet")
    records = pyfaidx.Fasta(str(genome), sequence_always_upper=True)
    assert list(read.contigs) == ["2", "1"]
    assert read.contigs == {
        name: {"length": len(record), "md5": hashlib.md5(str(record).encode()).hexdigest()}
        for name, record in records.items()
    }
    assert [item["name"] for item in read.metadata["inputs"]] == ["genome.fa", "genes.gtf"]
    assert read.metadata["inputs"][1]["sha256"] == hashlib.sha256(annotation.read_bytes()).hexdigest()
    assert read.metadata["kind"] == "genes"
    assert read.metadata["options"]["exclude_contigs"] == ["1", "Mt"]
    assert str(tmp_path) not in json.dumps(read.metadata)
    assert set(read.table["species"]) == {"ath"}
    assert read.geometry.columns == 3020


def test_compression_format_and_contig_aliases_do_not_change_the_rows(genome, annotation, tmp_path):
    zipped, gff3, aliases = tmp_path / "z.fa.gz", tmp_path / "a.gff3.gz", tmp_path / "aliases.tsv"
    zipped.write_bytes(gzip.compress(genome.read_bytes()))
    rows = [
        ("NC_1", 2001, 3000, "+", "C"),
        ("NC_2", 2001, 4500, "+", "A"),
        ("NC_2", 5001, 5300, "-", "B"),
    ]
    text = "".join(
        f"{c}\tr\tgene\t{s}\t{e}\t.\t{d}\t.\tID=gene-{i};gene_biotype=protein_coding\n" for c, s, e, d, i in rows
    )
    gff3.write_bytes(gzip.compress(("##gff-version 3\n" + text + "##FASTA\n>NC_1\nAAAA\n").encode()))
    aliases.write_text("NC_1\t1\nNC_2\t2\n")
    one, other = extract(genome, annotation), extract(zipped, gff3, aliases=aliases)
    pd.testing.assert_frame_equal(one.set.table, other.set.table)


def test_the_same_inputs_give_the_same_bytes_and_no_other_files(genome, annotation, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    before = sorted(path.name for path in tmp_path.iterdir())
    for name in ("a.parquet", "b.parquet"):
        extract(genome, annotation, output=out / name)
    assert (out / "a.parquet").read_bytes() == (out / "b.parquet").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    assert sorted(path.name for path in out.iterdir()) == ["a.parquet", "b.parquet"]


def test_windows_as_bed_are_cut_at_contig_ends_and_sorted_in_genome_order(genome, annotation, tmp_path):
    extract(genome, annotation, bed=tmp_path / "w.bed", edge="pad")
    assert (tmp_path / "w.bed").read_text().splitlines() == [
        "2\t1000\t2500\tA:TSS\t0\t+",
        "2\t4000\t5500\tA:TTS\t0\t+",
        "2\t4000\t5500\tB:TTS\t0\t-",
        "2\t4800\t6300\tB:TSS\t0\t-",
        "2\t6999\t8499\tedge:TSS\t0\t+",
        "2\t8000\t9000\tedge:TTS\t0\t+",
        "1\t1000\t2500\tC:TSS\t0\t+",
        "1\t2500\t4000\tC:TTS\t0\t+",
    ]


def test_fasta_holds_the_unmasked_sequences(genome, annotation, tmp_path):
    result = extract(genome, annotation, fasta=tmp_path / "s.fa", upstream=10, downstream=5, pad=2)
    records = {name: str(record) for name, record in pyfaidx.Fasta(str(tmp_path / "s.fa")).items()}
    assert records == dict(zip(result.set.table["id"], result.set.table["sequence"], strict=True))
    assert (tmp_path / "s.fa").read_text().startswith(">A 2(+) tss=2000 tts=4499\n")


def test_a_mismatch_of_contig_names_lists_likely_pairs_and_the_argument(genome, tmp_path):
    path = tmp_path / "a.gtf"
    path.write_text(gtf_line("A", "chr2", 2001, 4500))
    with pytest.raises(ContigMismatch, match=r"likely pairs: 'chr2' = '2'; write lines .* and pass it as aliases$"):
        extract(genome, path, output=tmp_path / "g.parquet")
    assert not (tmp_path / "g.parquet").exists()


def test_a_gene_past_the_end_of_its_contig_is_reported_with_line_and_length(genome, tmp_path):
    path = tmp_path / "a.gtf"
    path.write_text(gtf_line("A", "1", 1, 10) + gtf_line("B", "1", 5000, 6001))
    with pytest.raises(MalformedLine) as error:
        extract(genome, path)
    assert str(error.value).startswith(f"{path}:2: gene 'B' ends at 6001, but contig '1' has 6000 bases")


@pytest.mark.parametrize("edge", ["drop", "pad"])
def test_a_gene_across_the_origin_of_a_circular_contig_is_excluded(genome, tmp_path, caplog, edge):
    path, out = tmp_path / "a.gff3", tmp_path / "x.tsv"
    region = "2\tRefSeq\tregion\t1\t9000\t.\t+\t.\tID=2:1..9000;Is_circular=true\n"
    row = "{}\tRefSeq\tgene\t{}\t{}\t.\t+\t.\tID=gene-{};gene_biotype=protein_coding\n"
    path.write_text(region + row.format("2", 8801, 9150, "origin") + row.format("1", 2001, 3000, "A"))
    result = extract(genome, path, excluded=out, edge=edge)
    assert list(result.set.table["id"]) == ["A"]
    assert out.read_text() == "id\treason\tdetail\norigin\tedge\tends at 9150, but contig '2' has 9000 bases\n"
    assert f"{path}: gene 'origin' ends at 9150, but contig '2' has 9000 bases; it is left out" in caplog.text


def test_letters_of_contigs_that_are_not_kept_are_not_checked(genome, annotation, tmp_path):
    spoilt, aliases = tmp_path / "spoilt.fa", tmp_path / "aliases.tsv"
    spoilt.write_text(genome.read_text() + ">Mt\nACG*\n>empty\n")
    aliases.write_text("one\t1\n")
    result = extract(spoilt, annotation, contigs="one", aliases=aliases)
    assert list(result.set.table["id"]) == ["C"]
    assert list(extract(spoilt, annotation, exclude_contigs="Mt,empty").set.table["id"]) == ["A", "B", "C"]
    with pytest.raises(MalformedLine, match=r"contig 'Mt' has the letter '\*'"):
        extract(spoilt, annotation, exclude_contigs="empty")


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"edge": "wrap"}, BadOption, "--edge wrap is unknown; choose drop or pad"),
        ({"max_n": 2}, BadOption, "--max-n 2 is not a fraction between 0 and 1"),
        ({"upstream": 0, "downstream": 0}, BadOption, "must not be negative"),
        ({"tss": "canonical"}, BadOption, "no transcript of these genes is tagged canonical"),
        ({"id": "symbol"}, BadOption, "no gene has the attribute 'symbol'"),
        ({"biotype": ["miRNA"]}, NoGenes, r"use --biotype with one of protein_coding \(6\), tRNA \(1\)"),
        ({"contigs": ["3"]}, BadOption, "--contigs 3: not in the genome; it has 2, 1"),
        ({"upstream": 8000}, NoGenes, "no gene remains; excluded: biotype 1, duplicate_id 1, edge 4, no_contig 1"),
        ({"output": "nowhere/g.parquet"}, NotWritable, "the folder 'nowhere' does not exist"),
        ({"aliases": "nowhere.tsv"}, MissingFile, "no such file"),
        ({"bed": "-", "fasta": "-"}, BadOption, "two outputs cannot both go to standard output"),
    ],
)
def test_invalid_options_are_refused(genome, annotation, options, error, message):
    with pytest.raises(error, match=message):
        extract(genome, annotation, **options)


def test_an_input_is_never_overwritten(genome, annotation):
    before = genome.read_bytes()
    with pytest.raises(BadOption, match="this output would overwrite an input"):
        extract(genome, annotation, fasta=genome)
    assert genome.read_bytes() == before


def test_a_truncated_genome_leaves_no_output(genome, annotation, tmp_path):
    zipped, out = tmp_path / "z.fa.gz", tmp_path / "out"
    zipped.write_bytes(gzip.compress(genome.read_bytes())[:-100])
    out.mkdir()
    with pytest.raises(TruncatedFile, match="ends too early"):
        extract(zipped, annotation, output=out / "g.parquet", excluded=out / "x.tsv")
    assert list(out.iterdir()) == []


def test_no_output_is_written_if_another_one_fails(genome, annotation, tmp_path, monkeypatch):
    def full(*_):
        yield "1\t0\t1\n"
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("kanseq.verbs.preparing.extract._bed_lines", full)
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(NotWritable, match=r"out/w.bed: cannot write \(No space left on device\)"):
        extract(genome, annotation, output=out / "g.parquet", excluded=out / "x.tsv", bed=out / "w.bed")
    assert list(out.iterdir()) == []


def test_a_duplicate_of_a_gene_at_the_edge_is_excluded_as_duplicate(genome, tmp_path, caplog):
    path = tmp_path / "twins.gtf"
    path.write_text(gtf_line("A", "2", 2001, 4500) + gtf_line("E", "2", 8000, 8500) + gtf_line("E", "2", 8000, 8500))
    result = extract(genome, path)
    assert result.reasons == {"duplicate_id": 1, "edge": 1}
    assert "several genes have the same name; the first one is kept: E" in caplog.text
