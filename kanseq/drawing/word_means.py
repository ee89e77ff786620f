"""Compute the mean attribution of each word (k-mer) over all its positions, and compare it with chance.

In: attributions, base codes and ids, some genes at a time. Out: a table with one row per word, and its figure.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from kanseq.drawing.style import FAINT, GREY, LETTER_COLOURS, LOWERS, RAISES, picture
from kanseq.errors import BadOption
from kanseq.genome.pieces import LETTERS
from kanseq.geometry import Geometry
from kanseq.io.files import PathLike
from kanseq.sequences.shuffles import UNKNOWN, random_numbers

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

LONGEST = 8
"""Maximum length of words (k-mers), in bases."""

SHIFTS = 20
"""Default number of random shifts of each gene's attributions, which determine the chance level."""

AT_LEAST = 30
"""Minimum number of occurrences of a word (k-mer) that is drawn."""

_ROWS = 256
_WIDTH, _WORD, _LEFT, _RIGHT, _Z, _OCCURRENCES = 6.8, 0.1, 1.6, 5.3, 5.8, 6.7
"""Width of the figure, and the positions at which its columns begin (words, axes) or end, in inches."""
_ABOVE, _BELOW, _ROW_HEIGHT = 0.3, 0.42, 0.185
_LETTER = 5.2
"""Distance from letter to letter, in points."""
_ROUNDING = 1e-12


