"""What a table holds: its columns, their types and meaning.

In: a header. Out: whether it is that of a table, and what each of its columns is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    import pyarrow as pa

Kind: TypeAlias = Literal["text", "integer", "number", "value", "float32 list", "float64 list"]
"""Type of a column.

``text``: str. ``integer``: int64. ``number``: float64. ``value``: text or number, as the row wants it. Lists are found
in Parquet files only.
"""


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        name: as it stands in the header. One ``*`` stands for any text: ``logit:*`` is a family of columns.
        kind: type of its values.
        help: meaning, in one line.
        optional: a table may lack the column. A family is always optional.
        missing: cells may be empty.
        format: format specification of numbers with a fraction, such as ``.6g``; empty: the shortest text that reads
            back as the same float64. Integers are written in full.
    """

    name: str
    kind: Kind
    help: str
    optional: bool = False
    missing: bool = False
    format: str = ""

    @property
    def is_family(self) -> bool:
        """Whether it stands for any number of columns."""
        return "*" in self.name

    def describes(self, name: str) -> bool:
        """Return whether a column called ``name`` is this one, or of this family.

        >>> Column("logit:*", "number", "logit of a class").describes("logit:exon")
        True
        """
        first, star, last = self.name.partition("*")
        if not star:
            return name == self.name
        return len(name) > len(first) + len(last) and name.startswith(first) and name.endswith(last)


@dataclass(frozen=True)
class Schema:
    """A table that kanseq writes.

    Attributes:
        name: key in :data:`kanseq.io.registry.SCHEMAS`.
        file: the name that the file usually has.
        title: what ``kanseq inspect`` calls it.
        verbs: commands that write it.
        help: what a row is, in one line.
        columns: in the order of the header; families last, wherever they stand in the file.
        version: of the columns and their meaning. It is not written into a TSV.
        storage: ``tsv`` or ``parquet``.
        has_header: whether the first line of a TSV names the columns.
        known_by: leading columns by which the table is recognised; 0: all that stand before the first optional one.
    """

    name: str
    file: str
    title: str
    verbs: tuple[str, ...]
    help: str
    columns: tuple[Column, ...]
    version: int = 1
    storage: Literal["tsv", "parquet"] = "tsv"
    has_header: bool = True
    known_by: int = 0

    @property
    def required(self) -> tuple[str, ...]:
        """Names of the columns that no table lacks, in order."""
        return tuple(column.name for column in self.columns if not (column.optional or column.is_family))

    @property
    def head(self) -> tuple[str, ...]:
        """Names of the leading columns by which the table is recognised."""
        fixed = takewhile(lambda column: not (column.optional or column.is_family), self.columns)
        return tuple(column.name for column in fixed)[: self.known_by or None]

    def column(self, name: str) -> Column | None:
        """Return the column called ``name``, or its family; None if the table has no such column."""
        fixed = [column for column in self.columns if column.name == name and not column.is_family]
        families = [column for column in self.columns if column.is_family and column.describes(name)]
        return (fixed + families or [None])[0]

    def begins(self, header: Sequence[str]) -> bool:
        """Return whether a header begins with the columns by which the table is recognised."""
        return tuple(header[: len(self.head)]) == self.head

    def check_header(self, header: Sequence[str]) -> None:
        """Refuse to write a table with other columns than are declared.

        Raises:
            ValueError: a column is missing, unknown, twice there, or not in its place: a fault of kanseq.
        """
        unknown = [name for name in header if self.column(name) is None]
        missing = [name for name in self.required if name not in header]
        if unknown or missing or len(set(header)) < len(header) or not self.begins(header):
            raise ValueError(f"{self.file} has the columns {self.required}, and these are written: {tuple(header)}")

    def arrow(self) -> "pa.Schema":
        """Return the columns as a schema of Arrow, for tables in Parquet files."""
        import pyarrow as pa

        types = {
            "text": pa.string(),
            "integer": pa.int64(),
            "number": pa.float64(),
            "float32 list": pa.list_(pa.float32()),
            "float64 list": pa.list_(pa.float64()),
        }
        return pa.schema([(column.name, types[column.kind]) for column in self.columns])


def text(name: str, help: str, *, optional: bool = False, missing: bool = False) -> Column:
    """Return a column of text."""
    return Column(name, "text", help, optional, missing)


def integer(name: str, help: str, *, optional: bool = False, missing: bool = False) -> Column:
    """Return a column of integers."""
    return Column(name, "integer", help, optional, missing)


def number(name: str, help: str, format: str = "", *, optional: bool = False, missing: bool = False) -> Column:
    """Return a column of numbers with a fraction."""
    return Column(name, "number", help, optional, missing, format)
