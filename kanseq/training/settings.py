"""Optimisation of networks: learning rates, schedules, weight decay, seeds, threads and device.

In: the options of ``kanseq train``. Out: settings, an optimiser, a learning-rate factor, and torch with the requested
threads and seed.
"""

import logging
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields

import torch
from torch import nn

from kanseq.errors import BadOption
from kanseq.models.architecture import Architecture
from kanseq.models.network import SequenceNetwork
from kanseq.specification.optimisation import Settings

logger = logging.getLogger(__name__)


def settings_for(kind: Architecture, **given: object) -> Settings:
    """Return the settings for a model: specified values, then values of the model's recipe, then defaults.

    A value of None counts as not specified. The recipe's ``weight_decay`` is ignored if ``given`` specifies a
    ``decay`` that differs from the recipe's, because the unit of ``weight_decay`` depends on ``decay``.
    """
    known = {field.name for field in fields(Settings) if field.metadata["recipe"]}
    recipe = {name: value for name, value in kind.recipe.items() if name in known}
    specified = {name: value for name, value in given.items() if value is not None}
    if specified.get("decay", recipe.get("decay")) != recipe.get("decay"):
        recipe.pop("weight_decay", None)
    return Settings(**{**recipe, **specified})  # type: ignore[arg-type]


def make_optimizer(network: nn.Module, settings: Settings, targets: int) -> torch.optim.Optimizer:
    """Return an Adam or AdamW optimiser; weight decay applies only to parameters named in the network's ``decayed``.

    Args:
        network: the network to train.
        settings: the optimisation settings.
        targets: number of known targets of the training genes, summed over all conditions; the ``prior`` decay depends
            on it.
    """
    names = getattr(network, "decayed", SequenceNetwork.decayed)
    named = list(network.named_parameters())
    decayed = [parameter for name, parameter in named if name.split(".")[-1] in names]
    others = [parameter for name, parameter in named if name.split(".")[-1] not in names]
    if not decayed and settings.weight_decay:
        logger.info("weight decay acts on spline weights only, and this model has none")
    strength = settings.weight_decay / (targets if settings.decay == "prior" else 1)
    groups = [
        {"params": parameters, "weight_decay": decay}
        for parameters, decay in ((decayed, strength), (others, 0.0))
        if parameters
    ]
    kind = torch.optim.AdamW if settings.decay == "decoupled" else torch.optim.Adam
    return kind(groups, lr=settings.learning_rate)


def rate_factor(schedule: str, step: int, steps: int) -> float:
    """Return the factor by which the learning rate is multiplied at ``step`` (from 0) of ``steps``.

    ``cosine`` falls from 1 to 0. ``one-cycle`` rises along a cosine from 1/25 to 1 over the first 30 % and then falls
    to 1/250,000.

    >>> rate_factor("cosine", 50, 100), round(rate_factor("one-cycle", 0, 100), 9)
    (0.5, 0.04)
    """
    if schedule == "constant":
        return 1.0
    if schedule == "cosine":
        return round(0.5 * (1 + math.cos(math.pi * step / steps)), 15)
    peak, last = 0.3 * steps - 1, steps - 1
    if step <= peak:
        return _cosine_between(1 / 25, 1.0, step / peak if peak > 0 else 1.0)
    return _cosine_between(1.0, 1 / 250_000, (step - peak) / (last - peak) if last > peak else 1.0)


def _cosine_between(start: float, end: float, part: float) -> float:
    """Interpolate between ``start`` (at ``part`` 0) and ``end`` (at ``part`` 1) along half a period of a cosine."""
    return end + (start - end) / 2 * (1 + math.cos(math.pi * part))


def choose_device(device: str) -> str:
    """Return the device to use: for ``auto``, ``cuda`` if available, else ``cpu``; any other device must exist.

    Raises:
        BadOption: the name is unknown, or this machine has no such device.
    """
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        kind = torch.device(device)
    except RuntimeError as error:
        raise BadOption(f"device '{device}' is unknown", hint="choose auto, cpu, cuda or cuda:N") from error
    if kind.type not in ("cpu", "cuda"):
        raise BadOption(f"device '{device}' is unknown", hint="choose auto, cpu, cuda or cuda:N")
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if kind.type == "cuda" and (kind.index or 0) >= count:
        raise BadOption(f"there is no device '{device}'", hint="choose --device auto")
    return device


def check_seeds(seed: int | Sequence[int], count: int = 1) -> list[int]:
    """Return the seeds to use: those in ``seed``, or ``count`` consecutive seeds that start at the single ``seed``.

    Raises:
        BadOption: ``seed`` is empty, ``count`` is below 1 or is combined with several seeds, or a seed is outside of
            the range that torch, NumPy and scikit-learn all accept.
    """
    named = [seed] if isinstance(seed, int) else list(dict.fromkeys(seed))
    if count < 1 or not named:
        raise BadOption(f"seeds is {count if named else 0}", hint="at least one is required")
    if count > 1 and len(named) > 1:
        raise BadOption("--seeds needs a single --seed to start from", hint="use either several --seed or --seeds")
    seeds = [named[0] + at for at in range(count)] if count > 1 else named
    for one in seeds:
        if not 0 <= one < 2**32:
            raise BadOption(f"seed is {one}", hint="it must be from 0 to 4294967295")
    return seeds


@contextmanager
def processor(threads: int, seed: int) -> Iterator[int]:
    """Set torch's threads and seed for a ``with`` block, and restore both afterwards; yield the number of threads.

    If ``threads`` is 0, torch's current number of threads is kept. cuDNN is deterministic within the block.

    Raises:
        BadOption: the seed is outside of the range that :func:`check_seeds` allows, or ``threads`` is negative.
    """
    check_seeds(seed)
    if threads < 0:
        raise BadOption(f"threads is {threads}", hint="it must be at least 0")
    before = torch.get_num_threads()
    deterministic = torch.backends.cudnn.deterministic
    with torch.random.fork_rng():
        try:
            torch.set_num_threads(threads or before)
            torch.backends.cudnn.deterministic = True
            torch.manual_seed(seed)
            yield threads or before
        finally:
            torch.set_num_threads(before)
            torch.backends.cudnn.deterministic = deterministic
