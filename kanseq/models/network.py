"""Base classes of networks. Networks on sequences one-hot encode base codes and hide masked columns.

In: uint8 base codes ``(n, columns)``. Out: outputs ``(n, outputs)``, from which a task computes loss and probabilities.
"""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional

from kanseq.geometry import TOKEN, Geometry

BASES = 4
"""Number of channels of the one-hot encoding: A, C, G, T."""


class Network(nn.Module):
    """Base class of all networks. Subclasses define ``forward``, which takes one argument per input tensor.

    Inputs are base codes, vectors, images, or time series of vectors with a mask; see :mod:`kanseq.models.inputs`.

    Attributes:
        decayed: names of the parameters that weight decay applies to, without the names of their modules.
        rows: preferred number of examples per forward pass with gradients.
        scored: maximum number of examples per forward pass without gradients.
    """

    decayed: tuple[str, ...] = ("spline_weight",)
    rows = 192
    scored = 256

    def prepare(self, batches: Iterable[Tensor]) -> None:
        """Compute values that depend on the training inputs but are not learned by gradient steps.

        It is called once before the first training step. The default does nothing.

        Args:
            batches: batches of training inputs, on the device of the parameters; sequences are base codes
                ``(n, columns)`` uint8. A batch is a tuple if ``forward`` takes several tensors. The batches can be
                iterated several times.
        """


class SequenceNetwork(Network):
    """Base class of networks on sequences of fixed width. Subclasses define :meth:`forward_encoded`.

    Attributes:
        geometry: the layout of the input columns, and which of them are masked.
    """

    hidden: Tensor
    bases: Tensor

    def __init__(self, geometry: Geometry) -> None:
        """Store the geometry, and prepare the mask of hidden columns."""
        super().__init__()
        self.geometry = geometry
        hidden = torch.zeros(geometry.columns, dtype=torch.bool)
        for start, stop in geometry.masked:
            hidden[start:stop] = True
        self.register_buffer("hidden", hidden, persistent=False)
        self.register_buffer("bases", torch.arange(BASES, dtype=torch.uint8)[:, None], persistent=False)

    def encode(self, codes: Tensor) -> Tensor:
        """One-hot encode base codes, in the dtype of the parameters.

        Args:
            codes: base codes ``(n, columns)`` uint8: A 0, C 1, G 2, T 3, everything else 4.

        Returns:
            One-hot columns ``(n, 4, columns)`` on the device of the codes. Masked columns and columns with code 4
            contain four zeros.
        """
        visible = codes.masked_fill(self.hidden, BASES)
        return (visible[:, None, :] == self.bases).to(next(self.parameters()).dtype)

    def forward_encoded(self, x: Tensor) -> Tensor:
        """Compute the outputs ``(n, outputs)`` for one-hot (or other real-valued) columns ``(n, 4, columns)``."""
        raise NotImplementedError

    def forward(self, codes: Tensor) -> Tensor:
        """Compute the outputs ``(n, outputs)`` for base codes ``(n, columns)`` uint8."""
        return self.forward_encoded(self.encode(codes))


class LinearNetwork(SequenceNetwork):
    """Base class of networks of linear layers and convolutions, whose matrix products may use bfloat16.

    Only :meth:`forward` uses :attr:`precision`. :meth:`forward_encoded` computes in the dtype of the parameters.

    Attributes:
        precision: ``float32``, or ``bfloat16`` to round operands and results of products (PyTorch's autocast). The
            output is float32 in either case.
    """

    precision = "float32"

    def forward(self, codes: Tensor) -> Tensor:
        """Compute the outputs ``(n, outputs)`` for base codes ``(n, columns)`` uint8."""
        return self.in_precision(self.forward_encoded, self.encode(codes))

    def in_precision(self, run: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
        """Apply a function of this network to one-hot columns, with products in :attr:`precision`."""
        if self.precision == "float32" or x.dtype != torch.float32:
            return run(x)
        with torch.autocast(x.device.type, torch.bfloat16):
            return run(x).float()


def pad_to_tokens(x: Tensor) -> Tensor:
    """Pad one-hot columns ``x (n, 4, columns)`` with zeros on the right to a multiple of the token length (8)."""
    return functional.pad(x, (0, -x.shape[-1] % TOKEN))
