import math

import numpy as np
import pytest
import torch
from torch import nn

from kanseq.attribution.activations import activations
from kanseq.attribution.edges import NetworkStatistics, VectorMoments, edge_table, node_table
from kanseq.geometry import Geometry
from kanseq.models.network import SequenceNetwork
from kanseq.models.registry import architecture, make_config
from kanseq.nn.bases.basis import Gaussians
from kanseq.nn.bases.bsplines import BSplines
from kanseq.nn.bspline import BSplineLinear
from kanseq.nn.conv import KANConv1d
from kanseq.nn.rbf import RBFLinear

FOUR = torch.tensor([[0.0, 0], [0, 1], [1, 0], [1, 1]])


class Layers(SequenceNetwork):
    """A stack of KAN layers on made-up inputs ``(n, inputs)`` or, for convolutions, ``(n, inputs, length)``."""

    def __init__(self, *layers):
        super().__init__(Geometry.plain(1))
        self.layers = nn.Sequential(*layers)

    def encode(self, codes):
        return codes.new_zeros(len(codes), 4, 1)

    def forward(self, codes):
        return self.layers(codes)


def statistics_of(network, inputs, batch=100):
    statistics = NetworkStatistics(network.geometry)
    for each in activations(network, inputs.split(batch)):
        statistics.add(each)
    return statistics


def silu_layer(weights):
    """Build a layer with the edges ``V·silu(x)`` for weights ``V`` of shape ``(outputs, inputs)``."""
    layer = RBFLinear(len(weights[0]), len(weights), centres=2, layer_norm=False)
    with torch.no_grad():
        layer.spline_weight.zero_()
        layer.base_weight.copy_(torch.tensor(weights))
    return layer


def what_edges_give(layer, x):
    """Return each edge's output for each sample, ``(n, outputs, inputs)`` float64, edge by edge."""
    x = x.double()
    z = x if layer.norm is None else nn.functional.layer_norm(x, x.shape[-1:], layer.norm.weight, layer.norm.bias)
    given = torch.zeros(len(x), layer.out_features, layer.in_features, dtype=torch.float64)
    for j in range(layer.out_features):
        for i in range(layer.in_features):
            given[:, j, i] = layer.edge_functions(i, j, z[:, i]).curve + layer.edge_functions(i, j, x[:, i]).base
    return given.detach().numpy()


def rbf():
    layer = RBFLinear(4, 3)
    nn.init.normal_(layer.norm.weight)
    nn.init.normal_(layer.norm.bias)
    return layer


def splines():
    layer = BSplineLinear(4, 3, edge_scale=True)
    nn.init.normal_(layer.spline_scale)
    layer.set_grid(torch.randn(4, 12).sort(dim=1).values)
    return layer


@pytest.mark.parametrize(
    "make", [rbf, splines, lambda: RBFLinear(4, 3, base=False), lambda: RBFLinear(4, 4, residual=True)]
)
def test_deviations_are_standard_deviations_of_edge_outputs(make):
    torch.manual_seed(0)
    layer, x = make().double(), torch.randn(50, 4, dtype=torch.float64)
    (statistics,) = statistics_of(Layers(layer), x, batch=7).layers.values()
    given = what_edges_give(layer, x)
    np.testing.assert_allclose(statistics.deviations()[..., 0], given.std(axis=0), rtol=1e-9)
    # A residual is not part of the edges' outputs.
    np.testing.assert_allclose(statistics.node_deviations(), given.sum(axis=2).std(axis=0), rtol=1e-9)


