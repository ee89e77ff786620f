"""Divide gene windows at TSS and TTS, and choose knots for splines of the distance from the TSS or TTS.

In: a geometry. Out: ranges of columns with knots, for :class:`kanseq.nn.positional.PlacedCurves`.
"""

from typing import NamedTuple

from kanseq.geometry import Geometry
from kanseq.nn.positional import Stretch
from kanseq.regions import DOWNSTREAM, FIVE_PRIME, THREE_PRIME, UPSTREAM, regions_of

PIECES = 12
"""Number of equal intervals between knots in sequences without a site (TSS or TTS)."""

NAMES = {
    UPSTREAM: "upstream",
    FIVE_PRIME: "after TSS",
    THREE_PRIME: "before TTS",
    DOWNSTREAM: "downstream",
}
"""Value of :attr:`SiteSide.name` for each region of :mod:`kanseq.regions`. Tables of older models use these names."""

LAST = 0.75
"""Inner knots are placed up to this fraction of a region's length; the next knot is at the region's end."""


class SiteSide(NamedTuple):
    """A gene region: the columns on one side of a site (TSS or TTS).

    Attributes:
        name: name of the region in tables and plots.
        start, stop: half-open range of columns, 0-based.
        site: column of the site, from which distances are counted (the first column after the boundary between the two
            sides); None if there is no site.
        transcribed: whether the columns are transcribed.
    """

    name: str
    start: int
    stop: int
    site: int | None
    transcribed: bool

    @property
    def length(self) -> int:
        """Number of columns in the region."""
        return self.stop - self.start


def parts_of(geometry: Geometry) -> list[SiteSide]:
    """Divide the windows at TSS and TTS, and return the visible regions. A sequence without windows is one region.

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
    """Convert a gene region to a stretch of :class:`kanseq.nn.positional.PlacedCurves`, with a position for each k-mer.

    The position of a k-mer is the distance of its middle from the site. A k-mer belongs to the column at which it
    starts.

    Args:
        part: the gene region.
        width: length of the k-mers.
        columns: number of columns of the complete sequence at which a k-mer can start.
        knots: knots of the splines, as distances from the site, from 0 to the region's length.

    Returns:
        The columns with their positions and knots; None if no k-mer can start in the region.
    """
    stop = min(part.stop, columns)
    if stop <= part.start:
        return None
    site = part.start if part.site is None else part.site
    # The middle of a k-mer that starts before a boundary may be after the boundary.
    positions = tuple(min(abs(column + width / 2 - site), part.length - 0.5) for column in range(part.start, stop))
    return Stretch(part.start, stop, positions, knots)


def growing_knots(part: SiteSide, first: int, growth: float) -> tuple[float, ...]:
    """Return the knots of a region, as distances from its site that grow by a constant factor.

    The first knots are at distances 0 and ``first``. Each further knot is ``growth`` times as far from the site as the
    previous one. The last knot is at the end of the region. If ``growth`` is 1, knots are ``first`` columns apart. In
    a sequence without a site, knots are equally spaced.

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
    """Return knots at both ends of a region only, as distances from its site."""
    return (0.0, float(part.length))
