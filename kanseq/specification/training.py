"""Dataclasses with the options of ``kanseq train``, ``kanseq tune``, and models fitted to sequences in memory.

All options, whether from the command line, a YAML file, Python keywords, a distributed process or a benchmark job, are
stored in an instance of one of these classes.
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

_SETS = "one or more sets of sequences, from kanseq extract or import"
_MODEL = "architecture of the model (listed by kanseq models)"
_THREADS = "number of CPU threads; 0: all"
_DEVICE = "compute device: auto, cpu, cuda or cuda:N"


def _file(help: str, default: object = REQUIRED, *, names: tuple[str, ...] | None = None, several: bool = False) -> Any:
    """Declare an option for a file or folder; Python callers may also pass the content as an object."""
    return option(default, help, flag=Flag(names, repeatable=several, is_path=True))


@dataclass(frozen=True, kw_only=True)
class TrainSpec:
    """The options of a training run: inputs, model, learning goal, optimisation and hardware.

    Each field is described by its help text. ``genes``, ``labels`` and ``splits`` are files, or (from Python, in one
    process) objects with the content of such files.

    Attributes:
        options: hyper-parameters of the model that the user specified; other hyper-parameters have their defaults.
        settings: fields of :class:`~kanseq.specification.optimisation.Settings` that the user specified; other fields
            get the value in the model's recipe, or their default.

    Raises:
        BadOption: a value has the wrong type, is out of range or not one of the choices, or a setting is unknown.
    """

    genes: object = _file(_SETS, names=(), several=True)
    splits: object = _file("folds, from kanseq split")
    output: object = _file("run folder; created if missing", names=("--output", "-o"))
    labels: object = _file(
        "labels, from kanseq label; repeatable (default: the labels stored in the set)", None, several=True
    )
    model: str = option("kan-words", _MODEL)
    options: Mapping[str, Value] | None = option(
        None, "hyper-parameter of the model; repeatable", flag=Flag(("--set",), "KEY=VALUE", repeatable=True)
    )
    match_parameters: int | None = option(
        None, "choose layer widths so that the network has about this many parameters", least=1
    )
    holdout: str | Sequence[str] = option(
        "all",
        "fold to hold out; repeatable; 'all' for each fold in turn (default: all)",
        flag=Flag(repeatable=True),
    )
    learning: Learning = group(Learning, panel=LEARNED)
    settings: Mapping[str, Value] = group(
        Settings,
        panel="Optimisation of networks (model-specific defaults: kanseq models NAME)",
        settings=True,
    )
    baseline: bool = option(True, "also train a baseline on the same folds, and compare the scores")
    checkpoint_minutes: float = option(10.0, "maximum number of minutes between checkpoints", least=0)
    seed: int | Sequence[int] = option(
        0,
        "random seed; repeatable: one model is trained per fold and seed (default: 0)",
        least=0,
        flag=Flag(repeatable=True, panel=COMMON),
    )
    seeds: int = option(1, "number of consecutive seeds, starting at --seed", least=1, flag=Flag(panel=COMMON))
    threads: int = option(0, _THREADS, least=0, flag=Flag(panel=COMMON))
    device: str = option("auto", _DEVICE, flag=Flag(panel=COMMON))
    devices: int = option(1, "number of processes (GPUs) per node; all of them train one network together", least=1)
    nodes: int = option(1, "number of nodes; run the same command on each of them", least=1)
    rendezvous: str | None = option(
        None, "HOST:PORT of the node that all nodes connect to; needed if there are several nodes"
    )

    def __post_init__(self) -> None:
        """Check all values, and convert NumPy values to Python values."""
        settle(self, TrainSpec)


@dataclass(frozen=True, kw_only=True)
class FitSpec:
    """The options for fitting one model to sequences in memory. Fields and errors are as in :class:`TrainSpec`."""

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
        """Check all values, and convert NumPy values to Python values."""
        settle(self, FitSpec)


@dataclass(frozen=True, kw_only=True)
class TuneSpec:
    """The options of a hyper-parameter search on the training genes of one fold.

    Each field is described by its help text. Errors are as in :class:`TrainSpec`.
    """

    genes: object = _file(_SETS, names=(), several=True)
    splits: object = _file("folds, from kanseq split --tune")
    holdout: str = option(REQUIRED, "fold to use for the search; its test genes are not used")
    search: Sequence[str] = option(
        REQUIRED,
        "hyper-parameter to search, and its range: LOW..HIGH, LOW..HIGH:log (logarithmic), "
        "LOW..HIGH:STEP, or a list A,B,C; repeatable",
        flag=Flag(metavar="NAME=RANGE", repeatable=True),
    )
    output: object = _file("search folder; created if missing", names=("--output", "-o"))
    labels: object = _file(
        "labels, from kanseq label; repeatable (default: the labels stored in the set)", None, several=True
    )
    trials: int = option(20, "number of trials in total, counted over all processes", least=1)
    storage: str | None = option(None, "URL of an Optuna database (default: a journal in the search folder)")
    model: str = option("kan-words", _MODEL)
    options: Mapping[str, Value] | None = option(
        None, "hyper-parameter of the model; repeatable", flag=Flag(("--set",), "KEY=VALUE", repeatable=True)
    )
    learning: Learning = group(
        Learning,
        panel=LEARNED,
        helps={
            "condition": "condition to learn; repeatable; 'all' for every condition (can be omitted if there is only "
            "one)",
            "task": "what to predict: binary (two classes), multiclass or regression (default: depends on the labels)",
            "visible": "part of the gene windows that models can see: all, flanks (outside the gene) or transcribed",
            "mid": "how to use genes labelled mid in training: none (leave them out) or rank (learn their rank "
            "by expression) (default: depends on the model)",
        },
    )
    settings: Mapping[str, Value] = group(
        Settings,
        panel="Optimisation of networks (fixed values, for options that --search does not name)",
        helps={each.name: each.metadata["help"] for each in fields(Settings) if each.name not in ("tune", "compile")},
        settings=True,
    )
    seed: int = option(0, "random seed", least=0, flag=Flag(panel=COMMON))
    threads: int = option(0, _THREADS, least=0, flag=Flag(panel=COMMON))
    device: str = option("auto", _DEVICE, flag=Flag(panel=COMMON))

    def __post_init__(self) -> None:
        """Check all values, and convert NumPy values to Python values."""
        settle(self, TuneSpec)
