"""Record the inputs and outputs of the KAN layers of a trained network for real sequences, batch by batch.

In: a network and base codes. Out: each layer's inputs, normalised inputs and outputs, and histograms of its inputs.
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
"""Number of histogram bins between the ends of a layer's grid, and beyond each end."""

NO_GRID = (-2.0, 2.0)
"""Range of histograms for a basis that has no grid (such as polynomials)."""


class Activation(NamedTuple):
    """Inputs and outputs of one KAN layer for a batch. They are on the last axis (channels, too, in convolutions).

    Attributes:
        name, layer: the layer's name in the network, and the layer.
        inputs: ``(n, …, inputs)``.
        positions: the inputs after the layer's LayerNorm, if it has one. The layer's curves are evaluated at them.
        outputs: ``(n, …, outputs)``, including the residual if the layer has one.
        source: name of the layer whose output tensor is this layer's input; None if there is no such layer.
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
        encoded: input of the network, one-hot, ``(n, 4, columns)``.
        outputs: output of the network, ``(n, outputs)``.
        layers: activations of its KAN layers, in the order in which the layers ran.
        last: name of the KAN layer whose output tensor is the network's output; None if there is no such layer.
        watched: name -> input and output, for each requested module that ran.
    """

    encoded: Tensor
    outputs: Tensor
    layers: list[Activation]
    last: str | None
    watched: dict[str, tuple[Tensor, Tensor]]


class Nodes(NamedTuple):
    """Description of the inputs (or of the outputs) of a layer, from which each gets a readable name.

    Attributes:
        kind: ``base`` (a row of the one-hot encoding and a column), ``token``, ``channel``, ``output`` (of the network)
            or ``unit`` (anything else).
        geometry: the layout of the network's input columns.
        names: names of the nodes, if the layer has names for them.
    """

    kind: str
    geometry: Geometry
    names: tuple[str, ...] = ()

    def name(self, number: int) -> str:
        """Return a readable name for the node with this number (from 0).

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
    """Run a network in evaluation mode on batches of base codes, and yield the activations of its KAN layers.

    Nothing is kept from one batch to the next. Tensors are on the network's device.

    Args:
        network: the network; hooks are registered on it while a batch runs.
        batches: base codes, uint8 ``(n, columns)`` per batch.
        watch: names of other modules whose inputs and outputs are recorded, too.
    """
    device = next(network.parameters()).device
    network.eval()
    for codes in batches:
        # Gradients must not stay disabled while the caller works on the batch.
        with torch.no_grad():
            batch = _run(network, codes.to(device), watch)
        yield batch


def grid_of(layer: KANLayer) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the start and the end of each input's grid, two arrays ``(inputs,)`` float64; None without a grid.

    The ends are the first and last centre of Gaussians, or the first and last inner knot of B-splines, in units of
    :attr:`Activation.positions`.
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
    """Histograms of the inputs of a KAN layer over their grids: one histogram per input, updated batch by batch.

    Attributes:
        has_grid: whether the basis has a grid; if not, :data:`NO_GRID` is used.
        low, high: the ends of each input's grid, ``(inputs,)``.
        counts: values per bin, ``(inputs, MARGIN + INSIDE + MARGIN)`` int64; values beyond the margins are not counted.
        below, above: number of values below and above the grid, ``(inputs,)`` int64.
        rows: number of added values per input.
    """

    def __init__(self, layer: KANLayer) -> None:
        """Create empty histograms whose bins cover the grids of ``layer`` and a margin at each end."""
        grid, inputs = grid_of(layer), len(layer.units()[0])
        self.has_grid = grid is not None
        self.low, self.high = grid if grid is not None else (np.full(inputs, end) for end in NO_GRID)
        self.counts = np.zeros((inputs, INSIDE + 2 * MARGIN), dtype=np.int64)
        self.below, self.above = np.zeros(inputs, dtype=np.int64), np.zeros(inputs, dtype=np.int64)
        self._base, self._squares = np.zeros(self.counts.shape), np.zeros(self.counts.shape)
        self.rows = 0

    @property
    def edges(self) -> np.ndarray:
        """Boundaries of the bins, ``(inputs, bins + 1)``."""
        steps = np.arange(-MARGIN, INSIDE + MARGIN + 1) / INSIDE
        return self.low[:, None] + (self.high - self.low)[:, None] * steps

    @property
    def outside(self) -> float:
        """Fraction of all values that lie outside the grid."""
        return float((self.below.sum() + self.above.sum()) / max(1, self.rows * len(self.low)))

    def base(self) -> tuple[np.ndarray, np.ndarray]:
        """Return mean and standard deviation of ``silu(x)`` in each bin, ``(inputs, bins)``; NaN in empty bins.

        ``x`` is the input of the layer. With LayerNorm, bins are ranges of the normalised input, so ``x`` can vary a
        lot within a bin.
        """
        with np.errstate(invalid="ignore"):
            mean = self._base / self.counts
            return mean, np.sqrt(np.maximum(0, self._squares / self.counts - mean**2))

    def add(self, activation: Activation) -> None:
        """Add the layer's inputs for one batch."""
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
    """Return a table of the fractions of values outside the grids: ``layer, input, below, above, outside``.

    There is one row per input. In further rows, ``*`` means all inputs of a layer, or all layers. Layers without a grid
    are left out.
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
    """Infer the kind of the inputs and of the outputs of each KAN layer from a batch; return both by layer name.

    Inputs that equal the one-hot columns are bases. Otherwise, one of the last two axes is the token axis if its
    length is the number of tokens, and the other one is then the channel axis. If both axes have this length, the last
    one is the token axis, unless an earlier layer has tokens on its last axis.
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
    """Return the index (negative) of the last axis that is as long as the number of tokens; None if no axis is."""
    axes = [axis for axis in range(-1, -tensor.ndim, -1) if tensor.shape[axis] == geometry.tokens]
    return axes[0] if axes else None


