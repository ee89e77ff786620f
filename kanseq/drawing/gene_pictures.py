"""Draw one gene: the attribution per token along its windows, and every base as a letter scaled to its attribution.

In: one gene's base codes, attributions and coordinates, and its exons from a GTF or GFF3. Out: a PNG, SVG or PDF.
"""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from kanseq.drawing.style import GREY, INK, LOWERS, RAISES, draw_letters, pad_limits, picture, signed
from kanseq.errors import BadOption, UnknownGene
from kanseq.genome.annotation.genes import read_genes
from kanseq.genome.annotation.gff import Row, attributes_of, read_rows
from kanseq.genome.pieces import LETTERS, piece_template, sum_by_piece
from kanseq.geometry import TOKEN, Geometry, Place
from kanseq.io.files import PathLike, some
from kanseq.sequences.shuffles import UNKNOWN

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROW = 120
"""Maximum number of columns in a row of letters."""

_NARROWEST, _MOST_ROWS = 60, 300
_FEATURE_ROWS = re.compile(rb"(?:transcript|RNA|segment|exon|CDS)\t")
_GENERATIONS = 4
"""Number of parent levels in GFF3 that are searched for the gene of a row."""

# Sizes in the figure, in inches.
_WIDTH, _MARGIN, _LEFT, _RIGHT = 13.0, 0.12, 1.15, 0.3
_HEAD, _BARS, _LANE, _UNDER_LANE, _GAP = 0.65, 1.35, 0.3, 0.6, 0.3
_LOGO, _STRIP, _EXONS, _UNDER_ROW, _SPELLED, _ROOM = 0.66, 0.13, 0.09, 0.24, 0.07, 0.03
_DOTS_PER_INCH = 150

_EVERY, _STEPS, _MOST_TICKS = 20, (5, 10, 20, 50, 100, 250, 500, 1000, 2500, 5000), 7
"""Columns between ticks in a row of letters, choices for the overview, and the maximum number of ticks there."""

_HIDDEN, _BORDER, _CHOSEN, _EXON, _CODING = "#dcdcdc", "#ededed", "#fdf0c4", "#8fa3b5", "#3f5e7a"


class Feature(NamedTuple):
    """A part of a gene, in 0-based half-open coordinates: ``exon``, ``CDS``, or ``gene`` (the transcribed part)."""

    feature: str
    start: int
    end: int


def features_of(annotation: PathLike, gene_id: str, id_key: str | None = None) -> list[Feature]:
    """Read the exons and coding parts of all transcripts of a gene, sorted by position, without duplicates.

    The annotation is streamed twice, and its rows may be in any order. The list is empty if the annotation has no
    such rows for the gene.

    Args:
        annotation: GTF or GFF3, plain or gzip.
        gene_id: id of the gene in the output of ``kanseq extract``; if several genes have it, the first one is used.
        id_key: the attribute that names genes, if one was specified with ``kanseq extract --id``.

    Raises:
        UnknownGene: there is no gene with that id.
        NoGenes, BadOption: as in :func:`kanseq.genome.annotation.genes.read_genes`.
        MalformedLine, MissingFile, TruncatedFile: as in :func:`kanseq.genome.annotation.gff.read_rows`.
    """
    genes = read_genes(annotation, id_key)
    gene = next((gene for gene in genes if gene.id == gene_id and not gene.fault), None)
    if gene is None:
        hint = f"it has {some([gene.id for gene in genes])}"
        raise UnknownGene(f"there is no gene '{gene_id}'", where=annotation, hint=hint)
    inside: list[tuple[Row, dict[str, str]]] = []
    for row in read_rows(annotation, _FEATURE_ROWS):
        same = (row.contig, row.strand) == (gene.contig, gene.strand)
        if same and gene.start <= row.start and row.end <= gene.end:
            inside.append((row, attributes_of(row)))
    names = {gene.feature} - {""}
    for _ in range(_GENERATIONS):
        names |= {own["ID"] for _, own in inside if own.get("ID") and not names.isdisjoint(_owners(own))}
    found = set()
    for row, own in inside:
        kind = next((kind for kind in ("exon", "CDS") if row.type.endswith(kind)), None)
        if kind is not None and not names.isdisjoint(_owners(own)):
            found.add(Feature(kind, row.start, row.end))
    return sorted(found, key=lambda feature: (feature.start, feature.end, feature.feature))


