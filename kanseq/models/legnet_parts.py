"""What a LegNet is made of: convolutions, squeeze-and-excitation and means that leave out columns without a base.

In: channels ``(n, channels, columns)``, and which columns hold a base. Out: the same, or a row per sequence.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from kanseq.nn.conv import KANConv1d


class Present(NamedTuple):
    """Which columns of some sequences hold a base.

    Attributes:
        weights: 1 where there is a base and 0 elsewhere, ``(n, 1, columns)`` float.
        counts: how many there are, and at least 1, ``(n, 1)``.
    """

    weights: Tensor
    counts: Tensor

    @classmethod
    def of(cls, x: Tensor) -> "Present":
        """Look at one-hot columns ``(n, 4, columns)``: what is added up is linear in them, as attribution wants it."""
        weights = x.sum(1, keepdim=True)
        return cls(weights, weights.sum(2).clamp(min=1))


def mean_over_columns(x: Tensor, present: Present | None) -> Tensor:
    """Average ``(n, channels, columns)`` over the columns that hold a base: ``(n, channels)``."""
    if present is None:
        return x.mean(2)
    return (x * present.weights).sum(2) / present.counts


def normalised(norm: nn.BatchNorm1d, x: Tensor, present: Present | None) -> Tensor:
    """Normalise channels, in training by the mean and variance over columns that hold a base; other columns get 0."""
    if present is None:
        return norm(x)
    if not norm.training:
        return norm(x) * present.weights
    rows, there = x.transpose(1, 2), present.weights[:, 0] > 0
    made = norm(rows[there])
    return torch.zeros_like(rows, dtype=made.dtype).masked_scatter(there[..., None], made).transpose(1, 2)


class Convolved(nn.Module):
    """Convolution of odd or even width that keeps the length, BatchNorm, SiLU; columns without a base stay 0."""

    def __init__(self, convolution: nn.Module, channels: int) -> None:
        """Put a convolution before the normalisation of its ``channels`` outputs."""
        super().__init__()
        self.convolution, self.norm = convolution, nn.BatchNorm1d(channels)

    def forward(self, x: Tensor, present: Present | None) -> Tensor:
        """Map ``(n, inputs, columns)`` to ``(n, channels, columns)``."""
        return functional.silu(normalised(self.norm, self._convolve(x, present), present))

    def _convolve(self, x: Tensor, present: Present | None) -> Tensor:
        if present is None or not isinstance(self.convolution, KANConv1d):
            return self.convolution(x)
        # A curve need not be 0 at 0: what columns without a base would give is taken out again, as if they were not.
        at_zero = curves_at_zero(self.convolution)[:, None].to(x.dtype)
        return self.convolution(x) - functional.conv1d(1 - present.weights, at_zero, padding="same")


def curves_at_zero(layer: KANConv1d) -> Tensor:
    """What each tap of a KAN convolution of one group adds where all its inputs are 0, ``(outputs, taps)``."""
    outputs, inputs, taps = layer.spline_weight.shape[:-1]
    device = layer.spline_weight.device
    i, j, tap = torch.meshgrid(*(torch.arange(size, device=device) for size in (inputs, outputs, taps)), indexing="ij")
    found = layer.edge_functions(i, j, tap, torch.zeros(1, device=device))
    return (found.curve + found.base)[0].sum(0)


class SqueezeExcitation(nn.Module):
    """Weigh channels by what their means say (Hu et al. 2018, arXiv:1709.01507): two layers, and a sigmoid."""

    def __init__(self, layers: nn.Sequential) -> None:
        """Take the layers from ``(n, channels)`` to ``(n, channels)``."""
        super().__init__()
        self.layers = layers

    def forward(self, x: Tensor, present: Present | None) -> Tensor:
        """Map ``(n, channels, columns)`` to the same."""
        return x * self.layers(mean_over_columns(x, present)).sigmoid()[..., None]


class Block(nn.Module):
    """An EfficientNetV2-like block whose inputs are put beside its outputs, and a convolution over both.

    1. convolution of width 1 to ``wide`` channels; 2. grouped convolution; 3. squeeze-and-excitation; 4. convolution of
    width 1 back; 5. inputs and these side by side; 6. convolution to ``outputs``. Each convolution is without bias, and
    followed by BatchNorm and SiLU.
    """

    def __init__(
        self, inputs: int, outputs: int, wide: int, kernel: int, group: int, excitation: SqueezeExcitation
    ) -> None:
        """Build the layers; ``group`` is the number of channels that the grouped convolution sees at a time."""
        super().__init__()
        self.expand = Convolved(nn.Conv1d(inputs, wide, 1, bias=False), wide)
        grouped = nn.Conv1d(wide, wide, kernel, padding="same", groups=wide // group, bias=False)
        self.grouped = Convolved(grouped, wide)
        self.excitation = excitation
        self.project = Convolved(nn.Conv1d(wide, inputs, 1, bias=False), inputs)
        self.resize = Convolved(nn.Conv1d(2 * inputs, outputs, kernel, padding="same", bias=False), outputs)

    def forward(self, x: Tensor, present: Present | None) -> Tensor:
        """Map ``(n, inputs, columns)`` to ``(n, outputs, columns)``."""
        h = self.grouped(self.expand(x, present), present)
        h = self.project(self.excitation(h, present), present)
        return self.resize(torch.cat([x, h], dim=1), present)
