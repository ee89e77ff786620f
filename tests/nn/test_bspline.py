"""Compare B-splines with the recursion written out, and the layer with the formula."""

import copy
import pickle

import pytest
import torch
from torch import nn

from kanseq.nn.bases.bsplines import BSplines
from kanseq.nn.bspline import BSplineLinear
from kanseq.nn.kernels import chunks
from kanseq.nn.precision import set_precision

UNEVEN = [-3.0, -2.5, -1.0, -0.75, 0.0, 0.5, 0.6, 2.0, 3.0, 4.5, 5.0, 5.25, 7.0, 7.5, 9.0]


def spline(x: float, knots: list[float], order: int) -> tuple[float, float]:
    """Return a B-spline on its ``order + 2`` knots, and its slope, by the recursion of Cox and de Boor; 0/0 is 0."""
    if order == 0:
        return float(knots[0] <= x < knots[1]), 0.0
    (a, _), (b, _) = spline(x, knots[:-1], order - 1), spline(x, knots[1:], order - 1)
    first, second = knots[-2] - knots[0], knots[-1] - knots[1]
    value = slope = 0.0
    if first:
        value, slope = value + a * (x - knots[0]) / first, slope + order * a / first
    if second:
        value, slope = value + b * (knots[-1] - x) / second, slope - order * b / second
    return value, slope


