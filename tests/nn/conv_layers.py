"""Convolutions that differ from new ones, and their outputs with all gradients."""

import torch
from torch import Tensor, nn

from kanseq.nn.bases.basis import Basis
from kanseq.nn.conv import KANConv1d


def outcomes(layer: nn.Module, y: Tensor, x: Tensor) -> list[Tensor]:
    """Return outputs, and the gradients of a fixed weighting of them."""
    weights = torch.rand(y.shape, generator=torch.Generator().manual_seed(2)).to(y)
    return [y, *torch.autograd.grad((y * weights).sum(), [x, *layer.parameters()])]


def shaken(*arguments: int | Basis, **options: object) -> KANConv1d:
    """Return a layer in float64 whose bias and normalisation are not the initial ones."""
    torch.manual_seed(1)
    layer = KANConv1d(*arguments, **options).double()
    if layer.base_bias is not None:
        nn.init.normal_(layer.base_bias)
    if layer.norm is not None:
        nn.init.normal_(layer.norm.weight, 1, 0.3)
        nn.init.normal_(layer.norm.bias, 0, 0.3)
    return layer
