"""A small set of genes whose labels depend on one k-mer, with splits and labels."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest

from kanseq.geometry import Geometry
from kanseq.sequences.sequence_set import SequenceSet

GEOMETRY = Geometry(upstream=40, downstream=24, pad=8)


class Inputs(NamedTuple):
    genes: Path
    labels: Path
    splits: Path


def _make_genes(count: int = 48, chromosomes: int = 3, seed: int = 1) -> SequenceSet:
    """Genes whose bases are drawn rich in G and C where their number is odd."""
    random = np.random.default_rng(seed)
    rows = []
    for number in range(count):
        shares = [0.15, 0.35, 0.35, 0.15] if number % 2 else [0.3, 0.2, 0.2, 0.3]
        bases = "".join(random.choice(list("ACGT"), size=GEOMETRY.columns, p=shares))
        sequence = bases[:64] + "N" * 8 + bases[72:]
        chrom, tss = str(1 + number * chromosomes // count), 1000 + 500 * number
        place = [chrom, "+", tss, tss + 200, tss - 40, tss + 24, tss + 177, tss + 241]
        rows.append([f"gene{number:02d}", ".", len(sequence), *place, sequence])
    names = ["id", "species", "length", "chrom", "strand", "tss", "tts", "tss_start", "tss_end", "tts_start", "tts_end"]
    contigs = {str(c): {"length": 100_000, "md5": f"{seed}{c}".rjust(32, "0")} for c in range(1, chromosomes + 1)}
    return SequenceSet(pd.DataFrame(rows, columns=[*names, "sequence"]), GEOMETRY, {"contigs": contigs})


def _make_labels(genes: SequenceSet) -> pd.DataFrame:
    """Odd genes high, even ones low, every twelfth one mid."""
    number = np.arange(len(genes))
    label = np.where(number % 12 == 5, "mid", np.where(number % 2 == 1, "high", "low"))
    table = genes.table[["species", "id"]].copy()
    table["condition"], table["fold"] = "*", "*"
    table["expression"] = np.where(label == "high", 2.0, np.where(label == "low", 0.5, 1.0))
    return table.assign(label=label, q1=0.5, q3=2.0)


def _make_splits(genes: SequenceSet, tune: bool = False) -> pd.DataFrame:
    """A fold per chromosome."""
    parts = []
    for fold in sorted(set(genes.table["chrom"])):
        role = np.where(genes.table["chrom"] == fold, "test", "train").astype(object)
        if tune:
            train = np.flatnonzero(role == "train")
            role[train[:8]] = "tune"
        parts.append(genes.table[["species", "id"]].assign(fold=fold, role=role, reason=""))
    return pd.concat(parts, ignore_index=True)


def _write_inputs(folder: Path, genes: SequenceSet, tune: bool = False) -> Inputs:
    """Write set, labels and splits."""
    paths = Inputs(folder / "genes.parquet", folder / "labels.tsv", folder / "splits.tsv")
    genes.write(paths.genes)
    _make_labels(genes).to_csv(paths.labels, sep="\t", index=False)
    _make_splits(genes, tune).to_csv(paths.splits, sep="\t", index=False)
    return paths


def _make_classes(count: int = 60, seed: int = 3) -> SequenceSet:
    """Plain sequences of three classes, which their bases tell apart: ``2`` has few G and C, ``10`` many."""
    random = np.random.default_rng(seed)
    strong = {"2": 0.2, "9": 0.5, "10": 0.8}
    labels = [("10", "2", "9")[number % 3] for number in range(count)]
    shares = [
        [(1 - strong[label]) / 2, strong[label] / 2, strong[label] / 2, (1 - strong[label]) / 2] for label in labels
    ]
    sequences = ["".join(random.choice(list("ACGT"), size=40, p=share)) for share in shares]
    table = pd.DataFrame({"id": [f"s{number:02d}" for number in range(count)], "species": ".", "length": 40})
    return SequenceSet(table.assign(label=labels, sequence=sequences), Geometry.plain(40))


def _make_halves(genes: SequenceSet, tune: bool = False) -> pd.DataFrame:
    """Two folds, of which each holds out every other three sequences."""
    block = np.arange(len(genes)) // 3 % 2
    parts = []
    for fold in (0, 1):
        role = np.where(block == fold, "test", "train").astype(object)
        if tune:
            role[np.flatnonzero(role == "train")[:9]] = "tune"
        parts.append(genes.table[["species", "id"]].assign(fold="ab"[fold], role=role, reason=""))
    return pd.concat(parts, ignore_index=True)


@pytest.fixture
def classes() -> SequenceSet:
    """Sequences that carry labels of three classes of their own."""
    return _make_classes()


@pytest.fixture
def halves(classes: SequenceSet) -> pd.DataFrame:
    return _make_halves(classes)


@pytest.fixture
def tuned_halves(classes: SequenceSet) -> pd.DataFrame:
    return _make_halves(classes, tune=True)


@pytest.fixture
def genes() -> SequenceSet:
    return _make_genes()


@pytest.fixture
def other_genes() -> SequenceSet:
    """Genes of the same names on another genome."""
    return _make_genes(count=24, seed=7)


@pytest.fixture
def labels(genes: SequenceSet) -> pd.DataFrame:
    return _make_labels(genes)


@pytest.fixture
def splits(genes: SequenceSet) -> pd.DataFrame:
    return _make_splits(genes)


@pytest.fixture
def tuned_splits(genes: SequenceSet) -> pd.DataFrame:
    return _make_splits(genes, tune=True)


@pytest.fixture
def inputs(tmp_path: Path, genes: SequenceSet) -> Inputs:
    return _write_inputs(tmp_path, genes)


@pytest.fixture
def tuned_inputs(tmp_path: Path, genes: SequenceSet) -> Inputs:
    return _write_inputs(tmp_path, genes, tune=True)
