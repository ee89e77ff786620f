"""``kanseq label``: label genes low or high by quartiles of expression, by default of training genes only.

In: expression tables and splits. Out: a table ``species, id, condition, fold, expression, label, q1, q3``.
"""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from kanseq.errors import BadOption, Remedy, UnknownGene
from kanseq.genome.annotation.annotated_names import read_transcript_genes
from kanseq.genome.annotation.tx2gene import read_tx2gene
from kanseq.genome.expression.conditions import EVERY, expression_levels
from kanseq.genome.expression.tpm import ExpressionTable, check_expression, read_expression
from kanseq.io.delimited.numerals import check_decimal
from kanseq.io.files import STDOUT, PathLike, check_input, check_output, comma_separated
from kanseq.io.tables.dialect import write_table
from kanseq.io.tables.gene_tables import LABELS as LABEL_TABLE
from kanseq.labels.matching import GeneMatch, genes_that_count, match_genes, names_of_rows, rename_genes
from kanseq.labels.quartiles import LABELS, ConditionLabels, FoldRows, label_by_fold, label_by_table
from kanseq.sequences.sequence_set import SequenceSet
from kanseq.sequences.set_annotation import annotation_remedy, id_key_of
from kanseq.verbs.short_repr import brief

logger = logging.getLogger(__name__)