def written_out(u: torch.Tensor, rows: list[list[float]], order: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return values and slopes ``(points, inputs, size)`` at ``u (points, inputs)``, each input on its row of knots."""
    both = torch.tensor(
        [
            [
                [spline(x, row[g : g + order + 2], order) for g in range(len(row) - order - 1)]
                for x, row in zip(point, rows, strict=True)
            ]
            for point in u.tolist()
        ],
        dtype=torch.float64,
    )
    return both[..., 0], both[..., 1]


def filled(basis: BSplines, u: torch.Tensor, basis_first: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Return values and slopes as the layer computes them, with the basis innermost in memory or before the inputs."""
    if basis_first:
        shape = (*u.shape[:-1], basis.size, u.shape[-1])
        outs = tuple(torch.full(shape, 7.0, dtype=u.dtype).transpose(-1, -2) for _ in range(2))
    else:
        outs = tuple(torch.full((*u.shape, basis.size), 7.0, dtype=u.dtype) for _ in range(2))
    basis.fill(u, *outs)
    alone = torch.empty_like(outs[0])
    basis.fill(u, alone)
    torch.testing.assert_close(alone, outs[0], rtol=0, atol=0, equal_nan=True)
    return outs


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


def gradients(y: torch.Tensor, layer: nn.Module, x: torch.Tensor) -> dict[str, torch.Tensor]:
    """Return the gradients of a fixed weighting of the outputs, by name."""
    weights = torch.rand(y.shape, generator=torch.Generator().manual_seed(2)).to(y.dtype)
    named = dict(layer.named_parameters())
    found = torch.autograd.grad((y * weights).sum(), [x, *named.values()])
    return dict(zip(["x", *named], found, strict=True))


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


@pytest.mark.parametrize("basis_first", [True, False])
@pytest.mark.parametrize("order", range(7))
def test_equally_spaced_splines_and_slopes_match_the_recursion(order, basis_first):
    basis = BSplines(order, intervals=4)
    # Off the knots, where slopes of order 1 jump, and beyond both ends of the extended grid.
    u = (torch.arange(60, dtype=torch.float64) * 0.37 - 8.03).reshape(20, 3)
    row = [float(k) for k in range(-order, 5 + order)]
    values, slopes = written_out(u, [row] * 3, order)
    for made in (basis.values(u), filled(basis, u, basis_first)[0]):
        torch.testing.assert_close(made, values, rtol=0, atol=1e-12)
    torch.testing.assert_close(filled(basis, u, basis_first)[1], slopes, rtol=0, atol=1e-12)


@pytest.mark.parametrize("basis_first", [True, False])
@pytest.mark.parametrize("order", range(6))
def test_splines_on_any_knots_match_the_recursion(order, basis_first):
    rows = [UNEVEN[: 2 * order + 4], UNEVEN[1 : 2 * order + 5], [0.5 * k * k for k in range(2 * order + 4)]]
    basis = BSplines(order, intervals=3, knots=torch.tensor(rows, dtype=torch.float64))
    u = (torch.arange(60, dtype=torch.float64) * 0.37 - 8.03).reshape(20, 3)
    # Include the knots: an interval contains its first knot.
    u = torch.cat([u, basis.knots.t()[::2]])
    values, slopes = written_out(u, rows, order)
    made, rates = filled(basis, u, basis_first)
    torch.testing.assert_close(basis.values(u), values, rtol=0, atol=1e-12)
    torch.testing.assert_close(made, values, rtol=0, atol=1e-12)
    torch.testing.assert_close(rates, slopes, rtol=0, atol=1e-12)


def test_cubic_splines_have_textbook_values_at_whole_numbers():
    values = BSplines().values(torch.tensor([0.0, 2.0, -1.0, 7.0]))
    expected = torch.zeros(4, 8)
    expected[0, :3] = torch.tensor([1, 4, 1]) / 6
    expected[1, 2:5] = torch.tensor([1, 4, 1]) / 6
    expected[2, :2] = torch.tensor([4, 1]) / 6
    expected[3, 7] = 1 / 6
    expected[2] = torch.tensor([4 / 6, 1 / 6, 0, 0, 0, 0, 0, 0])
    torch.testing.assert_close(values, expected, rtol=0, atol=1e-7)


@pytest.mark.parametrize("knots", [None, torch.tensor([UNEVEN[:12]])])
def test_splines_add_up_to_one_inside_the_grid_and_to_zero_beyond_it(knots):
    basis = BSplines(knots=knots)
    low, high = (0.0, 5.0) if knots is None else (UNEVEN[3], UNEVEN[8])
    inside = torch.linspace(low, high - 1e-5, 50)[:, None]
    torch.testing.assert_close(basis.values(inside).sum(-1), torch.ones(50, 1), rtol=0, atol=2e-6)
    torch.testing.assert_close(filled(basis, inside, True)[0].sum(-1), torch.ones(50, 1), rtol=0, atol=2e-6)
    far = torch.tensor([[-1e30], [1e30], [float("inf")], [-float("inf")], [9.0], [-4.0], [400.0]])
    for made in (basis.values(far), *filled(basis, far, True), *filled(basis, far, False)):
        assert not made.any()


@pytest.mark.parametrize("order", [0, 1, 3, 7])
@pytest.mark.parametrize("uneven", [True, False])
def test_a_nan_position_has_nan_values(order, uneven):
    knots = torch.arange(2.0 * order + 4)[None].square() if uneven else None
    basis = BSplines(order, 3, knots)
    u = torch.tensor([[0.5], [float("nan")], [1.5]])
    for made in (basis.values(u), filled(basis, u, True)[0], filled(basis, u, False)[0]):
        assert made.isnan().flatten(1).all(1).tolist() == [False, True, False]
        assert made.isnan().flatten(1).any(1).tolist() == [False, True, False]


def test_intervals_of_length_zero_contribute_nothing():
    row = [0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 3.0, 3.0, 3.0, 3.0]
    basis = BSplines(3, 3, torch.tensor([row], dtype=torch.float64))
    u = torch.tensor([[-1.0], [0.0], [0.5], [1.0], [2.0], [3.0], [4.0]], dtype=torch.float64)
    values, slopes = written_out(u, [row], 3)
    made, rates = filled(basis, u, True)
    torch.testing.assert_close(basis.values(u), values, rtol=0, atol=1e-12)
    torch.testing.assert_close(made, values, rtol=0, atol=1e-12)
    torch.testing.assert_close(rates, slopes, rtol=0, atol=1e-12)


def test_a_basis_over_other_tensors_replaces_its_knots():
    knots = torch.tensor([UNEVEN[:12]])
    assert BSplines().tensors() == ()
    assert BSplines(knots=knots).tensors() == (knots,)
    assert BSplines(knots=knots).over(()).knots is None
    assert BSplines().over((knots,)).knots is knots


@pytest.mark.parametrize("arguments", [(-1, 5), (3, 0), (3, 5, torch.zeros(2, 11))])
def test_invalid_arguments_of_a_basis_are_refused(arguments):
    with pytest.raises(ValueError, match="required"):
        BSplines(*arguments)


@pytest.mark.parametrize(
    ("order", "options"),
    [
        (3, {}),
        (3, {"layer_norm": True, "edge_scale": True}),
        (3, {"uneven": True, "edge_scale": True}),
        (2, {"uneven": True, "layer_norm": True, "base": False}),
        (5, {"low": -2.0, "high": 3.0, "base": False}),
        (1, {}),
        (7, {}),
    ],
)
def test_values_and_all_gradients_match_the_formula(order, options, monkeypatch):
    monkeypatch.setattr(chunks, "CHUNK", 2**12)
    monkeypatch.setattr(chunks, "LEAST", 1)
    layer = shaken(7, 5, order=order, **options)
    x = torch.randn(3, 40, 7, dtype=torch.float64, requires_grad=True)
    y, expected = layer(x), formula(layer, x)
    torch.testing.assert_close(y, expected, rtol=1e-12, atol=1e-12)
    ours, theirs = gradients(y, layer, x), gradients(expected, layer, x)
    for name, gradient in theirs.items():
        torch.testing.assert_close(ours[name], gradient, rtol=1e-11, atol=1e-11, msg=name)


@pytest.mark.parametrize("uneven", [True, False])
@pytest.mark.parametrize(("precision", "error"), [("float32", 2e-6), ("bfloat16", 5e-3)])
def test_rounding_stays_small_over_several_chunks(precision, error, uneven):
    exact = shaken(32, 16, uneven=uneven)
    layer = copy.deepcopy(exact).float()
    exact = copy.deepcopy(layer).double()
    set_precision(layer, precision)
    rough_x = torch.randn(9000, 32, requires_grad=True)
    x = rough_x.detach().double().requires_grad_()
    y, expected = layer(rough_x), formula(exact, x)
    assert (y - expected).abs().max() <= error * expected.abs().max()
    ours, theirs = gradients(y, layer, rough_x), gradients(expected, exact, x)
    for name, gradient in theirs.items():
        assert ours[name].dtype == torch.float32
        assert (ours[name] - gradient).abs().max() <= error * gradient.abs().max(), name


@pytest.mark.parametrize("uneven", [True, False])
def test_first_and_second_derivatives_match_finite_differences(uneven):
    layer = shaken(3, 2, uneven=uneven, edge_scale=True)
    x = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(layer, x)
    assert torch.autograd.gradgradcheck(layer, x)


@pytest.mark.parametrize("uneven", [True, False])
@pytest.mark.parametrize("shape", [(0, 6), (2, 0, 6)])
def test_empty_inputs_have_empty_outputs_and_gradients_of_zero(shape, uneven):
    layer = shaken(6, 4, uneven=uneven)
    y = layer(torch.zeros(shape, dtype=torch.float64))
    assert y.shape == (*shape[:-1], 4)
    y.sum().backward()
    assert all(not parameter.grad.any() for parameter in layer.parameters())


@pytest.mark.parametrize("uneven", [True, False])
def test_far_outside_the_grid_only_the_base_contributes(uneven):
    layer = shaken(3, 2, uneven=uneven, dtype=torch.float32)
    x = torch.tensor([[1e30, -1e30, 500.0]], requires_grad=True)
    y = layer(x)
    torch.testing.assert_close(y, torch.tensor([[1e30, 0.0, 500.0]]) @ layer.base_weight.t() + layer.base_bias)
    y.sum().backward()
    assert x.grad.isfinite().all()


@pytest.mark.parametrize("uneven", [True, False])
def test_a_nan_input_has_nan_outputs(uneven):
    layer = shaken(3, 2, uneven=uneven, base=False)
    y = layer(torch.tensor([[float("nan"), 0, 0], [0, 0, 0]], dtype=torch.float64))
    assert y.isnan().tolist() == [[True, True], [False, False]]


@pytest.mark.parametrize("uneven", [True, False])
def test_edge_functions_add_up_to_the_layer(uneven):
    layer = shaken(5, 4, uneven=uneven, edge_scale=True)
    x = torch.randn(6, dtype=torch.float64)
    curve, base = layer.edge_functions(torch.arange(5)[:, None], torch.arange(4), x)
    assert curve.shape == (6, 5, 4)
    torch.testing.assert_close((curve + base).sum(1) + layer.base_bias, layer(x[:, None].expand(6, 5)))


def test_one_row_of_knots_is_shared_by_all_edges():
    basis = BSplines(knots=torch.tensor([UNEVEN[:12]], dtype=torch.float64))
    u = torch.randn(6, 2, 3, dtype=torch.float64)
    edges = torch.tensor([[0, 4, 2], [1, 1, 0]])
    one, many = basis.values(u), BSplines(knots=basis.knots.repeat(5, 1)).of(edges).values(u)
    torch.testing.assert_close(basis.of(edges).values(u), many, rtol=0, atol=0)
    torch.testing.assert_close(one, many, rtol=0, atol=0)
    torch.testing.assert_close(filled(basis, u, True)[0], many, rtol=0, atol=1e-12)


def test_state_dict_names_and_shapes_are_stable():
    layer = BSplineLinear(6, 4, layer_norm=True, edge_scale=True)
    shapes = {name: tuple(tensor.shape) for name, tensor in layer.state_dict().items()}
    assert shapes == {
        "spline_weight": (4, 6, 8),
        "base_weight": (4, 6),
        "base_bias": (4,),
        "spline_scale": (4, 6),
        "norm.weight": (6,),
        "norm.bias": (6,),
        "grid": (6, 12),
    }
    assert list(BSplineLinear(6, 4, base=False).state_dict()) == ["spline_weight", "grid"]


def test_the_initial_grid_is_extended_by_intervals_of_equal_length():
    layer = BSplineLinear(2, 1, intervals=4, order=2, low=0.0, high=2.0)
    assert layer.grid.tolist() == [[-1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0]] * 2


@pytest.mark.parametrize("base", [True, False])
def test_the_variance_of_standard_normal_inputs_is_kept(base):
    torch.manual_seed(0)
    layers = nn.Sequential(*(BSplineLinear(256, 256, base=base) for _ in range(3)))
    x = torch.randn(1000, 256)
    for layer in layers:
        x = layer(x)
        assert 0.8 < x.var() < 1.25
        x = (x - x.mean(0)) / x.std(0)


def test_a_grid_far_from_the_inputs_does_not_cause_enormous_weights():
    assert BSplineLinear(100, 100, low=50.0, high=51.0).spline_weight.abs().max() < 2


def test_an_updated_grid_mixes_quantiles_with_equal_steps():
    layer = BSplineLinear(1, 1, intervals=2, order=1).double()
    layer.update_grid(torch.tensor([[3.0], [0.0], [1.0], [0.5], [2.0]], dtype=torch.float64), 0.5, 0.5)
    # Quantiles 0, 1, 3; equal steps of 2 from −0.5 to 3.5.
    expected = [[-2.25, -0.25, 1.25, 3.25, 5.25]]
    torch.testing.assert_close(layer.grid.tolist(), expected)


@pytest.mark.parametrize("options", [{}, {"edge_scale": True}, {"layer_norm": True}])
def test_updating_the_grid_keeps_curves_that_the_new_grid_can_follow(options):
    layer = shaken(4, 3, **options)
    # On any knots, cubic splines can form cubic polynomials; the weights of a straight line are averages of knots.
    with torch.no_grad():
        averages = layer.grid.unfold(1, 3, 1)[:, 1:-1].mean(-1)
        layer.spline_weight.copy_(torch.randn(3, 4, 1, dtype=torch.float64) * averages + 0.3)
    x = torch.rand(500, 4, dtype=torch.float64) ** 2 * 1.6 - 0.8
    if layer.norm is not None:
        nn.init.constant_(layer.norm.weight, 0.4)
        nn.init.constant_(layer.norm.bias, 0.1)
    before, knots = layer(x), layer.grid.clone()
    layer.update_grid(x)
    assert (layer.grid - knots).abs().amax(1).min() > 0.05
    torch.testing.assert_close(layer(x), before, rtol=0, atol=1e-9)


def test_an_input_without_variance_keeps_its_grid_and_curves():
    layer = shaken(2, 3)
    knots, weight = layer.grid.clone(), layer.spline_weight.detach().clone()
    x = torch.stack([torch.full((50,), 0.3), torch.linspace(-2, 2, 50)], dim=1).double()
    layer.update_grid(x)
    torch.testing.assert_close(layer.grid[0], knots[0], rtol=0, atol=0)
    torch.testing.assert_close(layer.spline_weight[:, 0], weight[:, 0], rtol=0, atol=0)
    assert (layer.grid[1] - knots[1]).abs().max() > 0.1
    torch.testing.assert_close(layer(x), formula(layer, x))


def test_samples_with_few_distinct_values_yield_finite_numbers():
    layer = shaken(2, 3)
    x = torch.randint(0, 2, (50, 2)).double()
    for share in (0.02, 0.0):
        layer.update_grid(x, uniform_share=share)
        assert layer(x).isfinite().all()
        assert layer.spline_weight.isfinite().all()


@pytest.mark.parametrize(
    ("x", "options", "message"),
    [
        (torch.zeros(0, 2), {}, "0 samples"),
        (torch.tensor([[1.0, float("nan")]]), {}, "finite"),
        (torch.zeros(3, 2), {"margin": -1.0}, "margin=-1.0"),
        (torch.zeros(3, 2), {"uniform_share": 1.5}, "uniform_share=1.5"),
    ],
)
def test_invalid_samples_are_refused(x, options, message):
    with pytest.raises(ValueError, match=message):
        BSplineLinear(2, 1).update_grid(x, **options)


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        (torch.zeros(2, 11), "the grid must have the shape"),
        (torch.zeros(3, 12), "the grid must have the shape"),
        (torch.zeros(2, 12), "must not all be equal"),
        (torch.arange(12.0).flip(0), "must not decrease"),
        (torch.full((12,), float("nan")), "finite"),
    ],
)
def test_an_invalid_grid_is_refused(grid, message):
    with pytest.raises(ValueError, match=message):
        BSplineLinear(2, 1).set_grid(grid)


