"""Complete specifications of ``kanseq train`` and ``kanseq tune``.

The command line, YAML files, Python keywords, distributed processes and benchmark jobs all use one of these.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from kanseq.specification.fields import REQUIRED, Flag, group, option
from kanseq.specification.learning import Learning
from kanseq.specification.optimisation import Settings
from kanseq.specification.option_checks import settle

COMMON = "Common"
LEARNED = "Learning goal"

Value = str | int | float | bool | None

_SETS = "one or several sets, from kanseq extract or import"
_MODEL = "architecture, see kanseq models"
_THREADS = "processor threads; 0: all"
_DEVICE = "compute device: auto, cpu, cuda or cuda:N"


def _file(help: str, default: object = REQUIRED, *, names: tuple[str, ...] | None = None, several: bool = False) -> Any:
    """Declare an option for a file or folder; Python callers may also pass the contents."""
    return option(default, help, flag=Flag(names, repeatable=several, is_path=True))


@dataclass(frozen=True, kw_only=True)
class TrainSpec:
    """A training: inputs, model, learning goal, optimisation and hardware.

    ``genes``, ``labels`` and ``splits`` are files, or (from Python, in one process) their contents.

    Attributes:
        options: specified hyper-parameters of the model.
        settings: specified fields of :class:`~kanseq.specification.optimisation.Settings`; the model's recipe and the
            defaults fill in the others.

    Raises:
        BadOption: a value has a wrong type, is out of range or not a choice, or a setting is unknown.
    """

    genes: object = _file(_SETS, names=(), several=True)
    splits: object = _file("folds, from kanseq split")
    output: object = _file("run folder; created if missing", names=("--output", "-o"))
    labels: object = _file(
        "labels, from kanseq label; repeatable (default: the set's own classes or numbers)", None, several=True
    )
    model: str = option("kan-words", _MODEL)
    options: Mapping[str, Value] | None = option(
        None, "hyper-parameter of the model; repeatable", flag=Flag(("--set",), "KEY=VALUE", repeatable=True)
    )
    match_parameters: int | None = option(
        None, "choose widths so that the network has about this many parameters", least=1
    )
    holdout: str | Sequence[str] = option(
        "all", "fold to hold out; repeatable, or all (default: all)", flag=Flag(repeatable=True)
    )
    learning: Learning = group(Learning, panel=LEARNED)
    settings: Mapping[str, Value] = group(
        Settings,
        panel="Optimisation of networks (model-specific defaults: kanseq models NAME)",
        settings=True,
    )
    baseline: bool = option(True, "train a baseline on the same folds, and compare")
    checkpoint_minutes: float = option(10.0, "minutes between checkpoints", least=0)
    seed: int | Sequence[int] = option(
        0,
        "random seed; repeatable, one model each (default: 0)",
        least=0,
        flag=Flag(repeatable=True, panel=COMMON),
    )
    seeds: int = option(1, "number of consecutive seeds, from --seed on", least=1, flag=Flag(panel=COMMON))
    threads: int = option(0, _THREADS, least=0, flag=Flag(panel=COMMON))
    device: str = option("auto", _DEVICE, flag=Flag(panel=COMMON))
    devices: int = option(1, "number of processes (GPUs) that train each network together", least=1)
    nodes: int = option(1, "number of nodes that run this same command", least=1)
    rendezvous: str | None = option(None, "HOST:PORT of the node where several nodes connect")

    def __post_init__(self) -> None:
        """Check all values."""
        settle(self, TrainSpec)


@dataclass(frozen=True, kw_only=True)
class FitSpec:
    """A fit to sequences in memory; fields and errors as for :class:`TrainSpec`."""

    model: str = option("kan-words", _MODEL)
    options: Mapping[str, Value] | None = option(None, "hyper-parameters of the model")
    task: str | None = option(None, "binary, multiclass or regression")
    settings: Mapping[str, Value] = group(
        Settings,
        panel="Optimisation",
        helps={each.name: each.metadata["help"] for each in fields(Settings) if each.name != "tune"},
        settings=True,
    )
    seed: int = option(0, "random seed", least=0)
    threads: int = option(0, _THREADS, least=0)
    device: str = option("auto", _DEVICE)

    def __post_init__(self) -> None:
        """Check all values."""
        settle(self, FitSpec)


@dataclass(frozen=True, kw_only=True)
class TuneSpec:
    """A search for hyper-parameters on one fold's training genes; fields and errors as for :class:`TrainSpec`."""

    genes: object = _file(_SETS, names=(), several=True)
    splits: object = _file("folds, from kanseq split --tune")
    holdout: str = option(REQUIRED, "fold on whose training genes to search")
    search: Sequence[str] = option(
        REQUIRED,
        "range to search: LOW..HIGH, LOW..HIGH:log, LOW..HIGH:STEP or A,B,C; repeatable",
        flag=Flag(metavar="NAME=RANGE", repeatable=True),
    )
    output: object = _file("search folder; created if missing", names=("--output", "-o"))
    labels: object = _file("labels, from kanseq label; repeatable (default: the set's own labels)", None, several=True)
    trials: int = option(20, "total number of trials of all processes", least=1)
    storage: str | None = option(None, "URL of an Optuna database (default: a journal in the search folder)")
    model: str = option("kan-words", _MODEL)
    options: Mapping[str, Value] | None = option(
        None, "hyper-parameter of the model; repeatable", flag=Flag(("--set",), "KEY=VALUE", repeatable=True)
    )
    learning: Learning = group(
        Learning,
        panel=LEARNED,
        helps={
            "condition": "condition to learn; repeatable, or all (default: the only one)",
            "task": "binary, multiclass or regression (default: from the labels)",
            "visible": "gene columns that models see: all, flanks or transcribed",
            "mid": "training on genes labelled mid: none, or rank",
        },
    )
    settings: Mapping[str, Value] = group(
        Settings,
        panel="Optimisation of networks, if not searched",
        # The description of the command refers to kanseq train for these options.
        helps={each.name: "" for each in fields(Settings) if each.name not in ("tune", "compile")},
        settings=True,
    )
    seed: int = option(0, "random seed", least=0, flag=Flag(panel=COMMON))
    threads: int = option(0, _THREADS, least=0, flag=Flag(panel=COMMON))
    device: str = option("auto", _DEVICE, flag=Flag(panel=COMMON))

    def __post_init__(self) -> None:
        """Check all values."""
        settle(self, TuneSpec)
