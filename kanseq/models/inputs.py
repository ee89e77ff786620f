"""Inputs and targets of networks: containers of examples, and batches of them as tensors.

In: arrays (base codes, vectors, images, time series). Out: batches of these as tensors on a device.

A container has a length, and indexing it returns the arrays of the selected examples. It is one of: an array (base
codes uint8 ``(n, columns)``, vectors float32 ``(n, d)``, images float32 ``(n, c, h, w)``),
:class:`~kanseq.sequences.row_codes.RowCodes` for base codes that stay on disk, :class:`UnequalCodes`, or
:class:`Series`. The ``forward`` of a network takes one tensor per array.
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
    """Protocol of a container with the inputs of ``n`` examples; see :mod:`kanseq.models.inputs`."""

    def __len__(self) -> int:
        """Return the number of examples."""

    def __getitem__(self, rows: Rows, /) -> Given:
        """Return the array or arrays ``(rows, …)`` of the examples that ``rows`` (positions or a slice) selects."""


class Examples(NamedTuple):
    """Inputs of ``n`` examples with their targets.

    Attributes:
        inputs: container of the inputs, see :class:`Inputs`.
        targets: targets as defined by :class:`kanseq.tasks.task.Task`, ``(n,)`` or ``(n, conditions)``.
    """

    inputs: Inputs
    targets: np.ndarray


class UnequalCodes:
    """Container of sequences of unequal length. Indexing pads the selected sequences with ``N`` on the right.

    >>> UnequalCodes([np.array([0, 1, 2], np.uint8), np.array([3], np.uint8)])[np.array([1, 0])].tolist()
    [[3, 4, 4], [0, 1, 2]]
    """

    def __init__(self, codes: Sequence[np.ndarray], columns: int | None = None) -> None:
        """Store the base codes.

        Args:
            codes: base codes of each sequence, uint8 ``(length,)``: A 0, C 1, G 2, T 3, everything else 4.
            columns: length to which sequences are padded, for networks of fixed width. If None, sequences are padded
                to the length of the longest selected sequence.

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
        """Return the padded codes of the selected sequences, uint8 ``(rows, columns)``."""
        some = [self._codes[row] for row in np.arange(len(self))[rows]]
        columns = max(map(len, some), default=0) if self._columns is None else self._columns
        filled = np.full((len(some), columns), BASES, dtype=np.uint8)
        for row, codes in zip(filled, some, strict=True):
            row[: len(codes)] = codes
        return filled


class Series:
    """Container of time series of vectors, with a mask for series that end early or have gaps."""

    def __init__(self, values: np.ndarray, mask: np.ndarray) -> None:
        """Store the vectors and their mask.

        Args:
            values: vectors of ``n`` series, float32 ``(n, t, d)``.
            mask: True where a series has a vector, bool ``(n, t)``.

        Raises:
            BadOption: the shapes of ``values`` and ``mask`` do not match.
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
        """Return values ``(rows, t, d)`` and mask ``(rows, t)`` of the selected series."""
        return self._values[rows], self._mask[rows]


def tensors_of(inputs: Inputs, rows: Rows, device: torch.device) -> tuple[Tensor, ...]:
    """Return the selected examples as arguments of a network's ``forward``: one tensor per array, on the device."""
    selected = inputs[rows]
    arrays = selected if isinstance(selected, tuple) else (selected,)
    return tuple(torch.from_numpy(np.ascontiguousarray(array)).to(device) for array in arrays)


class InputBatches:
    """Reusable iterable over batches of inputs, in order.

    A batch is a tensor, or a tuple of tensors if inputs consist of several arrays.
    """

    def __init__(self, inputs: Inputs, batch_size: int, device: torch.device) -> None:
        """Store the inputs, the batch size and the device."""
        self.inputs, self.batch_size, self.device = inputs, batch_size, device

    def __iter__(self) -> Iterator[Tensor | tuple[Tensor, ...]]:
        """Yield all batches, starting with the first."""
        for start in range(0, len(self.inputs), self.batch_size):
            tensors = tensors_of(self.inputs, slice(start, start + self.batch_size), self.device)
            yield tensors if len(tensors) > 1 else tensors[0]
