"""Descriptions of runs: kind, resolved specification, and inputs.

In: settings and inputs. Out: ``run.json``, and the description read from a file of any version.
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
"""Version of ``run.json``. Version 1 (kanseq 0.1.0) has no kind, and its specification is at the top level."""

RUN, SEARCH, PROTOCOL = "run.json", "search.json", "protocol.json"
"""Files that describe a run, a search for hyper-parameters, and the data set of a benchmark."""

PREDICTOR = "predictor"

KINDS = {RUN: (PREDICTOR, "generator", "tabular"), SEARCH: ("search",), PROTOCOL: ("protocol",)}
"""Kinds that each file may have; files of version 1 have the first."""


@dataclass(frozen=True)
class RunDescription:
    """The description of a run. It depends neither on paths nor on the time.

    Attributes:
        kind: ``predictor``, ``generator`` or ``tabular``, see :class:`kanseq.models.architecture.Architecture`;
            ``search`` or ``protocol`` for the folders of ``kanseq tune`` and ``kanseq benchmark``.
        model: name of the architecture; empty if there is none.
        config: its hyper-parameters.
        settings: learning goal and optimisation, by the names of their options; no value is ``auto``.
        inputs: fingerprint of each input by its role, see :func:`describe_input`.
        machine: threads and device.
        versions: version of each package that results depend on.
        format: version of the file that this was read from.
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
    """Return the description of a run of this version of kanseq."""
    return RunDescription(kind, model, config, settings, inputs, machine, versions())


def read_run(path: PathLike, name: str = RUN, *, kind: str | None = None) -> RunDescription:
    """Read the description of a run.

    Args:
        path: the run's folder.
        name: the file, one of :data:`KINDS`.
        kind: the required kind; None for any.

    Raises:
        MissingFile: there is no such run.
        BadTable: the file is damaged, of a newer format, or of an unknown kind.
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
    """Build a description from the content of a file of any format."""
    spec: Mapping[str, object] = content if form == 1 else content["spec"]  # type: ignore[assignment]
    parts = {name: dict(spec.get(name) or {}) for name in ("config", "settings")}  # type: ignore[call-overload]
    parts |= {name: dict(content.get(name) or {}) for name in ("inputs", "machine", "versions")}  # type: ignore[call-overload]
    return RunDescription(kind=kind, model=str(spec["model"] or ""), format=form, **parts)


def versions() -> dict[str, str]:
    """Return the version of each package that results depend on."""
    found = {"kanseq": __version__}
    for package in ("torch", "numpy", "scikit-learn"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "unknown"
    return found


def describe_input(given: "PathLike | SequenceSet | pd.DataFrame | None") -> dict[str, str | int] | None:
    """Return the fingerprint of a file or of a set or table in memory: name, size or rows, and SHA-256."""
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
