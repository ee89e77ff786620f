"""A run's folder, opened for writing: by one process at a time, and with the settings that it was begun with.

In: the description of a run. Out: its folder, locked.
"""

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path

from kanseq.errors import BadOption, NotWritable, RunInUse
from kanseq.files import PathLike, check_output, disk_errors, write_json
from kanseq.locks import Lock, lock
from kanseq.specification.learning import Learning
from kanseq.specification.optimisation import Settings
from kanseq.training.descriptions import RUN, RunDescription, read_run
from kanseq.training.parts import remove_finished_states

logger = logging.getLogger(__name__)

LEFTOVERS = ".*.part.*"
"""Temporary names of :func:`kanseq.files.whole_file` that a killed process left behind."""


def check_run_output(path: PathLike) -> Path:
    """Make sure, before any work, that a run can be written there.

    Raises:
        NotWritable: the parent is missing or closed, or something else than a run is there.
    """
    path = Path(path)
    if not path.exists():
        check_output(path)
    elif not path.is_dir():
        raise NotWritable("a run is a folder, and this is a file", where=path, hint="choose another name")
    elif not (path / RUN).exists() and set(path.iterdir()) - {path / "lock", *path.glob(LEFTOVERS)}:
        raise NotWritable("this folder holds other things than a run", where=path, hint="choose a new one")
    else:
        check_output(path / RUN)
    return path


@contextmanager
def open_run(path: PathLike, description: RunDescription) -> Iterator[Path]:
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
        remove_finished_states(path)
        yield path


def begin(path: Path, description: RunDescription, name: str = RUN) -> None:
    """Write what a folder is begun with; if it was begun before, check that this is the same.

    Raises:
        BadOption: it was begun with other settings; the message says which differs.
    """
    if (path / name).exists():
        _compare(path, read_run(path, name), description)
    else:
        write_json(path / name, description.to_json())


def remove_leftovers(folder: Path) -> None:
    """Delete what killed processes left half-written; the caller must hold the run's lock."""
    for leftover in folder.glob(LEFTOVERS):
        leftover.unlink(missing_ok=True)


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Keep other writers out for as long as this process lives; the lock of a dead one does not count.

    Raises:
        RunInUse: another process has it.
    """
    with lock(path / "lock") as found:
        if found is Lock.IN_USE:
            raise RunInUse(
                "another process is writing into this run", where=path, hint="wait for it, or use another folder"
            )
        if found is Lock.UNSUPPORTED:
            logger.warning("%s: this file system has no locks; see to it that nothing else writes here", path)
        yield


def _compare(path: Path, before: RunDescription, now: RunDescription) -> None:
    """Refuse another kind, model, settings or inputs; another machine or other versions are a warning."""
    for part in ("kind", "model", "settings", "config"):
        given = getattr(now, part)
        found = difference(_completed(getattr(before, part), given, part), given, part)
        if found:
            raise BadOption(f"this run was begun with {found}", where=path, hint="train into another folder")
    for name in dict.fromkeys([*before.inputs, *now.inputs]):
        if _sum(before, name) != _sum(now, name):
            raise BadOption(f"this run was begun with other {name}", where=path, hint="train into another folder")
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
"""Options that came later than the first runs, and what those did. Those that a specification calls later are
derived from it; the others are always written."""


def _completed(before: object, now: object, part: str) -> object:
    """Say what a run did about options that were not there yet."""
    if not isinstance(before, Mapping) or not isinstance(now, Mapping):
        return before
    return {**{key: value for key, value in LATER.get(part, {}).items() if key in now}, **before}


def _sum(description: RunDescription, name: str) -> object:
    """Return the checksum of one input; None for an input that there is not."""
    recorded = description.inputs.get(name)
    return recorded.get("sha256") if isinstance(recorded, Mapping) else None


def difference(before: object, now: object, name: str) -> str | None:
    """Say the first difference between two settings; nothing where there is none."""
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        for key in [*now, *(key for key in before if key not in now)]:
            found = difference(before.get(key), now.get(key), key)
            if found:
                return found
        return None
    return None if before == now else f"{name} {_show(before)}, and not {_show(now)}"


def _show(value: object) -> str:
    """Show a setting's value."""
    return "none" if value is None else json.dumps(value)
