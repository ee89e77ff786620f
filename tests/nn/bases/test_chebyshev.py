"""Chebyshev polynomials of squashed numbers, separately and on the edges of a layer."""

import numpy as np
import pytest
import torch

from kanseq.nn.bases.chebyshev import Chebyshev
from kanseq.nn.linear import KANLinear
from kanseq.nn.precision import set_precision


def test_values_are_the_polynomials_of_the_hyperbolic_tangent():
    u = torch.linspace(-9, 9, 41, dtype=torch.float64)
    expected = np.polynomial.chebyshev.chebvander(np.tanh(u.numpy()), 6)
    np.testing.assert_allclose(Chebyshev(6).values(u), expected, atol=1e-13)


def test_values_at_zero_alternate():
    assert Chebyshev(4).values(torch.zeros(())).tolist() == [1, 0, -1, 0, 1]


@pytest.mark.parametrize("degree", [1, 2, 5])
def test_slopes_match_finite_differences_and_autograd(degree):
    basis = Chebyshev(degree)
    u = torch.linspace(-3, 3, 25, dtype=torch.float64).reshape(5, 5)
    values, slopes = u.new_empty(5, 5, degree + 1), u.new_empty(5, degree + 1, 5).transpose(1, 2)
    basis.fill(u, values, slopes)
    torch.testing.assert_close(values, basis.values(u), rtol=0, atol=1e-14)
    torch.testing.assert_close(slopes, (basis.values(u + 1e-6) - basis.values(u - 1e-6)) / 2e-6, rtol=0, atol=1e-7)
    derived = torch.func.jvp(basis.values, (u,), (torch.ones_like(u),))[1]
    torch.testing.assert_close(slopes, derived, rtol=0, atol=1e-13)
    assert torch.autograd.gradgradcheck(basis.values, u.requires_grad_())


def test_the_basis_is_constant_outside_its_domain():
    for degree in (1, 4, 8):
        low, high = Chebyshev(degree).domain
        at_ends = Chebyshev(degree).values(torch.tensor([low, high]).double())
        far = torch.tensor([[(-1) ** k, 1] for k in range(degree + 1)]).double().T
        assert (at_ends - far).abs().max() < 2e-6
    assert Chebyshev(9).domain is None


@pytest.mark.parametrize("degree", [4, 8, 12])
def test_rounding_to_bfloat16_stays_small(degree):
    torch.manual_seed(0)
    layer = KANLinear(32, 16, Chebyshev(degree))
    x, weights = torch.randn(500, 32, requires_grad=True), torch.rand(500, 16)
    results = []
    for precision in ("float32", "bfloat16"):
        set_precision(layer, precision)
        y = layer(x)
        results.append([y, *torch.autograd.grad((y * weights).sum(), [x, *layer.parameters()])])
    for exact, rough in zip(*results, strict=True):
        assert (rough - exact).abs().max() <= 5e-3 * exact.abs().max()


@pytest.mark.parametrize("degree", [0, -1, 2.0, True, "3", None])
def test_a_degree_below_one_or_not_an_integer_is_refused(degree):
    with pytest.raises(ValueError, match=f"degree must be an int of at least 1: {degree!r}"):
        Chebyshev(degree)
