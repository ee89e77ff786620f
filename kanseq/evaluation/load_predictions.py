"""Load prediction tables from runs and files.

In: paths of runs and tables. Out: for each model, its prediction tables (unchanged), by fold and seed.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from kanseq.errors import BadOption, BadTable
from kanseq.io.files import PathLike
from kanseq.runs.description import PREDICTOR, read_run
from kanseq.runs.held_out import scoring_parts
from kanseq.runs.parts import BASELINES, RunPart, baseline_part, is_done
from kanseq.runs.prediction_tables import read_predictions


class PredictionSource(NamedTuple):
    """The prediction tables of one model.

    Attributes:
        model: the architecture, or the name of the prediction table.
        path: the folder of the run, or the prediction table.
        folds: fold -> seed -> prediction table.
    """

    model: str
    path: Path
    folds: dict[str, dict[int, pd.DataFrame]]


def load_sources(paths: Sequence[PathLike | pd.DataFrame], *, join: bool = False) -> list[PredictionSource]:
    """Read the predictions of runs and tables, followed by those of the baselines that were trained inside the runs.

    A baseline is skipped if another source of the same model has the same predictions. A table with several seeds of
    a model must have a column ``seed``.

    Args:
        paths: folders of runs, and prediction tables (paths or data frames).
        join: combine all runs of the same architecture into one model (for example, runs on one species each). If a
            fold name occurs in several of these runs, the species is put before it.

    Raises:
        BadOption: ``paths`` is empty, or runs to be joined have the same fold.
        BadTable: a seed is not a whole number.
    """
    if not paths:
        raise BadOption("there is nothing to evaluate", hint="specify a run")
    found, baselines = [], []
    for one in paths:
        if isinstance(one, pd.DataFrame):
            found.append(_of_table(one, IN_MEMORY))
            continue
        path = Path(one)
        if not path.is_dir():
            found.append(_of_table(path, path))
            continue
        model = read_run(path, kind=PREDICTOR).model
        found.append(_of_parts(model, path, scoring_parts(path)))
        # Two tasks may have the same baseline.
        for plain, task in {plain: task for task, plain in BASELINES.items()}.items():
            there = [part for fold in found[-1].folds if (part := baseline_part(path, fold, task)).is_finished]
            if there and all(is_done(part.folder) for part in there):
                baselines.append(_of_parts(plain, path, there))
    for source in baselines:
        if not any(_is_same(source, other) for other in found if other.model == source.model):
            found.append(source)
    return _joined(found) if join else found


IN_MEMORY = Path("predictions")
"""Used in place of the path if a table is passed as a data frame."""


def _of_table(given: Path | pd.DataFrame, path: Path) -> PredictionSource:
    """Read a prediction table, and split it by fold and seed. Without a column ``seed``, the seed is 0.

    Args:
        given: the table, or its path.
        path: the path, for error messages; the model is named after the file.
    """
    table = read_predictions(given)
    seeds = table["seed"] if "seed" in table else pd.Series("0", index=table.index)
    bad = ~seeds.str.fullmatch("[0-9]+")
    if bad.any():
        line = int(np.flatnonzero(bad)[0])
        raise BadTable(f"seed '{seeds.iloc[line]}' is not a whole number", where=f"{path}:{line + 2}")
    folds: dict[str, dict[int, pd.DataFrame]] = {}
    for (fold, seed), rows in table.groupby([table["fold"], seeds.astype(int)], sort=False):
        folds.setdefault(str(fold), {})[int(seed)] = rows.reset_index(drop=True)
    return PredictionSource(path.name.removesuffix(".gz").removesuffix(".tsv"), path, folds)


def _of_parts(model: str, path: Path, parts: Sequence[RunPart]) -> PredictionSource:
    """Read the prediction tables of parts of a run (one fold and seed each), all with the same architecture."""
    folds: dict[str, dict[int, pd.DataFrame]] = {}
    for part in parts:
        folds.setdefault(part.fold, {})[part.seed] = read_predictions(part.folder / "predictions.tsv")
    return PredictionSource(model, path, folds)


def _is_same(one: PredictionSource, other: PredictionSource) -> bool:
    """Return whether two sources have the same folds, genes and logits; compare only the first seed of each fold."""
    if list(one.folds) != list(other.folds):
        return False
    pairs = [[next(iter(source.folds[fold].values())) for source in (one, other)] for fold in one.folds]
    return all(
        len(a) == len(b)
        and (a["id"].to_numpy() == b["id"].to_numpy()).all()
        and np.allclose(a["logit"], b["logit"], rtol=1e-6, atol=1e-9)
        for a, b in pairs
    )


def _joined(sources: list[PredictionSource]) -> list[PredictionSource]:
    """Combine all sources of the same model into one; put the species before fold names that repeat."""
    joined = []
    for model in dict.fromkeys(source.model for source in sources):
        same = [source for source in sources if source.model == model]
        times = Counter(fold for source in same for fold in source.folds)
        folds: dict[str, dict[int, pd.DataFrame]] = {}
        for source in same:
            for fold, tables in source.folds.items():
                name = fold if times[fold] == 1 else f"{_species_of(tables)}:{fold}"
                if name in folds:
                    hint = "only runs that hold out different genes can be joined; name species with extract --species"
                    raise BadOption(f"two runs of {model} have a fold '{name}'", where=source.path, hint=hint)
                folds[name] = tables
        joined.append(PredictionSource(model, same[0].path, folds))
    return joined


def _species_of(tables: dict[int, pd.DataFrame]) -> str:
    """Return the species in a fold's prediction tables (seed -> table), joined by ``+``."""
    return "+".join(sorted({str(species) for table in tables.values() for species in table["species"]}))
