"""Which genes each fold holds out. In: a set and a way to cut it. Out: folds, each a name and row numbers."""

import logging
import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from kanseq.data.gene_lists import GeneList, read_gene_list
from kanseq.data.overlaps import has_places, same_bases
from kanseq.data.sequences import SequenceSet
from kanseq.errors import BadOption, BadTable, EmptySplit, UnknownGene
from kanseq.files import some

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
"""What the values of a set's own column ``split`` mean."""

NO_ROWS = np.zeros(0, dtype=np.int64)

SMALL_CONTIG, TEST_SPECIES, OTHER_SPECIES = "small_contig", "test_species", "other_species"
"""Why a fold leaves genes out: their contig is too small to be a fold; they are of the species that is tested, and
the fold tests another of its contigs; they are of a species that neither trains nor is tested."""


class LeftOut(NamedTuple):
    """Rows that neither train nor are scored, and why."""

    reason: str
    rows: np.ndarray


class Fold(NamedTuple):
    """Rows of a set that are tested together.

    Attributes:
        name: fit for a folder's name.
        rows: the rows held out, int64, ascending.
        groups: other names under which a user may ask for it: its contig's.
        small: too few genes to be held out unasked.
        tune: rows that the set itself names for tuning.
        left_out: rows that neither train nor are scored.
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
) -> list[Fold]:
    """Cut a set into folds in one of :data:`WAYS`; ``wanted`` keeps those of these names, also small ones.

    With ``rotate`` the way ``column`` makes so many folds, see :func:`_rotated`. Folds of contigs or blocks may be
    those of one species alone, ``test_species``: then the ``train_species`` (without any all others) train, and nothing
    else.

    Raises:
        BadOption: an unknown way or fold, or a way that this set does not allow.
        BadTable: two folds would have the same folder name.
        EmptySplit: no fold is left.
    """
    if by not in WAYS:
        raise BadOption(f"--by {by}: no such way to split", hint=f"choose one of {', '.join(WAYS)}")
    if by in ("chromosome", "block") and not has_places(genes):
        raise BadOption(
            f"--by {by}: these sequences have no place in a genome", hint="use --by random, list, species or column"
        )
    if by in ("block", "random") and blocks < 2:
        raise BadOption(f"--blocks {blocks}: at least 2 are wanted")
    if rotate and (by != "column" or rotate < 2):
        raise BadOption(f"--rotate {rotate} with --by {by}", hint="it is for --by column, and at least 2")
    _check_species(genes.table, by, test_species, train_species)
    if by == "chromosome":
        folds = _chromosomes(genes.table, min_genes)
    elif by == "block":
        folds = _blocks(genes.table, blocks, min_genes)
    elif by == "species":
        folds = [Fold(safe_name(name), rows, (name,)) for name, rows in _rows_by(genes.table["species"]).items()]
    elif by == "random":
        order = np.random.default_rng(seed).permutation(len(genes))
        folds = [Fold(f"random{part}", np.sort(rows)) for part, rows in enumerate(np.array_split(order, blocks))]
    elif by == "list":
        folds = _listed(genes.table, gene_list)
    else:
        folds = _rotated(genes, rotate, seed) if rotate else [_column(genes.table)]
    species = genes.table["species"].to_numpy(dtype=object)
    folds = [fold for fold in folds if len(fold.rows) and test_species in (None, species[fold.rows[0]])]
    folds = _choose(folds, wanted, min_genes)
    return folds if test_species is None else [_across(fold, species, test_species, train_species) for fold in folds]


def safe_name(name: str) -> str:
    """Turn a name into one that may be a folder's: letters, digits, ``.``, ``_`` and ``-``, none of ``.-`` in front.

    >>> safe_name("HLA-A*01:01"), safe_name(".")
    ('HLA-A_01_01', '_')
    """
    return re.sub(r"^[.-]+", "_", re.sub(r"[^A-Za-z0-9._-]", "_", name)) or "_"


def by_position(table: pd.DataFrame, rows: np.ndarray) -> np.ndarray:
    """Put rows into the order of their TSS along contigs; equal ones stay in the set's order."""
    return rows[np.lexsort((rows, table["tss"].to_numpy()[rows], contig_numbers(table)[rows]))]


def contig_numbers(table: pd.DataFrame) -> np.ndarray:
    """Give each row the number of its contig (of its species), int64, in the order of first appearance."""
    return table.groupby(["species", "chrom"], sort=False).ngroup().to_numpy()


def _chromosomes(table: pd.DataFrame, min_genes: int) -> list[Fold]:
    """Make one fold of every contig."""
    chrom = table["chrom"].to_numpy()
    return [
        Fold(safe_name(name), rows, (name, chrom[rows[0]]), len(rows) < min_genes)
        for name, rows in _rows_by(_contig_names(table)).items()
    ]


def _blocks(table: pd.DataFrame, blocks: int, min_genes: int) -> list[Fold]:
    """Cut every contig into stretches of equally many genes, in the order of their TSS."""
    return [
        Fold(f"{contig.name}.block{number}", np.sort(rows), (*contig.groups, contig.name), contig.small)
        for contig in _chromosomes(table, min_genes * blocks)
        for number, rows in enumerate(np.array_split(by_position(table, contig.rows), blocks))
    ]


def _listed(table: pd.DataFrame, gene_list: GeneList | None) -> list[Fold]:
    """Make a fold of the genes of a list, or one of every name in the list's second column."""
    if gene_list is None:
        raise BadOption("--by list wants a list", hint="add --gene-list FILE")
    listed = read_gene_list(gene_list)
    check_listed(table, listed, gene_list)
    fold_of = pd.Series({gene: fold or "list" for gene, fold in listed.items()})
    rows_by_fold = _rows_by(table["id"].map(fold_of))
    return [Fold(safe_name(name), rows, (name,)) for name, rows in rows_by_fold.items()]


