"""Tables of ``kanseq figures``: scores of edges and nodes, grids, places, profiles and words."""

from kanseq.io.schema import Column, Schema, integer, number, text

_SIX = ".6g"
_VERBS = ("figures",)
_LAYER = text("layer", "name of the KAN layer")


def _number(name: str, help: str) -> Column:
    """Return a column of numbers with six digits, which may be unknown."""
    return number(name, help, _SIX, missing=True)


EDGES = Schema(
    name="edges",
    file="edges.tsv",
    title="scores of edges",
    verbs=_VERBS,
    help="a row per edge, each layer's edges of highest KAN 2.0 score",
    columns=(
        _LAYER,
        integer("input", "input, from 0"),
        integer("tap", "tap of a convolution, from 0; else 0"),
        integer("output", "output, from 0"),
        _number("score", "KAN 2.0 score"),
        _number("standard_deviation", "standard deviation of what the edge gives"),
        text("input_name", "what the input is"),
        text("output_name", "what the output is"),
    ),
)

NODES = Schema(
    name="nodes",
    file="nodes.tsv",
    title="scores of nodes",
    verbs=_VERBS,
    help="a row per input and per output of each layer",
    columns=(
        _LAYER,
        text("side", "`input` or `output`"),
        integer("node", "number, from 0"),
        _number("score", "KAN 2.0 score"),
        text("name", "what the node is"),
    ),
)

GRID = Schema(
    name="grid",
    file="grid.tsv",
    title="values outside of grids",
    verbs=_VERBS,
    help="a row per input of each layer with a grid",
    columns=(
        text("layer", "name of the KAN layer; `*`: all layers"),
        text("input", "input, from 0; `*`: all inputs"),
        _number("below", "share of values below the grid"),
        _number("above", "share of values above the grid"),
        _number("outside", "sum of the two"),
    ),
)

POSITIONS = Schema(
    name="positions",
    file="positions.tsv",
    title="scores along the windows",
    verbs=_VERBS,
    help="a row per column",
    columns=(
        integer("column", "column of the sequence, 0-based"),
        integer("token", "token of 8 columns, from 0"),
        text("place", "distance from TSS or TTS"),
        _number("score", "KAN 2.0 score of the column"),
        _number("token_score", "sum over the token's columns"),
    ),
)

PLACES = Schema(
    name="places",
    file="places.tsv",
    title="curves of position",
    verbs=_VERBS,
    help="a row per word and token, the strongest words first",
    columns=(
        _LAYER,
        text("word", "word or codon"),
        _number("strength", "how much the word's curve varies"),
        integer("column", "first column of the token, 0-based"),
        text("place", "distance from TSS or TTS"),
        _number("value", "what the word adds there"),
    ),
)

PROFILE = Schema(
    name="profile",
    file="profile.tsv",
    title="profile of attributions",
    verbs=_VERBS,
    help="a row per base around TSS and TTS (`--attributions`)",
    columns=(
        text("site", "`TSS` or `TTS`"),
        integer("position", "distance from the first (TSS) or last (TTS) transcribed base"),
        integer("genes", "genes with a known base there"),
        _number("mean", "mean attribution"),
        _number("low", "lower end of its 95 % interval"),
        _number("high", "upper end of its 95 % interval"),
        _number("mean_magnitude", "mean absolute attribution"),
    ),
)

WORDS = Schema(
    name="words",
    file="words-N.tsv",
    title="words and their attributions",
    verbs=_VERBS,
    help="a row per word of N bases and its reverse complement (`--attributions`)",
    columns=(
        text("word", "word"),
        text("reverse_complement", "its reverse complement"),
        integer("length", "bases"),
        integer("occurrences", "occurrences on both strands"),
        integer("occurrences_forward", "occurrences as written"),
        integer("occurrences_reverse", "occurrences of the reverse complement"),
        _number("mean", "mean attribution of an occurrence"),
        _number("mean_forward", "the same as written"),
        _number("mean_reverse", "the same of the reverse complement"),
        _number("chance", "mean over shifted attributions"),
        _number("chance_sd", "standard deviation over the shifts"),
        _number("z", "mean less chance, in standard deviations"),
    ),
)

FIGURE_TABLES = (EDGES, NODES, GRID, POSITIONS, PLACES, PROFILE, WORDS)
