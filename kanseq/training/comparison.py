"""The models that are compared: where their predictions lie, what they are called, and their table as text.

In: runs or tables of predictions. Out: predictions by fold and seed; aligned text.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from kanseq.errors import BadOption
from kanseq.files import PathLike
from kanseq.training.assignment import model_files
from kanseq.training.runs import BASELINE, baseline_folder, is_done, read_run
from kanseq.training.tables import read_predictions


class Candidate(NamedTuple):
    """A model's predictions.

    Attributes:
        name: what it is called in the table.
        model: its architecture, or the name of the table of predictions.
        path: the run or table that it comes from.
        folds: for each fold a table of predictions per seed.
    """

    name: str
    model: str
    path: Path
    folds: dict[str, list[pd.DataFrame]]


def load_candidates(paths: Sequence[PathLike]) -> list[Candidate]:
    """Read all runs and tables, and behind them the plain models that were trained inside the runs.

    A plain model whose predictions are already there is not taken twice.
    """
    if not paths:
        raise BadOption("there is nothing to evaluate", mend="name a run")
    found, beside = [], []
    for path in map(Path, paths):
        if not path.is_dir():
            found.append(_of_table(path))
            continue
        model = str(read_run(path)["model"])
        files = model_files(path)
        folds = [(file.parent.parent.name, file.with_name("predictions.tsv")) for file in files]
        found.append(_of_files(model, path, folds))
        names = dict.fromkeys(fold for fold, _ in folds)
        plain = [(fold, baseline_folder(path, fold)) for fold in names]
        plain = [(fold, folder / "predictions.tsv") for fold, folder in plain if (folder / "done.json").exists()]
        if plain and all(is_done(file.parent) for _, file in plain):
            beside.append(_of_files(BASELINE, path, plain))
    for candidate in beside:
        if not any(_is_same(candidate, other) for other in found if other.model == BASELINE):
            found.append(candidate)
    return found


def named_apart(candidates: list[Candidate]) -> list[Candidate]:
    """Add the folder's name where two models are of the same kind, and a number where that does not help.

    >>> named = named_apart([Candidate("kan", "kan", Path("a"), {}), Candidate("kan", "kan", Path("b"), {})])
    >>> [candidate.name for candidate in named]
    ['kan (a)', 'kan (b)']
    """
    for rename in (lambda one, at: f"{one.model} ({one.path.absolute().name})", lambda one, at: f"{one.name} {at}"):
        names = [candidate.name for candidate in candidates]
        candidates = [
            candidate._replace(name=rename(candidate, at)) if names.count(candidate.name) > 1 else candidate
            for at, candidate in enumerate(candidates, start=1)
        ]
    return candidates


def comparison_text(models: list[dict[str, object]], comparisons: list[dict[str, object]]) -> str:
    """Align all models' means over folds, and say below how they differ."""
    header = ["model", "folds", "genes", "auROC [95 %]", "auPRC", "MCC", "accuracy", "F1", "Brier"]
    rows = [header]
    for model in models:
        mean: dict[str, dict[str, float | None]] = model["mean"]  # type: ignore[assignment]
        others = [f"{mean[name]['value']:.3f}" for name in header[4:]]
        folds, genes = f"{len(model['folds']):,}", f"{mean['n']:,}"  # type: ignore[arg-type]
        rows.append([str(model["name"]), folds, genes, _with_range(mean["auROC"]), *others])
    widths = [max(len(row[column]) for row in rows) for column in range(len(header))]
    lines = [
        "  ".join(cell.ljust(width) if at in (0, 3) else cell.rjust(width) for at, (cell, width) in enumerate(cells))
        for cells in (list(zip(row, widths, strict=True)) for row in rows)
    ]
    lines += [
        f"{one['model']} - {one['against']}: auROC {_with_range(one['auROC'], sign='+')}"  # type: ignore[arg-type]
        for one in comparisons
    ]
    return "".join(line.rstrip() + "\n" for line in lines)


def _with_range(value: dict[str, float | None], sign: str = "") -> str:
    """Show a value and its interval."""
    shown = f"{value['value']:{sign}.3f}"
    return shown if value["low"] is None else f"{shown} [{value['low']:{sign}.3f}, {value['high']:{sign}.3f}]"


def _of_table(path: Path) -> Candidate:
    """Take a table of predictions; its folds are those that its column names."""
    table = read_predictions(path)
    folds = {str(fold): [rows.reset_index(drop=True)] for fold, rows in table.groupby("fold", sort=False)}
    name = path.name.removesuffix(".gz").removesuffix(".tsv")
    return Candidate(name, name, path, folds)


def _of_files(model: str, path: Path, files: list[tuple[str, Path]]) -> Candidate:
    """Take the tables of a run's folds and seeds."""
    folds: dict[str, list[pd.DataFrame]] = {}
    for fold, file in files:
        folds.setdefault(fold, []).append(read_predictions(file))
    return Candidate(model, model, path, folds)


def _is_same(one: Candidate, other: Candidate) -> bool:
    """Whether two models gave the same numbers to the same genes."""
    if list(one.folds) != list(other.folds):
        return False
    pairs = [(a, b) for fold in one.folds for a, b in zip(one.folds[fold][:1], other.folds[fold][:1], strict=True)]
    return all(
        len(a) == len(b)
        and (a["id"].to_numpy() == b["id"].to_numpy()).all()
        and np.allclose(a["logit"], b["logit"], rtol=1e-6, atol=1e-9)
        for a, b in pairs
    )
