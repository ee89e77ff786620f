"""Search for homologs without an external program, by shared k-mers in a reduced alphabet and banded alignments.

In: proteins. Out: hits as from :mod:`kanseq.homologs.aligners`, whose programs are more sensitive than this fallback.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import gammainc

from kanseq.homologs.band_alignment import BAND, align_in_bands, bit_scores

ALPHABET = ("LVIM", "C", "A", "G", "ST", "P", "FYW", "EDNQ", "KR", "H")
"""Ten groups of amino acids (Murphy, Wallqvist and Levy 2000); letters of a group are treated as identical."""

MOST_PROTEINS = 200
"""K-mers in more proteins than this are ignored as uninformative."""

CHANCE = 1e-5
"""Two proteins are aligned if their number of shared k-mers on neighbouring diagonals has a p-value of at most this."""

MASK_WINDOW, MASK_BITS = 12, 2.2
"""Length and largest entropy (bits) of a low-complexity window; k-mers that overlap one are ignored. These are the
trigger values of SEG (Wootton and Federhen 1993). Repeats of one or two amino acids are common and not evidence of
common descent."""

_SHORTEST_WORD, _LONGEST_WORD = 4, 12
_CHANCE_PARTNERS = 12
_SEEDS_AT_ONCE = 1 << 21
_ALIGNED_AT_ONCE = 1 << 16

_GROUP = np.full(256, len(ALPHABET), dtype=np.int64)
for _number, _letters in enumerate(ALPHABET):
    for _letter in _letters:
        _GROUP[ord(_letter)] = _number


class _ProteinWords(NamedTuple):
    """The k-mers (words) of all proteins, sorted by word, protein and position; each occurs once per protein."""

    word: np.ndarray
    protein: np.ndarray
    place: np.ndarray


def sketch(proteins: Sequence[bytes]) -> pd.DataFrame:
    """Search all proteins against each other.

    Proteins are compared in a reduced alphabet, which has one letter per group of similar amino acids. Two proteins are
    candidates if they share more k-mers on neighbouring diagonals than expected by chance (a Poisson distribution,
    based on the frequencies of the groups). K-mers of low complexity are ignored. Candidates are aligned locally in a
    band of 64 diagonals around those with the most shared k-mers. The shorter protein is the query, and no letters are
    masked. k increases with the total number of letters (4 to 12; 7 for three million), so that the run time grows only
    slightly faster than the number of letters.

    Returns:
        ``query, subject, start, end`` int64, ``evalue, bits, identity`` float64, as
        :func:`kanseq.homologs.aligners.align` returns them, but without hits of a protein to itself. The e-value is
        ``query length * total length of all proteins * 2 ** -bits``. The identity is in percent of the aligned letters
        of the query.
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
    """Return the smallest k (4 to 12) for which a k-mer has at most 12 random matches in this number of letters.

    Amino acid frequencies are so uneven that ten groups are as informative as six equally frequent ones.

    >>> word_length(3_000), word_length(3_000_000), word_length(12_000_000)
    (4, 7, 8)
    """
    lengths = range(_SHORTEST_WORD, _LONGEST_WORD)
    return next((length for length in lengths if letters <= _CHANCE_PARTNERS * 6**length), _LONGEST_WORD)


def low_complexity(letters: bytes, lengths: np.ndarray) -> np.ndarray:
    """Return whether each letter is in a low-entropy window of its protein, bool ``(letters,)``.

    ``letters`` are the concatenated proteins, ``lengths`` their lengths.

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
    # Mark each window by +1 at its first letter and -1 after its last; the running sum is positive inside.
    starts = np.flatnonzero((entropy <= MASK_BITS) & one)
    low[starts] += 1
    low[starts + MASK_WINDOW] -= 1
    return np.cumsum(low)[:-1] > 0


def _candidates(proteins: Sequence[bytes], lengths: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield batches of protein pairs to align: indices of both proteins, and the middle diagonal of the band."""
    size = word_length(int(lengths.sum()))
    words = _words(proteins, lengths, size)
    if not len(words.word):
        return
    word_chance = _chance(proteins) ** size
    waiting: list[np.ndarray] = []
    for one, other, diagonal in _seeds(words, len(proteins)):
        waiting.append(_bands(one, other, diagonal, lengths, word_chance))
        if sum(map(len, waiting)) >= _ALIGNED_AT_ONCE:
            yield tuple(np.concatenate(waiting).T)  # type: ignore[misc]
            waiting = []
    if sum(map(len, waiting)):
        yield tuple(np.concatenate(waiting).T)  # type: ignore[misc]


def _words(proteins: Sequence[bytes], lengths: np.ndarray, size: int) -> _ProteinWords:
    """Return the k-mers (k is ``size``) that consist of the twenty amino acids and have no low-complexity letters."""
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
    return _ProteinWords(word[first], protein[first], place[first])


def _chance(proteins: Sequence[bytes]) -> float:
    """Return the probability that two random letters of the proteins are in the same group of :data:`ALPHABET`."""
    letters = np.bincount(_GROUP[np.frombuffer(b"".join(proteins), dtype=np.uint8)], minlength=len(ALPHABET) + 1)
    shares = letters[: len(ALPHABET)] / letters[: len(ALPHABET)].sum()
    return float((shares**2).sum())


def _seeds(words: _ProteinWords, proteins: int) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield batches of seeds, which are k-mers that two proteins share.

    A batch contains for each seed the indices of the two proteins, the smaller one first, and the diagonal. All seeds
    of a pair of proteins are in the same batch. The size of batches is limited to save memory.
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


def _bands(
    one: np.ndarray, other: np.ndarray, diagonal: np.ndarray, lengths: np.ndarray, word_chance: float
) -> np.ndarray:
    """Return ``(one, other, middle)`` of pairs that have a band of diagonals with more seeds than expected by chance.

    ``middle`` is the mean diagonal of the seeds in the band with the most seeds. ``word_chance`` is the probability
    that two random k-mers are equal.
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
        # P(Poisson(mean) >= seeds) is the regularised lower incomplete gamma function of seeds and mean.
        rare = (seeds > 1) & (gammainc(seeds, BAND * shorter * word_chance) * bands <= CHANCE)
        found.append(np.stack([pairs, -seeds, middle.astype(np.int64)], axis=1)[rare])
    rows = np.concatenate(found)
    rows = rows[np.lexsort((rows[:, 2], rows[:, 1], rows[:, 0]))]
    rows = rows[np.unique(rows[:, 0], return_index=True)[1]]
    return np.stack([rows[:, 0] // proteins, rows[:, 0] % proteins, rows[:, 2]], axis=1)


def _empty() -> pd.DataFrame:
    """Return an empty table of hits."""
    whole = {name: np.zeros(0, dtype=np.int64) for name in ("query", "subject", "start", "end")}
    return pd.DataFrame({**whole, **{name: np.zeros(0) for name in ("evalue", "bits", "identity")}})
