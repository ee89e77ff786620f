"""Position curves of a network: the learned contribution of each k-mer (word) to the output, at each column.

In: a network with :class:`kanseq.nn.positional.PlacedCurves`. Out: a table, and a picture.
"""

from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch

from kanseq.attribution.activations import place
from kanseq.drawing.style import GREY, INK, pad_limits, picture
from kanseq.drawing.token_maps import mark_windows
from kanseq.geometry import TOKEN, Geometry
from kanseq.io.files import PathLike
from kanseq.models.network import SequenceNetwork
from kanseq.nn.positional import PlacedCurves

LINES, ROWS = 6, 40
"""Number of k-mers that are drawn as lines, and as rows of the heat map."""

COLOURS = ("#d62839", "#255c99", "#109648", "#f29f05", "#7b4fa3", "#222222")


class PlaceCurves(NamedTuple):
    """The position curves of one layer: the contribution of each k-mer (word) as a function of its column.

    Attributes:
        layer: name of the layer.
        words: the k-mers, in descending order of ``strength``.
        strength: standard deviation of each k-mer's contribution over the training sequences, ``(words,)``, in log-odds
            (for regression in standard deviations). It is computed as if occurrences at different positions were
            independent.
        curves: contribution of a k-mer in each column, ``(words, columns)`` float64; zero in columns without a curve.
        seen: whether a column has a curve, ``(columns,)`` bool.
    """

    layer: str
    words: list[str]
    strength: np.ndarray
    curves: np.ndarray
    seen: np.ndarray


def place_curves(network: SequenceNetwork, outputs: Sequence[float] = (1.0,)) -> list[PlaceCurves]:
    """Return the position curves of every layer that has them.

    Args:
        network: the network.
        outputs: weight of each network output in the sum that is explained; further outputs have weight 0.
    """
    found = []
    for name, layer in network.named_modules():
        if isinstance(layer, PlacedCurves):
            shares = layer.weight.new_zeros(len(layer.weight))
            shares[: len(outputs)] = torch.tensor(outputs)
            weight = torch.einsum("o,okg->kg", shares, layer.weight).detach().double().cpu().numpy()
            strength = layer.gain * np.sqrt(np.square(weight).sum(axis=1))
            order = np.argsort(-strength, kind="stable")
            curves = torch.einsum("o,okt->kt", shares, layer.curves()).detach().double().cpu().numpy()[order]
            length = round(np.log(layer.kinds) / np.log(4))
            words = ["".join(letters) for letters in product("ACGT", repeat=length)]
            seen = np.zeros(curves.shape[1], dtype=bool)
            for start, stop in layer.stretches:
                seen[start:stop] = True
            found.append(PlaceCurves(name, [words[at] for at in order], strength[order], curves, seen))
    return found


def curve_table(found: list[PlaceCurves], geometry: Geometry) -> pd.DataFrame:
    """Return a table of the curves at the start of every token: ``layer, word, strength, column, place, value``."""
    parts = []
    for one in found:
        columns = np.flatnonzero(one.seen & (np.arange(len(one.seen)) % TOKEN == 0))
        places = [place(geometry, column) for column in columns.tolist()]
        parts.append(
            pd.DataFrame(
                {
                    "layer": one.layer,
                    "word": np.repeat(one.words, len(columns)),
                    "strength": np.repeat(one.strength, len(columns)),
                    "column": np.tile(columns, len(one.words)),
                    "place": places * len(one.words),
                    "value": one.curves[:, columns].ravel(),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def draw_curves(found: PlaceCurves, geometry: Geometry, path: PathLike) -> None:
    """Draw the curves of the strongest k-mers as lines, and the curves of more k-mers as rows of a heat map.

    Raises:
        NotWritable: the picture cannot be written.
    """
    rows = min(ROWS, len(found.words))
    values = np.where(found.seen, found.curves, np.nan)
    for start, end in geometry.masked:
        values[:, start:end] = np.nan
    with picture(path, 7.2, 2.6 + 0.11 * rows) as figure:
        figure.set_layout_engine("constrained", w_pad=0.05, h_pad=0.04)
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=(1.7, 0.4 + 0.11 * rows))
        middles = np.arange(values.shape[1]) + 0.5
        for number in range(min(LINES, rows)):
            above.plot(middles, values[number], color=COLOURS[number], linewidth=1.1, label=found.words[number])
        above.axhline(0, color=GREY, linewidth=0.5)
        pad_limits(above, values[: min(LINES, rows)])
        above.set_ylabel("a word adds")
        mark_windows(above, geometry, INK)
        figure.legend(loc="outside upper right", ncols=LINES)
        # A few extreme values must not make all others pale.
        most = float(np.nanquantile(np.abs(values[:rows]), 0.99)) or 1.0
        drawn = below.imshow(
            values[:rows], aspect="auto", cmap="RdBu_r", vmin=-most, vmax=most, interpolation="nearest",
            extent=(0, values.shape[1], rows, 0),
        )  # fmt: skip
        below.set_yticks(np.arange(rows) + 0.5, found.words[:rows], fontsize=5.5, family="DejaVu Sans Mono")
        below.set_xlim(0, geometry.columns)
        mark_windows(below, geometry, INK, named=False)
        figure.colorbar(drawn, ax=below, label="a word adds", pad=0.01, fraction=0.03)
