"""The KAN convolution: each tap of a kernel, from an input to an output channel, is a learned function (an edge).

In: numbers ``(n, in_channels, length)``. Out: sums of the functions of all edges, ``(n, out_channels, positions)``.
"""

import math
from dataclasses import replace
from typing import Literal

import torch
from torch import Tensor

from kanseq.nn.bases.arguments import check_whole
from kanseq.nn.bases.basis import Basis, Gaussians
from kanseq.nn.kernels.products import ConvolutionProduct
from kanseq.nn.layer import EdgeFunctions, KANLayer
from kanseq.nn.precision import operand_type


class KANConv1d(KANLayer):
    """A convolution whose taps are learned functions (convolutional KAN: Bodner et al. 2024, arXiv:2406.13155).

    ``y[j,p] = Σ_i Σ_t [Σ_g W[j,i,t,g]·B_g(u[i,q]) + V[j,i,t]·silu(x[i,q])] + b[j]`` with ``q = stride·p + dilation·t −
    padding``, where ``B_g`` are the functions of the basis, and ``u`` is ``x``, or its LayerNorm over the channels at
    each position, in the units of the basis (see :meth:`units`). Positions ``q`` outside the input contribute nothing,
    as if the values of ``B_g`` and SiLU were padded with zeros.

    Basis functions are computed chunk by chunk, and computed again in the backward pass, as in :class:`.KANLinear`. A
    chunk consists of samples or, if samples are long, of windows that overlap by the reach of the kernel.

    Attributes:
        spline_weight: ``W``, ``(out_channels, in_channels / groups, kernel_size, basis.size)``.
        base_weight: ``V``, ``(out_channels, in_channels / groups, kernel_size)``; ``None`` without ``base``.
        base_bias: ``b``, ``(out_channels,)``; ``None`` without ``base``.
        norm: the LayerNorm over ``in_channels``; ``None`` without ``layer_norm``.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        basis: Basis = Gaussians(),  # noqa: B008 - it is immutable
        *,
        stride: int = 1,
        padding: int | Literal["same"] = 0,
        dilation: int = 1,
        groups: int = 1,
        layer_norm: bool = False,
        base: bool = True,
        low: float = -2.0,
        high: float = 2.0,
    ) -> None:
        """Build the layer. Initially, outputs have variance 1 for standard normal inputs, except at padded ends.

        Args:
            in_channels: channels of the input.
            out_channels: channels of the output.
            kernel_size: number of taps.
            basis: the family of basis functions.
            stride: number of input positions from one output to the next.
            padding: number of positions added on each side, which contribute nothing. ``same`` keeps the length, and
                requires stride 1. If it adds an odd number of positions, the right side gets one more.
            dilation: number of input positions from one tap to the next.
            groups: number of groups of channels; there are no edges between groups.
            layer_norm: whether the inputs of the basis functions are normalised over the channels at each position.
            base: whether each edge has a SiLU branch, and each output channel a bias.
            low: input at the start of the basis's span, such as the first centre of Gaussians or the left end of a
                spline grid. A basis without a span uses the inputs unchanged.
            high: input at the end of the basis's span.

        Raises:
            TypeError: ``basis`` is not an instance of :class:`.Basis`.
            ValueError: a size is not an ``int``, or is below 1 (``padding``: below 0), channels cannot be divided into
                ``groups``, ``padding`` is ``same`` but ``stride`` is not 1, ``low`` or ``high`` is not finite, or
                ``low`` is not below ``high``.
        """
        if not isinstance(basis, Basis):
            raise TypeError(f"basis must be a Basis, such as Gaussians(8): {basis!r}")
        sizes = {"in_channels": in_channels, "out_channels": out_channels, "kernel_size": kernel_size}
        for name, number in {**sizes, "stride": stride, "dilation": dilation, "groups": groups}.items():
            check_whole(name, number, least=1)
        if in_channels % groups or out_channels % groups:
            raise ValueError(f"groups must divide the channels: {groups} of {in_channels} to {out_channels}")
        if isinstance(padding, str) and (padding != "same" or stride != 1):
            raise ValueError(f"padding must be a number, or same with stride 1: {padding!r}, stride {stride}")
        if not isinstance(padding, str):
            check_whole("padding", padding, least=0)
        if not low < high or not math.isfinite(high - low):
            raise ValueError(f"low and high must be finite, low below high: {low}, {high}")
        self.in_channels, self.out_channels, self.kernel_size = in_channels, out_channels, kernel_size
        self.stride, self.padding, self.dilation, self.groups = stride, padding, dilation, groups
        self.low, self.high = low, high
        reach = dilation * (kernel_size - 1)
        # Both sides get the same padding. Therefore, if the reach is odd, there is one output too many at the start.
        around = (reach + 1) // 2 if isinstance(padding, str) else padding
        self._surplus = reach % 2 if isinstance(padding, str) else 0
        self._product = ConvolutionProduct(
            taps=kernel_size, stride=stride, padding=around, dilation=dilation, groups=groups
        )
        # Built here, because compilers lose the fields of instances that are built during tracing.
        self._unpadded = replace(self._product, padding=0)
        edges = (in_channels // groups, kernel_size)
        super().__init__(in_channels, out_channels, edges, basis, layer_norm=layer_norm, base=base)

    def units(self) -> tuple[Tensor, Tensor]:
        """Return the units of the basis: ``per_unit`` and ``origin`` of each input channel, both ``(in_channels,)``.

        Basis functions of an input ``z`` are evaluated at ``u = (z − origin)·per_unit``, which maps the range from
        ``low`` to ``high`` to the span of the basis. Without a span, ``u`` is ``z``.
        """
        first, last = self.basis.span or (self.low, self.high)
        per_unit = (last - first) / (self.high - self.low)
        like = self.spline_weight.new_ones(self.in_channels)
        return like * per_unit, like * (self.low - first / per_unit)

    def forward(self, x: Tensor) -> Tensor:
        """Compute the outputs ``(n, out_channels, positions)`` for inputs ``(n, in_channels, length)``.

        The axis ``n`` is optional. The number of ``positions`` is
        ``⌊(length + 2·padding − dilation·(kernel_size − 1) − 1) / stride⌋ + 1``. In memory, the channels of the result
        are the innermost axis.

        Raises:
            ValueError: the inputs have the wrong shape, or are shorter than the reach of the kernel.
        """
        if x.ndim not in (2, 3) or x.shape[-2] != self.in_channels:
            raise ValueError(f"inputs must be (n, {self.in_channels}, length): {tuple(x.shape)}")
        least = max(1, self.dilation * (self.kernel_size - 1) + 1 - 2 * self._product.padding)
        if x.shape[-1] < least:
            raise ValueError(f"inputs must be at least {least} long: {x.shape[-1]}")
        exact, operands, result = operand_type(self.precision, x, self.spline_weight)
        samples = (x if x.ndim == 3 else x[None]).transpose(1, 2).to(exact)
        large = samples.shape[1] * self.in_channels * self.basis.size > SEGMENT
        if large and not torch.compiler.is_exporting():
            y = self._sum_by_windows(samples, operands)
        else:
            y = self._sum(samples.contiguous(), self._product, operands)
        y = y.to(result)[:, self._surplus :].transpose(1, 2)
        return y if x.ndim == 3 else y[0]

    def edge_functions(self, i: Tensor | int, j: Tensor | int, tap: Tensor | int, x: Tensor) -> EdgeFunctions:
        """Evaluate the learned functions of edges from input channels ``i`` at ``tap`` to output channels ``j``.

        Args:
            i: index or indices of input channels.
            j: index or indices of output channels, broadcast with ``i``.
            tap: index or indices of taps, broadcast with ``i`` and ``j``.
            x: points at which the functions are evaluated, ``(points,)``; with LayerNorm see
                :meth:`.KANLinear.edge_functions`.

        Returns:
            ``curve`` and ``base``, ``(points, …)`` each, where ``…`` is the broadcast shape of ``i``, ``j`` and
            ``tap``; differentiable.

        Raises:
            ValueError: there is no such edge, because an input and an output channel are in different groups.
        """
        device = self.spline_weight.device
        i, j, tap = torch.broadcast_tensors(*(torch.as_tensor(k, device=device) for k in (i, j, tap)))
        wide, tall = self.in_channels // self.groups, self.out_channels // self.groups
        apart = i // wide != j // tall
        if apart.any():
            raise ValueError(f"no edge from channel {int(i[apart][0])} to {int(j[apart][0])}: not in one group")
        return self._functions(i, (j, i % wide, tap), x)

    def _sum_by_windows(self, samples: Tensor, operands: torch.dtype) -> Tensor:
        """Compute outputs ``(n, positions, outputs)`` for long samples ``(n, length, channels)``, window by window.

        A window has about ``SEGMENT`` values of basis functions. All windows in the middle of a sample have the same
        number of outputs, and are computed by one product without padding. The first outputs depend on padding. The
        last outputs may depend on padding, too, or may not fill a window. Both are computed from the ends of the
        sample, padded on both sides, and surplus outputs are dropped.
        """
        (n, length, _), stride, padding = samples.shape, self.stride, self._product.padding
        reach = self.dilation * (self.kernel_size - 1)
        room = SEGMENT // (self.in_channels * self.basis.size)
        # If windows were as short as their overlap, most basis functions would be computed twice.
        each = max((room - reach - 1) // stride + 1, -(-(reach + 1) // stride))
        padded = -(-padding // stride)
        count = ((length - 1 - reach + padding) // stride + 1 - padded) // each
        if count < 1:
            return self._sum(samples.contiguous(), self._product, operands)
        start, step, width = padded * stride - padding, each * stride, (each - 1) * stride + reach + 1
        inside = samples[:, start : start + (count - 1) * step + width]
        windows = inside.unfold(1, width, step).transpose(2, 3).flatten(0, 1)
        middle = self._sum(windows.contiguous(), self._unpadded, operands)
        parts = [middle.unflatten(0, (n, count)).flatten(1, 2)]
        if padded:
            # At least one position, because the input must not be empty even if these outputs depend on padding only.
            left = samples[:, : max(1, reach)].contiguous()
            parts.insert(0, self._sum(left, self._product, operands)[:, :padded])
        done = padded + count * each
        if done < self._product.shape(samples.shape, self.out_channels)[1]:
            # One more output than those that depend on the left padding, for the same reason.
            again = padded + 1
            right = samples[:, (done - again) * stride :].contiguous()
            parts.append(self._sum(right, self._product, operands)[:, again:])
        return torch.cat(parts, dim=1) if len(parts) > 1 else parts[0]

    def extra_repr(self) -> str:
        """Return the arguments of the layer for ``print(network)``."""
        shape = f"{self.in_channels}, {self.out_channels}, {self.kernel_size}, {self.basis}"
        steps = f"stride={self.stride}, padding={self.padding!r}, dilation={self.dilation}, groups={self.groups}"
        return f"{shape}, {steps}, precision={self.precision}"


SEGMENT = 2**20
"""Maximum number of values of basis functions in a sample that is not divided into windows (one float32 chunk).

Windows have more values if the reach of the kernel is so long that shorter windows would mostly overlap.
"""
