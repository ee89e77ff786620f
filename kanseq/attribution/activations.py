"""What the KAN layers of a trained network see and give for real sequences, a batch at a time.

In: a network and base codes. Out: each layer's inputs, positions on its grid and outputs, and how these lie there.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional

from kanseq.geometry import TOKEN, Geometry
from kanseq.models.network import SequenceNetwork
from kanseq.nn.bsplines import BSplines
from kanseq.nn.conv import KANConv1d
from kanseq.nn.layer import KANLayer
from kanseq.regions import region_at

INSIDE, MARGIN = 24, 12
"""Bins of a histogram between the grid's ends, and beyond either of them."""

NO_GRID = (-2.0, 2.0)
"""Range around which histograms stand where a basis has no grid (polynomials, waves)."""


class Activation(NamedTuple):
    """One KAN layer's part in a batch; whatever the layer's kind, its inputs and outputs are the last axis.

    Attributes:
        name, layer: the layer, and its name in the network.
        inputs: ``(n, …, inputs)``.
        positions: the same after the layer's LayerNorm, if it has one: where on the grid the curves are read.
        outputs: ``(n, …, outputs)``, with the residual of a layer that has one.
        source: the layer whose very outputs these inputs are, if there is one.
    """

    name: str
    layer: KANLayer
    inputs: Tensor
    positions: Tensor
    outputs: Tensor
    source: str | None


class Batch(NamedTuple):
    """What happened to some sequences in a network.

    Attributes:
        encoded: what the network read, ``(n, 4, columns)``.
        outputs: what it gave, ``(n, outputs)``.
        layers: its KAN layers in the order in which they ran.
        last: the KAN layer whose very outputs are the network's, if there is one.
        watched: inputs and outputs of the modules that were asked for by name and that ran.
    """

    encoded: Tensor
    outputs: Tensor
    layers: list[Activation]
    last: str | None
    watched: dict[str, tuple[Tensor, Tensor]]


class Nodes(NamedTuple):
    """What a layer's inputs or outputs are.

    Attributes:
        kind: ``base`` (a row of the one-hot encoding and a column), ``token``, ``channel``, ``output`` or ``unit``.
        geometry: the columns of the network.
        names: what they are called, where the network says so.
    """

    kind: str
    geometry: Geometry
    names: tuple[str, ...] = ()

    def name(self, number: int) -> str:
        """Name one of them.

        >>> Nodes("token", Geometry()).name(120), Nodes("base", Geometry()).name(3020 + 1030)
        ('token 120 (TSS-40)', 'C at TSS+30')
        """
        if self.names:
            return self.names[number]
        if self.kind == "base":
            row, column = divmod(number, self.geometry.columns)
            return f"{'ACGT'[row]} at {place(self.geometry, column)}"
        if self.kind == "token" and self.geometry.has_genes:
            return f"token {number} ({place(self.geometry, number * TOKEN)})"
        return f"{self.kind} {number}"


def place(geometry: Geometry, column: int) -> str:
    """Say where a column (0-based) lies: bases from the first transcribed one (TSS), or from the last one (TTS).

    >>> [place(Geometry(), column) for column in (992, 1000, 1510, 2020)]
    ['TSS-8', 'TSS+0', 'padding', 'TTS+1']
    """
    region = region_at(geometry, column)
    if region.site is None:
        return "padding" if geometry.has_genes else f"column {column}"
    return f"{region.site}{region.distance(column):+d}"


def kan_layers(network: nn.Module) -> dict[str, KANLayer]:
    """Find a network's KAN layers by name, in the order in which they were built."""
    return {name: module for name, module in network.named_modules() if isinstance(module, KANLayer)}


def activations(network: SequenceNetwork, batches: Iterable[Tensor], watch: Sequence[str] = ()) -> Iterator[Batch]:
    """Run a network in evaluation mode over codes, uint8 ``(n, columns)`` a batch, and hand out what its layers did.

    Nothing is kept from one batch to the next. Tensors are on the network's device.

    Args:
        network: the network; hooks hang on it while a batch runs.
        batches: base codes.
        watch: names of modules whose inputs and outputs are wanted, too.
    """
    device = next(network.parameters()).device
    network.eval()
    for codes in batches:
        # The mode must not last while the one who asked works on the batch.
        with torch.no_grad():
            batch = _run(network, codes.to(device), watch)
        yield batch


