"""Tables about genes: sets, what was left out, homologs, splits, leaks, labels, and the truth of a simulation."""

from kanseq.io.schema import Column, Schema, integer, number, text

SPECIES = text("species", "species; `.` where none was named")
ID = text("id", "name of the gene, or of the plain sequence")

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
        integer("length", "columns of the sequence"),
        text("chrom", "contig", optional=True),
        text("strand", "`+` or `-`", optional=True),
        integer("tss", "first transcribed base, 0-based", optional=True),
        integer("tts", "last transcribed base, 0-based", optional=True),
        integer("tss_start", "start of the TSS window, 0-based; not cut at contig ends", optional=True),
        integer("tss_end", "end of the TSS window, exclusive", optional=True),
        integer("tts_start", "start of the TTS window, 0-based", optional=True),
        integer("tts_end", "end of the TTS window, exclusive", optional=True),
        integer("start", "start of an imported interval, 0-based", optional=True),
        integer("end", "end of an imported interval, exclusive", optional=True),
        Column("label", "value", "class or number that the sequence came with", optional=True, missing=True),
        text("split", "split that the sequence came with", optional=True, missing=True),
        text("sequence", "letters in the direction of transcription"),
    ),
)

EXCLUDED = Schema(
    name="excluded",
    file="excluded.tsv",
    title="genes left out",
    verbs=("extract",),
    help="a row per gene of the annotation that was not written",
    columns=(
        text("id", "name of the gene; `.` where it has none"),
        text("reason", "why: `biotype`, `edge`, `no_contig`, `too_many_n`, …"),
        text("detail", "the value that the reason is about", missing=True),
    ),
)

HOMOLOGS = Schema(
    name="homologs",
    file="homologs.tsv",
    title="groups of homologs",
    verbs=("homology",),
    help="a row per gene of the set; a gene without relatives is a group of its own",
    columns=(SPECIES, ID, text("group", "number of its group")),
)

HOMOLOG_PAIRS = Schema(
    name="homolog_pairs",
    file="pairs.tsv",
    title="pairs of homologs",
    verbs=("homology",),
    help="each pair of homologous genes once, with its better hit (`--pairs`)",
    columns=(
        SPECIES,
        ID,
        text("species_2", "species of the other gene"),
        text("id_2", "name of the other gene"),
        number("evalue", "e-value of the hit"),
        number("bits", "bit score of the hit"),
        number("coverage", "percent of the query's letters under the hit"),
        number("identity", "percent of identical letters"),
    ),
)

SPLITS = Schema(
    name="splits",
    file="splits.tsv",
    title="splits",
    verbs=("split",),
    help="every gene in every fold",
    known_by=4,
    columns=(
        SPECIES,
        ID,
        text("fold", "name of the fold"),
        text("role", "`train`, `tune`, `test` or `unused`"),
        text("reason", "why it is unused, and after a colon the gene that caused it", missing=True),
    ),
)

LEAKS = Schema(
    name="leaks",
    file="leaks.tsv",
    title="leaks",
    verbs=("leaks",),
    help="a row per fold, kind of leak and two roles (`--table`)",
    columns=(
        text("fold", "name of the fold"),
        text("kind", "kind of leak"),
        text("between", "the two roles, such as `train|test`"),
        integer("genes", "genes of the first role that are concerned"),
        integer("pairs", "pairs of genes that are concerned"),
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
        text("condition", "name of the condition; `*` where there is one"),
        text("fold", "fold whose training genes set the quartiles; `*` where the whole table did"),
        number("expression", "log10(TPM + 1)"),
        text("label", "`low`, `mid` or `high`"),
        number("q1", "at or below it a gene is low, log10(TPM + 1)"),
        number("q3", "at or above it a gene is high, log10(TPM + 1)"),
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
        integer("scored", "1 where the oracle is scored on the gene, else 0"),
        number("signal", "what the grammar adds to log10 expression", ".6f"),
        number("noise", "what it cannot know", ".6f"),
        number("upstream_gc", "share of G and C in the TSS window", ".6f"),
        number("downstream_gc", "share of G and C in the TTS window", ".6f"),
        integer("*", "copies of each planted element, a column per element"),
    ),
)

GENE_TABLES = (GENES, EXCLUDED, HOMOLOGS, HOMOLOG_PAIRS, SPLITS, LEAKS, LABELS, TRUTH)
