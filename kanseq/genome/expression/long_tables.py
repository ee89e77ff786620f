"""Read tables with a row per gene and sample. In: tables of Cuffdiff. Out: FPKM, genes × samples."""

import numpy as np
import pandas as pd

from kanseq.errors import BadTable
from kanseq.genome.expression.formats import column_named
from kanseq.io.delimited.names import words_of
from kanseq.io.delimited.table import Delimited

PAIRS = ("testid", "geneid", "sample1", "sample2", "value1", "value2")
"""Columns of ``gene_exp.diff``: a row per gene and pair of samples."""

REPLICATES = ("trackingid", "condition", "replicate", "fpkm")
"""Columns of ``genes.read_group_tracking``: a row per gene and replicate."""


def read_long(table: Delimited, id_column: str | None = None) -> pd.DataFrame | None:
    """Return the FPKM in a table of Cuffdiff, a row per gene and a column per sample; None for other tables.

    Transcripts (``isoform_exp.diff``) are summed per gene. The genes are in ``gene_id`` or in ``id_column``.

    Raises:
        BadTable: a value is invalid, or a gene has no value in a sample.
    """
    there = {words_of(column) for column in table.columns}
    if there.issuperset(PAIRS):
        test, gene, *columns = (str(column_named(table.columns, plain)) for plain in PAIRS)
        names = table.ids(id_column or gene)
        rows = pd.concat(
            [
                _rows(table, table.ids(test), names, table.ids(sample), value)
                for sample, value in zip(columns[:2], columns[2:], strict=True)
            ]
        )
    elif there.issuperset(REPLICATES):
        tracking, condition, replicate, value = (str(column_named(table.columns, plain)) for plain in REPLICATES)
        names = table.ids(id_column or tracking)
        samples = table.ids(condition) + "_" + table.ids(replicate)
        rows = _rows(table, table.ids(tracking), names, samples, value)
    else:
        return None
    rows = rows.drop_duplicates(["row", "sample"])
    wide = rows.pivot_table(index="gene", columns="sample", values="fpkm", aggfunc="sum", sort=False)
    absent = np.argwhere(wide.isna().to_numpy())
    if len(absent):
        gene, sample = wide.index[absent[0, 0]], wide.columns[absent[0, 1]]
        raise BadTable(f"gene '{gene}' has no row for the sample '{sample}'", where=table.path)
    return pd.DataFrame(wide.to_numpy(), index=pd.Index(list(wide.index)), columns=[str(name) for name in wide.columns])


def _rows(table: Delimited, ids: pd.Series, genes: pd.Series, samples: pd.Series, value: str) -> pd.DataFrame:
    """Return rows ``row, gene, sample, fpkm`` of a table."""
    return pd.DataFrame({"row": ids, "gene": genes, "sample": samples, "fpkm": table.values(value, genes)})
