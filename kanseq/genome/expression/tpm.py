"""Read expression tables of all common formats. In: matrices or quantifiers' files. Out: TPM, genes × samples."""

import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from kanseq.errors import BadOption, BadTable
from kanseq.genome.expression.delimited import Delimited, check_values, read_delimited
from kanseq.genome.names.resolver import SAME_KIND, match_names, report_rule
from kanseq.io.files import PathLike, some

logger = logging.getLogger(__name__)

SUMMARIES = ("max", "mean", "median")
"""Ways to summarise the expression of a gene in several samples."""

NO_MEASURE = frozenset(["log", "length", "len", "width", "chromosome", "position"])
"""Words in a column's name that mark it as something other than the expression of a sample."""

NO_MEASURE_LAST = frozenset(
    ["sd", "std", "stdev", "se", "sem", "var", "variance", "cv", "tau", "start", "end", "strand"]
)
"""Like :data:`NO_MEASURE`, but only at the end of a name: ``TPM_sd`` is a standard deviation, ``SD_leaf_1`` a leaf in
short days."""

OF_SAMPLES = frozenset(["max", "maximum", "min", "minimum", "mean", "avg", "average", "median", "sum", "total"])
"""Words in a column's name that mark it as a summary of samples, unless they follow a number as a unit (``30_min``)."""


class Format(NamedTuple):
    """How to recognise and read the output table of a quantifier.

    Attributes:
        name: the program that writes the table.
        known_by: columns that identify the format, because no other table has all of them.
        id_column: the column with the id of the gene or transcript.
        transcripts: whether rows are transcripts instead of genes.
        gene_column: for transcripts, the column with their gene, if the table has one.
    """

    name: str
    known_by: tuple[str, ...]
    id_column: str
    transcripts: bool
    gene_column: str | None = None


FORMATS = (
    Format("salmon", ("Name", "EffectiveLength", "NumReads"), "Name", True),
    Format("kallisto", ("target_id", "eff_length", "est_counts"), "target_id", True),
    Format("RSEM", ("gene_id", "transcript_id(s)", "expected_count"), "gene_id", False),
    Format("RSEM", ("transcript_id", "gene_id", "IsoPct"), "transcript_id", True, "gene_id"),
    Format("StringTie", ("Gene ID", "Reference", "Coverage"), "Gene ID", False),
)


class ExpressionTable(NamedTuple):
    """TPM of genes in samples.

    Attributes:
        tpm: float64, a row per gene (index: ids as in the tables), a column per sample.
        left_out: columns of matrices that were not used as samples.
    """

    tpm: pd.DataFrame
    left_out: list[str]


def read_expression(
    tables: Sequence[PathLike],
    *,
    samples: Sequence[str] = (),
    id_column: str | None = None,
    gene_of: Mapping[str, str] | None = None,
    strip_version: bool = False,
) -> ExpressionTable:
    """Read one or several expression tables; the format of each is recognised by its header.

    A table of salmon, kallisto, RSEM or StringTie is one sample, named after its file, or after its folder if the file
    has the program's default name. Any other table is a matrix with a row per gene. Genes that are not in all tables
    are excluded.

    Args:
        tables: the files.
        samples: columns of matrices to use. By default all numeric columns without words of :data:`NO_MEASURE`,
            :data:`NO_MEASURE_LAST` or :data:`OF_SAMPLES` in their names; a column with a word of :data:`OF_SAMPLES` is
            used if it is the only one left.
        id_column: column of matrices with the ids; by default the first one.
        gene_of: transcript -> gene; the TPM of transcripts are summed per gene.
        strip_version: also match transcripts without their version suffix.

    Raises:
        BadTable: a column is missing; a value is missing, negative, infinite or not a number; a gene is listed twice.
        BadOption: the table lists transcripts, and their genes are unknown.
        MissingFile, TruncatedFile: a file cannot be read.
    """
    parts, left_out, there = [], [], []
    for path in tables:
        table = read_delimited(path)
        form = _format_of(table)
        if form is None:
            chosen, rest = _sample_columns(table, samples, id_column)
            part = _values(table, id_column or table.columns[0], chosen, gene_of, strip_version)
            left_out += rest
            there += [name for name in table.columns if name != (id_column or table.columns[0])]
        else:
            part = _single_sample(table, form, gene_of, strip_version)
            there += list(part.columns)
        parts.append(part)
    missing = [name for name in samples if name not in there]
    if missing:
        raise BadTable(f"the column '{missing[0]}' is missing", where=tables[0], hint=f"it has {some(there, 8)}")
    return ExpressionTable(_joined(parts, samples), left_out)


