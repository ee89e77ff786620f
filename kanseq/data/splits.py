"""Who trains, who tunes and who is tested, per fold, so that nothing of a test gene reaches training.

In: a set of sequences. Out: a table with a row per gene and fold: ``species, id, fold, role, reason``.
"""

import logging
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from kanseq.data.folds import Fold, check_listed, make_folds
from kanseq.data.gene_lists import GeneList, read_gene_list
from kanseq.data.homology_records import describe_homology
from kanseq.data.roles import assign_roles, check_keys, relations_to_test
from kanseq.data.several_sets import Sets, as_one, listed_sets
from kanseq.data.split_tables import ROLES
from kanseq.errors import BadOption, EmptySplit
from kanseq.files import PathLike, check_output, comma_separated, some
from kanseq.io.dialect import write_table
from kanseq.io.gene_tables import SPLITS
from kanseq.showing import brief

if TYPE_CHECKING:
    from kanseq.data.homolog_files import Homologs

logger = logging.getLogger(__name__)


@brief
class Split(NamedTuple):
    """What :func:`split` made; the dictionaries have a number per fold.

    Attributes:
        genes: how many genes were split.
        folds: the names of the folds.
        train, tune, test, unused: genes in each role.
        reasons: over all folds, how many genes are unused for which reason.
        homology: how the homologs were found, as :func:`kanseq.data.homology_records.describe_homology` has it.
        output: the file, if one was written.
        table: its content, a row per gene and fold.
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
    """Hold out genes fold by fold, and keep from training everything that would give them away.

    A gene never trains in a fold where one of its windows shares a base (of either strand) with a window of a test
    gene, where its sequence is a test gene's (or its reverse complement), or where it is homologous to a test gene by
    ``homology``, also in another species: its role is ``unused``, and the reason names that test gene. Test genes never
    move. Tuning genes are cut off from training genes by the same rules.

    Args:
        genes: a set, or its file; or several, which are cut as one.
        output: where the table goes (tab-separated); ``None`` keeps it in memory, ``-`` is standard output.
        by: ``chromosome`` (a fold per contig), ``block`` (``blocks`` stretches of each contig with equally many genes,
            ``CONTIG.block0`` being the one of the lowest coordinates), ``species``, ``list`` (the genes of
            ``gene_list``), ``random`` (``blocks`` folds) or ``column`` (the set's own column ``split``).
        folds: only these (fold or contig names); all other genes always train.
        blocks: number of parts for ``block`` and ``random``.
        gene_list: a file of ids, or of ids and fold names, or a JSON array of ids; or a table in memory.
        min_genes: a contig with fewer genes (for ``block``: fewer per block) is no fold. Its genes are ``unused``
            (``small_contig``) in every fold, so that every model may score them; ``folds`` overrules this.
        tune: share of a fold's training genes that becomes ``tune``: a stretch of neighbours on one contig where one
            has enough genes; random ones for ``random``, ``list``, ``column`` and for plain sequences.
        score_only: a list as for ``gene_list``; test genes that it lacks are ``unused`` (``not_scored``), and like
            test genes they and their neighbours do not train. Folds without a listed gene are left out.
        homology: :func:`kanseq.homology`'s groups (genes of one group are homologous) or pairs (each hit by itself).
        similar: keep genes with nearly the same windows apart too (:mod:`kanseq.data.similar_windows`), such as those
            that hold copies of one transposon.
        test_species: for ``chromosome`` and ``block`` of a set of several species: only this one's contigs are folds.
            In each the other species train, and its own other contigs are ``unused`` (``test_species``).
        train_species: which other species train; the rest is ``unused`` (``other_species``). By default all do.
        rotate: for ``column``: so many folds (``part0``, …) that all hold out the set's test sequences. All others are
            dealt out into as many parts, whose labels are alike and which share no sequence; each fold tunes on one
            part and trains on the rest.
        seed: of ``random``, of the parts of ``rotate``, and of where the ``tune`` stretch lies.

    Raises:
        BadOption: options that make no sense together or for this set.
        BadTable: two sequences of the set have the same species and id.
        EmptySplit: a fold has no gene to train on.
        UnknownGene: a list, or the homology, shares no gene with the set.
    """
    check_output(output, inputs=(*listed_sets(genes), gene_list, score_only, homology))
    if not 0 <= tune < 1:
        raise BadOption(f"--tune {tune}: a share from 0 up to, but not including, 1 is wanted")
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
        raise BadOption(f"--tune: {whose} names the tuning sequences already", hint="leave it out")
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


def _with_scored(folds: list[Fold], scored: np.ndarray) -> list[Fold]:
    """Leave out folds without a gene to score, and say which."""
    empty = [fold.name for fold in folds if not scored[fold.rows].any()]
    if len(empty) == len(folds):
        raise EmptySplit("--score-only: no fold has a gene of the list")
    if empty:
        logger.warning("--score-only: folds without a gene of the list are left out: %s", some(empty))
    return [fold for fold in folds if scored[fold.rows].any()]


def _summary(
    table: pd.DataFrame, folds: list[Fold], genes: int, homology: dict[str, object] | None, output: PathLike | None
) -> Split:
    """Count roles per fold and reasons over all."""
    counts = pd.crosstab(table["fold"], table["role"])
    names = [fold.name for fold in folds]
    of = {role: {name: int(counts[role].get(name, 0)) if role in counts else 0 for name in names} for role in ROLES}
    kinds = table["reason"][table["role"] == "unused"].str.replace(r":.*", "", regex=True, flags=re.DOTALL)
    reasons = {str(reason): int(count) for reason, count in kinds.value_counts().sort_index().items()}
    path = None if output is None else Path(output)
    return Split(genes=genes, folds=names, **of, reasons=reasons, homology=homology, output=path, table=table)
