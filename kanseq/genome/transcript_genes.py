"""Which gene a transcript belongs to. In: a table of two columns, or an annotation. Out: transcript -> gene."""

import re
from collections.abc import Iterator

import pandas as pd

from kanseq.errors import BadTable, MalformedLine, NoGenes
from kanseq.files import PathLike, open_text
from kanseq.genome.annotation import read_genes
from kanseq.genome.rows import TRANSCRIPTS, Row, attributes_of, read_rows

TRANSCRIPTS_ALONE = re.compile(rb"(?:transcript|RNA)\t")
"""Rows of transcripts without those of their parts, which are many."""


def read_tx2gene(path: PathLike | pd.DataFrame) -> dict[str, str]:
    """Read ``transcript, gene`` lines, split by tabs, commas or blanks; further columns are not looked at.

    A table in memory counts by its first two columns.

    A header line does no harm: it is one more pair that nothing asks for.

    Raises:
        MalformedLine: a line has one column only.
        BadTable: a transcript has two genes, or the table is empty.
    """
    gene_of: dict[str, str] = {}
    for where, cells in _table_rows(path) if isinstance(path, pd.DataFrame) else _lines(path):
        if len(cells) < 2:
            raise MalformedLine("two columns are wanted, transcript and gene", where=where, hint="split them by a tab")
        if gene_of.setdefault(cells[0], cells[1]) != cells[1]:
            raise BadTable(f"'{cells[0]}' belongs to '{cells[1]}' here and to '{gene_of[cells[0]]}' above", where=where)
    if not gene_of:
        raise BadTable("this table names no transcript", where=None if isinstance(path, pd.DataFrame) else path)
    return gene_of


def _table_rows(table: pd.DataFrame) -> Iterator[tuple[str, list[str]]]:
    """Yield place and cells of each row."""
    for number, cells in enumerate(table.iloc[:, :2].astype(str).to_numpy().tolist()):
        yield f"row {number} of the table of transcripts", cells


def _lines(path: PathLike) -> Iterator[tuple[str, list[str]]]:
    """Yield place and cells of each line that is neither empty nor a comment."""
    with open_text(path) as handle:
        for number, line in enumerate(handle, 1):
            if line.strip() and not line.startswith("#"):
                yield f"{path}:{number}", [cell.strip(' "') for cell in re.split(r"[\t,]| +", line.strip())]


def read_transcript_genes(path: PathLike) -> dict[str, str]:
    """Read a GTF's or GFF3's transcripts, and name their genes as ``kanseq extract`` does by default.

    In GFF3 a transcript is known by its ``ID``, with and without a prefix such as ``transcript:`` or ``rna-``, and by
    ``transcript_id``.

    Raises:
        NoGenes: the annotation has no transcripts. Others as :func:`kanseq.genome.rows.read_rows`.
    """
    names = {gene.feature: gene.id for gene in read_genes(path)}
    for wanted in (TRANSCRIPTS_ALONE, TRANSCRIPTS):
        gene_of: dict[str, str] = {}
        for row in read_rows(path, wanted):
            _add(gene_of, row, names)
        if gene_of:
            return gene_of
    raise NoGenes("no rows of transcripts", where=path, hint="give --tx2gene TABLE instead")


def _add(gene_of: dict[str, str], row: Row, names: dict[str, str]) -> None:
    """Note the gene of the transcript that a row tells of."""
    attributes = attributes_of(row)
    feature = attributes.get("Parent") or attributes.get("gene_id")
    if feature not in names:
        return
    known_as = {attributes.get("transcript_id", "")}
    if "Parent" in attributes:
        known_as |= {attributes.get("ID", ""), re.sub(r"^(transcript:|rna-)", "", attributes.get("ID", ""))}
    for name in known_as - {""}:
        gene_of[name] = names[feature]
