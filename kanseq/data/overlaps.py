"""Which sequences would give a test gene away: windows that share bases, and letters that are the same.

In: a set of sequences. Out: pairs of rows, and groups of rows.
"""

import warnings

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
    from pyranges import PyRanges

    windows = PyRanges(_windows(genes))
    with warnings.catch_warnings():
        # pyranges 0.1 gives pandas an argument that pandas will drop; what comes out is not concerned.
        warnings.simplefilter("ignore")
        met = windows.join(windows).df
    if met.empty:
        return np.zeros((0, 2), dtype=np.int64)
    one, other = met["row"].to_numpy(np.int64), met["row_b"].to_numpy(np.int64)
    apart = one != other
    return np.unique(np.stack([other[apart], one[apart]], axis=1), axis=0)[:, ::-1]


def _windows(genes: SequenceSet) -> pd.DataFrame:
    """Give both windows of every gene, cut at contig ends: ``Chromosome, Start, End, row``; empty ones are left out.

    A ``Chromosome`` is the contig of one species, as a text, because pyranges would sort numbers apart from texts.
    """
    table = genes.table
    lengths = table["chrom"].map({name: int(described["length"]) for name, described in genes.contigs.items()})
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