def _owners(attributes: Mapping[str, str]) -> list[str]:
    """Return the ids of the features to which an annotation row belongs: its parents in GFF3, its gene in GTF."""
    return attributes["Parent"].split(",") if "Parent" in attributes else [attributes.get("gene_id", "")]


def draw_gene(
    path: PathLike,
    *,
    name: str,
    codes: np.ndarray,
    attributions: np.ndarray,
    geometry: Geometry,
    place: Place | None = None,
    features: Sequence[Feature] | None = None,
    facts: Mapping[str, str | int | float] | None = None,
    columns: slice | range | None = None,
) -> None:
    """Draw a gene (or a plain sequence) as PNG, SVG or PDF.

    The top shows the attribution of each token along both windows, genome positions (1-based, as in genome browsers),
    and the gene's exons (thin) and coding parts (thick). Below, rows of up to 120 columns show each base as
    a letter scaled to its attribution. Letters with negative attributions are upside down below the line, and all rows
    have the same scale. Under the letters are the sequence and the exons. Columns that the model does not see are grey;
    faint lines are the boundaries of tokens. Positions are relative to the first (TSS) or last (TTS) transcribed base,
    which is 0; positions in a plain sequence are counted from 0.

    Args:
        path: path of the picture.
        name: name of the gene.
        codes: bases, ``(columns,)`` uint8: A 0, C 1, G 2, T 3, anything else 4. Masked columns may have any code.
        attributions: ``(columns,)`` float32.
        geometry: the layout of the columns.
        place: location of the gene on the genome; None without coordinates.
        features: its exons and coding parts, see :func:`features_of`; ignored if ``place`` is None.
        facts: names and values to show under the title, such as logit and fold.
        columns: columns to draw as letters, in steps of 1; None for the parts of the windows that the model sees.

    Raises:
        BadOption: ``columns`` is invalid or too long; or as in :func:`kanseq.drawing.style.picture`.
        NotWritable: as in :func:`kanseq.drawing.style.picture`.
    """
    stretches = geometry.windows if columns is None else (_stretch(columns, geometry.columns),)
    width = min(ROW, max(_NARROWEST, *(end - start for start, end in stretches)))
    rows = [(first, min(first + width, end)) for start, end in stretches for first in range(start, end, width)]
    if len(rows) > _MOST_ROWS:
        raise BadOption(f"{len(rows) * ROW:,} columns are too many for a picture", hint="choose fewer columns")
    scale = _Scale.of(np.concatenate([attributions[start:end] for start, end in stretches]))
    windows, seen = _windows(geometry, place), geometry.hide(codes[None])[0]
    gene = _Gene(codes, seen, attributions, geometry, windows, _boxes(windows, place, features))
    row_height = _LOGO + _STRIP + _EXONS + _UNDER_ROW
    top = _HEAD + _BARS + _LANE + _UNDER_LANE
    with picture(path, _WIDTH, top + row_height * len(rows), dots_per_inch=_DOTS_PER_INCH) as figure:
        _write_head(figure, gene, name, place, facts or {})
        _draw_overview(figure, gene, None if columns is None else stretches[0])
        for number, (start, end) in enumerate(rows):
            box = (_LEFT, top + number * row_height, _WIDTH - _LEFT - _RIGHT, row_height - _UNDER_ROW)
            axes = _axes_at(figure, *box)
            axes.set_xlim(start - 0.5, start + width - 0.5)
            _draw_row(axes, gene, start, end, scale)


class _Window(NamedTuple):
    """A gene window: site, half-open columns, and column (``origin``) and genome position (``base``) of the site."""

    site: str
    start: int
    end: int
    origin: int
    base: int | None
    step: int

    def columns_of(self, feature: Feature) -> Feature:
        """Convert a feature from genome coordinates to columns and clip it to the window; the result may be empty."""
        assert self.base is not None
        first, last = (feature.start, feature.end - 1)[:: self.step]
        start, end = (self.origin + (place - self.base) * self.step for place in (first, last))
        return Feature(feature.feature, max(start, self.start), min(end + 1, self.end))


