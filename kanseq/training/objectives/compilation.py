"""Compile a network with ``torch.compile`` for training steps, if this works.

In: a network. Out: the compiled network, or the network itself if it cannot be compiled.
"""

import logging
from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

logger = logging.getLogger(__name__)

_failures: list[str] = []
"""Error messages of the compiler in this process. After one failure, compilation is not tried again."""


def compiled(network: nn.Module, trials: Iterable[tuple[Tensor, ...]]) -> Callable[..., Tensor]:
    """Compile a network for training; if that fails, log one warning per process and return the network.

    Some errors of the compiler occur only in the first forward or backward pass. Therefore, both passes are tried with
    a batch of each size that occurs in training. Weights, running statistics and the random state remain unchanged.

    Args:
        network: the network, in training mode.
        trials: inputs to try, one batch of each size.

    Returns:
        A function with the same arguments, results and parameters as the network.
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
        # The first line may state only that a back end raised an error.
        reason = " ".join(str(error).strip().splitlines()[:2]) or type(error).__name__
        _failures.append(reason)
        logger.warning("torch.compile does not work here (%s): training continues without it", reason)
        return network
    finally:
        network.load_state_dict(before)
        network.zero_grad(set_to_none=True)
    return run
