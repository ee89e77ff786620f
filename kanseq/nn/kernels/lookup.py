"""Look up values of basis functions in a table, if operands of products are rounded to 8 or 11 bits anyway.

In: a basis with a domain. Out: a table of its values and slopes at thousands of points, and functions to look them up.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from kanseq.nn.bases.basis import Basis


class BasisTable(NamedTuple):
    """Values and slopes of basis functions at equally spaced points. Row 0 is NaN, for positions that are NaN.

    Attributes:
        values: values, ``(points, size)``, in the dtype of the operands of products.
        slopes: slopes, ``(points, size)`` float32.
        offset: row of position ``u = 0``, plus one half for rounding.
    """

    values: Tensor
    slopes: Tensor
    offset: float

    def rows(self, place: Tensor, out: Tensor) -> Tensor:
        """Write the row number for each ``place = steps·u + offset`` into ``out``, int32; ``place`` is overwritten."""
        out.copy_(place.clamp_(1, len(self.values) - 1))
        # NaN is converted to the smallest integer on some CPUs, and to 0 on others.
        return out.clamp_(min=0)


LARGEST = 2**20
"""Maximum number of values in a table. If a basis needs more, its functions are computed instead."""


def may_be_looked_up(basis: Basis) -> bool:
    """Return whether values of the basis can be looked up: it has a domain, and its table is not too large."""
    if basis.domain is None:
        return False
    low, high = basis.domain
    return (high - low) * basis.steps * basis.size <= LARGEST


def table_of(basis: Basis, dtype: torch.dtype, device: torch.device) -> BasisTable:
    """Return the lookup table of a basis for which :func:`may_be_looked_up` is true. Tables are cached."""
    key = basis, dtype, device
    if key in _MADE:
        return _MADE[key]
    assert basis.domain is not None
    low, high = basis.domain
    # Not in inference mode, because cached tables are used in training, too.
    with torch.inference_mode(False), torch.no_grad():
        points = torch.arange(round((high - low) * basis.steps) + 1, dtype=torch.float64, device="cpu")
        points = points / basis.steps + low
        made, slopes = (points.new_empty(len(points), basis.size) for _ in range(2))
        basis.fill(points, made, slopes)
        # The first and the last point are used for all positions beyond them.
        ends = made[[0, -1]]
        made[[0, -1]] = torch.where(ends.abs() < NOTHING, 0, ends)
        slopes[[0, -1]] = 0
        nothing = made.new_full((1, basis.size), torch.nan)
        made, slopes = (torch.cat([nothing, column]) for column in (made, slopes))
        table = BasisTable(made.to(device, dtype), slopes.to(device, torch.float32), offset=1.5 - low * basis.steps)
    # Tensors have no values during tracing, so such a table must not be cached.
    if type(table.values) is Tensor:
        _MADE[key] = table
    return table


_MADE: dict[tuple[Basis, torch.dtype, torch.device], BasisTable] = {}

NOTHING = 1e-6
"""Values of basis functions at the ends of the domain are set to 0 if they are smaller than this."""

WORDS = {4: torch.int32, 8: torch.int64, 16: torch.complex128}
"""Dtypes by size in bytes. One thread copies a row of a table several times faster if it is viewed as one number."""

FEW_THREADS = 2
"""Maximum number of CPU threads for copying rows as single numbers, which PyTorch copies on one thread only."""


def as_words(rows: Tensor) -> Tensor:
    """View contiguous rows ``(…, size)`` in the form in which they can be copied fastest.

    Each row becomes one number of a wider dtype, ``(n,)``. The result is ``(n, size)`` if no dtype has the size of a
    row, or if it is faster to copy unchanged rows.
    """
    word = WORDS.get(rows.shape[-1] * rows.element_size())
    rows = rows.flatten(0, -2)
    if word is None or (not rows.is_cuda and torch.get_num_threads() > FEW_THREADS):
        return rows
    return rows.view(word)[:, 0]
