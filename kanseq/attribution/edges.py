"""Score the edges and nodes of a trained KAN on real sequences: the attribution scores of KAN 2.0.

In: batches from :mod:`kanseq.attribution.activations`. Out: scores of edges and nodes, as arrays and as tables.

Liu et al. 2024 (KAN 2.0, arXiv:2408.10205, equation 9) propagate scores from the outputs back to the inputs.
``E[l,i,j]`` is the standard deviation (over the data) of the output of edge ``i → j`` of layer ``l``. ``N[l+1,j]`` is
the standard deviation of node ``j``, where the edge ends. The scores ``B`` of edges and ``A`` of nodes are

    B[l,i,j] = A[l+1,j]·E[l,i,j] / N[l+1,j],    A[l,i] = Σ_j B[l,i,j],    A[L,j] = 1.

Choices of this implementation: an edge's function is its curve plus its SiLU branch. A LayerNorm belongs to the layer
after it, and the edges of that layer start from the nodes before the norm. A layer passes its scores back to the layer
whose output tensor it reads. A stack of layers (the model ``kan``) is thus scored as in the paper. As in the paper,
``A`` is 1 for each output, whereas pykan averages over the outputs. pykan also adds 1e-4 to ``N``; here, a constant
node passes no score on. If another operation follows a layer, the effect of the layer on the logit is unknown. The
scores of its outputs are then set in proportion to their standard deviations, ``A[j] = N[j] / Σ N``. This applies to
both layers of ``kan-mixer``, where standard deviations are computed over sequences and over channels (or tokens). A
residual belongs to no edge: it is left out of ``N``, and layers with a residual neither receive scores from other
layers nor pass them on.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional

from kanseq.attribution.activations import Activation, ActivationBatch, Density, Nodes, nodes_of
from kanseq.geometry import Geometry
from kanseq.nn.conv import KANConv1d
from kanseq.nn.layer import KANLayer

NUMBERS = 2**22
"""Maximum number of basis values, or of weights, that are processed at once (to limit memory)."""


class EdgeScores(NamedTuple):
    """The KAN 2.0 scores of one layer, float64. The symbols are those of the equations in the module docstring.

    Attributes:
        edges: scores of edges ``B``, ``(outputs, inputs of a group, taps)``; a KANLinear has one group and one tap.
        deviations: standard deviations of the edges' outputs ``E``, same shape.
        inputs: scores ``A`` of the nodes before the layer, ``(inputs,)``.
        outputs: scores ``A`` of the nodes after the layer, ``(outputs,)``.
    """

    edges: np.ndarray
    deviations: np.ndarray
    inputs: np.ndarray
    outputs: np.ndarray


class Edge(NamedTuple):
    """An edge from ``input`` at ``tap`` (0 except in convolutions) to ``output``; its score and standard deviation."""

    input: int
    tap: int
    output: int
    score: float
    deviation: float


class VectorMoments:
    """Mean and covariance of the vectors of each unit, in float64, updated batch by batch.

    A unit is a set of vectors with separate statistics, such as an input of a layer. Batches are merged as in Chan,
    Golub and LeVeque (1983), which avoids cancellation in the sums of squares.
    """

    def __init__(self, units: int, size: int) -> None:
        """Create empty statistics for ``units`` sets of vectors with ``size`` elements."""
        self.count = 0
        self.mean = torch.zeros(units, size, dtype=torch.float64)
        self.scatter = torch.zeros(units, size, size, dtype=torch.float64)

    def add(self, vectors: Tensor) -> None:
        """Add a batch of vectors, ``(rows, units, size)``."""
        rows = len(vectors)
        mean = vectors.mean(0)
        centred = (vectors - mean).permute(1, 2, 0).contiguous()
        step, total = mean - self.mean, self.count + rows
        self.scatter += centred @ centred.transpose(1, 2)
        self.scatter += step[:, :, None] * step[:, None, :] * (self.count * rows / total)
        self.mean += step * (rows / total)
        self.count = total

    def covariance(self) -> Tensor:
        """Return the covariance matrices (sums divided by the number of rows), ``(units, size, size)``."""
        return self.scatter / max(1, self.count)


class LayerStatistics:
    """Standard deviations over the data of a layer's edges and output nodes, computed without storing edge outputs.

    The output of an edge is ``w·φ``, where the vector ``φ`` consists of the basis functions and SiLU of its input. Its
    variance is therefore ``wᵀ·C·w``, where ``C`` is the covariance matrix of ``φ``. (Liu et al. 2024 store ``(n,
    inputs, outputs)`` numbers instead.)

    Attributes:
        layer: the layer.
        nodes: descriptions of the layer's inputs and of its outputs.
        source: name of the layer whose output tensor this layer reads; None if there is no such layer.
        density: histograms of the layer's inputs over their grids.
    """

    def __init__(self, activation: Activation, nodes: tuple[Nodes, Nodes]) -> None:
        """Create empty statistics for the layer of ``activation``; ``nodes`` describes its inputs and outputs."""
        layer = activation.layer
        self.layer, self.nodes, self.source = layer, nodes, activation.source
        self.density = Density(layer)
        self._groups, self._wide, self._tall, self._taps = _shape(layer)
        size = layer.basis.size + (layer.base_weight is not None)
        self._features = VectorMoments(self._groups * self._wide * self._taps, size)
        self._outputs = VectorMoments(len(layer.spline_weight), 1)

    def add(self, activation: Activation) -> None:
        """Add the activation of the layer for one batch."""
        self.density.add(activation)
        outputs, inputs = activation.outputs.double(), activation.inputs.double()
        curves = outputs - inputs if self.layer.residual else outputs
        self._outputs.add(curves.reshape(-1, curves.shape[-1], 1).cpu())
        # Keep a convolution's positions together, because its taps select from them.
        kept = 2 if isinstance(self.layer, KANConv1d) else 1
        z, x = (_rows(tensor, kept).double().cpu() for tensor in (activation.positions, activation.inputs))
        height = max(1, NUMBERS // max(1, self._features.mean.shape[1] * z[0].numel()))
        for part, raw in zip(z.split(height), x.split(height), strict=True):
            features = self._evaluate(part, raw)
            if kept == 2:
                features = _under_taps(self.layer, features, activation.outputs.shape[-2])
            self._features.add(features)

    def deviations(self) -> np.ndarray:
        """Return ``E``, the standard deviations of edge outputs, float64 ``(outputs, inputs of a group, taps)``."""
        layer = self.layer
        weight = layer.curve_weight().detach().double().cpu()
        if layer.base_weight is not None:
            weight = torch.cat([weight, layer.base_weight.detach().double().cpu()[..., None]], dim=-1)
        covariance = self._features.covariance()
        per_group, found = self._wide * self._taps, []
        for group, rows in enumerate(weight.split(self._tall)):
            own = rows.reshape(self._tall, per_group, -1).transpose(0, 1)
            of_group = covariance[group * per_group : (group + 1) * per_group]
            height = max(1, NUMBERS // own[0].numel())
            pairs = zip(own.split(height), of_group.split(height), strict=True)
            variance = torch.cat([((w @ c) * w).sum(-1) for w, c in pairs])
            found.append(variance.clamp(min=0).sqrt().t().reshape(self._tall, self._wide, self._taps))
        return torch.cat(found).numpy()

    def node_deviations(self) -> np.ndarray:
        """Return ``N``, the standard deviation of each output node without the residual, float64 ``(outputs,)``."""
        return self._outputs.covariance()[:, 0, 0].sqrt().numpy()

    def score(self, outputs: np.ndarray) -> EdgeScores:
        """Propagate ``outputs``, the scores of the nodes after the layer, to its edges and to the nodes before it."""
        deviations, nodes = self.deviations(), self.node_deviations()
        passed = np.divide(outputs, nodes, out=np.zeros(len(nodes)), where=nodes > 0)
        edges = deviations * passed[:, None, None]
        inputs = edges.reshape(self._groups, self._tall, self._wide, self._taps).sum(axis=(1, 3)).ravel()
        return EdgeScores(edges, deviations, inputs, outputs)

    def top(self, scores: EdgeScores, most: int) -> list[Edge]:
        """Return the ``most`` edges with the highest scores, highest first; ties are ordered by output, then input."""
        flat = scores.edges.ravel()
        ranked = np.argsort(-flat, kind="stable")[:most]
        output, own, tap = np.unravel_index(ranked, scores.edges.shape)
        inputs = output // self._tall * self._wide + own
        deviations = scores.deviations.ravel()[ranked]
        columns = (inputs, tap, output, flat[ranked], deviations)
        return [Edge(*values) for values in zip(*(column.tolist() for column in columns), strict=True)]

    def _evaluate(self, z: Tensor, x: Tensor) -> Tensor:
        """Return values of basis functions at positions ``z``, then SiLU of inputs ``x``: ``(…, inputs, size)``."""
        layer = self.layer
        per_unit, origin = (column.detach().double().cpu() for column in layer.units())
        basis = layer.placed_basis()
        basis = basis.over(tuple(tensor.detach().double().cpu() for tensor in basis.tensors()))
        features = basis.values((z - origin) * per_unit)
        return features if layer.base_weight is None else torch.cat([features, functional.silu(x)[..., None]], dim=-1)


class NetworkStatistics:
    """The statistics of all KAN layers of a network, updated batch by batch.

    Attributes:
        geometry: the layout of the network's input columns.
        layers: layer name -> statistics, in the order in which the layers run.
        last: name of the layer whose output is the network's output; None if there is no such layer.
    """

    def __init__(self, geometry: Geometry) -> None:
        """Create empty statistics; layers are found in the first batch."""
        self.geometry = geometry
        self.layers: dict[str, LayerStatistics] = {}
        self.last: str | None = None

    def add(self, batch: ActivationBatch) -> None:
        """Add the activations of all layers for one batch."""
        if not self.layers:
            nodes = nodes_of(batch, self.geometry)
            for one in batch.layers:
                self.layers.setdefault(one.name, LayerStatistics(one, nodes[one.name]))
            self.last = batch.last
        for one in batch.layers:
            self.layers[one.name].add(one)

    def scores(self, explained: int | None = None) -> dict[str, EdgeScores]:
        """Compute the scores of the edges and nodes of every layer.

        Args:
            explained: index of the network output to explain; None for all outputs.

        Returns:
            Layer name -> scores, in the order in which the layers run.
        """
        found: dict[str, EdgeScores] = {}
        readers = self._readers()
        for name in reversed(self.layers):
            statistics = self.layers[name]
            known = [found[reader].inputs for reader in readers.get(name, []) if reader in found]
            if known:
                start = np.sum(known, axis=0)
            elif name == self.last and not statistics.layer.residual:
                start = np.ones(len(statistics.layer.spline_weight))
                start = start if explained is None else np.eye(len(start))[explained]
            else:
                nodes = statistics.node_deviations()
                start = nodes / nodes.sum() if nodes.sum() > 0 else nodes
            found[name] = statistics.score(start)
        return {name: found[name] for name in self.layers}

    def _readers(self) -> dict[str, list[str]]:
        """Return for each layer the names of the layers that read its output tensor and pass scores back to it."""
        readers: dict[str, list[str]] = {}
        for name, statistics in self.layers.items():
            source = statistics.source
            if source is not None and not (statistics.layer.residual or self.layers[source].layer.residual):
                readers.setdefault(source, []).append(name)
        return readers


def edge_table(statistics: NetworkStatistics, scores: Mapping[str, EdgeScores], most: int = 1000) -> pd.DataFrame:
    """Return a table of the edges with the highest scores, at most ``most`` per layer.

    The columns are ``layer, input, tap, output, score, standard_deviation, input_name, output_name``. Numbers start
    from 0, and ``tap`` is 0 except in convolutions.
    """
    rows = []
    for name, layer in statistics.layers.items():
        before, behind = layer.nodes
        for edge in layer.top(scores[name], most):
            rows.append((name, *edge, before.name(edge.input), behind.name(edge.output)))
    columns = ["layer", "input", "tap", "output", "score", "standard_deviation", "input_name", "output_name"]
    return pd.DataFrame(rows, columns=columns)


def node_table(statistics: NetworkStatistics, scores: Mapping[str, EdgeScores]) -> pd.DataFrame:
    """Return a table of the scores of all nodes before and after each layer: ``layer, side, node, score, name``."""
    parts = []
    for name, layer in statistics.layers.items():
        sides = zip(("input", "output"), layer.nodes, (scores[name].inputs, scores[name].outputs), strict=True)
        for side, nodes, values in sides:
            names = [nodes.name(number) for number in range(len(values))]
            parts.append(
                pd.DataFrame({"layer": name, "side": side, "node": range(len(values)), "score": values, "name": names})
            )
    return pd.concat(parts, ignore_index=True)


def _shape(layer: KANLayer) -> tuple[int, int, int, int]:
    """Return a layer's number of groups, inputs per group, outputs per group, and taps."""
    outputs, wide = layer.spline_weight.shape[:2]
    groups = layer.groups if isinstance(layer, KANConv1d) else 1
    return groups, wide, outputs // groups, layer.spline_weight[0, 0].numel() // layer.basis.size


def _rows(tensor: Tensor, kept: int) -> Tensor:
    """Flatten all axes except the last ``kept`` ones into one axis of rows."""
    return tensor.reshape(-1, *tensor.shape[-kept:])


def _under_taps(layer: KANConv1d, features: Tensor, positions: int) -> Tensor:
    """Return the features that each tap of a convolution reads for each output position; padding is 0.

    Convert ``(n, length, channels, size)`` to ``(n·positions, channels·taps, size)``.
    """
    reach = layer.dilation * (layer.kernel_size - 1)
    left = reach // 2 if isinstance(layer.padding, str) else layer.padding
    width = (positions - 1) * layer.stride + 1
    padded = functional.pad(features, (0, 0, 0, 0, left, max(0, width + reach - left - features.shape[1])))
    starts = range(0, reach + 1, layer.dilation)
    met = torch.stack([padded[:, start : start + width : layer.stride] for start in starts], dim=3)
    return met.flatten(2, 3).flatten(0, 1)
