"""B-spline layers that differ from new ones, and the formula of their outputs."""

import torch
from torch import nn

from kanseq.nn.bspline import BSplineLinear


def formula(layer: BSplineLinear, x: torch.Tensor) -> torch.Tensor:
    """Return the sum over edges by the docstring's formula, sharing only tensors with the layer."""
    z, order = x, layer.basis.order
    if layer.norm is not None:
        centred = x - x.mean(-1, keepdim=True)
        z = centred / (centred.square().mean(-1, keepdim=True) + 1e-5).sqrt() * layer.norm.weight + layer.norm.bias
    t, z = layer.grid.to(x), z[..., None]
    bases = ((z >= t[:, :-1]) & (z < t[:, 1:])).to(x)
    for k in range(1, order + 1):
        up = (z - t[:, : -k - 1]) / (t[:, k:-1] - t[:, : -k - 1])
        down = (t[:, k + 1 :] - z) / (t[:, k + 1 :] - t[:, 1:-k])
        bases = up * bases[..., :-1] + down * bases[..., 1:]
    weight = layer.spline_weight if layer.spline_scale is None else layer.spline_weight * layer.spline_scale[..., None]
    y = torch.einsum("...ig,jig->...j", bases, weight)
    if layer.base_weight is not None:
        y = y + torch.einsum("...i,ji->...j", x * torch.sigmoid(x), layer.base_weight) + layer.base_bias
    return y


def shaken(
    *arguments: int, uneven: bool = False, dtype: torch.dtype = torch.float64, **options: float
) -> BSplineLinear:
    """Return a layer with factors, normalisation and, if ``uneven``, knots that are not the initial ones."""
    torch.manual_seed(1)
    layer = BSplineLinear(*arguments, **options).double()
    for parameter in (layer.spline_scale, layer.norm and layer.norm.weight, layer.norm and layer.norm.bias):
        if parameter is not None:
            nn.init.normal_(parameter, 0.5, 0.3)
    if uneven:
        steps = torch.rand(layer.grid.shape, dtype=torch.float64) + 0.2
        layer.set_grid((steps.cumsum(1) - steps.sum(1, keepdim=True) / 2) * 4 / layer.grid.shape[1])
    return layer.to(dtype)