@pytest.mark.parametrize(
    "options",
    [{"stride": 3, "padding": 2}, {"padding": "same", "dilation": 3}, {"groups": 2, "base": False}, {"stride": 4}],
)
def test_deviations_of_a_convolution_use_the_inputs_of_each_tap(options):
    torch.manual_seed(0)
    layer = KANConv1d(4, 6, 4, Gaussians(5), **options).double()
    x = torch.randn(5, 4, 13, dtype=torch.float64)
    (statistics,) = statistics_of(Layers(layer), x, batch=2).layers.values()
    deviations = statistics.deviations()
    wide, tall = 4 // layer.groups, 6 // layer.groups
    assert deviations.shape == (6, wide, 4)
    for output, own, tap in np.ndindex(6, wide, 4):
        alone = KANConv1d(4, 6, 4, Gaussians(5), **options).double()
        with torch.no_grad():
            alone.spline_weight.zero_()[output, own, tap] = layer.spline_weight[output, own, tap]
            if layer.base_weight is not None:
                alone.base_weight.zero_()[output, own, tap] = layer.base_weight[output, own, tap]
        given = alone(x)[:, output].detach()
        assert deviations[output, own, tap] == pytest.approx(float(given.std(correction=0)), rel=1e-6)
    scores = statistics.score(np.ones(6))
    expected = np.zeros(4)
    for output, own, tap in np.ndindex(6, wide, 4):
        expected[output // tall * wide + own] += scores.edges[output, own, tap]
    np.testing.assert_allclose(scores.inputs, expected)


def test_two_independent_inputs_share_a_node_in_proportion_to_their_deviations():
    # Over the four pairs of 0 and 1 the two branches are uncorrelated: E = 2s and s, N = √5·s.
    scores = statistics_of(Layers(silu_layer([[2.0, 1.0]])), FOUR).scores()["layers.0"]
    assert scores.deviations.ravel().tolist() == pytest.approx([2 * 0.365529, 0.365529], rel=1e-5)
    assert scores.edges.ravel().tolist() == pytest.approx([2 / math.sqrt(5), 1 / math.sqrt(5)])
    assert scores.inputs.tolist() == pytest.approx([2 / math.sqrt(5), 1 / math.sqrt(5)])
    assert scores.outputs.tolist() == [1]


def test_scores_flow_back_through_a_stack_of_layers_as_in_kan_2_0():
    torch.manual_seed(0)
    layers, x = [RBFLinear(5, 4), RBFLinear(4, 3), RBFLinear(3, 2)], torch.randn(40, 5)
    found = statistics_of(Layers(*layers), x).scores()
    assert list(found) == ["layers.0", "layers.1", "layers.2"]
    inputs = [x, layers[0](x), layers[1](layers[0](x))]
    node = np.ones(2)
    for layer, seen, name in zip(layers[::-1], inputs[::-1], list(found)[::-1], strict=True):
        given = what_edges_give(layer.double(), seen)
        edge = node[:, None] * given.std(axis=0) / given.sum(axis=2).std(axis=0)[:, None]
        np.testing.assert_allclose(found[name].outputs, node, rtol=1e-5)
        np.testing.assert_allclose(found[name].edges[..., 0], edge, rtol=1e-5)
        node = edge.sum(axis=0)
        np.testing.assert_allclose(found[name].inputs, node, rtol=1e-5)


def test_a_single_output_can_be_scored():
    network = Layers(silu_layer([[2.0, 1.0], [3.0, 0.0]]))
    both, second = (statistics_of(network, FOUR).scores(explained)["layers.0"] for explained in (None, 1))
    assert both.inputs.tolist() == pytest.approx([2 / math.sqrt(5) + 1, 1 / math.sqrt(5)])
    assert second.inputs.tolist() == pytest.approx([1, 0])


def test_a_constant_node_passes_no_score_on():
    network = Layers(silu_layer([[1.0, 0.0], [0.0, 0.0]]), silu_layer([[1.0, 5.0]]))
    scores = statistics_of(network, FOUR).scores()
    assert scores["layers.1"].inputs.tolist() == pytest.approx([1, 0])
    assert scores["layers.0"].edges[..., 0].tolist() == [pytest.approx([1, 0]), [0, 0]]


def test_layers_around_a_residual_start_from_their_shares_of_deviation():
    torch.manual_seed(0)
    config = make_config("kan-mixer", Geometry(upstream=16, downstream=8, pad=8), {"channels": 5})
    mixer = architecture("kan-mixer").build(config)
    statistics = statistics_of(mixer, torch.randint(0, 5, (9, 56), dtype=torch.uint8))
    for name, scores in statistics.scores().items():
        deviations = statistics.layers[name].node_deviations()
        np.testing.assert_allclose(scores.outputs, deviations / deviations.sum())
        np.testing.assert_allclose(scores.edges, scores.deviations / deviations.sum())


def test_no_scores_flow_past_a_residual():
    torch.manual_seed(0)
    network = Layers(RBFLinear(3, 3), RBFLinear(3, 3, residual=True), RBFLinear(3, 1))
    found = statistics_of(network, torch.randn(20, 3)).scores()
    assert found["layers.2"].outputs.tolist() == [1]
    assert found["layers.1"].outputs.sum() == pytest.approx(1)
    assert found["layers.0"].outputs.sum() == pytest.approx(1)


def test_scores_do_not_depend_on_the_batch_size():
    torch.manual_seed(0)
    network, x = Layers(RBFLinear(4, 3), RBFLinear(3, 2)), torch.randn(30, 4)
    whole, parts = (statistics_of(network, x, batch).scores() for batch in (30, 4))
    for name in whole:
        np.testing.assert_allclose(parts[name].edges, whole[name].edges, rtol=1e-5)


def test_moments_keep_small_differences_far_from_zero():
    values = torch.tensor([1e9, 1e9 + 1, 1e9 + 2, 1e9 + 3], dtype=torch.float64).reshape(4, 1, 1)
    moments = VectorMoments(1, 1)
    for part in values.split(3):
        moments.add(part)
    assert moments.covariance().item() == 1.25


def test_tables_list_the_edges_with_the_highest_scores_and_all_nodes():
    network = Layers(silu_layer([[2.0, 1.0], [3.0, 0.0]]), silu_layer([[1.0, 0.5]]))
    statistics = statistics_of(network, FOUR)
    scores = statistics.scores()
    edges = edge_table(statistics, scores, most=2)
    assert edges["layer"].tolist() == ["layers.0"] * 2 + ["layers.1"] * 2
    highest = np.sort(scores["layers.0"].edges.ravel())[::-1]
    assert edges["score"].tolist()[:2] == highest[:2].tolist()
    last = edges.iloc[2]
    assert (last["input"], last["tap"], last["output"]) == (0, 0, 0)
    assert (last["input_name"], last["output_name"]) == ("unit 0", "output 0")
    assert last["score"] == scores["layers.1"].edges[0, 0, 0]
    assert last["standard_deviation"] == scores["layers.1"].deviations[0, 0, 0]
    nodes = node_table(statistics, scores)
    assert list(nodes.columns) == ["layer", "side", "node", "score", "name"]
    assert nodes["side"].tolist() == ["input", "input", "output", "output", "input", "input", "output"]
    between = nodes[(nodes["layer"] == "layers.0") & (nodes["side"] == "output")]["score"].tolist()
    assert between == scores["layers.1"].inputs.tolist()


def test_uniform_splines_in_a_convolution_use_the_grid_of_the_layer():
    torch.manual_seed(0)
    layer = KANConv1d(1, 1, 1, BSplines(2, 3), low=-1, high=2, base=False).double()
    x = torch.linspace(-1, 2, 40, dtype=torch.float64).reshape(1, 1, 40)
    (statistics,) = statistics_of(Layers(layer), x).layers.values()
    assert statistics.deviations().item() == pytest.approx(float(layer(x).detach().std(correction=0)), rel=1e-9)
