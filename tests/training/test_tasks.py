import numpy as np
import pytest
import torch

from kanseq.errors import ModelMismatch
from kanseq.training.tasks import Task


def test_two_outputs_are_explained_by_their_difference_and_one_by_itself():
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


def test_unknown_tasks_are_refused():
    with pytest.raises(ModelMismatch, match="regression"):
        Task("regression", 1)
