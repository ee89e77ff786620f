"""LegNet for sequences of any length, and two KAN variants: LKAN (KAN layers) and CKAN (KAN convolutions).

In: one-hot columns ``(n, 4, columns)``. Out: outputs ``(n, outputs)``.
"""

import math
from dataclasses import dataclass, replace
from typing import TypeVar

import torch
from torch import Tensor, nn

from kanseq.errors import BadOption
from kanseq.models.architecture import TASKS, option, predictor
from kanseq.models.config import NetworkConfig
from kanseq.models.network import BASES, LinearNetwork
from kanseq.models.networks.legnet_blocks import (
    Convolution,
    Convolved,
    CurveConvolution,
    LegNetBlock,
    Present,
    SqueezeExcitation,
    mean_over_columns,
)
from kanseq.nn.bases.basis import Basis, Gaussians
from kanseq.nn.bases.bsplines import BSplines
from kanseq.nn.bspline import BSplineLinear
from kanseq.nn.layer import KANLayer
from kanseq.nn.rbf import RBFLinear

BASES_OF_CURVES = ("bspline", "rbf")
INITIALS = ("smooth", "variance")
PLACES = ("both", "stem", "final")
"""Allowed values of :attr:`CKANConfig.replaced`: the convolutions that are replaced by KAN convolutions."""


@dataclass(frozen=True, kw_only=True)
class LegNetConfig(NetworkConfig):
    """Hyper-parameters of :class:`LegNet`."""

    widths: str = option("256,256,128,128,64,64,32", "output channels of the stem, and of each block")
    kernel: int = option(5, "width of the convolution kernels", least=1)
    expansion: int = option(4, "inner channels of a block per output channel", least=1)
    group: int = option(2, "channels per group of the grouped convolutions", least=1)
    reduction: int = option(4, "input channels of a block per hidden unit of squeeze-and-excitation", least=1)

    def __post_init__(self) -> None:
        """Check the ranges and widths, and that the inner channels of each block can be divided into groups."""
        super().__post_init__()
        for width in self.channels[1:]:
            if width * self.expansion % self.group:
                raise BadOption(
                    f"a block of {width} · {self.expansion} channels cannot be divided into groups of {self.group}",
                    hint="choose widths that are multiples of the group",
                )

    @property
    def channels(self) -> tuple[int, ...]:
        """Numbers of output channels of the stem and of each block. Raise BadOption if ``widths`` is invalid."""
        try:
            widths = tuple(int(width) for width in self.widths.split(","))
        except ValueError:
            widths = ()
        if len(widths) < 2 or min(widths) < 1:
            raise BadOption(
                f"widths are '{self.widths}'", hint="specify the widths of the stem and of each block, such as 64,64,32"
            )
        return widths


@dataclass(frozen=True, kw_only=True)
class CurvesConfig(LegNetConfig):
    """Base class for the configuration of LKAN and CKAN: hyper-parameters of the curves on KAN edges."""

    grid: int = option(5, "number of grid intervals of the splines, or number of Gaussians", least=1, most=256)
    order: int = option(3, "degree of the splines", least=0, most=10)
    basis: str = option("bspline", "bspline, or rbf (Gaussians)")
    low: float = option(-1.0, "lower end of the grid")
    high: float = option(1.0, "upper end of the grid")
    initial: str = option(
        "smooth", "initial curves: smooth (equally steep on any grid), or variance (rougher on finer grids)"
    )

    def __post_init__(self) -> None:
        """Check the ranges, the grid, and the choices of ``basis`` and ``initial``."""
        super().__post_init__()
        if self.low >= self.high:
            raise BadOption(f"low is {self.low} and high {self.high}", hint="low must be below high")
        if self.basis not in BASES_OF_CURVES:
            raise BadOption(f"basis '{self.basis}' is unknown", hint=f"choose {', '.join(BASES_OF_CURVES)}")
        if self.initial not in INITIALS:
            raise BadOption(f"initial '{self.initial}' is unknown", hint=f"choose {', '.join(INITIALS)}")
        if self.basis == "rbf" and self.grid < 2:
            raise BadOption("grid is 1", hint="at least 2 Gaussians are required")


