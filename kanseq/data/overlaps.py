"""Which sequences would give a test gene away: windows that share bases, and letters that are the same.

In: a set of sequences. Out: relations between its rows.
"""

import hashlib
import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd

from kanseq.data.relations import Groups, Pairs, both_ways
from kanseq.data.sequences import PLACE, SequenceSet
from kanseq.data.stored_sequences import ROW_GROUP
from kanseq.genome.fasta import reverse_complement


def has_places(genes: SequenceSet) -> bool:
    """Whether the rows of a set lie somewhere in a genome."""
    return all(column in genes.table.columns for column in PLACE)


def has_intervals(genes: SequenceSet) -> bool:
    """Whether the rows of a set are single intervals of a genome: ``chrom``, ``start`` and ``end``."""
    return {"chrom", "start", "end"} <= set(genes.table.columns)


def overlapping(genes: SequenceSet) -> Pairs:
    """Rows of which a window of one shares at least a base with a window of the other.

    Both strands count, and both windows of each gene, cut at the ends of the contig; what lies between a gene's two
    windows does not. Sequences that were cut from a genome are one window each; others lie nowhere, and share nothing.
    """
    none = np.zeros(0, dtype=np.int64)
    if not has_places(genes) and not has_intervals(genes):
        return both_ways(none, none)
    from pyranges import PyRanges

    windows = PyRanges(_windows(genes) if has_places(genes) else _intervals(genes))
    with warnings.catch_warnings():
        # pyranges 0.1 gives pandas an argument that pandas will drop; what comes out is not concerned.
        warnings.simplefilter("ignore")
        met = windows.join(windows).df
    if met.empty:
        return both_ways(none, none)
    return both_ways(met["row"].to_numpy(np.int64), met["row_b"].to_numpy(np.int64))


def _windows(genes: SequenceSet) -> pd.DataFrame:
    """Give both windows of every gene, cut at contig ends: ``Chromosome, Start, End, row``; empty ones are left out.

    A ``Chromosome`` is the contig of one species, as a text, because pyranges would sort numbers apart from texts.
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
    """Number the clusters of intervals that overlap, or are joined by others that do, int64 ``(rows,)``.

    Either strand counts, and names of a contig that several species share are taken apart. A sequence without a place
    (``chrom``, ``start`` and ``end``, 0-based half-open) is a cluster of its own.
    """
    table = genes.table
    if not has_intervals(genes):
        return np.arange(len(table))
    contig = table.groupby(["species", "chrom"], sort=False).ngroup().to_numpy()
    start, end = (table[name].to_numpy(np.int64) for name in ("start", "end"))
    order = np.lexsort((start, contig))
    contig, start, end = contig[order], start[order], end[order]
    # Ends so far on the same contig: contigs lie behind each other when each is shifted by more than the longest.
    shift = contig * (int(end.max(initial=0)) + 1)
    reached = np.maximum.accumulate(end + shift)
    begins = np.concatenate([[True], (start + shift)[1:] >= reached[:-1]])
    found = np.empty(len(table), dtype=np.int64)
    found[order] = np.cumsum(begins) - 1
    return found


def _intervals(genes: SequenceSet) -> pd.DataFrame:
    """Give the interval of every sequence, as :func:`_windows` does."""
    table = genes.table
    contig = table.groupby(["species", "chrom"], sort=False).ngroup().map("contig{}".format)
    columns = {"Chromosome": contig.to_numpy(), "Start": table["start"].to_numpy(), "End": table["end"].to_numpy()}
    return pd.DataFrame({**columns, "row": np.arange(len(table))})


def same_letters(genes: SequenceSet) -> Groups | None:
    """Rows with the same sequence, letter case aside. ``None`` where the set was read without its sequences."""
    return _same(genes, lambda text: text)


def same_bases(genes: SequenceSet) -> Groups | None:
    """Rows with the same sequence or its reverse complement, letter case aside; ``None`` as in :func:`same_letters`."""
    return _same(genes, lambda text: min(text, reverse_complement(text)))


def _same(genes: SequenceSet, written: Callable[[bytes], bytes]) -> Groups | None:
    """Group rows whose sequences come out alike, by digests of 16 bytes, so that few sequences are held at a time."""
    if not genes.has_sequences:
        return None
    digests = [
        hashlib.blake2b(written(text.upper().encode()), digest_size=16).digest()
        for start in range(0, len(genes), ROW_GROUP)
        for text in genes.letters(slice(start, start + ROW_GROUP))
    ]
    return Groups(pd.factorize(np.array(digests, dtype=object))[0].astype(np.int64))
