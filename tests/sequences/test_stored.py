"""Sequences on disk are the same as in memory."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from kanseq.errors import BadTable, TruncatedFile
from kanseq.geometry import Geometry
from kanseq.runs.description import describe_input
from kanseq.runs.held_out import known_sequences
from kanseq.sequences import row_codes, sequence_set
from kanseq.sequences.controls import disturbed
from kanseq.sequences.row_codes import RowCodes, codes_of
from kanseq.sequences.sequence_set import SequenceSet
from kanseq.splits.overlaps import same_bases, same_letters
from kanseq.verbs.preparing.combine import combine


def random_set(rows: int, seed: int = 0, name: str = "g") -> SequenceSet:
    random = np.random.default_rng(seed)
    texts = ["".join(random.choice(list("ACGTNa"), random.integers(0, 21))) for _ in range(rows)]
    ids = [f"{name}{number}" for number in range(rows)]
    table = pd.DataFrame({"id": ids, "species": ".", "length": list(map(len, texts)), "sequence": texts})
    return SequenceSet(table, Geometry.plain(20), {"kind": "sequences"})


@pytest.fixture
def small_groups(monkeypatch):
    monkeypatch.setattr(sequence_set, "ROW_GROUP", 7)
    monkeypatch.setattr(row_codes, "BLOCK", 4)
    monkeypatch.setattr(row_codes, "BLOCKS", 3)
    monkeypatch.setattr(row_codes, "HELD", 12)


ROWS = [
    slice(None),
    slice(5, 9),
    slice(0, 0),
    np.array([39, 0, 39, 8, 7]),
    np.arange(40) % 3 == 0,
    np.array([], dtype=np.int64),
]


@pytest.mark.parametrize("rows", ROWS, ids=str)
def test_rows_are_returned_in_the_requested_order(tmp_path, small_groups, rows):
    genes = random_set(40)
    genes.write(tmp_path / "set.parquet")
    opened = SequenceSet.open(tmp_path / "set.parquet")
    assert "sequence" not in opened.table
    assert opened.letters(rows) == genes.letters(rows)
    assert np.array_equal(opened.codes(rows), genes.codes(rows))
    if not isinstance(rows, slice):
        assert opened.select(rows).letters(slice(1, 3)) == genes.select(rows).letters(slice(1, 3))
        assert len(opened.select(rows)) == len(genes.select(rows))


def test_rewriting_a_set_gives_the_same_file(tmp_path, small_groups):
    random_set(40).write(tmp_path / "a.parquet")
    SequenceSet.open(tmp_path / "a.parquet").write(tmp_path / "b.parquet")
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


def test_codes_on_demand_are_the_same_as_the_array(tmp_path, small_groups):
    random_set(40).write(tmp_path / "set.parquet")
    opened = SequenceSet.open(tmp_path / "set.parquet")
    rows = np.random.default_rng(2).permutation(40)[:30]
    expected = opened.codes(rows)
    assert isinstance(codes_of(opened, rows[:12]), np.ndarray)
    codes = codes_of(opened, rows)
    assert isinstance(codes, RowCodes)
    assert len(codes) == 30
    for which in (slice(None), slice(3, 9), np.array([29, 0, 5, 17, 29]), np.arange(30) % 2 == 0):
        assert np.array_equal(codes[which], expected[which])
        assert len(codes._held) <= 3


def test_joined_sets_read_from_each_file(tmp_path, small_groups):
    parts = [random_set(10, 1, "a"), random_set(5, 2, "b")]
    for part, name in zip(parts, "ab", strict=True):
        part.write(tmp_path / f"{name}.parquet")
    files = [tmp_path / "a.parquet", tmp_path / "b.parquet"]
    lazy, whole = combine(files, output=tmp_path / "lazy.parquet").set, combine(parts).set
    assert lazy.stored is not None
    assert whole.stored is None
    assert lazy.letters() == whole.letters()
    assert lazy.letters(np.array([12, 3, 14])) == whole.letters(np.array([12, 3, 14]))
    assert SequenceSet.read(tmp_path / "lazy.parquet").letters() == whole.letters()
    mixed = combine([files[0], parts[1]]).set
    assert mixed.letters() == whole.letters()


def test_functions_of_sequences_return_the_same_for_sets_on_disk(tmp_path, small_groups):
    genes = random_set(40)
    genes.table.loc[[5, 9], "sequence"] = "ACGTT", "aacgt"
    genes.table["length"] = genes.table["sequence"].str.len()
    genes.write(tmp_path / "set.parquet")
    opened = SequenceSet.open(tmp_path / "set.parquet")
    for look in (same_letters, same_bases):
        assert np.array_equal(look(opened).numbers, look(genes).numbers)
    assert same_bases(opened).numbers[5] == same_bases(opened).numbers[9]
    assert same_letters(opened).numbers[5] != same_letters(opened).numbers[9]
    assert np.array_equal(known_sequences(opened), known_sequences(genes))
    assert describe_input(opened) == describe_input(genes)
    assert disturbed(opened, "sequence", 0).letters() == disturbed(genes, "sequence", 0).letters()


def test_invalid_sequences_and_damaged_files_are_errors_when_they_are_read(tmp_path: Path, small_groups):
    genes = random_set(40)
    genes.write(tmp_path / "set.parquet")
    opened = SequenceSet.open(tmp_path / "set.parquet")
    opened.geometry = Geometry.plain(5)
    with pytest.raises(BadTable, match="bases does not fit into 5 columns"):
        opened.codes()
    whole = (tmp_path / "set.parquet").read_bytes()
    damaged = bytearray(whole)
    start = whole.index(bytes.fromhex("28b52ffd"))
    damaged[start : start + 4] = b"\0\0\0\0"
    (tmp_path / "bad.parquet").write_bytes(damaged)
    with pytest.raises(TruncatedFile, match="not a complete Parquet file"):
        SequenceSet.open(tmp_path / "bad.parquet").letters()


def test_a_column_with_empty_first_rows_keeps_its_type(tmp_path, small_groups):
    genes = random_set(40)
    genes.table["label"] = pd.Series([None] * 20 + ["high"] * 20, dtype=object)
    genes.write(tmp_path / "set.parquet")
    labels = SequenceSet.read(tmp_path / "set.parquet").table["label"]
    assert labels.isna().sum() == 20
    assert labels.iloc[20] == "high"
