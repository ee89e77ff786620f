"""Extraction from annotations without rows of genes, or with one name at several places."""

import numpy as np
import pytest

from kanseq.errors import MalformedLine
from kanseq.verbs.preparing.extract import extract

WINDOWS = {"upstream": 50, "downstream": 30}


@pytest.fixture
def genome(tmp_path):
    """Two contigs of random bases."""
    random = np.random.default_rng(0)
    path = tmp_path / "genome.fa"
    path.write_text("".join(f">{name}\n{''.join(random.choice(list('ACGT'), 12000))}\n" for name in ("1", "2")))
    return path


def row(contig, kind, start, end, strand, attributes):
    return f"{contig}\tx\t{kind}\t{start}\t{end}\t.\t{strand}\t.\t{attributes}\n"


def sites(result):
    return result.set.table[["id", "chrom", "strand", "tss", "tts"]].to_numpy().tolist()


def test_further_copies_of_a_gene_are_listed_with_line_and_place(genome, tmp_path, caplog):
    path = tmp_path / "a.gtf"
    path.write_text(
        row("1", "exon", 1001, 1100, "+", 'gene_id "M"; transcript_id "N1";')
        + row("1", "exon", 9001, 9100, "+", 'gene_id "M"; transcript_id "N1_2";')
        + row("1", "exon", 5001, 5100, "-", 'gene_id "M"; transcript_id "N1_3";')
        + row("2", "exon", 501, 600, "+", 'gene_id "M"; transcript_id "N1_4";')
        + row("2", "exon", 2001, 2600, ".", 'gene_id "S"; transcript_id "S1";')
    )
    result = extract(genome, path, excluded=tmp_path / "x.tsv", **WINDOWS)
    assert sites(result) == [["M", "1", "+", 1000, 1099]]
    assert (tmp_path / "x.tsv").read_text() == (
        "id\treason\tdetail\n"
        "M\tduplicate_id\tline 2 (1:9001-9100(+), without a gene row); the gene of line 1 was taken\n"
        "M\tduplicate_id\tline 3 (1:5001-5100(-), without a gene row); the gene of line 1 was taken\n"
        "M\tduplicate_id\tline 4 (2:501-600(+), without a gene row); the gene of line 1 was taken\n"
        "S\tno_strand\tstrand '.'\n"
    )
    assert "several genes have the same name; the first one is kept: M" in caplog.text


def test_genes_that_begin_in_the_same_row_are_all_kept(genome, tmp_path):
    path = tmp_path / "a.gff3"
    path.write_text(row("1", "exon", 1001, 1100, "+", "Parent=T1,T2") + row("1", "exon", 1301, 1400, "+", "Parent=T2"))
    result = extract(genome, path, **WINDOWS)
    assert sites(result) == [["T1", "1", "+", 1000, 1099], ["T2", "1", "+", 1000, 1399]]


def test_genes_with_and_without_rows_are_extracted_together(genome, tmp_path):
    path = tmp_path / "braker.gtf"
    path.write_text(
        row("1", "gene", 1001, 1500, "-", "g1")
        + row("1", "transcript", 1001, 1500, "-", "g1.t1")
        + row("1", "CDS", 1001, 1500, "-", 'transcript_id "g1.t1"; gene_id "g1";')
        + row("2", "CDS", 3001, 3500, "+", 'gene_id "7_g"; transcript_id "7_t";')
    )
    result = extract(genome, path, excluded=tmp_path / "x.tsv", **WINDOWS)
    assert sites(result) == [["g1", "1", "-", 1499, 1000], ["7_g", "2", "+", 3000, 3499]]
    assert (tmp_path / "x.tsv").read_text() == "id\treason\tdetail\n"


def test_missing_semicolons_are_reported_once_with_line_and_count(genome, tmp_path, caplog):
    path = tmp_path / "te.gtf"
    path.write_text(
        row("1", "exon", 1001, 1500, "+", 'gene_id "R1"; transcript_id "R1_T";')
        + row("1", "exon", 3001, 3500, "+", 'gene_id "R2"; transcript_id "R2_T" family_id "F";')
        + row("1", "exon", 3601, 3700, "+", 'gene_id "R2" transcript_id "R2_T"; family_id "F";')
    )
    result = extract(genome, path, **WINDOWS)
    assert sites(result) == [["R1", "1", "+", 1000, 1499], ["R2", "1", "+", 3000, 3699]]
    expected = f"{path}:2: attributes are not separated by ';' (2 such rows); a quoted value ends at its quote"
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == [expected]


def test_all_genes_at_the_windows_edge_without_rows_keep_their_reason(genome, tmp_path):
    path = tmp_path / "a.gtf"
    path.write_text(
        row("1", "exon", 11, 500, "+", 'gene_id "E"; transcript_id "E1";')
        + row("1", "exon", 9001, 9500, "+", 'gene_id "F"; transcript_id "F1";')
    )
    assert extract(genome, path, **WINDOWS).reasons == {"edge": 1}


def test_the_hint_for_a_gene_across_the_origin_is_true(tmp_path):
    random = np.random.default_rng(0)
    genome = tmp_path / "genome.fa"
    genome.write_text(f">chrM\n{''.join(random.choice(list('ACGT'), 5000))}\n")
    path = tmp_path / "a.gtf"
    other = row("chrM", "gene", 1001, 1900, "+", 'gene_id "A";')
    path.write_text(other + row("chrM", "gene", 4900, 100, "+", 'gene_id "B";'))
    with pytest.raises(
        MalformedLine, match=r"a.gtf:2: .*; if the row crosses the origin of a circular contig, add the"
    ):
        extract(genome, path, **WINDOWS)
    path.write_text(other + row("chrM", "gene", 4900, 5100, "+", 'gene_id "B";'))
    result = extract(genome, path, **WINDOWS)
    assert sites(result) == [["A", "chrM", "+", 1000, 1899]]
    assert result.reasons == {"edge": 1}


def test_parts_of_a_trans_spliced_gene_are_listed_even_if_the_gene_is_at_an_edge(genome, tmp_path):
    path = tmp_path / "a.gtf"
    path.write_text(
        row("1", "exon", 5001, 5100, "-", 'gene_id "nad"; transcript_id "nad.1";')
        + row("1", "gene", 11, 900, "+", 'gene_id "nad";')
        + row("1", "gene", 9001, 9900, "+", 'gene_id "A";')
    )
    result = extract(genome, path, excluded=tmp_path / "x.tsv", **WINDOWS)
    assert sites(result) == [["A", "1", "+", 9000, 9899]]
    lines = (tmp_path / "x.tsv").read_text().splitlines()
    assert lines[1] == ("nad\tduplicate_id\tline 1 (1:5001-5100(-), without a gene row); the row of the gene is line 2")
    assert lines[2].startswith("nad\tedge\t")
