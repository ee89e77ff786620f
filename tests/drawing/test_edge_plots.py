import numpy as np
import pytest
import torch
from torch import nn

from kanseq.attribution.activations import activations
from kanseq.attribution.edges import Edge, NetworkStatistics
from kanseq.drawing.edge_plots import draw_edges, edge_curve
from kanseq.errors import NotWritable
from kanseq.geometry import Geometry
from kanseq.models.network import SequenceNetwork
from kanseq.nn.bases.basis import Gaussians
from kanseq.nn.bases.chebyshev import Chebyshev
from kanseq.nn.conv import KANConv1d
from kanseq.nn.linear import KANLinear
from kanseq.nn.rbf import RBFLinear


class Layers(SequenceNetwork):
    """One KAN layer on made-up inputs."""

    def __init__(self, layer):
        super().__init__(Geometry.plain(1))
        self.layer = layer

    def encode(self, codes):
        return codes.new_zeros(len(codes), 4, 1)

    def forward(self, codes):
        return self.layer(codes)


def statistics_of(layer, inputs):
    statistics = NetworkStatistics(Geometry.plain(1))
    for batch in activations(Layers(layer), [inputs]):
        statistics.add(batch)
    return statistics.layers["layer"], statistics.scores()["layer"]


def first(statistics, scores):
    return edge_curve(statistics, statistics.top(scores, 1)[0])


def test_without_layer_norm_the_edge_function_is_drawn_with_mean_zero():
    torch.manual_seed(0)
    layer, x = RBFLinear(1, 1, layer_norm=False), torch.rand(500, 1) * 2 - 1
    curve = first(*statistics_of(layer, x))
    at = torch.from_numpy(curve.x).float()
    parts = layer.edge_functions(0, 0, at)
    whole = (parts.curve + parts.base).detach().numpy()
    seen = np.isfinite(curve.whole)
    # Data from -1 to 1 is in the 12 middle bins of 48 from -4 to 4.
    assert curve.x[seen].min() == pytest.approx(-1, abs=0.03)
    assert curve.x[seen].max() == pytest.approx(1, abs=0.03)
    shift = (whole - curve.whole)[seen]
    np.testing.assert_allclose(shift, shift[0], atol=1e-6)
    given = layer(x).detach().numpy() - layer.base_bias.item()
    assert shift[0] == pytest.approx(given.mean(), abs=0.01)
    assert (curve.spread[np.isfinite(curve.means)] == 0).all()
    assert (curve.counts * np.nan_to_num(curve.means)).sum() / curve.counts.sum() == pytest.approx(0, abs=1e-12)


def test_with_layer_norm_the_silu_branch_is_averaged_over_the_data():
    torch.manual_seed(0)
    layer = RBFLinear(2, 1)
    with torch.no_grad():
        layer.spline_weight.zero_()
        layer.base_weight.copy_(torch.tensor([[-3.0, 0.0]]))
    # The first input is 1 or -1 after LayerNorm, and 10 or 0 in four of eight rows before it, 2 or 0 in the others.
    rows = torch.tensor([[10.0, 0], [2, 0], [0, 10], [0, 2]]).repeat(4, 1)
    curve = first(*statistics_of(layer, rows))
    silu = [10 / (1 + np.exp(-10)), 2 / (1 + np.exp(-2))]
    high = np.flatnonzero(np.isfinite(curve.means))[-1]
    low = np.flatnonzero(np.isfinite(curve.means))[0]
    assert curve.means[high] - curve.means[low] == pytest.approx(-3 * np.mean(silu))
    assert curve.spread[high] == pytest.approx(3 * (silu[0] - silu[1]) / 2)
    assert curve.spread[low] == 0
    assert not curve.is_line
    np.testing.assert_allclose(curve.curve, 0, atol=1e-6)


def test_bins_with_too_little_data_are_left_out():
    layer = RBFLinear(1, 1, layer_norm=False)
    x = torch.cat([torch.zeros(3), torch.full((2,), 1.5), torch.full((4000,), 0.5)])[:, None]
    curve = first(*statistics_of(layer, x))
    assert np.flatnonzero(curve.counts).tolist() == [24, 27, 33]
    assert np.flatnonzero(np.isfinite(curve.means)).tolist() == [27]


def test_an_input_without_data_has_only_its_curve():
    layer = RBFLinear(2, 1, layer_norm=False)
    statistics, _ = statistics_of(layer, torch.full((5, 2), 99.0))
    curve = edge_curve(statistics, Edge(1, 0, 0, 0.0, 0.0))
    expected = layer.edge_functions(1, 0, torch.from_numpy(curve.x).float()).curve.detach().numpy()
    np.testing.assert_allclose(curve.curve, expected, atol=1e-6)
    assert np.isnan(curve.whole).all()


@pytest.mark.parametrize(
    ("layer", "inputs"),
    [
        (RBFLinear(3, 2), torch.randn(60, 3)),
        (RBFLinear(3, 2, base=False), torch.eye(3).repeat(4, 1)),
        (KANLinear(3, 2, Chebyshev()), torch.randn(60, 3)),
        (KANConv1d(2, 4, 3, Gaussians(4), groups=2), torch.randn(5, 2, 9)),
        (RBFLinear(1, 1, layer_norm=False), torch.full((4, 1), 99.0)),
    ],
)
def test_every_kind_of_layer_is_drawn(layer, inputs, tmp_path):
    draw_edges("layer", *statistics_of(layer, inputs), tmp_path / "a.png", most=1)
    assert (tmp_path / "a.png").read_bytes()[:4] == b"\x89PNG"


def test_the_same_edges_give_the_same_bytes(tmp_path):
    statistics, scores = statistics_of(RBFLinear(3, 2), torch.randn(60, 3))
    for name in ("a.png", "b.png"):
        draw_edges("layer", statistics, scores, tmp_path / name, most=1)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_a_picture_grows_by_rows_of_four_edges(tmp_path):
    statistics, scores = statistics_of(RBFLinear(3, 2), torch.randn(60, 3))
    sizes = []
    for most in (1, 99):
        draw_edges("layer", statistics, scores, tmp_path / "a.png", most)
        # Width and height are at bytes 16 to 24 of a PNG.
        sizes.append(np.frombuffer((tmp_path / "a.png").read_bytes()[16:24], dtype=">u4").tolist())
    # At 200 dots per inch; six edges fill two rows.
    assert sizes == [[1150, 460], [1500, 750]]


def test_a_missing_folder_is_refused(tmp_path):
    statistics, scores = statistics_of(RBFLinear(1, 1), nn.init.normal_(torch.empty(9, 1)))
    with pytest.raises(NotWritable, match="does not exist"):
        draw_edges("layer", statistics, scores, tmp_path / "no" / "a.png")
