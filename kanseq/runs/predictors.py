"""Common interface of trained models: networks, and estimators that are fitted in one call.

In: an architecture, its configuration and a task. Out: logits of inputs, and arrays to store.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping

import numpy as np
import torch

from kanseq.models.architecture import Architecture
from kanseq.models.config import Hyperparameters
from kanseq.models.estimators import Estimator
from kanseq.models.inputs import InputBatches, Inputs
from kanseq.models.network import Network
from kanseq.models.registry import parameter_count
from kanseq.nn.grids import match_grids
from kanseq.nn.precision import set_precision
from kanseq.tasks.one_vs_rest import SeveralEstimators
from kanseq.tasks.task import Task


class Predictor(ABC):
    """Base class of models, without their metadata."""

    @property
    def network(self) -> Network | None:
        """The network; None for a model without network, which has no gradients."""
        return None

    @property
    @abstractmethod
    def parameters(self) -> int:
        """Number of learned values."""

    @abstractmethod
    def logits(self, inputs: Inputs, task: Task, batch_size: int = 256) -> np.ndarray:
        """Score inputs.

        Args:
            inputs: inputs of ``n`` examples, such as base codes uint8 ``(n, columns)``.
            task: meaning of the outputs.
            batch_size: maximum examples per step.

        Returns:
            float64 ``(n,)``, ``(n, conditions)`` or ``(n, classes)``, see :meth:`kanseq.tasks.task.Task.logit`.
        """

    @abstractmethod
    def arrays(self) -> dict[str, np.ndarray]:
        """Return all learned arrays by name, in main memory."""

    @abstractmethod
    def load_arrays(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Load what :meth:`arrays` returned.

        Raises:
            ValueError, RuntimeError: names or shapes do not match this model.
        """

    def place(self, device: str, precision: str) -> None:  # noqa: B027 - estimators have neither
        """Move the model to a device (``cpu``, ``cuda:N``); compute matrix products in ``float32`` or ``bfloat16``."""

    def freeze(self, precision: str) -> None:  # noqa: B027 - estimators have neither gradients nor precision
        """Prepare for attribution: parameters in ``float32`` or ``float64``, full products, no parameter gradients.

        Threads can share the model afterwards.
        """


class NetworkPredictor(Predictor):
    """A model that is a network."""

    def __init__(self, network: Network) -> None:
        """Wrap a network."""
        self._network = network

    @classmethod
    def build(cls, kind: Architecture, config: Hyperparameters, task: Task | None) -> "NetworkPredictor":
        """Build an untrained network; its configuration sets the number of outputs."""
        return cls(kind.build(config))  # type: ignore[arg-type]

    @property
    def network(self) -> Network:
        """The network."""
        return self._network

    @property
    def parameters(self) -> int:
        """Number of trainable values."""
        return parameter_count(self._network)

    def logits(self, inputs: Inputs, task: Task, batch_size: int = 256) -> np.ndarray:
        """Score inputs with the network in evaluation mode; see :meth:`Predictor.logits`."""
        network = self._network.eval()
        device, most = next(network.parameters()).device, min(batch_size, getattr(network, "scored", batch_size))
        parts = []
        with torch.inference_mode():
            for batch in InputBatches(inputs, most, device):
                outputs = network(*batch) if isinstance(batch, tuple) else network(batch)
                parts.append(task.logit(outputs).double().cpu().numpy())
        return np.concatenate(parts) if parts else np.zeros((0, task.columns) if task.columns else 0)

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the network's state."""
        return {name: tensor.detach().cpu().numpy() for name, tensor in self._network.state_dict().items()}

    def load_arrays(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Load a state: resize grids to its number of intervals, and set evaluation mode."""
        match_grids(self._network, arrays)
        self._network.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
        self._network.eval()

    def place(self, device: str, precision: str) -> None:
        """Move the network to a device, and set the precision of its matrix products."""
        set_precision(self._network, precision)
        self._network.to(device)

    def freeze(self, precision: str) -> None:
        """Prepare for attribution, see :meth:`Predictor.freeze`."""
        set_precision(self._network, "float32")
        network = self._network.double() if precision == "float64" else self._network
        network.eval().requires_grad_(False)


class EstimatorPredictor(Predictor):
    """A model that is an estimator, or several of them for several conditions or classes."""

    def __init__(self, estimator: Estimator) -> None:
        """Wrap an estimator."""
        self.estimator = estimator

    @classmethod
    def build(cls, kind: Architecture, config: Hyperparameters, task: Task | None) -> "EstimatorPredictor":
        """Build an unfitted estimator: one for each condition, or for each class against the rest."""
        several = () if task is None else task.conditions or task.classes
        if not several:
            return cls(kind.build(config))  # type: ignore[arg-type]
        assert task is not None
        return cls(SeveralEstimators(config, kind.build, len(several), against_the_rest=bool(task.classes)))  # type: ignore[arg-type]

    @property
    def parameters(self) -> int:
        """Number of values learned by the fit."""
        return self.estimator.parameters

    def logits(self, inputs: Inputs, task: Task, batch_size: int = 256) -> np.ndarray:
        """Score inputs with the estimator's own batch size; see :meth:`Predictor.logits`."""
        return task.restored(np.asarray(self.estimator.logits(inputs), dtype=np.float64))  # type: ignore[arg-type]

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the estimator's arrays."""
        return self.estimator.arrays()

    def load_arrays(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Load the estimator's arrays."""
        self.estimator.load_arrays(arrays)


_BUILDERS: dict[str, Callable[[Architecture, Hyperparameters, Task | None], Predictor]] = {
    "steps": NetworkPredictor.build,
    "at-once": EstimatorPredictor.build,
}


def build_predictor(kind: Architecture, config: Hyperparameters, task: Task | None) -> Predictor:
    """Build an untrained model of an architecture.

    Args:
        kind: the architecture.
        config: its hyper-parameters, an instance of ``kind.config``.
        task: the task that it learns; None for a generator.
    """
    return _BUILDERS[kind.learner](kind, config, task)
