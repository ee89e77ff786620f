"""Which columns a model reads, which of them it masks, and where gene windows lie on a strand. Pure arithmetic.

In: four numbers. Out: columns, tokens, masked ranges, and 0-based half-open genome intervals.
"""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

TOKEN = 8
"""Columns in one token."""

CODON = 3
"""Columns masked on the transcribed side of each site, so that a bare start or stop codon gives nothing away."""


@dataclass(frozen=True)
class Geometry:
    """The layout of the columns that one row of a set has.

    For genes: ``upstream`` columns before the TSS, ``downstream`` columns from it on, ``pad`` columns of ``N``, then
    ``downstream`` columns up to the TTS and ``upstream`` columns behind it, in the direction of transcription, so that
    column ``upstream`` is the first transcribed base. For plain sequences only ``length`` is set.

    >>> Geometry().columns, Geometry().tokens, Geometry().masked
    (3020, 378, ((1000, 1003), (2017, 2020)))
    >>> Geometry.plain(70).columns
    70
    """

    upstream: int = 1000
    downstream: int = 500
    pad: int = 20
    mask: bool = True
    length: int | None = None

    def __post_init__(self) -> None:
        """Refuse negative numbers and empty windows."""
        if min(self.upstream, self.downstream, self.pad) < 0 or self.columns <= 0:
            raise ValueError(f"upstream, downstream and pad must not be negative and not all 0: {self}")

    @classmethod
    def plain(cls, length: int) -> "Geometry":
        """Give the geometry of sequences without gene windows, ``length`` columns wide (shorter ones end in ``N``)."""
        return cls(upstream=0, downstream=0, pad=0, mask=False, length=length)

    @property
    def has_genes(self) -> bool:
        """Whether the columns are gene windows."""
        return self.length is None

    @property
    def columns(self) -> int:
        """Number of columns that a model reads."""
        return 2 * self.window + self.pad if self.length is None else self.length

    @property
    def window(self) -> int:
        """Columns of one of the two windows."""
        return self.upstream + self.downstream

    @property
    def tokens(self) -> int:
        """Number of tokens, the last one padded with ``N`` on the right where columns run out."""
        return -(-self.columns // TOKEN)

    @property
    def masked(self) -> tuple[tuple[int, int], ...]:
        """Half-open column ranges that a model sees as ``N``."""
        if not (self.mask and self.has_genes):
            return ()
        width = min(CODON, self.downstream)
        end = self.columns - self.upstream
        return ((self.upstream, self.upstream + width), (end - width, end)) if width else ()

    def hide(self, codes: "np.ndarray") -> "np.ndarray":
        """Copy base codes ``(n, columns)`` with the masked columns set to 4, the code of ``N``."""
        visible = codes.copy()
        for start, end in self.masked:
            visible[:, start:end] = 4
        return visible

    def tss_window(self, tss: int, strand: str) -> tuple[int, int]:
        """Interval of the genome (0-based half-open, not cut at contig ends) around ``tss``.

        >>> Geometry().tss_window(5000, "+"), Geometry().tss_window(5000, "-")
        ((4000, 5500), (4501, 6001))
        """
        if strand == "-":
            return tss - self.downstream + 1, tss + self.upstream + 1
        return tss - self.upstream, tss + self.downstream

    def tts_window(self, tts: int, strand: str) -> tuple[int, int]:
        """Interval of the genome (0-based half-open, not cut at contig ends) around ``tts``, the last transcribed base.

        >>> Geometry().tts_window(5000, "+"), Geometry().tts_window(5000, "-")
        ((4501, 6001), (4000, 5500))
        """
        if strand == "-":
            return tts - self.upstream, tts + self.downstream
        return tts - self.downstream + 1, tts + self.upstream + 1

    def to_json(self) -> dict[str, int | bool | None]:
        """Give the fields as they stand in files' metadata."""
        return asdict(self)

    @classmethod
    def from_json(cls, fields: dict[str, int | bool | None]) -> "Geometry":
        """Read back what :meth:`to_json` gave."""
        return cls(**fields)  # type: ignore[arg-type]
