"""Draw the edge functions with the highest scores in a KAN layer, each with a histogram of its input.

In: statistics and scores of a layer. Out: a picture with one small panel per edge.
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch.nn import functional

from kanseq.attribution.edges import Edge, EdgeScores, LayerStatistics
from kanseq.drawing.style import GREY, picture
from kanseq.io.files import PathLike
from kanseq.nn.conv import KANConv1d

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

WHOLE, ALONE, DATA = "#1b4f8a", "#d98c4a", "#d3d9e2"
DASHES = (0, (4, 2))

POINTS = 400
"""Number of points at which a curve is evaluated."""

LEAST, FEWEST = 0.001, 3
"""Minimum fraction and minimum number of input values in a histogram bin. Otherwise, no edge output is drawn there."""

FOR_A_LINE = 6
"""Minimum number of bins with enough values for drawing a line. If fewer (two for one-hot inputs), points are drawn."""

COLUMNS = 4
"""Number of panels per row."""


class EdgeCurve(NamedTuple):
    """The function of one edge over its grid and a margin at each end, and the distribution of its input.

    Attributes:
        edge: the edge.
        x: positions on the grid, ``(POINTS,)``.
        curve: weighted sum of the basis functions of the edge at ``x``, ``(POINTS,)``.
        whole: curve plus SiLU branch at ``x``, ``(POINTS,)``; NaN in bins with too little data. With LayerNorm, the
            branch is not a function of the position, so its mean over the data in the bin is used.
        bins: boundaries of the histogram bins, ``(bins + 1,)``.
        counts: number of input values in each bin, ``(bins,)``.
        means, spread: output of the edge at the middle of each bin, and standard deviation of its SiLU branch within
            the bin (0 without LayerNorm), ``(bins,)``; NaN in bins with too little data.
    """

    edge: Edge
    x: np.ndarray
    curve: np.ndarray
    whole: np.ndarray
    bins: np.ndarray
    counts: np.ndarray
    means: np.ndarray
    spread: np.ndarray

    @property
    def is_line(self) -> bool:
        """Whether enough bins have data to draw the edge's output as a line."""
        return int(np.isfinite(self.means).sum()) >= FOR_A_LINE

    @property
    def middles(self) -> np.ndarray:
        """Middle of each bin, ``(bins,)``."""
        return (self.bins[1:] + self.bins[:-1]) / 2


def edge_curve(statistics: LayerStatistics, edge: Edge) -> EdgeCurve:
    """Evaluate the function of an edge, shifted so that ``curve`` and ``whole`` each have mean 0 over the data."""
    density = statistics.density
    bins, counts = density.edges[edge.input], density.counts[edge.input]
    x, middles = np.linspace(bins[0], bins[-1], POINTS), (bins[1:] + bins[:-1]) / 2
    curve, on_bins = (_curve(statistics, edge, at) for at in (x, middles))
    enough = counts >= max(FEWEST, LEAST * counts.sum())
    if not enough.any():
        nothing = np.full(len(counts), np.nan)
        return EdgeCurve(edge, x, curve, np.full(POINTS, np.nan), bins, counts, nothing, nothing)
    factor = _base_factor(statistics, edge)
    if statistics.layer.norm is None:
        along, base = (factor * functional.silu(torch.from_numpy(at)).numpy() for at in (x, middles))
        spread = np.zeros(len(counts))
    else:
        base, spread = (factor * values[edge.input] for values in density.base())
        along = np.interp(x, middles[enough], base[enough])
    shares = counts[enough] / counts[enough].sum()
    shift, whole_shift = ((shares * values[enough]).sum() for values in (on_bins, on_bins + base))
    seen = enough[np.clip(np.searchsorted(bins, x, side="right") - 1, 0, len(counts) - 1)]
    whole = np.where(seen, curve + along - whole_shift, np.nan)
    means, around = (np.where(enough, v, np.nan) for v in (on_bins + base - whole_shift, np.abs(spread)))
    return EdgeCurve(edge, x, curve - shift, whole, bins, counts, means, around)


