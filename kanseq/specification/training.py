"""What ``kanseq train`` and ``kanseq tune`` are asked to do, as a whole.

Command line, YAML files, Python keywords, the processes of a team and the jobs of a benchmark all carry one of these.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from kanseq.specification.fields import REQUIRED, Flag, group, option
from kanseq.specification.learning import Learning
from kanseq.specification.optimisation import Settings
from kanseq.specification.option_checks import settle

COMMON = "Common"
LEARNED = "What is learned, and from what"

Value = str | int | float | bool | None

_SETS = "the set, from kanseq extract or import; or several of them"
_MODEL = "an architecture of kanseq models"
_THREADS = "processor threads; 0: all there are"
_DEVICE = "auto, cpu, cuda or cuda:N"


def _file(help: str, default: object = REQUIRED, *, names: tuple[str, ...] | None = None, several: bool = False) -> Any:
    """Declare a file or folder; from Python it may also be what the file holds."""
    return option(default, help, flag=Flag(names, repeatable=several, is_path=True))


@dataclass(frozen=True, kw_only=True)
class TrainSpec:
    """A training: inputs, model, what is learned, how, and where it runs.

    ``genes``, ``labels`` and ``splits`` are files, or (from Python, in one process) what they hold.

    Attributes:
        options: hyper-parameters of the model that were given.
        settings: fields of :class:`~kanseq.specification.optimisation.Settings` that were given; the model's recipe
            and the defaults fill in the others.

    Raises:
        BadOption: a value is of another type, out of range or no choice, or a setting is unknown.
    """

    genes: object = _file(_SETS, names=(), several=True)
    splits: object = _file("the folds, from kanseq split")
    output: object = _file("the run's folder; made if it is not there", names=("--output", "-o"))
    labels: object = _file(
        "low and high, from kanseq label; repeatable; without, the set's own classes or numbers", None, several=True
    )
    model: str = option("kan-words", _MODEL)
    options: Mapping[str, Value] | None = option(
        None, "a hyper-parameter of the model; repeatable", flag=Flag(("--set",), "KEY=VALUE", repeatable=True)
    )
    match_parameters: int | None = option(None, "choose widths so that the network is this large", least=1)
    holdout: str | Sequence[str] = option(
        "all", "the fold to hold out (repeatable), or all  [default: all]", flag=Flag(repeatable=True)
    )
    learning: Learning = group(Learning, panel=LEARNED)
    settings: Mapping[str, Value] = group(
        Settings,
        panel="Optimisation of networks (each model has its own defaults: kanseq models NAME)",
        settings=True,
    )
    baseline: bool = option(True, "train a plain model on the same folds, and compare")
    checkpoint_minutes: float = option(10.0, "write the state at least so often", least=0)
    seed: int | Sequence[int] = option(
        0,
        "seed of every random choice; repeatable: a model each  [default: 0]",
        least=0,
        flag=Flag(repeatable=True, panel=COMMON),
    )
    seeds: int = option(1, "so many seeds, from --seed on", least=1, flag=Flag(panel=COMMON))
    threads: int = option(0, _THREADS, least=0, flag=Flag(panel=COMMON))
    device: str = option("auto", _DEVICE, flag=Flag(panel=COMMON))
    devices: int = option(1, "processes (GPUs) that train each network together", least=1)
    nodes: int = option(1, "nodes on which this command runs alike", least=1)
    rendezvous: str | None = option(None, "HOST:PORT of one of several nodes, where they meet")

    def __post_init__(self) -> None:
        """Check all values."""
        settle(self, TrainSpec)


@dataclass(frozen=True, kw_only=True)
class FitSpec:
    """A fit to sequences in memory; its fields, and what they raise, are those of :class:`TrainSpec`."""

    model: str = option("kan-words", _MODEL)
    options: Mapping[str, Value] | None = option(None, "hyper-parameters of the model")
    task: str | None = option(None, "binary, multiclass or regression")
    settings: Mapping[str, Value] = group(
        Settings,
        panel="Optimisation",
        helps={each.name: each.metadata["help"] for each in fields(Settings) if each.name != "tune"},
        settings=True,
    )
    seed: int = option(0, "seed of every random choice", least=0)
    threads: int = option(0, _THREADS, least=0)
    device: str = option("auto", _DEVICE)

    def __post_init__(self) -> None:
        """Check all values."""
        settle(self, FitSpec)


@dataclass(frozen=True, kw_only=True)
class TuneSpec:
    """A search for hyper-parameters inside one fold's training genes; its fields and errors: :class:`TrainSpec`."""

    genes: object = _file(_SETS, names=(), several=True)
    splits: object = _file("the folds, from kanseq split --tune")
    holdout: str = option(REQUIRED, "the fold in whose training genes to search")
    search: Sequence[str] = option(
        REQUIRED,
        "LOW..HIGH, LOW..HIGH:log, LOW..HIGH:STEP or A,B,C; repeatable",
        flag=Flag(metavar="NAME=RANGE", repeatable=True),
    )
    output: object = _file("the search's folder; made if it is not there", names=("--output", "-o"))
    labels: object = _file(
        "low and high, from kanseq label; repeatable; without, the set's own labels", None, several=True
    )
    trials: int = option(20, "trials in all, of all processes together", least=1)
    storage: str | None = option(None, "address of a database of Optuna's  [default: a journal in -o]")
    model: str = option("kan-words", _MODEL)
    options: Mapping[str, Value] | None = option(
        None, "a hyper-parameter of the model; repeatable", flag=Flag(("--set",), "KEY=VALUE", repeatable=True)
    )
    learning: Learning = group(
        Learning,
        panel=LEARNED,
        helps={
            "condition": "whose labels; repeatable, or all  [default: the only one]",
            "task": "binary, multiclass or regression  [default: by the labels]",
            "visible": "columns of genes: all, flanks or transcribed",
            "mid": "genes labelled mid: none, or rank",
        },
    )
    settings: Mapping[str, Value] = group(
        Settings,
        panel="Optimisation of networks, where it is not searched",
        # The command's description refers to kanseq train for what they are.
        helps={each.name: "" for each in fields(Settings) if each.name not in ("tune", "compile")},
        settings=True,
    )
    seed: int = option(0, "seed of every random choice", least=0, flag=Flag(panel=COMMON))
    threads: int = option(0, _THREADS, least=0, flag=Flag(panel=COMMON))
    device: str = option("auto", _DEVICE, flag=Flag(panel=COMMON))

    def __post_init__(self) -> None:
        """Check all values."""
        settle(self, TuneSpec)
