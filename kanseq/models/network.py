"""Base classes of networks, which turn base codes into one-hot columns and hide masked columns.

In: uint8 codes ``(n, columns)``. Out: ``(n, outputs)``, which a task turns into loss and probability.
"""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional

from kanseq.geometry import TOKEN, Geometry

BASES = 4
"""Rows of the one-hot encoding: A, C, G, T."""


class Network(nn.Module):
    """A network on any inputs. Subclasses define ``forward``, which takes one argument per input tensor.

    The inputs are base codes, vectors, images, or series of vectors and their mask, see
    :mod:`kanseq.models.inputs`.

    Attributes:
        decayed: names of the parameters (without their modules') that weight decay applies to.
        rows: best number of examples per forward pass if gradients are kept.
        scored: maximum number of examples per forward pass without gradients.
    """

    decayed: tuple[str, ...] = ("spline_weight",)
    rows = 192
    scored = 256

    def prepare(self, batches: Iterable[Tensor]) -> None:
        """Compute values that are not learned by steps from the training inputs, before the first step; here none.

        Args:
            batches: the input of ``forward``, on the parameters' device, a tuple if it takes several tensors; the same
                each time it is iterated. Sequences are codes ``(n, columns)`` uint8.
        """


class SequenceNetwork(Network):
    """A network on sequences of fixed width. Subclasses define :meth:`forward_encoded`.

    Attributes:
        geometry: the columns that it reads.
    """

    hidden: Tensor
    bases: Tensor

    def __init__(self, geometry: Geometry) -> None:
        """Store the columns and which of them are masked."""
        super().__init__()
        self.geometry = geometry
        hidden = torch.zeros(geometry.columns, dtype=torch.bool)
        for start, stop in geometry.masked:
            hidden[start:stop] = True
        self.register_buffer("hidden", hidden, persistent=False)
        self.register_buffer("bases", torch.arange(BASES, dtype=torch.uint8)[:, None], persistent=False)

    def encode(self, codes: Tensor) -> Tensor:
        """One-hot encode on the codes' device, in the parameters' dtype.

        Args:
            codes: ``(n, columns)`` uint8, A 0, C 1, G 2, T 3, everything else 4.

        Returns:
            ``(n, 4, columns)``; masked columns and code 4 are four zeros.
        """
        visible = codes.masked_fill(self.hidden, BASES)
        return (visible[:, None, :] == self.bases).to(next(self.parameters()).dtype)

    def forward_encoded(self, x: Tensor) -> Tensor:
        """Map one-hot (or any real) columns ``(n, 4, columns)`` to ``(n, outputs)``."""
        raise NotImplementedError

    def forward(self, codes: Tensor) -> Tensor:
        """Map codes ``(n, columns)`` uint8 to ``(n, outputs)``."""
        return self.forward_encoded(self.encode(codes))


class LinearNetwork(SequenceNetwork):
    """A network without KAN layers. Linear layers and convolutions compute their products in :attr:`precision`.

    Only :meth:`forward` uses it: :meth:`forward_encoded` computes products in the parameters' dtype.

    Attributes:
        precision: ``float32``, or ``bfloat16`` for operands and results of products (PyTorch's autocast); the output
            is float32 in either case.
    """

    precision = "float32"

    def forward(self, codes: Tensor) -> Tensor:
        """Map codes ``(n, columns)`` uint8 to ``(n, outputs)``."""
        return self.in_precision(self.forward_encoded, self.encode(codes))

    def in_precision(self, run: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
        """Run a part of the network on encoded columns in :attr:`precision`."""
        if self.precision == "float32" or x.dtype != torch.float32:
            return run(x)
        with torch.autocast(x.device.type, torch.bfloat16):
            return run(x).float()


def pad_to_tokens(x: Tensor) -> Tensor:
    """Add empty columns on the right until ``x (n, 4, columns)`` holds complete tokens."""
    return functional.pad(x, (0, -x.shape[-1] % TOKEN))
