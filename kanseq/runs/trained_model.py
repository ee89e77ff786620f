"""Save and load trained models: the weights and, as metadata, the description that is needed to rebuild the model.

In: a trained model. Out: the file ``model.safetensors``, and the model loaded from it.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from kanseq.errors import BadOption, ModelMismatch
from kanseq.geometry import Geometry
from kanseq.io.files import PathLike, check_input, whole_file
from kanseq.models.network import Network
from kanseq.models.registry import architecture, config_from_json, config_to_json
from kanseq.runs.predictors import Predictor, build_predictor
from kanseq.sequences.row_codes import Codes
from kanseq.sequences.sequence_set import SequenceSet
from kanseq.tasks.calibration import Calibration
from kanseq.tasks.scores import PredictionScores, scores_of
from kanseq.tasks.task import Task

FORMAT = 1
"""Format version of the model files that are written; this version and all older ones can be read."""

KEY = "kanseq"
"""The only metadata key in model files, because safetensors would write several keys in a varying order."""

KNOWN = "kanseq.known_sequences"
"""Name of an array in model files that is not a weight: digests of sequences without a contig in the run's set."""

_NONE_KNOWN = np.zeros(0, dtype=np.uint64)


class Description(NamedTuple):
    """The description of a trained model, without weights; for the attributes see :class:`TrainedModel`."""

    task: Task
    metadata: dict[str, object]
    calibrations: tuple[Calibration, ...]


@dataclass
class TrainedModel:
    """A trained model and its description.

    Attributes:
        architecture: name of the architecture in the registry.
        config: the hyper-parameters, an instance of the architecture's config class.
        geometry: the columns that the model reads, and which of them are masked.
        task: the task, which defines the meaning of the outputs.
        predictor: the network or estimator.
        metadata: ``fold, seed, threads, precision, contigs, versions, inputs, thresholds`` and other facts of the run.
        known: sorted uint64 digests of the sequences in the run's set that have no contig, see
            :mod:`kanseq.runs.held_out`.
        calibrations: calibrations of the logits, one per condition; empty if none was learned.
    """

    architecture: str
    config: object
    geometry: Geometry
    task: Task
    predictor: Predictor
    metadata: dict[str, object] = field(default_factory=dict)
    known: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.uint64))
    calibrations: tuple[Calibration, ...] = ()

    @property
    def description(self) -> Description:
        """The description of the model, without weights."""
        return Description(self.task, self.metadata, self.calibrations)

    @property
    def network(self) -> Network | None:
        """The network; None for estimators, which have no gradients."""
        return self.predictor.network

    def logits(self, codes: Codes, batch_size: int = 256) -> np.ndarray:
        """Compute the logits, float64, of sequences (base codes, uint8 ``(n, columns)``).

        Logits are the log-odds of ``high`` or, for regression, the predicted numbers in units of the targets:
        ``(n,)`` or ``(n, conditions)``. For three or more classes, there is one logit per class: ``(n, classes)``.
        See :meth:`kanseq.tasks.task.Task.logit`.
        """
        return self.predictor.logits(codes, self.task, batch_size)

    def scores(self, codes: Codes) -> PredictionScores:
        """Compute the logits, probabilities and calls of sequences (base codes, uint8 ``(n, columns)``)."""
        return scores_of(self.task, self.calibrations, self.logits(codes))


def save_model(path: PathLike, model: TrainedModel) -> None:
    """Write a trained model to a file. The bytes of the file depend only on the model."""
    described = {
        "format": FORMAT,
        "architecture": model.architecture,
        "config": config_to_json(model.config),
        "geometry": model.geometry.to_json(),
        "task": model.task.to_json(),
        **model.metadata,
    }
    if model.calibrations:
        described["calibrations"] = [one.to_json() for one in model.calibrations]
    arrays = model.predictor.arrays()
    if len(model.known):
        arrays = {**arrays, KNOWN: model.known}
    save_arrays(path, arrays, described)


def save_arrays(path: PathLike, arrays: Mapping[str, np.ndarray], described: Mapping[str, object]) -> None:
    """Write arrays and their description as a safetensors file, atomically."""
    solid = {name: np.ascontiguousarray(array) for name, array in sorted(arrays.items())}
    # ascontiguousarray turns scalars into arrays (1,), and the counters of a state dict are scalars.
    solid = {name: array.reshape(np.shape(arrays[name])) for name, array in solid.items()}
    with whole_file(path) as temporary:
        temporary.write_bytes(save(solid, metadata={KEY: json.dumps(described, allow_nan=False)}))


