"""Inputs of networks (sequences of fixed or unequal length, vectors, series with masks, or images) and targets.

In: arrays of any of these kinds. Out: batches of them as tensors on a device.

Inputs are objects with a length that return the arrays of some rows when indexed: an array (base codes uint8
``(n, columns)``, vectors float32 ``(n, d)``, images float32 ``(n, c, h, w)``),
:class:`~kanseq.sequences.row_codes.RowCodes` for codes that stay on disk, :class:`UnequalCodes`, or :class:`Series`.
The ``forward`` of a network takes one tensor per array.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol, TypeAlias

import numpy as np
import torch
from torch import Tensor

from kanseq.errors import BadOption
from kanseq.models.network import BASES

Rows: TypeAlias = "np.ndarray | slice"
Given: TypeAlias = "np.ndarray | tuple[np.ndarray, ...]"


class Inputs(Protocol):
    """Inputs of ``n`` examples."""

    def __len__(self) -> int:
        """Return the number of examples."""

    def __getitem__(self, rows: Rows, /) -> Given:
        """Return the arrays of some examples, each ``(rows, …)``; rows are positions or a slice."""


class Examples(NamedTuple):
    """Inputs with their targets.

    Attributes:
        inputs: inputs of ``n`` examples, see :class:`Inputs`.
        targets: targets as defined by :class:`kanseq.tasks.task.Task`, ``(n,)`` or ``(n, conditions)``.
    """

    inputs: Inputs
    targets: np.ndarray


class UnequalCodes:
    """Base codes of sequences of unequal length, padded with ``N`` on the right.

    >>> UnequalCodes([np.array([0, 1, 2], np.uint8), np.array([3], np.uint8)])[np.array([1, 0])].tolist()
    [[3, 4, 4], [0, 1, 2]]
    """

    def __init__(self, codes: Sequence[np.ndarray], columns: int | None = None) -> None:
        """Store the codes.

        Args:
            codes: uint8 ``(length,)`` each, A 0, C 1, G 2, T 3, everything else 4.
            columns: columns of every batch, for networks of fixed width; if None, the length of its longest sequence.

        Raises:
            BadOption: a sequence is longer than ``columns``.
        """
        longest = max(map(len, codes), default=0)
        if columns is not None and longest > columns:
            raise BadOption(
                f"a sequence has {longest} bases, and the network reads {columns}", hint="use a wider network"
            )
        self._codes, self._columns = list(codes), columns

    def __len__(self) -> int:
        """Return the number of sequences."""
        return len(self._codes)

    def __getitem__(self, rows: Rows) -> np.ndarray:
        """Return codes of some sequences, uint8 ``(rows, columns)``."""
        some = [self._codes[row] for row in np.arange(len(self))[rows]]
        columns = max(map(len, some), default=0) if self._columns is None else self._columns
        filled = np.full((len(some), columns), BASES, dtype=np.uint8)
        for row, codes in zip(filled, some, strict=True):
            row[: len(codes)] = codes
        return filled


class Series:
    """Series of vectors, with a mask for series that end early or have gaps."""

    def __init__(self, values: np.ndarray, mask: np.ndarray) -> None:
        """Store the arrays.

        Args:
            values: float32 ``(n, t, d)``.
            mask: bool ``(n, t)``, True where there is a vector.

        Raises:
            BadOption: the shapes do not fit together.
        """
        if values.ndim != 3 or mask.shape != values.shape[:2]:
            raise BadOption(
                f"series of shape {values.shape} with a mask of shape {mask.shape}",
                hint="series must be (n, t, d) and their mask (n, t)",
            )
        self._values, self._mask = values, mask

    def __len__(self) -> int:
        """Return the number of series."""
        return len(self._values)

    def __getitem__(self, rows: Rows) -> tuple[np.ndarray, np.ndarray]:
        """Return values ``(rows, t, d)`` and mask ``(rows, t)`` of some series."""
        return self._values[rows], self._mask[rows]


def tensors_of(inputs: Inputs, rows: Rows, device: torch.device) -> tuple[Tensor, ...]:
    """Return the arguments of a network's ``forward`` for some examples: a tensor per array, on the device."""
    given = inputs[rows]
    arrays = given if isinstance(given, tuple) else (given,)
    return tuple(torch.from_numpy(np.ascontiguousarray(array)).to(device) for array in arrays)


class InputBatches:
    """Iterable of batches of inputs in order, reusable; each is a tensor, or a tuple if there are several arrays."""

    def __init__(self, inputs: Inputs, batch_size: int, device: torch.device) -> None:
        """Store the inputs, the batch size and the device."""
        self.inputs, self.batch_size, self.device = inputs, batch_size, device

    def __iter__(self) -> Iterator[Tensor | tuple[Tensor, ...]]:
        """Iterate over the batches from the first one."""
        for start in range(0, len(self.inputs), self.batch_size):
            tensors = tensors_of(self.inputs, slice(start, start + self.batch_size), self.device)
            yield tensors if len(tensors) > 1 else tensors[0]
