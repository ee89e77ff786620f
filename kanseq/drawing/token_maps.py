"""Draw the signal of a network along the windows: norms of tokens before and after a layer, and scores of columns.

In: batches from :mod:`kanseq.attribution.activations`, scores of inputs. Out: tables and pictures.
"""

import difflib
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
from torch import Tensor

from kanseq.attribution.activations import ActivationBatch, nodes_of, place, token_axis
from kanseq.attribution.edges import EdgeScores, NetworkStatistics
from kanseq.drawing.style import FAINT, GREY, INK, picture, running_mean
from kanseq.errors import BadOption
from kanseq.geometry import TOKEN, Geometry
from kanseq.io.files import PathLike
from kanseq.models.network import SequenceNetwork

if TYPE_CHECKING:
    from matplotlib.axes import Axes


SMOOTH = 25
"""Number of bases over which the thick line of :func:`draw_positions` averages."""


class TokenMap(NamedTuple):
    """Norms of the tokens of some sequences before and after a layer; sequences in ascending order of their logits.

    Attributes:
        layer: name of the layer.
        last: name of the last layer in the chain of KAN layers that starts with ``layer``, in which each layer reads
            the output of the previous one; the same as ``layer`` if no KAN layer reads its output.
        before, after: norms over the channels, ``(n, tokens)`` float64; ``after`` is None if the layer's output has no
            token axis.
        logits: ``(n,)`` float64.
    """

    layer: str
    last: str
    before: np.ndarray
    after: np.ndarray | None
    logits: np.ndarray


class TokenMaps:
    """Norms of the tokens before and after one layer, collected batch by batch.

    Attributes:
        layer: name of the layer. If no layer was requested, it is None until the first batch, and stays None if no
            layer has a token axis.
    """

    def __init__(self, network: SequenceNetwork, layer: str | None = None) -> None:
        """Choose the layer with the name ``layer``, or by default the first KAN layer that reads tokens.

        By default, the map after the layer shows the input of the next KAN layer with a token axis. This input includes
        a residual that the network adds outside of its layers. If there is no such layer, it shows the output of the
        chain of KAN layers that starts with the chosen layer.

        Raises:
            BadOption: the network has no module of that name.
        """
        names = [name for name, _ in network.named_modules() if name]
        if layer is not None and layer not in names:
            close = difflib.get_close_matches(layer, names, n=3, cutoff=0.4) or names[:6]
            raise BadOption(f"the model has no layer '{layer}'", hint=f"choose {', '.join(close)}")
        self.geometry = network.geometry
        self.layer, self._last, self._named = layer, layer, layer is not None
        self._parts: list[tuple[np.ndarray, np.ndarray | None, np.ndarray]] = []

    @property
    def watch(self) -> tuple[str, ...]:
        """Names of modules to pass to :func:`~kanseq.attribution.activations.activations` as ``watch``."""
        return (self.layer,) if self._named and self.layer is not None else ()

    def add(self, batch: ActivationBatch, logits: np.ndarray) -> None:
        """Add the norms of the tokens in a batch, and the logits of its sequences, ``(n,)``.

        Raises:
            BadOption: the requested layer does not run, or its inputs have no token axis.
        """
        pair = self._around_named(batch) if self._named else self._around_first(batch)
        if pair is not None:
            before, after = pair
            self._parts.append((_norms(*before), None if after is None else _norms(*after), logits))

    def result(self) -> TokenMap | None:
        """Return the map of all batches; None if no layer has a token axis."""
        if not self._parts or self.layer is None or self._last is None:
            return None
        before, after, logits = zip(*self._parts, strict=True)
        order = np.argsort(np.concatenate(logits), kind="stable")
        behind = None if after[0] is None else np.concatenate(after)[order]
        ranked = np.concatenate(before)[order], behind, np.concatenate(logits)[order]
        return TokenMap(self.layer, self._last, *ranked)

    def _around_named(self, batch: ActivationBatch) -> tuple["_Tokens", "_Tokens | None"]:
        """Return the input and output of the requested layer. The output is None if it has no token axis."""
        pair = batch.watched.get(str(self.layer))
        if pair is None:
            raise BadOption(f"the layer '{self.layer}' does not run as a module", hint="use another --layer")
        before, after = (_tokens(tensor, self.geometry) for tensor in pair)
        if before is None:
            tokens = f"{self.geometry.tokens} tokens"
            raise BadOption(f"the layer '{self.layer}' has no input axis of {tokens}", hint="use another --layer")
        return before, after

    def _around_first(self, batch: ActivationBatch) -> tuple["_Tokens", "_Tokens | None"] | None:
        """Return the tokens before and after the first KAN layer that reads tokens; None if no layer reads tokens."""
        kinds = {name: pair[0].kind for name, pair in nodes_of(batch, self.geometry).items()}
        first = next((at for at, one in enumerate(batch.layers) if kinds[one.name] == "token"), None)
        if first is None:
            return None
        layer = end = batch.layers[first]
        for one in batch.layers[first + 1 :]:
            if one.source == end.name:
                end = one
        self.layer, self._last = layer.name, end.name
        for one in batch.layers[first + 1 :]:
            if one.source is None and kinds[one.name] in AXES:
                return _Tokens(layer.inputs, -1), _Tokens(one.inputs, AXES[kinds[one.name]])
        return _Tokens(layer.inputs, -1), _tokens(end.outputs, self.geometry)


