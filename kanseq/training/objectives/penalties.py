"""Penalties on the learned functions (curves) of KAN edges: on their size, number and roughness.

In: a network. Out: a term to add to its loss.

The size ``a`` of an edge's curve is the mean of ``|c|`` over its coefficients ``c``. The penalties are summed over all
KAN layers:

- ``l1``: ``Σ a``, which shrinks edges to 0 (Liu et al. 2024, arXiv:2404.19756, section 2.5.1, with coefficients in
  place of outputs, as in efficient-KAN);
- ``entropy``: ``−Σ p·log p`` with ``p = a / Σ a`` in each layer, which concentrates a layer on few large edges (ibid.);
- ``smoothness``: the squared second differences ``(c[g+2] − 2·c[g+1] + c[g])²`` of neighbouring coefficients, which
  makes curves straight (P-splines: Eilers and Marx 1996). It applies only to bases whose functions are ordered along
  the input axis: B-splines and Gaussians.

Coefficients are ``curve_weight()`` of :class:`~kanseq.nn.layer.KANLayer` and ``weight`` of
:class:`~kanseq.nn.positional.PlacedCurves`, whose inputs are scaled to a standard deviation of 1.
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn

from kanseq.errors import BadOption
from kanseq.nn.bases.basis import Gaussians
from kanseq.nn.bases.bsplines import BSplines
from kanseq.nn.layer import KANLayer
from kanseq.nn.positional import PlacedCurves
from kanseq.training.settings import Settings

IN_A_ROW = (BSplines, Gaussians)
"""Spline bases whose functions are ordered along the input axis."""


class Penalties(NamedTuple):
    """Penalties on the curves of KAN edges, with their weights; a weight of 0 disables a penalty.

    Attributes:
        l1: weight of the penalty on the sizes of curves.
        entropy: weight of the penalty on many curves of similar size.
        smoothness: weight of the penalty on the roughness of curves.
    """

    l1: float = 0.0
    entropy: float = 0.0
    smoothness: float = 0.0

    @classmethod
    def of(cls, settings: Settings) -> "Penalties":
        """Return the penalties that the settings of a training run specify."""
        return cls(settings.l1, settings.entropy, settings.smoothness)

    def check(self, network: nn.Module | None, name: str) -> None:
        """Check that a network has the layers that the penalties apply to.

        Args:
            network: the network; None for a model that is not a network.
            name: name of the model, for the message.

        Raises:
            BadOption: a penalty is used, but the network has no KAN layers; or ``smoothness`` is used, but no layer has
                an ordered basis.
        """
        found = [] if network is None else [ordered for _, ordered in curves_of(network)]
        for option, weight in self._asdict().items():
            if weight and not (any(found) if option == "smoothness" else found):
                kind = "splines or Gaussians" if found else "KAN layers"
                raise BadOption(f"--{option} {weight:g}: the model '{name}' has no {kind}", hint="leave it out")

    def sum(self, network: nn.Module) -> Tensor:
        """Return the weighted sum of all penalties over a network's KAN layers, a scalar tensor with gradients.

        Raises:
            ValueError: the network has no KAN layers.
        """
        parts = [self._of_layer(curves, ordered) for curves, ordered in curves_of(network)]
        if not parts:
            raise ValueError("penalties need KAN layers, and the network has none")
        return torch.stack(parts).sum()

    def _of_layer(self, curves: list[Tensor], ordered: bool) -> Tensor:
        """Return the weighted penalties of one layer with the given coefficients, tensors ``(…, coefficients)``."""
        total = curves[0].new_zeros(())
        if self.l1 or self.entropy:
            sizes = torch.cat([part.abs().mean(-1).flatten() for part in curves])
            total = total + self.l1 * sizes.sum() + self.entropy * _entropy(sizes)
        if self.smoothness and ordered:
            total = total + self.smoothness * sum(part.diff(n=2).square().sum() for part in curves)
        return total


def curves_of(network: nn.Module) -> Iterator[tuple[list[Tensor], bool]]:
    """Yield the coefficients of each KAN layer, and whether its basis functions are ordered along the input axis.

    The coefficients of a layer are a list of tensors ``(edges …, coefficients)``. The list has one tensor for most
    layers. For ``PlacedCurves`` (learned functions of position) it has one tensor per range of columns, because the
    number of coefficients differs between ranges.
    """
    for layer in network.modules():
        if isinstance(layer, KANLayer):
            yield [layer.curve_weight()], isinstance(layer.basis, IN_A_ROW)
        elif isinstance(layer, PlacedCurves):
            yield [layer.weight[..., functions] for functions in layer.functions], True


def _entropy(sizes: Tensor) -> Tensor:
    """Return ``−Σ p·log p`` for ``p = sizes / Σ sizes``; 0 if all sizes are 0. The gradient is finite at ``p = 0``."""
    total = sizes.sum()
    shares = sizes / torch.where(total > 0, total, 1)
    return -(shares * shares.clamp(min=torch.finfo(shares.dtype).tiny).log()).sum()
