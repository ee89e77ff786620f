"""Assign training, tuning and test genes per fold, so that no information on test genes leaks into training.

In: a set of sequences. Out: a table with a row per gene and fold: ``species, id, fold, role, reason``.
"""

import logging
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from kanseq.errors import BadOption, EmptySplit
from kanseq.homologs.records import describe_homology
from kanseq.io.files import PathLike, check_output, comma_separated, some
from kanseq.io.tables.dialect import write_table
from kanseq.io.tables.gene_tables import SPLITS
from kanseq.sequences.gene_lists import GeneList, read_gene_list
from kanseq.sequences.several_sets import Sets, as_one, listed_sets
from kanseq.splits.folds import HeldOutFold, check_listed, make_folds
from kanseq.splits.roles import assign_roles, check_keys, relations_to_test
from kanseq.splits.split_tables import ROLES
from kanseq.verbs.short_repr import brief

if TYPE_CHECKING:
    from kanseq.homologs.homolog_files import Homologs

logger = logging.getLogger(__name__)


@brief
class Split(NamedTuple):
    """Result of :func:`split`; the dictionaries have a number per fold.

    Attributes:
        genes: number of genes that were split.
        folds: the names of the folds.
        train, tune, test, unused: number of genes in each role.
        reasons: number of unused genes by reason, over all folds.
        homology: how the homologs were found, as :func:`kanseq.homologs.records.describe_homology` returns it.
        output: the file, if one was written.
        table: the splits, a row per gene and fold.
    """

    genes: int
    folds: list[str]
    train: dict[str, int]
    tune: dict[str, int]
    test: dict[str, int]
    unused: dict[str, int]
    reasons: dict[str, int]
    homology: dict[str, object] | None
    output: Path | None
    table: pd.DataFrame


