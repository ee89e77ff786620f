"""Tables of predictions as they lie in runs and files.

In: paths of runs and tables. Out: for each model its tables by fold and seed, as they were written.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from kanseq.errors import BadOption, BadTable
from kanseq.files import PathLike
from kanseq.training.assignment import model_files
from kanseq.training.runs import BASELINES, baseline_folder, is_done, read_run
from kanseq.training.tables import read_predictions


class Source(NamedTuple):
    """A model's predictions.

    Attributes:
        model: its architecture, or the name of the table of predictions.
        path: the run or table.
        folds: for each fold a table of predictions by seed.
    """

    model: str
    path: Path
    folds: dict[str, dict[int, pd.DataFrame]]


def load_sources(paths: Sequence[PathLike | pd.DataFrame], *, join: bool = False) -> list[Source]:
    """Read all runs and tables, and behind them the plain models that were trained inside the runs.

    A plain model whose predictions are already there is not taken twice. A table may hold several seeds of a model in a
    column ``seed``.

    Args:
        paths: runs and tables.
        join: make one model of all runs of the same architecture (a species each, say). A fold whose name stands in
            several of them gets its species in front.

    Raises:
        BadOption: there is no path.
        BadTable: a seed is no whole number.
    """
    if not paths:
        raise BadOption("there is nothing to evaluate", mend="name a run")
    found, beside = [], []
    for given in paths:
        if isinstance(given, pd.DataFrame):
            found.append(_of_table(given, IN_MEMORY))
            continue
        path = Path(given)
        if not path.is_dir():
            found.append(_of_table(path, path))
            continue
        model = str(read_run(path)["model"])
        files = model_files(path)
        found.append(_of_files(model, path, [(*_fold_and_seed(file), file) for file in files]))
        # Two tasks may have the same plain model.
        for plain, task in {plain: task for task, plain in BASELINES.items()}.items():
            folders = [(fold, baseline_folder(path, fold, task)) for fold in found[-1].folds]
            there = [(fold, 0, folder / "model") for fold, folder in folders if (folder / "done.json").exists()]
            if there and all(is_done(file.parent) for _, _, file in there):
                beside.append(_of_files(plain, path, there))
    for source in beside:
        if not any(_is_same(source, other) for other in found if other.model == source.model):
            found.append(source)
    return _joined(found) if join else found


IN_MEMORY = Path("predictions")
"""What a table in memory is called."""


def _of_table(given: Path | pd.DataFrame, path: Path) -> Source:
    """Take a table of predictions; its folds are those that its column names."""
    table = read_predictions(given)
    seeds = table["seed"] if "seed" in table else pd.Series("0", index=table.index)
    bad = ~seeds.str.fullmatch("[0-9]+")
    if bad.any():
        line = int(np.flatnonzero(bad)[0])
        raise BadTable(f"seed '{seeds.iloc[line]}' is not allowed", where=f"{path}:{line + 2}")
    folds: dict[str, dict[int, pd.DataFrame]] = {}
    for (fold, seed), rows in table.groupby([table["fold"], seeds.astype(int)], sort=False):
        folds.setdefault(str(fold), {})[int(seed)] = rows.reset_index(drop=True)
    return Source(path.name.removesuffix(".gz").removesuffix(".tsv"), path, folds)


def _fold_and_seed(file: Path) -> tuple[str, int]:
    """Read fold and seed out of the place of a run's model file."""
    number = file.parent.name.removeprefix("seed-")
    return file.parent.parent.name, int(number) if number.isdigit() else 0


def _of_files(model: str, path: Path, files: list[tuple[str, int, Path]]) -> Source:
    """Take the tables that lie beside the model files of folds and seeds."""
    folds: dict[str, dict[int, pd.DataFrame]] = {}
    for fold, seed, file in files:
        folds.setdefault(fold, {})[seed] = read_predictions(file.with_name("predictions.tsv"))
    return Source(model, path, folds)


def _is_same(one: Source, other: Source) -> bool:
    """Whether two models gave the same numbers to the same genes."""
    if list(one.folds) != list(other.folds):
        return False
    pairs = [[next(iter(source.folds[fold].values())) for source in (one, other)] for fold in one.folds]
    return all(
        len(a) == len(b)
        and (a["id"].to_numpy() == b["id"].to_numpy()).all()
        and np.allclose(a["logit"], b["logit"], rtol=1e-6, atol=1e-9)
        for a, b in pairs
    )


def _joined(sources: list[Source]) -> list[Source]:
    """Make one source of all of the same model."""
    joined = []
    for model in dict.fromkeys(source.model for source in sources):
        same = [source for source in sources if source.model == model]
        times = Counter(fold for source in same for fold in source.folds)
        folds: dict[str, dict[int, pd.DataFrame]] = {}
        for source in same:
            for fold, tables in source.folds.items():
                name = fold if times[fold] == 1 else f"{_species_of(tables)}:{fold}"
                if name in folds:
                    mend = "only runs that hold out different genes can be joined; name species with extract --species"
                    raise BadOption(f"two runs of {model} have a fold '{name}'", where=source.path, mend=mend)
                folds[name] = tables
        joined.append(Source(model, same[0].path, folds))
    return joined


def _species_of(tables: dict[int, pd.DataFrame]) -> str:
    """Name the species of a fold's genes."""
    return "+".join(sorted({str(species) for table in tables.values() for species in table["species"]}))
