"""All tables that kanseq writes. In: a name or a header. Out: the schema of the table."""

from collections.abc import Sequence

from kanseq.io.tables.figure_tables import FIGURE_TABLES
from kanseq.io.tables.gene_tables import GENE_TABLES
from kanseq.io.tables.model_tables import MODEL_TABLES
from kanseq.io.tables.schema import Schema
from kanseq.io.tables.suite_tables import SUITE_TABLES

SCHEMAS = {schema.name: schema for schema in (*GENE_TABLES, *MODEL_TABLES, *FIGURE_TABLES, *SUITE_TABLES)}
"""Name of a table -> its schema, in the order of the documentation."""


def recognise(header: Sequence[str]) -> Schema | None:
    """Return the schema of the table that has this header; None if no table matches.

    A table is recognised by its leading columns. If several tables match, the one with the most such columns is
    returned.

    >>> recognise(["id", "reason", "detail"]).name
    'excluded'
    """
    known = [schema for schema in SCHEMAS.values() if schema.storage == "tsv" and schema.has_header]
    return max((one for one in known if one.begins(header)), key=lambda one: len(one.head), default=None)