@brief
class Labels(NamedTuple):
    """Result of :func:`label`.

    The keys of dictionaries are folds (``*`` if labels do not depend on folds), with the prefix ``CONDITION:`` if a
    table of conditions was passed.

    Attributes:
        quartiles: description of the genes that define the thresholds.
        samples: names of the samples that were used.
        unit: unit of the values; ``(assumed)`` if no column names it. Labels are intended for TPM.
        summary: how the samples of a gene were summarised, such as ``max of 14 samples``.
        left_out: columns of the table that were not used as samples.
        genes: number of labelled genes. If splits or a set were passed, this number and the following ones count only
            genes in the splits or the set, except for ``not_in_set``.
        low, mid, high: number of genes with this label.
        q1, q3: the thresholds for low and for high, log10(TPM + 1).
        not_expressed: condition -> number of genes with an expression of exactly 0.
        without_expression: number of genes of the splits or the set that are not in the table.
        not_in_set: number of genes of the table that are not in the splits or the set.
        output: path of the table; None if it was not written.
        table: the labels, with a row per gene, condition and fold.
    """

    quartiles: str
    samples: list[str]
    unit: str
    summary: str
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
    gene_map: PathLike | pd.DataFrame | None = None,
    decimal: str | None = None,
) -> Labels:
    """Label genes low, mid or high by their expression.

    Expression is log10(TPM + 1), where TPM is summarised over samples. Genes at or below the first quartile are low,
    genes at or above the third quartile are high (linear interpolation between ranks).

    Args:
        tables: expression in TPM. A matrix with genes in rows (CSV or TSV); output files of salmon, kallisto, RSEM,
            StringTie or featureCounts; or a DataFrame with genes in its index and samples in its columns. Files may be
            compressed with gzip.
        splits: table of :func:`kanseq.split`. The quartiles of each fold are then computed from its training genes
            only, and the result has a row per fold for every gene of the splits that has expression.
        genes: a set, or its file. Without ``splits``, counts of genes include only genes of this set, and genes without
            expression are counted. With ``splits``, both must have the same genes.
        output: path of the labels, a tab-separated table; if None, no file is written; ``-`` is standard output.
        samples: names of the samples; by default those chosen by :func:`kanseq.genome.expression.tpm.read_expression`.
        summary: ``max``, ``mean`` or ``median``: how to summarise the TPM of a gene over samples.
        condition: a table with the columns sample and condition. Only the samples in this table are used, and genes are
            labelled in each condition separately.
        quartiles: genes that define the quartiles: ``train`` (training genes; the default with splits) or ``all``
            (every row of the expression table, including test genes). With ``all`` the result has one row per gene and
            condition, with the fold ``*``.
        recipe: ``deepcre`` means ``quartiles="all"`` and ``summary="max"``, as in Peleke et al. (2024).
        low: quantile at or below which genes are low.
        high: quantile at or above which genes are high.
        species: species of the expression table, if the splits or the set contain several.
        id_column: column with gene ids; by default the first of a matrix, or ``gene_id`` if the first has row numbers.
        strip_version: ignore version suffixes of ids (``.1``).
        ignore_case: ignore letter case of ids.
        tx2gene: a table with the columns transcript and gene, used to sum the TPM of transcripts per gene. It is not
            needed if the expression table has a column with the genes.
        annotation: a GTF or GFF3 file with the gene of each transcript and all names of each gene, instead of
            ``tx2gene``.
        gene_map: a table with two columns: gene ids of another annotation release, as in the expression table, and
            those of the set, in either order. The TPM of genes that were merged is summed.
        decimal: decimal mark of the numbers in the files, ``.`` or ``,``; by default it is determined from them.

    Raises:
        BadTable: a table lacks a column or contains an invalid value; the message names file, line, column and gene.
        UnknownGene: the expression table has no gene in common with the splits or the set.
        OneClass: all training genes or all test genes of a fold get the same label.
        EmptySplit: no training gene of a fold has expression.
        BadOption: the options are inconsistent.
    """
    paths = _paths(tables)
    check_output(output, inputs=(*paths, splits, genes, condition, tx2gene, annotation, gene_map))
    unasked = quartiles is None and recipe is None
    check_decimal(decimal)
    quartiles = _check_options(splits is not None, quartiles, recipe, summary, low, high)
    members = genes_that_count(splits, genes, species)
    requested = comma_separated(samples)
    known = None if members is None else members[["species", "id"]].drop_duplicates()
    ids = None if known is None else pd.Index(known["id"])
    gene_of = _transcripts(tx2gene, annotation, ids, genes)
    if isinstance(tables, pd.DataFrame):
        read = check_expression(tables, requested, condition)
    else:
        read = read_expression(
            paths,
            samples=requested,
            id_column=id_column,
            gene_of=gene_of,
            strip_version=strip_version,
            decimal=decimal,
            sheet=condition,
        )
    tpm = read.tpm if gene_map is None else rename_genes(read.tpm, gene_map, ids)
    levels = expression_levels(tpm, read.conditions, summary)
    options = {"strip_version": strip_version, "ignore_case": ignore_case}
    match = _match(read, tpm, ids, None if gene_of is not None else genes, paths, options)
    rows = match.rows
    names = names_of_rows(tpm.index, species, strip_version, known, rows)
    folds = {} if splits is None else _folds(members, known, rows)
    by_table = quartiles == "all"
    parts = (label_by_table if by_table else label_by_fold)(levels, folds, low, high)
    table = _table(names, levels, parts)
    if output is not None:
        write_table(output, LABEL_TABLE, table)
    counted = np.isin(np.arange(len(tpm)), rows)
    thresholds = _describe_thresholds(by_table, recipe, len(tpm), unasked)
    return Labels(
        quartiles=thresholds,
        samples=list(tpm.columns),
        unit=read.unit,
        summary=_describe_summary(summary, list(tpm.columns), read.conditions),
        left_out=read.left_out,
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
    """Check that the options are consistent; return which genes define the quartiles, ``train`` or ``all``."""
    if recipe not in (None, "deepcre"):
        raise BadOption(f"--recipe {recipe}: unknown recipe", hint="the only recipe is deepcre")
    if quartiles not in (None, "train", "all"):
        raise BadOption(f"--quartiles {quartiles}: unknown value", hint="choose train or all")
    if recipe and (quartiles == "train" or summary != "max" or (low, high) != (0.25, 0.75)):
        raise BadOption(
            "--recipe deepcre means --quartiles all, --summary max, --low 0.25 and --high 0.75",
            hint="leave out these options or the recipe",
        )
    if quartiles == "train" and not with_splits:
        raise BadOption("--quartiles train: the training genes are unknown", hint="use --splits FILE")
    if not 0 < low < high < 1:
        raise BadOption(f"--low {low} --high {high}: 0 < low < high < 1 is required")
    return "all" if recipe else quartiles or ("train" if with_splits else "all")


def _transcripts(
    tx2gene: PathLike | pd.DataFrame | None,
    annotation: PathLike | None,
    ids: pd.Index | None,
    genes: PathLike | SequenceSet | None,
) -> dict[str, str] | None:
    """Read the gene of each transcript from ``tx2gene`` or ``annotation``; return None if neither is specified.

    The genes of an annotation get the ids that the set or the splits (``ids``) use."""
    if tx2gene is not None and annotation is not None:
        raise BadOption("--tx2gene and --annotation cannot be combined", hint="use one of them")
    if tx2gene is not None:
        return read_tx2gene(tx2gene)
    if annotation is None:
        return None
    return read_transcript_genes(annotation, None if ids is None else list(ids), id_key_of(genes))


def _match(
    read: ExpressionTable,
    tpm: pd.DataFrame,
    ids: pd.Index | None,
    genes: PathLike | SequenceSet | None,
    paths: list[PathLike],
    options: dict[str, bool],
) -> GeneMatch:
    """Find the rows of the genes ``ids`` in an expression table; if there are none, try the annotation of ``genes``.

    Args:
        read: the table as it was read.
        tpm: the table with the ids to match.
        ids: ids of the set or the splits; if None, all rows are genes.
        genes: the set, if its annotation was not used.
        paths: files of the table, for messages.
        options: options of :func:`kanseq.labels.matching.match_genes`.

    Raises:
        UnknownGene: no row is a gene of the set.
    """
    where = paths[0] if paths else None
    try:
        return match_genes(tpm.index, ids, where=where, other_columns=read.texts, samples=list(tpm.columns), **options)
    except UnknownGene as error:
        if error.remedy is None and genes is not None:
            raise _with_annotation(error, genes, tpm) from error
        raise


def _with_annotation(error: UnknownGene, genes: PathLike | SequenceSet, tpm: pd.DataFrame) -> UnknownGene:
    """Return the error of a table without genes of the set; its hint names the annotation of the set if this helps."""
    remedy = annotation_remedy(genes, list(tpm.index.astype(str)))
    if isinstance(remedy, Remedy):
        return UnknownGene(error.what, where=error.where, hint=remedy.lead, remedy=remedy)
    hint = error.hint if remedy is None else f"{error.hint}, or {remedy}"
    return UnknownGene(error.what, where=error.where, hint=hint)


def _paths(tables: PathLike | pd.DataFrame | Sequence[PathLike]) -> list[PathLike]:
    """Check that the files of expression tables exist, and return them as a list (empty for a DataFrame)."""
    if isinstance(tables, pd.DataFrame):
        return []
    paths = [tables] if isinstance(tables, str) or not isinstance(tables, Sequence) else list(tables)
    if not paths:
        raise BadOption("there is no expression table")
    for path in paths:
        if str(path) != STDOUT:
            check_input(path)
    return paths


def _folds(members: pd.DataFrame, known: pd.DataFrame, rows: np.ndarray) -> dict[str, FoldRows]:
    """Return the genes of each fold that have expression, as a dictionary by fold name.

    Args:
        members: rows of the splits, with ``id``, ``fold`` and ``role``.
        known: the distinct genes of the splits.
        rows: for each gene of ``known`` its row in the expression table, -1 if it has none.
    """
    row = rows[pd.Index(known["id"]).get_indexer(members["id"])]
    roles = members["role"].to_numpy(dtype=object)
    places = members.groupby("fold", sort=False).indices
    found = {}
    for fold in members["fold"].unique():
        at = places[fold]
        kept = at[row[at] >= 0]
        found[str(fold)] = FoldRows(row[kept], roles[kept], frozenset(roles[at]))
    return found


def _table(names: pd.DataFrame, levels: dict[str, np.ndarray], parts: list[ConditionLabels]) -> pd.DataFrame:
    """Return the labels of all conditions and folds (``parts``) as one table."""
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


def _counts(parts: list[ConditionLabels], counted: np.ndarray) -> dict[str, dict[str, int] | dict[str, float]]:
    """Return the fields ``low, mid, high, q1, q3`` of :class:`Labels`.

    ``counted`` (bool per row of the expression table) selects the genes that are counted as low, mid or high."""
    keys = [part.fold if part.condition == EVERY else f"{part.condition}:{part.fold}" for part in parts]
    found: dict[str, dict[str, int] | dict[str, float]] = {
        name: {key: int((part.labels[counted[part.rows]] == name).sum()) for key, part in zip(keys, parts, strict=True)}
        for name in LABELS
    }
    found["q1"] = {key: part.q1 for key, part in zip(keys, parts, strict=True)}
    found["q3"] = {key: part.q3 for key, part in zip(keys, parts, strict=True)}
    return found


def _describe_summary(summary: str, samples: list[str], of_sample: Mapping[str, str] | None) -> str:
    """Describe how many samples were summarised, in total or for each condition.

    >>> _describe_summary("max", ["a", "b", "c"], None)
    'max of 3 samples'
    >>> _describe_summary("mean", ["a", "b"], {"a": "cold", "b": "warm"})
    'mean of 1 sample (cold), 1 sample (warm)'
    """
    counts = Counter("" if of_sample is None else f" ({of_sample[name]})" for name in samples)
    return f"{summary} of " + ", ".join(f"{n} sample{'s' * (n > 1)}{condition}" for condition, n in counts.items())


def _describe_thresholds(by_table: bool, recipe: str | None, rows: int, unasked: bool) -> str:
    """Describe and log which genes define the quartiles. If test genes are included by default (``unasked``), warn."""
    if not by_table:
        return "of each fold's training genes"
    source = f"of all {rows:,} rows of the table" + (f" (recipe {recipe})" if recipe else "")
    level, hint = (logging.WARNING, "; use --splits to exclude them") if unasked else (logging.INFO, "")
    logger.log(level, "quartiles %s: these thresholds depend on the expression of the test genes%s", source, hint)
    return source
