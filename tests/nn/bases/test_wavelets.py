"""Mexican hats, and all bases without a layer class of their own on the edges of layers."""

import copy
import math

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from kanseq.nn.bases.basis import Basis
from kanseq.nn.bases.chebyshev import Chebyshev
from kanseq.nn.bases.fourier import Fourier
from kanseq.nn.bases.wavelets import MexicanHats
from kanseq.nn.kernels import chunks
from kanseq.nn.linear import KANLinear
from kanseq.nn.precision import set_precision
from kanseq.nn.rbf import RBFLinear

BASES = [Chebyshev(4), Fourier(4), MexicanHats(2), MexicanHats(3)]


def test_values_match_the_formula_at_each_scale_and_shift():
    positions = [-7.0, -1.5, -0.2, 0.0, 0.9, 3.0]
    family = [(2.0, 0.0), *((1.0, b) for b in (-1, 0, 1)), *((0.5, b / 2) for b in (-3, -2, -1, 0, 1, 2, 3))]
    height = 2 / (math.sqrt(3) * math.pi**0.25)
    expected = [
        [height * (1 - ((u - b) / a) ** 2) * math.exp(-(((u - b) / a) ** 2) / 2) for a, b in family] for u in positions
    ]
    values = MexicanHats(3).values(torch.tensor(positions, dtype=torch.float64))
    torch.testing.assert_close(values, torch.tensor(expected, dtype=torch.float64), rtol=0, atol=1e-15)


def test_the_integrated_square_of_hats_is_their_scale_and_their_mean_is_zero():
    u = torch.arange(-40, 40, 0.01, dtype=torch.float64)
    values = MexicanHats(2).values(u)
    torch.testing.assert_close(values.square().sum(0) * 0.01, torch.tensor([2.0, 1.0, 1.0, 1.0]).double())
    assert values.mean(0).abs().max() < 1e-12


@pytest.mark.parametrize("octaves", [1, 2, 3])
def test_slopes_match_finite_differences_and_autograd(octaves):
    basis = MexicanHats(octaves)
    u = torch.linspace(-3, 3, 25, dtype=torch.float64).reshape(5, 5)
    values, slopes = u.new_empty(5, basis.size, 5).transpose(1, 2), u.new_empty(5, 5, basis.size)
    basis.fill(u, values, slopes)
    torch.testing.assert_close(values, basis.values(u), rtol=0, atol=1e-14)
    torch.testing.assert_close(slopes, (basis.values(u + 1e-6) - basis.values(u - 1e-6)) / 2e-6, rtol=0, atol=1e-7)
    derived = torch.func.jvp(basis.values, (u,), (torch.ones_like(u),))[1]
    torch.testing.assert_close(slopes, derived, rtol=0, atol=1e-13)
    assert torch.autograd.gradgradcheck(basis.values, u.requires_grad_())


def test_hats_are_almost_zero_at_the_ends_of_the_domain():
    for octaves in (1, 4):
        assert MexicanHats(octaves).values(torch.tensor(MexicanHats(octaves).domain)).abs().max() < 6e-7
    assert MexicanHats(5).domain is None


def test_far_hats_are_not_denormal_and_far_slopes_vanish():
    # Without a limit, the widest hat would be denormal from 26 to 29, and the narrowest from 8 on.
    u = torch.cat([torch.linspace(-60, 60, 12001), torch.tensor([-1e30, 1e30])])
    basis = MexicanHats(3)
    values, slopes = u.new_empty(len(u), basis.size), u.new_empty(len(u), basis.size)
    basis.fill(u, values, slopes)
    alone = torch.empty_like(values)
    basis.fill(u, alone)
    for made in (values, slopes, alone, basis.values(u)):
        sizes = made.abs()
        assert ((sizes == 0) | (sizes >= torch.finfo(torch.float32).tiny)).all()
        assert sizes[u.abs() > 25].max() < 1e-18


def test_far_gradients_are_zero():
    u = torch.tensor([-1e30, -30.0, 30.0, 1e30], requires_grad=True)
    assert torch.autograd.grad(MexicanHats(3).values(u).sum(), u)[0].tolist() == [0, 0, 0, 0]


def test_nan_stays_nan():
    u, basis = torch.tensor([math.nan]), MexicanHats(2)
    values, slopes = torch.zeros(1, 4), torch.zeros(1, 4)
    basis.fill(u, values, slopes)
    assert torch.stack([basis.values(u), values, slopes]).isnan().all()


