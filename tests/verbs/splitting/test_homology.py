import json

import numpy as np
import pandas as pd
import pytest

from kanseq.errors import BadOption, BadTable, MissingFile, NotWritable, UnknownGene
from kanseq.geometry import Geometry
from kanseq.homologs import evidence
from kanseq.homologs.homolog_files import read_homologs
from kanseq.homologs.linkage import pairs_of_hits, single_linkage
from kanseq.sequences.sequence_set import SequenceSet
from kanseq.verbs.splitting.homology import homology
from kanseq.verbs.splitting.split import split

LETTERS = list("ARNDCQEGHILKMFPSTWYV")


def genes(*keys):
    rows = [key if isinstance(key, tuple) else (".", key) for key in keys]
    table = pd.DataFrame({"id": [row[1] for row in rows], "species": [row[0] for row in rows]})
    sequences = ["A" * number + "CGT" for number in range(len(rows))]
    return SequenceSet(table.assign(length=8, sequence=sequences), Geometry.plain(8))


def hits(*rows):
    columns = ["query", "subject", "start", "end", "evalue", "bits", "identity"]
    table = pd.DataFrame([(*row, 40.0) for row in rows], columns=columns)
    return table.astype({"query": np.int64, "subject": np.int64, "start": np.int64, "end": np.int64})


def found(table, count=3, lengths=None, of_gene=None, **thresholds):
    options = {"evalue": 1e-3, "bits": 50.0, "coverage": 50.0, **thresholds}
    lengths = np.full(count, 100) if lengths is None else np.array(lengths)
    pairs = pairs_of_hits(table, np.arange(count) if of_gene is None else np.array(of_gene), lengths, **options)
    return pairs[["one", "other"]].to_numpy().tolist()


@pytest.mark.parametrize(
    ("hit", "passes"),
    [
        ((0, 1, 0, 50, 1e-3, 50.0), True),
        ((0, 1, 0, 49, 1e-3, 50.0), False),
        ((0, 1, 0, 50, 1.1e-3, 50.0), False),
        ((0, 1, 0, 50, 1e-3, 49.9), False),
        ((1, 1, 0, 100, 0.0, 200.0), False),
    ],
)
def test_a_hit_must_pass_all_thresholds_to_make_a_pair(hit, passes):
    assert found(hits(hit)) == ([[0, 1]] if passes else [])


def test_coverage_is_of_the_query_and_one_direction_is_enough():
    # 60 letters are the entire short protein, and a tenth of the long one.
    sizes = [60, 600]
    assert found(hits((1, 0, 100, 160, 1e-9, 80.0)), 2, sizes) == []
    assert found(hits((0, 1, 0, 60, 1e-9, 80.0)), 2, sizes) == [[0, 1]]


def test_the_coverage_of_several_alignments_is_that_of_their_union():
    parts = [
        (0, 1, 0, 30, 1e-9, 60.0),
        (0, 1, 20, 45, 1e-5, 40.0),
        (0, 1, 25, 28, 1e-9, 55.0),
        (0, 1, 90, 95, 1e-4, 30.0),
    ]
    pairs = pairs_of_hits(hits(*parts), np.arange(2), np.array([100, 100]), evalue=1e-3, bits=50.0, coverage=50.0)
    # [0, 45) and [90, 95)
    assert pairs["coverage"].tolist() == [50.0]
    assert (pairs["bits"][0], pairs["evalue"][0]) == (60.0, 1e-9)
    # Alignments above the e-value do not count for coverage.
    assert found(hits(*parts), 2, evalue=1e-5) == []
    # Alignments to different proteins do not add up.
    assert found(hits((0, 1, 0, 30, 1e-9, 60.0), (0, 2, 20, 55, 1e-9, 60.0))) == []


def test_each_pair_is_listed_once_with_its_better_direction_in_gene_order():
    table = hits(
        (2, 0, 0, 60, 1e-9, 61.0), (1, 0, 0, 80, 1e-8, 70.0), (0, 1, 0, 90, 1e-9, 70.0), (0, 1, 0, 90, 1e-7, 66.0)
    )
    pairs = pairs_of_hits(table, np.arange(3), np.full(3, 100), evalue=1e-3, bits=50.0, coverage=50.0)
    assert pairs.drop(columns="identity").to_numpy().tolist() == [[0, 1, 1e-9, 70.0, 90.0], [0, 2, 1e-9, 61.0, 60.0]]


def test_isoforms_count_for_their_gene_and_do_not_pair_with_each_other():
    assert found(hits((0, 1, 0, 60, 1e-9, 61.0), (1, 2, 0, 60, 1e-9, 61.0)), of_gene=[0, 0, 5]) == [[0, 5]]


def test_groups_are_connected_components_of_pairs():
    numbers = single_linkage(6, pd.DataFrame({"one": [0, 1, 3], "other": [1, 4, 5]}))
    groups = {frozenset(np.flatnonzero(numbers == number).tolist()) for number in numbers}
    assert groups == {frozenset({0, 1, 4}), frozenset({2}), frozenset({3, 5})}


