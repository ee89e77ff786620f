"""How much each edge and node of a trained KAN matters: the attribution scores of KAN 2.0, over real sequences.

In: batches from :mod:`kanseq.attribution.activations`. Out: scores of edges and nodes, as arrays and as tables.

Liu et al. 2024 (KAN 2.0, arXiv:2408.10205, equation 9) carry scores from the outputs back to the inputs. With
``E[l,i,j]`` the standard deviation over the data of what edge ``i → j`` of layer ``l`` gives, and ``N[l+1,j]`` that of
the node in which it ends,

    B[l,i,j] = A[l+1,j]·E[l,i,j] / N[l+1,j],    A[l,i] = Σ_j B[l,i,j],    A[L,j] = 1.

What is done here: an edge's function is its curve and its SiLU branch together. A LayerNorm belongs to the layer behind
it, whose edges start from the nodes before it. Scores flow from a layer into the one whose very outputs it reads, so
that a stack of layers (the model ``kan``) is scored as theirs is. (pykan averages over outputs where the paper's ``A``
is 1 for each of them, and adds 1e-4 to ``N``; a node that never changes passes nothing on here.) Where something else
stands behind a layer, what it does to the logit is not known, and its outputs start with their shares of the layer's
standard deviations, ``A[j] = N[j] / Σ N``. That is so for both layers of ``kan-mixer``, where standard deviations are
taken over sequences and over channels (or tokens) alike. What a residual adds is no edge's: it is left out of ``N``,
and no scores flow into or out of a layer that has one.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional

from kanseq.attribution.activations import Activation, Batch, Density, Nodes, nodes_of
from kanseq.geometry import Geometry
from kanseq.nn.conv import KANConv1d
from kanseq.nn.layer import KANLayer

NUMBERS = 2**22
"""Numbers of basis, or of weights, that are held at a time."""


class Scores(NamedTuple):
    """The scores of one layer, float64.

    Attributes:
        edges: ``B``, ``(outputs, inputs of a group, taps)``; a KANLinear has one group and one tap.
        deviations: ``E``, likewise.
        inputs: ``A`` of the nodes before the layer, ``(inputs,)``.
        outputs: ``A`` of those behind it, ``(outputs,)``.
    """

    edges: np.ndarray
    deviations: np.ndarray
    inputs: np.ndarray
    outputs: np.ndarray


class Edge(NamedTuple):
    """One edge: from ``input`` at ``tap`` (0 but for convolutions) to ``output``, its score and its deviation."""

    input: int
    tap: int
    output: int
    score: float
    deviation: float


class Moments:
    """Means and covariances of vectors, a family of them per unit, in float64, merged batch by batch.

    Merging is that of Chan, Golub and LeVeque (1983), whose sums of squares never cancel.
    """

    def __init__(self, units: int, size: int) -> None:
        """Begin with nothing."""
        self.count = 0
        self.mean = torch.zeros(units, size, dtype=torch.float64)
        self.scatter = torch.zeros(units, size, size, dtype=torch.float64)

    def add(self, vectors: Tensor) -> None:
        """Count in ``(rows, units, size)``."""
        rows = len(vectors)
        mean = vectors.mean(0)
        centred = (vectors - mean).permute(1, 2, 0).contiguous()
        step, total = mean - self.mean, self.count + rows
        self.scatter += centred @ centred.transpose(1, 2)
        self.scatter += step[:, :, None] * step[:, None, :] * (self.count * rows / total)
        self.mean += step * (rows / total)
        self.count = total

    def covariance(self) -> Tensor:
        """Give ``(units, size, size)``, divided by the number of rows."""
        return self.scatter / max(1, self.count)


class LayerStatistics:
    """What a layer's edges and output nodes do over the data, without what each edge gives for each sequence.

    An edge's function is ``w·φ`` with the basis and SiLU in ``φ``, so that its variance is ``wᵀ·C·w`` with the
    covariance ``C`` of ``φ`` at its input (Liu et al. 2024 hold ``(n, inputs, outputs)`` numbers instead).

    Attributes:
        layer: the layer.
        nodes: what its inputs and its outputs are.
        source: the layer whose outputs it reads, if scores flow there.
        density: where its inputs lie on their grids.
    """

    def __init__(self, activation: Activation, nodes: tuple[Nodes, Nodes]) -> None:
        """Begin with nothing."""
        layer = activation.layer
        self.layer, self.nodes, self.source = layer, nodes, activation.source
        self.density = Density(layer)
        self._groups, self._wide, self._tall, self._taps = _shape(layer)
        size = layer.basis.size + (layer.base_weight is not None)
        self._features = Moments(self._groups * self._wide * self._taps, size)
        self._outputs = Moments(len(layer.spline_weight), 1)

    def add(self, activation: Activation) -> None:
        """Count a batch in."""
        self.density.add(activation)
        outputs, inputs = activation.outputs.double(), activation.inputs.double()
        given = outputs - inputs if self.layer.residual else outputs
        self._outputs.add(given.reshape(-1, given.shape[-1], 1).cpu())
        # A convolution's positions stay together, from which its taps pick theirs.
        kept = 2 if isinstance(self.layer, KANConv1d) else 1
        z, x = (_rows(tensor, kept).double().cpu() for tensor in (activation.positions, activation.inputs))
        height = max(1, NUMBERS // max(1, self._features.mean.shape[1] * z[0].numel()))
        for part, raw in zip(z.split(height), x.split(height), strict=True):
            features = self._evaluate(part, raw)
            if kept == 2:
                features = _under_taps(self.layer, features, activation.outputs.shape[-2])
            self._features.add(features)

    def deviations(self) -> np.ndarray:
        """Give ``E``, float64 ``(outputs, inputs of a group, taps)``."""
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
        """Give ``N``, float64 ``(outputs,)``."""
        return self._outputs.covariance()[:, 0, 0].sqrt().numpy()

    def score(self, outputs: np.ndarray) -> Scores:
        """Carry scores ``(outputs,)`` of the nodes behind the layer to its edges and the nodes before it."""
        deviations, nodes = self.deviations(), self.node_deviations()
        passed = np.divide(outputs, nodes, out=np.zeros(len(nodes)), where=nodes > 0)
        edges = deviations * passed[:, None, None]
        inputs = edges.reshape(self._groups, self._tall, self._wide, self._taps).sum(axis=(1, 3)).ravel()
        return Scores(edges, deviations, inputs, outputs)

    def top(self, scores: Scores, most: int) -> list[Edge]:
        """Give the edges with the highest scores, the highest first; equal ones in the order of output and input."""
        flat = scores.edges.ravel()
        ranked = np.argsort(-flat, kind="stable")[:most]
        output, own, tap = np.unravel_index(ranked, scores.edges.shape)
        inputs = output // self._tall * self._wide + own
        deviations = scores.deviations.ravel()[ranked]
        columns = (inputs, tap, output, flat[ranked], deviations)
        return [Edge(*values) for values in zip(*(column.tolist() for column in columns), strict=True)]

    def _evaluate(self, z: Tensor, x: Tensor) -> Tensor:
        """Give basis and SiLU at the rows' positions: ``(…, inputs, size)``."""
        layer = self.layer
        per_unit, origin = (column.detach().double().cpu() for column in layer.units())
        basis = layer.placed_basis()
        basis = basis.over(tuple(tensor.detach().double().cpu() for tensor in basis.tensors()))
        features = basis.values((z - origin) * per_unit)
        return features if layer.base_weight is None else torch.cat([features, functional.silu(x)[..., None]], dim=-1)


