"""The search for homologs without any program: shared words of a smaller alphabet, then alignments in a band.

In: proteins. Out: hits as :mod:`kanseq.data.aligners` gives them. A fallback: it sees less than the programs do.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import gammainc

from kanseq.data.local_alignment import BAND, align_in_bands, bit_scores

ALPHABET = ("LVIM", "C", "A", "G", "ST", "P", "FYW", "EDNQ", "KR", "H")
"""Murphy, Wallqvist and Levy's ten groups of amino acids (2000): letters of a group count as the same."""

MOST_PROTEINS = 200
"""A word that more proteins have says nothing of any two of them."""

CHANCE = 1e-5
"""A pair of proteins is aligned where so many shared words on neighbouring diagonals are rarer than this by chance."""

MASK_WINDOW, MASK_BITS = 12, 2.2
"""Words that reach into a window of so many letters with so little entropy are left out: SEG's trigger (Wootton and
Federhen 1993). Runs of one or two amino acids are common, and say nothing of descent."""

_SHORTEST_WORD, _LONGEST_WORD = 4, 12
_CHANCE_PARTNERS = 12
_SEEDS_AT_ONCE = 1 << 21
_ALIGNED_AT_ONCE = 1 << 16

_GROUP = np.full(256, len(ALPHABET), dtype=np.int64)
for _number, _letters in enumerate(ALPHABET):
    for _letter in _letters:
        _GROUP[ord(_letter)] = _number


class _Words(NamedTuple):
    """Every word of every protein, sorted by word, protein and place; a word counts once in a protein."""

    word: np.ndarray
    protein: np.ndarray
    place: np.ndarray


def sketch(proteins: Sequence[bytes]) -> pd.DataFrame:
    """Search proteins among themselves.

    Two proteins are candidates where they share more words on neighbouring diagonals than chance would have it (a
    Poisson distribution, from how common the groups of letters are); words of low complexity do not count. Candidates
    are aligned locally in a band of 64 diagonals around the one with most shared words, the shorter protein as the
    query, all letters counting. The words' length grows with the number of letters (4 to 12; 7 for three million), so
    that the work grows little faster than these.

    Returns:
        ``query, subject, start, end`` int64, ``evalue, bits, identity`` float64, as
        :func:`kanseq.data.aligners.align` has them, without hits of a protein with itself; the e-value is
        ``query's letters * all letters * 2 ** -bits``, the identity is in percent of the query's aligned letters.
    """
    lengths = np.array([len(letters) for letters in proteins], dtype=np.int64)
    parts = [_empty()]
    for one, other, diagonal in _candidates(proteins, lengths):
        swapped = lengths[one] > lengths[other]
        query, subject = np.where(swapped, other, one), np.where(swapped, one, other)
        made = align_in_bands(proteins, query, subject, np.where(swapped, -diagonal, diagonal))
        bits = bit_scores(made.score)
        part = pd.DataFrame(
            {
                "query": query,
                "subject": subject,
                "start": made.start,
                "end": made.end,
                "evalue": lengths[query] * float(lengths.sum()) * np.exp2(-bits),
                "bits": bits.round(1),
                "identity": (100.0 * made.identities / np.maximum(made.end - made.start, 1)).round(1),
            }
        )
        parts.append(part[made.score > 0])
    return pd.concat(parts[1:] or parts, ignore_index=True)


def word_length(letters: int) -> int:
    """Give the length of words at which a word of one protein has at most 12 partners by chance among ``letters``.

    Residues of proteins are so unequally common that ten groups are worth six equally common ones.

    >>> word_length(3_000), word_length(3_000_000), word_length(12_000_000)
    (4, 7, 8)
    """
    lengths = range(_SHORTEST_WORD, _LONGEST_WORD)
    return next((length for length in lengths if letters <= _CHANCE_PARTNERS * 6**length), _LONGEST_WORD)


def low_complexity(letters: bytes, lengths: np.ndarray) -> np.ndarray:
    """Say which letters of joined proteins lie in a window of one protein with too little entropy, bool ``(letters,)``.

    >>> mask = low_complexity(b"MKWVTFIDHLRNSSSSSSSSSSSSMKWVTFIDHLRN", np.array([36]))
    >>> np.flatnonzero(mask)[[0, -1]].tolist()  # five other letters among twelve have 1.95 bits, six 2.29
    [7, 28]
    """
    text = np.frombuffer(letters, dtype=np.uint8)
    low = np.zeros(len(text) + 1, dtype=np.int64)
    windows = len(text) - MASK_WINDOW + 1
    if windows < 1:
        return np.zeros(len(text), dtype=bool)
    shares = np.arange(1, MASK_WINDOW + 1) / MASK_WINDOW
    bits = np.concatenate([[0.0], -shares * np.log2(shares)])
    entropy = np.zeros(windows)
    for letter in np.unique(text):
        seen = np.concatenate([[0], np.cumsum(text == letter)])
        entropy += bits[seen[MASK_WINDOW:] - seen[:-MASK_WINDOW]]
    protein = np.repeat(np.arange(len(lengths)), lengths)
    one = protein[:windows] == protein[MASK_WINDOW - 1 :]
    # The letters from a low window's first to its last: one step up, and one down behind it.
    starts = np.flatnonzero((entropy <= MASK_BITS) & one)
    low[starts] += 1
    low[starts + MASK_WINDOW] -= 1
    return np.cumsum(low)[:-1] > 0


