"""Decide from a column's name what its numbers are. In: a name. Out: unit, role, kind of summary.

A name is split into words. Words state a unit (``TPM``), a role other than expression (``length``, ``Entrez id``) or a
summary of samples (``mean``). If other words are left (``length_mutant``), the name can also be that of a sample, and
the content of the column decides (:mod:`kanseq.genome.expression.columns`).
"""

import re
from typing import NamedTuple

UNITS = {
    "TPM": ("transcripts per million", "transcripts per kilobase million", "tpm", "tpms"),
    "FPKM": ("fragments per kilobase", "fpkm", "fpkms"),
    "RPKM": ("reads per kilobase", "rpkm", "rpkms"),
    "CPM": ("counts per million", "reads per million", "cpm", "cpms", "rpm"),
    "counts": (
        "read count",
        "read counts",
        "reads count",
        "counts",
        "count",
        "reads",
        "frags",
        "fragments",
        "umis",
        "base mean",
    ),
}
"""Unit -> phrases that state it."""

SUMMARY_WORDS = {
    "max": ("max", "maximum"),
    "min": ("min", "minimum"),
    "mean": ("mean", "average", "avg"),
    "median": ("median",),
    "sum": ("sum", "total"),
}
"""Summary of samples -> words that state it."""


def word_set(text: str) -> frozenset[str]:
    """Return the words of a text."""
    return frozenset(text.split())


def _next_to_unit(before: str, after: str = "") -> tuple[str, ...]:
    """Return the phrases of words and a unit: ``log2 tpm``, ``tpm ratio``."""
    units = ("tpm", "fpkm", "rpkm", "cpm")
    return (
        *(f"{word} {unit}" for word in before.split() for unit in units),
        *(f"{unit} {word}" for word in after.split() for unit in units),
    )


class Role(NamedTuple):
    """What a column is if it is not expression.

    Attributes:
        name: the role, as in messages.
        phrases: words that state it.
        plain: shape of the numbers that is required if the name has no other words (:data:`NOUNS`), a key of
            :data:`kanseq.genome.expression.shapes.SHAPES`.
        mixed: shape that is required if the name has other words, which may name a sample.
        last: whether, in a name with other words, the phrase must be at the end.
    """

    name: str
    phrases: tuple[str, ...]
    plain: str = "any"
    mixed: str = "any"
    last: bool = False


COMPARISON = "ratio or difference"
"""The role of columns that are computed from two samples."""

ROLES = (
    Role("logarithm", _next_to_unit("log2 log10 log1p log ln rlog vst")),
    Role("z score", _next_to_unit("z", "zscore")),
    Role("posterior mean", _next_to_unit("pme")),
    Role(
        COMPARISON,
        _next_to_unit("delta fold", "fc fold ratio diff difference delta change"),
        "two others",
        "two others",
    ),
    Role(
        "derived value",
        _next_to_unit(
            "specificity cumulative",
            "q iqr range quantile quartile percentile threshold cutoff score fraction share bin",
        ),
        "others",
        "others",
    ),
    Role("confidence limit", ("conf lo", "conf hi", "conf low", "conf high", "conf lower", "conf upper")),
    Role("confidence limit", ("ci lower", "ci upper", "ci lo", "ci hi", "ci low", "ci high", "lower ci", "upper ci")),
    Role("confidence limit", ("lower bound", "upper bound")),
    Role("posterior mean", ("pme",), mixed="never"),
    Role("p value", ("p value", "pvalue", "pval", "p val", "padj", "p adj", "q value", "qvalue", "fdr"), mixed="share"),
    Role("fold change", ("fold change", "foldchange", "log fc", "log2 fc", "logfc")),
    Role("fold change", ("lfc",), mixed="negative"),
    Role(COMPARISON, ("fc", "fold", "ratio", "diff", "difference"), "two others", "never"),
    Role("test result", ("base mean", "basemean", "base var", "test stat", "ave expr")),
    Role("test result", ("dispersion",), mixed="never"),
    Role("logarithm", ("log2", "log10", "log1p", "rlog", "vst"), mixed="small"),
    Role("logarithm", ("log",), "small", "small"),
    Role("z score", ("z score", "zscore", "zscores")),
    Role("standard deviation or error", ("standard deviation", "standard error", "std error", "std dev")),
    Role("standard deviation or error", ("st dev",)),
    Role("standard deviation or error", ("std", "stdev", "sem", "stderr"), mixed="deviation", last=True),
    Role("standard deviation or error", ("sd", "se"), "deviation", "deviation", last=True),
    Role("variance", ("variance", "coefficient of variation", "quartile variation")),
    Role("variance", ("var", "cv"), mixed="of a sample", last=True),
    Role("score", ("score", "scores", "bitscore", "e value", "evalue", "identity", "similarity"), mixed="never"),
    Role("property of the protein", ("mw", "k da", "p i", "isoelectric", "molecular", "mol"), mixed="never"),
    Role("evolutionary rate", ("ka ks", "ka", "ks", "d n d s", "d n", "d s", "dn ds"), mixed="never"),
    Role("tissue specificity", ("tau",), "share", "share", last=True),
    Role("GC content", ("gc content", "percent gc", "gc percent", "gc pct", "pct gc", "gc fraction", "gc 3")),
    Role("GC content", ("gc",), "gc", "never"),
    Role("percent", ("percent", "percentage", "pct", "isopct"), mixed="percent"),
    Role("rank", ("rank",), mixed="whole among fractions"),
    Role("coverage", ("coverage",)),
    Role("coverage", ("cov", "depth"), mixed="never"),
    Role("number of parts", ("exon count", "exons", "exon number", "introns", "transcript count"), "whole", "whole"),
    Role("number of parts", ("isoform count", "num transcripts", "n transcripts", "num isoforms"), "whole", "whole"),
    Role("part of a gene", ("exon tpm", "intron tpm", "intergenic tpm", "exon reads", "intron reads")),
    Role("strand", ("strand", "orientation"), "strand", "never"),
    Role("position", ("start", "end", "stop", "pos", "position", "begin"), "whole", "large among fractions"),
    Role("position", ("txstart", "txend", "tss", "tts", "midpoint"), "whole", "large among fractions"),
    Role(
        "chromosome", ("chr", "chrom", "chromosome", "seqname", "seqnames", "seqid", "scaffold"), "chromosome", "never"
    ),
    Role("chromosome", ("contig", "reference", "ref"), "chromosome", "never"),
    Role("length", ("length", "lengths", "len", "width", "size", "distance"), "any", "large among fractions"),
    Role("identifier", ("entrez", "entrezgene", "entrezid"), "whole", "whole"),
    Role("identifier", ("id", "ids", "geneid"), "whole", "large among fractions"),
    Role("identifier", ("pacid", "taxid", "accession", "hgnc", "locuslink"), "whole", "large among fractions"),
    Role("identifier", ("ncbi", "taxon", "uid", "index", "idx", "row", "number", "num", "no", "nr"), "whole", "never"),
    Role("identifier", ("n", "version", "cluster", "module"), "whole", "never"),
)
"""Roles, in the order in which they are tried."""

