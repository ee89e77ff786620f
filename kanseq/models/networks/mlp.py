"""The vanilla multi-layer perceptron: the baseline of a KAN with equal widths.

In: one-hot columns ``(n, 4, columns)``. Out: ``(n, outputs)``.
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
    """``4·columns → hidden → outputs`` with ReLU between."""

    def __init__(self, config: MLPConfig) -> None:
        """Build the layers for the configuration's geometry."""
        super().__init__(config.geometry)
        inputs = BASES * config.geometry.columns
        self.layers = nn.Sequential(
            nn.Linear(inputs, config.hidden), nn.ReLU(), nn.Linear(config.hidden, config.outputs)
        )

    def forward_encoded(self, x: Tensor) -> Tensor:
        """Map ``(n, 4, columns)``, flattened base by base (all A first), to ``(n, outputs)``."""
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
