"""The parts of gene windows, and where in them splines have their knots: close to TSS and TTS, and ever farther apart.

In: a geometry. Out: stretches of columns for :class:`kanseq.nn.placed.PlacedCurves`.
"""

from typing import NamedTuple

from kanseq.geometry import Geometry
from kanseq.nn.placed import Stretch
from kanseq.regions import DOWNSTREAM, FIVE_PRIME, THREE_PRIME, UPSTREAM, regions_of

PIECES = 12
"""Between so many equal pieces lie the knots of sequences that have no site."""

NAMES = {
    UPSTREAM: "upstream",
    FIVE_PRIME: "after TSS",
    THREE_PRIME: "before TTS",
    DOWNSTREAM: "downstream",
}
"""What regions are called as parts, in the tables of models that were trained before regions had names."""

LAST = 0.75
"""Knots end where so much of a part's length is behind them; the next one is the part's end."""


class Part(NamedTuple):
    """Columns on one side of a site.

    Attributes:
        name: what it is called in tables and pictures.
        start, stop: half-open columns.
        site: the column that follows the boundary which distances are counted from; None where there is none.
        transcribed: whether the columns are transcribed.
    """

    name: str
    start: int
    stop: int
    site: int | None
    transcribed: bool

    @property
    def length(self) -> int:
        """How many columns."""
        return self.stop - self.start


def parts_of(geometry: Geometry) -> list[Part]:
    """List what models see of the windows, cut at TSS and TTS; sequences without windows are one part.

    >>> [(part.name, part.start, part.stop) for part in parts_of(Geometry(visible="flanks"))]
    [('upstream', 0, 1000), ('downstream', 2020, 3020)]
    >>> [part.name for part in parts_of(Geometry())]
    ['upstream', 'after TSS', 'before TTS', 'downstream']
    """
    if not geometry.has_genes:
        return [Part("sequence", 0, geometry.columns, None, False)]
    site = {"TSS": geometry.tss_column, "TTS": geometry.tts_column + 1}
    regions = [region for region in regions_of(geometry, core=0) if region.site is not None]
    parts = [Part(NAMES[r.name], r.start, r.stop, site[r.site], r.transcribed) for r in regions]
    seen = geometry.windows
    return [part for part in parts if any(start <= part.start and part.stop <= stop for start, stop in seen)]


def stretch_of(part: Part, width: int, columns: int, knots: tuple[float, ...]) -> Stretch | None:
    """Place words of some width, by the distance of their middle from the part's site; None where none fits.

    Args:
        part: where.
        width: of the words; they stand in the column that they begin in.
        columns: in how many columns a word can begin.
        knots: distances from the site, from 0 to the part's length.
    """
    stop = min(part.stop, columns)
    if stop <= part.start:
        return None
    site = part.start if part.site is None else part.site
    # A word that begins before a boundary may have its middle behind it.
    positions = tuple(min(abs(column + width / 2 - site), part.length - 0.5) for column in range(part.start, stop))
    return Stretch(part.start, stop, positions, knots)


def growing_knots(part: Part, first: int, growth: float) -> tuple[float, ...]:
    """Put knots at a site, ``first`` columns from it, then ``growth`` times as far each time; the last at the end.

    With a growth of 1 they lie ``first`` columns apart.

    >>> growing_knots(Part("upstream", 0, 1000, 1000, False), 30, 2)
    (0.0, 30.0, 60.0, 120.0, 240.0, 480.0, 1000.0)
    >>> growing_knots(Part("upstream", 0, 1000, 1000, False), 300, 1)
    (0.0, 300.0, 600.0, 1000.0)
    """
    if part.site is None:
        pieces = min(PIECES, part.length)
        return tuple(part.length * piece / pieces for piece in range(pieces + 1))
    inner, at = [], float(first)
    while at < LAST * part.length:
        inner.append(at)
        at = at + first if growth == 1 else at * growth
    return (0.0, *inner, float(part.length))


def end_knots(part: Part) -> tuple[float, ...]:
    """Put knots at both ends."""
    return (0.0, float(part.length))
