"""Controls: one thing that a model could have learned from is taken away, and its score must fall to what is left.

In: a set, or the targets of a fold's training genes. Out: the same genes with disturbed sequences, or targets permuted.
"""

from dataclasses import replace

import numpy as np

from kanseq.data.sequences import SequenceSet
from kanseq.data.shuffles import UNKNOWN, dinucleotide_shuffles, random_numbers
from kanseq.errors import BadOption
from kanseq.genome.pieces import LETTERS
from kanseq.geometry import TOKEN, Geometry
from kanseq.specification.learning import CONTROLS

_ROWS = 512


def check_control(control: str) -> None:
    """Make sure that there is such a control.

    Raises:
        BadOption: there is none; the message shows those that there are.
    """
    if control not in CONTROLS:
        raise BadOption(f"there is no control '{control}'", hint=f"choose {', '.join(CONTROLS)}")


def disturbed(genes: SequenceSet, control: str, seed: int) -> SequenceSet:
    """Disturb the sequences of every gene, those that train and those that are held out alike.

    Places, ids and all other columns stay, and so does every letter that the set's geometry hides (masked columns, and
    what ``visible`` leaves out), so that nothing hidden comes into sight. The result depends on the seed, the gene's
    species and id, and its sequence, and not on the other genes.

    ``sequence``: each run of visible bases becomes one of its dinucleotide shuffles
    (:func:`kanseq.data.shuffles.dinucleotide_shuffles`); what is no base stays. Words longer than two letters and all
    places are gone. What stays is the composition of each run in bases and dinucleotides: codon masks cut the
    windows, so flanks and transcribed parts keep each their own. On genes, a score falls to what composition tells and
    not to 0.5; only what lies above it was read from motifs or their places.

    ``positions``: the tokens of a gene (8 columns on the grid that token models read) change places with each other,
    across both windows, each gene's in an order of its own. Only tokens all of whose columns are read and lie in one
    window move; bases that fill no such token (18 of 3,020 columns by default: beside masks, the padding and the end)
    become ``N``, because they would go on telling where they stand. Every token and the gene's composition stay; no
    place is left, neither to the TSS or TTS nor of tokens to each other, nor are words across token borders. A score
    falls to what a bag of a gene's words tells (or below it, where a model counts by place and each of its counts now
    comes from elsewhere); to 0.5 only where nothing but places told the classes apart.

    Args:
        genes: the set; its geometry says what is visible.
        control: one of :data:`CONTROLS`; ``none`` and ``labels`` give the set back as it is.
        seed: a number that makes other shuffles.

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
    """Permute the targets of a fold's training genes: ``labels``; every other control gives them back as they are.

    A model can learn nothing of its held-out genes then, so a score above chance means that they reached it by another
    way than the labels of other genes. Class sizes stay. One permutation is one draw: the mean over seeds is 0.5, but a
    single score of a model with few features (``gc``) can lie far from it on either side, because all held-out genes
    are ranked by one direction, and a random one is seldom at right angles to the true one.

    Args:
        targets: ``(n,)`` or ``(n, conditions)``, whose rows move as wholes.
        control: one of :data:`CONTROLS`.
        seed: a number that makes other permutations.
        fold: the fold's name, which makes each fold's permutation its own.

    Raises:
        BadOption: there is no such control.
    """
    check_control(control)
    if control != "labels":
        return targets
    return targets[np.argsort(random_numbers(seed, fold, 0, len(targets)), kind="stable")]


def _shuffle(genes: SequenceSet, seed: int) -> np.ndarray:
    """Shuffle every visible run of bases: letters ``(n, columns)`` uint8."""
    codes = genes.geometry.hide(genes.codes())
    shuffled = dinucleotide_shuffles(codes, _names(genes), 1, seed)[:, 0]
    return np.where(codes == UNKNOWN, _letters(genes, genes.geometry.columns), LETTERS[shuffled])


def _displace(genes: SequenceSet, seed: int) -> np.ndarray:
    """Deal the whole tokens of every row out to each other's places: letters ``(n, tokens * 8)`` uint8."""
    window = _window_of(genes.geometry).reshape(-1, TOKEN)
    tokens = len(window)
    read = (window > 0) & (np.arange(tokens * TOKEN).reshape(tokens, TOKEN) < _lengths(genes)[:, None, None])
    whole = read.all(axis=2) & (window == window[:, :1]).all(axis=1)
    random = np.stack([random_numbers(seed, name, 0, tokens) for name in _names(genes)])
    # Both lists name the tokens that move first, one as they come and one in random order; the others stay.
    places = np.argsort(~whole, axis=1, kind="stable")
    drawn = np.argsort(np.where(whole, random >> np.uint64(1), ~np.uint64(0)), axis=1, kind="stable")
    source = np.empty_like(places)
    np.put_along_axis(source, places, drawn, axis=1)
    letters = _letters(genes, tokens * TOKEN).reshape(len(genes), tokens, TOKEN)
    letters = np.take_along_axis(letters, source[:, :, None], axis=1)
    letters[read & ~whole[:, :, None]] = LETTERS[UNKNOWN]
    return letters.reshape(len(genes), -1)


def _window_of(geometry: Geometry) -> np.ndarray:
    """Number the windows from 1 in the columns that a model reads of them, 0 elsewhere: ``(tokens * 8,)``."""
    window = np.zeros(geometry.tokens * TOKEN, dtype=np.int64)
    for number, (start, end) in enumerate(geometry.windows, start=1):
        window[start:end] = number
    for start, end in geometry.masked:
        window[start:end] = 0
    return window


def _names(genes: SequenceSet) -> list[str]:
    """Name each gene as tables do, by species and id."""
    return ["\t".join(key) for key in genes.keys]


def _lengths(genes: SequenceSet) -> np.ndarray:
    """Count the letters of each sequence, ``(n,)`` int64."""
    return np.array([len(sequence) for sequence in genes.letters()], dtype=np.int64)


def _letters(genes: SequenceSet, width: int) -> np.ndarray:
    """Give the letters ``(n, width)`` uint8, with ``N`` behind the last one."""
    padded = "".join(sequence.ljust(width, "N") for sequence in genes.letters())
    return np.frombuffer(padded.encode("ascii", "replace"), dtype=np.uint8).reshape(len(genes), width)
