"""Search for homologs without an external program, by shared k-mers in a reduced alphabet and banded alignments.

In: proteins. Out: hits as from :mod:`kanseq.homologs.aligners`, whose programs are more sensitive than this fallback.
"""

import logging
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import gammainc

from kanseq.homologs.band_alignment import align_in_bands, bit_scores
from kanseq.homologs.band_filling import BAND
from kanseq.io.progress import show_progress

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
_MOST_PER_LETTER = 11
_MOST_KINDS = 6
_SEEDS_AT_ONCE = 1 << 21

_log = logging.getLogger(__name__)

_GROUP = np.full(256, len(ALPHABET), dtype=np.int64)
for _number, _letters in enumerate(ALPHABET):
    for _letter in _letters:
        _GROUP[ord(_letter)] = _number


class _ProteinWords(NamedTuple):
    """The k-mers (words) of all proteins, sorted by word, protein and position; each occurs once per protein."""

    word: np.ndarray
    protein: np.ndarray
    place: np.ndarray


def sketch(proteins: Sequence[bytes], *, bits: float = 0.0) -> pd.DataFrame:
    """Search all proteins against each other.

    Proteins are compared in a reduced alphabet, which has one letter per group of similar amino acids. Two proteins are
    candidates if they share more k-mers on neighbouring diagonals than expected by chance (a Poisson distribution,
    based on the frequencies of the groups). K-mers of low complexity are ignored. Candidates are aligned locally in a
    band of 64 diagonals around those with the most shared k-mers. The shorter protein is the query, and no letters are
    masked. k increases with the total number of letters (4 to 12; 7 for three million), so that the run time grows only
    slightly faster than the number of letters.

    Args:
        proteins: letters of amino acids, ``X`` for unknown ones.
        bits: smallest bit score of a hit. The higher it is, the less time is needed.

    Returns:
        ``query, subject, start, end`` int64, ``evalue, bits, identity`` float64, as
        :func:`kanseq.homologs.aligners.align` returns them, but without hits of a protein to itself. The e-value is
        ``query length * total length of all proteins * 2 ** -bits``. The identity is in percent of the aligned letters
        of the query.
    """
    lengths = np.array([len(letters) for letters in proteins], dtype=np.int64)
    one, other, diagonal = _candidates(proteins, lengths)
    _log.info("%s pairs of proteins share k-mers and are aligned", f"{len(one):,}")
    swapped = lengths[one] > lengths[other]
    query, subject = np.where(swapped, other, one), np.where(swapped, one, other)
    with show_progress("aligning", 2 * len(one)) as advance:
        made = align_in_bands(
            proteins,
            query,
            subject,
            np.where(swapped, -diagonal, diagonal),
            least=_least_score(bits, int(lengths.max(initial=0))),
            advance=advance,
        )
    scores = bit_scores(made.score)
    hits = pd.DataFrame(
        {
            "query": query,
            "subject": subject,
            "start": made.start,
            "end": made.end,
            "evalue": lengths[query] * float(lengths.sum()) * np.exp2(-scores),
            "bits": scores.round(1),
            "identity": (100.0 * made.identities / np.maximum(made.end - made.start, 1)).round(1),
        }
    )
    return hits[made.score > 0].reset_index(drop=True)


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
    low = np.zeros(len(text) + 1, dtype=np.int32)
    windows = len(text) - MASK_WINDOW + 1
    if windows < 1:
        return np.zeros(len(text), dtype=bool)
    found = np.unique(text)
    # A window of few kinds of letters is not always of low complexity, but one of many kinds never is.
    kinds = np.zeros(windows, dtype=np.uint8)
    for letter in found:
        kinds += _in_windows(text == letter) > 0
    starts = np.flatnonzero(kinds <= _MOST_KINDS)
    shares = np.arange(1, MASK_WINDOW + 1) / MASK_WINDOW
    bits = np.concatenate([[0.0], -shares * np.log2(shares)])
    entropy = np.zeros(len(starts))
    for letter in found:
        entropy += bits[_in_windows(text == letter)[starts]]
    protein = np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)
    # Mark each window by +1 at its first letter and -1 after its last; the running sum is positive inside.
    starts = starts[(entropy <= MASK_BITS) & (protein[starts] == protein[starts + MASK_WINDOW - 1])]
    low[starts] += 1
    low[starts + MASK_WINDOW] -= 1
    return np.cumsum(low)[:-1] > 0