def split(
    genes: Sets,
    *,
    output: PathLike | None = None,
    by: str = "chromosome",
    folds: str | Sequence[str] = (),
    blocks: int = 5,
    gene_list: GeneList | None = None,
    min_genes: int = 50,
    tune: float = 0.0,
    score_only: GeneList | None = None,
    homology: "PathLike | pd.DataFrame | Homologs | None" = None,
    similar: bool = False,
    test_species: str | None = None,
    train_species: str | Sequence[str] = (),
    rotate: int = 0,
    seed: int = 0,
) -> Split:
    """Hold out genes fold by fold, and exclude related genes from training.

    A gene is excluded from the training genes of a fold if one of its windows shares a base (of either strand) with a
    window of a test gene, if its sequence is that of a test gene (or the reverse complement), or if it is homologous to
    a test gene according to ``homology``, also in another species. Its role is then ``unused``, and the reason names
    the test gene. Test genes are never excluded in this way. Tuning genes are separated from training genes by the same
    rules.

    Args:
        genes: a set or its file; or several, which are split as one.
        output: file for the table (tab-separated); ``None`` keeps it in memory, ``-`` is standard output.
        by: ``chromosome`` (a fold per contig), ``block`` (``blocks`` regions of each contig with equal numbers of
            genes; ``CONTIG.block0`` has the lowest coordinates), ``species``, ``list`` (the genes of ``gene_list``),
            ``random`` (``blocks`` folds) or ``column`` (the set's own column ``split``).
        folds: use only these folds (fold or contig names); all other genes are always training genes.
        blocks: number of parts for ``block`` and ``random``.
        gene_list: a file of ids, or of ids and fold names, or a JSON array of ids; or a table in memory.
        min_genes: a contig with fewer genes (for ``block``: fewer per block) is not a fold. Its genes are ``unused``
            (``small_contig``) in every fold, so that every model may score them; ``folds`` overrides this.
        tune: share of a fold's training genes that becomes ``tune``: neighbouring genes on one contig if a contig has
            enough genes; random ones for ``random``, ``list``, ``column`` and for plain sequences.
        score_only: a list as for ``gene_list``; test genes that are not listed are ``unused`` (``not_scored``), and
            like test genes they and related genes are excluded from training. Folds without a listed gene are dropped.
        homology: groups (genes of one group are homologous) or pairs (only each pair is) of :func:`kanseq.homology`.
        similar: also separate genes with nearly identical windows (:mod:`kanseq.splits.similar_windows`), such as those
            that contain copies of one transposon.
        test_species: for ``chromosome`` and ``block`` with several species: only contigs of this species are folds. In
            each fold the other species are training genes, and other contigs of this species are ``unused``
            (``test_species``).
        train_species: other species to train on; the rest is ``unused`` (``other_species``). By default all.
        rotate: for ``column``: number of folds (``part0``, …), which all hold out the set's test sequences. All other
            sequences are divided into as many parts with similar label shares and no shared sequences; each fold tunes
            on one part and trains on the rest.
        seed: seed for ``random``, for the parts of ``rotate``, and for the position of the ``tune`` genes.

    Raises:
        BadOption: the options are inconsistent, or do not fit this set.
        BadTable: two sequences of the set have the same species and id.
        EmptySplit: a fold has no training genes.
        UnknownGene: a list or the homology has no gene in common with the set.
    """
    check_output(output, inputs=(*listed_sets(genes), gene_list, score_only, homology))
    if not 0 <= tune < 1:
        raise BadOption(f"--tune {tune}: must be at least 0 and less than 1")
    genes = as_one(genes)
    check_keys(genes)
    wanted = comma_separated(folds)
    cut = make_folds(
        genes,
        by,
        wanted=wanted,
        blocks=blocks,
        gene_list=gene_list,
        min_genes=min_genes,
        seed=seed,
        test_species=test_species,
        train_species=comma_separated(train_species),
        rotate=rotate,
    )
    if tune and any(len(fold.tune) for fold in cut):
        whose = "--rotate" if rotate else "the set's column 'split'"
        raise BadOption(f"--tune: {whose} already defines the tuning sequences", hint="leave out --tune")
    scored = None
    if score_only is not None:
        listed = read_gene_list(score_only)
        check_listed(genes.table, listed, score_only)
        scored = genes.table["id"].isin(listed).to_numpy()
        cut = _with_scored(cut, scored)
    described = describe_homology(homology)
    relations = relations_to_test(genes, homology, similar=similar)
    table = assign_roles(genes, cut, relations, by=by, scored=scored, tune=tune, seed=seed)
    if output is not None:
        write_table(output, SPLITS, table)
    return _summary(table, cut, len(genes), described, output)


def _with_scored(folds: list[HeldOutFold], scored: np.ndarray) -> list[HeldOutFold]:
    """Drop folds without a gene to score, with a warning that lists them."""
    empty = [fold.name for fold in folds if not scored[fold.rows].any()]
    if len(empty) == len(folds):
        raise EmptySplit("--score-only: no fold has a gene of the list")
    if empty:
        logger.warning("--score-only: dropped folds without a gene of the list: %s", some(empty))
    return [fold for fold in folds if scored[fold.rows].any()]


def _summary(
    table: pd.DataFrame,
    folds: list[HeldOutFold],
    genes: int,
    homology: dict[str, object] | None,
    output: PathLike | None,
) -> Split:
    """Count roles per fold, and reasons over all folds."""
    counts = pd.crosstab(table["fold"], table["role"])
    names = [fold.name for fold in folds]
    of = {role: {name: int(counts[role].get(name, 0)) if role in counts else 0 for name in names} for role in ROLES}
    kinds = table["reason"][table["role"] == "unused"].str.replace(r":.*", "", regex=True, flags=re.DOTALL)
    reasons = {str(reason): int(count) for reason, count in kinds.value_counts().sort_index().items()}
    path = None if output is None else Path(output)
    return Split(genes=genes, folds=names, **of, reasons=reasons, homology=homology, output=path, table=table)
