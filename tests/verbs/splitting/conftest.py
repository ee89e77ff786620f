"""Small sets of genes, and helpers that look up the result of a split."""

import pandas as pd

from kanseq.geometry import Geometry
from kanseq.sequences.sequence_set import PLACE, SequenceSet

GEOMETRY = Geometry(upstream=10, downstream=5, pad=2)


def gene_set(places, sequences=None, contigs=None):
    """Make genes 30 bases long at ``(id, species, chrom, strand, tss)``, with different letters unless specified."""
    rows = []
    for number, (name, species, chrom, strand, tss) in enumerate(places):
        tts = tss + 29 if strand == "+" else tss - 29
        sequence = format(number, "032b").replace("0", "A").replace("1", "C")
        windows = GEOMETRY.tss_window(tss, strand) + GEOMETRY.tts_window(tts, strand)
        rows.append((name, species, 32, chrom, strand, tss, tts, *windows, sequence))
    columns = ["id", "species", "length", *PLACE, "sequence"]
    table = pd.DataFrame(rows, columns=columns)
    if sequences is not None:
        table["sequence"] = sequences
    return SequenceSet(table, GEOMETRY, {"contigs": contigs or {}})


def far_apart(count, chrom="1", species="."):
    return [(f"{chrom}g{number}", species, chrom, "+", 1000 * (number + 1)) for number in range(count)]


def roles(result, fold):
    rows = result.table[result.table["fold"] == fold]
    return dict(zip(rows["id"], rows["role"], strict=True))


def reasons(result, fold):
    rows = result.table[result.table["fold"] == fold]
    return {name: reason for name, reason in zip(rows["id"], rows["reason"], strict=True) if reason}
