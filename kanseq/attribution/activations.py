"""Record the inputs and outputs of the KAN layers of a trained network for real sequences, batch by batch.

In: a network and base codes. Out: each layer's inputs, grid positions and outputs, and histograms of the positions.
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
from kanseq.nn.bases.bsplines import BSplines
from kanseq.nn.conv import KANConv1d
from kanseq.nn.layer import KANLayer
from kanseq.regions import region_at

INSIDE, MARGIN = 24, 12
"""Bins of a histogram between the ends of the grid, and beyond each end."""

NO_GRID = (-2.0, 2.0)
"""Range that stands in for the grid in histograms of a basis without a grid (polynomials, waves)."""


class Activation(NamedTuple):
    """Inputs and outputs of one KAN layer for a batch; they are the last axis for every kind of layer.

    Attributes:
        name, layer: the layer's name in the network, and the layer.
        inputs: ``(n, …, inputs)``.
        positions: the inputs after the layer's LayerNorm, if it has one: where on the grid the curves are evaluated.
        outputs: ``(n, …, outputs)``, including the residual if the layer has one.
        source: the layer whose output tensor is this layer's input, if there is one.
    """

    name: str
    layer: KANLayer
    inputs: Tensor
    positions: Tensor
    outputs: Tensor
    source: str | None


class ActivationBatch(NamedTuple):
    """Activations of a network for one batch of sequences.

    Attributes:
        encoded: input of the network, ``(n, 4, columns)``.
        outputs: output of the network, ``(n, outputs)``.
        layers: its KAN layers in the order in which they ran.
        last: the KAN layer whose output tensor is the network's output, if there is one.
        watched: inputs and outputs of the modules that were requested by name and that ran.
    """

    encoded: Tensor
    outputs: Tensor
    layers: list[Activation]
    last: str | None
    watched: dict[str, tuple[Tensor, Tensor]]


class Nodes(NamedTuple):
    """Meaning of a layer's inputs or outputs.

    Attributes:
        kind: ``base`` (a row of the one-hot encoding and a column), ``token``, ``channel``, ``output`` or ``unit``.
        geometry: the columns of the network.
        names: names of the nodes, if the layer has names for them.
    """

    kind: str
    geometry: Geometry
    names: tuple[str, ...] = ()

    def name(self, number: int) -> str:
        """Return the name of one node.

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
    """Return the position of a column (0-based) relative to the first (TSS) or the last transcribed base (TTS).

    >>> [place(Geometry(), column) for column in (992, 1000, 1510, 2020)]
    ['TSS-8', 'TSS+0', 'padding', 'TTS+1']
    """
    region = region_at(geometry, column)
    if region.site is None:
        return "padding" if geometry.has_genes else f"column {column}"
    return f"{region.site}{region.distance(column):+d}"


def kan_layers(network: nn.Module) -> dict[str, KANLayer]:
    """Return a network's KAN layers by name, in the order in which they were built."""
    return {name: module for name, module in network.named_modules() if isinstance(module, KANLayer)}


def activations(
    network: SequenceNetwork, batches: Iterable[Tensor], watch: Sequence[str] = ()
) -> Iterator[ActivationBatch]:
    """Run a network in evaluation mode on batches of base codes, and yield the activations of its layers.

    Nothing is kept from one batch to the next. Tensors are on the network's device.

    Args:
        network: the network; hooks are registered on it while a batch runs.
        batches: base codes, uint8 ``(n, columns)`` per batch.
        watch: names of other modules to record inputs and outputs of.
    """
    device = next(network.parameters()).device
    network.eval()
    for codes in batches:
        # The mode must not stay active while the caller works on the batch.
        with torch.no_grad():
            batch = _run(network, codes.to(device), watch)
        yield batch


