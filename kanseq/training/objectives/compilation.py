"""Compile training steps with ``torch.compile`` if possible.

In: a network. Out: a function to call instead, or the network itself if it cannot be compiled.
"""

import logging
from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

logger = logging.getLogger(__name__)


_failures: list[str] = []
"""Why the compiler failed in this process. After one failure it is not tried again."""


def compiled(network: nn.Module, trials: Iterable[tuple[Tensor, ...]]) -> Callable[..., Tensor]:
    """Compile a network for training; if that fails, log one warning per process and return the network.

    The compiler fails only at the first forward or backward pass, so both are tried on a batch of every size that
    occurs in training. This changes neither weights, nor running statistics, nor the random state.

    Args:
        network: the network, in training mode; the returned function shares its parameters.
        trials: inputs of the network, one batch of each size.

    Returns:
        A function with the same arguments and results as the network.
    """
    if _failures:
        return network
    before = {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}
    device = next(network.parameters()).device
    try:
        run = torch.compile(network)
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            for inputs in sorted(trials, key=lambda inputs: len(inputs[0]), reverse=True):
                run(*inputs).sum().backward()
    except Exception as error:
        # The first line alone may only state that a back end raised an error.
        reason = " ".join(str(error).strip().splitlines()[:2]) or type(error).__name__
        _failures.append(reason)
        logger.warning("torch.compile does not work here (%s): training continues without it", reason)
        return network
    finally:
        network.load_state_dict(before)
        network.zero_grad(set_to_none=True)
    return run
