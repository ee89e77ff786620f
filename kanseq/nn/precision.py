"""Choose the precision of matrix products in KAN layers: float32, or bfloat16 operands with sums in float32.

In: a module and the name of a precision. Out: the module, whose layers compute products in this precision.
"""

import torch
from torch import Tensor, nn

PRECISIONS = ("float32", "bfloat16")
"""Allowed precisions for :func:`set_precision`."""


def set_precision(module: nn.Module, precision: str) -> None:
    """Set the precision of matrix products in all layers of ``module`` that have an attribute ``precision``.

    With ``bfloat16``, only the operands and results of matrix products are rounded to bfloat16. Parameters, elementwise
    operations, and sums to which products are added remain float32. Layers with float64 parameters are not affected.

    Raises:
        ValueError: ``precision`` is neither ``float32`` nor ``bfloat16``.
    """
    if precision not in PRECISIONS:
        raise ValueError(f"precision must be one of {', '.join(PRECISIONS)}: {precision!r}")
    for layer in module.modules():
        if hasattr(layer, "precision"):
            layer.precision = precision


def resolve_precision(wanted: str, device: torch.device | str = "cpu") -> str:
    """Return the precision to use on a device: ``wanted``, unless it is ``auto``.

    ``auto`` becomes ``bfloat16`` if the device has hardware for bfloat16 products (a CPU: AMX tiles or AVX-512 bfloat16
    instructions), and otherwise ``float32``.

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
    """Return the dtypes that a KAN layer uses for its computations.

    Args:
        precision: the precision of the layer.
        x: inputs of the layer.
        weight: weights of the layer.

    Returns:
        The dtype of elementwise operations, the dtype of the operands of products, and the dtype of the outputs. Inside
        ``torch.autocast``, the last two are the dtype of autocast, as for ``nn.Linear``. If the weights are bfloat16 or
        float16, the last two are the dtype of the weights.
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
