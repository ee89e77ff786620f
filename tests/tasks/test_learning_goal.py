import numpy as np
import pytest

from kanseq.errors import BadOption
from kanseq.geometry import Geometry
from kanseq.models.registry import architecture, make_config
from kanseq.tasks.learning_goal import LearningGoal, describe_goal, mid_for, warn_of_control
from kanseq.tasks.task import Task
from kanseq.training.fold_examples import disturb_targets, prepare_folds


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"task": "ranking"}, "task 'ranking' is unknown; choose binary, multiclass, regression"),
        ({"control": "genes"}, "control 'genes' is unknown"),
        ({"visible": "introns"}, "visible 'introns' is unknown"),
        ({"calibrate": "beta"}, "calibrate 'beta' is unknown"),
        ({"task": "regression", "calibrate": "platt"}, "--calibrate needs probabilities"),
        ({"task": "multiclass", "calibrate": "platt"}, "--calibrate needs two classes, and this task has more"),
    ],
)
def test_invalid_aims_are_rejected(wrong, message):
    with pytest.raises(BadOption, match=message):
        LearningGoal(**wrong)


def test_models_that_do_not_support_the_task_are_rejected_and_those_that_do_are_listed():
    with pytest.raises(BadOption, match=r"'gc' does not support regression; choose .*kmer-ridge"):
        LearningGoal(task="regression").check_model(architecture("gc"), "none", {})
    with pytest.raises(BadOption, match="'kmer-ridge' does not support binary"):
        LearningGoal().check_model(architecture("kmer-ridge"), "none", {})
    with pytest.raises(BadOption, match="--balance weights needs classes"):
        LearningGoal(task="regression").check_model(architecture("mlp"), "weights", {})
    with pytest.raises(BadOption, match="the task determines"):
        LearningGoal(("leaf", "root")).check_model(architecture("mlp"), "none", {"outputs": 2})
    LearningGoal().check_model(architecture("mlp"), "weights", {"outputs": 1})


def test_the_task_determines_the_number_of_outputs():
    mlp, gc = architecture("mlp"), architecture("gc")
    config = make_config("mlp", Geometry.plain(8))
    assert LearningGoal().outputs is None
    assert LearningGoal().task_of(mlp, config) == Task("binary", 2)
    assert LearningGoal().task_of(gc, make_config("gc", Geometry.plain(8))) == Task("binary", 1)
    assert LearningGoal(task="regression").outputs == 1
    several = LearningGoal(("leaf", "root", "stem"))
    assert several.outputs == 3
    assert several.task_of(mlp, config) == several.task_of(gc, config) == Task("binary", 3, ("leaf", "root", "stem"))


def test_visible_flanks_need_a_set_with_windows(genes):
    assert LearningGoal(visible="flanks").see(genes).geometry.visible == "flanks"
    genes.geometry = Geometry.plain(136)
    with pytest.raises(BadOption, match="--visible flanks"):
        LearningGoal(visible="flanks").see(genes)


def test_control_labels_shuffles_training_and_tuning_labels_by_seed_and_keeps_test_labels(genes, labels, tuned_splits):
    fold = prepare_folds(genes, labels, tuned_splits, holdout="1", tune=True)[0]
    once, again, other = (disturb_targets(fold, "labels", seed) for seed in (0, 0, 1))
    assert once.train_targets.tolist() == again.train_targets.tolist() != fold.train_targets.tolist()
    assert once.train_targets.tolist() != other.train_targets.tolist()
    for shuffled, before in ((once.train_targets, fold.train_targets), (once.tune_targets, fold.tune_targets)):
        assert np.bincount(shuffled).tolist() == np.bincount(before).tolist()
    assert once.test_targets is fold.test_targets
    assert disturb_targets(fold, "none", 0).train_targets is fold.train_targets


def test_controls_and_visible_columns_are_described_and_controls_cause_a_warning(caplog):
    assert describe_goal(LearningGoal()) == ""
    assert describe_goal(LearningGoal(control="sequence", visible="flanks")) == (
        "control 'sequence' (every sequence was shuffled, keeping its dinucleotides), flanks only"
    )
    warn_of_control({"control": "none"})
    warn_of_control({})
    assert not caplog.records
    warn_of_control({"control": "positions"})
    assert "control 'positions'" in caplog.text


def test_mid_genes_are_ranked_by_the_models_recipe_or_on_request():
    words, mixer, plain = (architecture(name) for name in ("kan-words", "kan-mixer", "kmer-logistic"))
    assert [mid_for(kind, "binary", None) for kind in (words, mixer, plain)] == ["rank", "none", "none"]
    assert mid_for(mixer, "binary", "rank") == "rank"
    assert mid_for(words, "binary", "none") == mid_for(words, "regression", None) == "none"
    for kind, task, who in ((plain, "binary", "'kmer-logistic'"), (words, "regression", "regression")):
        with pytest.raises(BadOption, match=f"--mid rank: {who} cannot learn ranks"):
            mid_for(kind, task, "rank")
    with pytest.raises(BadOption, match=r"mid 'half' is unknown.*none, rank"):
        LearningGoal(mid="half")
    with pytest.raises(BadOption, match="--balance weights counts genes of two classes"):
        LearningGoal(mid="rank").check_model(words, "weights", ())
    assert "mid" not in LearningGoal().to_json()
    assert LearningGoal(mid="rank").to_json()["mid"] == "rank"


def test_ranks_of_a_recipe_are_dropped_where_they_are_not_possible():
    words = architecture("kan-words")
    assert mid_for(words, "binary", None, balance="weights") == "none"
    assert mid_for(words, "binary", None, labels=False) == "none"
    with pytest.raises(BadOption, match="own labels come without expression"):
        mid_for(words, "binary", "rank", labels=False)
    for kind in (words, architecture("gc")):
        with pytest.raises(BadOption, match="mid 'rnk' is unknown"):
            mid_for(kind, "regression", "rnk")


def test_a_sets_own_classes_determine_the_task_and_the_number_of_outputs(classes, genes, labels):
    goal = LearningGoal().learning(classes, None, None, "*")
    assert (goal.task, goal.classes, goal.outputs) == ("multiclass", ("2", "9", "10"), 3)
    assert goal.to_json()["classes"] == ["2", "9", "10"]
    mlp, gc = architecture("mlp"), architecture("gc")
    task = Task("multiclass", 3, classes=("2", "9", "10"))
    assert goal.task_of(mlp, make_config("mlp", Geometry.plain(8), outputs=3)) == task
    assert goal.task_of(gc, make_config("gc", Geometry.plain(8))) == task
    with pytest.raises(BadOption, match=r"'kmer-ridge' does not support multiclass; choose .*kmer-logistic"):
        goal.check_model(architecture("kmer-ridge"), "none", {})
    with pytest.raises(BadOption, match="the task determines"):
        goal.check_model(mlp, "none", {"outputs": 2})
    goal.check_model(mlp, "weights", {})
    with pytest.raises(BadOption, match="--calibrate needs two classes"):
        LearningGoal(calibrate="platt").learning(classes, None, None, "*")
    as_ever = LearningGoal().learning(genes, labels, None, "*")
    assert (as_ever, as_ever.to_json()) == (LearningGoal(), LearningGoal().to_json())
    assert "classes" not in as_ever.to_json()
