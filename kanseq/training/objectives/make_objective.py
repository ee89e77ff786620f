"""Build the objective that trains a network. An architecture can declare one; the default is ``TaskObjective``.

In: an architecture, a network, a task and training examples. Out: an objective for the training loop.
"""

from collections.abc import Callable
from importlib import import_module

from kanseq.errors import BadOption
from kanseq.models.architecture import Architecture
from kanseq.models.inputs import Examples
from kanseq.models.network import Network
from kanseq.tasks.task import Task
from kanseq.training.objectives.objective import Objective
from kanseq.training.objectives.task_objective import TaskObjective
from kanseq.training.processes.distributed import ALONE, Team
from kanseq.training.settings import Settings


def make_objective(
    kind: Architecture,
    network: Network,
    task: Task | None,
    train: Examples,
    settings: Settings,
    *,
    seed: int,
    team: Team = ALONE,
) -> Objective:
    """Build the objective that trains a network of architecture ``kind``.

    Args:
        kind: the architecture; its ``objective`` is called with all other arguments.
        network: the network, which is trained in place.
        task: the task, which defines the meaning of the network's outputs; None for a generator.
        train: the training examples.
        settings: the optimisation settings.
        seed: seed of the objective's random numbers.
        team: the processes that train together.

    Raises:
        BadOption: the declared objective cannot be imported, or does not return an :class:`Objective`.
    """
    made = objective_of(kind)(network, task, train, settings, seed=seed, team=team)
    if not isinstance(made, Objective):
        raise BadOption(
            f"the objective of the model '{kind.name}' returned a {type(made).__name__}",
            hint="it must return a kanseq.training.objectives.objective.Objective",
        )
    return made


def objective_of(kind: Architecture) -> Callable[..., Objective]:
    """Return the class or function that builds the objective of an architecture; the default is ``TaskObjective``.

    Raises:
        BadOption: the architecture declares an objective ``package.module:name`` that cannot be imported.
    """
    declared = TaskObjective if kind.objective is None else kind.objective
    if not isinstance(declared, str):
        return declared
    module, _, name = declared.partition(":")
    try:
        return getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise BadOption(
            f"the objective '{declared}' of the model '{kind.name}' cannot be imported ({error})",
            hint="specify it as package.module:name",
        ) from error
