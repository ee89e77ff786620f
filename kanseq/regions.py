"""Divide gene windows into regions: upstream, core promoter, transcribed and downstream columns.

In: a geometry. Out: half-open column ranges, and distances in bases from the TSS or TTS.
"""

from typing import Literal, NamedTuple, TypeAlias

from kanseq.geometry import Geometry

Site: TypeAlias = Literal["TSS", "TTS"]

UPSTREAM = "upstream"
CORE_PROMOTER = "core promoter"
FIVE_PRIME = "5' transcribed"
PADDING = "padding"
THREE_PRIME = "3' transcribed"
DOWNSTREAM = "downstream"
SEQUENCE = "sequence"

CORE = 50
"""Number of bases before the TSS that form the core promoter region.

A core promoter extends about 50 bases to both sides of the TSS (Haberle and Stark 2018, Nat Rev Mol Cell Biol 19:621).
Here its transcribed half belongs to the 5' transcribed region, so that each region is either transcribed or not.
"""


class Region(NamedTuple):
    """A region of the gene windows, such as the core promoter: a range of columns.

    Attributes:
        name: one of the names defined in this module.
        start, stop: half-open columns, 0-based.
        site: ``TSS`` or ``TTS``, from which distances are measured; None for padding and for plain sequences.
        origin: the column of the site, where the distance is 0; column 0 if there is no site.
        transcribed: whether the columns are transcribed.
    """

    name: str
    start: int
    stop: int
    site: Site | None
    origin: int
    transcribed: bool

    @property
    def length(self) -> int:
        """Number of columns in the region."""
        return self.stop - self.start

    @property
    def distances(self) -> range:
        """Distance of each column of the region from the site, in bases; negative for columns upstream of the site."""
        return range(self.start - self.origin, self.stop - self.origin)

    def distance(self, column: int) -> int:
        """Return the distance of a column from the site of the region, in bases; negative upstream of the site.

        The first transcribed base has distance 0 from the TSS, the last one distance 0 from the TTS.
        """
        return column - self.origin


def regions_of(geometry: Geometry, core: int = CORE) -> list[Region]:
    """Return the regions of a geometry in column order. Every column is in exactly one region; no region is empty.

    Columns that are hidden from models (:attr:`Geometry.masked`, :attr:`Geometry.visible`) also belong to regions.
    A sequence without coordinates (plain sequence) is one region.

    Args:
        geometry: the layout of the columns. Regions are shorter if the windows are short.
        core: number of columns in the core promoter, limited to the columns before the TSS; 0 for no core promoter.

    >>> [(region.name, region.start, region.stop) for region in regions_of(Geometry())][:3]
    [('upstream', 0, 950), ('core promoter', 950, 1000), ("5' transcribed", 1000, 1500)]
    >>> [region.distances for region in regions_of(Geometry())][-2:]
    [range(-499, 1), range(1, 1001)]
    """
    if not geometry.has_genes:
        return [Region(SEQUENCE, 0, geometry.columns, None, 0, False)]
    tss, tts = geometry.tss_column, geometry.tts_column
    second = geometry.window + geometry.pad
    border = max(0, tss - core)
    regions = (
        Region(UPSTREAM, 0, border, "TSS", tss, False),
        Region(CORE_PROMOTER, border, tss, "TSS", tss, False),
        Region(FIVE_PRIME, tss, geometry.window, "TSS", tss, True),
        Region(PADDING, geometry.window, second, None, 0, False),
        Region(THREE_PRIME, second, tts + 1, "TTS", tts, True),
        Region(DOWNSTREAM, tts + 1, geometry.columns, "TTS", tts, False),
    )
    return [region for region in regions if region.length]


def region_at(geometry: Geometry, column: int, core: int = CORE) -> Region:
    """Return the region that contains a column.

    Raises:
        IndexError: there is no such column.
    """
    for region in regions_of(geometry, core):
        if region.start <= column < region.stop:
            return region
    raise IndexError(f"there is no column {column} of {geometry.columns}")
