"""B-splines match the recursion written out, on equally spaced knots and on any others."""

import pytest
import torch

from kanseq.nn.bases.bsplines import BSplines

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


def test_one_row_of_knots_is_shared_by_all_edges():
    basis = BSplines(knots=torch.tensor([UNEVEN[:12]], dtype=torch.float64))
    u = torch.randn(6, 2, 3, dtype=torch.float64)
    edges = torch.tensor([[0, 4, 2], [1, 1, 0]])
    one, many = basis.values(u), BSplines(knots=basis.knots.repeat(5, 1)).of(edges).values(u)
    torch.testing.assert_close(basis.of(edges).values(u), many, rtol=0, atol=0)
    torch.testing.assert_close(one, many, rtol=0, atol=0)
    torch.testing.assert_close(filled(basis, u, True)[0], many, rtol=0, atol=1e-12)
