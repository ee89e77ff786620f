"""Choose the column with the ids of the rows, and with the genes of transcripts. In: a table. Out: names of columns."""

import logging
import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from kanseq.errors import BadTable
from kanseq.genome.expression.shapes import numbers_of
from kanseq.genome.expression.units import meaning_of, word_set
from kanseq.io.delimited.names import are_row_numbers, names_index, words_of
from kanseq.io.delimited.table import Delimited
from kanseq.io.files import some

logger = logging.getLogger(__name__)

GENE_IDS = ("geneid", "geneids", "ensemblgeneid", "genestableid", "locustag", "locusname", "agi", "tairid", "agicode")
"""Names of columns with ids of genes, as :func:`words_of` writes them, in the order in which they are tried."""

GENES = ("gene", "genes", "locus", "orf")
"""Names of columns with ids or symbols of genes."""

TRANSCRIPTS = word_set(
    "tx txid txname transcript transcriptid transcripts transcriptname transcriptstableid ensembltranscriptid "
    "targetid isoform isoformid tname rnaid mrna mrnaid cdna cdnaid"
)
"""Names of columns with ids of transcripts."""

OTHER_IDS = ("trackingid", "targetid", "name", "id", "featureid", "accession", "symbol", "genename", "genesymbol")
"""Names of other columns that can have the ids of rows."""

TRANSCRIPT_ID = re.compile(
    r"(ENS[A-Z]*T\d{6,}|[NX][MR]_\d+)(\.\d+)?|(transcript|rna|mRNA)[:\-].+|.+([.\-_]t\d+|-R[A-Z]|_T\d{3})"
)
"""Matches ids that can only be those of transcripts."""

SEPARATORS = (".", "-", "_", ":")
"""Characters between the id of a gene and the suffix of a transcript."""

LONG = word_set("sample sampleid samplename condition tissue tissuename experiment run replicate treatment")
"""Names of columns with samples, in tables with a row per gene and sample."""


class RowIds(NamedTuple):
    """Columns that identify the rows of a table.

    Attributes:
        ids: the column with the ids of the rows.
        genes: the column with the gene of each row, if rows are transcripts whose values are to be summed.
    """

    ids: str
    genes: str | None = None


def row_ids(table: Delimited, id_column: str | None, with_mapping: bool) -> RowIds:
    """Return the columns that identify the rows of a matrix; by default, ids are in the first column.

    Args:
        table: the matrix.
        id_column: the column with ids that was requested, if any.
        with_mapping: whether the genes of transcripts are known, so that no column with genes is needed.

    Raises:
        BadTable: ``id_column`` is missing.
    """
    if id_column is not None and id_column not in table.columns:
        raise BadTable(
            f"the column '{id_column}' is missing", where=table.path, hint=f"its columns are {some(table.columns, 8)}"
        )
    texts = [name for name in table.columns if numbers_of(table.frame[name]) is None]
    ids = id_column or _first_ids(table, texts)
    found = _genes_of_transcripts(table, ids, texts)
    if with_mapping:
        return RowIds(ids if id_column else found.ids)
    if found.genes is not None:
        logger.info(
            "%s: the rows are transcripts (column '%s'); their values are summed per gene (column '%s')",
            table.path,
            found.ids,
            found.genes,
        )
    return found


def gene_column(table: Delimited, ids: str) -> str | None:
    """Return the column with the genes of the transcripts in the column ``ids``, or None."""
    texts = [name for name in table.columns if numbers_of(table.frame[name]) is None]
    return _genes_of_transcripts(table, ids, texts).genes


def long_hint(table: Delimited) -> str:
    """Return a hint for a table in which an id is repeated."""
    samples = [name for name in table.columns if words_of(name) in LONG]
    if samples:
        return f"the column '{samples[0]}' suggests a row per gene and sample: make one column per sample"
    return "keep one row per gene"


