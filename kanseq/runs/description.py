"""Descriptions of runs: kind, model, resolved settings, and inputs.

In: settings and inputs. Out: the content of ``run.json``, and descriptions read from files of any version.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pandas as pd

from kanseq import __version__
from kanseq.errors import BadTable, ModelMismatch
from kanseq.io.files import PathLike, check_input, fingerprint
from kanseq.sequences.sequence_set import SequenceSet
from kanseq.sequences.stored import ROW_GROUP

FORMAT = 2
"""Version of ``run.json``. In version 1 (kanseq 0.1.0) there is no kind, and the content of ``spec`` is top-level."""

RUN, SEARCH, PROTOCOL = "run.json", "search.json", "protocol.json"
"""Files that describe a training run, a search for hyper-parameters, and a benchmark on one data set."""

PREDICTOR = "predictor"

KINDS = {RUN: (PREDICTOR, "generator", "tabular"), SEARCH: ("search",), PROTOCOL: ("protocol",)}
"""The kinds of run that each file can describe. Files of version 1 do not state the kind: it is the first of these."""


@dataclass(frozen=True)
class RunDescription:
    """The description of a run. It contains no paths and no times, so that equal runs have equal descriptions.

    Attributes:
        kind: ``predictor``, ``generator`` or ``tabular``, see :class:`kanseq.models.architecture.Architecture`;
            ``search`` or ``protocol`` for the folders of ``kanseq tune`` and ``kanseq benchmark``.
        model: name of the architecture; empty if there is none.
        config: the hyper-parameters of the model.
        settings: learning goal and optimisation, by option name, with ``auto`` replaced by the value that was used.
        inputs: role of each input -> its fingerprint, see :func:`describe_input`.
        machine: number of threads, and device.
        versions: package -> version, for the packages that results depend on.
        format: format version of the file from which the description was read.
    """

    kind: str
    model: str
    config: Mapping[str, object]
    settings: Mapping[str, object]
    inputs: Mapping[str, object]
    machine: Mapping[str, object]
    versions: Mapping[str, str]
    format: int = FORMAT

    def to_json(self) -> dict[str, object]:
        """Return the content of ``run.json`` in the current format."""
        return {
            "format": FORMAT,
            "kind": self.kind,
            "spec": {"model": self.model, "config": dict(self.config), "settings": dict(self.settings)},
            "inputs": dict(self.inputs),
            "machine": dict(self.machine),
            "versions": dict(self.versions),
        }


def describe_run(
    kind: str,
    model: str,
    config: Mapping[str, object],
    settings: Mapping[str, object],
    inputs: Mapping[str, object],
    machine: Mapping[str, object],
) -> RunDescription:
    """Return the description of a new run, with the versions of the installed packages."""
    return RunDescription(kind, model, config, settings, inputs, machine, versions())


def read_run(path: PathLike, name: str = RUN, *, kind: str | None = None) -> RunDescription:
    """Read the description of a run from its folder.

    Args:
        path: the run's folder.
        name: name of the file, one of :data:`KINDS`.
        kind: the required kind; None for any.

    Raises:
        MissingFile: there is no such run.
        BadTable: the file is damaged, or has a newer format or an unknown kind.
        ModelMismatch: the run is not of the required kind.
    """
    path = check_input(Path(path) / name)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        form = int(content["format"])
        if form > FORMAT:
            raise BadTable(f"its format {form} is newer than this kanseq", where=path)
        found = KINDS[name][0] if form == 1 else str(content["kind"])
        if found not in KINDS[name]:
            what = f"its kind '{found}' is unknown to this kanseq"
            raise BadTable(what, where=path, hint="update kanseq")
        description = _described(content, found, form)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadTable(f"incomplete or damaged {name}", where=path, hint="train into a new folder") from error
    if kind not in (None, description.kind):
        raise ModelMismatch(f"this is a {description.kind}, and a {kind} is required", where=path.parent)
    return description


def _described(content: Mapping[str, object], kind: str, form: int) -> RunDescription:
    """Build a description from the content of a description file in format version ``form``."""
    spec: Mapping[str, object] = content if form == 1 else content["spec"]  # type: ignore[assignment]
    parts = {name: dict(spec.get(name) or {}) for name in ("config", "settings")}  # type: ignore[call-overload]
    parts |= {name: dict(content.get(name) or {}) for name in ("inputs", "machine", "versions")}  # type: ignore[call-overload]
    return RunDescription(kind=kind, model=str(spec["model"] or ""), format=form, **parts)


def versions() -> dict[str, str]:
    """Return the versions of kanseq and of the packages that results depend on."""
    found = {"kanseq": __version__}
    for package in ("torch", "numpy", "scikit-learn"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "unknown"
    return found


def describe_input(given: "PathLike | SequenceSet | pd.DataFrame | None") -> dict[str, str | int] | None:
    """Return the fingerprint of a file, or of a set or table in memory; None if there is no input.

    It consists of the file's name (empty for objects in memory), the size of the file or the number of rows, and a
    SHA-256 checksum.
    """
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
