import numpy as np
import pandas as pd

from kanseq.training.plain import neighbourhoods


def places(chrom, tss):
    return pd.DataFrame({"species": ".", "chrom": chrom, "tss": tss})


def test_whole_chromosomes_stay_together():
    chrom = np.repeat(["1", "2", "3", "4", "5", "6", "7"], 20)
    parts = neighbourhoods(places(chrom, np.arange(140)), np.arange(140) % 2, seed=0)
    assert len(set(parts)) == 5
    assert all(len(set(parts[chrom == name])) == 1 for name in set(chrom))


def test_one_chromosome_is_cut_into_stretches_of_neighbours():
    tss = np.random.default_rng(0).permutation(50)
    parts = neighbourhoods(places("1", tss), np.arange(50) % 2, seed=0)
    assert parts[np.argsort(tss)].tolist() == [0] * 10 + [1] * 10 + [2] * 10 + [3] * 10 + [4] * 10


def test_stretches_grow_until_each_has_both_classes():
    targets = np.r_[np.zeros(15, dtype=np.int64), np.arange(10) % 2]
    parts = neighbourhoods(places("1", np.arange(25)), targets, seed=0)
    assert len(set(parts)) == 2 or all(len(set(targets[parts == part])) == 2 for part in set(parts))


def test_plain_sequences_are_dealt_out_at_random_with_equal_shares():
    targets = np.repeat([0, 1], [30, 20])
    parts = neighbourhoods(pd.DataFrame({"species": ["."] * 50}), targets, seed=0)
    counts = [[int(((parts == part) & (targets == kind)).sum()) for kind in (0, 1)] for part in range(5)]
    assert counts == [[6, 4]] * 5


def test_few_genes_of_a_class_give_few_parts():
    parts = neighbourhoods(pd.DataFrame({"species": ["."] * 6}), np.array([0, 0, 0, 0, 1, 1]), seed=0)
    assert set(parts) == {0, 1}
