"""The learner of estimators, which choose hyper-parameters by cross-validation over neighbourhoods of genes.

In: training examples, and their coordinates if they are genes. Out: a fitted estimator.
"""

import logging
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from kanseq.errors import EmptySplit
from kanseq.models.config import Hyperparameters
from kanseq.models.estimators import Estimator
from kanseq.models.inputs import Examples
from kanseq.runs.predictors import EstimatorPredictor, Predictor
from kanseq.tasks.task import is_known
from kanseq.training.learners.learner import FitInputs, Learner, TrainingOutput
from kanseq.training.learners.neighbourhoods import inner_parts
from kanseq.training.objectives.penalties import Penalties
from kanseq.training.settings import Settings

logger = logging.getLogger(__name__)


class EstimatorLearner(Learner):
    """Fits estimators in a single call. They use no tuning examples; calibration uses cross-validation."""

    calibrates_on_tune = False

    def resolve_settings(self, settings: Settings, config: Hyperparameters, device: str) -> Settings:
        """Return the settings with early stopping off and precision float32, as estimators support nothing else.

        Raises:
            BadOption: a penalty on KAN layers is set.
        """
        Penalties.of(settings).check(None, self.kind.name)
        if settings.tune:
            logger.warning("%s is tuned within the training genes: --tune has no effect", self.kind.name)
        return replace(settings, tune=False, precision="float32")

    def fit(self, predictor: Predictor, fit_inputs: FitInputs, record: TrainingOutput) -> dict[str, object]:
        """Fit an estimator in place. Return an empty dictionary, as there are no facts for ``done.json``."""
        assert isinstance(predictor, EstimatorPredictor)
        train = _examples(fit_inputs)
        with threadpool_limits(limits=fit_inputs.threads):
            groups = inner_parts(_places(fit_inputs), train.targets, fit_inputs.seed)
            predictor.estimator.fit(
                train.inputs,  # type: ignore[arg-type]
                train.targets,
                groups=groups,
                seed=fit_inputs.seed,
                balanced=_is_balanced(fit_inputs),
            )
        return {}

    def unseen(self, predictor: Predictor, fit_inputs: FitInputs) -> tuple[np.ndarray, np.ndarray]:
        """Return out-of-fold logits of the training examples (see :func:`out_of_fold`), and their targets."""
        build = partial(self.kind.build, fit_inputs.config)
        train, balanced = _examples(fit_inputs), _is_balanced(fit_inputs)
        logits = out_of_fold(
            build, train, _places(fit_inputs), balanced=balanced, seed=fit_inputs.seed, threads=fit_inputs.threads
        )  # type: ignore[arg-type]  # fmt: skip
        return logits, train.targets


def out_of_fold(
    build: Callable[[], Estimator], train: Examples, places: pd.DataFrame, *, balanced: bool, seed: int, threads: int
) -> np.ndarray:
    """Score each training example with a model that was not trained on it or its neighbours, for calibration.

    The examples are divided into parts (:func:`~kanseq.training.learners.neighbourhoods.inner_parts`). The
    estimator that scores a part is fitted to all other parts, and its hyper-parameters are chosen on them.

    Args:
        build: function that returns an unfitted estimator for one condition.
        train: the examples; targets are ``(n,)`` or ``(n, conditions)``.
        places: coordinates, one row per example, see :class:`~kanseq.training.learners.learner.FitInputs`.
        balanced: whether to weight classes inversely to their frequency.
        seed: seed of the estimator, and of the parts if these are random.
        threads: number of processor threads.

    Returns:
        Logits in the shape of the targets; NaN where the target is unknown.

    Raises:
        EmptySplit: the examples cannot be divided into two or more parts with both classes in each part.
    """
    logits = np.full(train.targets.shape, np.nan)
    groups = inner_parts(places, train.targets, seed)
    for at in np.ndindex(train.targets.shape[1:]):
        targets, parts = train.targets[(slice(None), *at)], groups[(slice(None), *at)]
        names = np.unique(parts[is_known(targets)])
        if len(names) < 2:
            raise EmptySplit("too few training genes of a class for calibration", hint="leave --calibrate out")
        for part in names:
            fitted, scored = is_known(targets) & (parts != part), is_known(targets) & (parts == part)
            model = build()
            with threadpool_limits(limits=threads):
                own = parts[fitted]
                model.fit(train.inputs[fitted], targets[fitted], groups=own, seed=seed, balanced=balanced)  # type: ignore[arg-type]
                logits[(scored, *at)] = model.logits(train.inputs[scored])  # type: ignore[arg-type]
    return logits


def _examples(fit_inputs: FitInputs) -> Examples:
    """Return the training examples with targets in the form that estimators expect (``Task.standardised``)."""
    assert fit_inputs.task is not None
    return fit_inputs.train._replace(targets=fit_inputs.task.standardised(fit_inputs.train.targets))


def _places(fit_inputs: FitInputs) -> pd.DataFrame:
    """Return the coordinates of the training examples, or a table without columns if they have no coordinates."""
    return pd.DataFrame(index=range(len(fit_inputs.train.targets))) if fit_inputs.places is None else fit_inputs.places


def _is_balanced(fit_inputs: FitInputs) -> bool:
    """Return whether the settings require classes to be weighted inversely to their frequency."""
    return fit_inputs.settings.balance == "weights"
