"""Read tables of transcripts (or proteins) and their genes. In: a file or a data frame. Out: a mapping."""

import logging
import re
from collections.abc import Sequence

import pandas as pd

from kanseq.errors import BadTable, MalformedLine
from kanseq.io.delimited.names import is_missing, words_of
from kanseq.io.delimited.other_formats import is_annotation
from kanseq.io.delimited.rows import check_width, read_text_table, take_header
from kanseq.io.files import PathLike

_TRANSCRIPT_NAME = re.compile(
    r"(ensembl|refseq|ncbi)?(tx|transcript|target|isoform|mrna|rna|protein|peptide|polypeptide|query)s?"
    r"(names?|ids?|stableid|accession)?(version)?"
)
_GENE_NAME = re.compile(r"(ensembl|ncbi|entrez)?(gene|locus)s?(ids?|stableid|accession|tag)?(version)?|ensgene|agi")
_SYMBOL_NAME = re.compile(r"(external|hgnc|ncbi)?(gene)?(names?|symbols?)|locusname")

_log = logging.getLogger(__name__)


def read_tx2gene(path: PathLike | pd.DataFrame) -> dict[str, str]:
    """Read a table of transcripts and their genes; return a mapping from transcripts to genes.

    Columns are separated by tabs, semicolons, commas or spaces. The header determines which columns have transcripts
    (or proteins) and genes, such as ``TXNAME,GENEID`` or ``Gene stable ID,Transcript stable ID``; if several columns
    have transcripts, with and without version, all of them are used. Without a header, or if no name is known, the
    first two columns are transcript and gene. Transcripts without a gene are left out with a warning.

    Raises:
        MalformedLine: a line has only one column.
        BadTable: a transcript is listed with two genes, or the table is empty.
    """
    if isinstance(path, pd.DataFrame):
        name, header = "the table of transcripts", [str(column) for column in path.columns]
        rows = [(f"row {row} of {name}", cells) for row, cells in enumerate(path.astype(str).to_numpy().tolist())]
    else:
        table = read_text_table(path)
        name, (found, lines) = str(path), take_header(table, lambda cells: _places(cells) is not None)
        header, rows = found or [], [(table.place(line), line.cells) for line in lines]
        for line in lines:
            check_width(line, header, path)
        if rows and is_annotation(rows[0][1]):
            raise BadTable("this is a GTF or GFF3 file, not a table", where=path, hint="use --annotation instead")
    # Without a name, the first column has row numbers.
    unnamed = len(header) > 2 and not header[0]
    keys, gene = _places(header) or (([1], 2) if unnamed else ([0], 1))
    gene_of: dict[str, str] = {}
    missing = 0
    for where, cells in rows:
        if len(cells) < 2:
            raise MalformedLine(
                "two columns are required, transcript and gene", where=where, hint="separate them with tabs"
            )
        named = [cells[key] for key in keys if key < len(cells) and not is_missing(cells[key])]
        if not named or gene >= len(cells) or is_missing(cells[gene]):
            missing += 1
            continue
        for key in named:
            if gene_of.setdefault(key, cells[gene]) != cells[gene]:
                what = f"'{key}' belongs to '{cells[gene]}' here and to '{gene_of[key]}' above"
                raise BadTable(what, where=where, hint=_hint_if_swapped(header, [cells for _, cells in rows]))
    if missing:
        _log.warning("%s: rows without a transcript or a gene that are left out: %d", name, missing)
    if not gene_of:
        raise BadTable("the table has no transcripts", where=None if isinstance(path, pd.DataFrame) else path)
    return gene_of


def _places(header: Sequence[str]) -> tuple[list[int], int] | None:
    """Return the places of the columns with transcripts and of the one with genes; None if no name is known.

    >>> _places(["Gene stable ID", "Transcript stable ID", "Transcript stable ID version"])
    ([1, 2], 0)
    >>> _places(["", "TXNAME", "GENEID"]), _places(["T1", "G1"])
    (([1], 2), None)
    """
    names = [words_of(name) for name in header]
    keys = [place for place, name in enumerate(names) if _TRANSCRIPT_NAME.fullmatch(name)]
    genes = [place for place, name in enumerate(names) if _GENE_NAME.fullmatch(name)]
    genes = sorted(genes, key=lambda place: names[place].endswith("version"))
    # Without a column of transcripts, a column 'name' can have them.
    symbols = [place for place, name in enumerate(names) if _SYMBOL_NAME.fullmatch(name)]
    genes = genes or [place for place in symbols if keys or not names[place].startswith("name")]
    if not keys and not genes:
        return None
    rest = [place for place in range(len(names)) if place not in keys and place not in genes]
    keys, genes = keys or [place for place in rest if names[place]][:1] or rest[:1], genes or rest[-1:]
    return (keys, genes[0]) if keys and genes else None


def _hint_if_swapped(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str | None:
    """Return a hint if a table without a header has the genes in its first column."""
    first, second = {cells[0] for cells in rows}, [cells[1] for cells in rows if len(cells) > 1]
    if _places(header) is None and len({*second}) == len(rows) > len(first):
        return "if the first column has the genes, add the header line 'gene_id', tab, 'transcript_id'"
    return None
