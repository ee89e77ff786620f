"""Parts of a LegNet: convolutions, squeeze-and-excitation and means that exclude columns without a base.

In: channels ``(n, channels, 1, columns)``, and which columns hold a base. Out: the same, or a row per sequence.

Sequences are images of height 1 with channels innermost in memory, the fastest layout for convolutions on CPUs: a
training step takes half of the time that it takes with columns innermost.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from kanseq.nn.bases.basis import Basis
from kanseq.nn.conv import KANConv1d


class Present(NamedTuple):
    """Which columns of some sequences hold a base.

    Attributes:
        weights: 1 where there is a base and 0 elsewhere, ``(n, 1, 1, columns)`` float.
        counts: number of columns with a base, at least 1, ``(n, 1)``.
    """

    weights: Tensor
    counts: Tensor

    @classmethod
    def of(cls, x: Tensor) -> "Present":
        """Find the bases of one-hot columns ``(n, 4, 1, columns)`` by a sum: attribution requires linearity."""
        weights = x.sum(1, keepdim=True)
        return cls(weights, weights.sum((2, 3)).clamp(min=1))


def mean_over_columns(x: Tensor, present: Present | None) -> Tensor:
    """Average ``(n, channels, 1, columns)`` over the columns that hold a base: ``(n, channels)``."""
    if present is None:
        return x.mean((2, 3))
    return (x * present.weights).sum((2, 3)) / present.counts


def normalised(norm: nn.BatchNorm2d, x: Tensor, present: Present | None) -> Tensor:
    """Normalise channels; in training, by mean and variance over columns that hold a base. Other columns get 0."""
    if norm.training and (x.numel() // x.shape[1] if present is None else present.weights.sum()) < 2:
        # A single value has no variance.
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
    """A convolution that keeps the number of columns, BatchNorm, SiLU; columns without a base stay 0."""

    def __init__(self, convolution: "Convolution | CurveConvolution", channels: int) -> None:
        """Combine a convolution with the normalisation of its ``channels`` outputs."""
        super().__init__()
        self.convolution, self.norm = convolution, nn.BatchNorm2d(channels)

    def forward(self, x: Tensor, present: Present | None) -> Tensor:
        """Map ``(n, inputs, 1, columns)`` to ``(n, channels, 1, columns)``."""
        return functional.silu(normalised(self.norm, self.convolution(x, present), present))


class Convolution(nn.Conv2d):
    """A convolution along columns that keeps their number."""

    def __init__(self, inputs: int, outputs: int, kernel: int, *, groups: int = 1, bias: bool = False) -> None:
        """Build a convolution with ``kernel`` taps."""
        super().__init__(inputs, outputs, (1, kernel), padding="same", groups=groups, bias=bias)

    def forward(self, x: Tensor, present: Present | None = None) -> Tensor:
        """Map ``(n, inputs, 1, columns)`` to ``(n, outputs, 1, columns)``; columns without a base are 0 already."""
        return super().forward(x)


class CurveConvolution(KANConv1d):
    """A KAN convolution along columns that keeps their number."""

    def __init__(self, inputs: int, outputs: int, kernel: int, basis: Basis, *, low: float, high: float) -> None:
        """Build a convolution with ``kernel`` taps; the basis spans ``low`` to ``high``."""
        super().__init__(inputs, outputs, kernel, basis, padding="same", low=low, high=high)

    def forward(self, x: Tensor, present: Present | None = None) -> Tensor:
        """Map ``(n, inputs, 1, columns)`` to ``(n, outputs, 1, columns)``; columns without a base add nothing."""
        y = super().forward(x[:, :, 0])[:, :, None]
        if present is None:
            return y
        # A curve need not be 0 at 0: subtract what these columns have added.
        at_zero = curves_at_zero(self)[:, None, None].to(present.weights.dtype)
        return y - functional.conv2d(1 - present.weights, at_zero, padding="same")


def curves_at_zero(layer: KANConv1d) -> Tensor:
    """Return what each tap of a KAN convolution with one group adds if all inputs are 0, ``(outputs, taps)``."""
    outputs, inputs, taps = layer.spline_weight.shape[:-1]
    device = layer.spline_weight.device
    i, j, tap = torch.meshgrid(*(torch.arange(size, device=device) for size in (inputs, outputs, taps)), indexing="ij")
    found = layer.edge_functions(i, j, tap, torch.zeros(1, device=device))
    return (found.curve + found.base)[0].sum(0)


class SqueezeExcitation(nn.Module):
    """Weight channels by a function of their means (Hu et al. 2018, arXiv:1709.01507): two layers and a sigmoid."""

    def __init__(self, layers: nn.Sequential) -> None:
        """Store the layers, which map ``(n, channels)`` to ``(n, channels)``."""
        super().__init__()
        self.layers = layers

    def forward(self, x: Tensor, present: Present | None) -> Tensor:
        """Map ``(n, channels, 1, columns)`` to the same."""
        return x * self.layers(mean_over_columns(x, present)).sigmoid()[..., None, None]


class LegNetBlock(nn.Module):
    """An EfficientNetV2-like block, its inputs concatenated to its outputs, and a convolution over both.

    1. convolution of width 1 to ``wide`` channels; 2. grouped convolution; 3. squeeze-and-excitation; 4. convolution of
    width 1 back; 5. concatenation of inputs and result; 6. convolution to ``outputs``. Convolutions have no bias, and
    are followed by BatchNorm and SiLU.
    """

    def __init__(
        self, inputs: int, outputs: int, wide: int, kernel: int, group: int, excitation: SqueezeExcitation
    ) -> None:
        """Build the layers; ``group`` is the number of channels per group of the grouped convolution."""
        super().__init__()
        self.expand = Convolved(Convolution(inputs, wide, 1), wide)
        self.grouped = Convolved(Convolution(wide, wide, kernel, groups=wide // group), wide)
        self.excitation = excitation
        self.project = Convolved(Convolution(wide, inputs, 1), inputs)
        self.resize = Convolved(Convolution(2 * inputs, outputs, kernel), outputs)

    def forward(self, x: Tensor, present: Present | None) -> Tensor:
        """Map ``(n, inputs, 1, columns)`` to ``(n, outputs, 1, columns)``."""
        h = self.grouped(self.expand(x, present), present)
        h = self.project(self.excitation(h, present), present)
        return self.resize(torch.cat([x, h], dim=1), present)
