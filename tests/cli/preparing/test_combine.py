"""``kanseq combine`` from the command line."""

import json

import pandas as pd
import pytest

from kanseq.cli.main import _run
from kanseq.geometry import Geometry
from kanseq.sequences.sequence_set import SequenceSet


@pytest.fixture
def sets(tmp_path):
    """Two sets of two plain sequences (without coordinates), with no species named."""
    paths = []
    for name in ("one", "two"):
        table = pd.DataFrame({"id": ["a", "b"], "species": ".", "length": 2, "sequence": ["AC", "GT"]})
        paths.append(str(tmp_path / f"{name}.parquet"))
        SequenceSet(table, Geometry.plain(2)).write(paths[-1])
    return paths


def test_it_writes_one_set_and_counts_species(sets, tmp_path, capsys):
    output = tmp_path / "both.parquet"
    assert _run(["combine", *sets, "--species", "A", "--species", "B", "-o", str(output), "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary == {"sequences": 4, "species": {"A": 2, "B": 2}, "contigs": 0, "output": str(output)}
    assert list(SequenceSet.read(output).keys) == [("A", "a"), ("A", "b"), ("B", "a"), ("B", "b")]


def test_duplicate_genes_are_a_one_line_error_and_write_nothing(sets, tmp_path, capsys):
    assert _run(["combine", *sets, "-o", str(tmp_path / "both.parquet"), "--log-level", "error"]) == 3
    errors = capsys.readouterr().err
    assert errors.startswith("kanseq: several sequences have the same species and id: . a, . b;")
    assert errors.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.parquet", "two.parquet"]