def grid_of(layer: KANLayer) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the start and end of each input's grid, float64 ``(inputs,)`` each, in units of :attr:`positions`.

    These are the first and last centre of Gaussians, or the ends of the inner knots of B-splines; None for a basis
    without such a range.
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
    """Histograms of a layer's inputs on their grids, one per input, added up batch by batch.

    Attributes:
        has_grid: whether the basis has a grid; otherwise :data:`NO_GRID` takes its place.
        low, high: the ends of the grid, ``(inputs,)``.
        counts: ``(inputs, MARGIN + INSIDE + MARGIN)`` int64; values beyond the margins are not counted.
        below, above: number of values below and above the grid, ``(inputs,)`` int64.
        rows: number of values of each input.
    """

    def __init__(self, layer: KANLayer) -> None:
        """Set up the bins over the grid and its margins."""
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
        """Share of all values that lie outside the grid."""
        return float((self.below.sum() + self.above.sum()) / max(1, self.rows * len(self.low)))

    def base(self) -> tuple[np.ndarray, np.ndarray]:
        """Return mean and standard deviation of ``silu(x)`` in each bin, ``(inputs, bins)``; NaN in empty bins.

        With LayerNorm the position does not determine ``x``; this is the distribution of ``silu(x)`` in the data.
        """
        with np.errstate(invalid="ignore"):
            mean = self._base / self.counts
            return mean, np.sqrt(np.maximum(0, self._squares / self.counts - mean**2))

    def add(self, activation: Activation) -> None:
        """Add a batch."""
        inputs, bins = self.counts.shape
        z = activation.positions.reshape(-1, inputs).double().cpu().numpy()
        silu = functional.silu(activation.inputs.reshape(-1, inputs).double()).cpu().numpy()
        self.below += (z < self.low).sum(axis=0)
        self.above += (z > self.high).sum(axis=0)
        self.rows += len(z)
        at = np.floor((z - self.low) * (INSIDE / (self.high - self.low))) + MARGIN
        # The last centre belongs to the grid, and so to the last bin inside it.
        at = np.where(z == self.high, MARGIN + INSIDE - 1, at)
        kept = (at >= 0) & (at < bins)
        flat = (np.arange(inputs) * bins + at)[kept].astype(np.int64)
        silu = silu[kept]
        counts, sums, squares = (np.bincount(flat, each, inputs * bins) for each in (None, silu, silu**2))
        self.counts += counts.reshape(inputs, bins)
        self._base += sums.reshape(inputs, bins)
        self._squares += squares.reshape(inputs, bins)


def grid_table(densities: Mapping[str, Density]) -> pd.DataFrame:
    """Return the shares of values outside the grids: columns ``layer, input, below, above, outside``.

    One row per input; ``*`` means all inputs of a layer, or all layers. Layers without a grid are left out.
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


def nodes_of(batch: ActivationBatch, geometry: Geometry) -> dict[str, tuple[Nodes, Nodes]]:
    """Infer the meaning of each KAN layer's inputs and outputs from its activations.

    Inputs that equal the one-hot columns are bases. An axis as long as the number of tokens counts the tokens, and the
    other one channels; if both have that length, the last axis of the first such layer counts the tokens.
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
    """Return the axis (from the end) that counts the tokens, the last one of several; None if there is none."""
    axes = [axis for axis in range(-1, -tensor.ndim, -1) if tensor.shape[axis] == geometry.tokens]
    return axes[0] if axes else None


def _kind(tensor: Tensor, geometry: Geometry, known: set[str]) -> str:
    """Infer what the last axis counts; ``known`` are the kinds found so far."""
    if tensor.ndim < 3:
        return "unit"
    last, other = (size == geometry.tokens for size in (tensor.shape[-1], tensor.shape[-2]))
    if last and not (other and "token" in known):
        return "token"
    return "channel" if other else "unit"


def _run(network: SequenceNetwork, codes: Tensor, watch: Sequence[str]) -> ActivationBatch:
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
            # Keep the tensor together with its id, which another tensor could get otherwise.
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
    return ActivationBatch(network.encode(codes), outputs, layers, last, watched)


def _activation(name: str, layer: KANLayer, inputs: Tensor, outputs: Tensor, source: str | None) -> Activation:
    """Move inputs and outputs to the last axis, and normalise the inputs as the layer does."""
    if isinstance(layer, KANConv1d):
        inputs, outputs = inputs.transpose(-1, -2), outputs.transpose(-1, -2)
    exact = inputs.to(layer.spline_weight.dtype)
    return Activation(name, layer, inputs, exact if layer.norm is None else layer.norm(exact), outputs, source)
