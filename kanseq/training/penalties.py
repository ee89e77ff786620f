"""Penalties on the curves of KAN layers: on their size, on how many there are, and on how rough they are.

In: a network. Out: a number to add to its loss.

The size ``a`` of an edge's curve is the mean ``|c|`` of its coefficients. Summed over all KAN layers:

- ``l1``: ``Σ a``, so that edges vanish (Liu et al. 2024, arXiv:2404.19756, section 2.5.1, with coefficients in place of
  outputs, as efficient-KAN does);
- ``entropy``: ``−Σ p·log p`` with ``p = a / Σ a`` in each layer, so that few edges of a layer are large (ibid.);
- ``smoothness``: the squared second differences ``(c[g+2] − 2·c[g+1] + c[g])²`` of neighbouring coefficients, so that
  curves are straight (P-splines: Eilers and Marx 1996). Only of bases whose functions stand in a row: B-splines and
  Gaussians.

Coefficients are ``curve_weight()`` of :class:`~kanseq.nn.layer.KANLayer`, and ``weight`` of
:class:`~kanseq.nn.placed.PlacedCurves`, in which 1 is one standard deviation of what is added.
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn

from kanseq.errors import BadOption
from kanseq.nn.basis import Gaussians
from kanseq.nn.bsplines import BSplines
from kanseq.nn.layer import KANLayer
from kanseq.nn.placed import PlacedCurves
from kanseq.training.settings import Settings

IN_A_ROW = (BSplines, Gaussians)
"""Bases whose neighbouring functions stand beside each other on the axis."""


class Penalties(NamedTuple):
    """Weights of the penalties; 0 leaves one out.

    Attributes:
        l1: of the sizes of curves.
        entropy: of many curves of equal size.
        smoothness: of rough curves.
    """

    l1: float = 0.0
    entropy: float = 0.0
    smoothness: float = 0.0

    @classmethod
    def of(cls, settings: Settings) -> "Penalties":
        """Take the weights from the settings of a training."""
        return cls(settings.l1, settings.entropy, settings.smoothness)

    def check(self, network: nn.Module | None, name: str) -> None:
        """Refuse penalties on what a network does not have; None is a model without layers.

        Raises:
            BadOption: the network has no KAN layers, or for ``smoothness`` none whose basis stands in a row.
        """
        found = [] if network is None else [ordered for _, ordered in curves_of(network)]
        for option, weight in self._asdict().items():
            if weight and not (any(found) if option == "smoothness" else found):
                kind = "splines or Gaussians" if found else "KAN layers"
                raise BadOption(f"--{option} {weight:g}: the model '{name}' has no {kind}", hint="leave it out")

    def sum(self, network: nn.Module) -> Tensor:
        """Return the weighted sum of the penalties of a network's KAN layers, a scalar with gradients.

        Raises:
            ValueError: there are no KAN layers.
        """
        parts = [self._of_layer(curves, ordered) for curves, ordered in curves_of(network)]
        if not parts:
            raise ValueError("penalties are on KAN layers, and the network has none")
        return torch.stack(parts).sum()

    def _of_layer(self, curves: list[Tensor], ordered: bool) -> Tensor:
        """Return the penalty of a layer's curves, ``(…, coefficients)`` each."""
        total = curves[0].new_zeros(())
        if self.l1 or self.entropy:
            sizes = torch.cat([part.abs().mean(-1).flatten() for part in curves])
            total = total + self.l1 * sizes.sum() + self.entropy * _entropy(sizes)
        if self.smoothness and ordered:
            total = total + self.smoothness * sum(part.diff(n=2).square().sum() for part in curves)
        return total


def curves_of(network: nn.Module) -> Iterator[tuple[list[Tensor], bool]]:
    """Yield each KAN layer's coefficients, ``(edges …, coefficients)``, and whether neighbours stand in a row.

    Curves of positions have another number of coefficients on each stretch, and so a tensor each.
    """
    for layer in network.modules():
        if isinstance(layer, KANLayer):
            yield [layer.curve_weight()], isinstance(layer.basis, IN_A_ROW)
        elif isinstance(layer, PlacedCurves):
            yield [layer.weight[..., functions] for functions in layer.functions], True


def _entropy(sizes: Tensor) -> Tensor:
    """Return ``−Σ p·log p`` of sizes' shares; 0 where all are 0, and no gradient from a share of 0."""
    total = sizes.sum()
    shares = sizes / torch.where(total > 0, total, 1)
    return -(shares * shares.clamp(min=torch.finfo(shares.dtype).tiny).log()).sum()
