"""The settings and jobs of evaluation.py, and its store of results.

Out: settings, jobs, and tables of predictions and costs on disk.
"""

import csv
import gzip
import io
from collections.abc import Iterator
from pathlib import Path
from threading import Lock
from typing import NamedTuple

import pandas as pd

RESULTS = Path(__file__).parent / "results" / "evaluation"

COSTS = ["dataset", "setting", "model", "fold", "seed", "parameters", "epochs", "precision", "cpu_seconds", "processor"]


class Setting(NamedTuple):
    """The training and scoring of a row of the table.

    Attributes:
        homologs: whether homologs of test genes are used for training.
        quartiles: ``train``, or ``all`` for thresholds from the complete table.
        visible: columns of the windows that models see.
        control: the negative control: ``none``, ``labels``, ``sequence`` or ``positions``.
        models: models to train.
        seeds: number of seeds of each network.
        plain_seeds: number of seeds of each baseline; seeds matter only if a control draws at random.
    """

    homologs: bool = False
    quartiles: str = "train"
    visible: str = "all"
    control: str = "none"
    models: tuple[str, ...] = ("gc", "kmer-logistic", "deepcre", "kan-mixer")
    seeds: int = 1
    plain_seeds: int = 1


NETWORKS = ("mlp", "deepcre", "kan", "kan-mixer")
PLAIN = ("gc", "kmer-logistic")
CONTROLLED = ("gc", "kmer-logistic", "mlp", "kan-mixer")

SETTINGS = {
    "main": Setting(models=("gc", "kmer-logistic", "boosting", *NETWORKS), seeds=3),
    "homologs": Setting(homologs=True),
    "flanks": Setting(visible="flanks"),
    "transcribed": Setting(visible="transcribed"),
    "whole-table": Setting(quartiles="all"),
    "control-labels": Setting(control="labels", models=CONTROLLED, plain_seeds=30),
    "control-sequence": Setting(control="sequence", models=CONTROLLED, plain_seeds=3),
    "control-positions": Setting(control="positions", models=CONTROLLED, plain_seeds=3),
    "check": Setting(homologs=True, quartiles="all", models=PLAIN),
    "check-flanks": Setting(homologs=True, quartiles="all", visible="flanks", models=PLAIN),
    "check-transcribed": Setting(homologs=True, quartiles="all", visible="transcribed", models=PLAIN),
    "check-flanks-apart": Setting(quartiles="all", visible="flanks", models=PLAIN),
    "check-transcribed-apart": Setting(quartiles="all", visible="transcribed", models=PLAIN),
}
"""In the order of the table; ``check`` rows are compared with scores measured before kanseq existed."""

DATASETS = {
    "chromosome1": tuple(f"1.block{block}" for block in range(5)),
    "yeast": ("IV", "VII", "XII", "XV"),
}


class Job(NamedTuple):
    """One fold of one network, or all folds of one baseline."""

    dataset: str
    setting: str
    model: str
    fold: str
    seed: int

    @property
    def name(self) -> str:
        """Return a name that is valid as a folder name."""
        return ".".join(map(str, self))


def jobs() -> Iterator[Job]:
    """Yield all jobs, first those that others are compared with: baselines, then one seed, then further seeds."""
    every = [
        (model in NETWORKS, seed, list(SETTINGS).index(name), Job(dataset, name, model, fold, seed))
        for name, setting in SETTINGS.items()
        for model in setting.models
        for dataset, folds in DATASETS.items()
        for fold in (folds if model in NETWORKS else ("all",))
        for seed in range(setting.seeds if model in NETWORKS else setting.plain_seeds)
    ]
    return (job for *_, job in sorted(every, key=lambda each: each[:3]))


class Results:
    """The results so far: a table of predictions per dataset, setting and model, and a table of costs."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.lock = folder, Lock()
        costs = folder / "costs.tsv"
        self.costs = pd.read_csv(costs, sep="\t", dtype=str, keep_default_na=False) if costs.exists() else None

    def file(self, job: Job) -> Path:
        """Return the file of a job's predictions."""
        return self.folder / f"{job.dataset}.{job.setting}.{job.model}.tsv.gz"

    def has(self, job: Job) -> bool:
        """Return whether a job is finished."""
        if self.costs is None:
            return False
        same = [self.costs[name] == str(value) for name, value in job._asdict().items()]
        return bool(pd.concat(same, axis=1).all(axis=1).any())

    def add(self, job: Job, table: pd.DataFrame, cost: dict[str, object]) -> None:
        """Write a job's predictions, then its costs."""
        with self.lock:
            file = self.file(job)
            if file.exists():
                before = read(file)
                again = before["fold"].isin(set(table["fold"])) & (before["seed"] == str(job.seed))
                table = pd.concat([before[~again], table])
            table = table.sort_values(["seed", "fold", "species", "id"], kind="stable")
            replace_file(file, compressed(table.to_csv(sep="\t", index=False, lineterminator="\n")))
            line = pd.DataFrame([{name: str(cost[name]) for name in COSTS}])
            costs = line if self.costs is None else pd.concat([self.costs, line])
            self.costs = costs.sort_values(COSTS[:5], kind="stable").reset_index(drop=True)
            text = self.costs.to_csv(sep="\t", index=False, lineterminator="\n", quoting=csv.QUOTE_NONE)
            replace_file(self.folder / "costs.tsv", text.encode())


def read(file: Path) -> pd.DataFrame:
    """Read the predictions of one dataset, setting and model; all columns are strings."""
    return pd.read_csv(file, sep="\t", dtype=str, keep_default_na=False)


def compressed(text: str) -> bytes:
    """Return the text as gzip, without time and name, so that the same text gives the same bytes."""
    memory = io.BytesIO()
    with gzip.GzipFile(fileobj=memory, mode="wb", mtime=0, filename="") as handle:
        handle.write(text.encode())
    return memory.getvalue()


def replace_file(file: Path, content: bytes) -> None:
    """Write a file atomically: it is complete or does not exist."""
    temporary = file.with_name(f".{file.name}.part")
    temporary.write_bytes(content)
    temporary.replace(file)
