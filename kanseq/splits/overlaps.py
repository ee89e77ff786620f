"""Find sequences that overlap in the genome or are identical, which would leak information about test genes.

In: a set of sequences. Out: relations between its rows.
"""

import hashlib
import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd

from kanseq.genome.fasta import reverse_complement
from kanseq.sequences.sequence_set import PLACE, SequenceSet
from kanseq.sequences.stored import ROW_GROUP
from kanseq.splits.relations import Groups, Pairs, both_ways


def has_places(genes: SequenceSet) -> bool:
    """Return whether the rows of a set have gene coordinates in a genome."""
    return all(column in genes.table.columns for column in PLACE)


def has_intervals(genes: SequenceSet) -> bool:
    """Return whether the rows of a set are single intervals of a genome: ``chrom``, ``start`` and ``end``."""
    return {"chrom", "start", "end"} <= set(genes.table.columns)


def overlapping(genes: SequenceSet) -> Pairs:
    """Return pairs of rows whose windows share at least one base on either strand.

    Both windows of each gene are compared, clipped at contig ends; bases between the two windows of a gene are ignored.
    Intervals of a genome are one window each. Sequences without coordinates never overlap.
    """
    none = np.zeros(0, dtype=np.int64)
    if not has_places(genes) and not has_intervals(genes):
        return both_ways(none, none)
    from pyranges import PyRanges

    windows = PyRanges(_windows(genes) if has_places(genes) else _intervals(genes))
    with warnings.catch_warnings():
        # pyranges 0.1 passes an argument that pandas deprecates; the result is not affected.
        warnings.simplefilter("ignore")
        met = windows.join(windows).df
    if met.empty:
        return both_ways(none, none)
    return both_ways(met["row"].to_numpy(np.int64), met["row_b"].to_numpy(np.int64))


def _windows(genes: SequenceSet) -> pd.DataFrame:
    """Return the non-empty windows of every gene, clipped at contig ends: ``Chromosome, Start, End, row``.

    ``Chromosome`` identifies both species and contig. It is always text, because pyranges would sort numbers
    separately.
    """
    table = genes.table
    lengths = pd.Series(genes.of_contigs("length"), index=table.index, dtype=np.float64)
    contig = table.groupby(["species", "chrom"], sort=False).ngroup().map("contig{}".format)
    windows = [
        pd.DataFrame(
            {
                "Chromosome": contig.to_numpy(),
                "Start": table[f"{site}_start"].clip(lower=0).to_numpy(np.int64),
                "End": table[f"{site}_end"].where(~(table[f"{site}_end"] > lengths), lengths).to_numpy(np.int64),
                "row": np.arange(len(table)),
            }
        )
        for site in ("tss", "tts")
    ]
    both = pd.concat(windows, ignore_index=True)
    return both[both["Start"] < both["End"]]


def interval_clusters(genes: SequenceSet) -> np.ndarray:
    """Return cluster numbers of intervals that overlap directly or through other intervals, int64 ``(rows,)``.

    Strands are ignored. Contigs of different species are different even if they share a name. Each sequence without
    coordinates (``chrom``, ``start`` and ``end``, 0-based half-open) is a separate cluster.
    """
    table = genes.table
    if not has_intervals(genes):
        return np.arange(len(table))
    contig = table.groupby(["species", "chrom"], sort=False).ngroup().to_numpy()
    start, end = (table[name].to_numpy(np.int64) for name in ("start", "end"))
    order = np.lexsort((start, contig))
    contig, start, end = contig[order], start[order], end[order]
    # Largest end so far on the same contig: shifting contigs by more than the longest one lays them end to end.
    shift = contig * (int(end.max(initial=0)) + 1)
    reached = np.maximum.accumulate(end + shift)
    begins = np.concatenate([[True], (start + shift)[1:] >= reached[:-1]])
    found = np.empty(len(table), dtype=np.int64)
    found[order] = np.cumsum(begins) - 1
    return found


def _intervals(genes: SequenceSet) -> pd.DataFrame:
    """Return the interval of every sequence, in a table with the columns of :func:`_windows`."""
    table = genes.table
    contig = table.groupby(["species", "chrom"], sort=False).ngroup().map("contig{}".format)
    columns = {"Chromosome": contig.to_numpy(), "Start": table["start"].to_numpy(), "End": table["end"].to_numpy()}
    return pd.DataFrame({**columns, "row": np.arange(len(table))})


def same_letters(genes: SequenceSet) -> Groups | None:
    """Group rows with the same sequence, ignoring letter case; ``None`` if the set was read without sequences."""
    return _same(genes, lambda text: text)


def same_bases(genes: SequenceSet) -> Groups | None:
    """Group rows whose sequences are identical or reverse complements; otherwise like :func:`same_letters`."""
    return _same(genes, lambda text: min(text, reverse_complement(text)))


def _same(genes: SequenceSet, written: Callable[[bytes], bytes]) -> Groups | None:
    """Group rows for whose sequences ``written`` returns the same bytes; return ``None`` if the set has no sequences.

    Digests of 16 bytes are compared, so that only a few sequences are in memory at a time.
    """
    if not genes.has_sequences:
        return None
    digests = [
        hashlib.blake2b(written(text.upper().encode()), digest_size=16).digest()
        for start in range(0, len(genes), ROW_GROUP)
        for text in genes.letters(slice(start, start + ROW_GROUP))
    ]
    return Groups(pd.factorize(np.array(digests, dtype=object))[0].astype(np.int64))