def check_expression(tpm: pd.DataFrame, samples: Sequence[str] = ()) -> ExpressionTable:
    """Check an expression table in memory, and return its columns ``samples`` (by default all columns).

    The index of the table has the gene ids; each column is a sample.

    Raises:
        BadTable: see :func:`read_expression`.
    """
    missing = [name for name in samples if name not in tpm.columns]
    if missing:
        raise BadTable(f"the column '{missing[0]}' is missing", hint=f"it has {some(list(tpm.columns), 8)}")
    tpm = tpm[list(samples)] if samples else tpm
    ids = pd.Series(tpm.index.astype(str))
    _check_unique(ids, [f"row {row}" for row in range(len(ids))])
    values = {
        str(name): check_values(tpm[name].reset_index(drop=True), str(name), ids, lambda row: f"row {row}")
        for name in tpm.columns
    }
    return ExpressionTable(pd.DataFrame(values).set_axis(pd.Index(ids), axis=0), [])


def log_expression(tpm: pd.DataFrame, summary: str = "max") -> np.ndarray:
    """Return log10(summary over samples + 1) of every gene, float64 ``(genes,)``.

    >>> log_expression(pd.DataFrame({"a": [9.0, 0.0], "b": [1.0, 0.0]})).tolist()
    [1.0, 0.0]
    """
    if summary not in SUMMARIES:
        raise BadOption(f"--summary {summary}: unknown", hint=f"choose one of {', '.join(SUMMARIES)}")
    return np.log10(getattr(np, summary)(tpm.to_numpy(), axis=1) + 1)


def _format_of(table: Delimited) -> Format | None:
    """Recognise a quantifier's table by its columns; return ``None`` for a matrix."""
    for form in FORMATS:
        if all(column in table.columns for column in form.known_by):
            if "TPM" not in table.columns and "tpm" not in table.columns:
                raise BadTable(f"the column 'TPM' of this {form.name} table is missing", where=table.path)
            return form
    return None


def _single_sample(
    table: Delimited, form: Format, gene_of: Mapping[str, str] | None, strip_version: bool
) -> pd.DataFrame:
    """Return the TPM in a quantifier's table, a row per gene, as one column that is named after the sample."""
    column = "TPM" if "TPM" in table.columns else "tpm"
    of_genes = not form.transcripts or Path(table.path).name.startswith("quant.genes.")
    own = None
    if form.gene_column is not None and gene_of is None:
        own = dict(zip(table.ids(form.id_column), table.ids(form.gene_column), strict=True))
    if not of_genes and gene_of is None and own is None:
        raise BadOption(
            f"{table.path}: this {form.name} table has a row per transcript",
            hint="use --tx2gene TABLE or --annotation GTF to map transcripts to genes",
        )
    if form.name == "StringTie":
        part = _summed(table, table.ids(form.id_column), [column])
        if len(part) < len(table.frame):
            logger.warning("%s: genes on several rows are summed (%d rows)", table.path, len(table.frame) - len(part))
    else:
        part = _values(table, form.id_column, [column], None if of_genes else own or gene_of, strip_version)
    return part.set_axis([_sample_name(table.path)], axis=1)


def _sample_name(path: PathLike) -> str:
    """Name a sample after its file, or after its folder if the file has the program's default name."""
    name = re.sub(r"\.(gz|bgz)$", "", Path(path).name)
    name = re.sub(r"\.(sf|tsv|txt|tab|csv|results)$", "", name)
    name = re.sub(r"\.(genes|isoforms|gene_abund|gene_abundances?|abundance|quant)$", "", name)
    return Path(path).absolute().parent.name if name in ("quant", "abundance", "gene_abund", "genes") else name


def _sample_columns(table: Delimited, samples: Sequence[str], id_column: str | None) -> tuple[list[str], list[str]]:
    """Return the sample columns of a matrix and the other columns, and warn about the latter."""
    if id_column is not None and id_column not in table.columns:
        raise BadTable(
            f"the column '{id_column}' is missing", where=table.path, hint=f"its columns are {some(table.columns, 8)}"
        )
    candidates = [name for name in table.columns if name != (id_column or table.columns[0])]
    if samples:
        return [name for name in candidates if name in set(samples)], []
    kinds = {name: _kind(name) for name in candidates if _looks_numeric(table.frame[name])}
    measures = [name for name, kind in kinds.items() if kind != "no measure"]
    chosen = [name for name in measures if kinds[name] == "sample"]
    if not chosen and len(measures) == 1:
        chosen = measures
        logger.warning(
            "%s: '%s' is used as the sample, because no other column is left; its name suggests a summary of samples",
            table.path,
            chosen[0],
        )
    if not chosen:
        _check_commas(table, candidates)
        raise BadTable(
            "no column looks like a sample", where=table.path, hint=f"use --samples with some of {some(candidates, 8)}"
        )
    left_out = [name for name in candidates if name not in chosen]
    if left_out:
        logger.warning(
            "%s: not used as samples, by their names or because they contain text: %s; use --samples to select samples",
            table.path,
            some([f"'{name}'" for name in left_out], 8),
        )
    return chosen, left_out


