"""Models of every kind are loaded as plugins and fitted to arrays by one call, without a folder."""

import logging
from dataclasses import dataclass, replace
from importlib.metadata import EntryPoint

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from kanseq.errors import BadOption, EmptySplit, NotFinite
from kanseq.geometry import Geometry
from kanseq.models import registry
from kanseq.models.architecture import estimator, generator, predictor, tabular
from kanseq.models.config import Config, TabularConfig
from kanseq.models.estimators import Linear, check_classes
from kanseq.models.inputs import Examples
from kanseq.models.network import Network
from kanseq.models.networks.mlp import MLP, MLPConfig
from kanseq.models.registry import architecture, architectures, make_config
from kanseq.tasks.task import Task
from kanseq.training.learners.estimator_learner import EstimatorLearner
from kanseq.training.learners.find_learner import fit_examples, learner_of
from kanseq.training.learners.learner import FitInputs, TrainingOutput
from kanseq.training.learners.step_learner import StepLearner
from kanseq.training.objectives.objective import Batch, Objective
from kanseq.training.settings import Settings
from kanseq.verbs.modelling.list_models import list_models

GEOMETRY = Geometry.plain(6)
RANDOM = np.random.default_rng(0)
CODES = RANDOM.integers(0, 4, (60, 6), dtype=np.uint8)
CLASSES = (CODES[:, 0] == 2).astype(np.int64)
FAST = Settings(epochs=20, batch_size=10, learning_rate=0.02, precision="float32")


class Firsts(Linear):
    """Estimator that predicts the mean target for each first base."""

    width = 4

    def features(self, codes: np.ndarray) -> np.ndarray:
        return np.eye(5, dtype=np.float32)[codes[:, 0]][:, :4]

    def fit(self, codes, targets, *, groups=None, seed=0, balanced=False) -> None:
        shares = np.array([check_classes(targets)[codes[:, 0] == base].mean() for base in range(4)])
        self.coefficients = shares - 0.5


@dataclass(frozen=True, kw_only=True)
class FirstsConfig(Config):
    pass


class Frequencies(Network):
    """Generator of sequences with independent bases."""

    def __init__(self, config: MLPConfig) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.zeros(config.geometry.columns, 4))

    def forward(self, codes: Tensor) -> Tensor:
        return self.logits.log_softmax(1)[torch.arange(codes.shape[1]), codes.long()].sum(1, keepdim=True)


class Likelihood(Objective):
    """Objective of the generator, which has no task."""

    def __init__(self, network, task, examples, settings, *, seed, team) -> None:
        super().__init__(
            {"model": network}, {"adam": torch.optim.Adam(network.parameters(), lr=0.1)}, len(examples.targets)
        )
        assert task is None
        self.codes = torch.from_numpy(examples.inputs)

    def bounds(self) -> list[tuple[int, int]]:
        return [(0, self.examples)]

    def step(self, batch: Batch) -> float:
        loss = -self.network(self.codes[batch.rows]).mean()
        self.optimizers["adam"].zero_grad()
        loss.backward()
        self.optimizers["adam"].step()
        return float(loss.detach())

    def measure(self, examples: Examples) -> float:
        return 0.0


class Broken(Likelihood):
    def step(self, batch: Batch) -> float:
        raise NotFinite("loss became NaN")