def _candidates(proteins: Sequence[bytes], lengths: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield pairs of proteins to align, and the middle of the band of diagonals with most shared words."""
    size = word_length(int(lengths.sum()))
    words = _words(proteins, lengths, size)
    if not len(words.word):
        return
    alike = _chance(proteins) ** size
    waiting: list[np.ndarray] = []
    for one, other, diagonal in _seeds(words, len(proteins)):
        waiting.append(_bands(one, other, diagonal, lengths, alike))
        if sum(map(len, waiting)) >= _ALIGNED_AT_ONCE:
            yield tuple(np.concatenate(waiting).T)  # type: ignore[misc]
            waiting = []
    if sum(map(len, waiting)):
        yield tuple(np.concatenate(waiting).T)  # type: ignore[misc]


def _words(proteins: Sequence[bytes], lengths: np.ndarray, size: int) -> _Words:
    """List the words, without those that hold another letter than the twenty or one of low complexity."""
    groups = _GROUP[np.frombuffer(b"".join(proteins), dtype=np.uint8)]
    groups[low_complexity(b"".join(proteins), lengths)] = len(ALPHABET)
    count = max(0, len(groups) - size + 1)
    word, whole = np.zeros(count, dtype=np.int64), np.ones(count, dtype=bool)
    for at in range(size):
        letter = groups[at : at + count]
        word = word * len(ALPHABET) + letter
        whole &= letter < len(ALPHABET)
    protein = np.repeat(np.arange(len(proteins)), lengths)
    place = np.arange(len(groups)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    whole &= protein[:count] == protein[size - 1 : size - 1 + count]
    word, protein, place = word[whole], protein[:count][whole], place[:count][whole]
    order = np.lexsort((place, protein, word))
    word, protein, place = word[order], protein[order], place[order]
    first = np.ones(len(word), dtype=bool)
    first[1:] = (word[1:] != word[:-1]) | (protein[1:] != protein[:-1])
    return _Words(word[first], protein[first], place[first])


def _chance(proteins: Sequence[bytes]) -> float:
    """Give how likely two letters are of one group, by how common the groups are."""
    letters = np.bincount(_GROUP[np.frombuffer(b"".join(proteins), dtype=np.uint8)], minlength=len(ALPHABET) + 1)
    shares = letters[: len(ALPHABET)] / letters[: len(ALPHABET)].sum()
    return float((shares**2).sum())


def _seeds(words: _Words, proteins: int) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield words that two proteins share: the proteins, the first before the second, and the diagonal.

    All seeds of a pair come together, and only so many at once that memory holds them.
    """
    first = np.flatnonzero(np.concatenate([[True], words.word[1:] != words.word[:-1]]))
    sizes = np.diff(np.append(first, len(words.word)))
    behind = np.repeat(first + sizes, sizes) - np.arange(len(words.word)) - 1
    behind[np.repeat(sizes > MOST_PROTEINS, sizes)] = 0
    of_protein = np.bincount(words.protein, weights=behind, minlength=proteins)
    block = (np.cumsum(of_protein) / _SEEDS_AT_ONCE).astype(np.int64)
    for number in np.unique(block):
        sources = np.flatnonzero((block[words.protein] == number) & (behind > 0))
        counts = behind[sources]
        one = np.repeat(sources, counts)
        other = one + 1 + np.arange(len(one)) - np.repeat(np.cumsum(counts) - counts, counts)
        yield words.protein[one], words.protein[other], words.place[one] - words.place[other]


def _bands(one: np.ndarray, other: np.ndarray, diagonal: np.ndarray, lengths: np.ndarray, alike: float) -> np.ndarray:
    """Give ``(one, other, middle)`` of pairs whose fullest band holds more seeds than chance explains.

    The middle is that band's mean diagonal.
    """
    proteins, reach = len(lengths), int(lengths.max(initial=0)) // BAND + 2
    pair = one * proteins + other
    found = []
    for shift in (0, BAND // 2):
        # Bands overlap by half, so that no cluster of seeds is cut in two.
        keys, which, seeds = np.unique(
            pair * (2 * reach) + (diagonal + shift) // BAND + reach, return_inverse=True, return_counts=True
        )
        pairs, middle = keys // (2 * reach), np.bincount(which.ravel(), weights=diagonal) // seeds
        shorter = np.minimum(lengths[pairs // proteins], lengths[pairs % proteins])
        bands = (lengths[pairs // proteins] + lengths[pairs % proteins]) / (BAND // 2)
        # P(Poisson(mean) >= seeds) is the regularised incomplete gamma function of both.
        rare = (seeds > 1) & (gammainc(seeds, BAND * shorter * alike) * bands <= CHANCE)
        found.append(np.stack([pairs, -seeds, middle.astype(np.int64)], axis=1)[rare])
    rows = np.concatenate(found)
    rows = rows[np.lexsort((rows[:, 2], rows[:, 1], rows[:, 0]))]
    rows = rows[np.unique(rows[:, 0], return_index=True)[1]]
    return np.stack([rows[:, 0] // proteins, rows[:, 0] % proteins, rows[:, 2]], axis=1)


def _empty() -> pd.DataFrame:
    """Give a table of no hits."""
    whole = {name: np.zeros(0, dtype=np.int64) for name in ("query", "subject", "start", "end")}
    return pd.DataFrame({**whole, **{name: np.zeros(0) for name in ("evalue", "bits", "identity")}})
