"""Choose the genes that each fold holds out. In: a set and a way to split it. Out: folds, with names and rows."""

import logging
import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from kanseq.errors import BadOption, BadTable, EmptySplit, UnknownGene
from kanseq.io.files import some
from kanseq.sequences.gene_lists import GeneList, read_gene_list
from kanseq.sequences.sequence_set import SequenceSet
from kanseq.splits.overlaps import has_places, same_bases

logger = logging.getLogger(__name__)

WAYS = ("chromosome", "block", "species", "list", "random", "column")

COLUMN_ROLES = {
    "train": "train",
    "training": "train",
    "dev": "tune",
    "val": "tune",
    "valid": "tune",
    "validation": "tune",
    "tune": "tune",
    "test": "test",
}
"""Maps values of the column ``split`` of a set to roles."""

NO_ROWS = np.zeros(0, dtype=np.int64)

SMALL_CONTIG, TEST_SPECIES, OTHER_SPECIES = "small_contig", "test_species", "other_species"
"""Reasons why genes are excluded from a fold. ``SMALL_CONTIG``: their contig has too few genes for a fold.
``TEST_SPECIES``: they belong to the tested species, but their contig or block is not tested in this fold.
``OTHER_SPECIES``: their species is used neither for training nor for testing."""


class LeftOut(NamedTuple):
    """Rows of a set that are used neither for training nor for scoring, and the reason."""

    reason: str
    rows: np.ndarray


class HeldOutFold(NamedTuple):
    """A fold: the rows of a set that are tested together.

    Attributes:
        name: name of the fold, valid as a folder name.
        rows: the held-out rows, int64, ascending.
        groups: further names by which the fold can be selected, such as that of its contig.
        small: whether the fold has too few genes to be held out by default.
        tune: tuning rows, if the way to split determines them; otherwise empty.
        left_out: rows that are used neither for training nor for scoring.
    """

    name: str
    rows: np.ndarray
    groups: tuple[str, ...] = ()
    small: bool = False
    tune: np.ndarray = NO_ROWS
    left_out: tuple[LeftOut, ...] = ()


def make_folds(
    genes: SequenceSet,
    by: str,
    *,
    wanted: Sequence[str] = (),
    blocks: int = 5,
    gene_list: GeneList | None = None,
    min_genes: int = 50,
    seed: int = 0,
    test_species: str | None = None,
    train_species: Sequence[str] = (),
    rotate: int = 0,
) -> list[HeldOutFold]:
    """Split a set into folds in one of :data:`WAYS`, and return the folds.

    Args:
        genes: the set.
        by: the way to split.
        wanted: names of folds to return, including small ones; by default all folds that are not small.
        blocks: number of blocks per contig if ``by`` is ``block``, or number of folds if it is ``random``.
        gene_list: the genes of the folds, if ``by`` is ``list``.
        min_genes: folds with fewer genes are small. All blocks of a contig are small if their average number of genes
            is below this.
        seed: seed for random folds.
        test_species: only contigs or blocks of this species become folds.
        train_species: the species to train on; by default all except ``test_species``.
        rotate: number of folds with different tuning genes if ``by`` is ``column``, see :func:`_rotated`; 0 for one
            fold.

    Raises:
        BadOption: the way or a fold is unknown, or the set cannot be split in this way.
        BadTable: two folds would have the same folder name.
        EmptySplit: no fold remains.
    """
    if by not in WAYS:
        raise BadOption(f"--by {by}: unknown way to split", hint=f"choose one of {', '.join(WAYS)}")
    if by in ("chromosome", "block") and not has_places(genes):
        raise BadOption(
            f"--by {by}: these sequences have no coordinates", hint="use --by random, list, species or column"
        )
    if by in ("block", "random") and blocks < 2:
        raise BadOption(f"--blocks {blocks}: at least 2 are required")
    if rotate and (by != "column" or rotate < 2):
        raise BadOption(f"--rotate {rotate} with --by {by}", hint="use --by column and a value of at least 2")
    _check_species(genes.table, by, test_species, train_species)
    if by == "chromosome":
        folds = _chromosomes(genes.table, min_genes)
    elif by == "block":
        folds = _blocks(genes.table, blocks, min_genes)
    elif by == "species":
        folds = [HeldOutFold(safe_name(name), rows, (name,)) for name, rows in _rows_by(genes.table["species"]).items()]
    elif by == "random":
        order = np.random.default_rng(seed).permutation(len(genes))
        folds = [HeldOutFold(f"random{part}", np.sort(rows)) for part, rows in enumerate(np.array_split(order, blocks))]
    elif by == "list":
        folds = _listed(genes.table, gene_list)
    else:
        folds = _rotated(genes, rotate, seed) if rotate else [_column(genes.table)]
    species = genes.table["species"].to_numpy(dtype=object)
    folds = [fold for fold in folds if len(fold.rows) and test_species in (None, species[fold.rows[0]])]
    folds = _choose(folds, wanted, min_genes)
    return folds if test_species is None else [_across(fold, species, test_species, train_species) for fold in folds]