@pytest.mark.parametrize("arguments", [{"intervals": 0}, {"order": -1}, {"low": 1.0, "high": 1.0}])
def test_invalid_arguments_of_a_layer_are_refused(arguments):
    with pytest.raises(ValueError, match=r"required|must be below"):
        BSplineLinear(2, 1, **arguments)


@pytest.mark.parametrize("order", [0, 1, 3, 4])
@pytest.mark.parametrize("uneven", [True, False])
def test_refining_into_subdivided_intervals_keeps_the_curves(order, uneven):
    layer = shaken(3, 4, order=order, uneven=uneven, edge_scale=True, dtype=torch.float32)
    low, high = layer.grid[:, order], layer.grid[:, -1 - order]
    x = low + (high - low) * (torch.linspace(0, 0.999, 401) + 0.0003)[:, None]
    before = layer(x)
    layer.refine(15)
    assert layer.spline_weight.shape == (4, 3, 15 + order)
    assert layer.grid.shape == (3, 16 + 2 * order)
    assert next(iter(layer.parameters())) is layer.spline_weight
    torch.testing.assert_close(layer(x), before, rtol=0, atol=1e-5)


def test_refining_into_other_intervals_approximates_the_curves():
    layer = shaken(3, 4)
    x = torch.linspace(-1, 0.999, 401, dtype=torch.float64)[:, None].expand(401, 3)
    before = layer(x)
    layer.refine(24)
    assert 1e-6 < (layer(x) - before).abs().max() < 0.02 * before.abs().max()
    with pytest.raises(ValueError, match="at least 24"):
        layer.refine(23)


