"""KAN-Words: codes and one-hot columns agree, no grid cuts words, and reading frames are found without labels."""

import numpy as np
import pytest
import torch

from kanseq.errors import BadOption
from kanseq.geometry import Geometry
from kanseq.models.networks.gene_regions import SiteSide, end_knots, growing_knots, parts_of, stretch_of
from kanseq.models.networks.kan_words import spread
from kanseq.models.networks.reading_frames import STOPS, ReadingFrames
from kanseq.models.registry import architecture, make_config
from kanseq.training.settings import make_optimizer, settings_for

GEOMETRIES = (
    Geometry(upstream=90, downstream=60, pad=8),
    Geometry(upstream=90, downstream=60, pad=8, visible="flanks"),
    Geometry(upstream=90, downstream=60, pad=8, visible="transcribed"),
    Geometry(upstream=40, downstream=0, pad=0),
    Geometry(upstream=0, downstream=40, pad=3),
    Geometry.plain(70),
    Geometry.plain(2),
)


def build(geometry, dtype=torch.float64, **options):
    torch.manual_seed(0)
    return architecture("kan-words").build(make_config("kan-words", geometry, options)).to(dtype)


def shaken(network):
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return network


def drawn(geometry, rows=20):
    return torch.from_numpy(np.random.default_rng(1).integers(0, 5, (rows, geometry.columns)).astype(np.uint8))


@pytest.mark.parametrize(
    "options", [{}, {"k": 2}, {"k": 4, "order": 1}, {"outputs": 3}, {"frames": False}, {"join_gain": 0}]
)
@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_codes_and_one_hot_columns_have_the_same_outputs(geometry, options):
    network, codes = build(geometry, **options), drawn(geometry)
    network.prepare([codes[:7], codes[7:]])
    shaken(network)
    found = network(codes)
    assert found.shape == (20, options.get("outputs", 1))
    torch.testing.assert_close(network.forward_encoded(network.encode(codes)), found)


def test_initial_outputs_are_zero_and_preparation_does_not_depend_on_batches():
    geometry = GEOMETRIES[0]
    codes, one, other = drawn(geometry), build(geometry), build(geometry)
    assert (one(codes) == 0).all()
    one.prepare([codes])
    other.prepare(codes.split(3))
    for name, tensor in one.state_dict().items():
        torch.testing.assert_close(other.state_dict()[name], tensor, msg=name)


def test_only_visible_transcribed_parts_have_frames_and_codons():
    assert build(GEOMETRIES[0]).channels == [
        "upstream", "after TSS", "before TTS", "downstream", "codons after TSS", "codons before TTS"
    ]  # fmt: skip
    assert build(GEOMETRIES[1]).channels == ["upstream", "downstream"]
    assert build(GEOMETRIES[1]).frames is None
    assert build(GEOMETRIES[5]).channels == ["sequence"]
    assert build(GEOMETRIES[0], frames=False).frames is None


def test_the_effect_of_a_word_does_not_depend_on_its_phase():
    geometry = Geometry.plain(400)
    network = shaken(build(geometry))
    at = [network(place("GATTACA", start)).item() - network(place("", start)).item() for start in range(200, 208)]
    # The curves are smooth: neighbours differ by little, and there are no steps at borders of tokens.
    steps = np.abs(np.diff(at))
    assert steps.max() < 3 * np.median(steps) + 1e-9
    assert np.ptp(at) < 0.5 * np.abs(at).max()


def place(word, start):
    codes = torch.full((1, 400), 4, dtype=torch.uint8)
    for offset, letter in enumerate(word):
        codes[0, start + offset] = "ACGT".index(letter)
    return codes


