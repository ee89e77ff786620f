"""The four networks: their counts, their encoding, and that each step matches its description."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from kanseq.geometry import Geometry
from kanseq.models.network import SequenceNetwork
from kanseq.models.registry import architecture, make_config, parameter_count
from kanseq.nn import set_precision

SMALL = Geometry(upstream=20, downstream=10, pad=4)
"""64 columns, 8 tokens; columns 20–22 and 41–43 masked."""


def build(name: str, geometry: Geometry = SMALL, **options: object) -> SequenceNetwork:
    torch.manual_seed(0)
    return architecture(name).build(make_config(name, geometry, options))


@pytest.mark.parametrize(
    ("name", "options", "parameters"),
    [
        ("kan", {}, 13_943_010),
        ("mlp", {}, 1_546_626),
        ("kan-mixer", {}, 1_439_412),
        ("kan-mixer", {"token_hidden": 189}, 1_439_979),
        ("deepcre", {}, 387_841),
        ("kan-words", {}, 2_539),
        ("kan-words", {"frames": False, "join_gain": 0}, 2_177),
        ("gc", {}, 5),
        ("kmer-logistic", {}, 1_537),
        ("kmer-ridge", {}, 1_537),
        ("boosting", {}, 0),
    ],
)
def test_parameter_counts_for_the_default_geometry(name, options, parameters):
    with torch.device("meta"):
        assert parameter_count(build(name, Geometry(), **options)) == parameters


@pytest.mark.parametrize("name", ["mlp", "deepcre"])
def test_networks_without_kan_layers_compute_products_in_bfloat16_and_return_float32(name):
    network, codes = build(name).eval(), torch.randint(0, 4, (3, 64), dtype=torch.uint8)
    exact = network(codes)
    set_precision(network, "bfloat16")
    with torch.autocast("cpu", torch.bfloat16):
        rounded = network.forward_encoded(network.encode(codes))
    found = network(codes)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, rounded.float(), rtol=0, atol=0)
    torch.testing.assert_close(found, exact, rtol=0.05, atol=0.02)
    assert not torch.equal(found, exact)
    torch.testing.assert_close(network.forward_encoded(network.encode(codes)), exact, rtol=0, atol=0)
    assert network.double()(codes).dtype == torch.float64


def test_one_hot_rows_are_acgt_and_masked_columns_and_n_are_empty():
    network = build("mlp", Geometry(upstream=2, downstream=3, pad=1))
    # Columns 2–4 and 6–8 are masked.
    codes = torch.tensor([[0, 1, 2, 3, 0, 4, 0, 1, 2, 3, 2]], dtype=torch.uint8)
    expected = torch.zeros(1, 4, 11)
    expected[0, 0, 0] = expected[0, 1, 1] = expected[0, 3, 9] = expected[0, 2, 10] = 1
    torch.testing.assert_close(network.encode(codes), expected)
    assert network.double().encode(codes).dtype == torch.float64


@pytest.mark.parametrize("name", ["kan", "mlp", "kan-mixer", "deepcre", "kan-words"])
def test_the_bases_in_masked_columns_make_no_difference(name):
    network = build(name).eval()
    codes = torch.randint(0, 4, (3, 64), dtype=torch.uint8)
    other = codes.clone()
    other[:, 20:23] = 4
    other[:, 41:44] = 3 - other[:, 41:44]
    torch.testing.assert_close(network(codes), network(other), rtol=0, atol=0)


@pytest.mark.parametrize(
    ("visible", "hidden"), [("flanks", (slice(20, 30), slice(34, 44))), ("transcribed", (slice(0, 23), slice(41, 64)))]
)
@pytest.mark.parametrize("name", ["kan", "mlp", "kan-mixer", "deepcre"])
def test_only_visible_columns_make_a_difference(name, visible, hidden):
    network = build(name, replace(SMALL, visible=visible)).eval()
    codes = torch.randint(0, 4, (3, 64), dtype=torch.uint8)
    other, elsewhere = codes.clone(), 3 - codes
    for columns in hidden:
        other[:, columns] = 3 - other[:, columns]
        elsewhere[:, columns] = codes[:, columns]
    torch.testing.assert_close(network(codes), network(other), rtol=0, atol=0)
    assert (network(codes) != network(elsewhere)).any()


@pytest.mark.parametrize("geometry", [SMALL, Geometry.plain(70), Geometry.plain(5), Geometry(3, 0, 1)])
@pytest.mark.parametrize(("name", "outputs"), [("kan", 2), ("mlp", 2), ("kan-mixer", 2), ("deepcre", 1)])
def test_every_geometry_has_a_row_of_outputs_per_sequence(name, outputs, geometry):
    network = build(name, geometry)
    codes = torch.randint(0, 5, (3, geometry.columns), dtype=torch.uint8)
    y = network(codes)
    assert y.shape == (3, outputs)
    y.sum().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


@pytest.mark.parametrize("name", ["kan", "mlp", "kan-mixer", "deepcre"])
def test_the_gradient_reaches_the_one_hot_columns(name):
    network = build(name).double().eval()
    x = network.encode(torch.randint(0, 4, (1, 64), dtype=torch.uint8)).requires_grad_()
    (gradient,) = torch.autograd.grad(network.forward_encoded(x).sum(), x)
    step = torch.zeros_like(x)
    step[0, 2, 33] = 1e-6
    change = network.forward_encoded(x + step).sum() - network.forward_encoded(x - step).sum()
    assert (change / 2e-6).item() == pytest.approx(gradient[0, 2, 33].item(), rel=1e-4, abs=1e-9)


@pytest.mark.parametrize("token_hidden", [None, 2])
def test_kan_mixer_is_the_mean_over_tokens_of_two_residual_steps(token_hidden):
    network = build("kan-mixer", Geometry.plain(20), channels=5, token_hidden=token_hidden).double().eval()
    codes = torch.tensor(np.random.default_rng(0).integers(0, 4, (2, 20)), dtype=torch.uint8)
    # 20 columns are two complete tokens and half a third one; its other half is empty.
    x = torch.zeros(2, 4, 24, dtype=torch.float64)
    for row in range(2):
        for column in range(20):
            x[row, codes[row, column].item(), column] = 1
    h = torch.stack(
        [
            torch.einsum("nbc,jbc->nj", x[:, :, 8 * token : 8 * token + 8], network.stem.weight) + network.stem.bias
            for token in range(3)
        ],
        dim=2,
    )
    found = network(codes)
    # Here the residual sums are computed outside the layers.
    for layer in (*network.token, network.channel):
        layer.residual = False
    h = h + torch.stack([network.token(h[:, channel]) for channel in range(5)], dim=1)
    h = h + torch.stack([network.channel(h[:, :, token]) for token in range(3)], dim=2)
    expected = network.head((h[:, :, 0] + h[:, :, 1] + h[:, :, 2]) / 3)
    torch.testing.assert_close(found, expected)


def test_deepcre_pads_three_columns_left_and_four_right_and_pools_a_short_last_window():
    network = build("deepcre", Geometry.plain(10)).eval()
    block = network.blocks[0]
    with torch.no_grad():
        block.first.weight.zero_()
        # The kernel's first weight reads the column three to the left.
        block.first.weight[0, 0, 0] = 1
        block.second.weight.zero_()
        block.second.weight[0, 0, 3] = 1
    x = torch.zeros(1, 4, 10)
    x[0, 0] = torch.arange(1.0, 11.0)
    # Shifted right by three: 0 0 0 1 2 3 4 5 | 6 7.
    assert block(x)[0, 0].tolist() == [5.0, 7.0]


def test_initial_weights_of_deepcre_match_keras():
    network = build("deepcre", Geometry.plain(512))
    assert all(not layer.bias.any() for layer in network.modules() if isinstance(layer, nn.Conv1d | nn.Linear))
    # Glorot's bound: √(6 / (4·8 + 64·8)).
    assert network.blocks[0].first.weight.abs().max().item() == pytest.approx((6 / 544) ** 0.5, rel=0.02)


def test_dropout_follows_the_seed_of_torch():
    network = build("deepcre").train()
    codes = torch.randint(0, 4, (4, 64), dtype=torch.uint8)
    results = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        results.append(network(codes))
    assert torch.equal(results[0], results[1])
    assert not torch.equal(results[0], results[2])
