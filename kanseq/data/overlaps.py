"""Which sequences would give a test gene away: windows that share bases, and letters that are the same.

In: a set of sequences. Out: pairs of rows, and groups of rows.
"""

import numpy as np
import pandas as pd

from kanseq.data.sequences import PLACE, SequenceSet


def has_places(genes: SequenceSet) -> bool:
    """Whether the rows of a set lie somewhere in a genome."""
    return all(column in genes.table.columns for column in PLACE)


def overlapping_pairs(genes: SequenceSet) -> np.ndarray:
    """Pairs of rows ``(a, b)``, ``a != b``, of which a window of one shares at least a base with a window of the other.

    Both strands count, and both windows of each gene, cut at the ends of the contig; what lies between a gene's two
    windows does not. Shape ``(pairs, 2)`` int64, each pair in both directions, sorted by ``b`` and then by ``a``.
    """
    if not has_places(genes):
        return np.zeros((0, 2), dtype=np.int64)
    rows, starts, ends = _windows(genes)
    # In the order of starts, a window overlaps exactly those behind it that begin before it ends.
    behind = np.searchsorted(starts, ends, side="left") - np.arange(len(starts)) - 1
    first = np.repeat(np.arange(len(starts)), behind)
    within = np.arange(len(first)) - np.repeat(np.cumsum(behind) - behind, behind)
    one, other = rows[first], rows[first + 1 + within]
    apart = one != other
    by_source = np.stack([np.r_[other[apart], one[apart]], np.r_[one[apart], other[apart]]], axis=1)
    return np.unique(by_source, axis=0)[:, ::-1]


def _windows(genes: SequenceSet) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give row, start and end of both windows of every gene, cut at contig ends, on one axis, sorted by start.

    Contigs lie behind each other on that axis, so that windows of two contigs never overlap.
    """
    table = genes.table
    lengths = {contig: int(described["length"]) for contig, described in genes.contigs.items()}
    starts = np.r_[table["tss_start"].to_numpy(np.int64), table["tts_start"].to_numpy(np.int64)].clip(min=0)
    ends = np.r_[table["tss_end"].to_numpy(np.int64), table["tts_end"].to_numpy(np.int64)]
    longest = int(ends.max(initial=0))
    length = np.array([lengths.get(contig, longest) for contig in table["chrom"]], dtype=np.int64)
    ends = np.minimum(ends, np.tile(length, 2))
    offset = np.tile(table.groupby(["species", "chrom"], sort=False).ngroup().to_numpy(), 2) * (longest + 1)
    rows = np.tile(np.arange(len(table)), 2)
    kept = np.flatnonzero(starts < ends)
    kept = kept[np.argsort((starts + offset)[kept], kind="stable")]
    return rows[kept], (starts + offset)[kept], (ends + offset)[kept]


def same_letters(genes: SequenceSet) -> np.ndarray | None:
    """Group number of every row, int64 ``(rows,)``: rows with the same sequence (letter case aside) share theirs.

    ``None`` where the set was read without its sequences.
    """
    if "sequence" not in genes.table.columns:
        return None
    return pd.factorize(genes.table["sequence"].str.upper())[0].astype(np.int64)


def first_overlapping(pairs: np.ndarray, sources: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows that overlap one of ``sources`` (bool, a value per row) without being one, and the first source of each."""
    wanted = pairs[sources[pairs[:, 0]] & ~sources[pairs[:, 1]]]
    rows, first = np.unique(wanted[:, 1], return_index=True)
    return rows, wanted[first, 0]


def first_same(groups: np.ndarray, sources: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows with the letters of one of ``sources`` (bool, a value per row), not one itself, and their first source."""
    source_of = np.full(groups.max(initial=-1) + 1, -1, dtype=np.int64)
    backwards = np.flatnonzero(sources)[::-1]
    # Where a group has several sources, the last assignment stays, and that is the first row.
    source_of[groups[backwards]] = backwards
    rows = np.flatnonzero(~sources & (source_of[groups] >= 0))
    return rows, source_of[groups[rows]]
