"""Recognise the tables of quantifiers by their headers. In: a table. Out: its format, the name of its sample.

Names of columns are compared by letters and digits only, because R changes other characters (``transcript_id.s.``).
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from kanseq.errors import BadTable
from kanseq.genome.expression.shapes import numbers_of
from kanseq.genome.expression.units import meaning_of
from kanseq.io.delimited.names import words_of
from kanseq.io.delimited.table import Delimited
from kanseq.io.files import PathLike


class Format(NamedTuple):
    """How to recognise and read the output table of a quantifier; names of columns as :func:`words_of` writes them.

    Attributes:
        name: the program that writes the table.
        known_by: columns that identify the format, because no other table has all of them.
        id_column: the column with the id of the gene or transcript.
        transcripts: whether rows are transcripts instead of genes.
        gene_column: for transcripts, the column with their gene, if the table has one.
        value: the column with the expression.
        unit: the unit of the expression.
        repeated: whether a gene can have several rows, which are summed.
    """

    name: str
    known_by: tuple[str, ...]
    id_column: str
    transcripts: bool = False
    gene_column: str | None = None
    value: str = "tpm"
    unit: str = "TPM"
    repeated: bool = False


FORMATS = (
    Format("salmon", ("name", "effectivelength", "numreads"), "name", True),
    Format("kallisto", ("targetid", "efflength", "estcounts"), "targetid", True),
    Format("RSEM", ("geneid", "transcriptids", "expectedcount"), "geneid"),
    Format("RSEM", ("transcriptid", "geneid", "isopct"), "transcriptid", True, "geneid"),
    Format("StringTie", ("geneid", "reference", "coverage"), "geneid", repeated=True),
    Format("StringTie", ("tid", "tname", "numexons", "geneid", "fpkm"), "tname", True, "geneid", "fpkm", "FPKM"),
    Format(
        "Cufflinks", ("trackingid", "geneid", "fpkm", "fpkmconflo"), "geneid", value="fpkm", unit="FPKM", repeated=True
    ),
)
"""Formats with one sample per file."""

FEATURE_COUNTS = ("geneid", "chr", "start", "end", "strand", "length")
"""The columns of featureCounts before those of samples."""

DEFAULT_NAMES = frozenset(
    ["quant", "abundance", "gene_abund", "gene_abundance", "gene_abundances", "genes", "isoforms", "t_data"]
)
"""Names of files that do not name the sample."""


def column_named(columns: Sequence[str], plain: str) -> str | None:
    """Return the first column whose :func:`words_of` is ``plain``, or None."""
    return next((column for column in columns if words_of(column) == plain), None)


def format_of(table: Delimited) -> Format | None:
    """Return the format of a quantifier's table with one sample; None for a matrix.

    A table with several columns in the unit of the format was merged from several samples: it is a matrix.

    Raises:
        BadTable: the column with the expression is missing.
    """
    there = {words_of(column) for column in table.columns}
    form = next((form for form in FORMATS if there.issuperset(form.known_by)), None)
    if form is None:
        return None
    measured = [
        name for name in table.columns if _in_unit(name, form.unit) and numbers_of(table.frame[name]) is not None
    ]
    if form.value in there and len(measured) <= 1:
        return form
    if measured:
        return None
    raise BadTable(f"the column '{form.unit}' of this {form.name} table is missing", where=table.path)


def feature_counts_samples(columns: Sequence[str]) -> list[str]:
    """Return the columns after ``Length`` of a table of featureCounts; an empty list for other tables."""
    names = [words_of(column) for column in columns]
    first = names.index("geneid") if "geneid" in names else 0
    last = first + len(FEATURE_COUNTS)
    return list(columns[last:]) if tuple(names[first:last]) == FEATURE_COUNTS else []


def sample_name(path: PathLike) -> str:
    """Name a sample after its file, or after its folder if the file has the program's default name."""
    name = re.sub(r"\.(gz|bgz)$", "", Path(path).name)
    name = re.sub(r"\.(sf|tsv|txt|tab|csv|results|fpkm_tracking|ctab|tabular|counts?)$", "", name)
    name = re.sub(r"(?<=.)[._]?ReadsPerGene\.out$", "", name)
    name = re.sub(r"\.(genes|isoforms|gene_abund|gene_abundances?|abundance|quant)$", "", name)
    return Path(path).absolute().parent.name if name in DEFAULT_NAMES else name


def sample_names(paths: Sequence[PathLike]) -> list[str]:
    """Name the samples of several files, which have a sample each: after the files, or else after their folders."""
    names = [sample_name(path) for path in paths]
    folders = [Path(path).absolute().parent.name for path in paths]
    if len(set(names)) < len(names):
        both = [f"{folder}/{name}" for folder, name in zip(folders, names, strict=True)]
        names = folders if len(set(folders)) == len(folders) else both
    return names


def lists_genes(path: PathLike) -> bool:
    """Return whether a file is salmon's table of genes (``quant.genes.sf``), by its name."""
    return re.search(r"(^|\.)genes\.", Path(path).name) is not None


def _in_unit(name: str, unit: str) -> bool:
    """Return whether the name of a column states expression in a unit."""
    meaning = meaning_of(name)
    return meaning.unit == unit and meaning.role is None and meaning.summary is None
