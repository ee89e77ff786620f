"""A basis looked up instead of computed, for products whose operands are rounded to 8 or 11 bits anyway.

In: a basis with a domain. Out: its functions and slopes at thousands of points, and a way to gather them.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from kanseq.nn.basis import Basis


class Table(NamedTuple):
    """A basis at equally spaced points. Row 0 is not a number, and catches positions that are none.

    Attributes:
        values: ``(points, size)``, in the type of the products' operands.
        slopes: ``(points, size)``, float32.
        offset: the row of position 0, plus one half for rounding.
    """

    values: Tensor
    slopes: Tensor
    offset: float

    def rows(self, place: Tensor, out: Tensor) -> Tensor:
        """Write the rows at ``place = steps·u + offset`` into ``out``, int32; ``place`` is spent."""
        out.copy_(place.clamp_(1, len(self.values) - 1))
        # Not a number becomes the least integer on some processors, and 0 on others.
        return out.clamp_(min=0)


LARGEST = 2**20
"""Numbers that a table has at most; a basis that needs more is computed."""


def may_be_looked_up(basis: Basis) -> bool:
    """Tell whether a table of the basis can stand for it."""
    if basis.domain is None:
        return False
    low, high = basis.domain
    return (high - low) * basis.steps * basis.size <= LARGEST


def table_of(basis: Basis, dtype: torch.dtype, device: torch.device) -> Table:
    """Tabulate a basis that may be looked up; what was made once is kept."""
    key = basis, dtype, device
    if key in _MADE:
        return _MADE[key]
    assert basis.domain is not None
    low, high = basis.domain
    # What is kept is used in training, too, wherever it was made.
    with torch.inference_mode(False), torch.no_grad():
        points = torch.arange(round((high - low) * basis.steps) + 1, dtype=torch.float64, device="cpu")
        points = points / basis.steps + low
        made, slopes = (points.new_empty(len(points), basis.size) for _ in range(2))
        basis.fill(points, made, slopes)
        # The ends stand for all that lies beyond them.
        ends = made[[0, -1]]
        made[[0, -1]] = torch.where(ends.abs() < NOTHING, 0, ends)
        slopes[[0, -1]] = 0
        nothing = made.new_full((1, basis.size), torch.nan)
        made, slopes = (torch.cat([nothing, column]) for column in (made, slopes))
        table = Table(made.to(device, dtype), slopes.to(device, torch.float32), offset=1.5 - low * basis.steps)
    # Tracers make tensors that hold nothing.
    if type(table.values) is Tensor:
        _MADE[key] = table
    return table


_MADE: dict[tuple[Basis, torch.dtype, torch.device], Table] = {}

NOTHING = 1e-6
"""What a function's value at the end of its domain is taken for 0 below."""


WORDS = {4: torch.int32, 8: torch.int64, 16: torch.complex128}
"""Types by their bytes: one thread gathers a row of a table several times faster as one such number than as a row."""

FEW_THREADS = 2
"""With more, rows are faster: numbers are gathered by one thread."""


def as_words(rows: Tensor) -> Tensor:
    """See contiguous ``(…, size)`` as ``(n,)`` numbers as long as a row, or as ``(n, size)`` where rows are better."""
    word = WORDS.get(rows.shape[-1] * rows.element_size())
    rows = rows.flatten(0, -2)
    if word is None or (not rows.is_cuda and torch.get_num_threads() > FEW_THREADS):
        return rows
    return rows.view(word)[:, 0]
