"""KAN-Words: both ways in agree, words are cut by no grid, and reading frames are found without labels."""

import numpy as np
import pytest
import torch

from kanseq.errors import BadOption
from kanseq.geometry import Geometry
from kanseq.models.gene_parts import growing_knots, parts_of
from kanseq.models.reading_frames import STOPS, ReadingFrames
from kanseq.models.registry import architecture, make_config

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
def test_codes_and_their_one_hot_columns_give_the_same(geometry, options):
    network, codes = build(geometry, **options), drawn(geometry)
    network.prepare([codes[:7], codes[7:]])
    shaken(network)
    found = network(codes)
    assert found.shape == (20, options.get("outputs", 1))
    torch.testing.assert_close(network.forward_encoded(network.encode(codes)), found)


def test_it_begins_with_nothing_and_is_prepared_alike_in_any_batches():
    geometry = GEOMETRIES[0]
    codes, one, other = drawn(geometry), build(geometry), build(geometry)
    assert (one(codes) == 0).all()
    one.prepare([codes])
    other.prepare(codes.split(3))
    for name, tensor in one.state_dict().items():
        torch.testing.assert_close(other.state_dict()[name], tensor, msg=name)


def test_frames_and_codons_are_of_what_is_transcribed_and_seen():
    assert build(GEOMETRIES[0]).channels == [
        "upstream", "after TSS", "before TTS", "downstream", "codons after TSS", "codons before TTS"
    ]  # fmt: skip
    assert build(GEOMETRIES[1]).channels == ["upstream", "downstream"]
    assert build(GEOMETRIES[1]).frames is None
    assert build(GEOMETRIES[5]).channels == ["sequence"]
    assert build(GEOMETRIES[0], frames=False).frames is None


def test_a_word_counts_the_same_at_whatever_phase_it_stands():
    geometry = Geometry.plain(400)
    network = shaken(build(geometry))
    at = [network(place("GATTACA", start)).item() - network(place("", start)).item() for start in range(200, 208)]
    # The curves are smooth: neighbours differ by little, and no border of a token stands out.
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
    # Codons of a coding sequence are drawn by a usage of their own, without stops; all else is drawn evenly.
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


def test_knots_lie_closer_to_the_sites():
    upstream = parts_of(Geometry())[0]
    knots = growing_knots(upstream, 30, 2)
    assert list(np.diff(knots)) == sorted(np.diff(knots))
    assert growing_knots(parts_of(Geometry.plain(5))[0], 30, 2) == (0, 1, 2, 3, 4, 5)


@pytest.mark.parametrize("options", [{"k": 7}, {"knot": 0}, {"growth": 0.5}, {"order": 9}, {"codon_gain": 0}])
def test_options_out_of_range_are_refused(options):
    with pytest.raises(BadOption):
        make_config("kan-words", Geometry(), options)
