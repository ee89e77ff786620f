"""Fill the bands of many pairs of proteins at once. In: proteins as numbers, pairs. Out: best values of bands.

A band has 64 diagonals (columns) and a row per letter of the query. All bands of a batch are filled row by row. Arrays
have a row per column of the band and a column per pair, so that every step is one operation on contiguous memory.
The columns are stored in the order 0, 8, 16, ..., 1, 9, 17, ...: the running maximum over the columns, which gaps in
the query need, then takes seven steps on eight columns, and seven on one.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from kanseq.homologs.blosum import OUTSIDE, Texts, gains

BAND = 64
"""Number of diagonals in a band."""

GAP_OPEN, GAP_EXTEND = 11, 1
"""A gap of n letters costs ``GAP_OPEN + n * GAP_EXTEND``, as in BLAST."""

_SIDE = 8
_CHECK = 32
_ORDER = np.arange(BAND).reshape(_SIDE, _SIDE).T.ravel()


class Kind(NamedTuple):
    """The numbers in a band.

    Attributes:
        unit: 1 for scores; otherwise a value is the score times ``unit`` plus the number of identities.
        gain: type of the gain of two letters.
        cell: type of a value.
    """

    unit: int
    gain: type[np.signedinteger]
    cell: type[np.signedinteger]


class Bands(NamedTuple):
    """Where the bands of pairs lie; int64 ``(pairs,)`` each.

    Attributes:
        query, subject: numbers of the proteins.
        start: the letter of the query in the first row.
        rows: number of rows.
        first: the letter of the subject in the first column of the first row; it may be outside the subject.
    """

    query: np.ndarray
    subject: np.ndarray
    start: np.ndarray
    rows: np.ndarray
    first: np.ndarray

    def inside(self, lengths: np.ndarray) -> "Bands":
        """Return the bands without the rows that are completely before or after the subject."""
        skipped = np.maximum(0, 1 - BAND - self.first)
        last = np.minimum(self.rows, lengths[self.subject] - self.first)
        rows = np.maximum(0, last - skipped)
        return self._replace(start=self.start + skipped, rows=rows, first=self.first + skipped)


def fill(
    texts: Texts,
    bands: Bands,
    kind: Kind,
    limits: np.ndarray,
    *,
    once: bool,
    lanes: int,
    advance: Callable[[int], None],
) -> tuple[np.ndarray, np.ndarray]:
    """Return the best value in each band above its limit, and the first row that has the score of this value.

    Args:
        texts: the proteins.
        bands: the pairs.
        kind: what a value is.
        limits: only larger values are reported, int64 ``(pairs,)``.
        once: a band is finished as soon as a value is above its limit.
        lanes: number of bands that are filled at once.
        advance: called with the number of bands that are finished.

    Returns:
        The values, 0 if none is above the limit, and the rows, counted from 1 at ``bands.start``, int64 ``(pairs,)``.
    """
    values, rows = (np.zeros(len(bands.rows), dtype=np.int64) for _ in range(2))
    inside = bands.inside(texts.lengths)
    order = np.argsort(-inside.rows, kind="stable")
    if not len(order):
        return values, rows
    profile = _Profile(texts, inside.subject, kind, int(inside.rows.max()))
    for at in range(0, len(order), lanes):
        batch = order[at : at + lanes]
        values[batch], rows[batch] = _Batch(
            profile, Bands(*(field[batch] for field in inside)), kind, limits[batch]
        ).run(once)
        advance(len(batch))
    return values, np.where(rows > 0, rows + inside.start - bands.start, 0)


class _Profile:
    """The gains of every letter with every letter of the subjects; the gains of a row of a band are one block."""

    def __init__(self, texts: Texts, subjects: np.ndarray, kind: Kind, spare: int) -> None:
        """Compute the gains. ``spare`` is the number of letters by which a batch may read past the last subject."""
        # A value is stored with the cost of one letter of a gap added per row, so that longer gaps cost nothing.
        table = gains(kind.unit) + GAP_EXTEND * kind.unit
        used = np.unique(subjects)
        lengths = texts.lengths[used]
        # Between two subjects is as much space as a band is wide, so that a block contains letters of one subject.
        begins = BAND + np.cumsum(lengths + BAND) - (lengths + BAND)
        self.begins = np.zeros(len(texts.lengths), dtype=np.int64)
        self.begins[used] = begins
        padded = np.full(int((lengths + BAND).sum()) + BAND, OUTSIDE, dtype=np.uint8)
        within = np.arange(int(lengths.sum())) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        padded[np.repeat(begins, lengths) + within] = texts.letters[np.repeat(texts.starts[used], lengths) + within]
        count = len(padded)
        flat = np.zeros(len(table) * count + spare + BAND, dtype=kind.gain)
        rows = flat[: len(table) * count].reshape(len(table), count)
        np.take(table.astype(kind.gain), padded, axis=1, out=rows, mode="clip")
        size = flat.itemsize
        self.blocks = np.ndarray((len(flat) - BAND + 1,), f"V{BAND * size}", flat, strides=(size,))  # type: ignore[call-overload]
        self.letters = texts.letters.astype(np.intp) * count
        self.starts = texts.starts
        # The largest gain that the letters before each letter can have in total.
        most = gains(kind.unit).diagonal()[texts.letters]
        self.most = np.concatenate([[0], np.cumsum(np.maximum(most, 0))])


class _Batch:
    """Bands that are filled together, in descending order of their rows."""

    def __init__(self, profile: _Profile, bands: Bands, kind: Kind, limits: np.ndarray) -> None:
        """Start with empty bands."""
        self.profile, self.kind = profile, kind
        self.rows = bands.rows
        self.letter = profile.starts[bands.query] + bands.start
        self.end = self.letter + bands.rows
        self.place = profile.begins[bands.subject] + bands.first
        self.limit = limits.astype(kind.cell)
        count = len(self.rows)
        self.value, self.found = np.zeros(count, dtype=kind.cell), np.zeros(count, dtype=np.int32)
        never = np.iinfo(kind.cell).min + 2 * BAND * kind.unit
        self.cells = np.zeros((BAND, count), dtype=kind.cell)
        # Values of cells that end with a gap in the subject, one column to the left of where they are used.
        self.gaps = [np.full((BAND + _SIDE, count), never, dtype=kind.cell) for _ in range(2)]
        self._make_room()

    def run(self, once: bool) -> tuple[np.ndarray, np.ndarray]:
        """Fill all rows; return value and row of each band, as :func:`fill` returns them, without ``start``."""
        values, rows = np.zeros(len(self.rows), dtype=self.kind.cell), np.zeros(len(self.rows), dtype=np.int32)
        lane = np.arange(len(self.rows))
        last = int(self.rows[0])
        for begin in range(0, last, _CHECK):
            kept = np.flatnonzero(self._open(begin, once)) if begin else lane
            if len(kept) <= len(lane) - max(_CHECK, len(lane) // 16) or not len(kept):
                values[lane], rows[lane] = self.value, self.found
                lane = lane[kept]
                self._keep(kept)
                if not len(lane):
                    break
            following = range(begin, min(begin + _CHECK, last))
            for row in following:
                self._fill_row(row)
            self._compare(following)
        values[lane], rows[lane] = self.value, self.found
        return values, rows

    def _open(self, row: int, once: bool) -> np.ndarray:
        """Return the bands that have more rows, in which a value above the limit can still occur."""
        if once:
            return (self.rows > row) & (self.found == 0)
        now = np.maximum(self.cells.max(axis=0), self.gaps[0][_SIDE:].max(axis=0)).astype(np.int64) - self.floor
        return (self.rows > row) & (
            now + self.profile.most[self.end] - self.profile.most[np.minimum(self.letter, self.end)] > self.limit
        )

    def _keep(self, kept: np.ndarray) -> None:
        """Remove all bands except those in ``kept``."""
        for name in ("rows", "letter", "end", "place", "limit", "value", "found"):
            setattr(self, name, getattr(self, name)[kept])
        self.cells = np.ascontiguousarray(self.cells[:, kept])
        self.gaps = [np.ascontiguousarray(gaps[:, kept]) for gaps in self.gaps]
        self._make_room()

    def _make_room(self) -> None:
        """Make the arrays that each row overwrites, and the constants of each cell."""
        unit, cell = self.kind.unit, self.kind.cell
        count = len(self.rows)
        self.floor = np.empty(count, dtype=cell)
        self.matched, self.reached = (np.empty((BAND, count), dtype=cell) for _ in range(2))
        self.carried = np.empty((_SIDE, count), dtype=cell)
        self.ramp = (_ORDER * GAP_EXTEND * unit).astype(cell)[:, None]
        self.fall = self.ramp + cell((GAP_OPEN + GAP_EXTEND) * unit)
        self.index = np.empty(count, dtype=np.intp)
        self.tops = np.empty((_CHECK, count), dtype=cell)

    def _read_gains(self) -> None:
        """Read the gains of the next row into ``matched``."""
        self.profile.letters.take(self.letter, out=self.index, mode="clip")
        self.index += self.place
        self.letter += 1
        self.place += 1
        count = len(self.rows)
        blocks = self.profile.blocks[self.index].view(self.kind.gain).reshape(count, _SIDE, _SIDE)
        np.copyto(self.matched.reshape(_SIDE, _SIDE, count), blocks.transpose(2, 1, 0))

    def _fill_row(self, row: int) -> None:
        """Compute the cells of the next row (Gotoh 1982)."""
        unit, cell = self.kind.unit, self.kind.cell
        cells, matched, reached = self.cells, self.matched, self.reached
        self._read_gains()
        np.add(cells, matched, out=matched)
        # A gap in the subject: a diagonal keeps its column, so the cell above is one column to the right.
        above, below = self.gaps
        np.subtract(cells, cell(GAP_OPEN * unit), out=reached)
        np.maximum(reached, above[_SIDE:], out=below[:BAND])
        below[BAND:-1] = below[1:_SIDE]
        self.gaps = [below, above]
        np.maximum(matched, below[_SIDE:], out=matched)
        self.floor.fill((row + 1) * GAP_EXTEND * unit)
        np.maximum(matched, self.floor, out=matched)
        self._fill_gaps_in_query()
        np.maximum.reduce(cells, axis=0, out=self.tops[row % _CHECK])
        self.tops[row % _CHECK] -= self.floor

    def _fill_gaps_in_query(self) -> None:
        """Compute the cells from ``matched``: a gap in the query comes from any column on the left."""
        cells, matched, reached, carried = self.cells, self.matched, self.reached, self.carried
        np.add(matched, self.ramp, out=reached)
        for at in range(_SIDE, BAND, _SIDE):
            np.maximum(reached[at : at + _SIDE], reached[at - _SIDE : at], out=reached[at : at + _SIDE])
        carried[0] = reached[-_SIDE]
        for at in range(1, _SIDE - 1):
            np.maximum(reached[at - _SIDE], carried[at - 1], out=carried[at])
        blocks = reached.reshape(_SIDE, _SIDE, -1)
        np.maximum(blocks[:-1, 1:], carried[:-1], out=blocks[:-1, 1:])
        np.subtract(reached[:-_SIDE], self.fall[:-_SIDE], out=reached[:-_SIDE])
        np.maximum(matched[_SIDE:], reached[:-_SIDE], out=cells[_SIDE:])
        np.subtract(carried[:-1], self.fall[-_SIDE:-1], out=carried[:-1])
        cells[0] = matched[0]
        np.maximum(matched[1:_SIDE], carried[:-1], out=cells[1:_SIDE])

    def _compare(self, following: range) -> None:
        """Note the bands whose best value is in one of the rows ``following``, which were filled last."""
        tops = self.tops[: len(following)]
        # A band that has ended reads letters of other proteins.
        for at, count in enumerate(np.searchsorted(-self.rows, -np.array(following))):
            tops[at, count:] = 0
        # A value of the same score and more identities is not better.
        scores = tops | self.kind.cell(self.kind.unit - 1)
        first = scores.argmax(axis=0)
        best = scores.max(axis=0)
        better = np.flatnonzero(best > self.limit)
        self.value[better] = tops[first[better], better]
        self.found[better] = following.start + first[better] + 1
        self.limit[better] = best[better]
