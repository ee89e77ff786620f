"""The KAN-Mixer: tokens of 8 columns, mixed by one KAN along the sequence and by another KAN across channels.

In: one-hot columns ``(n, 4, columns)``. Out: outputs ``(n, outputs)``.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from kanseq.geometry import TOKEN
from kanseq.models.architecture import TASKS, option, predictor, scaled
from kanseq.models.config import RadialConfig
from kanseq.models.network import BASES, SequenceNetwork, pad_to_tokens
from kanseq.nn.rbf import RBFLinear


@dataclass(frozen=True, kw_only=True)
class KANMixerConfig(RadialConfig):
    """Hyper-parameters of :class:`KANMixer`."""

    channels: int = option(128, "channels per token", least=1)
    token_hidden: int | None = option(None, "hidden width of two KAN layers over tokens; none: a single layer", least=1)


class KANMixer(SequenceNetwork):
    """Convolution to tokens, a KAN over tokens, a KAN over channels, mean over tokens, and a linear layer.

    1. convolution with kernel width and stride 8, and bias: ``(n, 4, columns)`` to ``(n, channels, tokens)``;
    2. ``h + token(h)``: a KAN over the tokens of each channel (with LayerNorm over tokens);
    3. ``h + channel(h)``: a KAN over the channels of each token (with LayerNorm over channels);
    4. mean over tokens, and a linear layer to the outputs. There is no other normalisation.
    """

    def __init__(self, config: KANMixerConfig) -> None:
        """Build the layers."""
        super().__init__(config.geometry)
        tokens, channels = config.geometry.tokens, config.channels
        self.stem = nn.Conv1d(BASES, channels, TOKEN, stride=TOKEN)
        if config.token_hidden is None:
            self.token = nn.Sequential(RBFLinear(tokens, tokens, residual=True, **config.layer))
        else:
            widths = (tokens, config.token_hidden), (config.token_hidden, tokens)
            self.token = nn.Sequential(*(RBFLinear(*pair, **config.layer) for pair in widths))
        self.channel = RBFLinear(channels, channels, residual=True, **config.layer)
        self.head = nn.Linear(channels, config.outputs)

    def forward_encoded(self, x: Tensor) -> Tensor:
        """Compute the outputs ``(n, outputs)`` for one-hot columns ``(n, 4, columns)``."""
        h = self._tokens(pad_to_tokens(x))
        mixed = self.token(h)
        h = mixed if self.token[-1].residual else h + mixed
        return self.head(self.channel(h.transpose(1, 2)).mean(dim=1))

    def _tokens(self, x: Tensor) -> Tensor:
        """Apply the first convolution: ``(n, 4, 8·tokens)`` to ``(n, channels, tokens)``.

        It is computed as a matrix product, because tokens do not overlap.
        """
        pieces = x.unflatten(2, (-1, TOKEN)).transpose(2, 3).flatten(1, 2)
        kernel = self.stem.weight.flatten(1).expand(len(x), -1, -1)
        return torch.baddbmm(self.stem.bias[:, None], kernel, pieces)


ARCHITECTURE = predictor(
    name="kan-mixer",
    summary="KAN over tokens of 8 bases, then KAN over channels",
    source="KAN-Mixer on DeepCRE windows, with FastKAN layers: Li 2024, arXiv:2405.06721",
    config=KANMixerConfig,
    build=KANMixer,
    tasks=TASKS,
    resized=scaled("channels"),
)
