"""Read expression tables of all common formats. In: matrices or quantifiers' files. Out: TPM, genes × samples."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import pandas as pd

from kanseq.errors import BadOption, BadTable
from kanseq.genome.expression.amounts import (
    COMPUTED,
    check_file_name,
    check_unit,
    common_unit,
    tpm_of_counts,
    with_medians,
)
from kanseq.genome.expression.columns import choose_columns, counted_columns, selected_columns
from kanseq.genome.expression.formats import (
    Format,
    column_named,
    feature_counts_samples,
    format_of,
    lists_genes,
    sample_names,
)
from kanseq.genome.expression.gene_values import check_unique, gene_values, join_tables, summed_values
from kanseq.genome.expression.identifiers import gene_column, row_ids
from kanseq.genome.expression.long_tables import read_long
from kanseq.genome.expression.not_genes import only_genes
from kanseq.genome.expression.sample_sheets import read_conditions
from kanseq.genome.expression.shapes import numbers_of
from kanseq.genome.names.spellings import gene_in_header
from kanseq.io.delimited.names import rejoined
from kanseq.io.delimited.reading import read_delimited, read_header
from kanseq.io.delimited.table import Delimited, check_values
from kanseq.io.files import PathLike, some

logger = logging.getLogger(__name__)


class ExpressionTable(NamedTuple):
    """TPM of genes in samples.

    Attributes:
        tpm: float64, a row per gene (index: ids as in the tables), a column per sample.
        left_out: columns of matrices that were not used as samples.
        unit: the unit of the values, with the addition ``(assumed)`` if no name of a column states it.
        texts: columns with text, which may contain other ids of the genes; empty if there are several tables.
        conditions: sample -> condition, if there is a sample sheet.
    """

    tpm: pd.DataFrame
    left_out: list[str]
    unit: str = "TPM"
    texts: Mapping[str, Sequence[str]] = MappingProxyType({})
    conditions: Mapping[str, str] | None = None


class Part(NamedTuple):
    """The expression in one table.

    Attributes:
        tpm: a row per gene, a column per sample that is used.
        unit: the unit of the values.
        left_out: columns that were not used as samples.
        others: samples that were not used, because others were requested.
        there: names of all columns and samples, for messages.
        texts: columns with text that are not used, which may contain other ids of the rows.
    """

    tpm: pd.DataFrame
    unit: str
    left_out: list[str]
    others: list[str]
    there: list[str]
    texts: Mapping[str, Sequence[str]] = MappingProxyType({})


class Reading(NamedTuple):
    """How to read a table; see :func:`read_expression`.

    Attributes:
        single: whether it is the only table.
        name: name of its sample, if it has one.
        same_header: whether another table has the same columns, so that they cannot be the names of samples.
    """

    samples: Sequence[str]
    id_column: str | None
    gene_of: Mapping[str, str] | None
    strip_version: bool
    single: bool
    name: str
    same_header: bool


def read_expression(
    tables: Sequence[PathLike],
    *,
    samples: Sequence[str] = (),
    id_column: str | None = None,
    gene_of: Mapping[str, str] | None = None,
    strip_version: bool = False,
    decimal: str | None = None,
    sheet: PathLike | pd.DataFrame | None = None,
) -> ExpressionTable:
    """Read one or several expression tables; the format of each is recognised by its header.

    A table of salmon, kallisto, RSEM, StringTie or Cufflinks is one sample, named after its file, or after its folder
    if the file has the program's default name. In a table of featureCounts, TPM are computed from counts and lengths.
    Any other table is a matrix with a row per gene. The samples of matrices with the same header are named after their
    files too. Genes that are not in all tables are excluded.

    Args:
        tables: the files.
        samples: samples to use: columns of matrices, or names of quantifiers' files. A column of a quantifier's table
            is used instead of its TPM. By default, the columns that :mod:`kanseq.genome.expression.columns` chooses.
        id_column: column with the ids; by default the first one of a matrix.
        gene_of: transcript -> gene; the TPM of transcripts are summed per gene. By default, the genes are in a column
            of the table, if there is one.
        strip_version: also match transcripts without their version suffix.
        decimal: the decimal mark of the tables, ``.`` or ``,``; by default it is determined from their numbers.
        sheet: a sample sheet (:func:`kanseq.genome.expression.sample_sheets.read_conditions`). Without ``samples``, its
            samples are used.

    Raises:
        BadTable: a column is missing; a value is missing, negative, infinite or not a number; a gene is listed twice;
            it is unclear which columns are samples; tables are in different units.
        BadOption: the table lists transcripts, and their genes are unknown.
        MissingFile, TruncatedFile: a file cannot be read.
    """
    text = () if id_column is None else (id_column,)
    read = (with_medians(read_delimited(path, decimal=decimal, text=text)) for path in tables)
    if len(tables) == 1:
        read = [*read]
        headers = [tuple(read[0].columns)]
    else:
        # Large tables are read one after the other; streams cannot be read twice.
        headers = [tuple(read_header(path)) if Path(path).is_file() else () for path in tables]
    names, columns = sample_names(tables), [name for header in headers for name in header]
    conditions = None if sheet is None else read_conditions(sheet, [*dict.fromkeys([*columns, *names])])
    samples = rejoined(samples or list(conditions or ()), columns)
    parts = []
    for table, name, header in zip(read, names, headers, strict=True):
        same = headers.count(header) > 1
        reading = Reading(samples, id_column, gene_of, strip_version, len(tables) == 1, name, same)
        parts.append(_read_table(table, reading))
    there = [name for part in parts for name in part.there]
    missing = [name for name in samples if name not in there]
    if missing:
        raise BadTable(f"the column '{missing[0]}' is missing", where=tables[0], hint=f"it has {some(there, 8)}")
    others = [name for part in parts for name in part.others]
    if others:
        logger.warning(
            "samples that --samples or the sample sheet does not list are not used: %s",
            some([f"'{name}'" for name in others], 8),
        )
    used = [(path, part) for path, part in zip(tables, parts, strict=True) if len(part.tpm.columns)]
    tpm = join_tables([part.tpm for _path, part in used], samples)
    unit = common_unit([(path, part.unit) for path, part in used])
    left_out = [name for part in parts for name in (*part.left_out, *part.others)]
    return ExpressionTable(tpm, left_out, unit, parts[0].texts if len(parts) == 1 else {}, conditions)


def check_expression(
    tpm: pd.DataFrame, samples: Sequence[str] = (), sheet: PathLike | pd.DataFrame | None = None
) -> ExpressionTable:
    """Check an expression table in memory, and return its columns ``samples`` (by default those of ``sheet``, or all).

    The index of the table has the gene ids; each column is a sample.

    Raises:
        BadTable: see :func:`read_expression`.
    """
    conditions = None if sheet is None else read_conditions(sheet, [str(name) for name in tpm.columns])
    samples = samples or list(conditions or ())
    missing = [name for name in samples if name not in tpm.columns]
    if missing:
        raise BadTable(f"the column '{missing[0]}' is missing", hint=f"it has {some(list(tpm.columns), 8)}")
    tpm = tpm[list(samples)] if samples else tpm
    ids = pd.Series(tpm.index.astype(str))
    check_unique(ids, [f"row {row}" for row in range(len(ids))])
    values = {
        str(name): check_values(tpm[name].reset_index(drop=True), str(name), ids, lambda row: f"row {row}")
        for name in tpm.columns
    }
    checked = pd.DataFrame(values).set_axis(pd.Index(ids), axis=0)
    stated = selected_columns(checked, list(values), list(values), "the table").unit
    return ExpressionTable(checked, [], check_unit(checked, stated, None), conditions=conditions)


def _read_table(table: Delimited, reading: Reading) -> Part:
    """Return the expression in one table of any format."""
    long = read_long(table, reading.id_column)
    if long is not None:
        used = [name for name in long.columns if not reading.samples or name in reading.samples]
        others = [name for name in long.columns if name not in used]
        unit = check_unit(long, "FPKM", table.path)
        return Part(long[used], unit, [], others, list(long.columns))
    form = format_of(table) if not feature_counts_samples(table.columns) else None
    return _matrix(table, reading) if form is None else _quantified(table, form, reading)


def _quantified(table: Delimited, form: Format, reading: Reading) -> Part:
    """Return the sample in a quantifier's table, which is named after the file, or other columns that are requested."""
    name, samples = reading.name, reading.samples
    columns = [] if name in samples else [column for column in samples if column in table.columns]
    there = [name, *table.columns]
    if samples and not columns and name not in samples:
        return Part(pd.DataFrame(), form.unit, [], [name], there)
    if columns:
        unit = selected_columns(table.frame, list(table.columns), columns, table.path).unit
    else:
        columns, unit = [str(column_named(table.columns, form.value))], form.unit
    part = _genes_in(table, form, columns, reading)
    unit = check_unit(part, unit, table.path)
    if not samples or name in samples or (len(columns) == 1 and not reading.single):
        part = part.set_axis([name], axis=1)
    return Part(part, unit, [], [], there)


