"""LegNet and its KAN variants: published counts, the network written out, and columns without a base."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from kanseq.attribution.paths import path_multipliers
from kanseq.errors import BadOption
from kanseq.geometry import Geometry
from kanseq.models.registry import architecture, make_config, parameter_count
from kanseq.models.sizes import cost_of, count_parameters, match_parameters
from kanseq.nn import set_precision

NAMES = ("legnet", "legnet-lkan", "legnet-ckan")
SMALL = {"widths": "8,6,4"}
PUBLISHED = {"widths": "256,256,128,128,64,64,32,32"}


def build(name, columns=30, geometry=None, outputs=2, **options):
    torch.manual_seed(0)
    config = make_config(name, geometry or Geometry.plain(columns), SMALL | options, outputs)
    network = architecture(name).build(config)
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.4 * torch.randn_like(parameter))
        for norm in (module for module in network.modules() if isinstance(module, torch.nn.BatchNorm2d)):
            norm.running_mean.normal_(0, 0.3)
            norm.running_var.uniform_(0.5, 1.5)
    return network.double().eval()


def random_codes(rows, columns):
    return torch.randint(0, 4, (rows, columns), dtype=torch.uint8, generator=torch.Generator().manual_seed(5))


def test_the_published_network_has_its_published_count():
    # Seven blocks, one output: the notebooks print 2,649,313.
    kind = architecture("legnet")
    assert count_parameters(kind, make_config("legnet", Geometry.plain(101), PUBLISHED, 1)) == 2_649_313


def test_kan_layers_replace_260_096_weights():
    # Per weight grid + order coefficients and one of the SiLU branch, and a bias per output; 5 Gaussians are as many.
    kind, geometry = architecture("legnet-lkan"), Geometry.plain(101)
    narrow = [64, 64, 32, 32, 16, 16, 8]
    wide = [1024, 512, 512, 256, 256, 128, 128]
    biases = sum(narrow) + sum(wide)
    assert sum(2 * a * b for a, b in zip(narrow, wide, strict=True)) == 260_096
    for options, each in (({}, 9), ({"grid": 20}, 24), ({"grid": 5, "basis": "rbf"}, 6)):
        config = make_config("legnet-lkan", geometry, PUBLISHED | options, 1)
        assert count_parameters(kind, config) == 2_649_313 + (each - 1) * 260_096 + biases
    replaced = make_config("legnet-lkan", geometry, PUBLISHED | {"replaced": 1}, 1)
    assert count_parameters(kind, replaced) == 2_649_313 + 8 * 2 * 64 * 1024 + 64 + 1024
    none = make_config("legnet-lkan", geometry, PUBLISHED | {"replaced": 0}, 1)
    assert count_parameters(kind, none) == 2_649_313


def test_kan_convolutions_replace_stem_and_final_convolution():
    kind, geometry = architecture("legnet-ckan"), Geometry.plain(101)
    stem, final = 8 * 4 * 5 * 256 + 256, 8 * 32
    for replaced, more in (("both", stem + final), ("stem", stem), ("final", final)):
        config = make_config("legnet-ckan", geometry, PUBLISHED | {"replaced": replaced}, 1)
        assert count_parameters(kind, config) == 2_649_313 + more


def written_out(network, x):
    """Compute the original LegNet from its state alone, for sequences without a missing base."""
    state = network.state_dict()

    def convolved(name, x, **options):
        x = functional.conv1d(x, state[f"{name}.convolution.weight"][:, :, 0], padding="same", **options)
        moments = (state[f"{name}.norm.{part}"] for part in ("running_mean", "running_var", "weight", "bias"))
        x = functional.batch_norm(x, *moments)
        return x * torch.sigmoid(x)

    h = convolved("stem", x)
    for number in range(len(network.blocks)):
        name = f"blocks.{number}"
        inner = convolved(f"{name}.expand", h)
        inner = convolved(f"{name}.grouped", inner, groups=inner.shape[1] // 2)
        squeezed = inner.mean(-1) @ state[f"{name}.excitation.layers.0.weight"].t()
        squeezed = (squeezed * torch.sigmoid(squeezed)) @ state[f"{name}.excitation.layers.2.weight"].t()
        inner = convolved(f"{name}.project", inner * torch.sigmoid(squeezed)[..., None])
        h = convolved(f"{name}.resize", torch.cat([h, inner], dim=1))
    return functional.conv1d(h, state["final.weight"][:, :, 0], state["final.bias"]).mean(-1)


def test_legnet_matches_its_description():
    network, codes = build("legnet"), random_codes(3, 30)
    torch.testing.assert_close(network(codes), written_out(network, network.encode(codes)), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_a_sequence_has_the_same_result_in_a_set_of_any_width(name):
    network, codes = build(name, 30), random_codes(4, 30)
    wider = build(name, 47)
    filled = torch.cat([codes, torch.full((4, 17), 4, dtype=torch.uint8)], dim=1)
    torch.testing.assert_close(wider(filled), network(codes), rtol=1e-10, atol=1e-12)
    # A longer neighbour in the batch changes nothing, and one-hot columns have the same result as codes.
    together = torch.cat([filled, random_codes(1, 47)])
    torch.testing.assert_close(wider(together)[:4], network(codes), rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(wider.forward_encoded(wider.encode(filled)), network(codes), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_without_missing_bases_excluding_them_makes_no_difference(name):
    network, codes = build(name), random_codes(4, 30)
    torch.testing.assert_close(network(codes), network.forward_encoded(network.encode(codes)), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_training_normalises_only_by_columns_with_a_base(name):
    # Two sequences of 30, and the same two with 17 empty columns: same losses, gradients and running moments.
    codes = random_codes(2, 30)
    filled = torch.cat([codes, torch.full((2, 17), 4, dtype=torch.uint8)], dim=1)
    found = []
    for network, batch in ((build(name, 30), codes), (build(name, 47), filled)):
        network.train()
        network(batch).square().sum().backward()
        gradients = {key: parameter.grad for key, parameter in network.named_parameters()}
        found.append((gradients, network.state_dict()))
    for one, other in zip(*found, strict=True):
        assert one.keys() == other.keys()
        for key in one:
            torch.testing.assert_close(other[key], one[key], rtol=1e-8, atol=1e-10, msg=key)


def test_an_unknown_base_inside_is_excluded_from_means():
    network, codes = build("legnet", 30, expansion=2), random_codes(1, 30)
    codes[0, 11:14] = 4
    parts = []
    handle = network.final.register_forward_hook(lambda module, given, made: parts.append(made[0, :, 0].detach()))
    result = network(codes)
    handle.remove()
    kept = torch.cat([parts[0][:, :11], parts[0][:, 14:]], dim=1)
    torch.testing.assert_close(result[0], kept.mean(1), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_path_attributions_are_complete_between_sequences_of_unequal_length(name):
    network, codes, others = build(name).requires_grad_(False), random_codes(4, 30), random_codes(8, 30)[4:]
    codes[1, 20:], others[2, 25:], others[3, 5:9] = 4, 4, 4
    x, r = network.encode(codes), network.encode(others)[None]
    found = path_multipliers(network, lambda stack: network.forward_encoded(stack)[:, 0], x, r)
    difference = (found.outputs[0] - found.outputs[1]).numpy()
    assert np.abs(difference).max() > 1e-2
    np.testing.assert_allclose((found.values[0] * (x - r[0])).sum((1, 2)), difference, rtol=1e-9, atol=1e-13)
    x.requires_grad_()
    (gradient,) = torch.autograd.grad(network.forward_encoded(x)[:, 0].sum(), x)
    assert (
        np.abs((gradient * (x - r[0])).sum((1, 2)).detach().numpy() - difference).max() > 0.1 * np.abs(difference).max()
    )


def test_a_sequence_of_unknown_bases_has_a_finite_result():
    for name in NAMES:
        assert build(name)(torch.full((2, 30), 4, dtype=torch.uint8)).isfinite().all()


@pytest.mark.parametrize("name", NAMES)
def test_a_single_base_trains_by_running_moments(name):
    network = build(name, 6).train()
    codes = torch.full((1, 6), 4, dtype=torch.uint8)
    codes[0, 2] = 1
    network(codes).sum().backward()
    assert all(parameter.grad.isfinite().all() for parameter in network.parameters() if parameter.grad is not None)
    lonely = build(name, 1).train()
    assert lonely(torch.zeros(1, 1, dtype=torch.uint8)).isfinite().all()


def test_long_sequences_are_processed_in_small_batches():
    sizes = [(build("legnet", columns).rows, build("legnet", columns).scored) for columns in (101, 3020, 10_000)]
    assert sizes == [(192, 256), (10, 43), (3, 13)]


def test_masked_columns_are_excluded_like_unknown_bases():
    genes = Geometry(upstream=12, downstream=6, pad=2)
    network, codes = build("legnet", geometry=genes), random_codes(3, genes.columns)
    hidden = torch.from_numpy(genes.hide(codes.numpy()))
    torch.testing.assert_close(network(codes), network(hidden), rtol=0, atol=0)


def test_on_one_hot_bases_a_stem_of_curves_is_a_convolution():
    # Curves are evaluated at 0 and 1 only.
    network, codes = build("legnet-ckan"), random_codes(2, 30)
    layer, x = network.stem.convolution, network.encode(codes)
    with torch.no_grad():
        i, j, tap = torch.meshgrid(torch.arange(4), torch.arange(8), torch.arange(5), indexing="ij")
        low, high = (sum(layer.edge_functions(i, j, tap, torch.tensor([at]).double()))[0] for at in (0.0, 1.0))
        inside = functional.conv1d(x, (high - low).permute(1, 0, 2)) + low.sum((0, 2))[:, None]
        expected = inside + layer.base_bias[:, None]
    torch.testing.assert_close(layer(x[:, :, None])[:, :, 0, 2:-2], expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_rounded_products_are_close_to_exact_ones(name):
    network, codes = build(name).float(), random_codes(4, 30)
    exact = network(codes)
    set_precision(network, "bfloat16")
    rounded = network(codes)
    assert rounded.dtype == torch.float32
    assert not torch.equal(rounded, exact)
    torch.testing.assert_close(rounded, exact, rtol=0.1, atol=0.1)


@pytest.mark.parametrize("name", ["legnet-lkan", "legnet-ckan"])
def test_smooth_initial_curves_are_equally_steep_on_any_grid(name):
    kind, found = architecture(name), {}
    for initial in ("smooth", "variance"):
        torch.manual_seed(0)
        found[initial] = kind.build(make_config(name, Geometry.plain(20), SMALL | {"grid": 20, "initial": initial}))
    for key, weight in found["variance"].state_dict().items():
        times = 20 if key.endswith("spline_weight") else 1
        torch.testing.assert_close(found["smooth"].state_dict()[key] * times, weight, rtol=1e-6, atol=0, msg=key)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("legnet", {"widths": "64"}, r"widths are '64'; specify the widths of the stem and of each block"),
        ("legnet", {"widths": "64,x"}, r"widths are '64,x'"),
        ("legnet", {"widths": "8,0"}, r"widths are '8,0'"),
        ("legnet", {"widths": "8,5", "expansion": 1}, r"a block of 5 · 1 channels cannot be divided into groups of 2"),
        ("legnet-lkan", {"replaced": 3}, r"replaced is 3; there are 2 blocks"),
        ("legnet-lkan", {"basis": "wavelet"}, r"basis 'wavelet' is unknown; choose bspline, rbf"),
        ("legnet-lkan", {"basis": "rbf", "grid": 1}, r"at least 2 Gaussians"),
        ("legnet-ckan", {"replaced": "stems"}, r"replaced 'stems' is unknown; choose both, stem, final"),
        ("legnet-ckan", {"initial": "fastkan"}, r"initial 'fastkan' is unknown; choose smooth, variance"),
        ("legnet-ckan", {"low": 2.0}, r"low is 2.0 and high 1.0"),
    ],
)
def test_invalid_options_are_refused(name, options, message):
    with pytest.raises(BadOption, match=message):
        make_config(name, Geometry.plain(20), SMALL | options)


@pytest.mark.parametrize("parameters", [60_000, 500_000, pytest.param(22_000_000, marks=pytest.mark.slow)])
def test_all_three_can_be_matched_in_size(parameters):
    counts = []
    for name in NAMES:
        kind = architecture(name)
        config = match_parameters(kind, make_config(name, Geometry.plain(101)), parameters)
        counts.append(count_parameters(kind, config))
        assert config.channels[0] >= config.channels[-1] >= 1
    assert all(abs(count - parameters) < 0.02 * parameters for count in counts)


def test_sizes_that_cannot_be_matched_are_refused():
    kind = architecture("legnet")
    with pytest.raises(BadOption, match=r"'legnet' cannot have 100 parameters: the nearest is [\d,]+; choose another"):
        match_parameters(kind, make_config("legnet", Geometry.plain(50)), 100)
    with pytest.raises(BadOption, match=r"the model 'gc' has no adjustable widths"):
        match_parameters(architecture("gc"), make_config("gc", Geometry.plain(50)), 100)


def test_costs_match_a_count_by_hand():
    # Columns times weights, a multiplication and an addition each; squeeze-and-excitation has one column.
    config = make_config("legnet", Geometry.plain(30), {"widths": "8,6", "kernel": 3}, 2)
    columns = 4 * 8 * 3 + 8 * 24 + 24 * 2 * 3 + 24 * 8 + 16 * 6 * 3 + 6 * 2
    once = 24 * 2 + 2 * 24
    cost = cost_of(architecture("legnet"), config)
    assert cost.flops == 2 * (30 * columns + once)
    norms = 2 * (8 + 24 + 24 + 8 + 6)
    assert cost.parameters == columns + once + norms + 2 == parameter_count(architecture("legnet").build(config))
    # The same network with curves: eight splines and SiLU per edge instead of one weight.
    curves = make_config("legnet-lkan", Geometry.plain(30), {"widths": "8,6", "kernel": 3}, 2)
    assert cost_of(architecture("legnet-lkan"), curves).flops == cost.flops + 2 * 8 * once
