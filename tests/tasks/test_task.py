import numpy as np
import pytest
import torch
from sklearn.metrics import log_loss

from kanseq.errors import BadOption, ModelMismatch
from kanseq.tasks.task import Task, is_known, log_odds


def test_the_logit_is_the_difference_of_two_outputs_or_the_only_output():
    outputs = torch.tensor([[1.0, 3.5], [0.0, -2.0]])
    assert Task(outputs=2).logit(outputs).tolist() == [2.5, -2.0]
    assert Task(outputs=1).logit(outputs[:, :1]).tolist() == [1.0, 0.0]


def test_one_output_and_two_outputs_with_the_same_logit_have_the_same_loss():
    logit, targets, weights = torch.tensor([2.0, -1.0, 0.5]), torch.tensor([1, 1, 0]), torch.tensor([0.75, 1.5])
    pair = torch.stack([torch.zeros(3), logit], dim=1)
    for chosen in (None, weights):
        two, one = Task(outputs=2).loss(pair, targets, chosen), Task(outputs=1).loss(logit[:, None], targets, chosen)
        assert two.item() == pytest.approx(one.item(), rel=1e-6)


def test_loss_is_the_mean_negative_log_probability():
    loss = Task(outputs=1).loss(torch.tensor([[0.0], [np.log(3.0)]]), torch.tensor([1, 1]))
    assert loss.item() == pytest.approx((np.log(2) + np.log(4 / 3)) / 2, rel=1e-6)


@pytest.mark.parametrize(
    ("name", "outputs", "conditions"),
    [("survival", 1, ()), ("binary", 3, ()), ("regression", 2, ()), ("binary", 1, ("a", "b"))],
)
def test_unsupported_tasks_are_refused(name, outputs, conditions):
    with pytest.raises(ModelMismatch, match=f"task '{name}' of .* with {outputs} output"):
        Task(name, outputs, conditions)


def test_unknown_targets_affect_neither_the_loss_nor_its_gradient():
    task = Task("binary", 2, ("leaf", "root"))
    outputs = torch.tensor([[1.0, 9.0], [-0.5, 0.25], [2.0, -3.0]], requires_grad=True)
    targets = torch.tensor([[1, -1], [0, 1], [-1, 0]])
    loss = task.loss(outputs, targets)
    # scikit-learn's mean over the four known labels.
    probability = 1 / (1 + np.exp(-np.array([1.0, -0.5, 0.25, -3.0])))
    assert loss.item() == pytest.approx(log_loss([1, 0, 1, 0], probability), rel=1e-6)
    loss.backward()
    assert outputs.grad[0, 1] == outputs.grad[2, 0] == 0
    assert (outputs.grad != 0).sum() == 4


def test_each_condition_has_its_own_class_weights():
    task = Task("binary", 2, ("leaf", "root"))
    outputs, targets = torch.tensor([[1.0, 2.0], [0.5, 7.0]]), torch.tensor([[1, 0], [0, -1]])
    weights = torch.tensor([[0.5, 2.0], [3.0, 1.0]])
    probability = 1 / (1 + np.exp(-np.array([1.0, 2.0, 0.5])))
    expected = log_loss([1, 0, 0], probability, sample_weight=[2.0, 3.0, 0.5])
    assert task.loss(outputs, targets, weights).item() == pytest.approx(expected, rel=1e-6)


def test_regression_learns_standardised_targets_and_predicts_expression():
    # Mean 2 and standard deviation 1 of the training genes.
    task = Task("regression", 1).fitted(np.array([1.0, 3.0, 1.0, 3.0]))
    assert (task.mean, task.scale) == ((2.0,), (1.0,))
    task = Task("regression", 1).fitted(np.array([0.0, 4.0]))
    outputs = torch.tensor([[1.0], [0.0]])
    assert task.logit(outputs).tolist() == [4.0, 2.0]
    # Targets 4 and 1 are 1 and -0.5 standard deviations from the mean.
    assert task.loss(outputs, torch.tensor([4.0, 1.0], dtype=torch.float64)).item() == pytest.approx(0.125)
    assert np.isnan(task.probability(np.array([4.0]))).all()