def _genes_in(table: Delimited, form: Format, columns: list[str], reading: Reading) -> pd.DataFrame:
    """Return columns of a quantifier's table, a row per gene; rows of transcripts are summed."""
    ids = str(column_named(table.columns, form.id_column))
    table = only_genes(table, ids)
    genes = column_named(table.columns, form.gene_column) if form.gene_column else gene_column(table, ids)
    of_genes = not form.transcripts or lists_genes(table.path)
    other_ids = reading.id_column if reading.id_column in table.columns and reading.id_column != ids else None
    if form.repeated or other_ids is not None:
        part = summed_values(table, table.ids(other_ids or ids), columns)
        if len(part) < len(table.frame):
            logger.warning("%s: genes on several rows are summed (%d rows)", table.path, len(table.frame) - len(part))
        return part
    check_unique(table.ids(ids), table)
    if of_genes:
        return gene_values(table, ids, columns, None, reading.strip_version)
    gene_of = reading.gene_of
    if gene_of is None:
        names = table.ids(ids)
        own = names.map(gene_in_header) if genes is None else table.ids(genes)
        gene_of = dict(zip(names, own, strict=True)) if own.notna().all() else None
    if gene_of is None:
        raise BadOption(
            f"{table.path}: this {form.name} table has a row per transcript",
            hint="use --tx2gene TABLE or --annotation GTF to map transcripts to genes",
        )
    return gene_values(table, ids, columns, gene_of, reading.strip_version)


