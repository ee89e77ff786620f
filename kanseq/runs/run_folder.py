"""Open the folder of a run for writing: by one process at a time, with the settings that it was begun with.

In: the description of a run. Out: its folder, locked.
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
"""Names of the temporary files of :func:`kanseq.io.files.whole_file` that a killed process leaves behind."""


def check_run_output(path: PathLike) -> Path:
    """Check, before any work, that a run can be written to this path.

    Raises:
        NotWritable: the parent is missing or not writable, or the path holds something other than a run.
    """
    path = Path(path)
    if not path.exists():
        check_output(path)
    elif not path.is_dir():
        raise NotWritable("a run is a folder, and this is a file", where=path, hint="choose another name")
    elif not (path / RUN).exists() and set(path.iterdir()) - {path / "lock", *path.glob(LEFTOVERS)}:
        raise NotWritable("this folder holds something other than a run", where=path, hint="choose a new one")
    else:
        check_output(path / RUN)
    return path


@contextmanager
def open_run(path: PathLike, description: RunDescription) -> Iterator[Path]:
    """Lock a run for writing: a new one, or one that was begun with the same description.

    Raises:
        RunInUse: another process is writing to it.
        BadOption: it was begun with other settings; the message names the first difference.
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
    """Write the description of a new folder, or check that an existing folder has the same description.

    Raises:
        BadOption: it was begun with other settings; the message names the first difference.
    """
    if (path / name).exists():
        _compare(path, read_run(path, name), description)
    else:
        write_json(path / name, description.to_json())


def remove_leftovers(folder: Path) -> None:
    """Delete incomplete files of killed processes; the caller must hold the run's lock."""
    for leftover in folder.glob(LEFTOVERS):
        leftover.unlink(missing_ok=True)


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Keep other writers out while the run is open; the lock of a dead process does not count.

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
    """Raise if kind, model, settings or inputs differ; warn if the machine or versions differ."""
    for part in ("kind", "model", "settings", "config"):
        given = getattr(now, part)
        found = difference(_completed(getattr(before, part), given, part), given, part)
        if found:
            raise BadOption(f"this run was begun with {found}", where=path, hint="train into another folder")
    for name in dict.fromkeys([*before.inputs, *now.inputs]):
        if _sum(before, name) != _sum(now, name):
            raise BadOption(
                f"this run was begun with different inputs: {name}", where=path, hint="train into another folder"
            )
    for part in ("machine", "versions"):
        found = difference(getattr(before, part), getattr(now, part), part)
        if found:
            logger.warning("this run was begun with %s: its folds may differ in the last digits", found)


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
"""Options that the oldest runs do not record, and their values in those runs. Options that a specification marks as
later come from there, and are written only if they differ from the default; the others are always written."""


def _completed(before: object, now: object, part: str) -> object:
    """Add the options that did not exist when a run was begun, with the values that it used."""
    if not isinstance(before, Mapping) or not isinstance(now, Mapping):
        return before
    return {**{key: value for key, value in LATER.get(part, {}).items() if key in now}, **before}


def _sum(description: RunDescription, name: str) -> object:
    """Return the checksum of one input; None if the run has no such input."""
    recorded = description.inputs.get(name)
    return recorded.get("sha256") if isinstance(recorded, Mapping) else None


def difference(before: object, now: object, name: str) -> str | None:
    """Describe the first difference between two settings; return None if they are equal."""
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        for key in [*now, *(key for key in before if key not in now)]:
            found = difference(before.get(key), now.get(key), key)
            if found:
                return found
        return None
    return None if before == now else f"{name} {_show(before)}, and not {_show(now)}"


def _show(value: object) -> str:
    """Return the text of a setting's value."""
    return "none" if value is None else json.dumps(value)
