import numpy as np
import pytest

from kanseq.training.objectives.batches import batch_bounds, class_weights


def test_every_gene_is_in_one_batch_and_no_batch_has_only_one_gene():
    for genes in (2, 5, 8, 9):
        bounds = batch_bounds(genes, 4)
        assert [row for start, stop in bounds for row in range(start, stop)] == list(range(genes))
        assert all(stop - start > 1 for start, stop in bounds)


def test_class_weights_of_a_condition_come_from_its_known_labels():
    targets = np.array([[0, -1], [0, 1], [0, 0], [1, 0]])
    weights = class_weights(targets, "weights")
    # 4 / (2 · 3) and 4 / (2 · 1); 3 / (2 · 2) and 3 / (2 · 1).
    np.testing.assert_allclose(weights, [[2 / 3, 2.0], [0.75, 1.5]], rtol=1e-6)
    assert class_weights(targets, "none") is None


def test_weights_of_several_classes_are_inverse_to_frequency_and_sum_to_the_number_of_sequences():
    targets = np.array([0, 0, 0, 1, 1, 2])
    weights = class_weights(targets, "weights", classes=3)
    np.testing.assert_allclose(weights, [6 / 9, 6 / 6, 6 / 3], rtol=1e-6)
    assert float(weights[targets].sum()) == pytest.approx(6)