def _in_windows(chosen: np.ndarray) -> np.ndarray:
    """Return how many of the ``MASK_WINDOW`` letters from each letter on are ``chosen``, uint8 ``(windows,)``."""
    count = chosen.view(np.uint8)
    windows = len(count) - MASK_WINDOW + 1
    twos = count[:-1] + count[1:]
    fours = twos[:-2] + twos[2:]
    return fours[:windows] + fours[4 : windows + 4] + fours[8 : windows + 8]


def _least_score(bits: float, longest: int) -> int:
    """Return the smallest raw score whose bit score, rounded as in the table of hits, is at least ``bits``."""
    scores = bit_scores(np.arange(_MOST_PER_LETTER * longest + 2)).round(1)
    return max(1, int(np.searchsorted(scores, bits)))


def _candidates(proteins: Sequence[bytes], lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the pairs of proteins to align: indices of both proteins, and the middle diagonal of the band."""
    size = word_length(int(lengths.sum()))
    words = _words(proteins, lengths, size)
    found = [np.zeros((0, 3), dtype=np.int64)]
    if len(words.word):
        word_chance = _chance(proteins) ** size
        partners, block = _partners(words, len(proteins))
        with show_progress("comparing k-mers", int(block[-1]) + 1) as advance:
            for number in range(int(block[-1]) + 1):
                seeds = _seeds(words, np.where(block[words.protein] == number, partners, 0))
                found.append(_bands(*seeds, lengths, word_chance))
                advance(1)
    one, other, diagonal = np.concatenate(found).T
    return one, other, diagonal


def _words(proteins: Sequence[bytes], lengths: np.ndarray, size: int) -> _ProteinWords:
    """Return the k-mers (k is ``size``) that consist of the twenty amino acids and have no low-complexity letters."""
    groups = _GROUP[np.frombuffer(b"".join(proteins), dtype=np.uint8)]
    groups[low_complexity(b"".join(proteins), lengths)] = len(ALPHABET)
    count = max(0, len(groups) - size + 1)
    word, whole = np.zeros(count, dtype=np.int64), np.ones(count, dtype=bool)
    for at in range(size):
        letter = groups[at : at + count]
        word *= len(ALPHABET)
        word += letter
        whole &= letter < len(ALPHABET)
    protein = np.repeat(np.arange(len(proteins)), lengths)
    whole &= protein[:count] == protein[size - 1 : size - 1 + count]
    # Word and place in one number are sorted faster than by two keys, and places are in the order of proteins.
    places = np.flatnonzero(whole)
    word, places = np.divmod(np.sort(word[places] * count + places), max(count, 1))
    protein = protein[places]
    first = np.ones(len(word), dtype=bool)
    first[1:] = (word[1:] != word[:-1]) | (protein[1:] != protein[:-1])
    protein = protein[first]
    return _ProteinWords(word[first], protein, places[first] - (np.cumsum(lengths) - lengths)[protein])


def _chance(proteins: Sequence[bytes]) -> float:
    """Return the probability that two random letters of the proteins are in the same group of :data:`ALPHABET`."""
    letters = np.bincount(_GROUP[np.frombuffer(b"".join(proteins), dtype=np.uint8)], minlength=len(ALPHABET) + 1)
    shares = letters[: len(ALPHABET)] / letters[: len(ALPHABET)].sum()
    return float((shares**2).sum())


def _partners(words: _ProteinWords, proteins: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the number of later proteins that have each k-mer, and the block of each protein.

    The seeds of the proteins of a block are computed together; the size of blocks is limited to save memory.
    """
    first = np.flatnonzero(np.concatenate([[True], words.word[1:] != words.word[:-1]]))
    sizes = np.diff(np.append(first, len(words.word)))
    partners = np.repeat(first + sizes, sizes) - np.arange(len(words.word)) - 1
    partners[np.repeat(sizes > MOST_PROTEINS, sizes)] = 0
    of_protein = np.bincount(words.protein, weights=partners, minlength=proteins)
    return partners, (np.cumsum(of_protein) / _SEEDS_AT_ONCE).astype(np.int64)


def _seeds(words: _ProteinWords, partners: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the seeds, which are k-mers that two proteins share: both proteins, the smaller first, and the diagonal.

    ``partners`` is the number of later proteins with which each k-mer makes a seed.
    """
    sources = np.flatnonzero(partners)
    counts = partners[sources]
    one = np.repeat(sources, counts)
    other = one + 1 + np.arange(len(one)) - np.repeat(np.cumsum(counts) - counts, counts)
    return words.protein[one], words.protein[other], words.place[one] - words.place[other]


def _bands(
    one: np.ndarray, other: np.ndarray, diagonal: np.ndarray, lengths: np.ndarray, word_chance: float
) -> np.ndarray:
    """Return ``(one, other, middle)`` of pairs that have a band of diagonals with more seeds than expected by chance.

    ``middle`` is the mean diagonal of the seeds in the band with the most seeds. ``word_chance`` is the probability
    that two random k-mers are equal.
    """
    proteins, middle = len(lengths), BAND * (int(lengths.max(initial=0)) // BAND + 2)
    span = BAND * (1 << (2 * middle // BAND).bit_length())
    # Pair and diagonal in one number: after sorting, the seeds of a band follow each other.
    keys = np.sort((one * proteins + other) * span + diagonal + middle)
    found = []
    for shift in (0, BAND // 2):
        # Bands overlap by half, so that no cluster of seeds is cut in two.
        band = (keys + shift) // BAND
        first = np.flatnonzero(np.concatenate([[True], band[1:] != band[:-1]])) if len(band) else band
        seeds = np.diff(np.append(first, len(keys)))
        first, seeds = first[seeds > 1], seeds[seeds > 1]
        found.append(_rare(keys, first, seeds, span, middle, lengths, word_chance))
    rows = np.concatenate(found)
    rows = rows[np.lexsort((rows[:, 2], rows[:, 1], rows[:, 0]))]
    rows = rows[np.unique(rows[:, 0], return_index=True)[1]]
    return np.stack([rows[:, 0] // proteins, rows[:, 0] % proteins, rows[:, 2]], axis=1)


def _rare(
    keys: np.ndarray,
    first: np.ndarray,
    seeds: np.ndarray,
    span: int,
    middle: int,
    lengths: np.ndarray,
    word_chance: float,
) -> np.ndarray:
    """Return ``(pair, -seeds, mean diagonal)`` of the bands that have more seeds than expected by chance.

    Args:
        keys: ``pair * span + diagonal + middle`` of all seeds, sorted.
        first, seeds: the first seed, and the number of seeds, of each band.
        span, middle: see ``keys``.
        lengths, word_chance: see :func:`_bands`.
    """
    pairs = keys[first] // span
    totals = np.concatenate([[0], np.cumsum(keys % span - middle)])
    means = (totals[first + seeds] - totals[first]) // seeds
    sizes = np.stack([lengths[pairs // len(lengths)], lengths[pairs % len(lengths)]])
    bands = sizes.sum(axis=0) / (BAND // 2)
    # P(Poisson(mean) >= seeds) is the regularised lower incomplete gamma function of seeds and mean.
    chance = gammainc(seeds, BAND * sizes.min(axis=0) * word_chance) * bands
    return np.stack([pairs, -seeds, means], axis=1)[chance <= CHANCE]
