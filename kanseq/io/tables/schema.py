"""Schemas of tables: the columns of a table, with their types and meaning.

In: the header of a table. Out: whether it matches a schema, and the description of each column.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    import pyarrow as pa

Kind: TypeAlias = Literal["text", "integer", "number", "value", "float32 list", "float64 list"]
"""Type of the values in a column.

``text``: str. ``integer``: int64. ``number``: float64. ``value``: text or number, which may differ between rows. Lists
occur in Parquet files only.
"""


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        name: name in the header. One ``*`` matches any text: ``logit:*`` is a family of columns.
        kind: type of its values.
        help: meaning, in one line.
        optional: whether the column may be missing. A family is always optional.
        missing: whether cells may be empty.
        format: format specification of floating-point numbers, such as ``.6g``; empty: the shortest text that reads
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
        """Whether this is a family: its name contains ``*`` and matches any number of columns."""
        return "*" in self.name

    def describes(self, name: str) -> bool:
        """Return whether this schema describes the column ``name``: it has this name, or belongs to this family.

        >>> Column("logit:*", "number", "logit of a class").describes("logit:exon")
        True
        """
        first, star, last = self.name.partition("*")
        if not star:
            return name == self.name
        return len(name) > len(first) + len(last) and name.startswith(first) and name.endswith(last)


@dataclass(frozen=True)
class Schema:
    """The schema of a table that kanseq writes.

    Attributes:
        name: key in :data:`kanseq.io.tables.catalogue.SCHEMAS`.
        file: usual name of the file.
        title: name of the table in ``kanseq inspect``.
        verbs: commands that write it.
        help: meaning of a row, in one line.
        columns: the columns in the order of the header. Families are last here, but may be anywhere in the file.
        version: version of the columns and their meaning. It is not written into a TSV file.
        storage: ``tsv`` or ``parquet``.
        has_header: whether the first line of a TSV file has the column names.
        known_by: number of leading columns by which the table is recognised; 0 for all columns before the first
            optional one.
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
        """Names of the required columns, in order."""
        return tuple(column.name for column in self.columns if not (column.optional or column.is_family))

    @property
    def head(self) -> tuple[str, ...]:
        """Names of the leading columns by which the table is recognised."""
        fixed = takewhile(lambda column: not (column.optional or column.is_family), self.columns)
        return tuple(column.name for column in fixed)[: self.known_by or None]

    def column(self, name: str) -> Column | None:
        """Return the schema of the column ``name``, or of its family; None if the table does not have such a column."""
        fixed = [column for column in self.columns if column.name == name and not column.is_family]
        families = [column for column in self.columns if column.is_family and column.describes(name)]
        return (fixed + families or [None])[0]

    def begins(self, header: Sequence[str]) -> bool:
        """Return whether a header begins with the columns by which the table is recognised."""
        return tuple(header[: len(self.head)]) == self.head

    def check_header(self, header: Sequence[str]) -> None:
        """Check the columns of a table before it is written.

        Raises:
            ValueError: a column is missing, unknown, repeated, or in the wrong place, which is a bug in kanseq.
        """
        unknown = [name for name in header if self.column(name) is None]
        missing = [name for name in self.required if name not in header]
        if unknown or missing or len(set(header)) < len(header) or not self.begins(header):
            raise ValueError(f"{self.file} has the columns {self.required}, but the table has {tuple(header)}")

    def arrow(self) -> "pa.Schema":
        """Return the Arrow schema of the table, for Parquet files."""
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
    """Return the schema of a text column."""
    return Column(name, "text", help, optional, missing)


def integer(name: str, help: str, *, optional: bool = False, missing: bool = False) -> Column:
    """Return the schema of a column of integers."""
    return Column(name, "integer", help, optional, missing)


def number(name: str, help: str, format: str = "", *, optional: bool = False, missing: bool = False) -> Column:
    """Return the schema of a column of floating-point numbers."""
    return Column(name, "number", help, optional, missing, format)