def grid_of(layer: KANLayer) -> tuple[np.ndarray, np.ndarray] | None:
    """Give where each input's grid begins and ends, float64 ``(inputs,)`` each, in units of :attr:`positions`.

    First and last centre of Gaussians, the inner knots of B-splines; None for a basis that has no such range.
    """
    basis, (per_unit, origin) = layer.placed_basis(), (column.detach().double().cpu() for column in layer.units())
    if basis.span is not None:
        first, last = basis.span
        return (origin + first / per_unit).numpy(), (origin + last / per_unit).numpy()
    if isinstance(basis, BSplines) and basis.knots is not None:
        knots = basis.knots.detach().double().cpu()
        return knots[:, basis.order].numpy(), knots[:, -basis.order - 1].numpy()
    return None


class Density:
    """Where on their grids a layer's inputs lie: a histogram for each of them, added up batch by batch.

    Attributes:
        has_grid: whether the basis has a grid; else the histogram stands around :data:`NO_GRID`.
        low, high: the grid's ends, ``(inputs,)``.
        counts: ``(inputs, MARGIN + INSIDE + MARGIN)`` int64; what lies farther out is not in them.
        below, above: values below the grid and above it, ``(inputs,)`` int64.
        rows: values of every input.
    """

    def __init__(self, layer: KANLayer) -> None:
        """Lay the bins out over the grid and its margins."""
        grid, inputs = grid_of(layer), len(layer.units()[0])
        self.has_grid = grid is not None
        self.low, self.high = grid if grid is not None else (np.full(inputs, end) for end in NO_GRID)
        self.counts = np.zeros((inputs, INSIDE + 2 * MARGIN), dtype=np.int64)
        self.below, self.above = np.zeros(inputs, dtype=np.int64), np.zeros(inputs, dtype=np.int64)
        self._base, self._squares = np.zeros(self.counts.shape), np.zeros(self.counts.shape)
        self.rows = 0

    @property
    def edges(self) -> np.ndarray:
        """Borders of the bins, ``(inputs, bins + 1)``."""
        steps = np.arange(-MARGIN, INSIDE + MARGIN + 1) / INSIDE
        return self.low[:, None] + (self.high - self.low)[:, None] * steps

    @property
    def outside(self) -> float:
        """Share of all values that lie outside of the grid."""
        return float((self.below.sum() + self.above.sum()) / max(1, self.rows * len(self.low)))

    def base(self) -> tuple[np.ndarray, np.ndarray]:
        """Give mean and standard deviation of ``silu(x)`` in each bin, ``(inputs, bins)``; NaN where nothing lies.

        With LayerNorm the position says nothing of ``x`` itself, and this is what it goes with in the data.
        """
        with np.errstate(invalid="ignore"):
            mean = self._base / self.counts
            return mean, np.sqrt(np.maximum(0, self._squares / self.counts - mean**2))

    def add(self, activation: Activation) -> None:
        """Count a batch in."""
        inputs, bins = self.counts.shape
        z = activation.positions.reshape(-1, inputs).double().cpu().numpy()
        silu = functional.silu(activation.inputs.reshape(-1, inputs).double()).cpu().numpy()
        self.below += (z < self.low).sum(axis=0)
        self.above += (z > self.high).sum(axis=0)
        self.rows += len(z)
        at = np.floor((z - self.low) * (INSIDE / (self.high - self.low))) + MARGIN
        # The last centre belongs to the grid, and so to the last bin inside of it.
        at = np.where(z == self.high, MARGIN + INSIDE - 1, at)
        kept = (at >= 0) & (at < bins)
        flat = (np.arange(inputs) * bins + at)[kept].astype(np.int64)
        silu = silu[kept]
        counts, sums, squares = (np.bincount(flat, each, inputs * bins) for each in (None, silu, silu**2))
        self.counts += counts.reshape(inputs, bins)
        self._base += sums.reshape(inputs, bins)
        self._squares += squares.reshape(inputs, bins)


