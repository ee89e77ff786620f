"""Turn hits between proteins into pairs of genes, and pairs into groups.

In: hits, and the gene of each protein. Out: pairs that pass thresholds; group numbers.
"""

import numpy as np
import pandas as pd
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from kanseq.homologs.homolog_files import PAIR_COLUMNS


def pairs_of_hits(
    hits: pd.DataFrame, genes: np.ndarray, lengths: np.ndarray, *, evalue: float, bits: float, coverage: float
) -> pd.DataFrame:
    """Return the pairs of genes whose proteins have hits that pass the thresholds.

    Args:
        hits: as :func:`kanseq.homologs.aligners.align` returns them; a query may have several hits to a subject.
        genes: the number of each protein's gene, int64 ``(proteins,)``.
        lengths: letters of each protein, int64 ``(proteins,)``; 0 if unknown (its hits then have no coverage).
        evalue: largest e-value; hits above it are ignored, also for coverage.
        bits: smallest bit score of the best hit of a query and a subject.
        coverage: smallest percentage of the query covered by all hits to the subject together.

    Returns:
        ``one, other`` int64 (numbers of genes, the smaller first), ``evalue, bits, coverage, identity`` float64 of the
        best hit over both directions and all isoforms (most bits, then lowest e-value, then highest coverage); sorted
        by gene.
    """
    hits = hits[(hits["evalue"] <= evalue) & (genes[hits["query"]] != genes[hits["subject"]])]
    hits = hits.sort_values(["query", "subject", "start", "end"], kind="stable", ignore_index=True)
    covered = _covered(hits)
    best = hits.assign(covered=covered).sort_values(
        ["query", "subject", "bits", "evalue", "start"], ascending=[True, True, False, True, True], kind="stable"
    )
    best = best.drop_duplicates(["query", "subject"])
    sizes = lengths[best["query"]]
    shares = np.divide(100.0 * best["covered"], sizes, out=np.zeros(len(best)), where=sizes > 0)
    best = best.assign(coverage=shares)
    best = best[(best["bits"] >= bits) & (best["coverage"] >= coverage)]
    query, subject = genes[best["query"]], genes[best["subject"]]
    pairs = pd.DataFrame(
        {
            "one": np.minimum(query, subject),
            "other": np.maximum(query, subject),
            **{name: best[name].to_numpy(dtype=np.float64) for name in ("evalue", "bits", "coverage", "identity")},
        }
    )
    order = ["one", "other", "bits", "evalue", "coverage", "identity"]
    pairs = pairs.sort_values(order, ascending=[True, True, False, True, False, False], kind="stable")
    return pairs.drop_duplicates(["one", "other"]).reset_index(drop=True)


def single_linkage(count: int, pairs: pd.DataFrame) -> np.ndarray:
    """Group genes by single linkage over ``pairs`` (``one, other``); return group numbers, int64 ``(count,)``."""
    ones = np.ones(len(pairs), dtype=np.int8)
    linked = coo_matrix((ones, (pairs["one"].to_numpy(), pairs["other"].to_numpy())), shape=(count, count))
    return connected_components(linked, directed=False)[1].astype(np.int64)


def _covered(hits: pd.DataFrame) -> np.ndarray:
    """Return for each hit the number of query letters covered by all hits to the same subject.

    The hits must be sorted by query, subject and start.
    """
    if hits.empty:
        return np.zeros(0, dtype=np.int64)
    numbers = hits.groupby(["query", "subject"], sort=False).ngroup().to_numpy()
    start, end = hits["start"].to_numpy(), hits["end"].to_numpy()
    # Shift each pair to its own range of positions, so that one running maximum serves all pairs.
    apart = numbers * (int(end.max()) + 1)
    reached = np.maximum.accumulate(end + apart)
    before = np.concatenate([[0], reached[:-1]])
    added = np.maximum(0, end + apart - np.maximum(start + apart, before))
    return np.bincount(numbers, weights=added).astype(np.int64)[numbers]


def no_pairs() -> pd.DataFrame:
    """Return an empty table of pairs."""
    numbers = {name: np.zeros(0, dtype=np.int64) for name in ("one", "other")}
    return pd.DataFrame({**numbers, **{name: np.zeros(0) for name in PAIR_COLUMNS[4:]}})
