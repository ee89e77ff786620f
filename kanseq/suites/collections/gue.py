"""Data sets of Genome Understanding Evaluation (GUE, GUE+; Zhou et al. 2024): folders with train, dev and test.

In: the folder of the unpacked archives, nested or flat. Out: data sets with canonical names.
"""

import logging
import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from kanseq.errors import BadTable
from kanseq.genome.intervals import open_table
from kanseq.io.files import some
from kanseq.sequences.assembling import assemble, columns_of
from kanseq.sequences.labelled_files import SequenceSource
from kanseq.sequences.sequence_set import SequenceSet
from kanseq.suites.collections.data_sets import SPLITS, DataSet, walk

COLLECTION = "gue"

EXPECTED = "folders with train.csv and test.csv (or .csv.gz), and dev.csv if there is one: GUE/tf/0, EPI_K562, …"

MARKS = (
    "H3",
    "H3K14ac",
    "H3K36me3",
    "H3K4me1",
    "H3K4me2",
    "H3K4me3",
    "H3K79me3",
    "H3K9ac",
    "H4",
    "H4ac",
)
"""Names of the data sets of epigenetic marks in yeast (EMP)."""

CELLS = ("GM12878", "HeLa-S3", "HUVEC", "IMR90", "K562", "NHEK")
"""The cell lines of the enhancer-promoter data sets (EPI)."""

logger = logging.getLogger(__name__)

_TEMPLATES = (
    (re.compile(r"(?:tf_)?(?:mouse_?)+(\d+)"), "mouse_{}"),
    (re.compile(r"(?:human_)?tf_?(?:human_?)*(\d+)"), "tf_{}"),
    (re.compile(r"(?:prom(?:oter)?_)*((?:core|300)_(?:all|notata|tata))"), "prom_{}"),
    (re.compile(r"(splice|(?:splice_)?reconstructed)"), "splice"),
    (re.compile(r"(?:virus_)?(covid)"), "covid"),
    (re.compile(r"((?:virus|fungi)_species_\d+)"), "{}"),
    *((re.compile(rf"(?:emp_)?({mark.lower()})"), mark) for mark in MARKS),
    *((re.compile(rf"(?:epi_)?({cell.lower().replace('-', '[-_]?')})"), f"EPI_{cell}") for cell in CELLS),
)
"""Patterns of folder names in lower case, each with the canonical name of the data set."""


def find(folder: Path) -> list[DataSet]:
    """Find data sets: folders at any depth with tables of train and test; warn about folders with only one of them."""
    found, halves = [], []
    for place, _, files in walk(folder):
        tables = {split: [place / name for name in files if _is_table(name, split)] for split in SPLITS}
        tables = {split: paths for split, paths in tables.items() if paths}
        if "train" in tables and "test" in tables:
            found.append(_data_set(folder, place, tables))
        elif tables:
            halves.append(place)
    if halves:
        logger.warning("left out, no table of train or no table of test: %s", some(halves))
    return found


def canonical_name(name: str) -> str:
    """Return the canonical name of a data set for any spelling of it; unknown names are returned unchanged.

    >>> canonical_name("tf/0"), canonical_name("human_tf_0"), canonical_name("emp_H3K4me1"), canonical_name("K562")
    ('tf_0', 'tf_0', 'H3K4me1', 'EPI_K562')
    """
    return _known(name) or name


def _known(text: str) -> str | None:
    """Return the canonical name for any spelling of a known data set's name; None if it is unknown."""
    for pattern, template in _TEMPLATES:
        match = pattern.fullmatch(text.lower().replace("/", "_"))
        if match is not None:
            return template.format(match.group(1))
    return None


def _data_set(root: Path, place: Path, tables: dict[str, list[Path]]) -> DataSet:
    """Return the data set in the folder ``place``.

    It has the canonical name for this folder or, if the folder is unknown, its path relative to ``root``.
    """
    for split, paths in tables.items():
        if len(paths) > 1:
            raise BadTable(f"two tables of {split}: {some([path.name for path in paths])}", where=place)
    full = place.resolve()
    # The folder's name is enough for prom/prom_core_tata; tf/0 also needs the name of the parent.
    name = _known(full.name) or _known(f"{full.parent.name}_{full.name}")
    if name is None:
        name = "_".join(place.relative_to(root).parts) or full.name
    return DataSet(name, COLLECTION, tables, partial(_read, tables))


def _read(tables: dict[str, list[Path]]) -> SequenceSet:
    """Read the tables of a data set as one set; their rows are labelled sequences, or labelled pairs of sequences."""
    sources = [SequenceSource(paths[0], split=split) for split, paths in tables.items()]
    return assemble(sources, columns_of(_sequence_columns(tables["train"][0])))


def _sequence_columns(path: Path) -> Sequence[str]:
    """Return the sequence columns of a table: ``sequence``, or the two columns of a pair.

    Raises:
        BadTable: the header is not that of a GUE table.
    """
    with open_table(path) as table:
        names = table.names
    if "label" in names and "sequence" in names:
        return ["sequence"]
    others = [name for name in names if name not in ("label", "")]
    if "label" not in names or len(others) != 2:
        raise BadTable(
            f"the header has {some(names, 8)}",
            where=f"{path}:1",
            hint="expected sequence,label, or a pair of sequences",
        )
    return others


def _is_table(name: str, split: str) -> bool:
    """Return whether a file name is that of a split's table."""
    return name in (f"{split}.csv", f"{split}.csv.gz")