def test_regression_in_several_conditions_ignores_unknown_targets():
    task = Task("regression", 2, ("leaf", "root")).fitted(np.array([[0.0, np.nan], [4.0, 1.0], [np.nan, 3.0]]))
    assert (task.mean, task.scale) == ((2.0, 2.0), (2.0, 1.0))
    outputs = torch.tensor([[1.0, 5.0], [0.0, 1.0]], requires_grad=True)
    loss = task.loss(outputs, torch.tensor([[2.0, np.nan], [2.0, 2.0]], dtype=torch.float64))
    # The errors of the three known targets are 1, 0 and 1 standard deviations.
    assert loss.item() == pytest.approx(2 / 3)
    loss.backward()
    assert torch.isfinite(outputs.grad).all()
    assert outputs.grad[0, 1] == 0
    assert task.logit(outputs.detach()).tolist() == [[4.0, 7.0], [2.0, 3.0]]


def test_predictions_of_estimators_are_restored_to_units_of_expression():
    task = Task("regression", 2, ("leaf", "root")).fitted(np.array([[0.0, 1.0], [4.0, 3.0]]))
    targets = np.array([[4.0, 1.0], [2.0, np.nan]])
    assert task.standardised(targets)[0].tolist() == [1.0, -1.0]
    assert task.restored(task.standardised(targets))[0].tolist() == [4.0, 1.0]
    classes = np.array([0, 1, -1])
    assert Task().standardised(classes) is classes


def test_one_condition_is_selected_for_explanation():
    task = Task("binary", 2, ("leaf", "root"))
    outputs = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    assert task.logit(outputs).shape == (2, 2)
    assert task.only("root").logit(outputs).tolist() == [2.0, 4.0]
    assert Task().only(None) == Task()
    with pytest.raises(BadOption, match="has several conditions; choose leaf, root with --condition"):
        task.only(None)
    with pytest.raises(BadOption, match="has no condition 'stem'; choose leaf, root"):
        task.only("stem")
    with pytest.raises(BadOption, match="--condition leaf: the model has only one output"):
        Task().only("leaf")


def test_a_task_is_read_back_and_the_format_of_older_tasks_is_unchanged():
    assert Task(outputs=1).to_json() == {"name": "binary", "outputs": 1}
    assert Task.from_json({"name": "binary", "outputs": 2}) == Task()
    task = Task("regression", 2, ("leaf", "root")).fitted(np.array([[0.0, 1.0], [4.0, 3.0]]))
    assert Task.from_json(task.to_json()) == task


def test_constant_expression_has_scale_one():
    assert Task("regression", 1).fitted(np.array([2.0, 2.0])).scale == (1.0,)


def test_known_targets_of_classes_and_numbers():
    assert is_known(np.array([[0, 1], [-1, 1]])).tolist() == [[True, True], [False, True]]
    assert is_known(np.array([0.0, np.nan])).tolist() == [True, False]


def test_float_classes_have_the_same_loss_and_values_between_them_interpolate():
    one, two = torch.tensor([[0.3], [-0.2], [1.1]]), torch.tensor([[0.0, 0.3], [0.0, -0.2], [0.0, 1.1]])
    whole, numbers = torch.tensor([1, 0, 1]), torch.tensor([1.0, 0.0, 1.0], dtype=torch.float64)
    for task, outputs in ((Task(outputs=1), one), (Task(outputs=2), two)):
        assert task.loss(outputs, numbers).item() == pytest.approx(task.loss(outputs, whole).item())
    between = torch.tensor([0.75], dtype=torch.float64)
    found = Task(outputs=1).loss(one[:1], between)
    assert Task(outputs=2).loss(two[:1], between).item() == pytest.approx(found.item())
    high, low = (Task(outputs=1).loss(one[:1], torch.tensor([target])) for target in (1, 0))
    assert found.item() == pytest.approx(0.75 * high.item() + 0.25 * low.item())


def test_unknown_float_targets_of_several_conditions_are_ignored():
    task = Task(outputs=2, conditions=("a", "b"))
    outputs = torch.tensor([[0.3, 5.0], [-0.2, 0.4]])
    targets = torch.tensor([[1.0, torch.nan], [0.25, 0.0]], dtype=torch.float64)
    alone = Task(outputs=1)
    parts = [alone.loss(outputs[n, c].view(1, 1), targets[n, c].view(1)) for n, c in ((0, 0), (1, 0), (1, 1))]
    assert task.loss(outputs, targets).item() == pytest.approx(torch.stack(parts).mean().item())
    assert task.loss_weight(targets).item() == 3


