"""The learner of networks, which trains them batch by batch with an objective.

In: training examples and settings. Out: a trained network; a checkpoint and a log are written during training.
"""

import logging
from dataclasses import replace

import numpy as np
import torch

from kanseq.errors import BadOption, EmptySplit
from kanseq.models.config import Hyperparameters
from kanseq.models.network import Network
from kanseq.nn.precision import resolve_precision
from kanseq.runs.predictors import Predictor
from kanseq.training.learners.learner import FitInputs, Learner, TrainingOutput
from kanseq.training.loop import Limits, fit_objective
from kanseq.training.objectives.make_objective import make_objective
from kanseq.training.objectives.penalties import Penalties
from kanseq.training.settings import Settings

logger = logging.getLogger(__name__)


class StepLearner(Learner):
    """Trains networks with the objective of their architecture. Calibration uses tuning examples."""

    calibrates_on_tune = True

    def resolve_settings(self, settings: Settings, config: Hyperparameters, device: str) -> Settings:
        """Return the settings with the precision to use: ``auto`` becomes the best precision for the device.

        The precision is always float32 if the model has no layers that can multiply in bfloat16.

        Raises:
            BadOption: the network cannot be built, or a penalty is set that applies to none of its layers.
        """
        name, network = self.kind.name, self._built(config)
        Penalties.of(settings).check(network, name)
        if any(hasattr(layer, "precision") for layer in network.modules()):
            return replace(settings, precision=resolve_precision(settings.precision, device))
        if settings.precision == "bfloat16":
            logger.warning("%s has no layers that multiply in bfloat16: it is trained in float32", name)
        return replace(settings, precision="float32")

    def fit(self, predictor: Predictor, fit_inputs: FitInputs, record: TrainingOutput) -> dict[str, object]:
        """Train a network in place; see :meth:`Learner.fit`."""
        assert predictor.network is not None
        settings, team = fit_inputs.settings, fit_inputs.team
        if settings.tune and fit_inputs.tune is None:
            raise BadOption("there are no tuning examples for early stopping", hint="provide some, or leave out --tune")
        objective = make_objective(
            self.kind, predictor.network, fit_inputs.task, fit_inputs.train, settings, seed=fit_inputs.seed, team=team
        )
        limits = Limits(settings.epochs, settings.patience, record.minutes)
        tune = fit_inputs.tune if settings.tune else None
        fitted = fit_objective(
            objective, tune, limits, seed=fit_inputs.seed, folder=record.folder, title=record.title, team=team
        )  # fmt: skip
        facts: dict[str, object] = {"epochs": fitted.epochs, "kept_epoch": fitted.kept_epoch}
        facts |= {"processes": team.size} if team.size > 1 else {}
        return {**facts, "compiled": objective.compiled} if settings.compile else facts

    def unseen(self, predictor: Predictor, fit_inputs: FitInputs) -> tuple[np.ndarray, np.ndarray]:
        """Return logits and targets of the tuning examples, which were not used for training."""
        if fit_inputs.tune is None or fit_inputs.task is None:
            raise EmptySplit("there are no tuning examples for calibration", hint="provide some")
        return predictor.logits(fit_inputs.tune.inputs, fit_inputs.task), fit_inputs.tune.targets

    def _built(self, config: Hyperparameters) -> Network:
        """Build an untrained network, to check before any file is written that this is possible.

        Raises:
            BadOption: the network cannot be built.
        """
        try:
            with torch.random.fork_rng():
                return self.kind.build(config)  # type: ignore[return-value]
        except (RuntimeError, MemoryError) as error:
            reason, name = str(error).splitlines()[0], self.kind.name
            raise BadOption(f"the model '{name}' cannot be built ({reason})", hint="make it smaller") from error
