"""Training steps through ``torch.compile``, where it works.

In: a network. Out: what is called in its stead, the network itself where nothing can be compiled.
"""

import logging
from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from kanseq.models.network import SequenceNetwork

logger = logging.getLogger(__name__)


_failures: list[str] = []
"""Why the compiler failed in this process: once is enough."""


def compiled(network: SequenceNetwork, batch_sizes: Iterable[int]) -> Callable[[Tensor], Tensor]:
    """Compile a network for training, or warn, once a process, and give it back as it is.

    The compiler fails late, at the first call in either direction, so both are tried on batches of every size that
    training will meet. Neither weights, nor running statistics, nor the random state are changed by that.

    Args:
        network: in training mode; parameters are shared with what is given back.
        batch_sizes: sequences per step.

    Returns:
        A function of codes uint8 ``(n, columns)`` to ``(n, outputs)``.
    """
    if _failures:
        return network
    before = {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}
    device = next(network.parameters()).device
    try:
        run = torch.compile(network)
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            for size in sorted(set(batch_sizes), reverse=True):
                codes = torch.zeros(size, network.geometry.columns, dtype=torch.uint8, device=device)
                run(codes).sum().backward()
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
