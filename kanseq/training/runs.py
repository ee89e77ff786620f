"""A run's folder: what it was asked for, which folds are finished, and that only one process writes into it.

In: settings and inputs. Out: ``run.json``, the folders of folds, a lock.
"""

import hashlib
import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pandas as pd

from kanseq import __version__
from kanseq.data.sequences import SequenceSet
from kanseq.data.stored_sequences import ROW_GROUP
from kanseq.errors import BadOption, BadTable, MissingFile, NotWritable, RunInUse
from kanseq.files import PathLike, check_input, check_output, disk_errors, fingerprint, write_json
from kanseq.locks import Lock, lock

logger = logging.getLogger(__name__)

FORMAT = 1
"""Version of ``run.json``."""

BASELINE = "kmer-logistic"
"""The plain model that every run is compared with, and the name of its folder inside a fold's."""

BASELINES = {"binary": BASELINE, "multiclass": BASELINE, "regression": "kmer-ridge"}
"""The same for each task."""

LEFTOVERS = ".*.part.*"
"""Temporary names of :func:`kanseq.files.whole_file` that a killed process left behind."""

Description = dict[str, object]


def check_run_output(path: PathLike) -> Path:
    """Make sure, before any work, that a run can be written there.

    Raises:
        NotWritable: the parent is missing or closed, or something else than a run is there.
    """
    path = Path(path)
    if not path.exists():
        check_output(path)
    elif not path.is_dir():
        raise NotWritable("a run is a folder, and this is a file", where=path, mend="choose another name")
    elif not (path / "run.json").exists() and set(path.iterdir()) - {path / "lock", *path.glob(LEFTOVERS)}:
        raise NotWritable("this folder holds other things than a run", where=path, mend="choose a new one")
    else:
        check_output(path / "run.json")
    return path


@contextmanager
def open_run(path: PathLike, description: Description) -> Iterator[Path]:
    """Hold a run for writing: a new one, or one that was begun with the same description.

    Raises:
        RunInUse: another process is writing into it.
        BadOption: it was begun with other settings; the message says which differs.
    """
    path = Path(path)
    with disk_errors(path):
        path.mkdir(exist_ok=True)
    with _lock(path):
        remove_leftovers(path)
        begin(path, description)
        yield path


def begin(path: Path, description: Description, name: str = "run.json") -> None:
    """Write what a folder is begun with; or, where that is there, insist that it is the same.

    Raises:
        BadOption: it was begun with other settings; the message says which differs.
    """
    if (path / name).exists():
        _compare(path, read_run(path, name), description)
    else:
        write_json(path / name, description)


def read_run(path: PathLike, name: str = "run.json") -> Description:
    """Read ``run.json``.

    Raises:
        MissingFile: there is no such run.
        BadTable: the file is damaged or of a newer format.
    """
    path = check_input(Path(path) / name)
    try:
        description = json.loads(path.read_text(encoding="utf-8"))
        newer = description["format"] > FORMAT
    except (ValueError, KeyError, TypeError) as error:
        raise BadTable(f"this is not a whole {name}", where=path, mend="train into a new folder") from error
    if newer:
        raise BadTable(f"its format {description['format']} is newer than this kanseq", where=path)
    return description


def describe_run(
    model: str,
    config: Mapping[str, object],
    settings: Mapping[str, object],
    inputs: Mapping[str, object],
    machine: Mapping[str, object],
) -> Description:
    """Put together what ``run.json`` says: nothing of it depends on where in the file system, or on when."""
    return {
        "format": FORMAT,
        "model": model,
        "config": dict(config),
        "settings": dict(settings),
        "inputs": dict(inputs),
        "machine": dict(machine),
        "versions": versions(),
    }


