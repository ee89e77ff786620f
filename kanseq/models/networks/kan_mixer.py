"""The KAN-Mixer: tokens of 8 bases, mixed along the sequence and then across channels by radial basis layers.

In: one-hot columns ``(n, 4, columns)``. Out: ``(n, outputs)``.
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
    token_hidden: int | None = option(
        None, "hidden width between two token layers; none: one layer from tokens to tokens", least=1
    )


class KANMixer(SequenceNetwork):
    """Convolution to tokens, token KAN, channel KAN, mean over tokens, linear head.

    1. convolution of kernel and stride 8 with bias: ``(n, 4, columns)`` to ``(n, channels, tokens)``;
    2. ``h + token(h)``: for every channel a KAN over the tokens (its LayerNorm runs over tokens);
    3. ``h + channel(h)``: for every token a KAN over the channels (its LayerNorm runs over channels);
    4. mean over tokens, and a linear map to the outputs. There is no other normalisation.
    """

    def __init__(self, config: KANMixerConfig) -> None:
        """Build the layers for the configuration's geometry."""
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
        """Map ``(n, 4, columns)`` to ``(n, outputs)``."""
        h = self._tokens(pad_to_tokens(x))
        mixed = self.token(h)
        h = mixed if self.token[-1].residual else h + mixed
        return self.head(self.channel(h.transpose(1, 2)).mean(dim=1))

    def _tokens(self, x: Tensor) -> Tensor:
        """Apply the stem: ``(n, 4, 8·tokens)`` to ``(n, channels, tokens)``.

        The stride equals the kernel width, so windows do not overlap and the convolution is a matrix product.
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