class NetworkStatistics:
    """The statistics of all KAN layers of a network, added up batch by batch.

    Attributes:
        geometry: the columns of the network.
        layers: by name, in the order in which they run.
        last: the layer whose outputs are the network's, if there is one.
    """

    def __init__(self, geometry: Geometry) -> None:
        """Begin with nothing."""
        self.geometry = geometry
        self.layers: dict[str, LayerStatistics] = {}
        self.last: str | None = None

    def add(self, batch: Batch) -> None:
        """Count a batch in."""
        if not self.layers:
            nodes = nodes_of(batch, self.geometry)
            for one in batch.layers:
                self.layers.setdefault(one.name, LayerStatistics(one, nodes[one.name]))
            self.last = batch.last
        for one in batch.layers:
            self.layers[one.name].add(one)

    def scores(self, explained: int | None = None) -> dict[str, Scores]:
        """Score every layer's edges and nodes; ``explained`` is the one output of the network that counts, if not all.

        Returns:
            Scores by layer, in the order in which layers run.
        """
        found: dict[str, Scores] = {}
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
        """List, for each layer, those into which scores flow from it backwards: they read its very outputs."""
        readers: dict[str, list[str]] = {}
        for name, statistics in self.layers.items():
            source = statistics.source
            if source is not None and not (statistics.layer.residual or self.layers[source].layer.residual):
                readers.setdefault(source, []).append(name)
        return readers


def edge_table(statistics: NetworkStatistics, scores: Mapping[str, Scores], most: int = 1000) -> pd.DataFrame:
    """List each layer's edges of highest score, at most ``most`` of them.

    Columns ``layer, input, tap, output, score, standard_deviation, input_name, output_name``; numbers from 0, ``tap``
    0 but for convolutions.
    """
    rows = []
    for name, layer in statistics.layers.items():
        before, behind = layer.nodes
        for edge in layer.top(scores[name], most):
            rows.append((name, *edge, before.name(edge.input), behind.name(edge.output)))
    columns = ["layer", "input", "tap", "output", "score", "standard_deviation", "input_name", "output_name"]
    return pd.DataFrame(rows, columns=columns)


def node_table(statistics: NetworkStatistics, scores: Mapping[str, Scores]) -> pd.DataFrame:
    """List the scores of all nodes before and behind each layer: ``layer, side, node, score, name``."""
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
    """Give groups, inputs and outputs of a group, and taps."""
    outputs, wide = layer.spline_weight.shape[:2]
    groups = layer.groups if isinstance(layer, KANConv1d) else 1
    return groups, wide, outputs // groups, layer.spline_weight[0, 0].numel() // layer.basis.size


def _rows(tensor: Tensor, kept: int) -> Tensor:
    """Lay ``(…, kept axes)`` out as ``(rows, kept axes)``."""
    return tensor.reshape(-1, *tensor.shape[-kept:])


def _under_taps(layer: KANConv1d, features: Tensor, positions: int) -> Tensor:
    """Give what each tap of each channel meets at the output's positions, where 0 is nothing: padding.

    ``(n, length, channels, size)`` to ``(n·positions, channels·taps, size)``.
    """
    reach = layer.dilation * (layer.kernel_size - 1)
    left = reach // 2 if isinstance(layer.padding, str) else layer.padding
    width = (positions - 1) * layer.stride + 1
    padded = functional.pad(features, (0, 0, 0, 0, left, max(0, width + reach - left - features.shape[1])))
    starts = range(0, reach + 1, layer.dilation)
    met = torch.stack([padded[:, start : start + width : layer.stride] for start in starts], dim=3)
    return met.flatten(2, 3).flatten(0, 1)
