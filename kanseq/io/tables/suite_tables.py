"""Schemas of the tables of ``kanseq benchmark``, ``ablation`` and ``scaling``, and of published results."""

from kanseq.io.tables.schema import Column, Schema, integer, number, text

_SIX = ".6g"


def _number(name: str, help: str) -> Column:
    """Return the schema of a column of numbers with six significant digits; its cells may be empty."""
    return number(name, help, _SIX, missing=True)


_NAMES = (text("data_set", "name of the data set"), text("model", "name of the run"))
_RESULTS = (
    integer("classes", "number of classes"),
    integer("test", "number of test sequences"),
    integer("train", "number of training sequences per fit"),
    integer("folds", "number of folds"),
    integer("seeds", "number of seeds per fold"),
    integer("parameters", "number of trainable parameters"),
    _number(
        "flops", "floating-point operations of matrix products and convolutions in the forward pass of one sequence"
    ),
    _number("seconds_per_epoch", "training time per epoch, the median over all epochs"),
    _number("MCC", "Matthews correlation coefficient"),
    _number("MCC_sd", "standard deviation of the MCC over fits"),
    _number("MCC_low", "lower end of the 95 % interval of the MCC over test sequences"),
    _number("MCC_high", "upper end of the interval"),
    _number("accuracy", "fraction of correctly predicted sequences"),
    _number("auROC", "area under the ROC curve"),
    _number("auPRC", "average precision"),
    _number("precision", "precision"),
    _number("recall", "recall"),
    _number("F1", "F1"),
    _number("MCC_minus_baseline", "MCC minus the MCC of the baseline"),
    _number("MCC_minus_baseline_low", "lower end of the 95 % interval of the difference"),
    _number("MCC_minus_baseline_high", "upper end of the interval"),
    _number("published", "published MCC"),
)

RESULTS = Schema(
    name="results",
    file="results.tsv",
    title="results of a benchmark",
    verbs=("benchmark",),
    help="a row per data set and model",
    columns=(
        *_NAMES,
        *_RESULTS,
        number("published_sd", "standard deviation of the published MCC over folds", _SIX, optional=True, missing=True),
    ),
)

CHECKS = Schema(
    name="checks",
    file="checks.tsv",
    title="checks of data sets",
    verbs=("benchmark",),
    help="a row per data set",
    columns=(
        _NAMES[0],
        integer("train", "number of training sequences"),
        integer("dev", "number of tuning sequences"),
        integer("test", "number of test sequences"),
        text("train_classes", "classes and their numbers of training sequences, such as `0 120, 1 118`", missing=True),
        text("dev_classes", "classes and their numbers of tuning sequences", missing=True),
        text("test_classes", "classes and their numbers of test sequences", missing=True),
        integer("shortest", "length of the shortest sequence"),
        _number("median_length", "median length of the sequences"),
        integer("longest", "length of the longest sequence"),
        integer("with_n", "number of sequences with a letter other than A, C, G or T"),
        integer("test_in_train", "number of test sequences that are also in train, possibly as reverse complement"),
        integer("test_in_train_reversed", "number of test sequences that are in train, but only as reverse complement"),
        integer("test_in_train_other_label", "number of test sequences that are in train with a different label"),
        integer("test_in_dev", "number of test sequences that are also in dev"),
        _number("test_overlaps_train", "number of test sequences that overlap a training sequence in the genome"),
        integer("repeated_in_train", "number of training sequences that are identical to an earlier one"),
        text("untested", "classes that are in train but not in test", missing=True),
    ),
)

ABLATION = Schema(
    name="ablation",
    file="ablation.tsv",
    title="results of an ablation",
    verbs=("ablation",),
    help="a row per variant of the network",
    columns=(
        *_NAMES,
        text("replaced", "replaced blocks or convolutions", missing=True),
        text("grid", "number of grid intervals of the splines", missing=True),
        *_RESULTS,
    ),
)

SCALING = Schema(
    name="scaling",
    file="scaling.tsv",
    title="results by size",
    verbs=("scaling",),
    help="a row per model and size",
    columns=(*_NAMES, *_RESULTS, text("kind", "architecture")),
)

GRIDS = Schema(
    name="grids",
    file="grids.tsv",
    title="costs of finer grids",
    verbs=("scaling",),
    help="a row per model and grid",
    columns=(
        text("model", "architecture"),
        integer("grid", "number of grid intervals of the splines"),
        integer("parameters", "number of trainable parameters"),
        _number(
            "flops", "floating-point operations of matrix products and convolutions in the forward pass of one sequence"
        ),
        _number("step_seconds", "seconds per training step"),
    ),
)

PUBLISHED = Schema(
    name="published",
    file="published.tsv",
    title="published numbers",
    verbs=("benchmark",),
    help="a row per model and data set; included in kanseq (`--published` reads a different file)",
    columns=(
        text("collection", "name of the collection"),
        *_NAMES,
        number("MCC", "100 times the Matthews correlation coefficient"),
        number("MCC_sd", "100 times its standard deviation over folds", optional=True, missing=True),
        text("source", "where it was published", optional=True, missing=True),
        text("note", "known slips of the publication", optional=True, missing=True),
    ),
)

SUITE_TABLES = (RESULTS, CHECKS, ABLATION, SCALING, GRIDS, PUBLISHED)