COMPARED_SAMPLES = Role(COMPARISON, (), "two others", "two others")
"""The role of a name that :data:`COMPARED` matches."""

TEST_ONLY = frozenset(["t", "b", "f", "lr", "fc", "stat", "statistic", "ratio", "weight", "lfc se"])
"""Names that are results of a test in a table that also has p values or fold changes (limma's ``B``)."""

NOUNS = word_set(
    "gene genes transcript transcripts tx isoform isoforms cds exon exons exonic mrna protein peptide feature "
    "locus sequence seq genome genomic effective eff mean median average avg longest max min merged union total "
    "number num n no of the in per incl including and utr utrs bp kb nt aa base bases name value values content "
    "level stable formerly official ensembl ncbi entrez symbol score support percent percentage adj adjusted test "
    "scaffold chromosome start end id ids reference sum s read reads count counts transcription site bit point weight "
    "to mb kbp mbp cm tss tts"
)
"""Words next to the phrase of a role that do not name a sample (``gene length (bp)``)."""

MEASURES = word_set(
    "expression expr exp abundance abundances value values level levels sample samples all across overall tissue "
    "tissues condition conditions replicate replicates of the in gene genes transcript transcripts per normalized "
    "normalised norm"
)
"""Words next to the word of a summary that do not name a sample (``mean expression``)."""

ABUNDANCE = ("abundance", "abundances")
"""First words of columns of tximport with TPM."""

KINDS_OF_COUNTS = word_set(
    "raw num number n est estimated expected norm normalized normalised total unique uniq uniquely mapped aligned "
    "assigned gene genes transcript transcripts of in the read fragment per all"
)
"""Words next to a word for counts that do not name a sample (``expected_count``)."""

SCALES = word_set("bp kb kbp mb mbp cm nt")
"""Words that state the scale of a position or a length, which can then be a fraction."""

ESTIMATED = word_set("est estimated expected norm normalized normalised")
"""Words of counts that are not whole numbers."""

COMPARED = re.compile(
    r"\b(tpm|fpkm|rpkm|cpm)\b.* / .*\b\1\b|\b(tpm|fpkm|rpkm|cpm)\b.*\bvs\b|"
    r"(?<!log )(?<!log2 )\b(fc|ratio|difference)\b.*( / |\bvs\b)"
)
"""Matches the words of comparisons: ``tpm leaf / tpm root``, ``tpm leaf vs root``, ``ratio leaf / root``."""

BUILDS = re.compile(r"\b(?:hg|gr ?c[hm]|mm|rn|tair|dm|irgsp|ag ?pv) \d+\b")
"""Matches assemblies of genomes in names such as ``start_hg38``."""

