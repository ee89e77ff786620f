"""High and low genes, by quartiles that (by default) no test gene has touched.

In: expression tables and splits. Out: a table ``species, id, condition, fold, expression, label, q1, q3``.
"""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from kanseq.data.matching import genes_that_count, match_genes, names_of_rows
from kanseq.data.quartiles import LABELS, FoldRows, Part, label_by_fold, label_by_table
from kanseq.data.sequences import SequenceSet
from kanseq.errors import BadOption
from kanseq.files import STDOUT, PathLike, check_input, check_output, comma_separated
from kanseq.genome.conditions import EVERY, expression_levels, read_conditions
from kanseq.genome.expression import check_expression, read_expression
from kanseq.genome.transcript_genes import read_transcript_genes, read_tx2gene
from kanseq.io.dialect import write_table
from kanseq.io.gene_tables import LABELS as LABEL_TABLE
from kanseq.showing import brief

logger = logging.getLogger(__name__)


@brief
class Labels(NamedTuple):
    """What :func:`label` made. The dictionaries' keys are folds, with ``CONDITION:`` before them if there are several.

    Attributes:
        quartiles: where the thresholds come from, in words.
        samples: the samples that were used.
        left_out: columns that were not taken as samples.
        genes: genes that have labels, and are in the splits or the set if these were given; those below count.
        low, mid, high: genes per label.
        q1, q3: the thresholds, log10(TPM + 1).
        not_expressed: genes whose expression is exactly 0, per condition.
        without_expression: genes of the splits or the set that the table lacks.
        not_in_set: genes of the table that the splits or the set lack.
        output: the file, if one was written.
        table: its content.
    """

    quartiles: str
    samples: list[str]
    left_out: list[str]
    genes: int
    low: dict[str, int]
    mid: dict[str, int]
    high: dict[str, int]
    q1: dict[str, float]
    q3: dict[str, float]
    not_expressed: dict[str, int]
    without_expression: int
    not_in_set: int
    output: Path | None
    table: pd.DataFrame


def label(
    tables: PathLike | pd.DataFrame | Sequence[PathLike],
    *,
    splits: PathLike | pd.DataFrame | None = None,
    genes: PathLike | SequenceSet | None = None,
    output: PathLike | None = None,
    samples: str | Sequence[str] = (),
    summary: str = "max",
    condition: PathLike | pd.DataFrame | None = None,
    quartiles: str | None = None,
    recipe: str | None = None,
    low: float = 0.25,
    high: float = 0.75,
    species: str | None = None,
    id_column: str | None = None,
    strip_version: bool = False,
    ignore_case: bool = False,
    tx2gene: PathLike | pd.DataFrame | None = None,
    annotation: PathLike | None = None,
) -> Labels:
    """Label genes low, mid or high by their expression, log10(``summary`` over samples + 1).

    Low is at or below the first quartile, high at or above the third (linear interpolation between ranks).

    Args:
        tables: TPM: a matrix with genes in rows (CSV or TSV), or tables of salmon, kallisto, RSEM or StringTie, a
            sample each; plain or gzip. Or a DataFrame, genes in its index and samples in its columns.
        splits: :func:`kanseq.split`'s table. Each fold's quartiles then come from its training genes alone, and every
            gene of the splits that has expression gets a row per fold.
        genes: a set, to say which of its genes have no expression, where there are no splits.
        output: where the labels go (tab-separated); ``None`` keeps them in memory, ``-`` is standard output.
        samples: names of the samples; without them those of :func:`kanseq.genome.expression.read_expression`'s rule.
        summary: ``max``, ``mean`` or ``median`` over samples.
        condition: a table with the columns sample and condition; its samples are used, and every condition gets labels.
        quartiles: ``train`` (with splits the default) or ``all``: every row of the table, test genes included; one row
            per gene and condition then, with the fold ``*``.
        recipe: ``deepcre`` stands for ``quartiles="all"`` and the maximum, as Peleke et al. (2024) did.
        low: quantile at or below which genes are low.
        high: quantile at or above which they are high.
        species: whose expression it is, where the splits or the set hold several.
        id_column: the matrix's column with gene ids; without it the first.
        strip_version: compare ids without version suffixes (``.1``); never done unasked.
        ignore_case: compare ids without regard to letter case; never done unasked.
        tx2gene: a table transcript, gene by which transcripts are summed.
        annotation: a GTF or GFF3 that says the same.

    Raises:
        BadTable: a table lacks a column, or holds a wrong value; the message names file, line, column and gene.
        UnknownGene: table and set share no gene.
        OneClass: all training genes or all test genes of a fold get one label.
        EmptySplit: no training gene of a fold has expression.
        BadOption: options that make no sense together.
    """
    paths = _paths(tables)
    check_output(output, inputs=(*paths, splits, genes, condition, tx2gene, annotation))
    unasked = quartiles is None and recipe is None
    quartiles = _check_options(splits is not None, quartiles, recipe, summary, low, high)
    members = genes_that_count(splits, genes, species)
    of_sample = None if condition is None else read_conditions(condition)
    wanted = comma_separated(samples) or list(of_sample or ())
    gene_of = _transcripts(tx2gene, annotation)
    if isinstance(tables, pd.DataFrame):
        tpm, left_out = check_expression(tables, wanted)
    else:
        tpm, left_out = read_expression(
            paths, samples=wanted, id_column=id_column, gene_of=gene_of, strip_version=strip_version
        )
    levels = expression_levels(tpm, of_sample, summary)
    known = None if members is None else members[["species", "id"]].drop_duplicates()
    rows = match_genes(
        tpm.index,
        tpm.index if known is None else pd.Index(known["id"]),
        strip_version=strip_version,
        ignore_case=ignore_case,
        where=paths[0] if paths else None,
    )
    names = names_of_rows(tpm.index, species, strip_version, known, rows)
    folds = {} if splits is None else _folds(members, known, rows)
    by_table = quartiles == "all"
    parts = (label_by_table if by_table else label_by_fold)(levels, folds, low, high)
    table = _table(names, levels, parts)
    if output is not None:
        write_table(output, LABEL_TABLE, table)
    counted = np.isin(np.arange(len(tpm)), rows)
    said = _say_quartiles(by_table, recipe, len(tpm), unasked)
    return Labels(
        quartiles=said,
        samples=list(tpm.columns),
        left_out=left_out,
        genes=int(counted.sum()),
        **_counts(parts, counted),
        not_expressed={name: int((level[counted] == 0).sum()) for name, level in levels.items()},
        without_expression=int((rows < 0).sum()),
        not_in_set=int((~counted).sum()),
        output=None if output is None else Path(output),
        table=table,
    )


