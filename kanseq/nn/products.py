"""How the features of edges meet their weights: one matrix product, or one convolution.

In: features ``(n, …, inputs·size)`` and a weight matrix. Out: ``(n, …, outputs)``, and both gradients.
"""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Product:
    """The product of a linear layer, whose weights are ``(outputs, inputs, size)``.

    Attributes:
        size_first: whether features come with the basis before the inputs, ``(n, size, inputs)``.
    """

    size_first: bool = False

    def shape(self, inputs: torch.Size, outputs: int) -> tuple[int, ...]:
        """Tell the shape that :meth:`forward` gives for inputs of shape ``(n, …, inputs)``."""
        return (*inputs[:-1], outputs)

    def matrix(self, weight: Tensor) -> Tensor:
        """Lay weights out as the products want them."""
        return (weight.transpose(1, 2) if self.size_first else weight).flatten(1)

    def weight(self, matrix: Tensor, size: int) -> Tensor:
        """Undo :meth:`matrix`."""
        if self.size_first:
            return matrix.unflatten(1, (size, -1)).transpose(1, 2)
        return matrix.unflatten(1, (-1, size))

    def forward(self, features: Tensor, matrix: Tensor) -> Tensor:
        """Map features ``(n, …, inputs·size)`` to ``(n, …, outputs)``."""
        return torch.matmul(features, matrix.t())

    def write(self, features: Tensor, matrix: Tensor, out: Tensor, add: bool = False, whole: bool = False) -> None:
        """Write or add :meth:`forward`'s result into ``out``, whose type may be wider.

        ``whole`` adds what the narrower type has cut off. It matters where a single feature may outweigh all others,
        and costs as much again.
        """
        rows, into = features.flatten(0, -2), out.view(-1, out.shape[-1])
        if features.dtype != out.dtype:
            _put(torch.mm(rows, matrix.t()), into, rows, matrix.t(), add, whole)
            return
        if add:
            into.addmm_(rows, matrix.t())
        else:
            torch.mm(rows, matrix.t(), out=into)

    def turned(self, g: Tensor) -> Tensor:
        """Prepare the gradient by the result for :meth:`weight_gradient`."""
        g = g.flatten(0, -2).t()
        return g if g.dtype.itemsize > 2 else g.contiguous()

    def weight_gradient(self, turned: Tensor, features: Tensor, out: Tensor, add: bool, whole: bool = False) -> None:
        """Write or add the gradient by the matrix into ``out``, see :meth:`write`."""
        features = features.flatten(0, -2)
        if features.dtype != out.dtype:
            _put(torch.mm(turned, features), out, turned, features, add, whole)
        elif add:
            out.addmm_(turned, features)
        else:
            torch.mm(turned, features, out=out)

    def input_gradient(self, g: Tensor, matrix: Tensor, out: Tensor) -> None:
        """Write the gradient by the features into ``out (n, …, inputs·size)``; ``g`` is that by the result."""
        torch.mm(g.flatten(0, -2), matrix, out=out.flatten(0, -2))


def _put(made: Tensor, out: Tensor, left: Tensor, right: Tensor, add: bool, whole: bool) -> None:
    """Write or add ``made``, the rounded product of ``left`` and ``right``, and the rest of it where that is wanted."""
    if add:
        out += made
    else:
        out.copy_(made)
    if whole:
        out += torch.addmm(made, left, right, beta=-1)


PRODUCTS = {size_first: Product(size_first) for size_first in (False, True)}
"""Both products of linear layers: made here, because compilers lose the fields of one that is made while they look."""