class _Gene(NamedTuple):
    """The gene to draw; ``seen`` are the base codes that the model reads, ``boxes`` the exons in columns."""

    codes: np.ndarray
    seen: np.ndarray
    attributions: np.ndarray
    geometry: Geometry
    windows: list[_Window]
    boxes: list[Feature]

    def window_of(self, column: int) -> _Window:
        """Return the window of a column; padding belongs to the window before it."""
        return [window for window in self.windows if window.start <= column][-1]

    def label(self, column: int) -> str:
        """Return the distance of a column from the site of its window as text; if it is 0, the name of the site."""
        window = self.window_of(column)
        if not window.site:
            return f"{column:,}"
        return signed(column - window.origin) if column != window.origin else window.site

    def on_genome(self, column: int) -> str:
        """Return the 1-based genome position of a column as text; empty if the column has no genome position."""
        window = self.window_of(column)
        if window.base is None or column >= window.end:
            return ""
        base = window.base + (column - window.origin) * window.step
        return f"{base + 1:,}" if base >= 0 else ""


class _Scale(NamedTuple):
    """Vertical scale of a row of letters: the lowest and highest attribution, and attribution per inch."""

    low: float
    high: float
    inch: float

    @classmethod
    def of(cls, values: np.ndarray) -> "_Scale":
        """Return the scale at which letters of these heights fit into a row."""
        low, high = float(values.min(initial=0)), float(values.max(initial=0))
        high = high if high > low else 1.0
        return cls(low, high, (high - low) / (_LOGO - _ROOM))


def _stretch(columns: slice | range, most: int) -> tuple[int, int]:
    """Return start and end of the columns to draw; raise BadOption if they are outside of ``most`` columns."""
    requested = range(*columns.indices(most)) if isinstance(columns, slice) else columns
    if requested.step != 1 or not 0 <= requested.start < requested.stop <= most:
        shown = f"{columns.start} to {columns.stop}"
        raise BadOption(f"columns {shown} cannot be drawn", hint=f"choose columns from 0 to {most}, in steps of 1")
    return requested.start, requested.stop


def _windows(geometry: Geometry, place: Place | None) -> list[_Window]:
    """Return both windows of a gene, including hidden columns, or one window without site for a plain sequence."""
    if not geometry.has_genes:
        return [_Window("", 0, geometry.columns, 0, None, 1)]
    step = -1 if place is not None and place.strand == "-" else 1
    tss, tts = (None, None) if place is None else (place.tss, place.tts)
    return [
        _Window("TSS", 0, geometry.window, geometry.tss_column, tss, step),
        _Window("TTS", geometry.window + geometry.pad, geometry.columns, geometry.tts_column, tts, step),
    ]


def _boxes(windows: list[_Window], place: Place | None, features: Sequence[Feature] | None) -> list[Feature]:
    """Return the transcribed part (``gene``), exons and coding parts of a gene, converted to columns of the windows."""
    if place is None:
        known = [window for window in windows if window.site]
        ends = [(max(w.origin, w.start), w.end) if w.site == "TSS" else (w.start, w.origin + 1) for w in known]
        boxes = [Feature("gene", *pair) for pair in ends]
    else:
        whole = Feature("gene", min(place.tss, place.tts), max(place.tss, place.tts) + 1)
        boxes = [window.columns_of(feature) for window in windows for feature in (whole, *(features or ()))]
    return [box for box in boxes if box.start < box.end]


def _axes_at(figure: "Figure", left: float, top: float, width: float, height: float) -> "Axes":
    """Create axes at a position in inches from the figure's upper left corner."""
    wide, high = figure.get_size_inches()
    return figure.add_axes((left / wide, 1 - (top + height) / high, width / wide, height / high))


