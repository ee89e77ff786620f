"""Functions for all figures: style, colours, letters, running means, and complete files with reproducible bytes.

In: a path and a size. Out: an empty figure to draw on, which is written as PNG, SVG or PDF when the drawing is done.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kanseq.browsers.bed_rows import NEGATIVE, POSITIVE
from kanseq.errors import BadOption
from kanseq.io.files import PathLike, whole_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ENDINGS = (".png", ".svg", ".pdf")
"""File name endings of figures, in lower case; letter case is ignored."""

LETTER_COLOURS = {"A": "#109648", "C": "#255c99", "G": "#f29f05", "T": "#d62839"}
RAISES, LOWERS = ("#{:02x}{:02x}{:02x}".format(*map(int, rgb.split(","))) for rgb in (POSITIVE, NEGATIVE))
"""Colours of attributions, as in browser tracks: red if a base raises the explained logit, blue if it lowers it."""
INK, GREY, FAINT, SHADE = "#222222", "#7a7a7a", "#c9c9c9", "#f1f1ee"

DOTS_PER_INCH = 200

_STYLE = {
    # The font family that comes with matplotlib looks the same on every machine.
    "font.family": "DejaVu Sans",
    "font.size": 7.5,
    "axes.titlesize": 8.5,
    "axes.labelsize": 7.5,
    "axes.linewidth": 0.6,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 3,
    "ytick.major.size": 3,
    "legend.frameon": False,
    "legend.fontsize": 7,
    "patch.linewidth": 0,
    "svg.hashsalt": "kanseq",
    "pdf.fonttype": 42,
}

_UNDATED: dict[str, dict[str, None]] = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Producer": None, "Creator": None},
}


def check_picture_name(path: PathLike) -> None:
    """Check that a figure's name ends in one of :data:`ENDINGS`.

    Raises:
        BadOption: the name has a different ending.
    """
    if Path(path).suffix.lower() not in ENDINGS:
        raise BadOption(f"the name of a figure must end in {', '.join(ENDINGS)}", where=path)


@contextmanager
def picture(path: PathLike, width: float, height: float, *, dots_per_inch: int = DOTS_PER_INCH) -> Iterator["Figure"]:
    """Yield an empty figure in the style of kanseq; it is written to ``path`` when the block ends without an error.

    The user's matplotlib settings are ignored, and the file has no date. The same drawing always produces the same
    bytes, for the same version of matplotlib.

    Args:
        path: file name that ends in one of :data:`ENDINGS`.
        width, height: size in inches.
        dots_per_inch: resolution of a PNG.

    Raises:
        BadOption: the name has a different ending.
        NotWritable: the folder is missing or not writable, or the disk is full.
    """
    from matplotlib import style
    from matplotlib.figure import Figure

    check_picture_name(path)
    kind = Path(path).suffix.lower().removeprefix(".")
    with style.context(["default", _STYLE]):
        figure = Figure(figsize=(width, height))
        yield figure
        with whole_file(path) as temporary:
            figure.savefig(temporary, format=kind, dpi=dots_per_inch, metadata=_UNDATED[kind])


def running_mean(values: np.ndarray, width: int) -> np.ndarray:
    """Return the centred running mean over ``width`` numbers, or over fewer numbers at both ends.

    Args:
        values: numbers, ``(n,)``, at least one. NaN values are ignored in the means of their neighbours, and stay NaN.
        width: number of averaged values, odd.

    Returns:
        ``(n,)`` float64.

    >>> running_mean(np.array([1.0, 2.0, 6.0, np.nan, 4.0]), 3).tolist()
    [1.5, 3.0, 4.0, nan, 4.0]
    """
    known = ~np.isnan(values)
    sums, counts = (_window_sums(each, width) for each in (np.where(known, values, 0.0), known.astype(np.float64)))
    return np.where(known, sums / np.maximum(counts, 1), np.nan)


def signed(number: int) -> str:
    """Format a distance with its sign and a thousands separator.

    >>> signed(-1000), signed(250)
    ('−1,000', '+250')
    """
    return f"{number:+,}".replace("-", "−")


def pad_limits(axes: "Axes", values: np.ndarray, share: float = 0.06) -> None:
    """Set vertical limits that include ``values`` and 0, and extend them by the fraction ``share`` of their range."""
    known = values[np.isfinite(values)]
    low, high = min(0.0, known.min(initial=0.0)), max(0.0, known.max(initial=0.0))
    room = (high - low) * share or 1.0
    axes.set_ylim(low - room, high + room)


def draw_letters(
    axes: "Axes",
    letters: str,
    columns: np.ndarray,
    base: float,
    heights: np.ndarray,
    *,
    width: float = 0.92,
    colour: str | None = None,
) -> None:
    """Draw letters as shapes, each scaled to its height; letters of negative height are upside down.

    Args:
        axes: axes to draw on; both directions are in data units.
        letters: the letters to draw, one per column; letters other than A, C, G and T are not drawn.
        columns: horizontal position of the middle of each letter, ``(n,)``.
        base: vertical position of the line on which the letters are drawn.
        heights: height of each letter, ``(n,)``.
        width: width of every letter, in columns.
        colour: colour of all letters; None for the colour of each base.
    """
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path as Shape

    spelled = np.array(list(letters))
    for letter, own in LETTER_COLOURS.items():
        chosen = (spelled == letter) & (heights != 0)
        if not chosen.any():
            continue
        outline, kinds = _glyph(letter)
        size = np.stack([np.full(chosen.sum(), width), heights[chosen]], axis=1)
        corner = np.stack([columns[chosen] - width / 2, np.full(chosen.sum(), base)], axis=1)
        # All letters of one base are one shape: a thousand patches would take a second to draw.
        points = (outline[None] * size[:, None] + corner[:, None]).reshape(-1, 2)
        shape = Shape(points, np.tile(kinds, len(size)))
        # add_patch would update the limits of the axes, for which it measures every curve of the shape.
        axes.add_artist(PathPatch(shape, facecolor=colour or own, linewidth=0))


@cache
def _glyph(letter: str) -> tuple[np.ndarray, np.ndarray]:
    """Return a letter's outline in the unit square, ``(points, 2)``, and matplotlib's code of each point."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath

    outline = TextPath((0, 0), letter, size=100, prop=FontProperties(family="DejaVu Sans", weight="bold"))
    box = outline.get_extents()
    return (outline.vertices - box.min) / box.size, np.asarray(outline.codes)


def _window_sums(values: np.ndarray, width: int) -> np.ndarray:
    """Return the sum of the ``width`` numbers around each number; numbers beyond the ends count as 0."""
    half = width // 2
    return np.convolve(np.pad(values, half), np.ones(2 * half + 1), mode="valid")
