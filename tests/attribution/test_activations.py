import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from kanseq.attribution.activations import Density, Nodes, activations, grid_of, grid_table, kan_layers, nodes_of
from kanseq.geometry import Geometry
from kanseq.models.network import SequenceNetwork
from kanseq.models.registry import architecture, make_config
from kanseq.nn.bases.basis import Gaussians
from kanseq.nn.bases.bsplines import BSplines
from kanseq.nn.bases.chebyshev import Chebyshev
from kanseq.nn.bspline import BSplineLinear
from kanseq.nn.conv import KANConv1d
from kanseq.nn.linear import KANLinear
from kanseq.nn.rbf import RBFLinear

GEOMETRY = Geometry(upstream=16, downstream=8, pad=8)


def build(name, geometry=GEOMETRY, **options):
    torch.manual_seed(0)
    return architecture(name).build(make_config(name, geometry, options))


def some_codes(n, geometry=GEOMETRY):
    return torch.randint(0, 5, (n, geometry.columns), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


class Layers(SequenceNetwork):
    """A stack of KAN layers on made-up inputs: codes are used as numbers."""

    def __init__(self, *layers):
        super().__init__(Geometry.plain(layers[0].in_features))
        self.layers = nn.Sequential(*layers)

    def forward(self, codes):
        return self.layers(codes.to(self.layers[0].spline_weight))


def test_layers_are_listed_in_the_order_in_which_they_run():
    mixer = build("kan-mixer", channels=5)
    (batch,) = activations(mixer, [some_codes(3)])
    assert [one.name for one in batch.layers] == ["token.0", "channel"] == list(kan_layers(mixer))
    token, channel = batch.layers
    assert token.inputs.shape == token.outputs.shape == (3, 5, 7)
    torch.testing.assert_close(token.outputs.transpose(1, 2), channel.inputs)
    torch.testing.assert_close(batch.outputs, mixer(some_codes(3)))
    torch.testing.assert_close(batch.encoded, mixer.encode(some_codes(3)))


def test_positions_are_inputs_after_the_layers_layer_norm():
    mixer = build("kan-mixer", channels=5)
    (batch,) = activations(mixer, [some_codes(3)])
    token = batch.layers[0]
    torch.testing.assert_close(token.positions, functional.layer_norm(token.inputs, (7,)))
    bare = build("kan-mixer", channels=5, layer_norm=False)
    (batch,) = activations(bare, [some_codes(3)])
    torch.testing.assert_close(batch.layers[0].positions, batch.layers[0].inputs)


def test_the_source_is_the_layer_whose_outputs_are_read():
    (batch,) = activations(build("kan", hidden=3), [some_codes(2)])
    assert [(one.name, one.source) for one in batch.layers] == [("layers.0", None), ("layers.1", "layers.0")]
    assert batch.last == "layers.1"
    (batch,) = activations(build("kan-mixer", channels=5, token_hidden=4), [some_codes(2)])
    assert [one.source for one in batch.layers] == [None, "token.0", None]
    assert batch.last is None


def test_hooks_are_removed():
    network = build("kan", hidden=3)
    list(activations(network, [some_codes(2)], ["layers"]))
    assert not any(module._forward_hooks for module in network.modules())


def test_requested_modules_are_watched():
    mixer = build("kan-mixer", channels=5, token_hidden=4)
    (batch,) = activations(mixer, [some_codes(2)], ["token", "stem"])
    # The stem's weights are used, but it does not run as a module.
    assert set(batch.watched) == {"token"}
    inputs, outputs = batch.watched["token"]
    torch.testing.assert_close(mixer.token(inputs), outputs)


def test_kinds_of_nodes_are_inferred_from_activations():
    def kinds(network, geometry=GEOMETRY):
        (batch,) = activations(network, [some_codes(2, geometry)])
        return {name: tuple(nodes.kind for nodes in pair) for name, pair in nodes_of(batch, geometry).items()}

    assert kinds(build("kan", hidden=3)) == {"layers.0": ("base", "unit"), "layers.1": ("unit", "output")}
    assert kinds(build("kan-mixer", channels=5)) == {"token.0": ("token", "token"), "channel": ("channel", "channel")}
    hidden = kinds(build("kan-mixer", channels=5, token_hidden=4))
    assert hidden == {"token.0": ("token", "unit"), "token.1": ("unit", "token"), "channel": ("channel", "channel")}
    # As many channels as tokens.
    assert kinds(build("kan-mixer", channels=7)) == {"token.0": ("token", "token"), "channel": ("channel", "channel")}


def test_plain_sequences_have_columns_instead_of_sites():
    plain = Geometry.plain(24)
    assert Nodes("base", plain).name(24 + 5) == "C at column 5"
    assert Nodes("token", plain).name(2) == "token 2"
    assert Nodes("unit", plain).name(9) == "unit 9"


def test_the_grid_extends_from_the_first_to_the_last_centre_or_inner_knot():
    low, high = grid_of(RBFLinear(3, 2, low=-1.5, high=2.5))
    assert (low.tolist(), high.tolist()) == ([-1.5] * 3, [2.5] * 3)
    low, high = grid_of(KANConv1d(2, 3, 4, BSplines(3, 5), low=-1, high=3))
    assert low.tolist() == pytest.approx([-1, -1])
    assert high.tolist() == pytest.approx([3, 3])
    splines = BSplineLinear(2, 2, intervals=2, order=1, low=-1, high=1)
    splines.set_grid(torch.tensor([[-2.0, -1, 0, 1, 2], [0.0, 1, 5, 6, 7]]))
    low, high = grid_of(splines)
    assert (low.tolist(), high.tolist()) == ([-1, 1], [1, 6])
    assert grid_of(KANLinear(2, 2, Chebyshev())) is None


def test_values_are_counted_in_bins_and_outside_the_grid():
    layer = RBFLinear(2, 1, centres=3, low=-2, high=2, layer_norm=False)
    network, density = Layers(layer), Density(layer)
    for batch in activations(network, torch.tensor([[-3.0, 0], [-2, 0], [0.05, 0], [2, 9], [2.01, 9]]).split(2)):
        density.add(batch.layers[0])
    assert density.rows == 5
    assert (density.below.tolist(), density.above.tolist()) == ([1, 0], [1, 2])
    # 24 bins of 1/6 on the grid, 12 on each side; 9 lies beyond all of them.
    assert np.flatnonzero(density.counts[0]).tolist() == [6, 12, 24, 35, 36]
    assert np.flatnonzero(density.counts[1]).tolist() == [24]
    assert density.counts.sum(axis=1).tolist() == [5, 3]
    assert density.edges[0, [0, 12, 36, 48]].tolist() == pytest.approx([-4, -2, 2, 4])
    assert density.outside == 0.4


def test_the_silu_branch_is_averaged_in_each_bin():
    layer = RBFLinear(2, 1)
    density = Density(layer)
    # The greater of two inputs is always 1 after LayerNorm, and the smaller one -1.
    for batch in activations(Layers(layer), [torch.tensor([[2.0, 1], [6, 3], [0, 4]])]):
        density.add(batch.layers[0])
    (at,) = np.flatnonzero(density.counts[0] == 2)
    mean, spread = density.base()
    silu = torch.tensor([2.0, 6.0]).sigmoid().numpy() * [2, 6]
    assert mean[0, at] == pytest.approx(silu.mean())
    assert spread[0, at] == pytest.approx((silu[1] - silu[0]) / 2)
    assert np.isnan(mean[0, 0])


def test_the_grid_table_has_a_row_per_input_and_totals():
    first, second = RBFLinear(2, 2, layer_norm=False), RBFLinear(2, 1, low=-99, high=99, layer_norm=False)
    network = Layers(first, second)
    densities = {name: Density(layer) for name, layer in kan_layers(network).items()}
    for batch in activations(network, [torch.tensor([[-3.0, 0], [3, 0], [0, 3], [0, 0]])]):
        for one in batch.layers:
            densities[one.name].add(one)
    table = grid_table(densities)
    assert table["layer"].tolist() == ["*", *["layers.0"] * 3, *["layers.1"] * 3]
    assert table["input"].tolist() == ["*", "*", "0", "1", "*", "0", "1"]
    assert table["below"].tolist() == [1 / 16, 1 / 8, 1 / 4, 0, 0, 0, 0]
    assert table["above"].tolist() == [2 / 16, 2 / 8, 1 / 4, 1 / 4, 0, 0, 0]
    assert table["outside"].tolist() == [3 / 16, 3 / 8, 1 / 2, 1 / 4, 0, 0, 0]


def test_a_basis_without_a_grid_has_a_histogram_but_no_row():
    layer = KANLinear(1, 1, Chebyshev())
    density = Density(layer)
    for batch in activations(Layers(layer), [torch.tensor([[0.0], [3.0]])]):
        density.add(batch.layers[0])
    assert density.counts.sum() == 2
    assert not density.has_grid
    assert list(grid_table({"layer": density}).columns) == ["layer", "input", "below", "above", "outside"]
    assert len(grid_table({"layer": density})) == 0


def test_channels_of_a_convolution_are_the_last_axis():
    class Convolution(SequenceNetwork):
        def __init__(self):
            super().__init__(Geometry.plain(6))
            self.layer = KANConv1d(4, 3, 2, Gaussians(5), layer_norm=True)

        def forward_encoded(self, x):
            return self.layer(x).sum(-1)

    network = Convolution()
    codes = some_codes(2, network.geometry)
    (batch,) = activations(network, [codes])
    (one,) = batch.layers
    assert one.inputs.shape == one.positions.shape == (2, 6, 4)
    assert one.outputs.shape == (2, 5, 3)
    torch.testing.assert_close(one.positions, functional.layer_norm(one.inputs, (4,)))
