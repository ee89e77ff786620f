"""The basic KAN: two fully connected KAN layers with radial basis functions.

In: one-hot columns ``(n, 4, columns)``. Out: outputs ``(n, outputs)``.
"""

from dataclasses import dataclass

from torch import Tensor, nn

from kanseq.models.architecture import TASKS, option, predictor, scaled
from kanseq.models.config import RadialConfig
from kanseq.models.network import BASES, SequenceNetwork
from kanseq.nn.rbf import RBFLinear


@dataclass(frozen=True, kw_only=True)
class KANConfig(RadialConfig):
    """Hyper-parameters of :class:`KAN`."""

    hidden: int = option(128, "units of the hidden layer", least=1)


class KAN(SequenceNetwork):
    """Two KAN layers with radial basis functions, of widths ``4·columns → hidden → outputs``."""

    def __init__(self, config: KANConfig) -> None:
        """Build the layers."""
        super().__init__(config.geometry)
        inputs = BASES * config.geometry.columns
        self.layers = nn.Sequential(
            RBFLinear(inputs, config.hidden, **config.layer), RBFLinear(config.hidden, config.outputs, **config.layer)
        )

    def forward_encoded(self, x: Tensor) -> Tensor:
        """Compute the outputs ``(n, outputs)`` for one-hot columns ``(n, 4, columns)``, flattened with all A first."""
        return self.layers(x.flatten(1))


ARCHITECTURE = predictor(
    name="kan",
    summary="KAN of two radial basis layers on all columns",
    source="FastKAN layers: Li 2024, arXiv:2405.06721; KAN: Liu et al. 2024, arXiv:2404.19756",
    config=KANConfig,
    build=KAN,
    tasks=TASKS,
    resized=scaled("hidden"),
)
