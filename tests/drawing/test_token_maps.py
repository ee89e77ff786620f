import numpy as np
import pytest
import torch

from kanseq.attribution.activations import activations
from kanseq.attribution.edges import NetworkStatistics
from kanseq.drawing.token_maps import (
    TokenMap,
    TokenMaps,
    column_scores,
    draw_positions,
    draw_token_map,
    position_table,
)
from kanseq.errors import BadOption
from kanseq.geometry import Geometry
from kanseq.models.network import pad_to_tokens
from kanseq.models.registry import architecture, make_config

GEOMETRY = Geometry(upstream=16, downstream=8, pad=8)


def build(name, geometry=GEOMETRY, **options):
    torch.manual_seed(0)
    return architecture(name).build(make_config(name, geometry, options)).eval()


def some_codes(n, geometry=GEOMETRY):
    return torch.randint(0, 5, (n, geometry.columns), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


def maps_of(network, codes, layer=None):
    maps = TokenMaps(network, layer)
    for batch in activations(network, codes.split(3), maps.watch):
        maps.add(batch, (batch.outputs[:, 1] - batch.outputs[:, 0]).double().numpy())
    return maps.result()


@pytest.mark.parametrize("options", [{}, {"token_hidden": 4}, {"channels": 7}])
def test_token_norms_before_and_after_mixing_are_sorted_by_logit(options):
    mixer, codes = build("kan-mixer", **{"channels": 5, **options}), some_codes(8)
    found = maps_of(mixer, codes)
    with torch.no_grad():
        h = mixer._tokens(pad_to_tokens(mixer.encode(codes)))
        mixed = mixer.token(h)
        after = mixed + h if "token_hidden" in options else mixed
        outputs = mixer(codes)
    logits = (outputs[:, 1] - outputs[:, 0]).double()
    order = logits.argsort()
    assert (found.layer, found.last) == ("token.0", "token.1" if "token_hidden" in options else "token.0")
    np.testing.assert_allclose(found.before, h.norm(dim=1)[order], rtol=1e-5)
    np.testing.assert_allclose(found.after, after.norm(dim=1)[order], rtol=1e-5)
    np.testing.assert_allclose(found.logits, logits[order], atol=1e-5)


def test_a_layer_can_be_chosen_by_name():
    mixer, codes = build("kan-mixer", channels=5, token_hidden=4), some_codes(4)
    found = maps_of(mixer, codes, "token")
    with torch.no_grad():
        h = mixer._tokens(pad_to_tokens(mixer.encode(codes)))
        mixed = mixer.token(h).norm(dim=1)
    assert found.layer == "token"
    np.testing.assert_allclose(np.sort(found.after, axis=0), mixed.sort(dim=0).values, rtol=1e-5)
    # The output of the first of two token layers has no token axis.
    assert maps_of(mixer, codes, "token.0").after is None


def test_a_network_without_a_token_axis_has_no_map():
    assert maps_of(build("kan", hidden=3), some_codes(4)) is None


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        ("tokens", "has no layer 'tokens'; choose token"),
        ("stem", "'stem' does not run as a module"),
        ("token.1", "has no input axis of 7 tokens"),
    ],
)
def test_a_layer_that_does_not_fit_is_refused(layer, words):
    with pytest.raises(BadOption, match=words):
        maps_of(build("kan-mixer", channels=5, token_hidden=4), some_codes(4), layer)


def test_the_same_maps_give_the_same_bytes(tmp_path):
    values = np.random.default_rng(0).random((9, 7))
    for name in ("a.png", "b.png"):
        draw_token_map(TokenMap("token", "token", values, values[::-1], np.arange(9.0)), GEOMETRY, tmp_path / name)
    assert (tmp_path / "a.png").read_bytes()[:4] == b"\x89PNG"
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


@pytest.mark.parametrize("geometry", [Geometry(upstream=600, downstream=8, pad=0), Geometry.plain(56)])
def test_a_single_map_is_drawn_for_other_geometries(geometry, tmp_path):
    values = np.random.default_rng(0).random((9, geometry.tokens))
    draw_token_map(TokenMap("token", "token", values, None, np.arange(9.0)), geometry, tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes()[:4] == b"\x89PNG"


def test_equal_maps_of_one_sequence_are_drawn(tmp_path):
    draw_token_map(
        TokenMap("token", "token", np.ones((1, 7)), np.ones((1, 7)), np.zeros(1)), GEOMETRY, tmp_path / "a.png"
    )
    assert (tmp_path / "a.png").exists()


def test_scores_of_one_hot_inputs_are_summed_over_the_bases_of_a_column():
    network = build("kan", hidden=3)
    statistics = NetworkStatistics(GEOMETRY)
    for batch in activations(network, [some_codes(20)]):
        statistics.add(batch)
    scores = statistics.scores()
    values = column_scores(statistics, scores)
    inputs = scores["layers.0"].inputs
    assert values[3] == pytest.approx(sum(inputs[base * 56 + 3] for base in range(4)))
    assert values.sum() == pytest.approx(inputs.sum())


def test_a_network_on_tokens_has_no_column_scores():
    statistics = NetworkStatistics(GEOMETRY)
    for batch in activations(build("kan-mixer", channels=5), [some_codes(3)]):
        statistics.add(batch)
    assert column_scores(statistics, statistics.scores()) is None


def test_the_position_table_has_sums_per_token():
    table = position_table(np.arange(60.0), Geometry(upstream=18, downstream=8, pad=8))
    assert table.iloc[[0, 18, 28, 59]]["place"].tolist() == ["TSS-18", "TSS+0", "padding", "TTS+18"]
    assert table["token"].tolist() == [column // 8 for column in range(60)]
    # 0 + 1 + … + 7, and 56 + 57 + 58 + 59 in the last, shorter token.
    assert table["token_score"].iloc[[0, 7, 59]].tolist() == [28, 28, 230]


@pytest.mark.parametrize("geometry", [GEOMETRY, Geometry.plain(56)])
def test_scores_along_the_windows_are_drawn(geometry, tmp_path):
    values = np.random.default_rng(0).random(56)
    draw_positions(values, geometry, tmp_path / "a.png")
    draw_positions(values, geometry, tmp_path / "b.png")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
