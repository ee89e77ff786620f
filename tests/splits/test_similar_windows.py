"""Nearly identical windows, compared with sets of 32-mers built letter by letter."""

import numpy as np
import pandas as pd

from kanseq.geometry import Geometry
from kanseq.sequences.sequence_set import SequenceSet
from kanseq.splits import similar_windows as module
from kanseq.splits.similar_windows import similar_windows

COMPLEMENT = str.maketrans("ACGT", "TGCA")


def words_of(window):
    """Return the 32-mers of a window, each on the strand that is first in alphabetical order."""
    words = [window[start : start + 32] for start in range(len(window) - 31)]
    return {min(word, word.translate(COMPLEMENT)[::-1]) for word in words if set(word) <= set("ACGT")}


def family(count, length, seed, stock_of, pieces=4):
    """Build sequences from pieces of a small stock, on either strand, some with an unknown letter."""
    random = np.random.default_rng(seed)
    stock = ["".join(random.choice(list("ACGT"), length // pieces)) for _ in range(stock_of)]
    made = []
    for _ in range(count):
        text = "".join(stock[number] for number in random.integers(0, len(stock), pieces))
        text = text.translate(COMPLEMENT)[::-1] if random.random() < 0.5 else text
        at = random.integers(0, length)
        made.append(text[:at] + "N" + text[at + 1 :] if random.random() < 0.3 else text)
    return made


def expected(windows, rows):
    words = [words_of(window) for window in windows]
    pairs = set()
    for a, one in enumerate(words):
        for b, other in enumerate(words):
            if rows[a] != rows[b] and one & other and len(one & other) >= 0.5 * max(len(one), len(other)):
                pairs.add((rows[a], rows[b]))
    return pairs


def test_a_plain_sequence_is_one_window(monkeypatch):
    sequences = family(60, 160, 0, stock_of=4)
    table = pd.DataFrame({"id": range(60), "species": ".", "length": 160, "sequence": sequences}).astype({"id": str})
    monkeypatch.setattr(module, "_CHUNK", 7)
    found = {tuple(pair) for pair in similar_windows(SequenceSet(table, Geometry.plain(160))).rows.tolist()}
    assert found == expected(sequences, range(60))
    assert len(found) > 20


def test_both_windows_of_a_gene_are_compared_with_both_windows_of_another():
    halves = family(60, 80, 1, stock_of=6, pieces=2)
    sequences = [one + "NNNN" + other for one, other in zip(halves[::2], halves[1::2], strict=True)]
    table = pd.DataFrame({"id": range(30), "species": ".", "length": 164, "sequence": sequences}).astype({"id": str})
    genes = SequenceSet(table, Geometry(upstream=50, downstream=30, pad=4))
    found = {tuple(pair) for pair in similar_windows(genes).rows.tolist()}
    assert found == expected(halves, [number // 2 for number in range(60)])
    assert len(found) > 10


def test_a_sample_of_words_finds_complete_copies_in_large_sets(monkeypatch):
    random = np.random.default_rng(4)
    sequences = ["".join(random.choice(list("ACGT"), 400)) for _ in range(20)]
    sequences[7] = sequences[3].translate(COMPLEMENT)[::-1]
    table = pd.DataFrame({"id": range(20), "species": ".", "length": 400, "sequence": sequences}).astype({"id": str})
    monkeypatch.setattr(module, "_MOST", 1000)
    assert similar_windows(SequenceSet(table, Geometry.plain(400))).rows.tolist() == [[7, 3], [3, 7]]


def test_words_in_too_many_windows_are_ignored_and_short_windows_have_no_words(monkeypatch):
    sequence = "ACGATTGCAT" + "GCCATTAGAC" * 3
    table = pd.DataFrame({"id": list("abcd"), "species": ".", "length": 40, "sequence": sequence})
    assert len(similar_windows(SequenceSet(table, Geometry.plain(40))).rows) == 12
    monkeypatch.setattr(module, "COMMON", 3)
    assert len(similar_windows(SequenceSet(table, Geometry.plain(40))).rows) == 0
    short = table.assign(sequence="ACGT", length=4)
    assert len(similar_windows(SequenceSet(short, Geometry.plain(4))).rows) == 0
