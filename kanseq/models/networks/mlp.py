"""A multi-layer perceptron with one hidden layer: the baseline for a KAN of the same widths.

In: one-hot columns ``(n, 4, columns)``. Out: outputs ``(n, outputs)``.
"""

from dataclasses import dataclass

from torch import Tensor, nn

from kanseq.models.architecture import TASKS, option, predictor, scaled
from kanseq.models.config import NetworkConfig
from kanseq.models.network import BASES, LinearNetwork


@dataclass(frozen=True, kw_only=True)
class MLPConfig(NetworkConfig):
    """Hyper-parameters of :class:`MLP`."""

    hidden: int = option(128, "units of the hidden layer", least=1)


class MLP(LinearNetwork):
    """Two linear layers of widths ``4·columns → hidden → outputs``, with ReLU between them."""

    def __init__(self, config: MLPConfig) -> None:
        """Build the layers."""
        super().__init__(config.geometry)
        inputs = BASES * config.geometry.columns
        self.layers = nn.Sequential(
            nn.Linear(inputs, config.hidden), nn.ReLU(), nn.Linear(config.hidden, config.outputs)
        )

    def forward_encoded(self, x: Tensor) -> Tensor:
        """Compute the outputs ``(n, outputs)`` for one-hot columns ``(n, 4, columns)``, flattened with all A first."""
        return self.layers(x.flatten(1))


ARCHITECTURE = predictor(
    name="mlp",
    summary="perceptron with one hidden ReLU layer on all columns",
    source="kanseq",
    config=MLPConfig,
    build=MLP,
    tasks=TASKS,
    resized=scaled("hidden"),
)