def _first_ids(table: Delimited, texts: Sequence[str]) -> str:
    """Return the column with ids: the first, unless it plainly has no ids and another column has."""
    first = table.columns[0]
    others = [name for name in table.columns[1:] if words_of(name) in (*GENE_IDS, *GENES)]
    named = sorted(others, key=lambda name: (*GENE_IDS, *GENES).index(words_of(name)))
    column, why = table.frame[first], None
    role = meaning_of(first).role
    cells = column.astype(str).str.strip().tolist()
    if are_row_numbers(cells) and words_of(first) not in (*GENE_IDS, *GENES, *TRANSCRIPTS):
        why = "has the numbers of the rows"
        if names_index(first) or words_of(first) == "id":
            named = named or [name for name in table.columns[1:] if words_of(name) in OTHER_IDS] or list(texts[:1])
    elif names_index(first) and all(map(str.isdigit, cells)):
        # An index that was sorted or filtered; numbers of genes would not stand next to ids of genes.
        named = [name for name in named if words_of(name) in GENE_IDS]
        why = "has no name, and whole numbers"
    elif role is not None and role.name in ("chromosome", "position", "strand", "length"):
        why = f"is named like a {role.name}"
    elif words_of(first) == "pacid":
        why = "has numbers of Phytozome"
    elif first not in texts and any("." in cell for cell in cells):
        named = [name for name in named if name in texts]
        why = "has fractions"
    elif words_of(first) not in GENE_IDS and column.duplicated().any():
        named = [name for name in named if not table.frame[name].duplicated().any()]
        why = "repeats its values"
    if why is None or not named:
        return first
    texts_first = [name for name in table.columns[1:] if name in texts and words_of(name) in TRANSCRIPTS]
    ids = texts_first[0] if texts_first and not table.frame[texts_first[0]].duplicated().any() else named[0]
    logger.info(
        "%s: ids are read from column '%s', because the first column%s %s; use --id-column to choose another",
        table.path,
        ids,
        f" '{first}'" if first else "",
        why,
    )
    return ids


def _genes_of_transcripts(table: Delimited, ids: str, texts: Sequence[str]) -> RowIds:
    """Return the columns of transcripts and of their genes if rows are transcripts; else only the ids."""
    if table.frame[ids].duplicated().any():
        for name in texts:
            if name != ids and not table.frame[name].duplicated().any() and _are_transcripts(table.frame, name, ids):
                return RowIds(name, ids)
        return RowIds(ids)
    for plain in (*GENE_IDS, *GENES):
        for name in table.columns:
            if words_of(name) == plain and name != ids and _are_genes(table.frame, name, ids):
                return RowIds(ids, name)
    return RowIds(ids)


def _are_genes(frame: pd.DataFrame, name: str, ids: str) -> bool:
    """Return whether a column has the genes of the transcripts in the column ``ids``."""
    genes = frame[name].astype(str)
    if genes.str.fullmatch(r"\S+:\d+-\d+").all() or (genes.str.strip() == "").any():
        return False
    if words_of(ids) in TRANSCRIPTS:
        return True
    repeated = bool(genes.duplicated().any())
    if words_of(ids) in (*GENE_IDS, *GENES):
        return repeated and _begin_with(frame[ids], genes)
    return repeated and (words_of(name) in GENE_IDS or _are_transcripts(frame, ids, name))


def _are_transcripts(frame: pd.DataFrame, name: str, genes: str) -> bool:
    """Return whether a column has ids of transcripts, by its name, its values, or the ids of their genes."""
    if words_of(name) in TRANSCRIPTS or _begin_with(frame[name], frame[genes]):
        return True
    return bool(frame[name].astype(str).str.fullmatch(TRANSCRIPT_ID).mean() >= 0.8)


def _begin_with(ids: pd.Series, genes: pd.Series) -> bool:
    """Return whether most ids are that of their gene with a suffix (``AT1G01010.1``)."""
    pairs = zip(ids.astype(str), genes.astype(str), strict=True)
    found = [name.startswith(gene) and name[len(gene) :][:1] in SEPARATORS for name, gene in pairs]
    return bool(np.mean(found) >= 0.8)
