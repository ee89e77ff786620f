"""Hyper-parameters of models: frozen dataclasses from which architectures derive theirs.

In: fields with ranges and choices. Out: checked configurations.
"""

from dataclasses import dataclass, fields

from kanseq.errors import BadOption
from kanseq.geometry import Geometry
from kanseq.specification.fields import option
from kanseq.specification.option_checks import check


@dataclass(frozen=True, kw_only=True)
class Hyperparameters:
    """The hyper-parameters of a model. Their ranges are checked."""

    def __post_init__(self) -> None:
        """Check that all values are in the ranges that :func:`option` declared.

        Raises:
            BadOption: a value is out of range; the message names the option and its range.
        """
        check(self, fields(self))


@dataclass(frozen=True, kw_only=True)
class Config(Hyperparameters):
    """The base configuration of models of sequences: the columns to read. Subclasses add hyper-parameters."""

    geometry: Geometry


@dataclass(frozen=True, kw_only=True)
class TabularConfig(Hyperparameters):
    """The base configuration of models of vectors."""

    inputs: int = option(16, "length of each vector", least=1)
    outputs: int = option(1, "outputs per vector; set by the task", least=1)


@dataclass(frozen=True, kw_only=True)
class NetworkConfig(Config):
    """The base configuration of networks."""

    outputs: int = option(2, "outputs per sequence; set by the task", least=1)


@dataclass(frozen=True, kw_only=True)
class RadialConfig(NetworkConfig):
    """The base configuration of networks of radial basis layers."""

    centres: int = option(8, "Gaussians per edge", least=2, most=256)
    low: float = option(-2.0, "position of the first Gaussian, after the layer's normalisation")
    high: float = option(2.0, "position of the last Gaussian")
    layer_norm: bool = option(True, "normalise each layer's inputs")
    base: bool = option(True, "add a SiLU branch to every edge")
    initial: str = option("variance", "initial weights: variance (keeps that of the inputs) or fastkan")

    def __post_init__(self) -> None:
        """Check the grid and the initial weights, too."""
        super().__post_init__()
        if self.low >= self.high:
            raise BadOption(f"low is {self.low} and high {self.high}", hint="low must be below high")
        if self.initial not in ("variance", "fastkan"):
            raise BadOption(f"initial '{self.initial}' is unknown", hint="choose variance, fastkan")

    @property
    def layer(self) -> dict[str, int | float | bool | str]:
        """The arguments of :class:`~kanseq.nn.rbf.RBFLinear` after its two widths."""
        names = ("centres", "low", "high", "layer_norm", "base", "initial")
        return {name: getattr(self, name) for name in names}
