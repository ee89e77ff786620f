"""Layers of LegNet that ignore columns without a base: convolutions, squeeze-and-excitation, means over columns.

In: features ``(n, channels, 1, columns)``, and which columns have a base. Out: features, or means ``(n, channels)``.

Sequences are stored as images of height 1 with channels innermost in memory, the fastest layout for convolutions on
CPUs: a training step takes half as long as with columns innermost.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from kanseq.nn.bases.basis import Basis
from kanseq.nn.conv import KANConv1d


class Present(NamedTuple):
    """The columns of each sequence that have a base (A, C, G or T, and not masked).

    Attributes:
        weights: 1 in columns with a base and 0 elsewhere, ``(n, 1, 1, columns)`` float.
        counts: number of columns with a base in each sequence, at least 1, ``(n, 1)``.
    """

    weights: Tensor
    counts: Tensor

    @classmethod
    def of(cls, x: Tensor) -> "Present":
        """Find the columns that have a base (sum over bases 1) in one-hot columns ``(n, 4, 1, columns)``.

        No comparison is used, because attribution methods require a linear operation.
        """
        weights = x.sum(1, keepdim=True)
        return cls(weights, weights.sum((2, 3)).clamp(min=1))


def mean_over_columns(x: Tensor, present: Present | None) -> Tensor:
    """Average ``(n, channels, 1, columns)`` over the columns with a base (None: all columns): ``(n, channels)``."""
    if present is None:
        return x.mean((2, 3))
    return (x * present.weights).sum((2, 3)) / present.counts


def normalised(norm: nn.BatchNorm2d, x: Tensor, present: Present | None) -> Tensor:
    """Apply BatchNorm to ``(n, channels, 1, columns)``. Columns without a base are ignored, and set to 0.

    In training, mean and variance are computed over the columns with a base only. ``present`` is None if all columns
    have a base.
    """
    if norm.training and (x.numel() // x.shape[1] if present is None else present.weights.sum()) < 2:
        # The variance of a single value is not defined: use the running moments.
        moments = norm.running_mean, norm.running_var
        x = functional.batch_norm(x, *moments, norm.weight, norm.bias, False, 0.0, norm.eps)
        return x if present is None else x * present.weights
    if present is None:
        return norm(x)
    if not norm.training:
        return norm(x) * present.weights
    rows, there = x.permute(0, 2, 3, 1), present.weights[:, 0] > 0
    made = norm(rows[there][..., None, None])[..., 0, 0]
    return torch.zeros_like(rows, dtype=made.dtype).masked_scatter(there[..., None], made).permute(0, 3, 1, 2)


class Convolved(nn.Module):
    """A convolution that keeps the number of columns, followed by BatchNorm and SiLU. Columns without a base stay 0."""

    def __init__(self, convolution: "Convolution | CurveConvolution", channels: int) -> None:
        """Store the convolution, and build the BatchNorm for its ``channels`` output channels."""
        super().__init__()
        self.convolution, self.norm = convolution, nn.BatchNorm2d(channels)

    def forward(self, x: Tensor, present: Present | None) -> Tensor:
        """Apply all operations to ``(n, inputs, 1, columns)``: ``(n, channels, 1, columns)``."""
        return functional.silu(normalised(self.norm, self.convolution(x, present), present))


class Convolution(nn.Conv2d):
    """A convolution along the columns that keeps the number of columns."""

    def __init__(self, inputs: int, outputs: int, kernel: int, *, groups: int = 1, bias: bool = False) -> None:
        """Build a convolution from ``inputs`` to ``outputs`` channels with kernels of width ``kernel``."""
        super().__init__(inputs, outputs, (1, kernel), padding="same", groups=groups, bias=bias)

    def forward(self, x: Tensor, present: Present | None = None) -> Tensor:
        """Convolve ``(n, inputs, 1, columns)`` to ``(n, outputs, 1, columns)``.

        ``present`` is not needed: columns without a base are already 0 and add nothing.
        """
        return super().forward(x)


class CurveConvolution(KANConv1d):
    """A KAN convolution along the columns that keeps the number of columns."""

    def __init__(self, inputs: int, outputs: int, kernel: int, basis: Basis, *, low: float, high: float) -> None:
        """Build a KAN convolution with kernels of width ``kernel``; the basis spans inputs from ``low`` to ``high``."""
        super().__init__(inputs, outputs, kernel, basis, padding="same", low=low, high=high)

    def forward(self, x: Tensor, present: Present | None = None) -> Tensor:
        """Convolve ``(n, inputs, 1, columns)`` to ``(n, outputs, 1, columns)``; columns without a base add nothing."""
        y = super().forward(x[:, :, 0])[:, :, None]
        if present is None:
            return y
        # Curves may not be 0 at 0, so subtract the values that columns without a base have added.
        at_zero = curves_at_zero(self)[:, None, None].to(present.weights.dtype)
        return y - functional.conv2d(1 - present.weights, at_zero, padding="same")


def curves_at_zero(layer: KANConv1d) -> Tensor:
    """Return the value that each tap of a KAN convolution adds if all its inputs are 0, ``(outputs, taps)``.

    The convolution must have one group.
    """
    outputs, inputs, taps = layer.spline_weight.shape[:-1]
    device = layer.spline_weight.device
    i, j, tap = torch.meshgrid(*(torch.arange(size, device=device) for size in (inputs, outputs, taps)), indexing="ij")
    found = layer.edge_functions(i, j, tap, torch.zeros(1, device=device))
    return (found.curve + found.base)[0].sum(0)


class SqueezeExcitation(nn.Module):
    """Squeeze-and-excitation (Hu et al. 2018, arXiv:1709.01507).

    Each channel is multiplied by a weight. The given layers, followed by a sigmoid, compute the weights from the means
    of all channels.
    """

    def __init__(self, layers: nn.Sequential) -> None:
        """Store the layers, which map the means of the channels ``(n, channels)`` to logits of the same shape."""
        super().__init__()
        self.layers = layers

    def forward(self, x: Tensor, present: Present | None) -> Tensor:
        """Multiply the channels of ``(n, channels, 1, columns)`` by their weights."""
        return x * self.layers(mean_over_columns(x, present)).sigmoid()[..., None, None]


class LegNetBlock(nn.Module):
    """A block of LegNet: an EfficientNetV2-like block, then a convolution of its concatenated inputs and outputs.

    1. convolution of width 1 to ``wide`` channels; 2. grouped convolution; 3. squeeze-and-excitation; 4. convolution of
    width 1 back to ``inputs`` channels; 5. concatenation of the inputs and this result; 6. convolution to ``outputs``
    channels. Convolutions have no bias, and are followed by BatchNorm and SiLU.
    """

    def __init__(
        self, inputs: int, outputs: int, wide: int, kernel: int, group: int, excitation: SqueezeExcitation
    ) -> None:
        """Build the layers. ``group`` is the number of channels per group in the grouped convolution."""
        super().__init__()
        self.expand = Convolved(Convolution(inputs, wide, 1), wide)
        self.grouped = Convolved(Convolution(wide, wide, kernel, groups=wide // group), wide)
        self.excitation = excitation
        self.project = Convolved(Convolution(wide, inputs, 1), inputs)
        self.resize = Convolved(Convolution(2 * inputs, outputs, kernel), outputs)

    def forward(self, x: Tensor, present: Present | None) -> Tensor:
        """Apply the block to ``(n, inputs, 1, columns)``: ``(n, outputs, 1, columns)``."""
        h = self.grouped(self.expand(x, present), present)
        h = self.project(self.excitation(h, present), present)
        return self.resize(torch.cat([x, h], dim=1), present)