def protein(random, size):
    return "".join(random.choice(LETTERS, size))


@pytest.fixture
def fasta(tmp_path):
    """Write proteins: A and B are similar, C is their end, D is unrelated; E has no protein."""
    random = np.random.default_rng(0)
    one = protein(random, 300)
    path = tmp_path / "p.faa"
    path.write_text(
        f">A\n{one}\n>B\n{one[:120]}{protein(random, 20)}{one[140:]}\n>C\n{one[180:]}\n>D\n{protein(random, 300)}\n"
    )
    return path


def test_the_sketch_finds_groups_and_warns_that_it_is_a_fallback(fasta, tmp_path, caplog):
    outputs = {"output": tmp_path / "homologs.tsv", "pairs": tmp_path / "pairs.tsv"}
    result = homology(genes("D", "C", "E", "B", "A"), proteins=fasta, tool="sketch", **outputs)
    assert "a fallback that misses many distant homologs" in caplog.text
    assert outputs["output"].read_text() == "species\tid\tgroup\n.\tD\t1\n.\tC\t2\n.\tE\t3\n.\tB\t2\n.\tA\t2\n"
    assert [line.split("\t")[:4] for line in outputs["pairs"].read_text().splitlines()] == [
        ["species", "id", "species_2", "id_2"],
        [".", "C", ".", "B"],
        [".", "C", ".", "A"],
        [".", "B", ".", "A"],
    ]
    assert (result.tool, result.version, result.proteins, result.genes) == ("sketch", None, 4, 5)
    assert (result.genes_with_protein, result.genes_without_protein) == (4, 1)
    assert (result.pairs, result.groups, result.largest_group, result.genes_in_groups) == (3, 3, 3, 3)
    assert read_homologs(outputs["output"]).groups.equals(result.table)
    again = homology(genes("D", "C", "E", "B", "A"), proteins=[fasta], tool="sketch")
    assert again.table.equals(result.table)
    assert again.pair_table.equals(result.pair_table)


def test_split_accepts_the_result_of_homology(fasta, tmp_path):
    found = homology(genes("D", "C", "E", "B", "A"), proteins=fasta, tool="sketch")
    listed = tmp_path / "list.txt"
    listed.write_text("A\n")
    table = split(genes("D", "C", "E", "B", "A"), by="list", gene_list=listed, homology=found.homologs).table
    assert table["role"].tolist() == ["train", "unused", "train", "unused", "test"]
    assert table["reason"].tolist() == ["", "homolog_test:A", "", "homolog_test:A", ""]


def test_auto_selects_the_first_installed_program(fasta, monkeypatch):
    calls = []

    def align(proteins, tool, *, evalue, threads):
        calls.append((len(proteins), tool, evalue, threads))
        return hits((0, 1, 0, 300, 1e-9, 100.0))

    monkeypatch.setattr(evidence, "align", align)
    monkeypatch.setattr(evidence, "version_of", lambda tool: f"{tool} 7")
    there = {"mmseqs", "blastp", "makeblastdb"}
    monkeypatch.setattr("shutil.which", lambda name: name if name in there else None)
    result = homology(genes("A", "B", "C", "D"), proteins=fasta, threads=3, evalue=1e-5)
    assert calls == [(4, "mmseqs", 1e-5, 3)]
    assert (result.tool, result.version, result.pairs) == ("mmseqs", "mmseqs 7", 1)
    there.clear()
    assert homology(genes("A", "B", "C", "D"), proteins=fasta).tool == "sketch"


def line(query, subject, start=1, end=60, evalue="1e-9", bits=80):
    return f"{query}\t{subject}\t40.0\t60\t0\t0\t{start}\t{end}\t1\t60\t{evalue}\t{bits}"


def test_tables_of_hits_may_name_genes_or_isoforms(tmp_path):
    path, table = tmp_path / "hits.tsv", tmp_path / "p2g.tsv"
    path.write_text(
        f"{line('A.1', 'B.1')}\t100\n{line('A.2', 'C.1')}\t200\n{line('C.1', 'Z.1')}\t60\n{line('A.1', 'A.2')}\t100\n"
    )
    table.write_text("protein\tgene\nA.1\tA\nA.2\tA\nB.1\tB\nC.1\tC\nZ.1\tZ\n")
    result = homology(genes("A", "B", "C", "D"), hits=path, protein2gene=table)
    assert result.table["group"].tolist() == ["1", "1", "2", "3"]
    assert (result.tool, result.proteins, result.of_other_genes) == ("hits", 5, 1)
    assert (result.genes_with_protein, result.genes_without_protein) == (3, 1)
    by_version = homology(genes("A", "B", "C", "D"), hits=path, strip_version=True, coverage=30)
    assert by_version.table["group"].tolist() == ["1", "1", "1", "2"]