KINDS = Task("multiclass", 3, classes=("a", "b", "c"))


def test_multiclass_loss_is_the_mean_negative_log_probability_weighted_by_class():
    outputs, targets = torch.tensor([[1.0, 2.0, 0.5], [0.0, -1.0, 3.0], [0.25, 0.5, 0.75]]), torch.tensor([1, 2, 0])
    probability = np.exp(outputs.numpy()) / np.exp(outputs.numpy()).sum(axis=1, keepdims=True)
    assert KINDS.loss(outputs, targets).item() == pytest.approx(log_loss([1, 2, 0], probability), rel=1e-6)
    weights = torch.tensor([0.5, 2.0, 1.0])
    expected = log_loss([1, 2, 0], probability, sample_weight=[2.0, 1.0, 0.5])
    assert KINDS.loss(outputs, targets, weights).item() == pytest.approx(expected, rel=1e-6)
    assert KINDS.loss_weight(targets).item() == 3
    assert KINDS.loss_weight(targets, weights).item() == 3.5
    assert KINDS.probability(outputs.numpy()) == pytest.approx(probability)
    assert KINDS.probability(np.array([[1000.0, 0.0, -1000.0]])).tolist() == [[1.0, 0.0, 0.0]]


def test_the_logit_of_an_explained_class_is_its_output_minus_the_mean_of_the_others():
    outputs = torch.tensor([[1.0, 2.0, 6.0], [0.0, -3.0, 1.0]])
    assert KINDS.logit(outputs).tolist() == outputs.tolist()
    assert (KINDS.columns, KINDS.only("b").columns) == (3, 0)
    for chosen in ("b", "c"):
        at = "abc".index(chosen)
        expected = [row[at] - (sum(row) - row[at]) / 2 for row in outputs.tolist()]
        assert KINDS.only(chosen).logit(outputs).tolist() == expected
        assert KINDS.only(chosen).restored(outputs.numpy()).tolist() == expected
        assert (outputs.numpy() @ np.array(KINDS.only(chosen).shares)).tolist() == pytest.approx(expected)
    with pytest.raises(BadOption, match="has several classes; choose a, b, c with --condition"):
        KINDS.only(None)
    with pytest.raises(BadOption, match="has no class 'd'; choose a, b, c"):
        KINDS.only("d")


def test_shares_are_the_weights_of_outputs_in_the_logit():
    outputs = torch.tensor([[1.0, 2.5]])
    for task in (Task(outputs=2), Task("binary", 2, ("leaf", "root")).only("leaf")):
        assert float(outputs.numpy()[0] @ np.array(task.shares)) == task.logit(outputs).item()
    assert Task(outputs=1).shares == (1.0,)


def test_estimators_learn_each_class_against_the_rest():
    assert KINDS.standardised(np.array([1, 0, 2])).tolist() == [[0, 1, 0], [1, 0, 0], [0, 0, 1]]


def test_multiclass_tasks_are_read_back_and_invalid_classes_are_refused():
    assert KINDS.to_json() == {"name": "multiclass", "outputs": 3, "classes": ["a", "b", "c"]}
    assert Task.from_json(KINDS.to_json()) == KINDS
    for wrong in (
        {"outputs": 2, "classes": ("a", "b")},
        {"outputs": 3},
        {"outputs": 4, "classes": ("a", "b", "c")},
        {"outputs": 3, "classes": ("a", "b", "b")},
        {"outputs": 3, "classes": ("a", "b", "c"), "conditions": ("x", "y", "z")},
    ):
        with pytest.raises(ModelMismatch, match="task 'multiclass'"):
            Task("multiclass", **wrong)
    with pytest.raises(ModelMismatch, match="a task 'binary' of 3 classes with 2 outputs"):
        Task("binary", 2, classes=("a", "b", "c"))


def test_log_odds_are_those_of_each_probability_and_keep_what_float64_rounds_to_one():
    logits = np.random.default_rng(0).normal(size=(5, 4))
    probability = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(log_odds(logits), np.log(probability / (1 - probability)), rtol=1e-10)
    assert log_odds(np.array([[100.0, 0.0, 0.0]]))[0, 0] == pytest.approx(100 - np.log(2))
