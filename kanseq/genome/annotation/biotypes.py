"""Find the biotype of a gene in the places where annotations state it, and compare biotypes.

In: types, sources and attributes of rows. Out: biotypes in the words of the file.
"""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

PROTEIN_CODING = "protein_coding"

BIOTYPE_KEYS = ("gene_biotype", "gene_type", "biotype", "locus_type", "ebi_biotype", "so_term_name")
"""Attributes with the biotype of a gene: in Ensembl and RefSeq GTF, in GENCODE, in Ensembl GFF3, in Araport, in
VEuPathDB, and in WormBase."""

_PART_KEYS = (*BIOTYPE_KEYS, "transcript_biotype", "transcript_type")

_NO_BIOTYPES = frozenset(("", ".", "-", "na", "n/a", "nan", "none", "null"))
"""Values in lower case with which programs state that there is no biotype."""

_CODING_WORDS = frozenset(("protein_coding", "protein_coding_gene", "mrna", "coding", "coding_gene"))

_WORDS = re.compile(
    r"protein_coding(_gene)?|(\w+_)?pseudogene|transposable_element(_gene)?|(ig|tr)_[cdjv]_gene"
    r"|nonsense_mediated_decay|non_stop_decay|retained_intron|processed_transcript|retrotransposed|ambiguous_orf"
    r"|(linc|lnc_?|macro_lnc|antisense_(lnc)?|nc|other_|misc_|(pre_)?mi|si|pi|sno?|sca?|s|srp_|vault_?|y_|tm)rna(_gene)?"
    r"|(rnase_m?r?p_|telomerase_|guide_|(mt_)?[rt])rna(_gene)?|(3|three_)prime_overlapping_ncrna|ribozyme|tec"
    r"|antisense|sense_(intronic|overlapping)|non_coding|nontranslating_cds|novel_transcribed_region",
    re.IGNORECASE,
)
"""Matches words that are biotypes wherever they stand."""


def same_biotype(biotype: str) -> str:
    """Return :data:`PROTEIN_CODING` for all words for protein-coding genes, and other biotypes unchanged.

    >>> same_biotype("protein-coding"), same_biotype("protein_coding_gene"), same_biotype("lncRNA")
    ('protein_coding', 'protein_coding', 'lncRNA')
    """
    return PROTEIN_CODING if re.sub(r"[\s-]+", "_", biotype.strip()).lower() in _CODING_WORDS else biotype


@lru_cache(maxsize=1024)
def biotype_word(text: str) -> str | None:
    """Return a text such as a note or a source if it is the name of a biotype, else None.

    >>> biotype_word("snoRNA"), biotype_word("Ensembl")
    ('snoRNA', None)
    """
    return text if _WORDS.fullmatch(text) else None


def biotype_of_row(kind: str, attributes: Mapping[str, str]) -> str | None:
    """Return the biotype that the row of a gene states, or None.

    It is the value of the first of :data:`BIOTYPE_KEYS`, the type of the row if this is more specific than ``gene``, or
    a ``Note`` that is the name of a biotype (TAIR10).
    """
    stated = _stated(attributes, BIOTYPE_KEYS)
    if stated is None and kind.lower() != "gene":
        return kind
    return stated or biotype_word(attributes.get("Note", ""))


def biotype_of_part(attributes: Mapping[str, str]) -> str | None:
    """Return the biotype that the row of a transcript, an exon or a coding sequence states, or None."""
    return _stated(attributes, _PART_KEYS) or biotype_word(attributes.get("Note", ""))


def _stated(attributes: Mapping[str, str], keys: tuple[str, ...]) -> str | None:
    """Return the value of the first of these attributes that has one, or None."""
    for key in keys:
        if key in attributes and attributes[key].lower() not in _NO_BIOTYPES:
            return attributes[key]
    return None


def biotype_of_type(kind: str) -> str | None:
    """Return the biotype that the type of a transcript's row states, such as ``tRNA``; None for ``transcript``.

    ``mRNA`` is returned as it is, although many files call every transcript so.
    """
    if kind == "pseudogenic_transcript":
        return "pseudogene"
    return kind if kind.lower().endswith("rna") and kind.lower() != "rna" else None


def most_coding(biotypes: Iterable[str | None]) -> str | None:
    """Return the biotype of a gene from those of its transcripts: protein-coding if any is, else the first one."""
    stated = [biotype for biotype in biotypes if biotype]
    return next((biotype for biotype in stated if same_biotype(biotype) == PROTEIN_CODING), (stated or [None])[0])
