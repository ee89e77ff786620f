"""Convert nested values, such as the state of an optimiser, into named arrays and JSON for a file, and back.

In: nested dicts and lists of tensors, numbers, text and ``None``. Out: arrays by name, and the structure as JSON.
"""

import math
from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor

Tree: TypeAlias = "dict[str, Tree] | dict[int, Tree] | list[Tree] | tuple[Tree, ...] | Tensor | Scalar"
Scalar: TypeAlias = bool | int | float | str | None
Json: TypeAlias = "dict[str, Json] | list[Json] | Scalar"
Arrays: TypeAlias = dict[str, np.ndarray]


def pack(tree: Tree, name: str) -> tuple[Arrays, Json]:
    """Convert nested values into arrays (from tensors) and JSON (structure and all other values).

    Args:
        tree: the values: tensors, numbers, text and None, nested in dictionaries, lists and tuples. Keys of
            dictionaries are text or integers. Floats may be infinite or NaN. NumPy scalars become Python scalars.
        name: prefix of the arrays' names.

    Returns:
        The arrays, named by their path in ``tree`` (``name.key.0``), and JSON that refers to them by name.

    Raises:
        TypeError: a value has any other type, or a tensor has a dtype that NumPy does not support. However, bfloat16 is
            allowed: it is stored as float32 and restored as bfloat16.

    >>> arrays, order = pack({0: {"step": torch.tensor(3.0), "history": [None]}}, "lbfgs")
    >>> list(arrays), order
    (['lbfgs.0.step'], {'dict': [[0, {'dict': [['step', {'array': 'lbfgs.0.step'}], ['history', {'list': [None]}]]}]]})
    """
    if isinstance(tree, Tensor):
        return {name: as_array(tree, name)}, {"bfloat16" if tree.dtype == torch.bfloat16 else "array": name}
    if isinstance(tree, np.generic):
        tree = tree.item()
    if isinstance(tree, Mapping):
        packed = [(key, *pack(value, f"{name}.{key}")) for key, value in tree.items()]
        return _together([one for _, one, _ in packed]), {"dict": [[key, order] for key, _, order in packed]}
    if isinstance(tree, list | tuple):
        parts = [pack(value, f"{name}.{at}") for at, value in enumerate(tree)]
        kind = "list" if isinstance(tree, list) else "tuple"
        return _together([one for one, _ in parts]), {kind: [order for _, order in parts]}
    if isinstance(tree, float) and not math.isfinite(tree):
        return {}, {"float": str(tree)}
    if tree is None or isinstance(tree, bool | int | float | str):
        return {}, tree
    raise TypeError(f"{name} is a {type(tree).__name__}: a state can only contain tensors, numbers, text and None")


def as_array(tensor: Tensor, name: str) -> np.ndarray:
    """Return a tensor as an array with the same dtype; bfloat16 becomes float32, which loses no precision.

    Raises:
        TypeError: NumPy does not support the tensor's dtype or layout.
    """
    tensor = tensor.detach().cpu()
    try:
        return (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy()
    except TypeError as error:
        raise TypeError(f"{name} is a tensor of {tensor.dtype}, {tensor.layout}: a state cannot contain it") from error


def unpack(arrays: Mapping[str, np.ndarray], order: Json) -> Tree:
    """Rebuild the values from the arrays and JSON that :func:`pack` returned; tensors are on the CPU."""
    if not isinstance(order, dict):
        return order  # type: ignore[return-value]
    ((kind, content),) = order.items()
    if kind == "array":
        return torch.from_numpy(np.array(arrays[str(content)]))
    if kind == "bfloat16":
        return torch.from_numpy(np.array(arrays[str(content)])).bfloat16()
    if kind == "float":
        return float(str(content))
    assert isinstance(content, list)
    if kind == "dict":
        return {key: unpack(arrays, value) for key, value in content}  # type: ignore[misc,return-value]
    values = [unpack(arrays, value) for value in content]
    return tuple(values) if kind == "tuple" else values


def is_table(order: Json) -> bool:
    """Return whether packed values have the form ``{number: {key: tensor}}``, as :func:`unpack_table` requires."""
    if not isinstance(order, dict) or list(order) != ["dict"]:
        return False
    rows = order["dict"]
    assert isinstance(rows, list)
    return all(
        isinstance(number, int)
        and isinstance(row, dict)
        and list(row) == ["dict"]
        and all(isinstance(one, dict) and "array" in one for _, one in row["dict"])  # type: ignore[union-attr,misc]
        for number, row in rows  # type: ignore[misc]
    )


def unpack_table(arrays: Mapping[str, np.ndarray], name: str) -> dict[int, dict[str, Tensor]]:
    """Return ``{number: {key: tensor}}`` from arrays named ``name.number.key``, ignoring all other arrays."""
    table: dict[int, dict[str, Tensor]] = {}
    for full, array in arrays.items():
        if full.startswith(f"{name}."):
            number, key = full.removeprefix(f"{name}.").split(".", 1)
            table.setdefault(int(number), {})[key] = torch.from_numpy(np.array(array))
    return table


def _together(parts: list[Arrays]) -> Arrays:
    """Merge several dictionaries of arrays into one."""
    return {name: array for part in parts for name, array in part.items()}
