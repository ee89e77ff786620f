"""Schemas of tables about genes: sets, excluded genes, homologs, splits, leaks, labels, and truth of simulations."""

from kanseq.io.tables.schema import Column, Schema, integer, number, text

SPECIES = text("species", "species; `.` if not specified")
ID = text("id", "name of the gene or plain sequence")

GENES = Schema(
    name="genes",
    file="genes.parquet",
    title="set of genes",
    verbs=("extract", "import", "combine"),
    help="a row per gene or plain sequence",
    version=2,
    storage="parquet",
    columns=(
        ID,
        SPECIES,
        integer("length", "number of columns of the sequence"),
        text("chrom", "contig", optional=True),
        text("strand", "`+` or `-`", optional=True),
        integer("tss", "first transcribed base, 0-based", optional=True),
        integer("tts", "last transcribed base, 0-based", optional=True),
        integer("tss_start", "start of the TSS window, 0-based; not clipped at contig ends", optional=True),
        integer("tss_end", "end of the TSS window, exclusive", optional=True),
        integer("tts_start", "start of the TTS window, 0-based", optional=True),
        integer("tts_end", "end of the TTS window, exclusive", optional=True),
        integer("start", "start of an imported interval, 0-based", optional=True),
        integer("end", "end of an imported interval, exclusive", optional=True),
        Column("label", "value", "class or number imported with the sequence", optional=True, missing=True),
        text("split", "split imported with the sequence", optional=True, missing=True),
        text("sequence", "letters in the direction of transcription"),
    ),
)

EXCLUDED = Schema(
    name="excluded",
    file="excluded.tsv",
    title="genes left out",
    verbs=("extract",),
    help="a row per excluded gene of the annotation",
    columns=(
        text("id", "name of the gene; `.` if it has none"),
        text("reason", "reason: `biotype`, `edge`, `no_contig`, `too_many_n`, …"),
        text("detail", "value that caused the exclusion", missing=True),
    ),
)

HOMOLOGS = Schema(
    name="homologs",
    file="homologs.tsv",
    title="groups of homologs",
    verbs=("homology",),
    help="a row per gene of the set; a gene without homologs is a separate group",
    columns=(SPECIES, ID, text("group", "number of the group")),
)

HOMOLOG_PAIRS = Schema(
    name="homolog_pairs",
    file="pairs.tsv",
    title="pairs of homologs",
    verbs=("homology",),
    help="a row per pair of homologous genes, with the best hit (`--pairs`)",
    columns=(
        SPECIES,
        ID,
        text("species_2", "species of the other gene"),
        text("id_2", "name of the other gene"),
        number("evalue", "e-value of the hit"),
        number("bits", "bit score of the hit"),
        number("coverage", "percent of the query's letters that are aligned"),
        number("identity", "percent of identical letters"),
    ),
)

SPLITS = Schema(
    name="splits",
    file="splits.tsv",
    title="splits",
    verbs=("split",),
    help="a row per gene and fold",
    known_by=4,
    columns=(
        SPECIES,
        ID,
        text("fold", "name of the fold"),
        text("role", "`train`, `tune`, `test` or `unused`"),
        text("reason", "reason for `unused`; if another gene caused it, its name follows after a colon", missing=True),
    ),
)

LEAKS = Schema(
    name="leaks",
    file="leaks.tsv",
    title="leaks",
    verbs=("leaks",),
    help="a row per fold, kind of leak and pair of roles (`--table`)",
    columns=(
        text("fold", "name of the fold"),
        text("kind", "kind of leak"),
        text("between", "the pair of roles, such as `train|test`"),
        integer("genes", "number of affected genes of the first role"),
        integer("pairs", "number of affected pairs of genes"),
    ),
)

LABELS = Schema(
    name="labels",
    file="labels.tsv",
    title="labels",
    verbs=("label",),
    help="a row per gene, condition and fold",
    columns=(
        SPECIES,
        ID,
        text("condition", "name of the condition; `*` if there is only one"),
        text("fold", "fold whose training genes determine the quartiles; `*` if all rows of the expression table do"),
        number("expression", "log10(TPM + 1)"),
        text("label", "`low`, `mid` or `high`"),
        number("q1", "genes at or below this threshold are low, log10(TPM + 1)"),
        number("q3", "genes at or above this threshold are high, log10(TPM + 1)"),
    ),
)

TRUTH = Schema(
    name="truth",
    file="truth.tsv",
    title="truth of a simulation",
    verbs=("simulate",),
    help="a row per simulated gene",
    known_by=5,
    columns=(
        text("gene_id", "name of the gene"),
        text("chrom", "contig"),
        integer("scored", "1 if the gene is used to compute the oracle's score, otherwise 0"),
        number("signal", "log10 expression without noise, from the grammar", ".6f"),
        number("noise", "random noise added to the signal", ".6f"),
        number("upstream_gc", "fraction of G and C in the 1,000 nt before the TSS", ".6f"),
        number("downstream_gc", "fraction of G and C in the 1,000 nt after the TTS", ".6f"),
        integer("*", "number of planted copies of an element, a column per element"),
    ),
)

GENE_TABLES = (GENES, EXCLUDED, HOMOLOGS, HOMOLOG_PAIRS, SPLITS, LEAKS, LABELS, TRUTH)
