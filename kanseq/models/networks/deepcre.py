"""DeepCRE: a convolutional network, first used to predict high and low expression from plant gene flanks.

In: one-hot columns ``(n, 4, columns)``. Out: outputs ``(n, outputs)``, one logit by default.
"""

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional

from kanseq.models.architecture import TASKS, option, predictor
from kanseq.models.config import NetworkConfig
from kanseq.models.network import BASES, LinearNetwork

FILTERS = (64, 128, 64)
KERNEL = 8
POOL = 8


@dataclass(frozen=True, kw_only=True)
class DeepCREConfig(NetworkConfig):
    """Hyper-parameters of :class:`DeepCRE`."""

    outputs: int = option(1, "outputs per sequence; set by the task", least=1)
    dropout: float = option(0.25, "dropout probability in training", least=0, most=1)


class DeepCRE(LinearNetwork):
    """DeepCRE: three blocks of two convolutions, pooling and dropout, followed by dense layers of 128 and 64 units.

    Convolutions have kernels of width 8. Their inputs are padded with 3 columns on the left and 4 on the right, as in
    Keras, so that the number of columns does not change. Max pooling is over 8 columns. The last pooling window may be
    shorter (ceil mode); Keras pads both ends instead, which shifts all windows by half of the padding. Initial
    weights are as in Keras: Glorot uniform, biases 0.
    """

    def __init__(self, config: DeepCREConfig) -> None:
        """Build the layers."""
        super().__init__(config.geometry)
        width = config.geometry.columns
        channels = BASES
        blocks = []
        for filters in FILTERS:
            blocks.append(DeepCREBlock(channels, filters, config.dropout))
            channels, width = filters, -(-width // POOL)
        self.blocks = nn.Sequential(*blocks)
        self.dense = nn.Sequential(
            nn.Linear(channels * width, 128),
            nn.ReLU(),
            nn.Dropout(config.dropout),
            nn.Linear(128, 64),
            nn.ReLU(),
            nn.Linear(64, config.outputs),
        )
        for layer in self.modules():
            if isinstance(layer, nn.Conv1d | nn.Linear):
                nn.init.xavier_uniform_(layer.weight)
                nn.init.zeros_(layer.bias)

    def forward_encoded(self, x: Tensor) -> Tensor:
        """Compute the outputs ``(n, outputs)`` for one-hot columns ``(n, 4, columns)``."""
        return self.dense(self.blocks(x).flatten(1))


class DeepCREBlock(nn.Module):
    """Two convolutions with ReLU, max pooling and dropout.

    It maps ``(n, channels, width)`` to ``(n, filters, ⌈width/8⌉)``.
    """

    def __init__(self, channels: int, filters: int, dropout: float) -> None:
        """Build the two convolutions and the dropout layer."""
        super().__init__()
        self.first = nn.Conv1d(channels, filters, KERNEL)
        self.second = nn.Conv1d(filters, filters, KERNEL)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Apply convolutions, pooling and dropout to ``(n, channels, width)``."""
        x = self.first(_same(x)).relu()
        x = self.second(_same(x)).relu()
        return self.dropout(functional.max_pool1d(x, POOL, ceil_mode=True))


def _same(x: Tensor) -> Tensor:
    """Pad columns with zeros (3 on the left, 4 on the right) so that a convolution does not change their number."""
    return functional.pad(x, ((KERNEL - 1) // 2, KERNEL // 2))


ARCHITECTURE = predictor(
    name="deepcre",
    summary="convolutional network of three blocks and two dense layers",
    source="Peleke et al. 2024, doi:10.1038/s41467-024-47744-0",
    config=DeepCREConfig,
    build=DeepCRE,
    tasks=TASKS,
)