def safe_name(name: str) -> str:
    """Turn a name into a valid folder name: letters, digits, ``.``, ``_`` and ``-``, not beginning with ``.`` or ``-``.

    >>> safe_name("HLA-A*01:01"), safe_name(".")
    ('HLA-A_01_01', '_')
    """
    return re.sub(r"^[.-]+", "_", re.sub(r"[^A-Za-z0-9._-]", "_", name)) or "_"


def by_position(table: pd.DataFrame, rows: np.ndarray) -> np.ndarray:
    """Sort rows of a set by contig and TSS; rows with the same TSS stay in the order of the set."""
    return rows[np.lexsort((rows, table["tss"].to_numpy()[rows], contig_numbers(table)[rows]))]


def contig_numbers(table: pd.DataFrame) -> np.ndarray:
    """Return the contig number of each row, int64; the contigs of all species are numbered in order of appearance."""
    return table.groupby(["species", "chrom"], sort=False).ngroup().to_numpy()


def _chromosomes(table: pd.DataFrame, min_genes: int) -> list[HeldOutFold]:
    """Return one fold per contig; folds with fewer than ``min_genes`` genes are marked as small."""
    chrom = table["chrom"].to_numpy()
    return [
        HeldOutFold(safe_name(name), rows, (name, chrom[rows[0]]), len(rows) < min_genes)
        for name, rows in _rows_by(_contig_names(table)).items()
    ]


def _blocks(table: pd.DataFrame, blocks: int, min_genes: int) -> list[HeldOutFold]:
    """Return one fold per block; every contig is split into ``blocks`` blocks of about equal size, in order of TSS."""
    return [
        HeldOutFold(f"{contig.name}.block{number}", np.sort(rows), (*contig.groups, contig.name), contig.small)
        for contig in _chromosomes(table, min_genes * blocks)
        for number, rows in enumerate(np.array_split(by_position(table, contig.rows), blocks))
    ]


def _listed(table: pd.DataFrame, gene_list: GeneList | None) -> list[HeldOutFold]:
    """Return a fold for every fold name in the second column of a gene list.

    Genes without a fold name are in the fold ``list``.
    """
    if gene_list is None:
        raise BadOption("--by list requires a list of genes", hint="use --gene-list FILE")
    listed = read_gene_list(gene_list)
    check_listed(table, listed, gene_list)
    fold_of = pd.Series({gene: fold or "list" for gene, fold in listed.items()})
    rows_by_fold = _rows_by(table["id"].map(fold_of))
    return [HeldOutFold(safe_name(name), rows, (name,)) for name, rows in rows_by_fold.items()]


def _column(table: pd.DataFrame) -> HeldOutFold:
    """Return the fold that the column ``split`` of the set defines."""
    if "split" not in table.columns:
        raise BadOption("--by column: this set has no column 'split'", hint="choose another way to split")
    roles = table["split"].astype(str).str.lower().map(COLUMN_ROLES)
    if roles.isna().any():
        odd = table["split"][roles.isna()].unique()
        raise BadTable(f"unknown values in the column 'split': {some(odd)}", hint="use train, dev and test")
    return HeldOutFold("test", np.flatnonzero(roles == "test"), tune=np.flatnonzero(roles == "tune"))


def _rotated(genes: SequenceSet, parts: int, seed: int) -> list[HeldOutFold]:
    """Return folds with the same test sequences; each uses a different part of the other sequences for tuning.

    Identical or reverse-complementary sequences are in the same part; labels are spread evenly over the parts.
    """
    test = _column(genes.table).rows
    same = same_bases(genes)
    group = np.arange(len(genes)) if same is None else same.numbers
    others = np.setdiff1d(np.arange(len(genes)), test)
    _, first, member = np.unique(group[others], return_index=True, return_inverse=True)
    random = np.random.default_rng(seed).permutation(len(first))
    if "label" in genes.table:
        labels = pd.factorize(genes.table["label"].iloc[others[first[random]]], sort=True)[0]
        random = random[np.argsort(labels, kind="stable")]
    part = np.empty(len(first), dtype=np.int64)
    part[random] = np.arange(len(first)) % parts
    return [HeldOutFold(f"part{number}", test, tune=others[part[member] == number]) for number in range(parts)]


def tuning_rows(genes: SequenceSet, rotate: int, seed: int) -> list[np.ndarray]:
    """Return the tuning rows of each fold of a set that is split by its column ``split``; see :func:`make_folds`."""
    return [fold.tune for fold in (_rotated(genes, rotate, seed) if rotate else [_column(genes.table)])]


