"""Data sets of flipons (Z-DNA, H-DNA, G-quadruplexes) and artificial negatives, as in Cherednichenko & Poptsova 2025.

In: the tables of this publication, or FASTA or BED files of flipons. Out: data sets; missing negatives are generated.
"""

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from kanseq.errors import BadTable
from kanseq.genome.intervals import open_table
from kanseq.io.files import PathLike
from kanseq.sequences.assembling import assemble
from kanseq.sequences.labelled_files import Columns, SequenceSource
from kanseq.sequences.sequence_set import SequenceSet
from kanseq.sequences.shuffles import dinucleotide_shuffles, random_numbers
from kanseq.splits.overlaps import interval_clusters
from kanseq.suites.collections.data_sets import ANY_SPLIT, DataSet, walk

COLLECTION = "flipons"

EXPECTED = (
    "NAME.csv (sequence,label,split), or NAME.fa or NAME.bed with flipons and NAME.negative.fa or .bed if there are "
    "negatives, or a folder NAME with positive.fa or .bed and negative.fa or .bed"
)

WIDTH = 512
"""Length in bases to which intervals of BED files are extended around their centre; longer intervals are left out."""

TESTED = 0.2
"""Fraction of each class that becomes the test set if a data set has no splits."""

SEED = 0
"""Seed for the random choice of the test set and for generated negatives."""

NAMES = {
    "Shin500_kan_dataset": "shin",
    "Kou500_kan_dataset": "kouzine",
    "HDNA500_kan_dataset": "hdna",
    "Endoquad_kan_dataset": "endoquad",
    "kan_g4_chip": "g4_chip",
    "kan_g4_cut": "g4_cut",
    "kan_g4_seq": "g4_seq",
}
"""File name of a published table, without suffix -> canonical name of the data set."""

POSITIVE, NEGATIVE = "positive", "negative"
"""Labels of flipons and negatives from FASTA and BED files; also the names of files in the folder of a data set."""

logger = logging.getLogger(__name__)

_OF_SPLITS = ("train", "dev", "test")
_FORM = re.compile(r"(.+)\.(csv|fa|fasta|bed)(\.gz)?", re.IGNORECASE)
_PLACES = ["chrom", "strand", "start", "end"]
_LETTERS = np.frombuffer(b"ACGT", dtype=np.uint8)
_ROWS = 4096


def find(folder: Path, genome: PathLike | Mapping[str, PathLike] | None, negatives: str) -> list[DataSet]:
    """Find data sets in the tables, FASTA and BED files of a folder and its subfolders; skip the FASTA of genomes.

    Args:
        folder: folder of the collection.
        genome: FASTA for the intervals of BED files.
        negatives: how to generate missing negatives: ``shuffled`` (a dinucleotide shuffle of each flipon) or
            ``uniform`` (random bases of the same length, as in the publication; base composition alone is enough to
            separate these from flipons).

    Raises:
        BadTable: two files contain the flipons or the negatives of the same data set.
    """
    genomes = genome.values() if isinstance(genome, Mapping) else [genome]
    apart = {Path(path).resolve() for path in genomes if path is not None}
    found = []
    for place, _, files in walk(folder):
        sequences: dict[str, Path] = {}
        for name in files:
            match, path = _FORM.fullmatch(name), place / name
            if match is None or path.resolve() in apart:
                continue
            title, kind = match.group(1), match.group(2).lower()
            if title.lower() in _OF_SPLITS:
                raise BadTable(f"{name} is a split of the GUE layout", where=place, hint=f"expected {EXPECTED}")
            if kind != "csv":
                if title in sequences:
                    raise BadTable(
                        f"{sequences[title].name} is the same data set as {name}", where=place, hint="keep one of them"
                    )
                sequences[title] = path
            elif _is_table(path):
                reader = partial(_read_table, path)
                found.append(DataSet(canonical_name(title), COLLECTION, {ANY_SPLIT: [path]}, reader))
        for title, both in _with_paired(sequences).items():
            name = canonical_name(place.resolve().name if title == POSITIVE else title)
            found.append(DataSet(name, COLLECTION, {ANY_SPLIT: both}, partial(_read_flipons, both, genome, negatives)))
    return found


def _with_paired(sequences: Mapping[str, Path]) -> dict[str, list[Path]]:
    """Return each file of flipons by name, followed by the file of its negatives if there is one.

    ``sequences`` maps names to all files of a folder.
    """
    found = {}
    for title, path in sequences.items():
        if title != NEGATIVE and not title.endswith(f".{NEGATIVE}"):
            negatives = sequences.get(NEGATIVE if title == POSITIVE else f"{title}.{NEGATIVE}")
            found[title] = [path] if negatives is None else [path, negatives]
    return found


