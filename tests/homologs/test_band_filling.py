"""The alignments of bands, compared with a recursion that fills one cell after the other."""

import numpy as np
import pytest

from kanseq.homologs import band_alignment
from kanseq.homologs.band_alignment import align_in_bands
from kanseq.homologs.blosum import LETTERS, gains

NEVER = (-(10**9), 0, 0)


def plus(cell, score, same=0):
    return (cell[0] + score, cell[1], cell[2] + same)


def slow(query, subject, diagonal):
    """Return score, start, end and identities of the best alignment on the 64 diagonals around ``diagonal``."""
    table = gains()
    cells, down = {}, {}
    best, end = (0, 0, 0), 0
    for i, a in enumerate(query):
        right, row = NEVER, {}
        for j in range(max(0, i - diagonal - 31), min(len(subject), i - diagonal + 33)):
            b = subject[j]
            before = max(cells.get((i - 1, j - 1), NEVER), (0, i, 0))
            score = -1 if "X" in (a, b) else int(table[LETTERS.index(a), LETTERS.index(b)])
            matched = plus(before, score, a == b != "X")
            above = max(plus(cells.get((i - 1, j), NEVER), -12), plus(down.get((i - 1, j), NEVER), -1))
            row[j] = max(matched, above, right, (0, 0, 0))
            down[i, j] = above
            right = max(plus(row[j], -12), plus(right, -1))
            cells[i, j] = row[j]
        top = max(row.values(), default=(0, 0, 0))
        if top[0] > best[0]:
            best, end = top, i + 1
    return best[0], best[1], end, best[2]


def relatives(random, count):
    """Return pairs of proteins that differ by replaced letters and gaps, and the diagonals of their bands."""
    ones, others = [], []
    for _ in range(count):
        one = random.choice(list(LETTERS + "X"), int(random.integers(20, 90)))
        other = np.where(
            random.random(len(one)) < random.uniform(0.1, 0.9), random.choice(list(LETTERS), len(one)), one
        )
        cut = int(random.integers(1, len(one)))
        extra = random.choice(list("LD"), int(random.integers(0, 30)))
        ones.append("".join(one))
        others.append("".join([*other[:cut], *extra, *other[cut + int(random.integers(0, 9)) :]]))
    return ones, others, random.integers(-40, 40, size=count)


@pytest.mark.parametrize("longest", [2048, 50])
def test_all_fields_match_the_recursion_of_cells(monkeypatch, longest):
    # With a limit of 50 rows, longer proteins use the large types of numbers.
    monkeypatch.setattr(band_alignment, "_LONG", longest)
    ones, others, diagonals = relatives(np.random.default_rng(11), 60)
    pairs = np.arange(60)
    proteins = [text.encode() for text in ones + others]
    found = align_in_bands(proteins, pairs, pairs + 60, diagonals)
    expected = [slow(*pair) for pair in zip(ones, others, diagonals.tolist(), strict=True)]
    assert np.stack(found, axis=1).tolist() == [list(pair) for pair in expected]
    assert sum(score > 60 for score, *_ in expected) > 10


def test_of_equal_alignments_the_first_end_and_the_last_start_count():
    # WW scores 22 at both ends of the query.
    found = align_in_bands([b"WWGGGGGGGGGWW", b"WW"], np.array([0]), np.array([1]), np.array([5]))
    assert [int(field[0]) for field in found] == [22, 0, 2, 2]
    # A with A scores 4 and G with I scores -4, so WW and AGWW have the same score.
    found = align_in_bands([b"AGWW", b"AIWW"], np.array([0]), np.array([1]), np.array([0]))
    assert [int(field[0]) for field in found] == [22, 2, 4, 2]


def test_long_proteins_are_aligned_over_their_complete_length():
    # 2,500 letters of 11 points each are more than an int16 holds.
    found = align_in_bands([b"W" * 3000, b"W" * 3010], np.array([0]), np.array([1]), np.array([0]))
    assert [int(field[0]) for field in found] == [33_000, 0, 3000, 3000]


def test_pairs_below_the_least_score_are_zero_and_others_unchanged():
    proteins = [b"MKWVTFISLLF", b"MKWVTFISL", b"KWVTFI", b"GGGGGGGG"]
    one, other, zeros = np.array([0, 1, 2, 3]), np.array([1, 2, 0, 0]), np.zeros(4, dtype=np.int64)
    whole = np.stack(align_in_bands(proteins, one, other, zeros), axis=1)
    assert whole.tolist() == [[48, 0, 9, 9], [35, 1, 7, 6], [35, 0, 6, 6], [0, 0, 0, 0]]
    assert np.stack(align_in_bands(proteins, one, other, zeros, least=36), axis=1).tolist() == [
        [48, 0, 9, 9],
        [0, 0, 0, 0],
        [0, 0, 0, 0],
        [0, 0, 0, 0],
    ]


def test_every_pair_is_counted_twice_for_the_progress():
    done = []
    pairs = np.array([0, 1]), np.array([1, 0]), np.array([0, 0])
    align_in_bands([b"MKWVTFISLLF", b"MKWVTFISL"], *pairs, least=10, advance=done.append)
    assert sum(done) == 4
    done.clear()
    align_in_bands([b"MKWVTFISLLF", b"MKWVTFISL"], *pairs, least=1000, advance=done.append)
    assert sum(done) == 4


def test_a_band_outside_both_proteins_has_no_alignment():
    found = align_in_bands([b"WWWW", b"WWWW"], np.array([0, 0]), np.array([1, 1]), np.array([1000, -1000]))
    assert found.score.tolist() == [0, 0]
