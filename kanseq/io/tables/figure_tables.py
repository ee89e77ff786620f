"""Schemas of the tables of ``kanseq figures``: scores of edges and nodes, grids, position curves, profiles, k-mers."""

from kanseq.io.tables.schema import Column, Schema, integer, number, text

_SIX = ".6g"
_VERBS = ("figures",)
_LAYER = text("layer", "name of the KAN layer")


def _number(name: str, help: str) -> Column:
    """Return the schema of a column of numbers with six significant digits; its cells may be empty."""
    return number(name, help, _SIX, missing=True)


EDGES = Schema(
    name="edges",
    file="edges.tsv",
    title="scores of edges",
    verbs=_VERBS,
    help="a row per edge; only the edges with the highest KAN 2.0 scores of each layer",
    columns=(
        _LAYER,
        integer("input", "number of the input, from 0"),
        integer("tap", "position in the kernel of a convolution, from 0; 0 in other layers"),
        integer("output", "number of the output, from 0"),
        _number("score", "KAN 2.0 score"),
        _number("standard_deviation", "standard deviation of the edge's output"),
        text("input_name", "name of the input"),
        text("output_name", "name of the output"),
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
        integer("node", "number of the node, from 0"),
        _number("score", "KAN 2.0 score"),
        text("name", "name of the node"),
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
        _number("below", "fraction of values below the grid"),
        _number("above", "fraction of values above the grid"),
        _number("outside", "fraction of values outside the grid"),
    ),
)

POSITIONS = Schema(
    name="positions",
    file="positions.tsv",
    title="scores along the windows",
    verbs=_VERBS,
    help="a row per column of the sequence",
    columns=(
        integer("column", "column of the sequence, 0-based"),
        integer("token", "number of the token (8 columns), from 0"),
        text("place", "distance from TSS or TTS"),
        _number("score", "KAN 2.0 score of the column"),
        _number("token_score", "KAN 2.0 score of the token, the sum over its columns"),
    ),
)

PLACES = Schema(
    name="places",
    file="places.tsv",
    title="curves of position",
    verbs=_VERBS,
    help="a row per k-mer and token; k-mers with the strongest contributions are first",
    columns=(
        _LAYER,
        text("word", "k-mer or codon"),
        _number("strength", "standard deviation of the k-mer's contribution"),
        integer("column", "first column of the token, 0-based"),
        text("place", "distance from TSS or TTS"),
        _number("value", "contribution of the k-mer at this token"),
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
        integer("genes", "number of genes with a known base at this position"),
        _number("mean", "mean attribution"),
        _number("low", "lower end of the 95 % interval of the mean"),
        _number("high", "upper end of the 95 % interval of the mean"),
        _number("mean_magnitude", "mean absolute attribution"),
    ),
)

WORDS = Schema(
    name="words",
    file="words-N.tsv",
    title="words and their attributions",
    verbs=_VERBS,
    help="a row per k-mer (k is N) and its reverse complement (`--attributions`)",
    columns=(
        text("word", "k-mer"),
        text("reverse_complement", "reverse complement of the k-mer"),
        integer("length", "number of bases"),
        integer("occurrences", "number of occurrences on both strands"),
        integer("occurrences_forward", "number of occurrences of the k-mer itself"),
        integer("occurrences_reverse", "number of occurrences of the reverse complement"),
        _number("mean", "mean attribution of an occurrence"),
        _number("mean_forward", "mean over occurrences of the k-mer itself"),
        _number("mean_reverse", "mean over occurrences of the reverse complement"),
        _number("chance", "mean expected by chance, from shifted attributions"),
        _number("chance_sd", "standard deviation of the mean over the shifts"),
        _number("z", "mean minus `chance`, divided by `chance_sd`"),
    ),
)

FIGURE_TABLES = (EDGES, NODES, GRID, POSITIONS, PLACES, PROFILE, WORDS)
