"""Compute pieces: the genome intervals covered by the tokens of gene windows.

In: a geometry, a table of gene windows, contig lengths. Out: arrays with one entry per piece, 0-based half-open.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from kanseq.errors import BadTable
from kanseq.geometry import TOKEN, Geometry
from kanseq.io.files import some

LETTERS = np.frombuffer(b"ACGTN", dtype=np.uint8)
"""The letter of each base code, ASCII."""


class Template(NamedTuple):
    """The columns of the pieces of a gene, which are the same for all genes; each array is ``(pieces,)`` int64.

    A piece is the part of a gene window that is covered by one token. Pieces are in the order of columns.
    """

    token: np.ndarray
    """Token that covers the piece; a token that spans a narrow padding has two pieces."""
    start: np.ndarray
    """First column of the piece."""
    end: np.ndarray
    """Column after the last column of the piece."""
    tts: np.ndarray
    """Whether the piece is in the TTS window, bool."""


class Pieces(NamedTuple):
    """Pieces (genome intervals covered by tokens) of many genes, by gene and column; each array is ``(pieces,)``."""

    row: np.ndarray
    """Row of the gene in the table, int32."""
    index: np.ndarray
    """Number of the piece in the :class:`Template`, int32."""
    token: np.ndarray
    """Token that covers the piece, int32."""
    column_start: np.ndarray
    """First column, int32."""
    column_end: np.ndarray
    """Column after the last column, int32."""
    start: np.ndarray
    """First base on the genome, 0-based, int64."""
    end: np.ndarray
    """Base after the last base, int64."""
    minus: np.ndarray
    """Whether the gene is on the minus strand, bool."""


def piece_template(geometry: Geometry) -> Template:
    """Split the visible columns of both gene windows into pieces at token boundaries; padding belongs to no piece.

    >>> template = piece_template(Geometry())
    >>> len(template.token), template.start[187:189].tolist(), template.end[187:189].tolist()
    (376, [1496, 1520], [1500, 1528])
    """
    starts = np.arange(geometry.tokens) * TOKEN
    parts = []
    for tts, (first, last) in enumerate(geometry.windows):
        start = np.maximum(starts, first)
        end = np.minimum(starts + TOKEN, last)
        token = np.flatnonzero(start < end)
        parts.append((token, start[token], end[token], np.full(len(token), tts == 1)))
    return Template(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


def find_pieces(table: pd.DataFrame, geometry: Geometry, contigs: Mapping[str, int]) -> Pieces:
    """Locate every piece of every gene on the genome; pieces are clipped at contig ends, and exclude invisible columns.

    Args:
        table: ``chrom, strand`` and the windows ``tss_start, tss_end, tts_start, tts_end`` (0-based half-open, not
            clipped at contig ends).
        geometry: meaning of the columns of a sequence.
        contigs: contig -> length in bases.

    Raises:
        BadTable: the windows do not have the geometry's width, a strand is neither ``+`` nor ``-``, or the length of a
            contig is unknown.
    """
    _check_places(table, geometry, contigs)
    template = piece_template(geometry)
    shape = (len(table), len(template.token))
    minus = (table["strand"] == "-").to_numpy()[:, None]
    length = table["chrom"].map(contigs).to_numpy(dtype=np.int64)[:, None]
    window_start = _per_piece(table, "start", template)
    window_end = _per_piece(table, "end", template)
    first = np.where(template.tts, geometry.window + geometry.pad, 0)
    left, right = template.start - first, template.end - first
    start = np.where(minus, window_end - right, window_start + left)
    end = np.where(minus, window_end - left, window_start + right)
    below, above = np.maximum(0 - start, 0), np.maximum(end - length, 0)
    kept = (below + above < end - start).ravel()
    column_start = template.start + np.where(minus, above, below)
    column_end = template.end - np.where(minus, below, above)

    def flat(values: np.ndarray, dtype: type) -> np.ndarray:
        return np.broadcast_to(values, shape).ravel()[kept].astype(dtype)

    return Pieces(
        row=flat(np.arange(shape[0])[:, None], np.int32),
        index=flat(np.arange(shape[1]), np.int32),
        token=flat(template.token, np.int32),
        column_start=flat(column_start, np.int32),
        column_end=flat(column_end, np.int32),
        start=flat(start + below, np.int64),
        end=flat(end - above, np.int64),
        minus=flat(minus, np.bool_),
    )


def sum_by_piece(values: np.ndarray, template: Template) -> np.ndarray:
    """Sum values per column ``(n, columns)`` over the columns of each piece: ``(n, pieces)`` float32."""
    return _sum_ranges(values, template.start, template.end)


def sum_by_token(values: np.ndarray, geometry: Geometry) -> np.ndarray:
    """Sum values per column ``(n, columns)`` over the columns of each token: ``(n, tokens)`` float32."""
    starts = np.arange(geometry.tokens) * TOKEN
    return _sum_ranges(values, starts, np.minimum(starts + TOKEN, geometry.columns))


def letters_under(codes: np.ndarray, pieces: Pieces) -> tuple[np.ndarray, np.ndarray]:
    """Return the letters of all pieces, concatenated, in the direction of transcription.

    Args:
        codes: base codes that the model reads, ``(rows, columns)`` uint8; 4 in masked columns.
        pieces: the pieces of these rows.

    Returns:
        The letters, uint8, and the offset of each piece in them, ``(pieces + 1,)`` int64.
    """
    width = (pieces.column_end - pieces.column_start).astype(np.int64)
    offsets = np.concatenate([[0], np.cumsum(width)])
    begin = pieces.row.astype(np.int64) * codes.shape[1] + pieces.column_start
    place = np.repeat(begin - offsets[:-1], width) + np.arange(offsets[-1])
    return LETTERS[codes.ravel()[place]], offsets


def _per_piece(table: pd.DataFrame, side: str, template: Template) -> np.ndarray:
    """Return the genome ``start`` or ``end`` (the ``side``) of the window of every piece, ``(genes, pieces)``."""
    both = np.stack([table[f"tss_{side}"].to_numpy(np.int64), table[f"tts_{side}"].to_numpy(np.int64)], axis=1)
    return both[:, template.tts.astype(np.intp)]


def _sum_ranges(values: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Sum values over ascending, disjoint column ranges in double precision; return ``(n, ranges)`` float32."""
    padded = np.zeros((values.shape[0], values.shape[1] + 1))
    padded[:, :-1] = values
    borders = np.stack([starts, ends], axis=1).ravel()
    return np.add.reduceat(padded, borders, axis=1)[:, ::2].astype(np.float32)


def _check_places(table: pd.DataFrame, geometry: Geometry, contigs: Mapping[str, int]) -> None:
    """Raise BadTable if the pieces of the genes cannot be located on the genome."""
    for site in ("tss", "tts"):
        if ((table[f"{site}_end"] - table[f"{site}_start"]) != geometry.window).any():
            raise BadTable(f"the windows {site}_start to {site}_end are not {geometry.window} bases wide")
    if not table["strand"].isin(["+", "-"]).all():
        raise BadTable("a gene's strand is neither + nor -")
    unknown = sorted(set(table["chrom"]) - set(contigs))
    if unknown:
        raise BadTable(
            f"the set does not state the length of {some(unknown)}", hint="create it again with kanseq extract"
        )
