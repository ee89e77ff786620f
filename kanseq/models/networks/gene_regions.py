"""The parts of gene windows, and the knots of splines in them: dense near TSS and TTS, sparser with distance.

In: a geometry. Out: stretches of columns for :class:`kanseq.nn.positional.PlacedCurves`.
"""

from typing import NamedTuple

from kanseq.geometry import Geometry
from kanseq.nn.positional import Stretch
from kanseq.regions import DOWNSTREAM, FIVE_PRIME, THREE_PRIME, UPSTREAM, regions_of

PIECES = 12
"""Number of equal intervals between knots in sequences without a site."""

NAMES = {
    UPSTREAM: "upstream",
    FIVE_PRIME: "after TSS",
    THREE_PRIME: "before TTS",
    DOWNSTREAM: "downstream",
}
"""Names of regions as parts. Tables of models trained before regions had names use them."""

LAST = 0.75
"""Inner knots lie within this fraction of a part's length; the next knot is the part's end."""


class SiteSide(NamedTuple):
    """Columns on one side of a site.

    Attributes:
        name: name in tables and plots.
        start, stop: half-open columns.
        site: the column after the boundary that distances are counted from; None without a site.
        transcribed: whether the columns are transcribed.
    """

    name: str
    start: int
    stop: int
    site: int | None
    transcribed: bool

    @property
    def length(self) -> int:
        """Number of columns."""
        return self.stop - self.start


def parts_of(geometry: Geometry) -> list[SiteSide]:
    """List the visible parts of the windows, cut at TSS and TTS. Sequences without windows are one part.

    >>> [(part.name, part.start, part.stop) for part in parts_of(Geometry(visible="flanks"))]
    [('upstream', 0, 1000), ('downstream', 2020, 3020)]
    >>> [part.name for part in parts_of(Geometry())]
    ['upstream', 'after TSS', 'before TTS', 'downstream']
    """
    if not geometry.has_genes:
        return [SiteSide("sequence", 0, geometry.columns, None, False)]
    site = {"TSS": geometry.tss_column, "TTS": geometry.tts_column + 1}
    regions = [region for region in regions_of(geometry, core=0) if region.site is not None]
    parts = [SiteSide(NAMES[r.name], r.start, r.stop, site[r.site], r.transcribed) for r in regions]
    seen = geometry.windows
    return [part for part in parts if any(start <= part.start and part.stop <= stop for start, stop in seen)]


def stretch_of(part: SiteSide, width: int, columns: int, knots: tuple[float, ...]) -> Stretch | None:
    """Place words (k-mers) in a part by the distance of their middle from its site; None if no word fits.

    Args:
        part: the part.
        width: length of the words; a word belongs to the column that it begins in.
        columns: number of columns in which a word can begin.
        knots: distances from the site, from 0 to the part's length.
    """
    stop = min(part.stop, columns)
    if stop <= part.start:
        return None
    site = part.start if part.site is None else part.site
    # A word that begins before a boundary may have its middle after it.
    positions = tuple(min(abs(column + width / 2 - site), part.length - 0.5) for column in range(part.start, stop))
    return Stretch(part.start, stop, positions, knots)


def growing_knots(part: SiteSide, first: int, growth: float) -> tuple[float, ...]:
    """Place knots at a site, ``first`` columns from it, then each ``growth`` times as far, and at the part's end.

    With a growth of 1, they are ``first`` columns apart.

    >>> growing_knots(SiteSide("upstream", 0, 1000, 1000, False), 30, 2)
    (0.0, 30.0, 60.0, 120.0, 240.0, 480.0, 1000.0)
    >>> growing_knots(SiteSide("upstream", 0, 1000, 1000, False), 300, 1)
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


def end_knots(part: SiteSide) -> tuple[float, ...]:
    """Place knots at both ends."""
    return (0.0, float(part.length))
