"""``kanseq homology`` from the command line."""

import json

import numpy as np
import pandas as pd
import pytest

from kanseq.cli.main import _run
from kanseq.geometry import Geometry
from kanseq.sequences.sequence_set import SequenceSet


@pytest.fixture
def inputs(tmp_path, monkeypatch):
    """A set of three genes, and similar proteins of two of them."""
    monkeypatch.chdir(tmp_path)
    table = pd.DataFrame({"id": ["A", "B", "C"], "species": ".", "length": 8, "sequence": "ACGTACGT"})
    SequenceSet(table, Geometry.plain(8)).write(tmp_path / "genes.parquet")
    letters = "".join(np.random.default_rng(0).choice(list("ARNDCQEGHILKMFPSTWYV"), 200))
    (tmp_path / "p.faa").write_text(f">p1 gene:A\n{letters}\n>p2 gene:C\n{letters[:150]}\n")
    (tmp_path / "out").mkdir()
    return tmp_path


def test_it_writes_groups_and_counts_them(inputs, capsys):
    words = "homology genes.parquet --proteins p.faa --tool sketch -o out/homologs.tsv --pairs out/pairs.tsv --json"
    assert _run(words.split()) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary.pop("seconds") >= 0
    assert summary == {
        "tool": "sketch",
        "version": None,
        "thresholds": {"evalue": 0.001, "bits": 50.0, "coverage": 50.0},
        "proteins": 2,
        "of_other_genes": 0,
        "genes": 3,
        "genes_with_protein": 2,
        "genes_without_protein": 1,
        "genes_with_stops": 0,
        "pairs": 1,
        "groups": 2,
        "largest_group": 2,
        "genes_in_groups": 2,
        "output": "out/homologs.tsv",
        "pairs_output": "out/pairs.tsv",
    }
    assert (inputs / "out/homologs.tsv").read_text() == "species\tid\tgroup\n.\tA\t1\n.\tB\t2\n.\tC\t1\n"
    header, line = (inputs / "out/pairs.tsv").read_text().splitlines()
    assert header.split("\t") == ["species", "id", "species_2", "id_2", "evalue", "bits", "coverage", "identity"]
    assert [line.split("\t")[place] for place in (0, 1, 2, 3, 6, 7)] == [".", "A", ".", "C", "100.0", "100.0"]


def test_groups_go_to_standard_output(inputs, capsys):
    (inputs / "groups").write_text("A 1\nC 1\n")
    assert _run(["homology", "genes.parquet", "--groups", "groups", "-o", "-"]) == 0
    output = capsys.readouterr()
    assert output.out == "species\tid\tgroup\n.\tA\t1\n.\tB\t2\n.\tC\t1\n"
    assert "genes in groups: 2" in output.err


def test_every_option_reaches_the_function(inputs, monkeypatch):
    import kanseq.api

    called = {}

    def fake(genes, **options):
        called.update(options, genes=genes)
        raise KeyboardInterrupt

    monkeypatch.setattr(kanseq.api, "homology", fake, raising=False)
    words = (
        "homology g -o o --pairs p --proteins a=b --proteins c --transcripts t --genome x=y --annotation z "
        "--protein2gene 2 --hits h --hit-columns q,s --groups r --tool blast "
        "--evalue 1e-9 --bits 70 --coverage 30 --codon-table 12 "
        "--aliases l --gene-map m --strip-version --threads 2 --force"
    )
    assert _run(words.split()) == 130
    paths = {
        name: str(called.pop(name))
        for name in ("genes", "output", "pairs", "protein2gene", "hits", "groups", "aliases", "gene_map")
    }
    assert paths == {
        "genes": "g",
        "output": "o",
        "pairs": "p",
        "protein2gene": "2",
        "hits": "h",
        "groups": "r",
        "aliases": "l",
        "gene_map": "m",
    }
    assert called == {
        "proteins": ["a=b", "c"],
        "transcripts": ["t"],
        "genome": ["x=y"],
        "annotation": ["z"],
        "hit_columns": ["q,s"],
        "tool": "blast",
        "evalue": 1e-9,
        "bits": 70,
        "coverage": 30,
        "codon_table": 12,
        "strip_version": True,
        "threads": 2,
        "force": True,
    }


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("", "no source of homologs; use --proteins, --transcripts"),
        ("--proteins nothing.faa", "nothing.faa: no such file"),
        ("--proteins p.faa --tool diamond", "--tool diamond: the program 'diamond' is not on the PATH; install it"),
        ("--proteins genes.parquet --tool sketch", "genes.parquet: this is a Parquet file, and not a FASTA"),
        ("--hits p.faa", "p.faa: "),
        ("--groups p.faa", "p.faa:2: a gene and its group are expected"),
    ],
)
def test_bad_inputs_are_a_one_line_error_and_write_nothing(inputs, capsys, monkeypatch, options, message):
    monkeypatch.setenv("PATH", str(inputs))
    assert _run(["homology", "genes.parquet", "-o", "out/h.tsv", *options.split()]) == 3
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert list((inputs / "out").iterdir()) == []


def test_a_table_without_names_of_subjects_is_refused_and_force_goes_on(inputs, capsys):
    cells = "40.0\t60\t0\t0\t1\t60\t1\t60\t1e-9\t80\t60"
    (inputs / "hits.tsv").write_text(f"A\tgnl|BL_ORD_ID|0\t{cells}\nB\tgnl|BL_ORD_ID|1\t{cells}\n")
    words = ["homology", "genes.parquet", "--hits", "hits.tsv", "-o", "out/h.tsv", "--pairs", "out/p.tsv"]
    assert _run(words) == 3
    error = capsys.readouterr().err
    assert error.startswith("kanseq: hits.tsv: 0 of 2 subjects name a gene of the set: queries are called A, B, ")
    assert error.count("\n") == 1
    assert list((inputs / "out").iterdir()) == []
    assert _run([*words, "--force"]) == 0
    assert "warning: hits.tsv: 0 of 2 subjects name a gene of the set" in capsys.readouterr().err
    assert (inputs / "out/h.tsv").read_text() == "species\tid\tgroup\n.\tA\t1\n.\tB\t2\n.\tC\t3\n"
    assert json.loads((inputs / "out/h.tsv.json").read_text())["options"]["force"] is True
