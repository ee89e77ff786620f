import numpy as np
import pytest

from kanseq.tasks.calibration import Calibration
from kanseq.tasks.scores import fit_calibrations, mean_scores, scores_of
from kanseq.tasks.task import Task

STEEP = Calibration("platt", threshold=0.6, slope=2.0)
FLAT = Calibration("platt", threshold=0.4, slope=0.0, intercept=np.log(3.0))


def test_without_calibration_probabilities_are_sigmoids_and_no_class_is_called():
    scores = scores_of(Task(), (), np.array([0.0, np.log(3.0)]))
    assert scores.probability.tolist() == pytest.approx([0.5, 0.75])
    assert np.isnan(scores.called).all()


def test_each_condition_has_its_own_calibration_and_threshold():
    logits = np.array([[np.log(3.0) / 2, 5.0], [0.0, -5.0]])
    scores = scores_of(Task("binary", 2, ("leaf", "root")), (STEEP, FLAT), logits)
    assert scores.probability == pytest.approx(np.array([[0.75, 0.75], [0.5, 0.75]]))
    assert scores.called.tolist() == [[1, 1], [0, 1]]
    assert scores.logit is logits


def test_models_are_averaged_by_logit_and_calibrated_models_by_probability():
    logits = np.array([[0.0, np.log(3.0) / 2], [2.0, np.nan]])
    plain = mean_scores(Task(), [(), ()], logits)
    assert plain.logit.tolist() == pytest.approx([1.0, np.log(3.0) / 2])
    assert plain.probability[0] == pytest.approx(1 / (1 + np.exp(-1)))
    assert np.isnan(plain.called).all()
    calibrated = mean_scores(Task(), [(STEEP,), (FLAT,)], logits)
    assert calibrated.logit.tolist() == plain.logit.tolist()
    # First gene: 0.5 with threshold 0.6 and 0.75 with 0.4 are a tie, so the mean decides; second: only the first model.
    assert calibrated.probability.tolist() == pytest.approx([0.625, 0.75])
    assert calibrated.called.tolist() == [1, 1]


def test_several_models_of_several_conditions_are_averaged():
    logits = np.zeros((2, 3, 2))
    logits[1, 2] = np.nan
    scores = mean_scores(Task("binary", 2, ("leaf", "root")), [(STEEP, FLAT), (FLAT, STEEP)], logits)
    # Votes are tied, so 0.625 decides. Last gene: only the first model, 0.5 with threshold 0.6 and 0.75 with 0.4.
    assert scores.probability.tolist() == pytest.approx(np.array([[0.625, 0.625], [0.625, 0.625], [0.5, 0.75]]))
    assert scores.called.tolist() == [[1, 1], [1, 1], [0, 1]]


def test_calibrations_are_fitted_to_known_targets_only():
    logits = np.array([[-1.0, 4.0], [1.0, -4.0], [-2.0, 9.0], [2.0, 9.0]])
    targets = np.array([[0, 1], [1, 0], [0, -1], [1, -1]])
    found = fit_calibrations("platt", logits, targets)
    assert found[1] == fit_calibrations("platt", np.array([4.0, -4.0]), np.array([1, 0]))[0]
    assert fit_calibrations("none", logits, targets) == ()


def test_the_most_likely_of_several_classes_is_called_with_its_probability_and_log_odds():
    task = Task("multiclass", 3, classes=("a", "b", "c"))
    logits = np.log(np.array([[0.5, 0.2, 0.3], [0.1, 0.1, 0.8]]))
    scores = scores_of(task, (), logits)
    assert scores.called.tolist() == [0, 2]
    assert scores.probability == pytest.approx(np.array([0.5, 0.8]))
    assert scores.logit == pytest.approx(np.log([1.0, 4.0]))
    assert scores.classes is logits
    mean = mean_scores(task, [(), ()], np.stack([logits, np.array([[0.0, 4.0, 0.0], [np.nan] * 3])]))
    # The second sequence has only one model.
    assert mean.called.tolist() == [1, 2]
    assert mean.classes[0] == pytest.approx((logits[0] + [0.0, 4.0, 0.0]) / 2)
    assert mean.classes[1] == pytest.approx(logits[1])
