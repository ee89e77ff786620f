"""Each rule separately: compared with values computed by hand, and completeness on random values."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from kanseq.attribution.paths import path_multipliers
from kanseq.nn import BSplineLinear, Chebyshev, Fourier, KANConv1d, KANLinear, MexicanHats, RBFLinear

DOUBLE = torch.float64


def multipliers(function, x, r):
    """Return the multipliers of one gene and one reference, which are lists."""
    x, r = torch.tensor([x], dtype=DOUBLE), torch.tensor([[r]], dtype=DOUBLE)
    return path_multipliers(nn.Identity(), function, x, r).values[0, 0]


def test_an_elementwise_function_has_the_slope_of_its_secant():
    # relu: (2 - 0) / (2 - -1), and 0 where both are negative; exp: (e - 1) / 1; equal inputs: the slope itself.
    found = multipliers(lambda z: z.relu().sum(-1), [2.0, -3.0, 4.0], [-1.0, -1.0, 4.0])
    assert found.tolist() == pytest.approx([2 / 3, 0, 1])
    found = multipliers(lambda z: z.exp().sum(-1), [1.0, 2.0], [0.0, 2.0])
    assert found.tolist() == pytest.approx([1.718281828459045, 7.38905609893065])


def test_the_secant_of_close_inputs_is_the_slope_at_the_midpoint():
    x, r = 0.3, 0.3 + 1e-9
    found = multipliers(lambda z: functional.silu(z).sum(-1), [x], [r])
    half = torch.tensor((x + r) / 2, dtype=DOUBLE, requires_grad=True)
    (slope,) = torch.autograd.grad(functional.silu(half), half)
    assert found.item() == pytest.approx(slope.item(), rel=1e-14)


def test_a_product_is_divided_by_the_means_of_both_sides():
    # 3*5 - 1*2 = 13 = (2+5)/2 * (3-1) + (1+3)/2 * (5-2)
    found = multipliers(lambda z: z[:, 0] * z[:, 1], [3.0, 5.0], [1.0, 2.0])
    assert found.tolist() == [3.5, 2.0]


def test_a_quotient_is_a_product_with_a_reciprocal():
    # 6/3 - 2/4: the reciprocal's secant is -1/(3*4); means 4 and (1/3 + 1/4)/2.
    found = multipliers(lambda z: z[:, 0] / z[:, 1], [6.0, 3.0], [2.0, 4.0])
    assert found.tolist() == pytest.approx([7 / 24, -4 / 12])


def test_a_maximum_is_divided_between_its_positions_on_both_sides():
    # In x position 0 leads position 1 by 3, in r position 1 leads position 0 by 1: 3/4 and 1/4.
    found = multipliers(lambda z: functional.max_pool1d(z[:, None], 3).flatten(), [5.0, 2.0, 0.0], [1.0, 2.0, 1.0])
    assert found.tolist() == [0.75, 0.25, 0.0]
    # (5 - 1) * 0.75 + (2 - 2) * 0.25 = 5 - 2
    found = multipliers(lambda z: z.amax(-1), [5.0, 2.0], [4.0, 2.0])
    assert found.tolist() == [1.0, 0.0]
    # Ties in both: halves.
    found = multipliers(lambda z: functional.max_pool1d(z[:, None], 2).flatten(), [1.0, 1.0], [1.0, 1.0])
    assert found.sum().item() == 1.0


def test_softmax_of_two_divides_a_logistic_difference():
    # p_0 = sigmoid(z_0 - z_1) does not change when both inputs shift by the same amount.
    found = multipliers(lambda z: z.softmax(-1)[:, 0], [1.0, 0.0], [0.0, -1.0])
    assert found.sum().item() == pytest.approx(0, abs=1e-15)
    found = multipliers(lambda z: z.softmax(-1)[:, 0], [2.0, 0.0], [0.0, 0.0])
    assert found[0].item() * 2 == pytest.approx(0.8807970779778823 - 0.5)


def test_layer_norm_ignores_a_shift_of_all_inputs():
    norm = nn.LayerNorm(3, elementwise_affine=False, eps=0).double()
    weights = torch.tensor([1.0, 2.0, -1.0], dtype=DOUBLE)
    found = multipliers(lambda z: norm(z) @ weights, [1.0, 2.0, 6.0], [0.0, 1.0, 5.0])
    assert found.sum().item() == pytest.approx(0, abs=1e-15)
    # LayerNorm is invariant to scaling, so the difference is 0.
    x, r = torch.tensor([1.0, 2.0, 6.0], dtype=DOUBLE), torch.tensor([2.0, 4.0, 12.0], dtype=DOUBLE)
    found = multipliers(lambda z: norm(z) @ weights, x.tolist(), r.tolist())
    assert (found * (x - r)).sum().item() == pytest.approx(0, abs=1e-14)


def test_each_input_of_a_kan_layer_has_the_shares_of_its_edges():
    torch.manual_seed(0)
    layer = RBFLinear(3, 1, layer_norm=False).double().requires_grad_(False)
    x, r = [0.3, -1.0, 5.0], [0.1, 2.0, 5.0]
    found = multipliers(lambda z: layer(z)[:, 0], x, r)
    for i in range(2):
        at_x, at_r = (sum(layer.edge_functions(i, 0, torch.tensor([z[i]], dtype=DOUBLE))) for z in (x, r))
        assert (found[i] * (x[i] - r[i])).item() == pytest.approx((at_x - at_r).item(), rel=1e-12)


def test_functions_without_a_scale_are_complete_for_small_numbers():
    x, r = torch.tensor([[3e-3, 1e-4]]), torch.tensor([[[2.9e-3, 2e-4]]])
    for function in (torch.log, lambda z: z**0.5, torch.rsqrt, torch.sqrt):
        found = path_multipliers(nn.Identity(), lambda z, f=function: f(z).sum(1), x, r)
        expected = (function(x.double()) - function(r[0].double())).sum().item()
        assert (found.values * (x - r)).sum().item() == pytest.approx(expected, rel=1e-3)


def test_roots_of_zero_and_infinite_masks_are_finite():
    zero = torch.zeros(1, 3)
    assert path_multipliers(nn.Identity(), lambda z: z.square().sum(1).sqrt(), zero, zero[None]).values.tolist() == [
        [[0.0, 0.0, 0.0]]
    ]
    mask = torch.tensor([0.0, 0.0, -torch.inf])
    x, r = torch.randn(1, 3), torch.randn(1, 1, 3)
    weights = torch.tensor([1.0, -2.0, 5.0])
    found = path_multipliers(nn.Identity(), lambda z: (z + mask).softmax(-1) @ weights, x, r)
    difference = (found.outputs[0] - found.outputs[1]).item()
    assert (found.values * (x - r)).sum().item() == pytest.approx(difference, abs=1e-6)


def test_softmax_is_complete_for_distant_inputs():
    x, r = torch.tensor([[0.0, 1.0, 2.0]]), torch.tensor([[[150.0, 1.0, 0.0]]])
    weights = torch.tensor([1.0, -2.0, 5.0])
    found = path_multipliers(nn.Identity(), lambda z: z.softmax(-1) @ weights, x, r)
    difference = (found.outputs[0] - found.outputs[1]).item()
    assert (found.values * (x - r)).sum().item() == pytest.approx(difference, abs=1e-4)


@pytest.mark.parametrize("order", [0, 1, 3])
@pytest.mark.parametrize("width", [1.0, 0.003])
def test_splines_are_complete_for_any_knot_spacing(order, width):
    torch.manual_seed(0)
    layer = BSplineLinear(8, 2, order=order)
    samples = width * torch.randn(400, 8)
    layer.update_grid(samples)
    layer.requires_grad_(False)
    x, r = samples[:20], (samples[:20] + 0.01 * width * torch.randn(3, 20, 8))
    found = path_multipliers(layer, lambda z: layer(z).sum(1), x, r)
    shares = (found.values * (x - r)).double()
    error = (shares.sum(-1) - (found.outputs[:1] - found.outputs[1:])).abs() / shares.abs().sum(-1).clamp(min=1)
    assert error.max() < 1e-4


SHAPE = (3, 6, 20)


def _masked(x):
    first = torch.arange(20) < 9
    return torch.where(first, x, 0) + x.masked_fill(first, 1)


class _Function(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


class _Gate(nn.Module):
    def __init__(self):
        super().__init__()
        self.gate = nn.Sequential(nn.Linear(6, 3), nn.SiLU(), nn.Linear(3, 6), nn.Sigmoid())

    def forward(self, x):
        return x * self.gate(x.mean(-1))[..., None]


class _Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(20, 8) for _ in range(3))

    def forward(self, x):
        weights = (self.query(x) @ self.key(x).transpose(1, 2) / 8**0.5).softmax(-1)
        return weights @ self.value(x)


def _used(norm):
    with torch.no_grad():
        norm.running_mean.normal_()
        norm.running_var.uniform_(0.5, 2)
    return norm


COMPLETE = {
    "RBFLinear": lambda: RBFLinear(20, 4),
    "RBFLinear, residual": lambda: RBFLinear(20, 20, residual=True),
    "RBFLinear, no branch": lambda: RBFLinear(20, 4, base=False, layer_norm=False),
    "BSplineLinear": lambda: BSplineLinear(20, 4, edge_scale=True),
    "BSplineLinear, LayerNorm, order 2": lambda: BSplineLinear(20, 4, order=2, layer_norm=True),
    "Chebyshev": lambda: KANLinear(20, 4, Chebyshev(4), layer_norm=True),
    "Fourier": lambda: KANLinear(20, 4, Fourier(3)),
    "MexicanHats": lambda: KANLinear(20, 4, MexicanHats(2)),
    "KANConv1d": lambda: KANConv1d(6, 4, 3, stride=2, padding=1, dilation=2),
    "KANConv1d, groups": lambda: KANConv1d(6, 4, 5, groups=2, layer_norm=True, padding="same"),
    "LayerNorm over two axes": lambda: nn.LayerNorm((6, 20)),
    "BatchNorm": lambda: _used(nn.BatchNorm1d(6)),
    "Conv1d": lambda: nn.Conv1d(6, 5, 3, padding=1),
    "max-pooling": lambda: nn.MaxPool1d(3, stride=2, padding=1, ceil_mode=True),
    "mean-pooling": lambda: nn.AvgPool1d(4),
    "GELU": nn.GELU,
    "Softplus": nn.Softplus,
    "Hardtanh": nn.Hardtanh,
    "ReLU in place": lambda: nn.Sequential(nn.Linear(20, 20), nn.ReLU(inplace=True)),
    "softmax over the middle": lambda: nn.Softmax(dim=1),
    "dropout": lambda: nn.Dropout(0.5),
    "dropout in place": lambda: nn.Sequential(nn.Linear(20, 20), nn.Dropout(0.5, inplace=True)),
    "a constant mask": lambda: _Function(_masked),
    "squeeze and excitation": _Gate,
    "attention": _Attention,
    "two-dimensional pooling": lambda: _Function(lambda x: functional.max_pool2d(x[:, None], 2)),
    "products of a tensor with itself": lambda: _Function(lambda x: x * x + x**3 - x.square()),
    "roots and quotients": lambda: _Function(lambda x: 1 / (1 + x.abs()) + (x.square() + 1).sqrt() / (2 + x.exp())),
    "einsum": lambda: _Function(lambda x: torch.einsum("ncl,ncm->nlm", x, x.tanh())),
}


@pytest.mark.parametrize("name", COMPLETE)
@pytest.mark.parametrize(("dtype", "most"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
def test_every_rule_is_complete(name, dtype, most):
    torch.manual_seed(0)
    layer = COMPLETE[name]().to(dtype).eval().requires_grad_(False)
    x, r = torch.randn(SHAPE, dtype=dtype), torch.randn(2, *SHAPE, dtype=dtype)
    # Include inputs that are equal, or nearly equal, on both sides.
    r[0, :, :, :7] = x[:, :, :7]
    r[1, :, :, 7:9] = x[:, :, 7:9] + 1e-4
    weights = torch.randn(layer(x).shape[1:], dtype=dtype)
    found = path_multipliers(layer, lambda z: (layer(z) * weights).flatten(1).sum(1), x, r)
    shares = (found.values * (x - r)).double().flatten(2)
    expected = (found.outputs[:1] - found.outputs[1:]).double()
    error = (shares.sum(-1) - expected).abs() / shares.abs().sum(-1).clamp(min=1)
    assert error.max() < most
    torch.testing.assert_close(found.outputs[0], (layer(x) * weights).flatten(1).sum(1))
    assert shares.abs().sum() > 0.1


def test_references_of_a_gene_are_independent():
    torch.manual_seed(0)
    layer = nn.Sequential(RBFLinear(20, 8), nn.LayerNorm(8), nn.Linear(8, 1)).double().requires_grad_(False)
    x, r = torch.randn(4, 20, dtype=DOUBLE), torch.randn(3, 4, 20, dtype=DOUBLE)
    together = path_multipliers(layer, lambda z: layer(z)[:, 0], x, r).values
    for index in range(3):
        alone = path_multipliers(layer, lambda z: layer(z)[:, 0], x[1:2], r[index : index + 1, 1:2]).values
        torch.testing.assert_close(together[index, 1], alone[0, 0])
