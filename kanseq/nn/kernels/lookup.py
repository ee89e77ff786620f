"""Look up a basis in a table instead of computing it, for products with operands rounded to 8 or 11 bits anyway.

In: a basis with a domain. Out: its functions and slopes at thousands of points, and functions to gather them.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from kanseq.nn.bases.basis import Basis


class BasisTable(NamedTuple):
    """A basis at equally spaced points. Row 0 is NaN, for positions that are NaN.

    Attributes:
        values: ``(points, size)``, in the dtype of the products' operands.
        slopes: ``(points, size)``, float32.
        offset: the row of position 0, plus one half for rounding.
    """

    values: Tensor
    slopes: Tensor
    offset: float

    def rows(self, place: Tensor, out: Tensor) -> Tensor:
        """Write the rows at ``place = steps·u + offset`` into ``out``, int32; ``place`` is overwritten."""
        out.copy_(place.clamp_(1, len(self.values) - 1))
        # NaN becomes the smallest integer on some CPUs, and 0 on others.
        return out.clamp_(min=0)


LARGEST = 2**20
"""Maximum number of values of a table; a basis that needs more is computed."""


def may_be_looked_up(basis: Basis) -> bool:
    """Return whether a table can replace the basis."""
    if basis.domain is None:
        return False
    low, high = basis.domain
    return (high - low) * basis.steps * basis.size <= LARGEST


def table_of(basis: Basis, dtype: torch.dtype, device: torch.device) -> BasisTable:
    """Return the table of a basis that may be looked up. Tables are cached."""
    key = basis, dtype, device
    if key in _MADE:
        return _MADE[key]
    assert basis.domain is not None
    low, high = basis.domain
    # A cached table is used in training, too, even if it was made in inference mode.
    with torch.inference_mode(False), torch.no_grad():
        points = torch.arange(round((high - low) * basis.steps) + 1, dtype=torch.float64, device="cpu")
        points = points / basis.steps + low
        made, slopes = (points.new_empty(len(points), basis.size) for _ in range(2))
        basis.fill(points, made, slopes)
        # The ends are used for all positions beyond them.
        ends = made[[0, -1]]
        made[[0, -1]] = torch.where(ends.abs() < NOTHING, 0, ends)
        slopes[[0, -1]] = 0
        nothing = made.new_full((1, basis.size), torch.nan)
        made, slopes = (torch.cat([nothing, column]) for column in (made, slopes))
        table = BasisTable(made.to(device, dtype), slopes.to(device, torch.float32), offset=1.5 - low * basis.steps)
    # Tracers make tensors without values.
    if type(table.values) is Tensor:
        _MADE[key] = table
    return table


_MADE: dict[tuple[Basis, torch.dtype, torch.device], BasisTable] = {}

NOTHING = 1e-6
"""A function's value at the end of its domain counts as 0 below this."""


WORDS = {4: torch.int32, 8: torch.int64, 16: torch.complex128}
"""Dtypes by size in bytes: one thread gathers a table's row several times faster as one number than as a row."""

FEW_THREADS = 2
"""With more threads, rows are faster, because numbers are gathered by one thread."""


def as_words(rows: Tensor) -> Tensor:
    """View contiguous ``(…, size)`` as ``(n,)`` numbers as long as a row, or as ``(n, size)`` if rows are faster."""
    word = WORDS.get(rows.shape[-1] * rows.element_size())
    rows = rows.flatten(0, -2)
    if word is None or (not rows.is_cuda and torch.get_num_threads() > FEW_THREADS):
        return rows
    return rows.view(word)[:, 0]
