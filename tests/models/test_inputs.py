"""Networks with different kinds of inputs learn by the same objective."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from kanseq.errors import BadOption
from kanseq.models.inputs import Examples, InputBatches, Inputs, Series, UnequalCodes
from kanseq.models.network import BASES, Network
from kanseq.nn import BSplineLinear
from kanseq.tasks.task import Task
from kanseq.training.loop import Limits, fit_objective
from kanseq.training.objectives.task_objective import TaskObjective, mean_loss
from kanseq.training.settings import Settings

N = 24
TARGETS = np.arange(N) % 2
RANDOM = np.random.default_rng(0)
LIFT = TARGETS.astype(np.float32)


class Composition(Network):
    """Network on the share of each base in a sequence of any length."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(BASES, 1)

    def forward(self, codes: Tensor) -> Tensor:
        present = nn.functional.one_hot(codes.long(), BASES + 1)[..., :BASES].float()
        return self.head(present.sum(1) / present.sum((1, 2)).clamp(min=1)[:, None])


class Vectors(Network):
    def __init__(self) -> None:
        super().__init__()
        self.head = BSplineLinear(3, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(x)


class MaskedMean(Network):
    """Network on the mean of the unmasked vectors."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(2, 1)

    def forward(self, values: Tensor, mask: Tensor) -> Tensor:
        return self.head((values * mask[..., None]).sum(1) / mask.sum(1, keepdim=True))


class Picture(Network):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Tanh(), nn.Flatten(), nn.Linear(8, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


FIXED = np.where(TARGETS[:, None] > 0, RANDOM.integers(1, 3, (N, 9)), RANDOM.integers(0, 4, (N, 9))).astype(np.uint8)
UNEQUAL = UnequalCodes([codes[: 3 + at % 5] for at, codes in enumerate(FIXED)])
VECTORS = np.stack([LIFT, 1 - LIFT, 0 * LIFT], axis=1) + RANDOM.normal(0, 0.1, (N, 3)).astype(np.float32)
# Values where the mask is False would reverse every result.
MASK = np.arange(4) < 1 + np.arange(N)[:, None] % 4
SERIES = Series(np.where(MASK[..., None], LIFT[:, None, None], -9 * LIFT[:, None, None]).repeat(2, 2), MASK)
IMAGES = (LIFT[:, None, None, None] + RANDOM.normal(0, 0.1, (N, 1, 4, 4))).astype(np.float32)


@pytest.mark.parametrize(
    ("network", "inputs"),
    [
        (Composition, FIXED),
        (Composition, UNEQUAL),
        (Vectors, VECTORS),
        (MaskedMean, SERIES),
        (Picture, IMAGES),
    ],
    ids=["fixed", "unequal", "vectors", "series", "images"],
)
def test_networks_learn_from_inputs_of_every_kind(network, inputs, tmp_path):
    torch.manual_seed(0)
    made, examples, task = network(), Examples(inputs, TARGETS), Task("binary", 1)
    settings = Settings(epochs=20, batch_size=6, learning_rate=0.1, weight_decay=0.0, precision="float32")
    before = mean_loss(made, task, examples)
    objective = TaskObjective(made, task, examples, settings, seed=0)
    fitted = fit_objective(objective, examples, Limits(20, patience=20), seed=0, folder=tmp_path, title="")
    after = mean_loss(made, task, examples)
    assert after < 0.7 * before
    assert mean_loss(made, task, examples, batch_size=7) == pytest.approx(after, rel=1e-5)
    assert fitted.epochs == 20


def test_unequal_sequences_are_padded_with_n_on_the_right():
    codes = UnequalCodes([np.array([0, 1, 2], np.uint8), np.array([3], np.uint8), np.array([2, 2], np.uint8)])
    assert codes[np.array([1, 2])].tolist() == [[3, 4], [2, 2]]
    assert codes[:1].tolist() == [[0, 1, 2]]
    assert UnequalCodes([np.array([3], np.uint8)], columns=3)[:].tolist() == [[3, 4, 4]]
    with pytest.raises(BadOption, match="a sequence has 4 bases, and the network reads 3"):
        UnequalCodes([np.zeros(4, np.uint8)], columns=3)


def test_a_mask_of_another_shape_is_rejected():
    with pytest.raises(BadOption, match=r"series of shape \(2, 3, 1\) with a mask of shape \(2, 4\)"):
        Series(np.zeros((2, 3, 1), np.float32), np.ones((2, 4), bool))


@pytest.mark.parametrize(("inputs", "count"), [(FIXED, 1), (SERIES, 2)])
def test_batches_have_the_arguments_of_a_network_and_can_be_iterated_again(inputs: Inputs, count: int):
    batches = InputBatches(inputs, 10, torch.device("cpu"))
    for _ in range(2):
        found = [batch if isinstance(batch, tuple) else (batch,) for batch in batches]
        assert [len(tensors) for tensors in found] == [count] * 3
        assert [len(tensors[0]) for tensors in found] == [10, 10, 4]
