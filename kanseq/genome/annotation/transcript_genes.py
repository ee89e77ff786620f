"""Map transcripts to genes. In: a table of two columns. Out: a mapping."""

import re
from collections.abc import Iterator

import pandas as pd

from kanseq.errors import BadTable, MalformedLine
from kanseq.io.files import PathLike, open_text


def read_tx2gene(path: PathLike | pd.DataFrame) -> dict[str, str]:
    """Read a table of transcripts and their genes; return a mapping from transcripts to genes.

    Columns are separated by tabs, commas or spaces. The first two columns of a file or of a table in memory are used.
    A header line is allowed: it only adds a pair that is never used.

    Raises:
        MalformedLine: a line has only one column.
        BadTable: a transcript is listed with two genes, or the table is empty.
    """
    gene_of: dict[str, str] = {}
    for where, cells in _table_rows(path) if isinstance(path, pd.DataFrame) else _lines(path):
        if len(cells) < 2:
            raise MalformedLine(
                "two columns are required, transcript and gene", where=where, hint="separate them with tabs"
            )
        if gene_of.setdefault(cells[0], cells[1]) != cells[1]:
            raise BadTable(f"'{cells[0]}' belongs to '{cells[1]}' here and to '{gene_of[cells[0]]}' above", where=where)
    if not gene_of:
        raise BadTable("the table has no transcripts", where=None if isinstance(path, pd.DataFrame) else path)
    return gene_of


def _table_rows(table: pd.DataFrame) -> Iterator[tuple[str, list[str]]]:
    """Yield the location (for messages) and the first two cells of each row of a table in memory."""
    for number, cells in enumerate(table.iloc[:, :2].astype(str).to_numpy().tolist()):
        yield f"row {number} of the table of transcripts", cells


def _lines(path: PathLike) -> Iterator[tuple[str, list[str]]]:
    """Yield the location (``file:line``) and the cells of each line, skipping empty lines and comments."""
    with open_text(path) as handle:
        for number, line in enumerate(handle, 1):
            if line.strip() and not line.startswith("#"):
                yield f"{path}:{number}", [cell.strip(' "') for cell in re.split(r"[\t,]| +", line.strip())]
