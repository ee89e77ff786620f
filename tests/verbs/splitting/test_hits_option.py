"""Tables of hits whose names do not fit the genes of the set, with ``kanseq homology --hits``."""

import logging

import pandas as pd
import pytest

from kanseq.errors import UnknownGene
from kanseq.geometry import Geometry
from kanseq.sequences.sequence_set import SequenceSet
from kanseq.verbs.splitting.homology import homology

FIELDS = (
    "# Fields: query id, subject id, % identity, alignment length, mismatches, gap opens, q. start, q. end, s. start, "
    "s. end, evalue, bit score, query length, subject title\n"
)


def genes(*ids):
    table = pd.DataFrame({"id": ids, "species": "."})
    return SequenceSet(table.assign(length=8, sequence="ACGTACGT"), Geometry.plain(8))


def line(query, subject, *more):
    return "\t".join([query, subject, "40.0\t60\t0\t0\t1\t60\t1\t60\t1e-9\t80", *more]) + "\n"


@pytest.fixture
def table(tmp_path):
    """Return a function that writes a table of hits."""

    def write(*lines):
        path = tmp_path / "hits.tsv"
        path.write_text("".join(lines))
        return path

    return write


def groups(found):
    return found.table["group"].tolist()


def test_a_database_without_names_is_refused_and_both_ways_out_work(table):
    def hits(*titles):
        rows = [line(query, f"gnl|BL_ORD_ID|{at}", *titles[at:]) for at, query in enumerate("AB")]
        return table(*rows)

    with pytest.raises(UnknownGene) as raised:
        homology(genes("A", "B", "C"), hits=hits(), coverage=0)
    assert str(raised.value).endswith(
        "hits.tsv: 0 of 2 subjects name a gene of the set: queries are called A, B, subjects are called "
        "gnl|BL_ORD_ID|0, gnl|BL_ORD_ID|1, and genes of the set A, B, C; the BLAST database was made without names: "
        "repeat makeblastdb with -parse_seqids and search again, or search again with -outfmt '7 std qlen stitle'"
    )
    assert raised.value.exit_code == 3
    numbered = [line("A", "gnl|BL_ORD_ID|1", "60", "B kinase"), line("B", "gnl|BL_ORD_ID|0", "60", "A kinase")]
    assert groups(homology(genes("A", "B", "C"), hits=table(FIELDS, *numbered))) == ["1", "1", "2"]


def test_under_a_tenth_of_the_subjects_is_refused(table, caplog):
    few = [line("A", f"X{number}", "60") for number in range(10)]
    with pytest.raises(UnknownGene, match="1 of 11 subjects name a gene of the set: queries are called A, subjects"):
        homology(genes("A", "B"), hits=table(*few, line("A", "B", "60")))
    assert groups(homology(genes("A", "B"), hits=table(*few[:9], line("A", "B", "60")))) == ["1", "1"]
    assert caplog.text == ""


def test_under_a_tenth_of_the_queries_is_refused(table):
    few = [line(f"X{number}", "A", "60") for number in range(10)]
    with pytest.raises(UnknownGene, match="1 of 11 queries name a gene of the set: queries are called X0, X1, X2, … "):
        homology(genes("A", "B"), hits=table(*few, line("A", "B", "60")))


def test_force_goes_on_with_a_warning(table, caplog):
    few = [line(f"X{number}", f"Y{number}", "60") for number in range(30)]
    path = table(*few, line("A", "B", "60"))
    message = (
        r"1 of 31 queries and 1 of 31 subjects name a gene .*; use --annotation or --protein2gene to name their genes; "
        "or use --force if the other sequences belong to genes that are not in the set"
    )
    with pytest.raises(UnknownGene, match=message):
        homology(genes("A", "B", "C"), hits=path)
    assert groups(homology(genes("A", "B", "C"), hits=path, force=True)) == ["1", "1", "2"]
    assert "WARNING" in caplog.text
    assert "1 of 31 queries and 1 of 31 subjects name a gene of the set" in caplog.text


