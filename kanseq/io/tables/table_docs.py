"""Render the columns of all tables as Markdown, for ``docs/files.md``.

In: all schemas. Out: a section of the page; ``python -m kanseq.io.tables.table_docs docs/files.md`` updates it.
"""

import sys
from pathlib import Path

from kanseq.io.files import whole_text
from kanseq.io.tables.catalogue import SCHEMAS
from kanseq.io.tables.schema import Column, Schema

BEGIN, END = "<!-- tables: begin, written by python -m kanseq.io.tables.table_docs -->", "<!-- tables: end -->"
"""Lines before and after the section of the page that is generated."""


def render() -> str:
    """Return Markdown for all tables: a heading, a sentence and the columns of each table."""
    return "\n".join(_section(schema) for schema in SCHEMAS.values())


def renewed(page: str) -> str:
    """Return a page in which the section between :data:`BEGIN` and :data:`END` is updated.

    Raises:
        ValueError: one of the two lines is missing.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, behind = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the lines '{BEGIN}' and '{END}' are required")
    return f"{before}{begin}\n\n{render()}\n{end}{behind}"


def _section(schema: Schema) -> str:
    """Return the Markdown section about one table."""
    verbs = ", ".join(f"`{verb}`" for verb in schema.verbs)
    header = "" if schema.has_header else " No header line."
    lines = [f"### `{schema.file}`", "", f"Version {schema.version}, of {verbs}: {schema.help}.{header}", ""]
    lines += ["| column | type | meaning |", "| --- | --- | --- |"]
    lines += [f"| `{column.name}` | {_type(column)} | {_meaning(column)} |" for column in schema.columns]
    return "\n".join([*lines, ""])


def _type(column: Column) -> str:
    """Return the type of a column in words."""
    return "text or number" if column.kind == "value" else column.kind


def _meaning(column: Column) -> str:
    """Return the meaning of a column, and whether it may be missing or empty."""
    states = {"optional": column.optional or column.is_family, "may be empty": column.missing}
    notes = [note for note, holds in states.items() if holds]
    help = column.help.replace("|", "\\|")
    return f"{help} ({', '.join(notes)})" if notes else help


if __name__ == "__main__":
    for name in sys.argv[1:]:
        text = renewed(Path(name).read_text(encoding="utf-8"))
        with whole_text(name) as handle:
            handle.write(text)