def _matrix(table: Delimited, reading: Reading) -> Part:
    """Return the samples in a matrix, a row per gene."""
    rows = row_ids(table, reading.id_column, reading.gene_of is not None)
    table = only_genes(table, rows.ids)
    check_unique(table.ids(rows.ids), table)
    counted = feature_counts_samples(table.columns)
    candidates = [name for name in counted or table.columns if name not in (rows.ids, rows.genes)]
    requested, there = _requested(candidates, reading)
    if requested is None:
        return Part(pd.DataFrame(), "", [], [reading.name], there)
    if counted:
        choice = counted_columns(table.frame, candidates, requested, table.path)
    elif requested:
        choice = selected_columns(table.frame, candidates, requested, table.path)
    else:
        choice = choose_columns(table.frame, candidates, table.path)
        check_file_name(table, choice.samples)
    rest = [column.name for column in choice.left_out]
    left_out, others = ([], rest) if requested else (rest, [])
    if not choice.samples:
        return Part(pd.DataFrame(), "", [], others, there)
    unit = choice.unit
    if counted:
        computed = tpm_of_counts(table, choice.samples, table.ids(rows.ids))
        table, unit = replace(table, frame=table.frame.assign(**computed)), COMPUTED
    if rows.genes is None:
        part = gene_values(table, rows.ids, choice.samples, reading.gene_of, reading.strip_version)
    else:
        part = summed_values(table, table.ids(rows.genes), choice.samples)
    texts = {name: list(table.frame[name].astype(str)) for name in candidates if numbers_of(table.frame[name]) is None}
    unit = check_unit(part, unit, table.path, table.notes)
    if reading.same_header:
        single = len(choice.samples) == 1
        part = part.rename(
            columns={name: reading.name if single else f"{reading.name} {name}" for name in part.columns}
        )
    return Part(part, unit, left_out, others, there, texts)


def _requested(candidates: Sequence[str], reading: Reading) -> tuple[list[str] | None, list[str]]:
    """Return the columns of a matrix that are requested, none for the default, and all names that can be requested.

    If another table has the same header, these are the names of the columns, of the file, or of both. The requested
    columns are None if no sample of this table is requested.
    """
    if not reading.same_header or not reading.samples:
        return list(reading.samples), list(candidates)
    own = {f"{reading.name} {name}": name for name in candidates} | {name: name for name in candidates}
    if reading.name in reading.samples:
        return [], [reading.name]
    return [own[name] for name in reading.samples if name in own] or None, [reading.name, *own]
