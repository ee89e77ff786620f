"""The names of genes and proteins of coding sequences, by which genes of a set are found."""

import pytest

from kanseq.genome.annotation.genes import read_genes
from kanseq.genome.coding import read_coding


def written(folder, text):
    """Write rows, given as type and attributes, to a file."""
    path = folder / "a.gff"
    lines = [line.strip().split(" ", 1) for line in text.splitlines() if line.strip()]
    path.write_text("".join(f"c1\tx\t{kind}\t101\t190\t.\t+\t0\t{rest}\n" for kind, rest in lines))
    return path


STRINGTIE = """
    transcript gene_id "M.4"; transcript_id "NM_7"; gene_name "WUS"; ref_gene_id "gene-WUS7";
    CDS gene_id "M.4"; transcript_id "NM_7"; exon_number "1";
"""
FLYBASE = """
    gene gene_id "FBgn7"; gene_symbol "n7";
    mRNA gene_id "FBgn7"; gene_symbol "n7"; transcript_id "FBtr7"; transcript_symbol "n7-RA";
    CDS gene_id "FBgn7"; gene_symbol "n7"; transcript_id "FBtr7"; transcript_symbol "n7-RA";
"""
ARAPORT = """
    gene ID=AT1G7;symbol=NAC7;locus=22007;locus_type=protein_coding
    mRNA ID=AT1G7.1;Parent=AT1G7
    CDS ID=AT1G7:CDS:1;Parent=AT1G7.1
"""
RAP = """
    mRNA ID=Os01t07-01;Locus_id=Os01g07
    CDS Parent=Os01t07-01
"""
PROKKA = """
    CDS ID=PK_7;locus_tag=PK_7;gene=dnaA;old_locus_tag=B7
"""
ONLY_TRANSCRIPTS = """
    CDS transcript_id "T7";
"""


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        (STRINGTIE, ["gene_id", "gene_name", "ref_gene_id", "transcript_id"]),
        (FLYBASE, ["gene_id", "gene_symbol"]),
        (ARAPORT, ["ID", "symbol", "locus"]),
        (RAP, ["Locus_id"]),
        (PROKKA, ["locus_tag", "gene", "old_locus_tag"]),
        (ONLY_TRANSCRIPTS, ["transcript_id"]),
    ],
    ids=["StringTie", "FlyBase", "Araport11", "RAP-DB", "Prokka", "only transcripts"],
)
def test_a_gene_has_the_name_of_every_attribute_that_may_be_its_id(tmp_path, text, keys):
    path = written(tmp_path, text)
    (coding,) = read_coding(path)
    assert coding.genes[0] == read_genes(path)[0].id
    assert {read_genes(path, key)[0].id for key in keys} <= set(coding.genes)


def test_a_biotype_is_no_name_of_a_gene(tmp_path):
    text = 'CDS gene_id "A"; gene_version "2"; gene_source "s"; gene_biotype "x"; transcript_id "A.1"; gene_name "a"'
    assert read_coding(written(tmp_path, text))[0].genes == ("A", "a", "A.1")


def test_proteins_with_rows_of_their_own_are_known_by_their_names(tmp_path):
    path = written(
        tmp_path,
        """
        gene ID=FBgn7;Name=n7
        mRNA ID=FBtr7;Name=n7-RA;Parent=FBgn7
        CDS ID=CDS_FBgn7:1;Name=n7-cds;Parent=FBtr7
        protein ID=FBpp7;Name=n7-PA;Derives_from=FBtr7
        """,
    )
    (coding,) = read_coding(path)
    assert coding.genes[0] == "FBgn7"
    assert {"FBtr7", "FBpp7", "n7-PA"} <= set(coding.names)


def test_parents_with_an_encoded_comma_are_found(tmp_path):
    path = written(tmp_path, "gene ID=g%2C7\nmRNA ID=t%2C7;Parent=g%2C7\nCDS ID=c;Parent=t%2C7")
    (coding,) = read_coding(path)
    assert coding.genes[0] == "g,7"
    assert coding.names[0] == "t,7"
