"""What a run must know before it begins: which inputs it has, and what its settings mean on this machine.

In: inputs and settings as they were asked for. Out: fingerprints, and settings with nothing left to ``auto``.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd
import torch

from kanseq.data.combining import Sets, listed_sets
from kanseq.data.sequences import SequenceSet
from kanseq.errors import BadOption
from kanseq.files import PathLike, check_input
from kanseq.models.architecture import Architecture, Config
from kanseq.models.network import SequenceNetwork
from kanseq.nn.precision import resolve_precision
from kanseq.training.aims import Aim
from kanseq.training.descriptions import describe_input, read_run
from kanseq.training.penalties import Penalties
from kanseq.training.settings import Settings

logger = logging.getLogger(__name__)

Tables = PathLike | pd.DataFrame | Sequence[PathLike | pd.DataFrame]
"""One table, or several."""


def describe_inputs(genes: Sets, labels: Tables | None, splits: PathLike | pd.DataFrame) -> dict[str, object]:
    """Fingerprint the inputs, after making sure that all files are there."""
    given: dict[str, PathLike | SequenceSet | pd.DataFrame | None] = {}
    tables = list(labels) if isinstance(labels, Sequence) and not isinstance(labels, str) else [labels]
    for name, several in (("genes", listed_sets(genes)), ("labels", tables)):
        given |= {name if at == 0 else f"{name} {at + 1}": one for at, one in enumerate(several)}
    given["splits"] = splits
    for one in given.values():
        if one is not None and not isinstance(one, (SequenceSet, pd.DataFrame)):
            check_input(one)
    return {name: describe_input(one) for name, one in given.items()}


def resolve_settings(
    settings: Settings, kind: Architecture, config: Config, aim: Aim, begun: Path, device: str
) -> Settings:
    """Settle what ``auto`` means: what the run was begun with (by its file ``begun``), or what the device is best at.

    A model without layers that take their products in bfloat16 is float32 throughout.
    """
    if kind.plain:
        Penalties.of(settings).check(None, kind.name)
        if settings.tune:
            logger.warning("%s tunes itself inside the training genes: --tune has no effect", kind.name)
        return replace(settings, tune=False, precision="float32")
    built = _built(kind, config, aim)
    Penalties.of(settings).check(built, kind.name)
    if not any(hasattr(layer, "precision") for layer in built.modules()):
        if settings.precision == "bfloat16":
            logger.warning("%s has no layers that multiply in bfloat16: it trains in float32", kind.name)
        return replace(settings, precision="float32")
    if settings.precision != "auto":
        return settings
    if begun.exists():
        before = read_run(begun.parent, begun.name).settings.get("precision")
        if before:
            return replace(settings, precision=str(before))
    return replace(settings, precision=resolve_precision("auto", device))


def _built(kind: Architecture, config: Config, aim: Aim) -> SequenceNetwork:
    """Build a network once before anything is written, to see that it can be built and trained."""
    aim.task_of(kind, config)
    try:
        with torch.random.fork_rng():
            return kind.build(config)  # type: ignore[return-value]
    except (RuntimeError, MemoryError) as error:
        reason = str(error).splitlines()[0]
        raise BadOption(f"the model '{kind.name}' cannot be built ({reason})", mend="make it smaller") from error
