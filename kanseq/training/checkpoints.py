"""A trained model and its file: weights, and under one metadata key all that is needed to build the model again.

In: a network or a plain model with its description. Out: ``model.safetensors``, and back.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from kanseq.data.row_codes import Codes
from kanseq.data.sequences import SequenceSet
from kanseq.errors import BadOption, ModelMismatch
from kanseq.files import PathLike, check_input, whole_file
from kanseq.geometry import Geometry
from kanseq.models.architecture import Architecture, Config
from kanseq.models.network import SequenceNetwork
from kanseq.models.plain import PlainModel
from kanseq.models.registry import architecture, config_from_json, config_to_json
from kanseq.nn.grids import match_grids
from kanseq.nn.precision import set_precision
from kanseq.training.batches import code_batches
from kanseq.training.calibration import Calibration
from kanseq.training.scores import Scores, scores_of
from kanseq.training.several import SeveralPlain
from kanseq.training.tasks import Task

FORMAT = 1
"""Version of the model file that this kanseq writes; it reads every version up to it."""

KEY = "kanseq"
"""The one metadata key: with two or more, safetensors writes them in an order that changes from run to run."""

KNOWN = "kanseq.known_sequences"
"""Name of the array of digests of the training set's sequences that lie on no contig; not a weight."""

_NONE_KNOWN = np.zeros(0, dtype=np.uint64)


@dataclass
class TrainedModel:
    """A model with what it was trained on.

    Attributes:
        architecture: its name in the registry.
        config: its hyper-parameters, an instance of the architecture's config class.
        geometry: the columns it reads, and which of them it masks.
        task: what its outputs mean.
        network: the network in evaluation mode, or None for a plain model.
        plain: the plain model, or None for a network.
        metadata: ``fold, seed, threads, precision, contigs, versions, inputs, thresholds`` and what else a run records.
        known: sorted uint64 digests of the training set's sequences that lie on no contig (see ``assignment``).
        calibrations: what makes logits into probabilities and calls, one per condition; empty where none was learned.
    """

    architecture: str
    config: object
    geometry: Geometry
    task: Task
    network: SequenceNetwork | None = None
    plain: PlainModel | None = None
    metadata: dict[str, object] = field(default_factory=dict)
    known: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.uint64))
    calibrations: tuple[Calibration, ...] = ()

    def logits(self, codes: Codes, batch_size: int = 256) -> np.ndarray:
        """Score base codes, uint8 ``(n, columns)``: float64 as :meth:`kanseq.training.tasks.Task.logit` has it.

        The log-odds of ``high``, or for regression the number that is foretold, in units of the targets: ``(n,)``, or
        ``(n, conditions)``; of several classes the logit of each, ``(n, classes)``.
        """
        if self.plain is not None:
            return self.task.restored(np.asarray(self.plain.logits(codes), dtype=np.float64))
        assert self.network is not None
        return network_logits(self.network, self.task, codes, batch_size)

    def scores(self, codes: Codes) -> Scores:
        """Give logits, probabilities and calls of base codes."""
        return scores_of(self.task, self.calibrations, self.logits(codes))


def network_logits(network: SequenceNetwork, task: Task, codes: Codes, batch_size: int = 256) -> np.ndarray:
    """Score base codes, uint8 ``(n, columns)``, by a network in evaluation mode: float64, as ``task.logit`` has it."""
    device = next(network.parameters()).device
    network.eval()
    parts = []
    with torch.inference_mode():
        for batch in code_batches(codes, min(batch_size, network.scored), device):
            parts.append(task.logit(network(batch)).double().cpu().numpy())
    return np.concatenate(parts) if parts else np.zeros((0, task.columns) if task.columns else 0)


def save_model(path: PathLike, model: TrainedModel) -> None:
    """Write a model file; the same model gives the same bytes."""
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
    arrays = model.plain.arrays() if model.plain is not None else weights_of(model.network)
    if len(model.known):
        arrays = {**arrays, KNOWN: model.known}
    save_arrays(path, arrays, described)


def weights_of(network: "torch.nn.Module | None") -> dict[str, np.ndarray]:
    """Give a network's state as arrays in main memory."""
    assert network is not None
    return {name: tensor.detach().cpu().numpy() for name, tensor in network.state_dict().items()}


def save_arrays(path: PathLike, arrays: Mapping[str, np.ndarray], described: Mapping[str, object]) -> None:
    """Write arrays and their description as safetensors, whole or not at all."""
    solid = {name: np.ascontiguousarray(array) for name, array in sorted(arrays.items())}
    # ascontiguousarray makes a scalar one-dimensional, and a state dict's counters are scalars.
    solid = {name: array.reshape(np.shape(arrays[name])) for name, array in solid.items()}
    with whole_file(path) as temporary:
        temporary.write_bytes(save(solid, metadata={KEY: json.dumps(described, allow_nan=False)}))


