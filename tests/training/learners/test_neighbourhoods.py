import numpy as np
import pandas as pd
import pytest

from kanseq.errors import EmptySplit
from kanseq.models.inputs import Examples
from kanseq.training.learners.estimator_learner import out_of_fold
from kanseq.training.learners.neighbourhoods import inner_parts, neighbourhoods


def places(chrom, tss):
    return pd.DataFrame({"species": ".", "chrom": chrom, "tss": tss})


def test_chromosomes_are_not_divided():
    chrom = np.repeat(["1", "2", "3", "4", "5", "6", "7"], 20)
    parts = neighbourhoods(places(chrom, np.arange(140)), np.arange(140) % 2, seed=0)
    assert len(set(parts)) == 5
    assert all(len(set(parts[chrom == name])) == 1 for name in set(chrom))


def test_a_single_chromosome_is_divided_into_stretches_of_neighbours():
    tss = np.random.default_rng(0).permutation(50)
    parts = neighbourhoods(places("1", tss), np.arange(50) % 2, seed=0)
    assert parts[np.argsort(tss)].tolist() == [0] * 10 + [1] * 10 + [2] * 10 + [3] * 10 + [4] * 10


def test_stretches_grow_until_each_has_both_classes():
    targets = np.r_[np.zeros(15, dtype=np.int64), np.arange(10) % 2]
    parts = neighbourhoods(places("1", np.arange(25)), targets, seed=0)
    assert len(set(parts)) == 2 or all(len(set(targets[parts == part])) == 2 for part in set(parts))


def test_sequences_without_coordinates_are_divided_at_random_with_equal_shares_of_the_classes():
    targets = np.repeat([0, 1], [30, 20])
    parts = neighbourhoods(pd.DataFrame({"species": ["."] * 50}), targets, seed=0)
    counts = [[int(((parts == part) & (targets == kind)).sum()) for kind in (0, 1)] for part in range(5)]
    assert counts == [[6, 4]] * 5


def test_few_genes_of_a_class_result_in_few_parts():
    parts = neighbourhoods(pd.DataFrame({"species": ["."] * 6}), np.array([0, 0, 0, 0, 1, 1]), seed=0)
    assert set(parts) == {0, 1}


def test_numbers_are_divided_into_equal_stretches_and_each_condition_separately():
    tss = np.arange(20)
    assert inner_parts(places("1", tss), np.linspace(0, 1, 20), seed=0).tolist() == np.repeat(range(5), 4).tolist()
    targets = np.stack([np.arange(20) % 2, np.where(tss < 10, tss % 2, -1)], axis=1)
    parts = inner_parts(places("1", tss), targets, seed=0)
    assert parts[:, 0].tolist() == np.repeat(range(5), 4).tolist()
    assert parts[:, 1].tolist() == np.repeat(range(5), 2).tolist() + [-1] * 10


def test_every_training_gene_is_scored_by_a_model_that_was_not_trained_on_its_part():
    seen = []

    class Spy:
        def fit(self, codes, targets, *, groups, seed, balanced):
            self.seen = set(codes[:, 0].tolist())
            assert (len(codes), set(groups)) == (len(targets), set(groups) - {-1})
            seen.append(self.seen)

        def logits(self, codes):
            assert not self.seen & set(codes[:, 0].tolist())
            return codes[:, 0].astype(float)

    codes = np.arange(20, dtype=np.uint8)[:, None]
    options = {"balanced": False, "seed": 0, "threads": 1}
    logits = out_of_fold(Spy, Examples(codes, np.arange(20) % 2), places("1", np.arange(20)), **options)
    assert logits.tolist() == list(range(20))
    assert len(seen) == 5
    targets = np.stack([np.arange(20) % 2, np.where(np.arange(20) < 10, np.arange(20) % 2, -1)], axis=1)
    logits = out_of_fold(Spy, Examples(codes, targets), places("1", np.arange(20)), **options)
    assert logits[:, 0].tolist() == list(range(20))
    assert logits[:10, 1].tolist() == list(range(10))
    assert np.isnan(logits[10:, 1]).all()


def test_calibration_on_a_single_gene_of_a_class_is_refused():
    train = Examples(np.zeros((5, 1), dtype=np.uint8), np.array([0, 0, 0, 0, 1]))
    with pytest.raises(EmptySplit, match="--calibrate"):
        out_of_fold(list, train, pd.DataFrame({"species": ["."] * 5}), balanced=False, seed=0, threads=1)