def test_reading_frames_are_found_from_sequences_alone():
    random = np.random.default_rng(0)
    # Codons of coding sequences are drawn by their own usage, without stops; all other bases are drawn uniformly.
    usage = random.gamma(1.0, size=64)
    usage[list(STOPS)] = 0
    usage /= usage.sum()
    rows, length = 120, 600
    codes = random.integers(0, 4, (rows, length))
    starts = random.integers(60, 120, rows)
    truth = np.zeros((rows, length - 2), dtype=bool)
    for row, start in enumerate(starts):
        codons = random.choice(64, 120, p=usage)
        bases = np.stack([codons // 16, codons // 4 % 4, codons % 4], axis=1).ravel()
        codes[row, start : start + len(bases)] = bases
        truth[row, start : start + len(bases) : 3] = True
    words = torch.from_numpy(codes[:, :-2] * 16 + codes[:, 1:-1] * 4 + codes[:, 2:])
    frames = ReadingFrames(reach=20)
    frames.learn(words)
    with torch.no_grad():
        found = frames.of_words(words).numpy()
        assert frames.score[list(STOPS)].max() < -1
    assert found[truth].mean() > 0.9
    assert found[~truth].mean() < 0.05
    known = usage > 0
    expected = np.log(usage[known] * 64)
    assert np.corrcoef(frames.score.detach().numpy()[known], expected)[0, 1] > 0.9


def test_knots_are_denser_near_the_sites():
    upstream = parts_of(Geometry())[0]
    knots = growing_knots(upstream, 30, 2)
    assert list(np.diff(knots)) == sorted(np.diff(knots))
    assert growing_knots(parts_of(Geometry.plain(5))[0], 30, 2) == (0, 1, 2, 3, 4, 5)


@pytest.mark.parametrize(
    "options", [{"k": 7}, {"knot": 0}, {"growth": 0.5}, {"growth": 1.1}, {"order": 9}, {"codon_gain": 0}]
)
def test_options_out_of_range_are_refused(options):
    with pytest.raises(BadOption):
        make_config("kan-words", Geometry(), options)


@pytest.mark.parametrize(
    "option",
    [{"knot": 11}, {"growth": 3}, {"order": 2}, {"reach": 3}, {"codon_gain": 3}, {"join_gain": 2}],
)
def test_every_option_reaches_the_output(option):
    geometry, found = GEOMETRIES[0], []
    codes = drawn(geometry)
    for options in ({}, option):
        network = build(geometry, **options)
        network.prepare([codes])
        with torch.no_grad():
            for name, parameter in network.named_parameters():
                if name != "frames.score":
                    parameter.fill_(0.01)
            # Splines add up to one, so that equal weights would hide the knots.
            network.words.weight[..., 0] = 0.3
        found.append(network(codes))
    assert (found[0] - found[1]).abs().max() > 1e-3


def test_the_bias_is_added_and_only_curves_are_decayed():
    network = build(GEOMETRIES[0])
    with torch.no_grad():
        network.bias.fill_(1.5)
    assert (network(drawn(GEOMETRIES[0])) == 1.5).all()
    kind = architecture("kan-words")
    groups = make_optimizer(network, settings_for(kind), 1000).param_groups
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    held, free = ({names[id(one)] for one in group["params"]} for group in groups)
    assert held == {"words.weight", "codons.weight", "join.spline_weight"}
    assert free == {"bias", "frames.score"}
    assert groups[0]["weight_decay"] == 2.0


def test_words_are_placed_by_the_distance_of_their_middle_from_the_site():
    upstream, behind = SiteSide("upstream", 0, 100, 100, False), SiteSide("after TSS", 100, 160, 100, True)
    before = stretch_of(upstream, 3, 500, growing_knots(upstream, 30, 2))
    assert before.positions[:2] == (98.5, 97.5)
    assert before.positions[-3:] == (1.5, 0.5, 0.5)
    after = stretch_of(behind, 3, 500, end_knots(behind))
    assert after.positions[:2] == (1.5, 2.5)
    # Words that reach beyond the end belong to the last piece, and no word begins where none fits.
    assert after.positions[-1] == 59.5
    assert stretch_of(behind, 3, 130, end_knots(behind)).stop == 130
    assert stretch_of(behind, 3, 100, end_knots(behind)) is None


@pytest.mark.parametrize("size", [1, 2, 3, 5, 100])
def test_spread_does_not_depend_on_batches(size):
    rows = torch.arange(100)
    assert spread(rows.split(size), 100).tolist() == rows.tolist()
    assert spread(rows.split(size), 30).tolist() == list(range(0, 100, 4))
    assert spread(rows.split(size), 7).tolist() == list(range(0, 100, 16))


def test_a_word_that_is_rare_in_training_does_not_dominate_a_gene():
    geometry = Geometry.plain(400)
    codes = torch.from_numpy(np.random.default_rng(0).integers(0, 3, (200, 400)).astype(np.uint8))
    codes[0, 395] = 3
    network = build(geometry, k=2)
    network.prepare([codes])
    strange = torch.full((1, 400), 3, dtype=torch.uint8)
    x = network._mixtures(network.encode(strange))[0]
    standardised = (x @ network.words.splines - network.words.mean) / network.words.scale
    assert standardised.abs().max() < 400 * 200**0.5 / 12 * 2
