"""Decide whether a first line with numbers is a header or a row. In: the line, ids of rows. Out: the decision."""

from collections.abc import Sequence
from typing import Protocol

from kanseq.errors import BadTable
from kanseq.io.delimited.names import are_row_numbers, is_counter, names_ids, names_index, shape
from kanseq.io.files import PathLike, some


class _Numbered(Protocol):
    """A line: its number and its cells."""

    number: int
    cells: list[str]


def is_header_of_numbers(line: _Numbered, ids: Sequence[str], path: PathLike) -> bool:
    """Return whether a line is a header whose names are numbers, such as ``gene,1,2,3``, instead of a row.

    Args:
        line: the first line that has numbers where the rows have numbers.
        ids: first cells of other lines.
        path: the file, for messages.

    Raises:
        BadTable: both are possible.
    """
    first, names = line.cells[0], [cell for cell in line.cells[1:] if cell]
    if names_ids(first) or names_index(first):
        return True
    same_shape = shape(first) in {shape(name) for name in ids}
    if are_row_numbers(line.cells) and not same_shape:
        return True
    has_digit = any(letter.isdigit() for letter in first)
    if is_counter(first) or (same_shape and has_digit) or not all(name.isdigit() for name in names):
        return False
    unlike_ids = not same_shape and not has_digit and all(any(letter.isdigit() for letter in name) for name in ids)
    counting = len(names) > 1 and are_row_numbers(names, gaps=not has_digit)
    if not unlike_ids and not counting:
        return False
    raise BadTable(
        f"this line can be the header or a gene: {some([first, *names], 4)}",
        where=f"{path}:{line.number}",
        hint="if it is the header, name its first column gene_id; if it is a gene, add a header above it",
    )
