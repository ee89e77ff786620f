"""Training steps through ``torch.compile``, where it works.

In: a network. Out: what is called in its stead, the network itself where nothing can be compiled.
"""

import logging
from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

logger = logging.getLogger(__name__)


_failures: list[str] = []
"""Why the compiler failed in this process: once is enough."""


def compiled(network: nn.Module, trials: Iterable[tuple[Tensor, ...]]) -> Callable[..., Tensor]:
    """Compile a network for training; where that fails, log one warning per process and return the network.

    The compiler fails late, at the first call in either direction, so both are tried on a batch of every size that
    training will meet. Neither weights, nor running statistics, nor the random state are changed by that.

    Args:
        network: in training mode; parameters are shared with what is returned.
        trials: what the network takes for a batch, one batch of each size.

    Returns:
        A function that takes what the network takes, and returns what it returns.
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
        # The first line alone may be no more than that a back end raised something.
        reason = " ".join(str(error).strip().splitlines()[:2]) or type(error).__name__
        _failures.append(reason)
        logger.warning("torch.compile does not work here (%s): training goes on without it", reason)
        return network
    finally:
        network.load_state_dict(before)
        network.zero_grad(set_to_none=True)
    return run