def check_listed(table: pd.DataFrame, listed: dict[str, str | None], path: GeneList) -> None:
    """Warn about genes of a list that are not in the set; ``path`` is for messages.

    Raises:
        UnknownGene: none of the listed genes is in the set; the message shows some ids of the list and of the set.
    """
    known = set(table["id"])
    missing = [gene for gene in listed if gene not in known]
    if len(missing) == len(listed):
        raise UnknownGene(
            f"none of its genes is in the set: it has {some(missing)}, and the set has {some(list(table['id']))}",
            where=None if isinstance(path, pd.DataFrame) else path,
            hint="the ids must be those of the set, in the same letter case",
        )
    if missing:
        logger.warning("%s: %d of %d genes are not in the set: %s", path, len(missing), len(listed), some(missing))


def _check_species(table: pd.DataFrame, by: str, test_species: str | None, train_species: Sequence[str]) -> None:
    """Check that the set has the requested species, and that no species is used for both training and testing."""
    if test_species is None:
        if train_species:
            raise BadOption("--train-species requires a species to test", hint="use --test-species NAME")
        return
    if by not in ("chromosome", "block"):
        raise BadOption(f"--test-species with --by {by}", hint="use --by chromosome or --by block")
    there = list(table["species"].unique())
    missing = [name for name in (test_species, *train_species) if name not in there]
    if missing:
        raise BadOption(f"the set has no species {some(missing)}", hint=f"it has {some(there, 8)}")
    if test_species in train_species:
        raise BadOption(
            f"'{test_species}' cannot be used for both training and testing", hint="use it in --test-species only"
        )
    if len(there) < 2:
        raise BadOption(
            f"--test-species {test_species}: the set has no other species to train on",
            hint="combine sets with kanseq combine",
        )


def _across(fold: HeldOutFold, species: np.ndarray, test_species: str, train_species: Sequence[str]) -> HeldOutFold:
    """Return the fold, excluding all rows that are neither tested in it nor belong to a training species."""
    left_out = [*fold.left_out]
    taken = np.zeros(len(species), dtype=bool)
    taken[np.concatenate([fold.rows, *(part.rows for part in left_out)])] = True
    tested = species == test_species
    others = ~tested & ~np.isin(species, list(train_species)) if train_species else np.zeros(len(species), dtype=bool)
    for reason, rows in ((TEST_SPECIES, np.flatnonzero(tested & ~taken)), (OTHER_SPECIES, np.flatnonzero(others))):
        if len(rows):
            left_out.append(LeftOut(reason, rows))
    return fold._replace(left_out=tuple(left_out))


def _contig_names(table: pd.DataFrame) -> pd.Series:
    """Return the contig name of every row, prefixed with the species if there are several."""
    if table["species"].nunique() < 2:
        return table["chrom"]
    return table["species"] + "." + table["chrom"]


def _rows_by(names: pd.Series) -> dict[str, np.ndarray]:
    """Return the rows of each name; names are sorted so that ``2`` is before ``10``."""
    rows = names.reset_index(drop=True).groupby(names.to_numpy()).indices
    return {str(name): np.sort(rows[name]) for name in sorted(rows, key=_natural)}


def _natural(name: str) -> list[tuple[bool, int, str]]:
    """Return a sort key that puts ``2`` before ``10``."""
    return [(not part.isdigit(), int(part) if part.isdigit() else 0, part) for part in re.split(r"(\d+)", str(name))]


def _choose(folds: list[HeldOutFold], requested: Sequence[str], min_genes: int) -> list[HeldOutFold]:
    """Return the folds named in ``requested``; by default all folds that are not small.

    In the default case, the rows of small folds are excluded from each fold.
    """
    if requested:
        known = {name for fold in folds for name in (fold.name, *fold.groups)}
        missing = [name for name in requested if name not in known]
        if missing:
            raise BadOption(
                f"--folds: no fold is named {some(missing)}", hint=f"there are {some([fold.name for fold in folds], 8)}"
            )
        folds = [fold for fold in folds if {fold.name, *fold.groups} & set(requested)]
    else:
        small = list(dict.fromkeys(fold.groups[0] for fold in folds if fold.small))
        if small and not all(fold.small for fold in folds):
            logger.info("contigs with too few genes for a fold (--min-genes %d), excluded: %s", min_genes, some(small))
        left_out = np.sort(np.concatenate([NO_ROWS, *(fold.rows for fold in folds if fold.small)]))
        left = (LeftOut(SMALL_CONTIG, left_out),) if len(left_out) else ()
        folds = [fold._replace(left_out=left) for fold in folds if not fold.small]
    if not folds:
        raise EmptySplit("no fold has enough genes to be held out", hint="lower --min-genes, or use --folds")
    names = pd.Series([fold.name for fold in folds])
    # Some file systems ignore letter case.
    twins = names[names.str.lower().duplicated(keep=False)]
    if len(twins):
        raise BadTable(
            f"these folds would share a folder: {some(list(twins))}", hint="rename one of the contigs or species"
        )
    return folds