def _write_head(
    figure: "Figure", gene: _Gene, name: str, place: Place | None, facts: Mapping[str, str | int | float]
) -> None:
    """Write the name, location and facts of the gene, and notes on how to read the picture."""
    parts = []
    if place is not None:
        first, last = sorted((place.tss, place.tts))
        parts.append(f"{place.chrom}:{first + 1:,}–{last + 1:,} ({place.strand.replace('-', '−')})")
    for key, value in facts.items():
        parts.append(f"{key} " + (f"{value:.4g}".replace("-", "−") if isinstance(value, float) else str(value)))
    wide, high = figure.get_size_inches()
    # Names with dollar signs must not be parsed as formulas.
    plain = {"va": "top", "parse_math": False}
    figure.text(_MARGIN / wide, 1 - 0.1 / high, name, size=12, weight="bold", **plain)
    figure.text(_MARGIN / wide, 1 - 0.34 / high, "   ·   ".join(parts), size=8, color=GREY, **plain)
    notes = ["grey: not seen by the model"]
    notes += ["boxes: exons, dark where coding"] if any(box.feature != "gene" for box in gene.boxes) else []
    notes += ["places on the genome are 1-based"] if place is not None else []
    note = "above the line a base raises the explained logit, below it lowers it\n" + "; ".join(notes)
    figure.text(1 - _RIGHT / wide, 1 - 0.1 / high, note, size=7, color=GREY, va="top", ha="right", linespacing=1.4)


def _draw_overview(figure: "Figure", gene: _Gene, chosen: tuple[int, int] | None) -> None:
    """Draw the attribution of every token and the exons of both windows, side by side; highlight ``chosen`` columns."""
    template = piece_template(gene.geometry)
    values = sum_by_piece(gene.attributions[None], template)[0]
    room = _WIDTH - _LEFT - _RIGHT - _GAP * (len(gene.windows) - 1)
    per_column = room / sum(window.end - window.start for window in gene.windows)
    left = _LEFT
    for number, window in enumerate(gene.windows):
        width = per_column * (window.end - window.start)
        bars = _axes_at(figure, left, _HEAD, width, _BARS)
        lane = _axes_at(figure, left, _HEAD + _BARS, width, _LANE)
        left += width + _GAP
        for axes in (bars, lane):
            axes.set_xlim(window.start - 0.5, window.end - 0.5)
            axes.spines["bottom"].set_visible(False)
            if chosen is not None:
                axes.axvspan(chosen[0] - 0.5, chosen[1] - 0.5, color=_CHOSEN, zorder=0)
        _shade_hidden(bars, gene, window.start, window.end)
        here = (template.start >= window.start) & (template.end <= window.end)
        widths, heights = (template.end - template.start)[here], values[here]
        colours = [RAISES if height > 0 else LOWERS for height in heights]
        bars.bar(template.start[here] - 0.5, heights, widths, align="edge", color=colours)
        bars.axhline(0, color=INK, linewidth=0.5)
        pad_limits(bars, values)
        bars.tick_params(bottom=False, labelbottom=False)
        if number:
            bars.spines["left"].set_visible(False)
            bars.tick_params(left=False, labelleft=False)
        else:
            bars.set_ylabel("attribution per token")
        _draw_lane(lane, gene, window)


