import pytest
import torch
from torch import nn

from kanseq.errors import BadOption
from kanseq.models.registry import architecture, architectures
from kanseq.training.settings import (
    Settings,
    check_seeds,
    choose_device,
    make_optimizer,
    processor,
    rate_factor,
    settings_for,
)


class Layer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.spline_weight = nn.Parameter(torch.ones(2))
        self.base_weight = nn.Parameter(torch.ones(2))


def step_without_gradient(decay: str) -> Layer:
    layer = Layer()
    optimizer = make_optimizer(layer, Settings(learning_rate=0.01, weight_decay=0.5, decay=decay), 10)
    for parameter in layer.parameters():
        parameter.grad = torch.zeros(2)
    optimizer.step()
    return layer


def test_decoupled_decay_shrinks_spline_weights_only():
    layer = step_without_gradient("decoupled")
    assert layer.spline_weight.tolist() == pytest.approx([0.995, 0.995])
    assert layer.base_weight.tolist() == [1.0, 1.0]


def test_coupled_decay_enters_adams_gradient_of_spline_weights_only():
    layer = step_without_gradient("coupled")
    # Adam's first step is the learning rate in the direction of the gradient, here only that of the decay.
    assert layer.spline_weight.tolist() == pytest.approx([0.99, 0.99])
    assert layer.base_weight.tolist() == [1.0, 1.0]


def test_one_cycle_equals_the_schedule_of_torch():
    parameter = nn.Parameter(torch.ones(1))
    optimizer = torch.optim.SGD([parameter], lr=1.0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1.0, total_steps=40, cycle_momentum=False)
    for step in range(40):
        assert rate_factor("one-cycle", step, 40) == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-9)
        optimizer.step()
        if step < 39:
            schedule.step()


def test_one_cycle_of_a_few_steps_stays_in_its_range():
    for steps in (1, 2, 3, 4):
        assert all(0 < rate_factor("one-cycle", step, steps) <= 1 for step in range(steps))


def test_negative_threads_are_refused_by_name():
    with pytest.raises(BadOption, match="threads is -1; it must be at least 0"), processor(-1, 0):
        pass


def test_cosine_falls_from_one_to_zero():
    assert [rate_factor("cosine", step, 4) for step in (0, 2)] == [1.0, 0.5]
    assert rate_factor("constant", 3, 4) == 1.0


@pytest.mark.parametrize(
    "wrong",
    [
        {"decay": "both"},
        {"schedule": "steps"},
        {"epochs": 0},
        {"learning_rate": 0.0},
        {"learning_rate": float("nan")},
        {"clip": -1.0},
        {"precision": "float16"},
    ],
)
def test_invalid_settings_are_refused_by_name(wrong):
    with pytest.raises(BadOption, match=next(iter(wrong))):
        Settings(**wrong)


@pytest.mark.parametrize("device", ["gpu", "cuda:99", "mps"])
def test_missing_devices_are_refused(device):
    with pytest.raises(BadOption, match=device):
        choose_device(device)


def test_processor_restores_threads_and_random_state():
    threads, state = torch.get_num_threads(), torch.get_rng_state()
    with processor(threads + 1, seed=3) as count:
        assert count == torch.get_num_threads() == threads + 1
        torch.rand(1)
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.get_rng_state(), state)


def test_seeds_are_listed_or_counted():
    assert check_seeds(3) == [3]
    assert check_seeds([2, 0, 2]) == [2, 0]
    assert check_seeds(5, 3) == check_seeds([5], 3) == [5, 6, 7]
    with pytest.raises(BadOption, match="use either several --seed or --seeds"):
        check_seeds([1, 2], 2)
    with pytest.raises(BadOption, match="seed is 4294967296"):
        check_seeds(2**32 - 2, 3)
    with pytest.raises(BadOption, match="seeds is 0"):
        check_seeds(0, 0)


def test_prior_is_coupled_decay_divided_by_the_number_of_genes():
    layer = Layer()
    strength = Settings(weight_decay=50, decay="prior")
    for genes in (10, 1000):
        optimizer = make_optimizer(layer, strength, genes)
        assert type(optimizer) is torch.optim.Adam
        assert [group["weight_decay"] for group in optimizer.param_groups] == [50 / genes, 0.0]


def test_missing_settings_come_from_the_recipe_and_then_from_the_defaults():
    own = settings_for(architecture("kan-words"), epochs=None, batch_size=7, clip=None)
    assert (own.epochs, own.batch_size, own.decay, own.clip) == (30, 7, "prior", None)
    assert settings_for(architecture("kan-mixer"), epochs=None) == Settings()


def test_weight_decay_of_a_recipe_is_ignored_with_another_kind_of_decay():
    words = architecture("kan-words")
    assert settings_for(words).weight_decay == 2000
    assert settings_for(words, decay="prior").weight_decay == 2000
    assert settings_for(words, decay="decoupled").weight_decay == Settings().weight_decay
    assert settings_for(words, decay="coupled", weight_decay=3).weight_decay == 3
    known = {"mid", *(field for field in Settings().to_json())}
    assert all(set(kind.recipe) <= known for kind in architectures().values())