def test_force_does_not_accept_a_table_without_any_gene_of_the_set(table):
    with pytest.raises(UnknownGene, match="0 of 1 queries and 0 of 1 subjects name a gene of the set"):
        homology(genes("A", "B"), hits=table(line("X", "Y", "60")), force=True)


def test_the_hint_does_not_repeat_an_option_that_was_used(table, tmp_path):
    path = table(line("P.1", "Q.1", "60"))
    with pytest.raises(UnknownGene, match=r"use --annotation or --protein2gene to name their genes$"):
        homology(genes("A", "B"), hits=path)
    (tmp_path / "genes.tsv").write_text("P.1\tX\nQ.1\tY\n")
    with pytest.raises(UnknownGene, match=r"must contain the ids of the set; use --gene-map for a table of old"):
        homology(genes("A", "B"), hits=path, protein2gene=tmp_path / "genes.tsv")


def test_sequences_that_blast_numbered_are_explained(table):
    with pytest.raises(UnknownGene, match="; BLAST numbers sequences that have no name: search again with a FASTA"):
        homology(genes("A", "B"), hits=table(line("Query_1", "B", "60"), line("Query_2", "A", "60")))


def test_an_empty_table_is_refused(table):
    with pytest.raises(UnknownGene, match=r"hits\.tsv: the table contains no hits; was the search complete"):
        homology(genes("A", "B"), hits=table("# BLASTP 2.12.0+\n# 0 hits found\n"))


def test_descriptions_name_the_genes_of_isoforms(table):
    header = "query\ttarget\tfident\tqstart\tqend\tqlen\tevalue\tbits\tqheader\ttheader\n"
    row = "P1\tP2\t0.400\t1\t60\t60\t1e-9\t80\tP1 pep gene:A transcript:T1\tP2 pep gene:B transcript:T2\n"
    assert groups(homology(genes("A", "B", "C"), hits=table(header, row))) == ["1", "1", "2"]


def test_headers_of_proteins_name_the_genes_of_isoforms(table, tmp_path):
    fasta = tmp_path / "p.faa"
    fasta.write_text(f">P1 gene:A\n{'MK' * 30}\n>P2 gene:B\n{'MK' * 30}\n")
    found = homology(genes("A", "B", "C"), hits=table(line("P1", "P2")), proteins=fasta)
    assert groups(found) == ["1", "1", "2"]


@pytest.mark.parametrize("name", ["lcl|P1", "gi|7|ref|P1|", "gnl|mine|P1", "ref|P1|"])
def test_lengths_are_found_by_a_part_of_the_name(table, tmp_path, name):
    fasta, other = tmp_path / "p.faa", tmp_path / "p2g.tsv"
    fasta.write_text(f">P1\n{'MK' * 60}\n>P2\n{'MK' * 30}\n")
    other.write_text(f"{name}\tA\nP2\tB\n")
    found = homology(genes("A", "B"), hits=table(line(name, "P2")), proteins=fasta, protein2gene=other)
    # The hit covers 60 of 120 letters.
    assert found.pair_table["coverage"].tolist() == [50.0]


def test_identities_as_shares_become_percent_in_the_table_of_pairs(table):
    found = homology(genes("A", "B"), hits=table(line("A", "B", "60").replace("40.0", "0.29")))
    assert found.pair_table["identity"].tolist() == [29.0]


def test_a_source_with_few_genes_of_the_set_is_a_warning(table, caplog):
    caplog.set_level(logging.WARNING)
    homology(genes("A", "B", *(f"C{number}" for number in range(19))), hits=table(line("A", "B", "60")))
    assert "only 2 of 21 genes of the set are in the source of homologs" in caplog.text
    caplog.clear()
    homology(genes("A", "B", *(f"C{number}" for number in range(18))), hits=table(line("A", "B", "60")))
    assert caplog.text == ""