@dataclass(frozen=True, kw_only=True)
class LKANConfig(CurvesConfig):
    """Hyper-parameters of LKAN: LegNet with KAN layers in squeeze-and-excitation."""

    replaced: int | None = option(None, "number of blocks with KAN layers, counted from the stem; none: all", least=0)
    layer_norm: bool = option(False, "normalise the inputs of KAN layers")

    def __post_init__(self) -> None:
        """Check the ranges, and that ``replaced`` is at most the number of blocks."""
        super().__post_init__()
        if self.replaced is not None and self.replaced >= len(self.channels):
            raise BadOption(f"replaced is {self.replaced}", hint=f"there are {len(self.channels) - 1} blocks")


@dataclass(frozen=True, kw_only=True)
class CKANConfig(CurvesConfig):
    """Hyper-parameters of CKAN: LegNet with KAN convolutions."""

    replaced: str = option("both", "which convolutions are KAN convolutions: both, stem or final")

    def __post_init__(self) -> None:
        """Check the ranges, and the choice of ``replaced``."""
        super().__post_init__()
        if self.replaced not in PLACES:
            raise BadOption(f"replaced '{self.replaced}' is unknown", hint=f"choose {', '.join(PLACES)}")


class LegNet(LinearNetwork):
    """LegNet (Penzar et al. 2023), or its variant LKAN or CKAN, depending on the class of the configuration.

    1. stem: convolution, BatchNorm, SiLU; 2. blocks, see :class:`kanseq.models.networks.legnet_blocks.LegNetBlock`,
    without pooling between them; 3. convolution of width 1 to the outputs, and their mean over columns. The original
    LegNet applies SiLU before that mean. It is omitted here, as in the authors' optimised variant, because all logits
    would be above -0.28.

    Shorter sequences are padded with ``N`` on the right. Columns without a base (padding, unknown bases and masked
    columns) are 0 after every layer. They are excluded from all means and from the moments of BatchNorm. Therefore, the
    outputs for a sequence do not depend on the number of padded columns.
    """

    decayed = ("weight", "spline_weight", "base_weight")

    def __init__(self, config: LegNetConfig) -> None:
        """Build the layers."""
        super().__init__(config.geometry)
        # There is no pooling, so memory grows with the number of columns.
        self.rows, self.scored = (max(1, min(most, at_once // config.geometry.columns)) for most, at_once in _AT_ONCE)
        stem, *widths = config.channels
        self.stem = Convolved(_stem(config, stem), stem)
        before = (stem, *widths)
        self.blocks = nn.ModuleList(
            LegNetBlock(
                inputs,
                outputs,
                wide := outputs * config.expansion,
                config.kernel,
                config.group,
                _excitation(config, number, max(1, inputs // config.reduction), wide),
            )
            for number, (inputs, outputs) in enumerate(zip(before, widths, strict=False))
        )
        self.final = _final(config, widths[-1])

    def forward(self, codes: Tensor) -> Tensor:
        """Compute the outputs ``(n, outputs)`` for base codes ``(n, columns)`` uint8."""
        x = self.encode(codes)
        # If all columns have a base, none must be excluded, which saves time.
        full = not self.geometry.masked and bool((codes < BASES).all())
        return self.in_precision(lambda x: self._run(x, full), x)

    def forward_encoded(self, x: Tensor) -> Tensor:
        """Compute the outputs ``(n, outputs)`` for one-hot columns ``(n, 4, columns)``."""
        return self._run(x, full=False)

    def _run(self, x: Tensor, full: bool) -> Tensor:
        x = x[:, :, None].contiguous(memory_format=torch.channels_last)
        present = None if full else Present.of(x)
        h = self.stem(x, present)
        for block in self.blocks:
            h = block(h, present)
        return mean_over_columns(self.final(h, present), present)


def _stem(config: LegNetConfig, outputs: int) -> Convolution | CurveConvolution:
    """Build the first convolution, with ``outputs`` output channels; a KAN convolution if ``config`` replaces it."""
    if isinstance(config, CKANConfig) and config.replaced != "final":
        return _of_curves(config, BASES, outputs, config.kernel)
    return Convolution(BASES, outputs, config.kernel)


def _final(config: LegNetConfig, inputs: int) -> Convolution | CurveConvolution:
    """Build the last convolution, with ``inputs`` input channels; a KAN convolution if ``config`` replaces it."""
    if isinstance(config, CKANConfig) and config.replaced != "stem":
        return _of_curves(config, inputs, config.outputs, 1)
    return Convolution(inputs, config.outputs, 1, bias=True)


def _of_curves(config: CKANConfig, inputs: int, outputs: int, kernel: int) -> CurveConvolution:
    """Build a KAN convolution with the configured basis and initial curves."""
    basis: Basis = Gaussians(config.grid) if config.basis == "rbf" else BSplines(config.order, config.grid)
    return _started(CurveConvolution(inputs, outputs, kernel, basis, low=config.low, high=config.high), config)


def _excitation(config: LegNetConfig, block: int, narrow: int, wide: int) -> SqueezeExcitation:
    """Build the squeeze-and-excitation of a block: two KAN layers in LKAN, otherwise two linear layers and SiLU.

    Args:
        config: the configuration.
        block: number of the block, from 0.
        narrow: number of hidden units.
        wide: number of channels that are weighted.
    """
    if isinstance(config, LKANConfig) and (config.replaced is None or block < config.replaced):
        layers = [_dense(config, wide, narrow), _dense(config, narrow, wide)]
    else:
        layers = [nn.Linear(wide, narrow, bias=False), nn.SiLU(), nn.Linear(narrow, wide, bias=False)]
    return SqueezeExcitation(nn.Sequential(*layers))


def _dense(config: LKANConfig, inputs: int, outputs: int) -> nn.Module:
    """Build a fully connected KAN layer with the configured basis and initial curves."""
    shared = {"low": config.low, "high": config.high, "layer_norm": config.layer_norm}
    if config.basis == "rbf":
        return _started(RBFLinear(inputs, outputs, config.grid, **shared), config)
    return _started(BSplineLinear(inputs, outputs, config.grid, config.order, **shared), config)


Layer = TypeVar("Layer", bound=KANLayer)


def _started(layer: Layer, config: CurvesConfig) -> Layer:
    """Scale the initial weights of the curves as ``config.initial`` requires, and return the layer.

    KAN layers draw the weights of a curve independently, with the same variance on any grid. Curves are therefore
    steeper on finer grids. If inputs differ little, as in squeeze-and-excitation, the outputs of steep curves are
    mostly noise. ``smooth`` divides the weights by the size of the grid.
    """
    if config.initial == "smooth":
        with torch.no_grad():
            layer.spline_weight.div_(config.grid)
    return layer


def resized(config: LegNetConfig, factor: float) -> LegNetConfig:
    """Return ``config`` with all widths times ``factor``, rounded to numbers that can be divided into groups."""
    step = config.group // math.gcd(config.group, config.expansion)
    widths = (max(1, round(width * factor / step)) * step for width in config.channels)
    return replace(config, widths=",".join(map(str, widths)))


_AT_ONCE = ((192, 2**15), (256, 2**17))
"""Maximum numbers of sequences and of columns (of all sequences) per forward pass, with and without gradients."""

_PAPER = "Cherednichenko & Poptsova 2025, doi:10.1093/bib/bbaf129"
_RECIPE = {
    "epochs": 10,
    "batch_size": 64,
    "learning_rate": 3e-3,
    "weight_decay": 0.01,
    "decay": "decoupled",
    "schedule": "one-cycle",
}
"""Training settings with a one-cycle learning rate, as used by the authors of LegNet. They were chosen on the dev
sequences of two tasks (see the docs)."""

ARCHITECTURES = tuple(
    predictor(
        name=name,
        summary=summary,
        source=source,
        config=config,
        build=LegNet,
        tasks=TASKS,
        recipe=_RECIPE,
        resized=resized,
    )
    for name, summary, source, config in (
        (
            "legnet",
            "convolutional network of EfficientNetV2-like blocks",
            "LegNet: Penzar et al. 2023, doi:10.1093/bioinformatics/btad457",
            LegNetConfig,
        ),
        ("legnet-lkan", "LegNet with KAN layers in squeeze-and-excitation", _PAPER, LKANConfig),
        ("legnet-ckan", "LegNet whose first and last convolutions are KAN convolutions", _PAPER, CKANConfig),
    )
)
