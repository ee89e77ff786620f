"""The jobs of contest.py, and its store of results.

Out: jobs, and tables of predictions and costs on disk.
"""

from collections.abc import Iterator
from pathlib import Path
from threading import Lock
from typing import NamedTuple

import numpy as np
import pandas as pd
from evaluation_plan import DATASETS, compressed, read, replace_file

RESULTS = Path(__file__).parent / "results" / "contest"

VAULT = {"chromosome1": ("1.block3", "1.block4"), "yeast": ("IV", "XV")}

SEARCHED = {"chromosome1": "1.block0", "yeast": "VII"}
"""The development folds on whose training genes `kan-mixer` is tuned, and on which learning curves are scored."""

WORDS = ((2, 60), (3, 60), (3, 125), (3, 250), (4, 250), (5, 1500))
"""Word (k-mer) lengths and columns per bin for the choice of `kmer-best`."""

SEARCH = (
    "learning_rate=1e-4..3e-3:log",
    "weight_decay=1e-3..1:log",
    "channels=32,64,128",
    "token_hidden=none,32,189",
    "schedule=constant,one-cycle",
)
TRIALS = 12

IDEAS = {
    "kan-words": (),
    "no reading frames": ("--set", "frames=false"),
    "no second layer": ("--set", "join_gain=0"),
    "classes alone": ("--mid", "none"),
    "knots every 125 columns": ("--set", "knot=125", "--set", "growth=1"),
    "straight pieces": ("--set", "order=1"),
    "words of 2": ("--set", "k=2"),
    "words of 4": ("--set", "k=4"),
}
ON_FLANKS = ("kan-words", "classes alone", "knots every 125 columns", "words of 4")
"""Variants that are also trained on flanks only."""

SIZES = {"chromosome1": (250, 500, 1000, 0), "yeast": (250, 500, 1000, 2000, 0)}
"""Numbers of labelled training genes in the learning curve, including the vault's; 0 for all."""

CURVE = ("kmer-logistic", "boosting", "kan-mixer", "kan-words")
PLAIN = ("kmer-logistic", "kmer-best", "boosting")

COSTS = [
    "part",
    "dataset",
    "visible",
    "entry",
    "fold",
    "seed",
    "parameters",
    "genes",
    "seconds",
    "cpu_seconds",
    "processor",
]


class Job(NamedTuple):
    """One model on one fold; `part` is folds, ideas or curve, and `entry` names the model or its variant."""

    part: str
    dataset: str
    visible: str
    entry: str
    fold: str
    seed: int

    @property
    def name(self) -> str:
        """Return a name that is valid as a folder name."""
        return ".".join(map(str, self)).replace(" ", "-")


def jobs() -> Iterator[Job]:
    """Yield all jobs, the most important ones first."""
    for seed in range(3):
        for visible in ("all", "flanks"):
            for dataset, folds in DATASETS.items():
                for fold in folds:
                    yield Job("folds", dataset, visible, "kan-words", fold, seed)
                    if seed == 0:
                        yield Job("folds", dataset, visible, "kmer-best", fold, seed)
    for entry in IDEAS:
        for visible in ("all", "flanks"):
            if visible == "all" or entry in ON_FLANKS:
                for dataset, folds in DATASETS.items():
                    for fold in folds:
                        if fold not in VAULT[dataset]:
                            yield Job("ideas", dataset, visible, entry, fold, 0)
    for dataset, fold in SEARCHED.items():
        for size in SIZES[dataset]:
            for model in CURVE:
                yield Job("curve", dataset, "all", f"{model} {size or 'all'}", fold, 0)
    for seed in range(3):
        for dataset, folds in DATASETS.items():
            for fold in folds:
                yield Job("folds", dataset, "all", "kan-mixer-best", fold, seed)


class Results:
    """The results so far: predictions per part, dataset, columns and entry, and the costs of all jobs."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.lock, costs = folder, Lock(), folder / "costs.tsv"
        none = pd.DataFrame(columns=COSTS, dtype=str)
        self.costs = pd.read_csv(costs, sep="\t", dtype=str, keep_default_na=False) if costs.exists() else none

    def file(self, job: Job) -> Path:
        """Return the file of a job's predictions."""
        return self.folder / f"{job.part}.{job.dataset}.{job.visible}.{job.entry.replace(' ', '-')}.tsv.gz"

    def has(self, job: Job) -> bool:
        """Return whether a job is finished."""
        same = [self.costs[name] == str(value) for name, value in job._asdict().items()]
        return bool(np.logical_and.reduce(same).any())

    def add(self, job: Job, table: pd.DataFrame, cost: dict[str, object]) -> None:
        """Write a job's predictions, then its costs."""
        with self.lock:
            file = self.file(job)
            if file.exists():
                before = read(file)
                again = (before["fold"] == job.fold) & (before["seed"] == str(job.seed))
                table = pd.concat([before[~again], table])
            table = table.sort_values(["seed", "fold", "species", "id"], kind="stable")
            replace_file(file, compressed(table.to_csv(sep="\t", index=False, lineterminator="\n")))
            line = pd.DataFrame([{**job._asdict(), **cost}])[COSTS].astype(str)
            self.costs = pd.concat([self.costs, line]).sort_values(COSTS[:6], kind="stable").reset_index(drop=True)
            replace_file(
                self.folder / "costs.tsv", self.costs.to_csv(sep="\t", index=False, lineterminator="\n").encode()
            )
