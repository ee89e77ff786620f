"""Open the folder of a run for writing, for one process at a time and only with the run's original settings.

In: the description of a run. Out: the run's folder, locked.
"""

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path

from kanseq.errors import BadOption, NotWritable, RunInUse
from kanseq.io.files import PathLike, check_output, disk_errors, write_json
from kanseq.io.locks import Lock, lock
from kanseq.runs.description import RUN, RunDescription, read_run
from kanseq.runs.parts import remove_finished_states
from kanseq.specification.learning import Learning
from kanseq.specification.optimisation import Settings

logger = logging.getLogger(__name__)

LEFTOVERS = ".*.part.*"
"""Pattern for temporary files (see :func:`kanseq.io.files.whole_file`) that were left behind by killed processes."""


def check_run_output(path: PathLike) -> Path:
    """Check that a run can be written to this path; call this before any long computation.

    Raises:
        NotWritable: the parent folder is missing or not writable, or there is something other than a run at the path.
    """
    path = Path(path)
    if not path.exists():
        check_output(path)
    elif not path.is_dir():
        raise NotWritable("a run is a folder, and this is a file", where=path, hint="choose another name")
    elif not (path / RUN).exists() and set(path.iterdir()) - {path / "lock", *path.glob(LEFTOVERS)}:
        raise NotWritable("this folder contains something other than a run", where=path, hint="choose a new one")
    else:
        check_output(path / RUN)
    return path


@contextmanager
def open_run(path: PathLike, description: RunDescription) -> Iterator[Path]:
    """Create the folder of a run, or reopen it if the run has the same description; lock it and yield its path.

    Raises:
        RunInUse: another process is writing to the run.
        BadOption: the run was started with other settings; the message names the first difference.
    """
    path = Path(path)
    with disk_errors(path):
        path.mkdir(exist_ok=True)
    with _lock(path):
        remove_leftovers(path)
        begin(path, description)
        remove_finished_states(path)
        yield path


def begin(path: Path, description: RunDescription, name: str = RUN) -> None:
    """Write a description to the file ``name`` of a folder or, if the file exists, check that it contains the same.

    Raises:
        BadOption: the run was started with other settings; the message names the first difference.
    """
    if (path / name).exists():
        _compare(path, read_run(path, name), description)
    else:
        write_json(path / name, description.to_json())


def remove_leftovers(folder: Path) -> None:
    """Delete the incomplete files that killed processes left in a folder; the caller must hold the run's lock."""
    for leftover in folder.glob(LEFTOVERS):
        leftover.unlink(missing_ok=True)


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Lock a run's folder so that no other process writes to it; locks of dead processes are ignored.

    Raises:
        RunInUse: another process holds the lock.
    """
    with lock(path / "lock") as found:
        if found is Lock.IN_USE:
            raise RunInUse(
                "another process is writing to this run", where=path, hint="wait for it, or use another folder"
            )
        if found is Lock.UNSUPPORTED:
            logger.warning("%s: this file system has no locks; make sure that no other process writes here", path)
        yield


def _compare(path: Path, before: RunDescription, now: RunDescription) -> None:
    """Compare two descriptions: raise if kind, model, settings or inputs differ; warn if machine or versions differ."""
    for part in ("kind", "model", "settings", "config"):
        given = getattr(now, part)
        found = difference(_completed(getattr(before, part), given, part), given, part)
        if found:
            raise BadOption(f"this run was started with {found}", where=path, hint="train into another folder")
    for name in dict.fromkeys([*before.inputs, *now.inputs]):
        if _sum(before, name) != _sum(now, name):
            raise BadOption(
                f"this run was started with different inputs: {name}", where=path, hint="train into another folder"
            )
    for part in ("machine", "versions"):
        found = difference(getattr(before, part), getattr(now, part), part)
        if found:
            logger.warning("this run was started with %s: results of its folds may differ in the last digits", found)


_LATER_FIELDS = {
    each.name: each.default for part in (Learning, Settings) for each in fields(part) if each.metadata["later"]
}

LATER = {
    "settings": {
        "compile": False,
        "task": "binary",
        "control": "none",
        "visible": "all",
        "calibrate": "none",
        **_LATER_FIELDS,
    },
    "config": {"initial": "fastkan"},
}
"""Options that did not exist in the oldest runs, and the values that those runs used. Some of them are marked as
``later`` in a specification: runs record these only if they differ from the default. The other options are always
recorded."""


def _completed(before: object, now: object, part: str) -> object:
    """Return the recorded options of a run, with missing options added from :data:`LATER`."""
    if not isinstance(before, Mapping) or not isinstance(now, Mapping):
        return before
    return {**{key: value for key, value in LATER.get(part, {}).items() if key in now}, **before}


def _sum(description: RunDescription, name: str) -> object:
    """Return the checksum of the input ``name`` of a run; None if the run has no such input."""
    recorded = description.inputs.get(name)
    return recorded.get("sha256") if isinstance(recorded, Mapping) else None


def difference(before: object, now: object, name: str) -> str | None:
    """Return text that describes the first difference between two values of the setting ``name``; None if equal."""
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        for key in [*now, *(key for key in before if key not in now)]:
            found = difference(before.get(key), now.get(key), key)
            if found:
                return found
        return None
    return None if before == now else f"{name} {_show(before)}, and not {_show(now)}"


def _show(value: object) -> str:
    """Return a setting's value as text."""
    return "none" if value is None else json.dumps(value)