ALIGNMENTS = re.compile(r".*\.(?:bam|sam|cram)")
"""Matches names of alignments, whose folders say nothing about the numbers."""

NOT_ROLES = (
    re.compile(r"\d+ (?:min|rpm|percent)\b|\bmin \d+"),
    re.compile(r"\b(?:mid|early|late) log\b|\blog (?:phase|growth|stage)\b"),
)
"""Phrases of treatments and growth stages, which are names of samples."""


WORD = re.compile(r"[Ll][Oo][Gg](?:2|10|1p)(?!\d)|[A-Z]{2,}s(?![a-z])|[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\dA-Za-z_]+")
"""Matches a word of a name, which can begin with a capital (``leafTPM``)."""


class Meaning(NamedTuple):
    """What the name of a column states.

    Attributes:
        text: the words of the name in lower case, separated by spaces.
        unit: ``TPM``, ``FPKM``, ``RPKM``, ``CPM``, ``counts``, or None.
        role: what the column is if it is not expression, or None.
        summary: the summary of samples that the column is: ``max``, ``min``, ``mean``, ``median``, ``sum``, or None.
        rest: words that may name a sample.
        at_end: whether the role is stated by the last words, except for a unit.
    """

    text: str
    unit: str | None
    role: Role | None
    summary: str | None
    rest: tuple[str, ...]
    at_end: bool = False


def split_words(name: str) -> str:
    """Return the words of a name in lower case, separated by spaces.

    >>> split_words("log2FoldChange"), split_words("TPMleaf"), split_words("transcript_id.s."), split_words("% GC")
    ('log2 fold change', 'tpm leaf', 'transcript id s', 'percent gc')
    """
    name = re.sub(r"(?<![A-Z])(TPM|FPKM|RPKM|CPM)s?(?![A-Z])", r" \1 ", name.replace("%", " percent "))
    return " ".join(word.lower() for word in WORD.findall(name))


def meaning_of(name: str) -> Meaning:
    """Return what the name of a column states.

    >>> meaning_of("FPKM.leaf").unit, meaning_of("FPKM_conf_hi").role.name, meaning_of("mean_TPM").summary
    ('FPKM', 'confidence limit', 'mean')
    >>> meaning_of("30_min").summary, meaning_of("length_mutant").rest
    (None, ('mutant',))
    """
    text = split_words(name)
    if ALIGNMENTS.fullmatch(name):
        return Meaning(text, None, None, None, tuple(text.split()))
    if COMPARED.search(" / ".join(map(split_words, name.split("/")))):
        return Meaning(text, _unit(text), COMPARED_SAMPLES, None, ())
    plain = BUILDS.sub("", text)
    for pattern in NOT_ROLES:
        plain = pattern.sub("_", plain)
    role = next((role for role in ROLES if any(_has(plain, phrase) for phrase in role.phrases)), None)
    if role is not None and not (role.name == "identifier" and _unit(plain)):
        rest = _rest(plain, role.phrases, NOUNS)
        bare = " ".join(_rest(plain, (), frozenset()))
        at_end = any(f" {text}".endswith(f" {phrase}") for phrase in role.phrases for text in (plain, bare))
        if not rest or at_end or not role.last:
            if at_end and role.name == "identifier" and plain.endswith(("id", "ids")):
                rest = ()
            return Meaning(text, _unit(plain), role, None, rest, at_end)
    unit, summary = _unit(plain), _summary(plain)
    known = KINDS_OF_COUNTS if unit == "counts" and summary is None else MEASURES
    phrases = (*SUMMARY_WORDS[summary], *SUMMARY_WORDS["max"]) if summary else ()
    return Meaning(text, unit, None, summary, _rest(plain, phrases, known))


def _has(text: str, phrase: str) -> bool:
    """Return whether the words of a phrase are in ``text``, one after the other."""
    return f" {phrase} " in f" {text} "


def _unit(text: str) -> str | None:
    """Return the unit that words state, or None."""
    # tximport writes abundance.SAMPLE; low_abundance is the name of a sample.
    first, *others = text.split() or [""]
    if first in ABUNDANCE or ("abundance" in others and MEASURES.issuperset([first, *others])):
        return "TPM"
    return next((unit for unit, phrases in UNITS.items() if any(_has(text, phrase) for phrase in phrases)), None)


def _summary(text: str) -> str | None:
    """Return the summary of samples that words state, or None."""
    return next((key for key, words in SUMMARY_WORDS.items() if any(_has(text, word) for word in words)), None)


def _rest(text: str, phrases: tuple[str, ...], known: frozenset[str]) -> tuple[str, ...]:
    """Return the words of ``text`` that are in none of the phrases, state no unit, and are not known."""
    for phrase in sorted((*phrases, *(phrase for unit in UNITS.values() for phrase in unit)), key=len, reverse=True):
        text = f" {text} ".replace(f" {phrase} ", "  ").strip()
    return tuple(word for word in text.split() if word not in known)