class WordSums:
    """Sums over genes of the attributions of each word (k-mer). Genes are added in batches; memory use is constant.

    Occurrences of a word may start in any column of a token. All of their columns must be in one window and have bases
    that the model sees. The attribution of an occurrence is the sum over its columns.

    The chance level is computed from circular shifts of each gene's attributions over its known columns. Shift
    distances are random, but depend only on the seed and the gene's id. Shifts keep the attributions of a gene and
    their order, but assign them to other bases. If the mean of a word differs from chance, there are
    two explanations: the model recognises the word, or the word occurs where attributions are large for any bases (such
    as in the core promoter).
    """

    def __init__(self, geometry: Geometry, length: int = LONGEST, shifts: int = SHIFTS, seed: int = 0) -> None:
        """Create empty sums.

        Args:
            geometry: the layout of the columns.
            length: number of bases per word, 1 to 8.
            shifts: number of random shifts, 2 or more.
            seed: seed of the shift distances.

        Raises:
            BadOption: a number is out of range.
        """
        if not 1 <= length <= LONGEST:
            raise BadOption(f"words of {length} bases cannot be counted", hint=f"choose a length of 1 to {LONGEST}")
        if shifts < 2:
            raise BadOption(
                f"{shifts} shifts are too few for a chance level", hint=f"use 2 or more (default: {SHIFTS})"
            )
        self.geometry, self.length, self.shifts, self.seed = geometry, length, shifts, seed
        self.begins = np.zeros(max(geometry.columns - length + 1, 0), dtype=np.bool_)
        self.inside = np.zeros(geometry.columns, dtype=np.bool_)
        for start, end in geometry.windows:
            self.begins[start : max(end - length + 1, start)] = True
            self.inside[start:end] = True
        self.counts = np.zeros(4**length, dtype=np.int64)
        self.sums = np.zeros((1 + shifts, 4**length))

    def add(self, attributions: np.ndarray, codes: np.ndarray, ids: Sequence[str]) -> None:
        """Add a batch of genes.

        Args:
            attributions: attributions of the genes, ``(n, columns)`` float32.
            codes: bases of the genes, ``(n, columns)`` uint8: A 0, C 1, G 2, T 3, anything else 4. Columns that the
                geometry masks are ignored.
            ids: ids of the genes, ``(n,)``.
        """
        for start in range(0, len(codes), _ROWS):
            some = slice(start, start + _ROWS)
            self._add(attributions[some], self.geometry.hide(codes[some]), ids[some])

    def _add(self, attributions: np.ndarray, codes: np.ndarray, ids: Sequence[str]) -> None:
        """Add some genes. Their known columns are concatenated; the columns of each gene are treated as circular."""
        known = (codes < UNKNOWN) & self.inside
        size = known.sum(axis=1)
        begin = np.cumsum(size) - size
        values = attributions[known].astype(np.float64)
        following = np.arange(1, len(values) + 1)
        following[(begin + size - 1)[size > 0]] = begin[size > 0]
        sums, place = np.zeros_like(values), np.arange(len(values))
        for _ in range(self.length):
            sums += values[place]
            place = following[place]
        row, column, word = self._occurrences(codes, known)
        self.counts += np.bincount(word, minlength=len(self.counts))
        rank = np.cumsum(known, axis=1)[row, column] - 1
        begin, size_of = begin[row], size[row]
        distances = self._distances(ids, size)
        for shift, distance in enumerate(distances):
            turned = rank - distance[row]
            turned += size_of * (turned < 0)
            self.sums[shift] += np.bincount(word, sums[begin + turned], minlength=len(self.counts))

    def _occurrences(self, codes: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return row, first column and word (a number in base 4) of each occurrence, ``(occurrences,)`` int64 each."""
        width = len(self.begins)
        whole = np.broadcast_to(self.begins, (len(codes), width)).copy()
        word = np.zeros(whole.shape, dtype=np.int64)
        for offset in range(self.length if width else 0):
            whole &= known[:, offset : offset + width]
            word = word * 4 + codes[:, offset : offset + width]
        row, column = np.nonzero(whole)
        return row, column, word[row, column]

    def _distances(self, ids: Sequence[str], size: np.ndarray) -> np.ndarray:
        """Draw the shift distances of each gene, ``(1 + shifts, n)`` int64: first 0, then random from 1 to size - 1."""
        draws = np.stack([random_numbers(self.seed, name, 0, self.shifts) for name in ids], axis=1)
        most = np.maximum(size - 1, 1).astype(np.uint64)
        turns = np.where(size > 1, draws % most + np.uint64(1), 0).astype(np.int64)
        return np.concatenate([np.zeros((1, len(ids)), dtype=np.int64), turns])

    def table(self) -> pd.DataFrame:
        """Return a table with one row per word that occurs, in alphabetical order; reverse complements share a row.

        Columns: ``word``, the alphabetically first of the word and its reverse complement; ``reverse_complement``;
        ``length``; ``occurrences``, split into ``occurrences_forward`` (of ``word``, in the direction of transcription)
        and ``occurrences_reverse`` (of its reverse complement; 0 if both are the same); ``mean`` attribution over all
        occurrences, ``mean_forward`` and ``mean_reverse``; ``chance`` and ``chance_sd``, mean and standard deviation of
        ``mean`` over the shifts; ``z = (mean − chance) / chance_sd``, empty where ``chance_sd`` is 0. With 20 shifts,
        use ``z`` to rank words, not as a test: ``chance_sd`` is uncertain by about a sixth, and there are up to 32,896
        words.
        """
        word = np.arange(4**self.length)
        partner = _reverse_complements(word, self.length)
        word, partner = word[word <= partner], partner[word <= partner]
        palindrome = word == partner
        forward, reverse = self.counts[word], np.where(palindrome, 0, self.counts[partner])
        occurs = forward + reverse > 0
        word, partner, palindrome = word[occurs], partner[occurs], palindrome[occurs]
        forward, reverse = forward[occurs], reverse[occurs]
        of_reverse = np.where(palindrome, 0.0, self.sums[:, partner])
        means = (self.sums[:, word] + of_reverse) / (forward + reverse)
        mean, chance, deviation = means[0], means[1:].mean(axis=0), means[1:].std(axis=0, ddof=1)
        # With equal attributions everywhere the deviation is only rounding error.
        deviation[deviation <= _ROUNDING * np.abs(means).max(axis=0)] = 0
        with np.errstate(divide="ignore", invalid="ignore"):
            return pd.DataFrame(
                {
                    "word": _letters(word, self.length),
                    "reverse_complement": _letters(partner, self.length),
                    "length": self.length,
                    "occurrences": forward + reverse,
                    "occurrences_forward": forward,
                    "occurrences_reverse": reverse,
                    "mean": mean,
                    "mean_forward": self.sums[0, word] / forward,
                    "mean_reverse": of_reverse[0] / reverse,
                    "chance": chance,
                    "chance_sd": deviation,
                    "z": np.where(deviation > 0, (mean - chance) / deviation, np.nan),
                }
            )


def draw_words(table: pd.DataFrame, path: PathLike, most: int = 20, at_least: int = AT_LEAST) -> None:
    """Draw the words of :meth:`WordSums.table` with the highest and with the lowest ``z`` as PNG, SVG or PDF.

    Dot: mean attribution of an occurrence; triangles: the same for each strand; grey bar: chance, ± 2 standard
    deviations over the shifts; right: ``z`` and number of occurrences.

    Args:
        table: the table of words.
        path: path of the figure.
        most: maximum number of words in the figure, half of them from each end of the ranking.
        at_least: minimum number of occurrences of a word.

    Raises:
        BadOption, NotWritable: as in :func:`kanseq.drawing.style.picture`.
    """
    drawn = table[(table["occurrences"] >= at_least) & table["z"].notna()]
    drawn = drawn.sort_values(["z", "word"], ascending=[False, True])
    high = drawn.iloc[: most - most // 2]
    low = drawn.iloc[max(len(drawn) - most // 2, len(high)) :]
    between = len(drawn) - len(high) - len(low)
    places = np.arange(len(high) + len(low), dtype=np.float64)
    # A row is left free between the two ends of the ranking if there are words between them.
    places[len(high) :] += between > 0
    rows = max(places.max(initial=0) + 1, 3)
    height = _ROW_HEIGHT * rows + _ABOVE + _BELOW
    with picture(path, _WIDTH, height) as figure:
        wide, high_up = (_RIGHT - _LEFT) / _WIDTH, _ROW_HEIGHT * rows / height
        axes = figure.add_axes((_LEFT / _WIDTH, _BELOW / height, wide, high_up))
        axes.set_ylim(rows - 0.4, -0.6)
        _draw_rows(axes, pd.concat([high, low]), places)
        _draw_heads(axes)
        note = f"{between:,} words between" if between else ""
        note = note if len(drawn) else f"no word occurs {at_least:,} times or more"
        box = {"facecolor": "white", "pad": 2.0}
        across = axes.get_yaxis_transform()
        axes.text(0.5, len(high) or 1, note, transform=across, ha="center", va="center", color=GREY, bbox=box)


def _draw_rows(axes: "Axes", words: pd.DataFrame, places: np.ndarray) -> None:
    """Draw a row of the figure for each word, at the heights ``places``."""
    axes.axvline(0, color=GREY, linewidth=0.6, zorder=1)
    low, width = words["chance"] - 2 * words["chance_sd"], 4 * words["chance_sd"]
    axes.barh(places, width, left=low, height=0.72, color=FAINT)
    colours = [RAISES if z > 0 else LOWERS for z in words["z"]]
    axes.hlines(places, words["mean_forward"], words["mean_reverse"], colors=colours, linewidth=0.6, alpha=0.5)
    axes.scatter(words["mean"], places, s=22, color=colours, linewidth=0, zorder=4)
    for strand, marker in (("forward", ">"), ("reverse", "<")):
        across = words[f"mean_{strand}"]
        axes.scatter(
            across, places, s=12, marker=marker, color=colours, alpha=0.55, linewidth=0, zorder=3, label=strand
        )
    for place, word in zip(places, words.itertuples(), strict=True):
        _spell(axes, place, word.word, word.reverse_complement)
        z = f"{word.z:+.1f}".replace("-", "−")
        for inches, text in ((_Z, z), (_OCCURRENCES, f"{word.occurrences:,}")):
            axes.text(_across(inches), place, text, transform=axes.get_yaxis_transform(), ha="right", va="center")
    axes.set_xlabel("mean attribution of an occurrence, summed over its bases")
    axes.tick_params(left=False, labelleft=False)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x", color=FAINT, linewidth=0.3)
    axes.set_axisbelow(True)


def _draw_heads(axes: "Axes") -> None:
    """Write the headings of the figure's columns, and the legend of its marks."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    heads = ((_WORD, "word, reverse complement", "left"), (_Z, "z", "right"), (_OCCURRENCES, "occurrences", "right"))
    for inches, head, align in heads:
        axes.annotate(
            head, (_across(inches), 1), (0, 5), "axes fraction", "offset points", ha=align, color=GREY, size=7
        )
    marks: list[Artist] = [
        Line2D([], [], color=GREY, marker=marker, markersize=size, linestyle="", markeredgewidth=0, label=label)
        for marker, size, label in (("o", 4.5, "both strands"), (">", 3.5, "forward"), ("<", 3.5, "reverse"))
    ]
    marks.append(Patch(color=FAINT, label="chance ± 2 sd"))
    place = {"loc": "lower center", "bbox_to_anchor": (0.5, 1), "borderaxespad": 0.1}
    axes.legend(handles=marks, ncols=4, columnspacing=1, handletextpad=0.3, handlelength=1.4, labelcolor=GREY, **place)


def _spell(axes: "Axes", place: float, word: str, partner: str) -> None:
    """Write a word in the colours of its letters, and its reverse complement in grey, to the left of the axes."""
    letters = [(letter, LETTER_COLOURS[letter], "bold") for letter in word]
    letters += [(letter, GREY, "normal") for letter in f" {partner}"]
    start, rows = _across(_WORD), axes.get_yaxis_transform()
    for number, (letter, colour, weight) in enumerate(letters):
        style = {"color": colour, "weight": weight, "family": "DejaVu Sans Mono", "size": 8, "va": "center_baseline"}
        axes.annotate(letter, (start, place), (number * _LETTER, 0), rows, "offset points", **style)


def _across(inches: float) -> float:
    """Convert a distance from the left side of the figure to a fraction of the width of the axes."""
    return (inches - _LEFT) / (_RIGHT - _LEFT)


def _reverse_complements(words: np.ndarray, length: int) -> np.ndarray:
    """Return the reverse complement of each word; words are numbers in base 4."""
    partner, rest = np.zeros_like(words), words
    for _ in range(length):
        partner, rest = partner * 4 + 3 - rest % 4, rest // 4
    return partner


def _letters(words: np.ndarray, length: int) -> np.ndarray:
    """Return the letters of words that are numbers in base 4."""
    digits = words[:, None] // 4 ** np.arange(length - 1, -1, -1) % 4
    return LETTERS[digits].reshape(-1).view(f"S{length}").astype(str)
