from collections import Counter
from itertools import permutations

import numpy as np
import pytest
from scipy.stats import chisquare

from kanseq.sequences.shuffles import dinucleotide_shuffles

CODES = {letter: code for code, letter in enumerate("ACGTN")}


def codes_of(*sequences):
    return np.array([[CODES[letter] for letter in sequence] for sequence in sequences], dtype=np.uint8)


def pairs(row):
    return Counter(zip(row[:-1].tolist(), row[1:].tolist(), strict=True))


@pytest.fixture(scope="module")
def genes():
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 4, (12, 400)).astype(np.uint8)
    codes[:, 100:103] = 4
    codes[1] = 4
    codes[2, ::2] = 4
    codes[3] = 0
    codes[4] = 0
    codes[4, 200] = 1
    codes[5] = rng.choice([0, 3], 400)
    codes[6, :5], codes[6, 395:] = 4, 4
    codes[7, rng.random(400) < 0.1] = 4
    return codes


def test_dinucleotide_counts_and_positions_of_n_are_preserved(genes):
    shuffled = dinucleotide_shuffles(genes, [f"g{i}" for i in range(12)], 4)
    assert shuffled.shape == (12, 4, 400)
    assert shuffled.dtype == np.uint8
    for row, copies in zip(genes, shuffled, strict=True):
        for copy in copies:
            # With N as a fifth letter, this implies the same counts in every run, and its first and last base.
            assert pairs(copy) == pairs(row)
            assert ((copy == 4) == (row == 4)).all()
    assert 0.6 < (shuffled[0] != genes[0]).mean() < 0.85


def test_runs_between_n_are_shuffled_separately():
    codes = codes_of("AACCGGTTACGTAACCNNNTTTTTTTTTGTTTTT")
    for copy in dinucleotide_shuffles(codes, ["g"], 20)[0]:
        assert pairs(copy[:16]) == pairs(codes[0, :16])
        assert pairs(copy[19:]) == pairs(codes[0, 19:])
        assert (copy[0], copy[15], copy[19], copy[-1]) == (0, 1, 3, 3)


@pytest.mark.parametrize("sequence", ["ACAGATA", "AACAGACA", "ACGACTAC", "GGAGGTGAAG", "CACTCGCATC"])
def test_all_orders_with_these_dinucleotides_are_equally_likely(sequence):
    codes = codes_of(sequence)
    inner = {(sequence[0], *middle, sequence[-1]) for middle in permutations(sequence[1:-1])}
    expected = pairs(codes[0])
    possible = {"".join(order) for order in inner if pairs(codes_of(order)[0]) == expected}
    found = dinucleotide_shuffles(codes, ["g"], 4000, seed=1)[0]
    counts = Counter("".join("ACGT"[code] for code in row) for row in found)
    assert set(counts) == possible
    assert len(possible) > 1
    assert chisquare([counts[order] for order in sorted(possible)]).pvalue > 0.001


def test_a_shuffle_depends_only_on_seed_name_and_sequence(genes):
    names = [f"g{i}" for i in range(12)]
    together = dinucleotide_shuffles(genes, names, 3)
    alone = np.concatenate([dinucleotide_shuffles(genes[i : i + 1], names[i : i + 1], 3) for i in range(12)])
    backwards = dinucleotide_shuffles(genes[::-1], names[::-1], 3)[::-1]
    np.testing.assert_array_equal(alone, together)
    np.testing.assert_array_equal(backwards, together)
    np.testing.assert_array_equal(dinucleotide_shuffles(genes, names, 5)[:, :3], together)
    assert (dinucleotide_shuffles(genes[:1], ["other"], 1) != together[:1, :1]).any()
    assert (dinucleotide_shuffles(genes[:1], names[:1], 1, seed=1) != together[:1, :1]).any()


def test_the_stream_of_random_numbers_is_the_same_across_versions():
    copy = dinucleotide_shuffles(codes_of("ACGTTGCAAGCTTACCGATAGGCT"), ["AT1G01010"], 1)[0, 0]
    assert "".join("ACGTN"[code] for code in copy) == "AGGCGTACGCCTGACAAGCTTTAT"


def test_single_bases_and_empty_sets_are_returned_unchanged():
    assert dinucleotide_shuffles(codes_of("A", "N"), ["a", "b"], 2).tolist() == [[[0], [0]], [[4], [4]]]
    assert dinucleotide_shuffles(np.zeros((0, 9), dtype=np.uint8), [], 2).shape == (0, 2, 9)