def test_no_values_are_copied_to_the_device():
    class Called(TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            names.append(function.overloadpacket.__name__)
            return function(*args, **kwargs or {})

    u, basis, names = torch.zeros(3), MexicanHats(3), []
    with Called():
        basis.fill(u, u.new_empty(3, basis.size), u.new_empty(3, basis.size))
        basis.values(u)
    assert "exp_" in names
    # The operations that make a tensor from a Python list, and copy it to a device.
    assert not {"lift_fresh", "_to_copy"} & set(names)


@pytest.mark.parametrize("octaves", [0, -1, 2.0, True, "3", None])
def test_octaves_below_one_or_not_an_integer_are_refused(octaves):
    with pytest.raises(ValueError, match=f"octaves must be an int of at least 1: {octaves!r}"):
        MexicanHats(octaves)


def outcomes(layer: nn.Module, y: torch.Tensor, x: torch.Tensor) -> list[torch.Tensor]:
    """Return outputs, and the gradients of a fixed weighting of them."""
    weights = torch.rand(y.shape, generator=torch.Generator().manual_seed(2)).to(y)
    return [y, *torch.autograd.grad((y * weights).sum(), [x, *layer.parameters()])]


def formula(layer: KANLinear, x: torch.Tensor) -> torch.Tensor:
    """Return the sum over edges as one product with the complete basis."""
    z = x if layer.norm is None else layer.norm(x)
    y = torch.einsum("nig,jig->nj", layer.basis.values(z), layer.spline_weight)
    return y + (x * torch.sigmoid(x)) @ layer.base_weight.T + layer.base_bias


@pytest.mark.parametrize("basis", BASES, ids=repr)
@pytest.mark.parametrize(("rows", "layer_norm"), [(9, True), (70, False)])
def test_a_layer_is_the_sum_over_edges(basis: Basis, rows, layer_norm):
    torch.manual_seed(0)
    layer = KANLinear(6, 5, basis, layer_norm=layer_norm).double()
    x = (2 * torch.randn(rows, 6, dtype=torch.float64)).requires_grad_()
    for actual, expected in zip(outcomes(layer, layer(x), x), outcomes(layer, formula(layer, x), x), strict=True):
        torch.testing.assert_close(actual, expected, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("basis", BASES, ids=repr)
@pytest.mark.parametrize(("precision", "error"), [("float32", 2e-6), ("bfloat16", 5e-3)])
def test_rounding_stays_small_over_several_chunks(basis: Basis, precision, error, monkeypatch):
    monkeypatch.setattr(chunks, "CHUNK", 2**17)
    monkeypatch.setattr(chunks, "LEAST", 1)
    torch.manual_seed(0)
    exact = KANLinear(32, 16, basis).double()
    layer = copy.deepcopy(exact).float()
    set_precision(layer, precision)
    x = torch.randn(1000, 32, requires_grad=True)
    exact_x = x.detach().double().requires_grad_()
    expected = outcomes(exact, formula(exact, exact_x), exact_x)
    for actual, exact_value in zip(outcomes(layer, layer(x), x), expected, strict=True):
        assert (actual - exact_value).abs().max() <= error * exact_value.abs().max()


def build(basis: Basis | None, layer_norm: bool, base: bool, wide: int = 256) -> KANLinear:
    """Return a layer on a basis; for None, the radial one."""
    if basis is None:
        return RBFLinear(wide, wide, layer_norm=layer_norm, base=base)
    return KANLinear(wide, wide, basis, layer_norm=layer_norm, base=base)


@pytest.mark.parametrize("basis", [None, *BASES], ids=repr)
@pytest.mark.parametrize("layer_norm", [True, False])
@pytest.mark.parametrize("base", [True, False])
def test_variance_is_kept_by_one_layer_and_by_eight(basis: Basis | None, layer_norm, base):
    torch.manual_seed(4)
    x = torch.randn(256, 256)
    assert 0.8 < build(basis, layer_norm, base)(x).var() < 1.25
    differences = []
    for _ in range(8):
        x = build(basis, layer_norm, base)(x).detach()
        # Samples differ by the variance within a unit, not by that between units.
        differences.append(x.var(dim=0).mean())
        assert 0.8 < x.var() < 1.25
    assert differences[-1] > 0.3
