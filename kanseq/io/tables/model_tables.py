"""Schemas of tables about models: predictions, held-out genes, metrics, trials of a search, and attributions."""

from kanseq.io.tables.gene_tables import ID, SPECIES
from kanseq.io.tables.schema import Column, Schema, integer, number, text

_FLOAT32 = ".9g"
"""Number format with enough digits to reproduce a float32."""

PREDICTIONS = Schema(
    name="predictions",
    file="predictions.tsv",
    title="predictions",
    verbs=("train", "predict"),
    help="a row per gene and condition",
    columns=(
        SPECIES,
        ID,
        text("condition", "name of the condition; `*` if there is only one"),
        text("chrom", "contig; empty for plain sequences", missing=True),
        text("fold", "fold whose model scored the gene; `mean` if several did"),
        text("role", "`test`: held out; `seen`: used for training; `new`: from another set"),
        number("logit", "log-odds of `high`; regression: predicted value", _FLOAT32),
        number("probability", "probability, calibrated if requested; empty for regression", _FLOAT32, missing=True),
        number("target", "0 (low), 1 (high), number of the class, or measured value", _FLOAT32, missing=True),
        number(
            "called",
            "predicted class: 0, 1 or number of the class; if empty, the threshold 0.5 applies",
            _FLOAT32,
            optional=True,
            missing=True,
        ),
        number("spread", "standard deviation of the logit over models", _FLOAT32, optional=True, missing=True),
        number("models", "number of models (folds and seeds) that scored the gene", _FLOAT32, optional=True),
        number("logit:*", "logit of each class, if there are three or more", _FLOAT32),
    ),
)

HELD_OUT = Schema(
    name="held_out",
    file="held_out.txt",
    title="held-out genes",
    verbs=("train",),
    help="a row per gene held out from a fold's model",
    has_header=False,
    columns=(SPECIES, ID),
)

METRICS = Schema(
    name="metrics",
    file="metrics.tsv",
    title="metrics",
    verbs=("evaluate",),
    help="a row per model and fold, followed by a row per average",
    version=2,
    columns=(
        text("model", "name of the model"),
        text("fold", "fold, `mean`, `weighted_by_genes`, `species:NAME`, `mean_of_species` or `pooled`"),
        integer("n", "number of genes"),
        integer("seeds", "number of seeds of the fold", optional=True),
        number(
            "*",
            "each metric, with its 95 % interval (`_low`, `_high`) and its spread over seeds (`_sd`, `_min`, `_max`)",
            ".6g",
            missing=True,
        ),
    ),
)

TRIALS = Schema(
    name="trials",
    file="trials.tsv",
    title="trials of a search",
    verbs=("tune",),
    help="a row per finished trial",
    columns=(
        integer("trial", "number of the trial"),
        text("state", "`complete` or `fail`"),
        number("value", "score on the tuning genes", missing=True),
        Column("*", "value", "value of each hyper-parameter, a column per hyper-parameter", missing=True),
    ),
)

ATTRIBUTIONS = Schema(
    name="attributions",
    file="attributions.parquet",
    title="attributions",
    verbs=("explain",),
    help="a row per gene; cells are null if the method has no reference, or if only one model explained the gene",
    version=2,
    storage="parquet",
    columns=(
        SPECIES,
        ID,
        Column("attributions", "float32 list", "attribution per base, the mean over references and models"),
        Column("tokens", "float32 list", "attribution per token, the sum over its 8 bases"),
        Column(
            "token_spread", "float32 list", "standard deviation of the token attributions over models", missing=True
        ),
        number("logit", "explained output of the model"),
        number("logit_spread", "standard deviation of `logit` over models", missing=True),
        number("reference_logit", "mean output of the model for the references", missing=True),
        number("sum", "sum of the attributions", missing=True),
        number("completeness_error", "largest completeness error over all references", missing=True),
        Column("completeness_errors", "float64 list", "completeness error per reference, the largest over all models"),
        text("method", "method of attribution"),
        text("model", "`fold/seed-N` of every model, comma-separated"),
    ),
)

MODEL_TABLES = (PREDICTIONS, HELD_OUT, METRICS, TRIALS, ATTRIBUTIONS)
