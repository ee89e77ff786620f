"""Recognise files of other formats than tables. In: the first lines of a file. Out: a name and advice, or an error."""

from collections.abc import Sequence

from kanseq.errors import BadTable
from kanseq.io.files import PathLike

_FEW = 10
"""Number of lines that are examined."""


def is_annotation(cells: Sequence[str]) -> bool:
    """Return whether cells are those of a row of GTF or GFF3."""
    return len(cells) == 9 and cells[3].isdigit() and cells[4].isdigit() and cells[6] in ("+", "-", ".")


def check_is_table(lines: Sequence[str], path: PathLike) -> None:
    """Raise BadTable if the first ``lines`` that are no comments are those of GTF, BED, FASTA or Matrix Market."""
    if lines and lines[0].startswith("%%MatrixMarket"):
        hint = "write a table with a row per gene"
        raise BadTable("this is a Matrix Market file, not a table", where=path, hint=hint)
    rows = [line.split("\t") for line in lines if not line.startswith(("#!", "track ", "browser "))][:_FEW]
    if rows and all(map(is_annotation, rows)):
        hint = "pass the table of the quantifier, such as the output of stringtie -A"
        raise BadTable("this is a GTF or GFF3 file, not a table", where=path, hint=hint)
    if len(rows) > 1 and all(map(_is_interval, rows)) and len({cells[0] for cells in rows}) < len(rows):
        hint = "write a table with gene ids and TPM"
        raise BadTable("this is a BED file, not an expression table", where=path, hint=hint)
    if rows and rows[0][0].startswith(">"):
        raise BadTable("this is a FASTA file, not a table", where=path)
    if len(rows) > 1 and all(len(cells) == 1 and _is_quoted(cells[0]) for cells in rows):
        raise BadTable(
            "each line is quoted as a whole", where=path, hint="remove the first and last quote of each line"
        )


def _is_interval(cells: Sequence[str]) -> bool:
    """Return whether cells are those of a row of BED."""
    return len(cells) > 3 and cells[1].isdigit() and cells[2].isdigit() and int(cells[1]) < int(cells[2])


def _is_quoted(line: str) -> bool:
    """Return whether a line with commas or semicolons has a quote at each end only."""
    line = line.strip()
    return len(line) > 2 and line[0] == line[-1] == '"' and '"' not in line[1:-1] and ("," in line or ";" in line)
