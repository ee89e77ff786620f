"""Multiply features (values of basis functions) and weights of a KAN layer by a matrix product or a convolution.

In: features ``(n, …, inputs·size)`` and a weight matrix. Out: outputs ``(n, …, outputs)``; gradients of both.
"""

from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class Product:
    """The product of features and weights in a fully connected layer, with weights ``(outputs, inputs, size)``.

    ``size`` is the number of basis functions.

    Attributes:
        size_first: order of the features in memory: ``(n, size, inputs)`` if true, otherwise ``(n, inputs, size)``.
    """

    size_first: bool = False

    def shape(self, inputs: torch.Size, outputs: int) -> tuple[int, ...]:
        """Return the shape of the result of :meth:`forward` for layer inputs of shape ``(n, …, inputs)``."""
        return (*inputs[:-1], outputs)

    def matrix(self, weight: Tensor) -> Tensor:
        """Return weights ``(outputs, inputs, size)`` as the matrix for products, ``(outputs, inputs·size)``."""
        return (weight.transpose(1, 2) if self.size_first else weight).flatten(1)

    def weight(self, matrix: Tensor, size: int) -> Tensor:
        """Convert a matrix back to weights: the inverse of :meth:`matrix`."""
        if self.size_first:
            return matrix.unflatten(1, (size, -1)).transpose(1, 2)
        return matrix.unflatten(1, (-1, size))

    def forward(self, features: Tensor, matrix: Tensor) -> Tensor:
        """Multiply features ``(n, …, inputs·size)`` and a weight matrix: ``(n, …, outputs)``."""
        return torch.matmul(features, matrix.t())

    def write(self, features: Tensor, matrix: Tensor, out: Tensor, add: bool = False, whole: bool = False) -> None:
        """Write the result of :meth:`forward` into ``out``, whose dtype may be wider than that of the factors.

        Args:
            features: the features, ``(n, …, inputs·size)``.
            matrix: the weight matrix.
            out: output tensor, ``(n, …, outputs)``.
            add: whether to add the result to ``out`` instead of overwriting it.
            whole: whether to correct the rounding error of the result by a second product, if the dtype of ``out`` is
                wider. This matters if a single feature may outweigh all others.
        """
        rows, columns = operand(features.flatten(0, -2)), operand(matrix.t())
        _put(rows, columns, out.view(-1, out.shape[-1]), add, whole)

    def turned(self, g: Tensor) -> Tensor:
        """Transpose the gradient ``g`` of the outputs, as :meth:`weight_gradient` requires."""
        g = g.flatten(0, -2).t()
        return g if g.dtype.itemsize > 2 else g.contiguous()

    def weight_gradient(self, turned: Tensor, features: Tensor, out: Tensor, add: bool, whole: bool = False) -> None:
        """Write the gradient of the weight matrix into ``out``. ``turned`` is the result of :meth:`turned`.

        For ``add`` and ``whole`` see :meth:`write`.
        """
        _put(operand(turned), operand(features.flatten(0, -2)), out, add, whole)

    def input_gradient(self, g: Tensor, matrix: Tensor, out: Tensor) -> None:
        """Write the gradient of the features into ``out (n, …, inputs·size)``; ``g`` is the gradient of the outputs."""
        _put(operand(g.flatten(0, -2)), operand(matrix), out.flatten(0, -2))


