"""Base classes for the hyper-parameters of models: frozen dataclasses that check their values.

In: values of hyper-parameters. Out: a configuration, or an error that names the invalid value.
"""

from dataclasses import dataclass, fields

from kanseq.errors import BadOption
from kanseq.geometry import Geometry
from kanseq.specification.fields import option
from kanseq.specification.option_checks import check


@dataclass(frozen=True, kw_only=True)
class Hyperparameters:
    """Base class for the hyper-parameters of a model. Each instance checks that its values are in range."""

    def __post_init__(self) -> None:
        """Check that all values are in the ranges that :func:`option` declared.

        Raises:
            BadOption: a value is out of range; the message names the option and its range.
        """
        check(self, fields(self))


@dataclass(frozen=True, kw_only=True)
class Config(Hyperparameters):
    """Base class for the configuration of sequence models. Subclasses add hyper-parameters.

    Attributes:
        geometry: the layout of the input columns, and which of them are visible to the model.
    """

    geometry: Geometry


@dataclass(frozen=True, kw_only=True)
class TabularConfig(Hyperparameters):
    """Base class for the configuration of models whose inputs are vectors."""

    inputs: int = option(16, "length of each vector", least=1)
    outputs: int = option(1, "outputs per vector; set by the task", least=1)


@dataclass(frozen=True, kw_only=True)
class NetworkConfig(Config):
    """Base class for the configuration of networks whose inputs are sequences."""

    outputs: int = option(2, "outputs per sequence; set by the task", least=1)


@dataclass(frozen=True, kw_only=True)
class RadialConfig(NetworkConfig):
    """Base class for the configuration of networks with radial basis layers (:class:`kanseq.nn.rbf.RBFLinear`)."""

    centres: int = option(8, "Gaussians per edge", least=2, most=256)
    low: float = option(-2.0, "centre of the first Gaussian, in the units of the layer's normalised inputs")
    high: float = option(2.0, "centre of the last Gaussian, in the same units")
    layer_norm: bool = option(True, "normalise each layer's inputs")
    base: bool = option(True, "add a SiLU branch to every edge")
    initial: str = option(
        "variance", "initial weights: variance (keeps the variance of inputs) or fastkan (as in FastKAN)"
    )

    def __post_init__(self) -> None:
        """Check the ranges, that ``low`` is below ``high``, and the choice of ``initial``."""
        super().__post_init__()
        if self.low >= self.high:
            raise BadOption(f"low is {self.low} and high {self.high}", hint="low must be below high")
        if self.initial not in ("variance", "fastkan"):
            raise BadOption(f"initial '{self.initial}' is unknown", hint="choose variance, fastkan")

    @property
    def layer(self) -> dict[str, int | float | bool | str]:
        """Keyword arguments of the network's :class:`~kanseq.nn.rbf.RBFLinear` layers."""
        names = ("centres", "low", "high", "layer_norm", "base", "initial")
        return {name: getattr(self, name) for name in names}