class Line(Network):
    def __init__(self, config: TabularConfig) -> None:
        super().__init__()
        self.head = nn.Linear(config.inputs, config.outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(x)


ABOUT = {"summary": "a stranger's", "source": "elsewhere"}
NETWORK = predictor("new-mlp", config=MLPConfig, build=MLP, **ABOUT)
AT_ONCE = estimator("firsts", config=FirstsConfig, build=Firsts, **ABOUT)
GENERATOR = generator("dreamer", config=MLPConfig, build=Frequencies, objective=Likelihood, **ABOUT)
BROKEN = generator("broken", config=MLPConfig, build=Frequencies, objective=Broken, **ABOUT)
TABULAR = tabular("rows", config=TabularConfig, build=Line, **ABOUT)


@pytest.fixture(autouse=True)
def plugins(monkeypatch):
    """Install one plugin of each kind."""
    targets = [f"{__name__}:{name}" for name in ("NETWORK", "AT_ONCE", "GENERATOR", "TABULAR")]
    points = [EntryPoint(f"p{number}", target, "kanseq.models") for number, target in enumerate(targets)]
    monkeypatch.setattr(registry, "entry_points", lambda group: points)
    architectures.cache_clear()
    yield
    architectures.cache_clear()


def fit(name, task, train, settings=FAST, options=None, outputs=None, **more):
    config = make_config(name, GEOMETRY, options, outputs)
    return fit_examples(architecture(name), config, task, train, settings, threads=1, device="cpu", **more)


def test_plugins_are_listed_with_their_parameters():
    models = [list_models(name, length=6).models[0] for name in ("new-mlp", "firsts", "dreamer", "rows")]
    assert [model["parameters"] for model in models] == [24 * 128 + 128 + 258, 5, 24, 17]


def test_a_network_learns_the_same_from_arrays_with_and_without_a_folder(tmp_path):
    task, train = Task(outputs=2), Examples(CODES, CLASSES)
    found = fit("new-mlp", task, train, seed=3)
    assert ((found.predictor.logits(CODES, task) > 0) == CLASSES).all()
    assert found.facts == {"epochs": 20, "kept_epoch": 20}
    assert found.predictor.parameters == 24 * 128 + 128 + 258
    torch.rand(7)
    again = fit("new-mlp", task, train, seed=3, folder=tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"state.safetensors", "log.jsonl"}
    assert found.predictor.logits(CODES, task).tolist() == again.predictor.logits(CODES, task).tolist()


def test_an_estimator_learns_from_arrays_without_early_stopping(caplog):
    with caplog.at_level(logging.WARNING, "kanseq"):
        found = fit("firsts", Task(outputs=1), Examples(CODES, CLASSES), replace(FAST, tune=True, precision="auto"))
    assert "firsts is tuned within the training genes: --tune has no effect" in caplog.text
    assert (found.settings.tune, found.settings.precision) == (False, "float32")
    some = np.array([[2, 0, 0, 0, 0, 0], [1, 2, 2, 2, 2, 2]], dtype=np.uint8)
    assert found.predictor.logits(some, found.task).tolist() == [0.5, -0.5]
    assert (found.predictor.network, found.predictor.parameters, found.facts) == (None, 5, {})


def test_an_estimator_learns_each_of_several_classes_against_the_rest():
    task = Task("multiclass", 3, classes=("A", "C", "other"))
    found = fit("firsts", task, Examples(CODES, np.minimum(CODES[:, 0], 2).astype(np.int64)))
    some = np.array([[0] * 6, [1] * 6, [3] * 6], dtype=np.uint8)
    assert found.predictor.logits(some, task).tolist() == (np.eye(3) - 0.5).tolist()


def test_a_generator_learns_by_its_own_objective():
    train = Examples(np.where(CODES == 3, 1, CODES), np.zeros(len(CODES)))
    found = fit("dreamer", None, train, replace(FAST, epochs=300))
    shares = [np.bincount(column, minlength=4) / len(CODES) for column in train.inputs.T]
    assert found.predictor.network.logits.softmax(1).detach().numpy() == pytest.approx(np.array(shares), abs=0.01)
    assert found.task is None


def test_a_model_of_vectors_learns_numbers_in_their_own_units():
    x = RANDOM.normal(size=(60, 2)).astype(np.float32)
    y = 100 + 20 * x[:, 0] - 10 * x[:, 1]
    found = fit("rows", Task("regression", 1), Examples(x, y), replace(FAST, epochs=60), {"inputs": 2})
    assert found.predictor.logits(x, found.task) == pytest.approx(y, abs=0.5)


def test_early_stopping_needs_examples_that_do_not_train():
    train, tune = Examples(CODES[:40], CLASSES[:40]), Examples(CODES[40:], 1 - CLASSES[40:])
    with pytest.raises(BadOption, match="no tuning examples for early stopping"):
        fit("new-mlp", Task(outputs=2), train, replace(FAST, tune=True))
    # Their labels are reversed, so that the first epoch is the best.
    found = fit("new-mlp", Task(outputs=2), train, replace(FAST, tune=True, patience=2), tune=tune)
    assert found.facts == {"epochs": 3, "kept_epoch": 1}


def test_nan_in_a_training_without_a_folder_is_an_error():
    config = make_config("new-mlp", GEOMETRY)
    with pytest.raises(NotFinite, match="became NaN"):
        fit_examples(BROKEN, config, None, Examples(CODES, CLASSES), FAST, threads=1, device="cpu")


def fit_inputs(name, task, tune=None):
    return FitInputs(make_config(name, GEOMETRY), task, Examples(CODES, CLASSES), tune, FAST)


def test_examples_for_calibration_were_not_fitted_to():
    steps, at_once = (learner_of(architecture(name)) for name in ("new-mlp", "firsts"))
    assert (type(steps), type(at_once)) == (StepLearner, EstimatorLearner)
    assert (steps.calibrates_on_tune, at_once.calibrates_on_tune) == (True, False)
    tune = Examples(CODES[:5], CLASSES[:5])
    given = fit_inputs("new-mlp", Task(outputs=2), tune)
    built = steps.build(given)
    logits, targets = steps.unseen(built, given)
    assert logits.tolist() == built.logits(CODES[:5], Task(outputs=2)).tolist()
    assert targets.tolist() == CLASSES[:5].tolist()
    with pytest.raises(EmptySplit, match="no tuning examples for calibration"):
        steps.unseen(built, given._replace(tune=None))
    given = fit_inputs("firsts", Task(outputs=1), tune)
    built = at_once.build(given)
    at_once.fit(built, given, TrainingOutput())
    logits, targets = at_once.unseen(built, given)
    assert (logits.shape, targets.tolist()) == ((60,), CLASSES.tolist())


def test_estimators_keep_neighbours_together_in_inner_folds_if_places_are_known():
    groups = []

    class Watched(Firsts):
        def fit(self, codes, targets, *, groups: np.ndarray, seed, balanced) -> None:
            seen.append(groups.tolist())

    kind, seen = replace(AT_ONCE, build=Watched), groups
    places = pd.DataFrame({"species": ".", "chrom": "1", "tss": np.arange(60)[::-1]})
    config, train = make_config("firsts", GEOMETRY), Examples(CODES, np.arange(60) % 2)
    for known in (places, None):
        fit_examples(kind, config, Task(outputs=1), train, FAST, places=known, threads=1, device="cpu")
    assert groups[0] == np.repeat([4, 3, 2, 1, 0], 12).tolist()
    assert sorted(groups[1]) == sorted(groups[0])
    assert groups[1] != groups[0]
