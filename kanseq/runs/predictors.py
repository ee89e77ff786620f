"""Common interface of trained models: networks, and estimators that are fitted in one call.

In: an architecture, its hyper-parameters and a task. Out: a model that computes logits and can be saved as arrays.
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
    """Base class of models that compute logits; for metadata see :class:`kanseq.runs.trained_model.TrainedModel`."""

    @property
    def network(self) -> Network | None:
        """The PyTorch network; None for estimators, which have no gradients."""
        return None

    @property
    @abstractmethod
    def parameters(self) -> int:
        """Number of learned values."""

    @abstractmethod
    def logits(self, inputs: Inputs, task: Task, batch_size: int = 256) -> np.ndarray:
        """Compute the logits of inputs.

        Args:
            inputs: inputs of ``n`` examples, such as base codes uint8 ``(n, columns)``.
            task: the task, which defines the meaning of the outputs.
            batch_size: maximum number of examples per step.

        Returns:
            float64 ``(n,)``, ``(n, conditions)`` or ``(n, classes)``, see :meth:`kanseq.tasks.task.Task.logit`.
        """

    @abstractmethod
    def arrays(self) -> dict[str, np.ndarray]:
        """Return all learned arrays by name, in main memory."""

    @abstractmethod
    def load_arrays(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Load learned arrays, as returned by :meth:`arrays`.

        Raises:
            ValueError, RuntimeError: names or shapes do not match this model.
        """

    def place(self, device: str, precision: str) -> None:  # noqa: B027 - estimators have neither
        """Move the model to a device (``cpu``, ``cuda:N``); compute matrix products in ``float32`` or ``bfloat16``."""

    def freeze(self, precision: str) -> None:  # noqa: B027 - estimators have neither gradients nor precision
        """Prepare the model for attribution: set the precision of parameters, and turn off their gradients.

        Afterwards, several threads can use the model at the same time.

        Args:
            precision: ``float32`` or ``float64``. Matrix products are not computed in lower precision.
        """


class NetworkPredictor(Predictor):
    """A model that is a neural network."""

    def __init__(self, network: Network) -> None:
        """Create a predictor from a network."""
        self._network = network

    @classmethod
    def build(cls, kind: Architecture, config: Hyperparameters, task: Task | None) -> "NetworkPredictor":
        """Build an untrained network. ``config`` determines the number of outputs; ``task`` is ignored."""
        return cls(kind.build(config))  # type: ignore[arg-type]

    @property
    def network(self) -> Network:
        """The PyTorch network."""
        return self._network

    @property
    def parameters(self) -> int:
        """Number of trainable parameters."""
        return parameter_count(self._network)

    def logits(self, inputs: Inputs, task: Task, batch_size: int = 256) -> np.ndarray:
        """Compute the logits of inputs with the network in evaluation mode; see :meth:`Predictor.logits`."""
        network = self._network.eval()
        device, most = next(network.parameters()).device, min(batch_size, getattr(network, "scored", batch_size))
        parts = []
        with torch.inference_mode():
            for batch in InputBatches(inputs, most, device):
                outputs = network(*batch) if isinstance(batch, tuple) else network(batch)
                parts.append(task.logit(outputs).double().cpu().numpy())
        return np.concatenate(parts) if parts else np.zeros((0, task.columns) if task.columns else 0)

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the network's state dict as NumPy arrays."""
        return {name: tensor.detach().cpu().numpy() for name, tensor in self._network.state_dict().items()}

    def load_arrays(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Load a state dict, after resizing the network's KAN grids to match it; set evaluation mode."""
        match_grids(self._network, arrays)
        self._network.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
        self._network.eval()

    def place(self, device: str, precision: str) -> None:
        """Move the network to a device, and set the precision of its matrix products."""
        set_precision(self._network, precision)
        self._network.to(device)

    def freeze(self, precision: str) -> None:
        """Prepare the network for attribution, see :meth:`Predictor.freeze`."""
        set_precision(self._network, "float32")
        network = self._network.double() if precision == "float64" else self._network
        network.eval().requires_grad_(False)


class EstimatorPredictor(Predictor):
    """A model that is an estimator; for several conditions or classes, it contains one estimator for each."""

    def __init__(self, estimator: Estimator) -> None:
        """Create a predictor from an estimator."""
        self.estimator = estimator

    @classmethod
    def build(cls, kind: Architecture, config: Hyperparameters, task: Task | None) -> "EstimatorPredictor":
        """Build an unfitted estimator, or several: one per condition, or one for each class against all others."""
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
        """Compute the logits of inputs, see :meth:`Predictor.logits`; ``batch_size`` is ignored."""
        return task.restored(np.asarray(self.estimator.logits(inputs), dtype=np.float64))  # type: ignore[arg-type]

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the learned arrays of the estimator by name."""
        return self.estimator.arrays()

    def load_arrays(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Load learned arrays into the estimator."""
        self.estimator.load_arrays(arrays)


_BUILDERS: dict[str, Callable[[Architecture, Hyperparameters, Task | None], Predictor]] = {
    "steps": NetworkPredictor.build,
    "at-once": EstimatorPredictor.build,
}


def build_predictor(kind: Architecture, config: Hyperparameters, task: Task | None) -> Predictor:
    """Build an untrained model of an architecture.

    Args:
        kind: the architecture.
        config: the hyper-parameters, an instance of ``kind.config``.
        task: the task that the model learns; None for a generator.
    """
    return _BUILDERS[kind.learner](kind, config, task)