def test_refined_knots_are_interpolated_between_uneven_ones():
    layer = BSplineLinear(1, 1, intervals=2, order=1).double()
    layer.set_grid(torch.tensor([-2.0, 0.0, 1.0, 4.0, 5.0]))
    layer.refine(4)
    assert layer.grid.tolist() == [[-1.0, 0.0, 0.5, 1.0, 2.5, 4.0, 5.0]]


@pytest.mark.parametrize("edge_scale", [True, False])
def test_regularisation_matches_efficient_kan(edge_scale):
    layer = BSplineLinear(2, 1, intervals=1, order=1, edge_scale=edge_scale).double()
    with torch.no_grad():
        layer.spline_weight.copy_(torch.tensor([[[1.0, -3.0], [6.0, 6.0]]]))
    # Means of 2 and 6, hence shares of a quarter and three quarters.
    assert layer.regularization(1.0, 0.0).item() == pytest.approx(8.0)
    assert layer.regularization(0.0, 1.0).item() == pytest.approx(0.5623351446)
    assert layer.regularization(0.5, 2.0).item() == pytest.approx(4 + 2 * 0.5623351446)


@pytest.mark.parametrize("pruned", [slice(0, 1), slice(None)])
def test_regularisation_and_its_gradients_are_finite_without_edges(pruned):
    layer = BSplineLinear(2, 2)
    with torch.no_grad():
        layer.spline_weight[:, pruned] = 0
    layer.regularization().backward()
    assert layer.spline_weight.grad.isfinite().all()
    assert not layer.spline_weight.grad[:, pruned].any()