def load_arrays(path: PathLike, wanted: Sequence[str] | None = None) -> tuple[dict[str, np.ndarray], dict[str, object]]:
    """Read back what :func:`save_arrays` wrote; ``wanted`` leaves all other arrays on disk.

    Raises:
        MissingFile: there is no such file.
        ModelMismatch: it is truncated, no safetensors file, or not one of kanseq.
    """
    path = check_input(path)
    try:
        with safe_open(path, framework="numpy") as handle:
            metadata = handle.metadata() or {}
            names = [name for name in handle.keys() if wanted is None or name in wanted]  # noqa: SIM118
            arrays = {name: handle.get_tensor(name) for name in names}
    except (SafetensorError, OSError, ValueError, TypeError) as error:
        raise ModelMismatch(
            "the model file is truncated or is no safetensors file", where=path, mend="train or copy it again"
        ) from error
    try:
        described = json.loads(metadata.get(KEY, "null"))
    except ValueError:
        described = None
    if not isinstance(described, dict):
        raise ModelMismatch("this safetensors file was not written by kanseq", where=path)
    if described.get("format", 0) > FORMAT:
        raise ModelMismatch(
            f"its format {described['format']} is newer than this kanseq", where=path, mend="update kanseq"
        )
    return arrays, described


def load_model(path: PathLike, device: str = "cpu") -> TrainedModel:
    """Build a model again from its file, ready to score.

    Raises:
        MissingFile: there is no such file.
        ModelMismatch: it is truncated or foreign, or its weights do not fit the architecture that it names.
    """
    arrays, described = load_arrays(path)
    known = arrays.pop(KNOWN, _NONE_KNOWN)
    try:
        name, geometry = str(described.pop("architecture")), Geometry.from_json(described.pop("geometry"))  # type: ignore[arg-type]
        config = config_from_json(name, described.pop("config"))  # type: ignore[arg-type]
        task = Task.from_json(described.pop("task"))  # type: ignore[arg-type]
        calibrations = tuple(Calibration.from_json(one) for one in described.pop("calibrations", ()))  # type: ignore[attr-defined]
        built = build_model(architecture(name), config, task)
        _fill(built, arrays)
    except (BadOption, KeyError, TypeError, RuntimeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise ModelMismatch(
            f"its weights and its description do not fit together ({reason})",
            where=path,
            mend="it may come from another version of kanseq, or be damaged",
        ) from error
    described.pop("format", None)
    if isinstance(built, PlainModel):
        return TrainedModel(name, config, geometry, task, None, built, described, known, calibrations)
    set_precision(built, str(described.get("precision", "float32")))
    return TrainedModel(name, config, geometry, task, built.to(device).eval(), None, described, known, calibrations)


def build_model(kind: Architecture, config: Config, task: Task) -> SequenceNetwork | PlainModel:
    """Build an untrained model: a network has an output per condition or class, plain models stand side by side."""
    several = task.conditions or task.classes
    if kind.plain and several:
        return SeveralPlain(config, kind.build, len(several), against_the_rest=bool(task.classes))  # type: ignore[arg-type]
    return kind.build(config)


def _fill(model: SequenceNetwork | PlainModel, arrays: dict[str, np.ndarray]) -> None:
    """Put the arrays into a freshly built model."""
    if isinstance(model, PlainModel):
        model.load_arrays(arrays)
    else:
        match_grids(model, arrays)
        model.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})


def check_geometry(model: TrainedModel, genes: SequenceSet, where: Path | None = None) -> None:
    """Make sure that a set's columns mean what the model's do. Which of them it reads is the model's own affair.

    Raises:
        ModelMismatch: the layouts differ; the message shows both.
    """
    check_layout(model.geometry, genes.geometry, where)


def check_layout(theirs: Geometry, ours: Geometry, where: Path | None = None) -> None:
    """Compare a model's geometry with a set's, as :func:`check_geometry` does."""
    if replace(theirs, mask=True, visible="all") != replace(ours, mask=True, visible="all"):
        raise ModelMismatch(
            f"the model was made for {describe(theirs)}, and the set has {describe(ours)}",
            where=where,
            mend=f"make the set with {_options(theirs)}",
        )


def describe(geometry: Geometry) -> str:
    """Say a geometry in words.

    >>> describe(Geometry()), describe(Geometry.plain(70))
    ('windows of 1000 upstream, 500 downstream and 20 between', 'sequences of 70 bases')
    """
    if not geometry.has_genes:
        return f"sequences of {geometry.columns} bases"
    return f"windows of {geometry.upstream} upstream, {geometry.downstream} downstream and {geometry.pad} between"


def _options(geometry: Geometry) -> str:
    """Give the command that makes a set of this geometry."""
    if not geometry.has_genes:
        return f"kanseq import, from sequences of {geometry.columns} bases"
    size = f"--upstream {geometry.upstream} --downstream {geometry.downstream} --pad {geometry.pad}"
    return f"kanseq extract {size}"
