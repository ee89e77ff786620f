import numpy as np
import pytest

from kanseq.homologs import builtin_search
from kanseq.homologs.builtin_search import low_complexity, sketch, word_length

LETTERS = list("ARNDCQEGHILKMFPSTWYV")


def protein(random, size):
    return "".join(random.choice(LETTERS, size)).encode()


def changed(random, letters, share):
    """Replace a share of the letters by random ones."""
    fresh = protein(random, len(letters))
    return bytes(new if random.random() < share else old for new, old in zip(fresh, letters, strict=True))


@pytest.fixture
def proteins():
    """Fifty proteins; four variants of the first with decreasing identity, and one that contains its second half."""
    random = np.random.default_rng(1)
    unrelated = [protein(random, size) for size in random.integers(150, 500, size=50)]
    first = unrelated[0]
    relatives = [changed(random, first, share) for share in (0.0, 0.2, 0.4, 0.5)]
    return [*unrelated, *relatives, protein(random, 150) + first[len(first) // 2 :]]


def test_clusters_at_the_edge_of_a_band_are_aligned_like_any_others(proteins):
    # Both are variants of the same protein without gaps, and random words match on neighbouring diagonals.
    hits = sketch(proteins)
    pair = hits[(hits["query"] == 51) & (hits["subject"] == 52)].iloc[0]
    assert pair["end"] - pair["start"] > 300


def test_related_proteins_are_found_and_unrelated_ones_are_not(proteins):
    hits = sketch(proteins)
    good = hits[(hits["bits"] >= 50) & (hits["evalue"] <= 1e-3)]
    found = {frozenset(pair) for pair in zip(good["query"], good["subject"], strict=True)}
    assert {frozenset({0, other}) for other in (50, 51, 52, 53, 54)} <= found
    assert set().union(*found) == {0, 50, 51, 52, 53, 54}


def test_identical_proteins_are_aligned_over_their_complete_length(proteins):
    hits = sketch(proteins)
    same = hits[(hits["query"] == 0) & (hits["subject"] == 50)].iloc[0]
    assert (same["start"], same["end"], same["identity"]) == (0, len(proteins[0]), 100.0)


def test_the_shorter_protein_is_the_query(proteins):
    hits = sketch(proteins)
    lengths = np.array([len(letters) for letters in proteins])
    assert (lengths[hits["query"]] <= lengths[hits["subject"]]).all()
    # It has 308 letters; the last 158 are the second half of a protein of 315.
    half = hits[(hits["query"] == 54) & (hits["subject"] == 0)].iloc[0]
    assert (half["start"], half["end"], half["identity"]) == (150, 308, 100.0)


def test_the_batch_sizes_do_not_change_the_result(proteins, monkeypatch):
    whole = sketch(proteins)
    monkeypatch.setattr(builtin_search, "_SEEDS_AT_ONCE", 50)
    parts = sketch(proteins)
    key = ["query", "subject"]
    assert parts.sort_values(key).to_numpy().tolist() == whole.sort_values(key).to_numpy().tolist()


def test_unknown_letters_are_not_part_of_words():
    assert len(sketch([b"X" * 300, b"X" * 300])) == 0


def test_runs_of_few_letters_are_not_part_of_words():
    random = np.random.default_rng(3)
    run = b"SQSSQQSSSQSQSSQSSSQQ" * 5
    assert len(sketch([protein(random, 100) + run, run + protein(random, 100)])) == 0


def test_low_complexity_is_computed_within_one_protein():
    letters, lengths = b"MKWVTFI" + b"SSSSSS" + b"SSSSSS" + b"MKWVTFI", np.array([13, 13])
    # A window of twelve with six equal letters has at least 2.3 bits; one with twelve equal letters has 0.
    assert low_complexity(letters, lengths).sum() == 0
    assert low_complexity(letters, np.array([26]))[7:19].all()
    assert low_complexity(b"SSSS", np.array([4])).tolist() == [False] * 4


@pytest.mark.parametrize("proteins", [[], [b"MKV"], [b"M", b"K"], [b"", b""]])
def test_too_few_or_too_short_proteins_have_no_hits(proteins):
    hits = sketch(proteins)
    assert len(hits) == 0
    assert list(hits.columns) == ["query", "subject", "start", "end", "evalue", "bits", "identity"]


def test_a_word_in_too_many_proteins_is_ignored(monkeypatch):
    random = np.random.default_rng(2)
    common = protein(random, 40)
    proteins = [common + protein(random, 100) for _ in range(4)]
    assert len(sketch(proteins)) > 0
    monkeypatch.setattr(builtin_search, "MOST_PROTEINS", 3)
    assert len(sketch(proteins)) == 0


def test_the_word_length_increases_with_the_size_of_the_set():
    assert [word_length(letters) for letters in (0, 15_552, 15_553, 3_359_232, 3_359_233, 10**12)] == [
        4,
        4,
        5,
        7,
        8,
        12,
    ]