def canonical_name(name: str) -> str:
    """Return the canonical name of a published data set; other names are returned unchanged.

    >>> canonical_name("Kou500_kan_dataset"), canonical_name("mine")
    ('kouzine', 'mine')
    """
    return NAMES.get(name, name)


def _is_table(path: Path) -> bool:
    """Return whether a table has the columns ``sequence`` and ``label``; warn if it does not."""
    with open_table(path) as table:
        known = {"sequence", "label"} <= set(table.names)
    if not known:
        logger.warning("left out, no columns 'sequence' and 'label': %s", path)
    return known


def _read_table(path: Path) -> SequenceSet:
    """Read a set from a table with the columns ``sequence`` and ``label``; if ``split`` is missing, split randomly."""
    with open_table(path) as table:
        has_split = "split" in table.names
    genes = assemble([SequenceSource(path)], Columns(split="split" if has_split else None))
    return genes if has_split else _with_split(genes)


def _read_flipons(
    paths: Sequence[Path], genome: PathLike | Mapping[str, PathLike] | None, negatives: str
) -> SequenceSet:
    """Read a set from one or two files (flipons, and their negatives); generate missing negatives."""
    sources = [SequenceSource(path, name) for name, path in zip((POSITIVE, NEGATIVE), paths, strict=False)]
    genomes = dict(genome) if isinstance(genome, Mapping) else genome
    genes = assemble(sources, genomes=genomes, width=None if genome is None else WIDTH)
    if len(sources) == 2:
        return _with_split(genes)
    # A flipon and its negative must be in the same split, because they have the same composition.
    return _with_negatives(_with_split(genes), negatives)


def _with_split(genes: SequenceSet) -> SequenceSet:
    """Add a random column ``split``: a fraction of each class for testing, and the rest for training.

    Overlapping intervals are in the same split.
    """
    labels = genes.table["label"].to_numpy()
    split = np.full(len(genes), "train", dtype=object)
    cluster = interval_clusters(genes)
    for label in sorted(set(labels)):
        rows = np.flatnonzero(labels == label)
        _, first, member = np.unique(cluster[rows], return_index=True, return_inverse=True)
        drawn = np.argsort(random_numbers(SEED, f"split\t{label}", 0, len(first)), kind="stable")
        before = np.concatenate([[0], np.cumsum(np.bincount(member)[drawn])])[:-1]
        chosen = drawn[before < round(TESTED * len(rows))]
        split[rows[np.isin(member, chosen)]] = "test"
    # If a cluster has both classes, use all of it for the test.
    split[np.isin(cluster, cluster[split == "test"])] = "test"
    metadata = {**genes.metadata, "split": {"tested": TESTED, "seed": SEED}}
    return replace(genes, table=genes.table.assign(split=split), metadata=metadata)


def _with_negatives(genes: SequenceSet, way: str) -> SequenceSet:
    """Add a negative of the same length and split for each flipon, by the method ``way``; drop genome coordinates."""
    made = [_shuffled(genes, rows) if way == "shuffled" else _uniform(genes, rows) for rows in _parts(len(genes))]
    positive = genes.table.drop(columns=_PLACES, errors="ignore")
    negative = positive.assign(
        id=positive["id"].str.replace(POSITIVE, NEGATIVE, n=1, regex=False),
        sequence=[letters for part in made for letters in part],
        label=NEGATIVE,
    )
    metadata = {**genes.metadata, "contigs": {}, "negatives": {"way": way, "seed": SEED}}
    return replace(genes, table=pd.concat([positive, negative], ignore_index=True), metadata=metadata)


def _parts(count: int) -> list[np.ndarray]:
    """Divide the numbers of ``count`` rows into blocks, to limit memory."""
    return [np.arange(start, min(start + _ROWS, count)) for start in range(0, count, _ROWS)]


def _shuffled(genes: SequenceSet, rows: np.ndarray) -> list[str]:
    """Return shuffles of the sequences in ``rows`` that keep dinucleotide counts and the positions of ``N``."""
    codes = genes.codes(rows)
    shuffled = dinucleotide_shuffles(codes, list(genes.table["id"].iloc[rows]), 1, SEED)[:, 0]
    letters = np.where(shuffled < 4, _LETTERS[shuffled % 4], ord("N")).astype(np.uint8)
    lengths = genes.table["length"].iloc[rows]
    return [row[:length].tobytes().decode() for row, length in zip(letters, lengths, strict=True)]


def _uniform(genes: SequenceSet, rows: np.ndarray) -> list[str]:
    """Return random sequences with equal base frequencies and the same lengths as the sequences in ``rows``."""
    table = genes.table.iloc[rows]
    draws = (random_numbers(SEED, name, 0, length) for name, length in zip(table["id"], table["length"], strict=True))
    return [_LETTERS[(draw >> np.uint64(62)).astype(np.int64)].tobytes().decode() for draw in draws]