def draw_token_map(found: TokenMap, geometry: Geometry, path: PathLike) -> None:
    """Draw heat maps of token norms before and after a layer, with one row per sequence, the highest logit on top.

    The upper maps show the norms, the lower maps the norms minus the mean of each token over the sequences. The upper
    maps mostly show patterns that all sequences have (padding, constants that a layer adds); the lower maps show
    differences between sequences. Every map has its own scale. The logits are drawn next to the maps.

    Args:
        found: the maps.
        geometry: the layout of the network's input columns; windows, TSS and TTS are marked.
        path: path of the picture (PNG, SVG or PDF).

    Raises:
        BadOption, NotWritable: as in :func:`kanseq.drawing.style.picture`.
    """
    maps = [(f"before {found.layer}", found.before), (f"after {found.last}", found.after)]
    drawn = [(label, values) for label, values in maps if values is not None]
    n, across = len(found.logits), len(drawn)
    with picture(path, 1.2 + 3.3 * across, 5.4) as figure:
        figure.set_layout_engine("constrained", w_pad=0.03, h_pad=0.04)
        panels = figure.subplots(2, across + 1, sharey=True, width_ratios=[1] * across + [0.17])
        for column, (label, values) in enumerate(drawn):
            _draw_map(panels[0, column], values, geometry, diverging=False)
            _draw_map(panels[1, column], values - values.mean(axis=0), geometry, diverging=True)
            panels[0, column].set_title(f"{label}: norm over channels", pad=14)
            panels[1, column].set_title("less the token's mean", pad=14)
        for row in panels:
            row[0].set_ylabel(f"{n:,} sequences by logit")
            row[-1].plot(found.logits, np.arange(n) + 0.5, color=INK, linewidth=1)
            row[-1].axvline(0, color=GREY, linewidth=0.5)
            row[-1].set_ylim(0, n)
            row[-1].set_xlabel("logit")
            row[-1].locator_params(axis="x", nbins=3)


def _draw_map(panel: "Axes", values: np.ndarray, geometry: Geometry, diverging: bool) -> None:
    """Draw a heat map of ``values (n, tokens)`` with its colour scale."""
    # A few extreme tokens must not use up the colour scale.
    low, high = np.percentile(values, [1, 99])
    colours = "magma"
    if diverging:
        colours, high = "RdBu_r", max(-low, high) or 1.0
        low = -high
    extent = (0, geometry.tokens * TOKEN, 0, len(values))
    image = panel.imshow(values, cmap=colours, vmin=low, vmax=high, aspect="auto", origin="lower", extent=extent)
    bar = panel.figure.colorbar(image, ax=panel, pad=0.015, fraction=0.045, aspect=30, extend="both")
    bar.outline.set_visible(False)
    mark_windows(panel, geometry, INK if diverging else "white")


AXES = {"token": -1, "channel": -2}
"""Kind of a layer's inputs -> index of the token axis."""


class _Tokens(NamedTuple):
    """A tensor, and the index of its token axis."""

    tensor: Tensor
    axis: int


