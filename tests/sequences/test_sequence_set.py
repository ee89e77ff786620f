"""Sets of sequences: the file, base codes and batches."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from kanseq.errors import BadTable, TruncatedFile, UnknownGene
from kanseq.geometry import Geometry
from kanseq.sequences.sequence_set import SequenceSet


def small_set() -> SequenceSet:
    table = pd.DataFrame({"id": ["a", "b"], "species": ".", "length": [4, 6], "sequence": ["ACGT", "NRTTAC"]})
    return SequenceSet(table, Geometry.plain(6), {"kind": "sequences"})


def test_codes_are_padded_with_four() -> None:
    assert small_set().codes().tolist() == [[0, 1, 2, 3, 4, 4], [4, 4, 3, 3, 0, 1]]
    assert small_set().codes(np.array([1])).shape == (1, 6)


def test_a_sequence_too_long_for_the_geometry_is_an_error() -> None:
    genes = small_set()
    genes.geometry = Geometry.plain(5)
    with pytest.raises(BadTable, match="6 bases does not fit into 5 columns"):
        genes.codes()


def test_a_file_is_reproducible_and_can_be_read_back(tmp_path: Path) -> None:
    small_set().write(tmp_path / "a.parquet")
    small_set().write(tmp_path / "b.parquet")
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
    read = SequenceSet.read(tmp_path / "a.parquet")
    assert read.geometry == Geometry.plain(6)
    assert read.table["sequence"].tolist() == ["ACGT", "NRTTAC"]


def test_batches_are_uint8_torch_tensors_in_order() -> None:
    batches = list(small_set().batches(batch_size=1))
    assert [batch.tolist() for batch in batches] == [[[0, 1, 2, 3, 4, 4]], [[4, 4, 3, 3, 0, 1]]]
    assert str(batches[0].dtype) == "torch.uint8"


def test_foreign_and_truncated_files_raise_different_errors(tmp_path: Path) -> None:
    pd.DataFrame({"x": [1]}).to_parquet(tmp_path / "other.parquet")
    with pytest.raises(BadTable, match="not a set of kanseq"):
        SequenceSet.read(tmp_path / "other.parquet")
    small_set().write(tmp_path / "a.parquet")
    (tmp_path / "cut.parquet").write_bytes((tmp_path / "a.parquet").read_bytes()[:-50])
    with pytest.raises(TruncatedFile, match="not a complete Parquet file"):
        SequenceSet.read(tmp_path / "cut.parquet")


def test_an_unknown_gene_is_an_error_that_lists_known_genes() -> None:
    assert small_set().positions(["b"]).tolist() == [1]
    with pytest.raises(UnknownGene, match="not in the set: c; the set has a, b"):
        small_set().positions(["b", "c"])


def test_a_set_of_strings_has_names_labels_and_codes() -> None:
    genes = SequenceSet.from_strings(["acgt", "NNa"], ["x", "y"], labels=[0.5, "high"], species="yeast")
    assert genes.table.to_dict("list") == {
        "id": ["x", "y"],
        "species": ["yeast", "yeast"],
        "length": [4, 3],
        "sequence": ["ACGT", "NNA"],
        "label": ["0.5", "high"],
    }
    assert genes.codes().tolist() == [[0, 1, 2, 3], [4, 4, 0, 4]]
    assert repr(genes) == "SequenceSet of 2 sequences, 4 columns"


def test_bytes_are_decoded_and_missing_labels_are_empty() -> None:
    genes = SequenceSet.from_strings(np.array([b"ACGT", b"tt"]), [b"x", 7], labels=[b"low", None])
    assert genes.table[["id", "sequence", "label"]].to_numpy().tolist() == [["x", "ACGT", "low"], ["7", "TT", ""]]
    genes = SequenceSet.from_strings(["A", "C"], labels=np.array([0.5, np.nan]))
    assert genes.table["label"].tolist() == ["0.5", ""]


def test_a_set_of_strings_may_be_gene_windows(tmp_path: Path) -> None:
    genes = SequenceSet.from_strings(["ACGTNACGT"], geometry=Geometry(2, 2, 1))
    genes.write(tmp_path / "genes.parquet")
    assert SequenceSet.open(tmp_path / "genes.parquet").letters() == ["ACGTNACGT"]
    with pytest.raises(BadTable, match="sequence '1' has 4 letters; 9 are required"):
        SequenceSet.from_strings(["ACGT"], geometry=Geometry(2, 2, 1))


@pytest.mark.parametrize(
    ("sequences", "more", "message"),
    [
        ([], {}, "there are no sequences"),
        (["A", ""], {"ids": ["x", "y"]}, "sequence 'y' is empty"),
        (["A", "C"], {"ids": ["x"]}, "1 ids for 2 sequences"),
        (["A", "C"], {"labels": [1, 2, 3]}, "3 labels for 2 sequences"),
        (["A", "C"], {"ids": ["x", "x"]}, "the id 'x' occurs twice"),
        (["A"], {"ids": ["a\tb"]}, "contains a tab"),
        (["A", None], {}, r"sequence 2 is not text \(None\)"),
        (["A", float("nan")], {}, r"sequence 2 is not text \(nan\)"),
        ([1], {}, r"sequence 1 is not text \(its type is int\)"),
        ([b"\xff"], {}, "sequence 1 is not UTF-8 text"),
        (["A", "C"], {"ids": ["x", None]}, r"id 2 is neither text nor a number \(None\)"),
        (["A"], {"labels": [["low"]]}, r"label 1 is neither text nor a number \(its type is list\)"),
    ],
)
def test_invalid_strings_names_and_labels_are_refused(
    sequences: list[str], more: dict[str, list], message: str
) -> None:
    with pytest.raises(BadTable, match=message):
        SequenceSet.from_strings(sequences, **more)