def draw_edges(name: str, statistics: LayerStatistics, scores: EdgeScores, path: PathLike, most: int = 12) -> None:
    """Draw the functions of the edges with the highest scores in a layer, highest score first.

    All panels have the same vertical scale, so that edges can be compared. A histogram at the bottom of each panel
    shows the distribution of the input.

    Args:
        name: name of the layer.
        statistics, scores: statistics and scores of the layer.
        path: path of the picture (PNG, SVG or PDF).
        most: maximum number of edges to draw.

    Raises:
        NotWritable: the picture cannot be written.
    """
    curves = [edge_curve(statistics, edge) for edge in statistics.top(scores, most)]
    across = min(COLUMNS, len(curves))
    down = -(-len(curves) // across)
    reach = _reach(curves, statistics)
    with picture(path, 0.5 + 1.75 * max(3, across), 0.85 + 1.45 * down) as figure:
        figure.set_layout_engine("constrained", w_pad=0.04, h_pad=0.04)
        panels = figure.subplots(down, across, squeeze=False).ravel()
        for number, panel in enumerate(panels):
            if number >= len(curves):
                panel.set_visible(False)
                continue
            _draw_panel(panel, curves[number], reach, statistics)
            panel.tick_params(labelleft=number % across == 0, labelbottom=number + across >= len(curves))
            if number + across >= len(curves):
                panel.set_xlabel("input after LayerNorm" if statistics.layer.norm is not None else "input")
        figure.suptitle(f"{name}: edge functions of highest score", fontsize=9)
        figure.supylabel("output of the edge, mean 0", fontsize=7.5)
        figure.legend(handles=_legend(statistics, curves), loc="outside lower center", ncols=4)


def _legend(statistics: LayerStatistics, curves: list[EdgeCurve]) -> list["Artist"]:
    """Return the entries of the legend that all panels share."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    based, normed = statistics.layer.base_weight is not None, statistics.layer.norm is not None
    label = "curve" if not based else "curve + SiLU branch (mean ± SD)" if normed else "curve + SiLU branch"
    marker = "" if all(curve.is_line for curve in curves) else "o"
    lines: list[Artist] = [Line2D([], [], color=WHOLE, linewidth=1.6, marker=marker, markersize=3.5, label=label)]
    if based:
        lines.append(Line2D([], [], color=ALONE, linewidth=0.9, label="curve alone"))
    if statistics.density.has_grid:
        lines.append(Line2D([], [], color=GREY, linewidth=0.7, linestyle=DASHES, label="ends of the grid"))
    return [*lines, Patch(color=DATA, label="data")]


def _draw_panel(panel: "Axes", curve: EdgeCurve, reach: tuple[float, float], statistics: LayerStatistics) -> None:
    """Draw the function of one edge, with the vertical range ``reach``."""
    before, behind = statistics.nodes
    names = before.name(curve.edge.input), behind.name(curve.edge.output)
    panel.set_title("\n→ ".join(names).replace("-", "−"), fontsize=7, loc="left", pad=3)
    panel.set_xlim(curve.bins[0], curve.bins[-1])
    panel.set_ylim(*reach)
    data = panel.twinx()
    data.set_ylim(0, 3.5 * max(1, curve.counts.max()))
    data.axis("off")
    data.stairs(curve.counts, curve.bins, fill=True, color=DATA)
    panel.set_zorder(data.get_zorder() + 1)
    panel.patch.set_visible(False)
    if statistics.density.has_grid:
        for end in (statistics.density.low, statistics.density.high):
            panel.axvline(end[curve.edge.input], color=GREY, linewidth=0.7, linestyle=DASHES)
    panel.axhline(0, color=GREY, linewidth=0.4)
    if statistics.layer.base_weight is not None:
        panel.plot(curve.x, curve.curve, color=ALONE, linewidth=0.9)
    if curve.is_line:
        filled = np.isfinite(curve.means)
        spread = np.interp(curve.x, curve.middles[filled], curve.spread[filled])
        low, high = curve.whole - spread, curve.whole + spread
        panel.fill_between(curve.x, low, high, color=WHOLE, alpha=0.18, linewidth=0)
        panel.plot(curve.x, curve.whole, color=WHOLE, linewidth=1.6)
    else:
        panel.errorbar(curve.middles, curve.means, curve.spread, color=WHOLE, fmt="o", markersize=3.5, elinewidth=1.2)
    text = panel.text(0.97, 0.97, f"score {curve.edge.score:#.2g}", transform=panel.transAxes, color=WHOLE)
    text.set(fontsize=7, ha="right", va="top", bbox={"facecolor": "white", "linewidth": 0, "pad": 0.8})


def _reach(curves: list[EdgeCurve], statistics: LayerStatistics) -> tuple[float, float]:
    """Return the vertical range of all panels, which includes edge outputs in all bins with data, and all curves."""
    low, high = 0.0, 0.0
    for curve in curves:
        inside = (curve.x >= statistics.density.low[curve.edge.input]) & (
            curve.x <= statistics.density.high[curve.edge.input]
        )
        seen = np.isfinite(curve.means)
        values = curve.curve[inside], (curve.means - curve.spread)[seen], (curve.means + curve.spread)[seen]
        low = min(low, *(each.min(initial=0) for each in values))
        high = max(high, *(each.max(initial=0) for each in values))
    room = 0.08 * (high - low) or 1.0
    # Lines should hide neither the data at the bottom nor the score at the top.
    return low - 2.5 * room, high + 2 * room


def _curve(statistics: LayerStatistics, edge: Edge, x: np.ndarray) -> np.ndarray:
    """Evaluate the curve of an edge, without its SiLU branch, at positions ``x (points,)``."""
    layer = statistics.layer
    ends = (edge.input, edge.output, edge.tap) if isinstance(layer, KANConv1d) else (edge.input, edge.output)
    with torch.no_grad():
        return layer.edge_functions(*ends, torch.from_numpy(x).to(layer.spline_weight)).curve.double().cpu().numpy()


def _base_factor(statistics: LayerStatistics, edge: Edge) -> float:
    """Return the weight of the SiLU branch of an edge; 0 if the layer has no such branch."""
    weight = statistics.layer.base_weight
    if weight is None:
        return 0.0
    return float(weight.detach()[edge.output, edge.input % weight.shape[1]].reshape(-1)[edge.tap])