@pytest.mark.parametrize("uneven", [True, False])
def test_edge_norms_are_means_of_absolute_edge_outputs(uneven, monkeypatch):
    monkeypatch.setattr("kanseq.nn.bspline.EDGES", 30)
    layer = shaken(3, 4, uneven=uneven, edge_scale=True)
    x = torch.randn(20, 3, dtype=torch.float64)
    expected = torch.zeros(4, 3, dtype=torch.float64)
    for i in range(3):
        for j in range(4):
            expected[j, i] = sum(layer.edge_functions(i, j, x[:, i])).abs().mean()
    norms = layer.edge_norms(x)
    torch.testing.assert_close(norms, expected)
    shares = expected / expected.sum()
    loss = 0.5 * expected.sum() - 2 * (shares * shares.log()).sum()
    torch.testing.assert_close(layer.sample_regularization(x, 0.5, 2.0), loss)
    (ours,) = torch.autograd.grad(norms.sum(), layer.spline_weight)
    (theirs,) = torch.autograd.grad(expected.sum(), layer.spline_weight)
    torch.testing.assert_close(ours, theirs)
    with pytest.raises(ValueError, match="0 samples"):
        layer.edge_norms(x[:0])


@pytest.mark.parametrize("uneven", [True, False])
def test_weights_and_knots_are_restored_from_the_state(uneven):
    layer, other = shaken(6, 4, uneven=uneven, edge_scale=True), shaken(6, 4, uneven=not uneven, edge_scale=True)
    x = torch.randn(50, 6, dtype=torch.float64)
    if uneven:
        layer.update_grid(x)
    other.load_state_dict(layer.state_dict())
    for copied in (other, copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert isinstance(copied.placed_basis().knots, torch.Tensor) == uneven
        torch.testing.assert_close(copied.grid, layer.grid, rtol=0, atol=0)
        torch.testing.assert_close(copied(x), layer(x), rtol=0, atol=0)
    outer = nn.Sequential(shaken(6, 4, uneven=not uneven, edge_scale=True))
    outer.load_state_dict(nn.Sequential(layer).state_dict(), assign=True)
    torch.testing.assert_close(outer(x), layer(x), rtol=0, atol=0)


def test_equal_steps_stay_equal_in_every_dtype():
    layer = BSplineLinear(3, 2, low=-0.7, high=1.6)
    double = copy.deepcopy(layer).double()
    steps = double.grid.diff(dim=1)
    assert (steps - steps.mean()).abs().max() < 1e-15
    loaded = BSplineLinear(3, 2).double()
    loaded.load_state_dict(layer.state_dict())
    torch.testing.assert_close(loaded.grid, double.grid, rtol=0, atol=0)
    for kind in (torch.bfloat16, torch.float16):
        rough = copy.deepcopy(layer).to(kind)
        assert rough.placed_basis().knots is None
        assert rough(torch.randn(5, 3, dtype=kind)).dtype == kind


def test_reset_parameters_resets_grid_and_factors():
    layer = shaken(3, 2, uneven=True, edge_scale=True)
    layer.reset_parameters()
    fresh = BSplineLinear(3, 2).double()
    torch.testing.assert_close(layer.grid, fresh.grid, rtol=0, atol=1e-7)
    assert (layer.spline_scale == 1).all()
    assert layer.placed_basis().knots is None


@pytest.mark.parametrize("uneven", [True, False])
def test_a_network_with_the_layer_can_be_exported(uneven):
    network = nn.Sequential(shaken(6, 4, uneven=uneven), nn.Linear(4, 2).double())
    x = torch.randn(5, 6, dtype=torch.float64)
    rows = torch.export.Dim("rows", min=2)
    program = torch.export.export(network, (x,), dynamic_shapes=({0: rows},)).module()
    for batch in (x, torch.randn(9, 6, dtype=torch.float64)):
        torch.testing.assert_close(program(batch), network(batch))
