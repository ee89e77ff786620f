"""Compute the columns that a model reads, the masked columns, and the genome intervals of gene windows.

In: the sizes of windows. Out: numbers of columns and tokens, masked column ranges, 0-based half-open genome intervals.
"""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np

TOKEN = 8
"""Number of columns in one token."""

CODON = 3
"""Number of transcribed columns masked at the TSS and at the TTS. They may be start and stop codons."""

VISIBLE = ("all", "flanks", "transcribed")
"""Parts of the gene windows that a model may read: all, only the flanks of the gene, or only the transcribed parts."""


class Place(NamedTuple):
    """The location of a gene: ``tss`` and ``tts`` are the 0-based positions of its first and last transcribed base.

    Together with a geometry, the location determines the windows of the gene.
    """

    chrom: str
    strand: str
    tss: int
    tts: int


@dataclass(frozen=True)
class Geometry:
    """The layout of the sequences in a set: number of columns, position of TSS and TTS, and columns hidden from models.

    The columns of a gene, in the direction of transcription, are: ``upstream`` columns before the TSS, ``downstream``
    columns starting at the TSS, ``pad`` columns of ``N``, ``downstream`` columns ending at the TTS, and ``upstream``
    columns after the TTS. Column ``upstream`` is the first transcribed base. For sequences without coordinates (plain
    sequences) only ``length`` is set. ``mask`` hides the first and last :data:`CODON` transcribed bases from models,
    and ``visible``, one of :data:`VISIBLE`, selects the part of the windows that models read.

    >>> Geometry().columns, Geometry().tokens, Geometry().masked
    (3020, 378, ((1000, 1003), (2017, 2020)))
    >>> Geometry(visible="flanks").masked, Geometry(visible="transcribed").masked
    (((1000, 1500), (1520, 2020)), ((0, 1003), (2017, 3020)))
    >>> Geometry.plain(70).columns
    70
    """

    upstream: int = 1000
    downstream: int = 500
    pad: int = 20
    mask: bool = True
    length: int | None = None
    visible: str = "all"

    def __post_init__(self) -> None:
        """Raise ValueError if a size is negative, the windows are empty, or no column is visible."""
        if min(self.upstream, self.downstream, self.pad) < 0 or self.columns <= 0:
            raise ValueError(f"upstream, downstream and pad must not be negative and not all 0: {self}")
        if self.visible not in VISIBLE:
            raise ValueError(f"visible is '{self.visible}', but must be one of {', '.join(VISIBLE)}")
        if self.visible == "all":
            return
        if not self.has_genes:
            raise ValueError(f"visible is '{self.visible}', but only gene windows have such columns")
        nothing_left = self.upstream == 0 if self.visible == "flanks" else self.downstream <= self._codon
        if nothing_left:
            raise ValueError(f"visible is '{self.visible}', but no column of these windows would be left: {self}")

    @classmethod
    def plain(cls, length: int) -> "Geometry":
        """Return the geometry of plain sequences, ``length`` columns wide (shorter sequences are padded with ``N``)."""
        return cls(upstream=0, downstream=0, pad=0, mask=False, length=length)

    @property
    def has_genes(self) -> bool:
        """Whether the columns are gene windows, not plain sequences."""
        return self.length is None

    @property
    def columns(self) -> int:
        """Number of columns of each sequence, including padding and masked columns."""
        return 2 * self.window + self.pad if self.length is None else self.length

    @property
    def window(self) -> int:
        """Number of columns in each of the two gene windows."""
        return self.upstream + self.downstream

    @property
    def tss_column(self) -> int:
        """Column of the first transcribed base, in gene windows.

        >>> Geometry().tss_column, Geometry().tts_column
        (1000, 2019)
        """
        return self.upstream

    @property
    def tts_column(self) -> int:
        """Column of the last transcribed base, in gene windows."""
        return self.columns - self.upstream - 1

    @property
    def tokens(self) -> int:
        """Number of tokens; the last one is padded with ``N`` on the right if it is incomplete."""
        return -(-self.columns // TOKEN)

    @property
    def windows(self) -> tuple[tuple[int, int], ...]:
        """Half-open column ranges of the visible parts of the windows, including columns masked as possible codons.

        >>> Geometry().windows, Geometry(visible="transcribed").windows
        (((0, 1500), (1520, 3020)), ((1000, 1500), (1520, 2020)))
        """
        if not self.has_genes:
            return ((0, self.columns),)
        tss, tts = self.upstream, self.columns - self.upstream
        if self.visible == "flanks":
            return ((0, tss), (tts, self.columns))
        if self.visible == "transcribed":
            return ((tss, self.window), (self.window + self.pad, tts))
        return ((0, self.window), (self.window + self.pad, self.columns))

    @property
    def masked(self) -> tuple[tuple[int, int], ...]:
        """Half-open column ranges hidden from models (read as ``N``), ascending; the padding is not included."""
        if not self.has_genes:
            return ()
        tss, tts = self.upstream, self.columns - self.upstream
        if self.visible == "flanks":
            ranges = ((tss, self.window), (self.window + self.pad, tts))
        elif self.visible == "transcribed":
            ranges = ((0, tss + self._codon), (tts - self._codon, self.columns))
        else:
            ranges = ((tss, tss + self._codon), (tts - self._codon, tts))
        return tuple((start, end) for start, end in ranges if start < end)

    @property
    def _codon(self) -> int:
        """Number of transcribed columns masked at each of the two sites, TSS and TTS."""
        return min(CODON, self.downstream) if self.mask else 0

    def hide(self, codes: "np.ndarray") -> "np.ndarray":
        """Return a copy of base codes ``(n, columns)`` with the masked columns set to 4, the code of ``N``."""
        visible = codes.copy()
        for start, end in self.masked:
            visible[:, start:end] = 4
        return visible

    def tss_window(self, tss: int, strand: str) -> tuple[int, int]:
        """Return the genome interval of the TSS window: 0-based half-open, not clipped at contig ends.

        >>> Geometry().tss_window(5000, "+"), Geometry().tss_window(5000, "-")
        ((4000, 5500), (4501, 6001))
        """
        if strand == "-":
            return tss - self.downstream + 1, tss + self.upstream + 1
        return tss - self.upstream, tss + self.downstream

    def tts_window(self, tts: int, strand: str) -> tuple[int, int]:
        """Return the genome interval of the TTS window: 0-based half-open, not clipped at contig ends.

        >>> Geometry().tts_window(5000, "+"), Geometry().tts_window(5000, "-")
        ((4501, 6001), (4000, 5500))
        """
        if strand == "-":
            return tts - self.upstream, tts + self.downstream
        return tts - self.downstream + 1, tts + self.upstream + 1

    def columns_of(self, place: Place, position: int) -> tuple[int, ...]:
        """Return the columns that show a genome position, ascending.

        There are two columns if both windows of the gene contain the position, and none if neither does.

        Args:
            place: location of the gene.
            position: position on the contig of the gene, 0-based.

        >>> Geometry().columns_of(Place("1", "-", 5000, 4000), 5001)
        (999,)
        >>> Geometry().columns_of(Place("1", "+", 5000, 5100), 5100)
        (1100, 2019)
        """
        step = -1 if place.strand == "-" else 1
        first = self.tss_column + step * (position - place.tss)
        second = self.tts_column + step * (position - place.tts)
        inside = ((first, 0, self.window), (second, self.window + self.pad, self.columns))
        return tuple(column for column, start, stop in inside if start <= column < stop)

    def to_json(self) -> dict[str, int | bool | str | None]:
        """Return the fields for the metadata of files; ``visible`` is omitted if it is ``all``.

        Files without this field are identical to those of older versions, which can also read them.
        """
        fields = asdict(self)
        if self.visible == "all":
            del fields["visible"]
        return fields

    @classmethod
    def from_json(cls, fields: dict[str, int | bool | str | None]) -> "Geometry":
        """Build a geometry from the fields of :meth:`to_json`."""
        return cls(**fields)  # type: ignore[arg-type]
