import numpy as np
import pytest

from kanseq.geometry import Geometry
from kanseq.models.registry import architecture, make_config
from kanseq.runs.predictors import build_predictor
from kanseq.tasks.one_vs_rest import SeveralEstimators
from kanseq.tasks.task import Task


@pytest.fixture
def examples():
    random = np.random.default_rng(0)
    codes = random.integers(0, 4, (40, 30), dtype=np.uint8)
    targets = np.stack([(codes == 2).sum(axis=1) > 7, (codes == 0).sum(axis=1) > 7], axis=1).astype(np.int64)
    targets[30:, 1] = -1
    return codes, targets


def make():
    return SeveralEstimators(make_config("gc", Geometry.plain(30)), architecture("gc").build, 2)


def test_each_condition_has_its_own_model_fitted_to_its_labelled_genes(examples):
    codes, targets = examples
    groups = np.arange(40)[:, None] % 2 + np.zeros((40, 2), dtype=np.int64)
    model = make()
    model.fit(codes, targets, groups=groups)
    alone = architecture("gc").build(make_config("gc", Geometry.plain(30)))
    alone.fit(codes[:30], targets[:30, 1], groups=groups[:30, 1])
    assert model.logits(codes).shape == (40, 2)
    assert model.logits(codes)[:, 1].tolist() == alone.logits(codes).tolist()
    assert model.parameters == 10


def test_arrays_can_be_loaded(examples):
    model, again = make(), make()
    model.fit(*examples)
    again.load_arrays(model.arrays())
    assert again.logits(examples[0]).tolist() == model.logits(examples[0]).tolist()
    with pytest.raises(ValueError, match="arrays"):
        make().load_arrays({"0.mean": np.zeros(4)})


def test_several_classes_are_learned_each_against_the_rest(examples):
    codes = examples[0]
    kinds = np.digitize((codes == 2).sum(axis=1), [7, 9])
    task = Task("multiclass", 3, classes=("few", "some", "many"))
    model = build_predictor(architecture("gc"), make_config("gc", Geometry.plain(30)), task).estimator
    groups = np.arange(40)[:, None] % 2 + np.zeros((40, 3), dtype=np.int64)
    model.fit(codes, task.standardised(kinds), groups=groups, balanced=True)
    alone = architecture("gc").build(make_config("gc", Geometry.plain(30)))
    alone.measure = "log-loss"
    alone.fit(codes, (kinds == 2).astype(np.int64), groups=groups[:, 2], balanced=True)
    assert model.logits(codes)[:, 2].tolist() == alone.logits(codes).tolist()
    assert model.logits(codes).shape == (40, 3)
    assert {one.measure for one in make().models} == {"auroc"}
