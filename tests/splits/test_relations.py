"""Related rows in two subsets, by groups and by pairs, compared with loops over all pairs."""

import numpy as np
import pytest

from kanseq.splits.relations import Groups, GroupsOfTwo, both_ways

NUMBERS = np.random.default_rng(0).integers(0, 12, 40)
PARTS = 3 * NUMBERS + np.random.default_rng(1).integers(0, 3, 40)


def relatives(apart=False):
    """Return all pairs of rows of one group; with ``apart`` only those in different parts of it."""
    rows = range(40)
    same = [(a, b) for a in rows for b in rows if a != b and NUMBERS[a] == NUMBERS[b]]
    return [(a, b) for a, b in same if not apart or PARTS[a] != PARTS[b]]


@pytest.mark.parametrize(
    ("relation", "expected"),
    [
        (Groups(NUMBERS), relatives()),
        (both_ways(*np.array(relatives()).T), relatives()),
        (GroupsOfTwo(NUMBERS, PARTS), relatives(apart=True)),
    ],
)
def test_pairs_across_are_counted_and_the_first_named_without_pairs_of_a_row_with_itself(relation, expected):
    random = np.random.default_rng(2)
    one, other = random.random(40) < 0.5, random.random(40) < 0.5
    assert (one & other).any()
    across = [(a, b) for a, b in expected if one[a] and other[b]]
    found = relation.across(one, other, 5)
    assert len(across) > 10
    assert found.pairs == len(across)
    assert found.rows.tolist() == sorted({a for a, _ in across})
    assert [tuple(pair) for pair in found.named.tolist()] == across[:5]
    assert relation.across(one, other, 0).named.shape == (0, 2)
    assert relation.across(one, np.zeros(40, dtype=bool), 5).pairs == 0


def test_groups_and_their_pairs_return_the_same_first_related_row():
    sources = np.random.default_rng(3).random(40) < 0.2
    pairs = both_ways(*np.array(relatives()).T)
    for by_groups, by_pairs in zip(Groups(NUMBERS).first(sources), pairs.first(sources), strict=True):
        assert by_groups.tolist() == by_pairs.tolist()
    rows, partners = pairs.first(sources)
    assert len(rows) > 5
    for row, partner in zip(rows, partners, strict=True):
        assert partner == min(b for a, b in relatives() if a == row and sources[b])


def test_pairs_of_another_relation_can_be_removed():
    pairs = both_ways(np.array([0, 2, 5]), np.array([1, 3, 5]))
    assert pairs.rows.tolist() == [[1, 0], [0, 1], [3, 2], [2, 3]]
    assert pairs.without(both_ways(np.array([3]), np.array([2]))).rows.tolist() == [[1, 0], [0, 1]]
    assert pairs.without(Groups(np.array([7, 7, 0, 1, 2, 3]))).rows.tolist() == [[3, 2], [2, 3]]