def _check_options(
    with_splits: bool, quartiles: str | None, recipe: str | None, summary: str, low: float, high: float
) -> str:
    """Give where quartiles come from, ``train`` or ``all``, after refusing what contradicts itself."""
    if recipe not in (None, "deepcre"):
        raise BadOption(f"--recipe {recipe}: no such recipe", hint="there is deepcre")
    if quartiles not in (None, "train", "all"):
        raise BadOption(f"--quartiles {quartiles}: no such thing", hint="choose train or all")
    if recipe and (quartiles == "train" or summary != "max" or (low, high) != (0.25, 0.75)):
        raise BadOption(
            "--recipe deepcre is --quartiles all, --summary max, --low 0.25 and --high 0.75",
            hint="leave these options out, or the recipe",
        )
    if quartiles == "train" and not with_splits:
        raise BadOption("--quartiles train: nothing says who trains", hint="add --splits FILE")
    if not 0 < low < high < 1:
        raise BadOption(f"--low {low} --high {high}: 0 < low < high < 1 is wanted")
    return "all" if recipe else quartiles or ("train" if with_splits else "all")


def _transcripts(tx2gene: PathLike | pd.DataFrame | None, annotation: PathLike | None) -> dict[str, str] | None:
    """Read which gene each transcript belongs to."""
    if tx2gene is not None and annotation is not None:
        raise BadOption("--tx2gene and --annotation say the same thing", hint="give one of them")
    if tx2gene is not None:
        return read_tx2gene(tx2gene)
    return None if annotation is None else read_transcript_genes(annotation)


def _paths(tables: PathLike | pd.DataFrame | Sequence[PathLike]) -> list[PathLike]:
    """Give the tables' files, all of which are there; none for a table in memory."""
    if isinstance(tables, pd.DataFrame):
        return []
    paths = [tables] if isinstance(tables, str) or not isinstance(tables, Sequence) else list(tables)
    if not paths:
        raise BadOption("no expression table is given")
    for path in paths:
        if str(path) != STDOUT:
            check_input(path)
    return paths


def _folds(members: pd.DataFrame, known: pd.DataFrame, rows: np.ndarray) -> dict[str, FoldRows]:
    """Give the genes with expression of every fold."""
    row = rows[pd.Index(known["id"]).get_indexer(members["id"])]
    roles = members["role"].to_numpy(dtype=object)
    places = members.groupby("fold", sort=False).indices
    found = {}
    for fold in members["fold"].unique():
        at = places[fold]
        kept = at[row[at] >= 0]
        found[str(fold)] = FoldRows(row[kept], roles[kept], frozenset(roles[at]))
    return found


def _table(names: pd.DataFrame, levels: dict[str, np.ndarray], parts: list[Part]) -> pd.DataFrame:
    """Put conditions and folds under each other."""
    frames = [
        names.iloc[part.rows].assign(
            condition=part.condition,
            fold=part.fold,
            expression=levels[part.condition][part.rows],
            label=part.labels,
            q1=part.q1,
            q3=part.q3,
        )
        for part in parts
    ]
    return pd.concat(frames, ignore_index=True)[list(LABEL_TABLE.required)]


def _counts(parts: list[Part], counted: np.ndarray) -> dict[str, dict[str, int] | dict[str, float]]:
    """Count labels per fold among the genes that count, and give the thresholds."""
    keys = [part.fold if part.condition == EVERY else f"{part.condition}:{part.fold}" for part in parts]
    found: dict[str, dict[str, int] | dict[str, float]] = {
        name: {key: int((part.labels[counted[part.rows]] == name).sum()) for key, part in zip(keys, parts, strict=True)}
        for name in LABELS
    }
    found["q1"] = {key: part.q1 for key, part in zip(keys, parts, strict=True)}
    found["q3"] = {key: part.q3 for key, part in zip(keys, parts, strict=True)}
    return found


def _say_quartiles(by_table: bool, recipe: str | None, rows: int, unasked: bool) -> str:
    """Say where thresholds come from; where that is the test genes too, warn those who did not ask for it."""
    if not by_table:
        return "of each fold's training genes"
    said = f"of all {rows:,} rows of the table" + (f" (recipe {recipe})" if recipe else "")
    level, hint = (logging.WARNING, "; --splits keeps them out") if unasked else (logging.INFO, "")
    logger.log(level, "quartiles %s: these thresholds have seen the expression of the test genes%s", said, hint)
    return said