def test_query_lengths_come_from_proteins_if_the_table_has_none(tmp_path, fasta):
    path = tmp_path / "hits.tsv"
    path.write_text(line("A", "B", 1, 150) + "\n" + line("C", "D", 1, 59) + "\n")
    with pytest.raises(BadTable, match="unknown length of A, C, which --coverage requires; use --proteins"):
        homology(genes("A", "B", "C", "D"), hits=path)
    result = homology(genes("A", "B", "C", "D"), hits=path, proteins=fasta)
    assert result.pair_table[["id", "id_2", "coverage"]].to_numpy().tolist() == [["A", "B", 50.0]]
    assert homology(genes("A", "B", "C", "D"), hits=path, coverage=0).pairs == 2
    path.write_text(line("C", "D", 1, 121) + "\n")
    with pytest.raises(BadTable, match="a hit of 'C' ends past its 120 letters; is this the right FASTA"):
        homology(genes("A", "B", "C", "D"), hits=path, proteins=fasta)


def test_a_list_of_groups_needs_no_search(tmp_path):
    path = tmp_path / "groups.json"
    path.write_text(json.dumps({"one": ["A", "C", "Z"], "two": ["B"]}))
    result = homology(genes("B", "A", "C", "D"), groups=path)
    assert result.table["group"].tolist() == ["1", "2", "2", "3"]
    assert (result.tool, result.thresholds, result.pairs) == ("groups", {}, 0)
    assert (result.proteins, result.of_other_genes, result.genes_without_protein) == (4, 1, 1)


def test_each_species_may_have_its_own_file(tmp_path, fasta):
    other = tmp_path / "q.faa"
    other.write_text(fasta.read_text().split(">B")[0])
    both = genes(("x", "A"), ("x", "D"), ("y", "A"))
    for given in ([f"x={fasta}", f"y={other}"], {"x": fasta, "y": other}):
        result = homology(both, proteins=given, tool="sketch")
        assert result.table.to_numpy().tolist() == [["x", "A", "1"], ["x", "D", "2"], ["y", "A", "1"]]
        assert result.pair_table[["species", "id", "species_2", "id_2"]].to_numpy().tolist() == [["x", "A", "y", "A"]]
    with pytest.raises(BadOption, match="the set has no species 'z'; it has x, y"):
        homology(both, proteins={"z": fasta}, tool="sketch")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "no source of homologs; use --proteins"),
        ({"genome": "p.faa"}, "--genome p.faa: it has no annotation; use --annotation FILE"),
        ({"proteins": "p.faa", "tool": "blat"}, "--tool blat: unknown tool; choose one of auto, diamond, mmseqs"),
        ({"proteins": "p.faa", "coverage": 101}, "--coverage 101 is not a threshold"),
        ({"proteins": "p.faa", "evalue": -1}, "--evalue -1 is not a threshold"),
        ({"proteins": "p.faa", "codon_table": 7}, "--codon-table 7: unknown"),
        ({"groups": "p.faa", "proteins": "p.faa"}, "--groups cannot be combined"),
        ({"groups": "p.faa", "pairs": "x.tsv"}, "a list of groups has no pairs"),
        ({"hits": "p.faa", "transcripts": "p.faa"}, "--hits replaces a search"),
        ({"proteins": "p.faa", "annotation": ["p.faa", "p.faa"]}, "--annotation: two files for one species"),
        ({"proteins": "p.faa", "output": "p.faa"}, "p.faa: this output would overwrite an input"),
    ],
)
def test_options_that_do_not_fit_together_are_refused(fasta, monkeypatch, options, message):
    monkeypatch.chdir(fasta.parent)
    with pytest.raises(BadOption, match=message):
        homology(genes("A", "B"), **options)


def test_missing_files_and_files_of_other_genes_are_refused(fasta, tmp_path):
    with pytest.raises(MissingFile):
        homology(genes("A"), proteins=tmp_path / "nothing.faa", tool="sketch")
    with pytest.raises(NotWritable):
        homology(genes("A"), proteins=fasta, tool="sketch", output=tmp_path / "nowhere/homologs.tsv")
    with pytest.raises(BadTable, match="several sequences of the set have the same id: A"):
        homology(genes("A", "A"), proteins=fasta, tool="sketch")
    groups = tmp_path / "groups.tsv"
    groups.write_text("X 1\nY 1\n")
    with pytest.raises(UnknownGene, match="none of its genes is in the set: it has X, Y, and the set has A"):
        homology(genes("A"), groups=groups)
    (tmp_path / "hits.tsv").write_text(line("X", "Y") + "\t100\n")
    with pytest.raises(
        UnknownGene,
        match="0 of 1 queries and 0 of 1 subjects name a gene of the set: queries are called X, subjects are",
    ):
        homology(genes("A"), hits=tmp_path / "hits.tsv")