def _kind(tensor: Tensor, geometry: Geometry, known: set[str]) -> str:
    """Return the kind of the nodes on the last axis of a tensor; ``known`` are the kinds of nodes of earlier layers."""
    if tensor.ndim < 3:
        return "unit"
    last, other = (size == geometry.tokens for size in (tensor.shape[-1], tensor.shape[-2]))
    if last and not (other and "token" in known):
        return "token"
    return "channel" if other else "unit"


def _run(network: SequenceNetwork, codes: Tensor, watch: Sequence[str]) -> ActivationBatch:
    """Run the network on one batch, and record the activations of KAN layers and of the modules in ``watch``."""
    layers: list[Activation] = []
    watched: dict[str, tuple[Tensor, Tensor]] = {}
    made: dict[int, tuple[str, Tensor]] = {}

    def see(name: str, layer: nn.Module, arguments: tuple, options: dict, outputs: Tensor) -> None:
        inputs = arguments[0] if arguments else next(iter(options.values()))
        if name in watch:
            watched.setdefault(name, (inputs, outputs))
        if isinstance(layer, KANLayer):
            source = made.get(id(inputs), (None, None))[0]
            # Keep the tensor alive, because a new tensor could otherwise get the same id.
            made[id(outputs)] = name, outputs
            layers.append(_activation(name, layer, inputs, outputs, source))

    hooked = {name: module for name, module in network.named_modules() if name in watch} | kan_layers(network)
    handles = [module.register_forward_hook(partial(see, name), with_kwargs=True) for name, module in hooked.items()]
    try:
        outputs = network(codes)
    finally:
        for handle in handles:
            handle.remove()
    last = made.get(id(outputs), (None, None))[0]
    return ActivationBatch(network.encode(codes), outputs, layers, last, watched)


def _activation(name: str, layer: KANLayer, inputs: Tensor, outputs: Tensor, source: str | None) -> Activation:
    """Build an activation: move channels to the last axis, and normalise the inputs as the layer does."""
    if isinstance(layer, KANConv1d):
        inputs, outputs = inputs.transpose(-1, -2), outputs.transpose(-1, -2)
    exact = inputs.to(layer.spline_weight.dtype)
    return Activation(name, layer, inputs, exact if layer.norm is None else layer.norm(exact), outputs, source)