def _tokens(tensor: object, geometry: Geometry) -> _Tokens | None:
    """Find the token axis of a tensor, and return both; None if it has no such axis, or is not a tensor."""
    axis = token_axis(tensor, geometry) if isinstance(tensor, Tensor) else None
    return None if axis is None else _Tokens(tensor, axis)


def _norms(tensor: Tensor, axis: int) -> np.ndarray:
    """Return the Euclidean norm of each token of each sequence, ``(n, tokens)``. ``axis`` is the token axis."""
    moved = tensor.movedim(axis, 1)
    return moved.reshape(*moved.shape[:2], -1).double().norm(dim=-1).cpu().numpy()


def mark_windows(panel: "Axes", geometry: Geometry, colour: str = "white", named: bool = True) -> None:
    """Label a horizontal axis of columns with distances from TSS and TTS, and name the windows above the panel."""
    if not geometry.has_genes:
        panel.set_xlabel("column")
        return
    tss, tts = geometry.upstream, geometry.columns - geometry.upstream
    step = 500 if geometry.upstream > 500 else max(1, geometry.upstream)
    away = range(step, geometry.upstream + 1, step)
    ticks = {tss: "TSS", tts: "TTS"} | {tss - d: f"−{d:,}" for d in away} | {tts + d: f"+{d:,}" for d in away}
    panel.set_xticks(list(ticks), list(ticks.values()))
    for site in (tss, tts):
        panel.axvline(site, color=colour, linewidth=0.6, linestyle=(0, (4, 3)))
    if not named:
        return
    high = {"transform": panel.get_xaxis_transform(), "clip_on": False}
    inner = geometry.window, geometry.window + geometry.pad
    for name, start, end in (("TSS window", 0, inner[0]), ("TTS window", inner[1], geometry.columns)):
        panel.plot([start, end], [1.015, 1.015], color=INK, linewidth=1.5, solid_capstyle="butt", **high)
        panel.text((start + end) / 2, 1.025, name, ha="center", va="bottom", fontsize=6.5, color=GREY, **high)


# ---- scores of inputs along the windows ----


def column_scores(statistics: NetworkStatistics, scores: Mapping[str, EdgeScores]) -> np.ndarray | None:
    """Sum the scores of a network's inputs over the bases of each column, ``(columns,)``.

    Return None if no KAN layer directly reads the one-hot columns.
    """
    for name, layer in statistics.layers.items():
        if layer.nodes[0].kind == "base":
            return scores[name].inputs.reshape(-1, statistics.geometry.columns).sum(axis=0)
    return None


def position_table(values: np.ndarray, geometry: Geometry) -> pd.DataFrame:
    """Return a table of the scores of columns, ``(columns,)``: ``column, token, place, score, token_score``.

    ``place`` is the distance from TSS or TTS. ``token_score`` is the sum over all columns of the token.
    """
    columns = np.arange(len(values))
    token = columns // TOKEN
    sums = np.bincount(token, weights=values, minlength=geometry.tokens)
    places = [place(geometry, column) for column in columns.tolist()]
    table = {"column": columns, "token": token, "place": places, "score": values, "token_score": sums[token]}
    return pd.DataFrame(table)


def draw_positions(values: np.ndarray, geometry: Geometry, path: PathLike) -> None:
    """Draw the scores of columns, ``(columns,)``, and their running mean over :data:`SMOOTH` columns.

    Masked columns and padding are left empty. Raises the same errors as :func:`draw_token_map`.
    """
    known = np.full(len(values), np.nan)
    for start, end in geometry.windows:
        known[start:end] = values[start:end]
    for start, end in geometry.masked:
        known[start:end] = np.nan
    with picture(path, 7.2, 2.4) as figure:
        figure.set_layout_engine("constrained", w_pad=0.05, h_pad=0.04)
        panel = figure.subplots()
        middles = np.arange(len(values)) + 0.5
        panel.plot(middles, known, color=FAINT, linewidth=0.5, label="each base")
        panel.plot(
            middles, running_mean(known, SMOOTH), color="#1b4f8a", linewidth=1.3, label=f"mean of {SMOOTH} bases"
        )
        panel.set_xlim(0, geometry.columns)
        panel.set_ylim(0, None)
        mark_windows(panel, geometry, INK)
        panel.set_ylabel("score of the input")
        figure.legend(loc="outside upper right", ncols=2)
