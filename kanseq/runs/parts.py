"""The parts of a run: their folders, whether they are finished, and which files they contain.

In: a run's folder. Out: its parts in order, and their ``done.json``.

A part is the model of one fold and seed, in ``folds/FOLD/seed-N``. The baseline of a fold, with which the model is
compared, is in a folder next to the folders of the seeds. This folder is named after the baseline's architecture. No
other module builds or parses these paths.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from kanseq.errors import MissingFile
from kanseq.io.files import disk_errors, fingerprint, write_json

logger = logging.getLogger(__name__)

BASELINE = "kmer-logistic"
"""Architecture of the baseline in classification, and the name of its folder in the folder of a fold."""

BASELINES = {"binary": BASELINE, "multiclass": BASELINE, "regression": "kmer-ridge"}
"""Architecture of the baseline of each task."""

DONE = "done.json"
"""File that marks a part as finished. It is written last."""

STATE = "state.safetensors"
"""File from which an unfinished part resumes. Finished parts have no such file."""

_SEED = "seed-"

_FILES_0_1_0 = ("model.safetensors", "predictions.tsv", "held_out.txt")
"""Files whose SHA-256 was written at the top level of ``done.json`` by version 0.1.0."""


class RunPart(NamedTuple):
    """A part of a run: the model of one fold and seed, finished or not.

    Attributes:
        folder: the folder with the files of the model.
        fold: the fold that the model holds out.
        seed: the seed that the model is trained with.
        name: ``FOLD/seed-N``; for a baseline ``FOLD/ARCHITECTURE``.
    """

    folder: Path
    fold: str
    seed: int
    name: str

    @property
    def is_finished(self) -> bool:
        """Whether the part has a ``done.json``; :func:`is_done` also checks the files that are listed there."""
        return (self.folder / DONE).exists()


def parts(run: Path) -> list[RunPart]:
    """List the parts (models of one fold and seed) of a run that were started, by fold and seed. Omit baselines."""
    found = []
    for folder in run.glob(f"folds/*/{_SEED}*"):
        seed = folder.name.removeprefix(_SEED)
        if seed.isdecimal() and folder.is_dir():
            found.append(RunPart(folder, folder.parent.name, int(seed), f"{folder.parent.name}/{folder.name}"))
    return sorted(found, key=lambda part: (part.fold, part.seed))


def finished_parts(run: Path) -> list[RunPart]:
    """List the :func:`parts` that have a ``done.json``; the files listed there are not checked."""
    return [part for part in parts(run) if part.is_finished]


def part_name(fold: str, seed: int) -> str:
    """Return the name of a part for tables and messages.

    >>> part_name("chr1", 0)
    'chr1/seed-0'
    """
    return f"{fold}/{_SEED}{seed}"


def part_folder(run: Path, fold: str, seed: int) -> Path:
    """Return the folder of a part (the model of one fold and seed), even if it does not exist yet."""
    return run / "folds" / fold / f"{_SEED}{seed}"


def baseline_part(run: Path, fold: str, task: str = "binary") -> RunPart:
    """Return the baseline of a fold, even if it does not exist. Its ``seed`` is always 0, whatever seed was used."""
    name = BASELINES[task]
    return RunPart(run / "folds" / fold / name, fold, 0, f"{fold}/{name}")


def read_done(folder: Path) -> dict[str, object] | None:
    """Read the ``done.json`` of a part; return None if it is missing or damaged."""
    try:
        content = json.loads((folder / DONE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def files_of(done: Mapping[str, object]) -> dict[str, str]:
    """Return the files listed in the content of a ``done.json``, with their SHA-256; empty if there are none.

    Version 0.1.0 wrote three checksums at the top level. If one of the three is missing, no files are returned.
    """
    if "files" in done:
        listed = done["files"]
        return {str(name): str(digest) for name, digest in listed.items()} if isinstance(listed, Mapping) else {}
    if all(name in done for name in _FILES_0_1_0):
        return {name: str(done[name]) for name in _FILES_0_1_0}
    return {}


def is_done(folder: Path) -> bool:
    """Return whether a part is finished. Warn and return False if a file in ``done.json`` is missing or changed."""
    done = read_done(folder)
    if done is None:
        return False
    listed = files_of(done)
    try:
        whole = bool(listed) and all(fingerprint(folder / name)["sha256"] == listed[name] for name in listed)
    except MissingFile:
        whole = False
    if not whole:
        logger.warning(
            "%s: a file of this finished fold is missing or changed: the fold does not count as finished", folder.name
        )
    return whole


def write_done(folder: Path, facts: Mapping[str, object], files: Sequence[str]) -> None:
    """Mark a part as finished by writing its ``done.json``. All other files of the part must already be written.

    Args:
        folder: the folder of the part.
        facts: other entries of ``done.json``; they must not depend on the time or on the location of the folder.
        files: names of files in the folder; their SHA-256 is recorded. Do not list ``log.jsonl``: it contains times,
            and ``done.json`` must be the same for the same inputs and settings.
    """
    write_json(folder / DONE, {**facts, "files": {name: fingerprint(folder / name)["sha256"] for name in files}})


def remove_state(folder: Path) -> None:
    """Delete the training state in the folder of a finished part, if there is one."""
    with disk_errors(folder):
        (folder / STATE).unlink(missing_ok=True)


def remove_finished_states(run: Path) -> None:
    """Delete the training states that remain in finished parts of a run.

    Such files come from version 0.1.0, or from a process that was killed before it could delete them.
    """
    for part in finished_parts(run):
        remove_state(part.folder)
