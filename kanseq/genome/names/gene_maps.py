"""Translate gene names between annotation releases. In: a table of old and new names. Out: a mapping to known names."""

import logging
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import pandas as pd

from kanseq.errors import BadTable, UnknownGene
from kanseq.genome.names.resolver import match_names
from kanseq.genome.names.spellings import gene_of_isoform
from kanseq.io.delimited.names import is_missing
from kanseq.io.delimited.rows import read_text_table, take_header
from kanseq.io.files import PathLike, some

_log = logging.getLogger(__name__)


class GeneMap(NamedTuple):
    """The known gene of each name in the other release.

    Attributes:
        gene_of: name in the other release -> known name. Several names may have the same gene (merged genes).
        divided: names that correspond to several known genes, so that they have none.
    """

    gene_of: dict[str, str]
    divided: list[str]


def read_gene_map(table: PathLike | pd.DataFrame, known: Sequence[str] | None) -> GeneMap:
    """Read a table with the ids of genes in two annotation releases.

    The ids of the set are those of the column that matches ``known`` better. A cell may list several ids, separated by
    commas, semicolons, ``|`` or spaces; a cell such as ``None`` or ``-`` means that a gene has no counterpart.

    Args:
        table: a file or a table in memory, whose first two columns are used.
        known: ids of the set; if None, they are those in the second column.

    Raises:
        UnknownGene: neither column has a name of ``known``.
        BadTable, MalformedLine: the table does not have two columns.
    """
    where = None if isinstance(table, pd.DataFrame) else table
    cells = [(_listed(one), _listed(other)) for one, other in _pairs(table)]
    columns = [list(dict.fromkeys(name for row in cells for name in row[column])) for column in (0, 1)]
    ids, side = {name: name for name in columns[1]}, 1
    if known is not None:
        matches = [match_names(names, known, many=True) for names in columns]
        side = 0 if matches[0].found > matches[1].found else 1
        if not matches[side].found:
            raise UnknownGene(
                f"no gene in common: the columns have {some(columns[0])} and {some(columns[1])}, the set has "
                f"{some(list(known))}",
                where=where,
                hint="one of the first two columns must contain gene ids of the set",
            )
        placed = zip(columns[side], matches[side].places.tolist(), strict=True)
        ids = {name: known[place] for name, place in placed if place >= 0}
    genes_of: dict[str, set[str]] = {}
    for row in cells:
        # Transcripts of a gene outside the set count as one gene, too.
        genes = {ids[name] if name in ids else gene_of_isoform(name) for name in row[side]}
        for name in row[1 - side]:
            genes_of.setdefault(name, set()).update(genes)
    placed_ids = set(ids.values())
    divided = [name for name, genes in genes_of.items() if len(genes) > 1 and not genes.isdisjoint(placed_ids)]
    if divided:
        _log.warning(
            "%s: %d genes correspond to several genes and are not used: %s",
            where or "table of gene ids",
            len(divided),
            some(divided),
        )
    return GeneMap(
        {name: gene for name, genes in genes_of.items() if len(genes) == 1 for gene in genes & placed_ids}, divided
    )


def _listed(cell: str) -> list[str]:
    """Return the names in a cell."""
    return [name for name in re.split(r"[,;|\s]+", cell.strip()) if name and not is_missing(name)]


def _pairs(table: PathLike | pd.DataFrame) -> Iterator[tuple[str, str]]:
    """Yield the first two cells of each row."""
    if isinstance(table, pd.DataFrame):
        yield from table.iloc[:, :2].astype(str).itertuples(index=False, name=None)
        return
    read = read_text_table(table)
    header, rows = take_header(read, lambda cells: False)
    # Without a name, the first column has row numbers.
    first = 1 if header and not header[0] else 0
    if not any(len(row.cells) > first + 1 for row in rows):
        raise BadTable("two columns are required", where=table, hint="separate them with tabs")
    for row in rows:
        one, other = [*row.cells[first : first + 2], "", ""][:2]
        yield one, other