def versions() -> dict[str, str]:
    """Name the versions of all that takes part in the numbers."""
    found = {"kanseq": __version__}
    for package in ("torch", "numpy", "scikit-learn"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "unknown"
    return found


def describe_input(given: "PathLike | SequenceSet | pd.DataFrame | None") -> dict[str, str | int] | None:
    """Fingerprint a file, or the content of what is in memory."""
    if given is None:
        return None
    if not isinstance(given, SequenceSet | pd.DataFrame):
        return fingerprint(given)
    digest = hashlib.sha256()
    for start in range(0, len(given), ROW_GROUP):
        rows = slice(start, start + ROW_GROUP)
        part = given.rows(rows) if isinstance(given, SequenceSet) else given.iloc[rows]
        digest.update(pd.util.hash_pandas_object(part, index=False).to_numpy().tobytes())
    return {"name": "", "rows": len(given), "sha256": digest.hexdigest()}


def fold_folder(run: Path, fold: str, seed: int) -> Path:
    """Give the folder of one fold and seed."""
    return run / "folds" / fold / f"seed-{seed}"


def baseline_folder(run: Path, fold: str, task: str = "binary") -> Path:
    """Give the folder of the plain model that stands beside a fold's."""
    return run / "folds" / fold / BASELINES[task]


def read_done(folder: Path) -> Description | None:
    """Read a fold's ``done.json``; None where it is missing or damaged."""
    try:
        return json.loads((folder / "done.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def remove_leftovers(folder: Path) -> None:
    """Take away what killed processes left half-written; whoever calls this holds the run's lock."""
    for leftover in folder.glob(LEFTOVERS):
        leftover.unlink(missing_ok=True)


def is_done(folder: Path) -> bool:
    """Whether a fold is finished and its model and predictions are still those that it finished with."""
    done = read_done(folder)
    if done is None:
        return False
    try:
        whole = all(fingerprint(folder / name)["sha256"] == done[name] for name in FINISHED)
    except (MissingFile, KeyError):
        whole = False
    if not whole:
        logger.warning(
            "%s: a file of this finished fold was changed or lost, so that it does not count as finished", folder.name
        )
    return whole


FINISHED = ("model.safetensors", "predictions.tsv", "held_out.txt")
"""The files whose SHA-256 ``done.json`` holds."""


def write_done(folder: Path, facts: Mapping[str, object]) -> None:
    """Mark a fold as finished: the last file that is written into it."""
    sums = {name: fingerprint(folder / name)["sha256"] for name in FINISHED}
    write_json(folder / "done.json", {**facts, **sums})


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Keep other writers out for as long as this process lives; the lock of a dead one does not count.

    Raises:
        RunInUse: another process has it.
    """
    with lock(path / "lock") as found:
        if found is Lock.IN_USE:
            raise RunInUse(
                "another process is writing into this run", where=path, mend="wait for it, or use another folder"
            )
        if found is Lock.UNSUPPORTED:
            logger.warning("%s: this file system has no locks; see to it that nothing else writes here", path)
        yield


def _compare(path: Path, before: Description, now: Description) -> None:
    """Insist on the same model, settings and inputs; another machine or other versions are a warning."""
    for part in ("model", "settings", "config"):
        found = difference(_completed(before.get(part), now[part], part), now[part], part)
        if found:
            raise BadOption(f"this run was begun with {found}", where=path, mend="train into another folder")
    inputs = (before.get("inputs") or {}, now["inputs"])
    for name in dict.fromkeys([*inputs[0], *inputs[1]]):  # type: ignore[misc]
        theirs, ours = (_sum(description, name) for description in (before, now))
        if theirs != ours:
            raise BadOption(f"this run was begun with other {name}", where=path, mend="train into another folder")
    for part in ("machine", "versions"):
        found = difference(before.get(part), now[part], part)
        if found:
            logger.warning("this run was begun with %s: its folds may differ in the last digits", found)


LATER = {
    "settings": {
        "compile": False,
        "task": "binary",
        "control": "none",
        "visible": "all",
        "calibrate": "none",
        "l1": 0.0,
        "entropy": 0.0,
        "smoothness": 0.0,
    },
    "config": {"initial": "fastkan"},
}
"""Options that came later than the first runs, and what those did."""


def _completed(before: object, now: object, part: str) -> object:
    """Say what a run did about options that were not there yet."""
    if not isinstance(before, dict) or not isinstance(now, dict):
        return before
    return {**{key: value for key, value in LATER.get(part, {}).items() if key in now}, **before}


def _sum(description: Description, name: str) -> object:
    """Give the checksum of one input."""
    recorded = description.get("inputs", {}).get(name)  # type: ignore[attr-defined]
    return recorded and recorded.get("sha256")


def difference(before: object, now: object, name: str) -> str | None:
    """Say the first difference between two settings; nothing where there is none."""
    if isinstance(before, dict) and isinstance(now, dict):
        for key in [*now, *(key for key in before if key not in now)]:
            found = difference(before.get(key), now.get(key), key)
            if found:
                return found
        return None
    return None if before == now else f"{name} {_show(before)}, and not {_show(now)}"


def _show(value: object) -> str:
    """Show a setting's value."""
    return "none" if value is None else json.dumps(value)
