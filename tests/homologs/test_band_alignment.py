import numpy as np
import pytest

from kanseq.homologs import band_alignment
from kanseq.homologs.band_alignment import align_in_bands, bit_scores
from kanseq.homologs.blosum import gains

LETTERS = "ARNDCQEGHILKMFPSTWYV"


def slow_score(one, other, score):
    """Compute the Smith-Waterman score with the gaps of Gotoh, cell by cell."""
    best = 0
    cells, down = [[0] * (len(other) + 1) for _ in range(len(one) + 1)], [-(10**9)] * (len(other) + 1)
    for i, a in enumerate(one, 1):
        right = -(10**9)
        for j, b in enumerate(other, 1):
            down[j] = max(cells[i - 1][j] - 12, down[j] - 1)
            right = max(cells[i][j - 1] - 12, right - 1)
            cells[i][j] = max(0, cells[i - 1][j - 1] + score(a, b), down[j], right)
            best = max(best, cells[i][j])
    return best


def relative(random, letters):
    """Replace a third of the letters, delete some and insert others."""
    kept = [random.choice(list(LETTERS)) if random.random() < 1 / 3 else letter for letter in letters]
    text = "".join(kept)
    return text[:20] + text[24:38] + "".join(random.choice(list(LETTERS), 3)) + text[38:]


def test_scores_match_the_unbanded_recursion():
    random = np.random.default_rng(0)
    ones = ["".join(random.choice(list(LETTERS), size)) for size in random.integers(30, 60, size=40)]
    others = [relative(random, one) if number % 2 else one[::-1] for number, one in enumerate(ones)]
    proteins = [text.encode() for text in ones + others]
    pairs = np.arange(40)
    found = align_in_bands(proteins, pairs, pairs + 40, np.zeros(40, dtype=np.int64))
    table = gains()

    def score(a, b):
        return int(table[LETTERS.index(a), LETTERS.index(b)])

    expected = [slow_score(one, other, score) for one, other in zip(ones, others, strict=True)]
    # Related proteins differ by short gaps; alignments of unrelated ones may be outside the band.
    assert found.score[1::2].tolist() == expected[1::2]
    assert (found.score <= expected).all()


def test_the_matrix_is_symmetric_and_has_the_known_scores():
    table = gains()
    assert (table == table.T).all()
    known = {"WW": 11, "CC": 9, "AA": 4, "LI": 2, "WG": -2, "FY": 3, "DE": 2, "KR": 2, "CE": -4}
    assert {pair: int(table[LETTERS.index(pair[0]), LETTERS.index(pair[1])]) for pair in known} == known


def test_spans_and_identities_of_an_alignment_by_hand():
    # WWWW scores 44, the gap of two letters costs 13, and MMMM scores 20, so the two stay joined.
    proteins = [b"AAWWWWMMMMAA", b"CWWWWDDMMMMC"]
    one, other = np.array([0]), np.array([1])
    found = align_in_bands(proteins, one, other, np.array([0]))
    assert [int(field[0]) for field in found] == [51, 2, 10, 8]
    # In the other direction the two letters of the gap belong to the query.
    found = align_in_bands(proteins, other, one, np.array([0]))
    assert [int(field[0]) for field in found] == [51, 1, 11, 8]


def test_nothing_aligns_outside_the_band():
    proteins = [b"W" * 20 + b"A" * 200, b"A" * 200 + b"W" * 20]
    one, other = np.array([0]), np.array([1])
    assert align_in_bands(proteins, one, other, np.array([-200])).score[0] == 220
    assert align_in_bands(proteins, one, other, np.array([500])).score[0] == 0
    # Diagonal -200 is the first of the band around -168 and the last of the band around -231.
    edges = [align_in_bands(proteins, one, other, np.array([middle])).score[0] for middle in (-167, -168, -231, -232)]
    assert [score == 220 for score in edges] == [False, True, True, False]


@pytest.mark.parametrize("batch", [1, 3, 1024])
def test_the_batch_size_does_not_change_the_result(monkeypatch, batch):
    monkeypatch.setattr(band_alignment, "_BATCH", batch)
    proteins = [b"MKWVTFISLLF", b"MKWVTFISL", b"KWVTFI", b"GGGGGGGG"]
    one, other = np.array([0, 1, 2, 3]), np.array([1, 2, 0, 0])
    found = align_in_bands(proteins, one, other, np.zeros(4, dtype=np.int64))
    # M 5, K 5, W 11, V 4, T 5, F 6, I 4, S 4, L 4
    assert found.score.tolist() == [48, 35, 35, 0]
    assert found.identities.tolist() == [9, 6, 6, 0]


def test_bits_of_a_score():
    # (0.267 * 118 - ln 0.041) / ln 2
    assert bit_scores(np.array([118]))[0] == pytest.approx(50.06, abs=0.01)
