"""Meta-profiles: the mean attribution of a base by its distance from the TSS and from the TTS.

In: attributions and base codes, some genes at a time. Out: a table with one row per base of the windows, and a figure.
"""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from kanseq.drawing.style import FAINT, GREY, INK, SHADE, pad_limits, picture, running_mean, signed
from kanseq.errors import BadOption
from kanseq.geometry import Geometry
from kanseq.io.files import PathLike
from kanseq.sequences.shuffles import UNKNOWN

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SITES = ("TSS", "TTS")

SMOOTH = 25
"""Number of bases over which the thick line of the figure averages."""

_CONFIDENCE = 0.95
_LINE, _BAND = "#8c2d04", "#f2b98f"


class ProfileSums:
    """Sums over genes of the attributions in each column. Genes are added in batches; memory use is constant."""

    def __init__(self, geometry: Geometry) -> None:
        """Create empty sums for gene windows.

        Raises:
            BadOption: the geometry is that of plain sequences, which have no TSS.
        """
        if not geometry.has_genes:
            raise BadOption(
                "a profile around TSS and TTS requires gene windows, but this set has plain sequences",
                hint="create a set with kanseq extract",
            )
        self.geometry = geometry
        self.genes = np.zeros(geometry.columns, dtype=np.int64)
        self.sums, self.squares, self.magnitudes = np.zeros((3, geometry.columns))

    def add(self, attributions: np.ndarray, codes: np.ndarray) -> None:
        """Add a batch of genes.

        Args:
            attributions: attributions of the genes, ``(n, columns)`` float32.
            codes: bases of the genes, ``(n, columns)`` uint8: A 0, C 1, G 2, T 3, anything else 4. Attributions are
                ignored where the base is unknown and in columns that the geometry masks.
        """
        known = self.geometry.hide(codes) < UNKNOWN
        values = np.where(known, attributions, 0).astype(np.float64)
        self.genes += known.sum(axis=0)
        self.sums += values.sum(axis=0)
        self.squares += np.square(values).sum(axis=0)
        self.magnitudes += np.abs(values).sum(axis=0)

    def table(self) -> pd.DataFrame:
        """Return the profile as a table: one row per visible base of the windows, in the direction of transcription.

        Columns: ``site`` (``TSS`` or ``TTS``); ``position``, relative to the first (TSS) or last (TTS) transcribed
        base, which is 0, negative upstream; ``genes``, the number of genes with a known base there; ``mean``, their
        mean attribution at this position; ``low`` and ``high``, its 95 % confidence interval; ``mean_magnitude``, the
        mean absolute attribution.

        The interval is based on Student's t: mean ± t · s / √genes with the sample standard deviation ``s`` and
        ``genes − 1`` degrees of freedom. It applies to each base separately, and assumes that genes are independent,
        which homologs and overlapping neighbours are not. It is empty if there are fewer than two genes. Without genes,
        all values are empty.
        """
        from scipy.special import stdtrit

        with np.errstate(divide="ignore", invalid="ignore"):
            mean = self.sums / self.genes
            # Rounding may give a negative difference where all genes have the same value.
            variance = np.maximum(self.squares - self.sums * mean, 0) / (self.genes - 1)
            half = stdtrit(self.genes - 1.0, (1 + _CONFIDENCE) / 2) * np.sqrt(variance / self.genes)
            magnitude = self.magnitudes / self.genes
        half[self.genes < 2] = np.nan
        everything = pd.DataFrame(
            {
                "genes": self.genes,
                "mean": mean,
                "low": mean - half,
                "high": mean + half,
                "mean_magnitude": magnitude,
            }
        )
        origins = (self.geometry.tss_column, self.geometry.tts_column)
        parts = []
        for site, origin, (start, end) in zip(SITES, origins, self.geometry.windows, strict=True):
            part = everything.iloc[start:end]
            part.insert(0, "position", np.arange(start, end) - origin)
            part.insert(0, "site", site)
            parts.append(part)
        return pd.concat(parts, ignore_index=True)


def draw_profile(table: pd.DataFrame, path: PathLike) -> None:
    """Draw the table of :meth:`ProfileSums.table` as PNG, SVG or PDF: panels for TSS and TTS, with the same scale.

    Thin line: mean of each base; band: its 95 % interval; thick line: running mean over :data:`SMOOTH` bases; shaded:
    the transcribed side.

    Raises:
        BadOption, NotWritable: as in :func:`kanseq.drawing.style.picture`.
    """
    with picture(path, 7.2, 2.6) as figure:
        figure.set_layout_engine("constrained", w_pad=0.06, h_pad=0.05)
        panels = figure.subplots(1, 2, sharey=True)
        for panel, site in zip(panels, SITES, strict=True):
            _draw_site(panel, table[table["site"] == site], site)
        pad_limits(panels[0], table[["mean", "low", "high"]].to_numpy())
        panels[0].set_ylabel("mean attribution per base")
        panels[0].set_title(f"{table['genes'].max():,} genes", loc="left")
        panels[1].spines["left"].set_visible(False)
        panels[1].tick_params(left=False)
        handles, labels = panels[0].get_legend_handles_labels()
        legend = panels[1].legend(
            handles, labels, ncols=4, columnspacing=1.2, loc="lower right", bbox_to_anchor=(1.01, 1), borderaxespad=0.2
        )
        # The legend extends over both panels, which should not shrink for it.
        legend.set_in_layout(False)


def _draw_site(panel: "Axes", rows: pd.DataFrame, site: str) -> None:
    """Draw the profile around one site, TSS or TTS, in a panel."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    position, mean = rows["position"].to_numpy(), rows["mean"].to_numpy()
    left, right = min(position.min(), 0) - 0.5, max(position.max(), 0) + 0.5
    first, last = (0, position.max()) if site == "TSS" else (position.min(), 0)
    if first < last:
        panel.axvspan(first - 0.5, last + 0.5, color=SHADE, zorder=0, label="transcribed")
    panel.axhline(0, color=GREY, linewidth=0.6, zorder=1)
    panel.axvline(0, color=INK, linewidth=0.7, linestyle=(0, (4, 2)), zorder=4)
    panel.fill_between(position, rows["low"], rows["high"], color=_BAND, alpha=0.6, linewidth=0, label="95 % interval")
    panel.plot(position, mean, color=_LINE, alpha=0.6, linewidth=0.45, label="each base")
    panel.plot(position, running_mean(mean, SMOOTH), color=_LINE, linewidth=1.3, label=f"mean of {SMOOTH} bases")
    panel.set_xlim(left, right)
    panel.xaxis.set_major_locator(MaxNLocator(6, integer=True, steps=[1, 2, 2.5, 5, 10]))
    panel.xaxis.set_major_formatter(FuncFormatter(lambda place, _: signed(round(place)) if place else site))
    panel.set_xlabel(f"bases from the {site}, in the direction of transcription")
    panel.grid(axis="y", color=FAINT, linewidth=0.3)
    panel.set_axisbelow(True)