def _draw_lane(axes: "Axes", gene: _Gene, window: _Window) -> None:
    """Draw the exons and the TSS or TTS of a window, and an axis with positions relative to it and on the genome."""
    axes.set_ylim(-0.8, 1.2)
    axes.spines["left"].set_visible(False)
    _draw_boxes(axes, gene.boxes, window.start, window.end, 0, 0.5)
    reach = max((window.end - window.start) // 40, 2)
    for box in gene.boxes:
        if box.feature == "gene" and window.start <= box.start < window.end:
            along = range(box.start + reach, box.end, reach)
            axes.plot(along, [0] * len(along), ">", markersize=2.8, color=_EXON, markeredgewidth=0)
    if window.site:
        border = window.origin + (-0.5 if window.site == "TSS" else 0.5)
        axes.plot([border, border], [-0.5, 1], color=INK, linewidth=0.9, solid_capstyle="butt")
        end = {"arrowstyle": "-|>,head_width=0.25,head_length=0.5" if window.site == "TSS" else "-"}
        left, right = (border, border + reach) if window.site == "TSS" else (border - reach / 4, border + reach / 4)
        arrow = {**end, "color": INK, "shrinkA": 0, "shrinkB": 0, "linewidth": 0.9}
        axes.annotate("", (right, 1), (left, 1), arrowprops=arrow)
    every = next((step for step in _STEPS if (window.end - window.start) / step <= _MOST_TICKS), _STEPS[-1])
    ticks = [column for column in range(window.start, window.end) if (column - window.origin) % every == 0]
    axes.set_xticks(ticks, [f"{gene.label(column)}\n{gene.on_genome(column)}".strip() for column in ticks])
    axes.tick_params(left=False, labelleft=False)


def _draw_row(axes: "Axes", gene: _Gene, start: int, end: int, scale: _Scale) -> None:
    """Draw the columns from ``start`` to ``end`` as letters, with the sequence and the exons below them."""
    columns = np.arange(start, end)
    bottom = scale.low - (_STRIP + _EXONS) * scale.inch
    axes.set_ylim(bottom, scale.high + _ROOM * scale.inch)
    _shade_hidden(axes, gene, start, end)
    borders = columns[columns % TOKEN == 0] - 0.5
    axes.vlines(borders, scale.low, scale.high, color=_BORDER, linewidth=0.5, zorder=0.5)
    axes.hlines(0, start - 0.5, end - 0.5, color=INK, linewidth=0.4, zorder=1)
    heights = np.where(gene.seen[start:end] < UNKNOWN, gene.attributions[start:end], 0)
    letters = "".join(map(chr, LETTERS[gene.codes[start:end]]))
    draw_letters(axes, letters, columns, 0, heights)
    spelled = np.full(end - start, _SPELLED * scale.inch)
    draw_letters(axes, letters, columns, scale.low - (_STRIP - 0.02) * scale.inch, spelled, width=0.66, colour=GREY)
    middle = scale.low - (_STRIP + _EXONS / 2) * scale.inch
    _draw_boxes(axes, gene.boxes, start, end, middle, _EXONS / 2 * scale.inch)
    _label_row(axes, gene, start, end, scale)


def _label_row(axes: "Axes", gene: _Gene, start: int, end: int, scale: _Scale) -> None:
    """Label a row of letters: the position of its first column, ticks below it, and the scale of the letters."""
    from matplotlib.ticker import MaxNLocator

    site, first = gene.window_of(start).site, gene.label(start)
    lines = (first if first == site else f"{site} {first}".strip(), gene.on_genome(start))
    offset = (72 * (_MARGIN - _LEFT), 0)
    for line, colour, height in ((lines[0], INK, 0.62), (lines[1], GREY, 0.36)):
        axes.annotate(line, (0, height), offset, "axes fraction", "offset points", size=7, color=colour)
    ticks = [column for column in range(start, end) if (column - gene.window_of(column).origin) % _EVERY == 0]
    axes.set_xticks(ticks, [gene.label(column) for column in ticks])
    axes.tick_params(axis="x", length=2, labelsize=6, pad=1.5, color=GREY, labelcolor=GREY)
    axes.spines["bottom"].set_visible(False)
    axes.spines["left"].set_bounds(scale.low, scale.high)
    shown = MaxNLocator(3).tick_values(scale.low, scale.high)
    axes.set_yticks([height for height in shown if scale.low <= height <= scale.high])
    axes.tick_params(axis="y", length=2, labelsize=6, pad=1.5)


def _shade_hidden(axes: "Axes", gene: _Gene, start: int, end: int) -> None:
    """Shade the columns from ``start`` to ``end`` in which the model sees no base."""
    hidden = np.diff((gene.seen[start:end] >= UNKNOWN).astype(np.int8), prepend=0, append=0)
    first, last = np.flatnonzero(hidden == 1), np.flatnonzero(hidden == -1)
    ranges = list(zip(first + start - 0.5, last - first, strict=True))
    axes.broken_barh(ranges, (0, 1), transform=axes.get_xaxis_transform(), color=_HIDDEN, zorder=0.4)


def _draw_boxes(axes: "Axes", boxes: list[Feature], start: int, end: int, middle: float, half: float) -> None:
    """Draw the transcribed part as a line, exons as thin boxes and coding parts as thick boxes, around ``middle``."""
    for kind, share, colour in (("gene", 0.08, _EXON), ("exon", 0.5, _EXON), ("CDS", 1.0, _CODING)):
        here = [(max(box.start, start), min(box.end, end)) for box in boxes if box.feature == kind]
        ranges = [(first - 0.5, last - first) for first, last in here if first < last]
        axes.broken_barh(ranges, (middle - share * half, 2 * share * half), color=colour, zorder=2)