def load_arrays(path: PathLike, wanted: Sequence[str] | None = None) -> tuple[dict[str, np.ndarray], dict[str, object]]:
    """Read arrays and their description from a file written by :func:`save_arrays`.

    Args:
        path: the file.
        wanted: names of the arrays to read; all by default.

    Raises:
        MissingFile: there is no such file.
        ModelMismatch: the file is truncated, not a safetensors file, or not written by kanseq.
    """
    path = check_input(path)
    try:
        with safe_open(path, framework="numpy") as handle:
            metadata = handle.metadata() or {}
            names = [name for name in handle.keys() if wanted is None or name in wanted]  # noqa: SIM118
            arrays = {name: handle.get_tensor(name) for name in names}
    except (SafetensorError, OSError, ValueError, TypeError) as error:
        raise ModelMismatch(
            "the model file is truncated or not a safetensors file", where=path, hint="train or copy it again"
        ) from error
    try:
        described = json.loads(metadata.get(KEY, "null"))
    except ValueError:
        described = None
    if not isinstance(described, dict):
        raise ModelMismatch("this safetensors file was not written by kanseq", where=path)
    if described.get("format", 0) > FORMAT:
        raise ModelMismatch(
            f"its format {described['format']} is newer than this kanseq", where=path, hint="update kanseq"
        )
    return arrays, described


def read_model(path: PathLike, device: str = "cpu") -> TrainedModel:
    """Load a trained model from its file to a device, ready to score sequences.

    Raises:
        MissingFile: there is no such file.
        ModelMismatch: the file is truncated or not written by kanseq, or the weights do not match the architecture.
    """
    arrays, described = load_arrays(path)
    known = arrays.pop(KNOWN, _NONE_KNOWN)
    try:
        name, geometry = str(described.pop("architecture")), Geometry.from_json(described.pop("geometry"))  # type: ignore[arg-type]
        config = config_from_json(name, described.pop("config"))  # type: ignore[arg-type]
        task = Task.from_json(described.pop("task"))  # type: ignore[arg-type]
        calibrations = tuple(Calibration.from_json(one) for one in described.pop("calibrations", ()))  # type: ignore[attr-defined]
        predictor = build_predictor(architecture(name), config, task)
        predictor.load_arrays(arrays)
    except (BadOption, KeyError, TypeError, RuntimeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise ModelMismatch(
            f"its weights and its description do not match ({reason})",
            where=path,
            hint="it may be from another version of kanseq, or damaged",
        ) from error
    described.pop("format", None)
    predictor.place(device, str(described.get("precision", "float32")))
    return TrainedModel(name, config, geometry, task, predictor, described, known, calibrations)


def check_geometry(model: TrainedModel, genes: SequenceSet, where: Path | None = None) -> None:
    """Check that a set has the column layout that the model expects, ignoring masks and visible columns.

    Raises:
        ModelMismatch: the layouts differ; the message shows both.
    """
    check_layout(model.geometry, genes.geometry, where)


def check_layout(of_model: Geometry, of_set: Geometry, where: Path | None = None) -> None:
    """Check that the geometry of a model matches that of a set; see :func:`check_geometry`."""
    if replace(of_model, mask=True, visible="all") != replace(of_set, mask=True, visible="all"):
        raise ModelMismatch(
            f"the model was made for {describe(of_model)}, and the set has {describe(of_set)}",
            where=where,
            hint=f"make the set {_options(of_model)}",
        )


def describe(geometry: Geometry) -> str:
    """Describe a geometry in words.

    >>> describe(Geometry()), describe(Geometry.plain(70))
    ('windows of 1000 upstream, 500 downstream and 20 between', 'sequences of 70 bases')
    """
    if not geometry.has_genes:
        return f"sequences of {geometry.columns} bases"
    return f"windows of {geometry.upstream} upstream, {geometry.downstream} downstream and {geometry.pad} between"


def _options(geometry: Geometry) -> str:
    """Return how a set with this geometry is made: the command, and what to change in it."""
    if not geometry.has_genes:
        return f"with kanseq import, from sequences of {geometry.columns} bases"
    size = f"--upstream {geometry.upstream} --downstream {geometry.downstream} --pad {geometry.pad}"
    return f"again with kanseq extract, its other options unchanged, and {size}"
