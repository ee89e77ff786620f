"""``kanseq split``: assign the role of each gene in each fold (training, tuning or test), and prevent leaks.

In: a set of sequences. Out: a table with a row per gene and fold: ``species, id, fold, role, reason``.
"""

import logging
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from kanseq.errors import BadOption, EmptySplit
from kanseq.homologs.homolog_files import Homologs
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

logger = logging.getLogger(__name__)


@brief
class Split(NamedTuple):
    """Result of :func:`split`.

    Attributes:
        genes: number of genes that were split.
        folds: the names of the folds.
        train, tune, test, unused: fold -> number of genes with this role.
        reasons: reason -> number of unused genes, summed over all folds.
        homology: how the homologs were found, as :func:`kanseq.homologs.records.describe_homology` returns it.
        output: path of the table; None if it was not written.
        table: the splits, with a row per gene and fold.
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
    homology: PathLike | pd.DataFrame | Homologs | None = None,
    similar: bool = False,
    test_species: str | None = None,
    train_species: str | Sequence[str] = (),
    rotate: int = 0,
    seed: int = 0,
) -> Split:
    """Define folds with different test genes, and exclude genes that are related to the test genes from training.

    A gene is excluded from the training genes of a fold in three cases: if one of its windows shares a base (on either
    strand) with a window of a test gene; if its sequence equals that of a test gene or the reverse complement; or if it
    is homologous to a test gene of the same or another species according to ``homology``. Its role is then ``unused``,
    and the reason names the test gene. Test genes are never excluded in this way. Genes that are related to tuning
    genes are excluded from training by the same rules.

    Args:
        genes: a set or its file; or several, which are split together.
        output: path of the table (tab-separated); if None, no file is written; ``-`` is standard output.
        by: what a fold holds out: ``chromosome`` (a fold per contig), ``block`` (``blocks`` regions of each contig with
            equal numbers of genes; ``CONTIG.block0`` has the lowest coordinates), ``species``, ``list`` (the genes of
            ``gene_list``), ``random`` (``blocks`` folds) or ``column`` (the set's own column ``split``).
        folds: names of folds or contigs. Only these folds are made, and all other genes are training genes in every
            fold.
        blocks: number of blocks per contig for ``block``, number of folds for ``random``.
        gene_list: for ``list``, the test genes: a file of ids, or of ids and fold names, or a JSON array of ids; or a
            table in memory.
        min_genes: minimum number of genes of a contig (for ``block``: on average per block). Smaller contigs are not
            folds. Their genes are ``unused`` (reason ``small_contig``) in every fold, so that models of all folds may
            score them. With ``folds``, small contigs that are not listed are used for training.
        tune: fraction of a fold's training genes to use for tuning (role ``tune``). These are neighbouring genes on one
            contig, if a contig has enough genes. For ``random``, ``list``, ``column`` and sequences without
            coordinates, they are random genes.
        score_only: a list of the genes to score, in a format of ``gene_list``. Test genes that are not listed get the
            role ``unused`` (reason ``not_scored``); they and related genes are still excluded from training. Folds
            without a listed gene are dropped.
        homology: groups or pairs of homologous genes, from :func:`kanseq.homology`. All genes of a group are homologous
            to each other; with pairs, only the two genes of each pair are homologous.
        similar: also exclude genes with windows that are nearly identical to those of test genes
            (:mod:`kanseq.splits.similar_windows`), such as copies of one transposon.
        test_species: for ``chromosome`` and ``block`` with several species: only contigs of this species are folds. In
            each fold, genes of other species are training genes, and genes of this species on contigs that the fold
            does not test are ``unused`` (reason ``test_species``).
        train_species: with ``test_species``: species to train on, by default all others. Genes of any other species are
            ``unused`` (reason ``other_species``).
        rotate: for ``column``: number of folds (``part0``, …). All of them hold out the set's test sequences. All other
            sequences are divided into this number of parts, with similar fractions of each label; identical sequences
            are in the same part. Each fold tunes on one part and trains on the others.
        seed: random seed for the folds of ``random``, the parts of ``rotate``, and the choice of tuning genes.

    Raises:
        BadOption: the options are inconsistent, or cannot be used with this set.
        BadTable: two sequences of the set have the same species and id.
        EmptySplit: a fold has no training genes.
        UnknownGene: a list or the table of homologs has no gene in common with the set.
    """
    check_output(output, inputs=(*listed_sets(genes), gene_list, score_only, homology))
    if not 0 <= tune < 1:
        raise BadOption(f"--tune {tune}: must be at least 0 and less than 1")
    genes = as_one(genes)
    check_keys(genes)
    requested = comma_separated(folds)
    cut = make_folds(
        genes,
        by,
        wanted=requested,
        blocks=blocks,
        gene_list=gene_list,
        min_genes=min_genes,
        seed=seed,
        test_species=test_species,
        train_species=comma_separated(train_species),
        rotate=rotate,
    )
    if tune and any(len(fold.tune) for fold in cut):
        source = "--rotate" if rotate else "the set's column 'split'"
        raise BadOption(f"--tune: {source} already defines the tuning sequences", hint="leave out --tune")
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
    """Return the folds with at least one test gene to score (``scored``, bool per gene); warn if others are dropped."""
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
    """Return the result of :func:`split`, with the number of genes per role and fold, and per reason."""
    counts = pd.crosstab(table["fold"], table["role"])
    names = [fold.name for fold in folds]
    of = {role: {name: int(counts[role].get(name, 0)) if role in counts else 0 for name in names} for role in ROLES}
    kinds = table["reason"][table["role"] == "unused"].str.replace(r":.*", "", regex=True, flags=re.DOTALL)
    reasons = {str(reason): int(count) for reason, count in kinds.value_counts().sort_index().items()}
    path = None if output is None else Path(output)
    return Split(genes=genes, folds=names, **of, reasons=reasons, homology=homology, output=path, table=table)
