"""Cosines and sines as a basis."""

import math

import pytest
import torch

from kanseq.nn.bases.fourier import Fourier


def test_values_are_cosines_and_sines_of_whole_multiples():
    positions = [-4.0, -0.3, 0.0, 2.0, 30.0]
    expected = [[math.cos(k * u) for k in (1, 2, 3)] + [math.sin(k * u) for k in (1, 2, 3)] for u in positions]
    values = Fourier(3).values(torch.tensor(positions, dtype=torch.float64))
    torch.testing.assert_close(values, torch.tensor(expected, dtype=torch.float64), rtol=0, atol=1e-13)


def test_values_at_a_quarter_turn():
    values = Fourier(2).values(torch.tensor(math.pi / 2, dtype=torch.float64))
    torch.testing.assert_close(values, torch.tensor([0.0, -1.0, 1.0, 0.0]).double(), rtol=0, atol=1e-15)


@pytest.mark.parametrize("frequencies", [1, 4])
def test_slopes_match_finite_differences_and_autograd(frequencies):
    basis = Fourier(frequencies)
    u = torch.linspace(-3, 3, 25, dtype=torch.float64).reshape(5, 5)
    values, slopes = u.new_empty(5, basis.size, 5).transpose(1, 2), u.new_empty(5, 5, basis.size)
    basis.fill(u, values, slopes)
    torch.testing.assert_close(values, basis.values(u), rtol=0, atol=1e-14)
    torch.testing.assert_close(slopes, (basis.values(u + 1e-6) - basis.values(u - 1e-6)) / 2e-6, rtol=0, atol=1e-7)
    derived = torch.func.jvp(basis.values, (u,), (torch.ones_like(u),))[1]
    torch.testing.assert_close(slopes, derived, rtol=0, atol=1e-13)
    assert torch.autograd.gradgradcheck(basis.values, u.requires_grad_())


@pytest.mark.parametrize("frequencies", [0, -1, 2.0, True, "3", None])
def test_frequencies_below_one_or_not_an_integer_are_refused(frequencies):
    with pytest.raises(ValueError, match=f"frequencies must be an int of at least 1: {frequencies!r}"):
        Fourier(frequencies)