def _column(table: pd.DataFrame) -> Fold:
    """Take the roles that the sequences came with."""
    if "split" not in table.columns:
        raise BadOption("--by column: this set has no column 'split'", hint="choose another way to split")
    roles = table["split"].astype(str).str.lower().map(COLUMN_ROLES)
    if roles.isna().any():
        odd = table["split"][roles.isna()].unique()
        raise BadTable(f"values of the column 'split' that name no role: {some(odd)}", hint="use train, dev and test")
    return Fold("test", np.flatnonzero(roles == "test"), tune=np.flatnonzero(roles == "tune"))


def _rotated(genes: SequenceSet, parts: int, seed: int) -> list[Fold]:
    """Make folds that all hold out the same test sequences, and tune on another part of all others each.

    Sequences that are the same (or each other's reverse complement) go into one part; every label is dealt out evenly.
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
    return [Fold(f"part{number}", test, tune=others[part[member] == number]) for number in range(parts)]


def tuning_rows(genes: SequenceSet, rotate: int, seed: int) -> list[np.ndarray]:
    """Give the rows that tune in each fold of the way ``column``, with or without ``rotate``."""
    return [fold.tune for fold in (_rotated(genes, rotate, seed) if rotate else [_column(genes.table)])]


def check_listed(table: pd.DataFrame, listed: dict[str, str | None], path: GeneList) -> None:
    """Warn about listed genes that are not in the set.

    Raises:
        UnknownGene: none of them is; the message shows some of each.
    """
    known = set(table["id"])
    missing = [gene for gene in listed if gene not in known]
    if len(missing) == len(listed):
        raise UnknownGene(
            f"none of its genes is in the set: it has {some(missing)}, and the set {some(list(table['id']))}",
            where=None if isinstance(path, pd.DataFrame) else path,
            hint="the ids must be those of the set, in the same letter case",
        )
    if missing:
        logger.warning("%s: %d of %d genes are not in the set: %s", path, len(missing), len(listed), some(missing))


def _check_species(table: pd.DataFrame, by: str, test_species: str | None, train_species: Sequence[str]) -> None:
    """Refuse species that the set lacks, and a species that is to train and to be tested."""
    if test_species is None:
        if train_species:
            raise BadOption("--train-species: nothing says which species is tested", hint="add --test-species NAME")
        return
    if by not in ("chromosome", "block"):
        raise BadOption(f"--test-species with --by {by}", hint="use --by chromosome or --by block")
    there = list(table["species"].unique())
    missing = [name for name in (test_species, *train_species) if name not in there]
    if missing:
        raise BadOption(f"the set has no species {some(missing)}", hint=f"it has {some(there, 8)}")
    if test_species in train_species:
        raise BadOption(
            f"'{test_species}' cannot train and be tested across species", hint="name it in --test-species only"
        )
    if len(there) < 2:
        raise BadOption(
            f"--test-species {test_species}: the set has no other species to train on",
            hint="put sets together with kanseq combine",
        )


def _across(fold: Fold, species: np.ndarray, test_species: str, train_species: Sequence[str]) -> Fold:
    """Leave out what is neither tested in this fold nor of a species that trains."""
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
    """Name the contig of every row; the species stands before it where there are several."""
    if table["species"].nunique() < 2:
        return table["chrom"]
    return table["species"] + "." + table["chrom"]


def _rows_by(names: pd.Series) -> dict[str, np.ndarray]:
    """Give the rows of each name, numbers within names in the order of their value."""
    rows = names.reset_index(drop=True).groupby(names.to_numpy()).indices
    return {str(name): np.sort(rows[name]) for name in sorted(rows, key=_natural)}


def _natural(name: str) -> list[tuple[bool, int, str]]:
    """Give a key that puts ``2`` before ``10``."""
    return [(not part.isdigit(), int(part) if part.isdigit() else 0, part) for part in re.split(r"(\d+)", str(name))]


def _choose(folds: list[Fold], wanted: Sequence[str], min_genes: int) -> list[Fold]:
    """Keep the folds that are wanted, or all that are not small."""
    if wanted:
        known = {name for fold in folds for name in (fold.name, *fold.groups)}
        missing = [name for name in wanted if name not in known]
        if missing:
            raise BadOption(
                f"--folds: no fold is named {some(missing)}", hint=f"there are {some([fold.name for fold in folds], 8)}"
            )
        folds = [fold for fold in folds if {fold.name, *fold.groups} & set(wanted)]
    else:
        small = list(dict.fromkeys(fold.groups[0] for fold in folds if fold.small))
        if small and not all(fold.small for fold in folds):
            logger.info(
                "contigs with too few genes to be a fold (--min-genes %d), left out: %s", min_genes, some(small)
            )
        left_out = np.sort(np.concatenate([NO_ROWS, *(fold.rows for fold in folds if fold.small)]))
        left = (LeftOut(SMALL_CONTIG, left_out),) if len(left_out) else ()
        folds = [fold._replace(left_out=left) for fold in folds if not fold.small]
    if not folds:
        raise EmptySplit("no fold has enough genes to be held out", hint="lower --min-genes, or name --folds")
    names = pd.Series([fold.name for fold in folds])
    # Some file systems do not tell letter case apart.
    twins = names[names.str.lower().duplicated(keep=False)]
    if len(twins):
        raise BadTable(
            f"these folds would share a folder: {some(list(twins))}", hint="rename one of the contigs or species"
        )
    return folds
