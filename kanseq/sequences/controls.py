"""Negative controls: remove one source of information, so that models can learn only from the remaining ones.

In: a set, or the targets of a fold's training genes. Out: the same genes with shuffled sequences, or permuted targets.
"""

from dataclasses import replace

import numpy as np

from kanseq.errors import BadOption
from kanseq.genome.pieces import LETTERS
from kanseq.geometry import TOKEN, Geometry
from kanseq.sequences.sequence_set import SequenceSet
from kanseq.sequences.shuffles import UNKNOWN, dinucleotide_shuffles, random_numbers
from kanseq.specification.learning import CONTROLS

_ROWS = 512


def check_control(control: str) -> None:
    """Check that a control exists.

    Raises:
        BadOption: there is no such control; the message lists the existing ones.
    """
    if control not in CONTROLS:
        raise BadOption(f"there is no control '{control}'", hint=f"choose {', '.join(CONTROLS)}")


def disturbed(genes: SequenceSet, control: str, seed: int) -> SequenceSet:
    """Shuffle the sequences of all genes, both training and held-out ones, as the control requires.

    Coordinates, ids and all other columns stay the same. Letters that the geometry of the set hides (masked columns and
    columns outside ``visible``) stay in place, so they never become visible. The result for a gene depends on the seed
    and on the species, id and sequence of the gene, not on other genes.

    ``sequence``: replace each contiguous run of visible bases with one of its dinucleotide shuffles
    (:func:`kanseq.sequences.shuffles.dinucleotide_shuffles`); letters that are not bases stay. K-mers of more than two
    letters and all positions are lost. The base and dinucleotide composition of each run stays. Runs end at the codon
    masks, so flanks and transcribed regions each keep their composition. For genes, the score falls to that of a model
    of base composition, not to 0.5. A model has learned motifs or their positions only if its score on the real
    sequences is higher than this.

    ``positions``: permute the tokens of each gene (8 columns on the grid that token models read) across both windows,
    in a different order for each gene. Only tokens whose columns are all visible and in the same window are moved.
    Visible bases outside such tokens (18 of 3,020 columns by default: next to masks, the padding and the end) become
    ``N``, because they would still reveal their position. The tokens and the composition of a gene stay; positions
    relative to the TSS or TTS, the order of tokens, and k-mers across token boundaries are lost. The score falls to
    that of a model of k-mer counts per gene. It can be lower for a model that counts k-mers by position, because its
    counts now come from other positions. It falls to 0.5 only if the classes differ only in positions.

    Args:
        genes: the set; its geometry defines what is visible.
        control: one of :data:`CONTROLS`; ``none`` and ``labels`` return the set unchanged.
        seed: seed of the shuffles.

    Raises:
        BadOption: there is no such control.
    """
    check_control(control)
    if control not in ("sequence", "positions"):
        return genes
    disturb = _shuffle if control == "sequence" else _displace
    sequences: list[str] = []
    for start in range(0, len(genes), _ROWS):
        part = genes.select(np.arange(start, min(start + _ROWS, len(genes))))
        rows = zip(disturb(part, seed), _lengths(part).tolist(), strict=True)
        sequences += [letters[:length].tobytes().decode() for letters, length in rows]
    return replace(genes, table=genes.table.assign(sequence=sequences), stored=None)


def disturbed_targets(targets: np.ndarray, control: str, seed: int, fold: str) -> np.ndarray:
    """Permute the targets of a fold's training genes if the control is ``labels``; otherwise return them unchanged.

    From permuted labels, a model can learn nothing about held-out genes, so a score above chance means that information
    about them leaked, but not through the labels of other genes. Class sizes stay the same. The mean score over
    permutations (seeds) is 0.5. The score of a single permutation can be far above or below 0.5 if a model has few
    features (such as ``gc``), because it still ranks all held-out genes by a real feature, but in a random direction.

    Args:
        targets: ``(n,)`` or ``(n, conditions)``; rows are permuted as units.
        control: one of :data:`CONTROLS`.
        seed: seed of the permutation.
        fold: name of the fold; each fold has a different permutation.

    Raises:
        BadOption: there is no such control.
    """
    check_control(control)
    if control != "labels":
        return targets
    return targets[np.argsort(random_numbers(seed, fold, 0, len(targets)), kind="stable")]


def _shuffle(genes: SequenceSet, seed: int) -> np.ndarray:
    """Apply the control ``sequence``: shuffle every run of visible bases; return letters, uint8 ``(n, columns)``."""
    codes = genes.geometry.hide(genes.codes())
    shuffled = dinucleotide_shuffles(codes, _names(genes), 1, seed)[:, 0]
    return np.where(codes == UNKNOWN, _letters(genes, genes.geometry.columns), LETTERS[shuffled])


def _displace(genes: SequenceSet, seed: int) -> np.ndarray:
    """Apply the control ``positions``: permute the tokens of every gene; return letters, uint8 ``(n, tokens * 8)``."""
    window = _window_of(genes.geometry).reshape(-1, TOKEN)
    tokens = len(window)
    read = (window > 0) & (np.arange(tokens * TOKEN).reshape(tokens, TOKEN) < _lengths(genes)[:, None, None])
    whole = read.all(axis=2) & (window == window[:, :1]).all(axis=1)
    random = np.stack([random_numbers(seed, name, 0, tokens) for name in _names(genes)])
    # Both arrays begin with the tokens that move, in their order and in random order; the other tokens stay.
    places = np.argsort(~whole, axis=1, kind="stable")
    drawn = np.argsort(np.where(whole, random >> np.uint64(1), ~np.uint64(0)), axis=1, kind="stable")
    source = np.empty_like(places)
    np.put_along_axis(source, places, drawn, axis=1)
    letters = _letters(genes, tokens * TOKEN).reshape(len(genes), tokens, TOKEN)
    letters = np.take_along_axis(letters, source[:, :, None], axis=1)
    letters[read & ~whole[:, :, None]] = LETTERS[UNKNOWN]
    return letters.reshape(len(genes), -1)


def _window_of(geometry: Geometry) -> np.ndarray:
    """Return the window number (from 1) of every column, 0 for columns that models do not read: ``(tokens * 8,)``."""
    window = np.zeros(geometry.tokens * TOKEN, dtype=np.int64)
    for number, (start, end) in enumerate(geometry.windows, start=1):
        window[start:end] = number
    for start, end in geometry.masked:
        window[start:end] = 0
    return window


def _names(genes: SequenceSet) -> list[str]:
    """Return the name of each gene: species and id, separated by a tab."""
    return ["\t".join(key) for key in genes.keys]


def _lengths(genes: SequenceSet) -> np.ndarray:
    """Return the length of each sequence, int64 ``(n,)``."""
    return np.array([len(sequence) for sequence in genes.letters()], dtype=np.int64)


def _letters(genes: SequenceSet, width: int) -> np.ndarray:
    """Return the letters of all sequences, uint8 ``(n, width)``, padded with ``N`` at the end."""
    padded = "".join(sequence.ljust(width, "N") for sequence in genes.letters())
    return np.frombuffer(padded.encode("ascii", "replace"), dtype=np.uint8).reshape(len(genes), width)
