"""Multiply the features of edges with their weights: by one matrix product, or one convolution.

In: features ``(n, …, inputs·size)`` and a weight matrix. Out: ``(n, …, outputs)``, and both gradients.
"""

from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class Product:
    """The product of a linear layer, whose weights are ``(outputs, inputs, size)``.

    Attributes:
        size_first: whether the features' basis axis is before the inputs, ``(n, size, inputs)``.
    """

    size_first: bool = False

    def shape(self, inputs: torch.Size, outputs: int) -> tuple[int, ...]:
        """Return the shape of :meth:`forward`'s result for inputs of shape ``(n, …, inputs)``."""
        return (*inputs[:-1], outputs)

    def matrix(self, weight: Tensor) -> Tensor:
        """Return weights in the layout of the products."""
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

        ``whole`` adds the part that rounding to the narrower dtype cuts off. It matters if a single feature may
        outweigh all others, and doubles the cost.
        """
        rows, columns = operand(features.flatten(0, -2)), operand(matrix.t())
        _put(rows, columns, out.view(-1, out.shape[-1]), add, whole)

    def turned(self, g: Tensor) -> Tensor:
        """Prepare the gradient by the result for :meth:`weight_gradient`."""
        g = g.flatten(0, -2).t()
        return g if g.dtype.itemsize > 2 else g.contiguous()

    def weight_gradient(self, turned: Tensor, features: Tensor, out: Tensor, add: bool, whole: bool = False) -> None:
        """Write or add the gradient by the matrix into ``out``, see :meth:`write`."""
        _put(operand(turned), operand(features.flatten(0, -2)), out, add, whole)

    def input_gradient(self, g: Tensor, matrix: Tensor, out: Tensor) -> None:
        """Write the gradient by the features into ``out (n, …, inputs·size)``; ``g`` is that by the result."""
        _put(operand(g.flatten(0, -2)), operand(matrix), out.flatten(0, -2))


@dataclass(frozen=True)
class ConvolutionProduct(Product):
    """The product of a convolution, whose weights are ``(outputs, inputs / groups, taps, size)``.

    Features ``(n, length, inputs·size)`` are an image of height 1 with its channels innermost, the layout for
    convolutions on CPUs and tensor cores, so that a chunk takes one call. The basis axis is after the inputs, as groups
    require.

    Attributes:
        taps: number of taps.
        stride: positions of the input between neighbouring outputs.
        padding: positions of zeros on either side of the features.
        dilation: positions of the input between neighbouring taps.
        groups: number of groups of channels.
    """

    taps: int = 1
    stride: int = 1
    padding: int = 0
    dilation: int = 1
    groups: int = 1

    def shape(self, inputs: torch.Size, outputs: int) -> tuple[int, ...]:
        """Return the shape of :meth:`forward`'s result for inputs of shape ``(n, length, inputs)``."""
        n, length, _ = inputs
        reach = self.dilation * (self.taps - 1)
        return n, (length + 2 * self.padding - reach - 1) // self.stride + 1, outputs

    def matrix(self, weight: Tensor) -> Tensor:
        """Return weights as a kernel ``(outputs, inputs·size / groups, 1, taps)``, channels innermost."""
        return _as_image(weight.transpose(1, 2).flatten(2))

    def weight(self, matrix: Tensor, size: int) -> Tensor:
        """Undo :meth:`matrix`."""
        return _as_sequence(matrix).unflatten(2, (-1, size)).transpose(1, 2)

    def forward(self, features: Tensor, matrix: Tensor) -> Tensor:
        """Map features ``(n, length, inputs·size)`` to ``(n, positions, outputs)``."""
        stride, padding, dilation = (1, self.stride), (0, self.padding), (1, self.dilation)
        image = functional.conv2d(_as_image(features), matrix, None, stride, padding, dilation, self.groups)
        return _as_sequence(image)

    def write(self, features: Tensor, matrix: Tensor, out: Tensor, add: bool = False, whole: bool = False) -> None:
        """Write or add :meth:`forward`'s result into ``out``, whose type may be wider."""
        made = self.forward(operand(features), operand(matrix))
        if add:
            out += made
        else:
            out.copy_(made)

    def turned(self, g: Tensor) -> Tensor:
        """Return the gradient unchanged."""
        return g

    def weight_gradient(self, turned: Tensor, features: Tensor, out: Tensor, add: bool, whole: bool = False) -> None:
        """Write or add the gradient by the kernel into ``out``, whose type may be wider."""
        turned, features = operand(turned), operand(features)
        like = torch.empty_like(out, dtype=features.dtype)
        made = self._gradients(turned, features, like, (False, True, False))[1]
        if add:
            out += made
        else:
            out.copy_(made)

    def input_gradient(self, g: Tensor, matrix: Tensor, out: Tensor) -> None:
        """Write the gradient by the features into ``out (n, length, inputs·size)``; ``g`` is that by the result."""
        g, matrix = operand(g), operand(matrix)
        like = torch.empty_like(out, dtype=g.dtype)
        out.copy_(_as_sequence(self._gradients(g, like, matrix, (True, False, False))[0]))

    def _gradients(self, g: Tensor, features: Tensor, matrix: Tensor, wanted: tuple[bool, bool, bool]) -> list[Tensor]:
        """Compute the gradients by features and kernel, if wanted; of each, only the shape affects its own gradient."""
        stride, padding, dilation = [1, self.stride], [0, self.padding], [1, self.dilation]
        return torch.ops.aten.convolution_backward(
            _as_image(g),
            _as_image(features),
            matrix,
            None,
            stride,
            padding,
            dilation,
            False,
            [0, 0],
            self.groups,
            wanted,
        )


def _as_image(sequence: Tensor) -> Tensor:
    """View ``(n, length, channels)`` as ``(n, channels, 1, length)``."""
    return sequence.transpose(1, 2)[:, :, None]


def _as_sequence(image: Tensor) -> Tensor:
    """Undo :func:`_as_image`."""
    return image[:, :, 0].transpose(1, 2)


def operand(rounded: Tensor) -> Tensor:
    """Return an operand in the dtype in which the device multiplies it.

    A CPU without hardware for 16-bit products computes them ten or more times slower than 32-bit ones. It gets 32-bit
    operands instead: the products are the same, and are summed as such hardware sums them.
    """
    if rounded.dtype.itemsize > 2 or rounded.device.type != "cpu" or _multiplies(rounded.dtype):
        return rounded
    return rounded.float()


@cache
def _multiplies(dtype: torch.dtype) -> bool:
    """Return whether the CPU's library supports products of a narrow dtype."""
    if dtype == torch.bfloat16:
        return torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return torch.ops.mkldnn._is_mkldnn_fp16_supported()


def _put(left: Tensor, right: Tensor, out: Tensor, add: bool = False, whole: bool = False) -> None:
    """Write or add a product into ``out``; with ``whole``, add the part that its rounding cuts off, too."""
    if left.dtype == out.dtype:
        if add:
            out.addmm_(left, right)
        else:
            torch.mm(left, right, out=out)
        return
    made = torch.mm(left, right)
    if add:
        out += made
    else:
        out.copy_(made)
    if whole:
        out += torch.addmm(made, left, right, beta=-1)


PRODUCTS = {size_first: Product(size_first) for size_first in (False, True)}
"""Both products of linear layers. Built here, because compilers lose the fields of one built while they trace."""