def grid_table(densities: Mapping[str, Density]) -> pd.DataFrame:
    """Give the shares of values outside of the grids: ``layer, input, below, above, outside``.

    A row per input; ``*`` stands for all inputs of a layer, and for all layers. Layers without a grid are left out.
    """
    parts, total = [], np.zeros(3)
    for name, density in densities.items():
        if not density.has_grid or not density.rows:
            continue
        beyond = np.stack([density.below, density.above], axis=1)
        whole = np.array([*beyond.sum(axis=0), density.rows * len(beyond)])
        total += whole
        shares = np.concatenate([[whole[:2] / whole[2]], beyond / density.rows])
        part = pd.DataFrame(shares, columns=["below", "above"])
        part.insert(0, "layer", name)
        part.insert(1, "input", ["*", *map(str, range(len(beyond)))])
        parts.append(part)
    if not parts:
        return pd.DataFrame(columns=["layer", "input", "below", "above", "outside"])
    everything = pd.DataFrame([("*", "*", *(total[:2] / total[2]))], columns=parts[0].columns)
    table = pd.concat([everything, *parts], ignore_index=True)
    return table.assign(outside=table["below"] + table["above"])


def nodes_of(batch: Batch, geometry: Geometry) -> dict[str, tuple[Nodes, Nodes]]:
    """Tell what the inputs and outputs of each KAN layer are, from what went through it.

    Inputs that equal the one-hot columns are bases. An axis as long as there are tokens counts the tokens, and the
    other one channels; where both are as long, the last axis of the first such layer is the tokens.
    """
    found: dict[str, tuple[Nodes, Nodes]] = {}
    onehot = batch.encoded.flatten(1)
    for one in batch.layers:
        if one.inputs.shape == onehot.shape and torch.equal(one.inputs, onehot.to(one.inputs)):
            kinds = "base", "unit"
        else:
            known = {nodes.kind for pair in found.values() for nodes in pair}
            kinds = tuple(_kind(tensor, geometry, known) for tensor in (one.inputs, one.outputs))
        if one.name == batch.last:
            kinds = kinds[0], "output"
        inputs = Nodes(kinds[0], geometry, getattr(one.layer, "input_names", ()))
        found.setdefault(one.name, (inputs, Nodes(kinds[1], geometry)))
    return found


def token_axis(tensor: Tensor, geometry: Geometry) -> int | None:
    """Find the axis (from the end) that counts the tokens, the last one of several; None if there is none."""
    axes = [axis for axis in range(-1, -tensor.ndim, -1) if tensor.shape[axis] == geometry.tokens]
    return axes[0] if axes else None


def _kind(tensor: Tensor, geometry: Geometry, known: set[str]) -> str:
    """Guess what the last axis counts; ``known`` are the kinds that were found before."""
    if tensor.ndim < 3:
        return "unit"
    last, other = (size == geometry.tokens for size in (tensor.shape[-1], tensor.shape[-2]))
    if last and not (other and "token" in known):
        return "token"
    return "channel" if other else "unit"


def _run(network: SequenceNetwork, codes: Tensor, watch: Sequence[str]) -> Batch:
    """Run one batch with hooks on the layers."""
    layers: list[Activation] = []
    watched: dict[str, tuple[Tensor, Tensor]] = {}
    made: dict[int, tuple[str, Tensor]] = {}

    def see(name: str, layer: nn.Module, arguments: tuple, options: dict, outputs: Tensor) -> None:
        inputs = arguments[0] if arguments else next(iter(options.values()))
        if name in watch:
            watched.setdefault(name, (inputs, outputs))
        if isinstance(layer, KANLayer):
            source = made.get(id(inputs), (None, None))[0]
            # The tensor is kept beside its number, which another one might get otherwise.
            made[id(outputs)] = name, outputs
            layers.append(_activation(name, layer, inputs, outputs, source))

    wanted = {name: module for name, module in network.named_modules() if name in watch} | kan_layers(network)
    handles = [module.register_forward_hook(partial(see, name), with_kwargs=True) for name, module in wanted.items()]
    try:
        outputs = network(codes)
    finally:
        for handle in handles:
            handle.remove()
    last = made.get(id(outputs), (None, None))[0]
    return Batch(network.encode(codes), outputs, layers, last, watched)


def _activation(name: str, layer: KANLayer, inputs: Tensor, outputs: Tensor, source: str | None) -> Activation:
    """Put inputs last, and normalise them as the layer does."""
    if isinstance(layer, KANConv1d):
        inputs, outputs = inputs.transpose(-1, -2), outputs.transpose(-1, -2)
    exact = inputs.to(layer.spline_weight.dtype)
    return Activation(name, layer, inputs, exact if layer.norm is None else layer.norm(exact), outputs, source)
