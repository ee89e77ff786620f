"""The precision of matrix products: float32, or bfloat16 operands summed in float32.

In: a module and a name. Out: the same module, with KAN layers that compute products in this precision.
"""

import torch
from torch import Tensor, nn

PRECISIONS = ("float32", "bfloat16")
"""Precisions that :func:`set_precision` accepts."""


def set_precision(module: nn.Module, precision: str) -> None:
    """Set the precision of products in every KAN layer of ``module``, and in every other layer with a ``precision``.

    With ``bfloat16``, only the operands and results of matrix products are rounded to bfloat16. The sums that they are
    added to, parameters and elementwise operations stay float32. float64 layers are not affected.

    Raises:
        ValueError: ``precision`` is neither ``float32`` nor ``bfloat16``.
    """
    if precision not in PRECISIONS:
        raise ValueError(f"precision must be one of {', '.join(PRECISIONS)}: {precision!r}")
    for layer in module.modules():
        if hasattr(layer, "precision"):
            layer.precision = precision


def resolve_precision(wanted: str, device: torch.device | str = "cpu") -> str:
    """Turn ``auto`` into ``bfloat16`` if the device has hardware for such products, else into ``float32``.

    A CPU has it if it supports AMX tiles or AVX-512 bfloat16 instructions.

    Raises:
        ValueError: ``wanted`` is neither ``auto`` nor one of :data:`PRECISIONS`.
    """
    if wanted not in ("auto", *PRECISIONS):
        raise ValueError(f"precision must be one of auto, {', '.join(PRECISIONS)}: {wanted!r}")
    if wanted != "auto":
        return wanted
    if torch.device(device).type == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float32"
    checks = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
    has_units = any(getattr(torch.cpu, check, bool)() for check in checks)
    return "bfloat16" if has_units and torch.backends.mkldnn.is_available() else "float32"


def operand_type(precision: str, x: Tensor, weight: Tensor) -> tuple[torch.dtype, torch.dtype, torch.dtype]:
    """Return the dtypes of a layer's arithmetic.

    Returns:
        Three dtypes: of elementwise operations, of the operands of products, and of the result. Inside
        ``torch.autocast``, the last two are those of autocast, as for ``nn.Linear``; a layer in bfloat16 or float16
        computes products in this dtype.
    """
    exact = torch.promote_types(weight.dtype, torch.float32)
    if exact == torch.float64:
        return exact, exact, exact
    if torch.amp.is_autocast_available(x.device.type) and torch.is_autocast_enabled(x.device.type):
        half = torch.get_autocast_dtype(x.device.type)
        return exact, half, half
    if weight.dtype != exact:
        return exact, weight.dtype, weight.dtype
    return exact, torch.bfloat16 if precision == "bfloat16" else exact, exact