def _check_commas(table: Delimited, names: list[str]) -> None:
    """Raise BadTable if a column looks like text because its numbers have decimal commas."""
    for name in names:
        if table.frame[name].astype(str).str.fullmatch(r"\s*\d+,\d+\s*").any():
            table.values(name, table.ids(table.columns[0]))


def _kind(name: str) -> str:
    """Classify a column by its name as ``sample``, ``of samples`` (a summary), or ``no measure``."""
    words = [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name)]
    if not words:
        return "sample"
    before = ["", *words]
    plain = {word for previous, word in zip(before, words, strict=False) if not previous.isdigit()}
    if plain & NO_MEASURE or words[-1] in NO_MEASURE_LAST & plain:
        return "no measure"
    return "of samples" if plain & OF_SAMPLES else "sample"


def _looks_numeric(column: pd.Series) -> bool:
    """Return whether at least half of a column's values are numbers; its other values are then reported as errors."""
    if pd.api.types.is_bool_dtype(column):
        return False
    if pd.api.types.is_numeric_dtype(column):
        return True
    return bool(pd.to_numeric(column, errors="coerce").notna().mean() >= 0.5)


def _values(
    table: Delimited, id_column: str, columns: list[str], gene_of: Mapping[str, str] | None, strip_version: bool
) -> pd.DataFrame:
    """Return the checked TPM of some columns, a row per gene; with ``gene_of``, transcripts are summed per gene."""
    ids = table.ids(id_column)
    _check_unique(ids, table)
    if gene_of is None:
        return pd.DataFrame({name: table.values(name, ids) for name in columns}, index=pd.Index(ids))
    return _summed(table, _genes_of(table, ids, gene_of, strip_version), columns)


def _check_unique(ids: pd.Series, table: Delimited | Sequence[str]) -> None:
    """Raise BadTable if two rows have the same id; ``table`` is the table of the ids, or the location of each row."""
    twice = ids.duplicated().to_numpy()
    if twice.any():
        row = int(np.argmax(twice))
        where = table.place(row) if isinstance(table, Delimited) else table[row]
        raise BadTable(f"duplicate id '{ids.iloc[row]}'", where=where, hint="keep one row per gene")


def _summed(table: Delimited, genes: pd.Series, columns: list[str]) -> pd.DataFrame:
    """Sum some columns over the rows of each gene, in order of first appearance; rows without a gene are dropped."""
    values = pd.DataFrame({name: table.values(name, genes) for name in columns}, index=table.frame.index)
    return values.groupby(genes.to_numpy(), sort=False, dropna=True).sum()


def _genes_of(table: Delimited, ids: pd.Series, gene_of: Mapping[str, str], strip_version: bool) -> pd.Series:
    """Return the gene of every transcript in ``ids``, missing if it is unknown; warn about such transcripts."""
    known, genes = list(gene_of), list(gene_of.values())
    match = match_names(list(ids), known, many=True, targets=genes, rules=SAME_KIND, eager=strip_version)
    found = pd.Series([genes[place] if place >= 0 else None for place in match.places.tolist()], index=ids.index)
    unknown = ids[found.isna()]
    if len(unknown) == len(ids):
        raise BadTable(
            f"no transcript has a gene: the table has {some(list(ids))}, but genes are known for {some(known)}",
            where=table.path,
            hint="check that --tx2gene or --annotation belongs to the transcripts that were quantified",
        )
    report_rule(match, table.path, "transcripts", len(ids), int((match.places >= 0).sum()))
    if len(unknown):
        logger.warning(
            "%s: %d of %d transcripts have no gene: %s", table.path, len(unknown), len(ids), some(list(unknown))
        )
    return found


def _joined(parts: list[pd.DataFrame], samples: Sequence[str]) -> pd.DataFrame:
    """Join tables side by side; keep the genes that are in all tables, and the requested ``samples`` (or all)."""
    names = [name for part in parts for name in part.columns]
    twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    if twice:
        raise BadTable(f"several tables have a sample '{twice[0]}'", hint="rename the files or their folders")
    tpm = parts[0] if len(parts) == 1 else pd.concat(parts, axis=1, join="inner")
    most = max(len(part) for part in parts)
    if len(tpm) < most:
        logger.warning("%d genes are not in all of the tables and are excluded", most - len(tpm))
    return tpm[list(samples)] if samples else tpm