@dataclass(frozen=True)
class ConvolutionProduct(Product):
    """The product of features and weights in a convolution, with weights ``(outputs, inputs / groups, taps, size)``.

    Features ``(n, length, inputs·size)`` are treated as an image of height 1 with channels innermost in memory. This is
    the layout for convolutions on CPUs and tensor cores, so a chunk is computed by one call. The basis functions of an
    input are neighbouring channels, so that they belong to the same group.

    Attributes:
        taps: number of taps of the kernel.
        stride: number of input positions from one output to the next.
        padding: number of zeros added to the features on each side.
        dilation: number of input positions from one tap to the next.
        groups: number of groups of channels.
    """

    taps: int = 1
    stride: int = 1
    padding: int = 0
    dilation: int = 1
    groups: int = 1

    def shape(self, inputs: torch.Size, outputs: int) -> tuple[int, ...]:
        """Return the shape of the result of :meth:`forward` for layer inputs of shape ``(n, length, inputs)``."""
        n, length, _ = inputs
        reach = self.dilation * (self.taps - 1)
        return n, (length + 2 * self.padding - reach - 1) // self.stride + 1, outputs

    def matrix(self, weight: Tensor) -> Tensor:
        """Return weights as a kernel ``(outputs, inputs·size / groups, 1, taps)`` with channels innermost in memory."""
        return _as_image(weight.transpose(1, 2).flatten(2))

    def weight(self, matrix: Tensor, size: int) -> Tensor:
        """Convert a matrix back to weights: the inverse of :meth:`matrix`."""
        return _as_sequence(matrix).unflatten(2, (-1, size)).transpose(1, 2)

    def forward(self, features: Tensor, matrix: Tensor) -> Tensor:
        """Convolve features ``(n, length, inputs·size)`` with a kernel: ``(n, positions, outputs)``."""
        stride, padding, dilation = (1, self.stride), (0, self.padding), (1, self.dilation)
        image = functional.conv2d(_as_image(features), matrix, None, stride, padding, dilation, self.groups)
        return _as_sequence(image)

    def write(self, features: Tensor, matrix: Tensor, out: Tensor, add: bool = False, whole: bool = False) -> None:
        """Write the result of :meth:`forward` into ``out``, or add it; ``out`` may have a wider dtype."""
        made = self.forward(operand(features), operand(matrix))
        if add:
            out += made
        else:
            out.copy_(made)

    def turned(self, g: Tensor) -> Tensor:
        """Return the gradient ``g`` of the outputs unchanged: :meth:`weight_gradient` needs no other layout."""
        return g

    def weight_gradient(self, turned: Tensor, features: Tensor, out: Tensor, add: bool, whole: bool = False) -> None:
        """Write the gradient of the kernel into ``out``, or add it; ``out`` may have a wider dtype."""
        turned, features = operand(turned), operand(features)
        like = torch.empty_like(out, dtype=features.dtype)
        made = self._gradients(turned, features, like, (False, True, False))[1]
        if add:
            out += made
        else:
            out.copy_(made)

    def input_gradient(self, g: Tensor, matrix: Tensor, out: Tensor) -> None:
        """Write the gradient of the features into ``out (n, length, inputs·size)``; ``g`` is the outputs' gradient."""
        g, matrix = operand(g), operand(matrix)
        like = torch.empty_like(out, dtype=g.dtype)
        out.copy_(_as_sequence(self._gradients(g, like, matrix, (True, False, False))[0]))

    def _gradients(self, g: Tensor, features: Tensor, matrix: Tensor, wanted: tuple[bool, bool, bool]) -> list[Tensor]:
        """Compute the gradients of features, kernel and bias (those ``wanted``) from the gradient ``g`` of the outputs.

        The gradient of the features depends on their shape, but not on their values. The same is true of the kernel.
        """
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
    """View ``(n, channels, 1, length)`` as ``(n, length, channels)``."""
    return image[:, :, 0].transpose(1, 2)


def operand(rounded: Tensor) -> Tensor:
    """Convert a rounded operand to a dtype that the device can multiply fast.

    On CPUs without hardware for 16-bit products, such products are at least ten times slower than 32-bit products. On
    these CPUs, operands are converted to float32. Products are the same, and sums are in float32 in either case.
    """
    if rounded.dtype.itemsize > 2 or rounded.device.type != "cpu" or _multiplies(rounded.dtype):
        return rounded
    return rounded.float()


@cache
def _multiplies(dtype: torch.dtype) -> bool:
    """Return whether PyTorch's CPU library (oneDNN) supports products of bfloat16 or float16 on this CPU."""
    if dtype == torch.bfloat16:
        return torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return torch.ops.mkldnn._is_mkldnn_fp16_supported()


def _put(left: Tensor, right: Tensor, out: Tensor, add: bool = False, whole: bool = False) -> None:
    """Write the product ``left @ right`` into ``out``; for ``add`` and ``whole`` see :meth:`Product.write`."""
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
"""The products of fully connected layers, by ``size_first``. They are built here, because compilers lose the fields of
instances that are built during tracing."""
