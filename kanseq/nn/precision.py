"""In how many bits matrix products are taken: float32, or bfloat16 operands summed in float32.

In: a module and a name. Out: the same module, whose KAN layers take their products that way.
"""

import torch
from torch import Tensor, nn

PRECISIONS = ("float32", "bfloat16")
"""What :func:`set_precision` takes."""


def set_precision(module: nn.Module, precision: str) -> None:
    """Set how every KAN layer inside ``module``, and every module with a ``precision`` of its own, takes products.

    With ``bfloat16`` only the operands and results of matrix products are rounded to bfloat16; what they are added
    to, parameters and everything elementwise stay float32. float64 layers are not touched by it.

    Raises:
        ValueError: ``precision`` is neither ``float32`` nor ``bfloat16``.
    """
    if precision not in PRECISIONS:
        raise ValueError(f"precision must be one of {', '.join(PRECISIONS)}: {precision!r}")
    for layer in module.modules():
        if hasattr(layer, "precision"):
            layer.precision = precision


def resolve_precision(wanted: str, device: torch.device | str = "cpu") -> str:
    """Turn ``auto`` into ``bfloat16`` where the device has units for such products, else ``float32``.

    A processor counts if it has AMX tiles or AVX-512 bfloat16 instructions.

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
    """Choose the types of a layer's arithmetic.

    Returns:
        Three types: everything elementwise; the operands of products; the result. Inside ``torch.autocast`` the last
        two are autocast's, as ``nn.Linear``'s are; a layer in bfloat16 or float16 takes its products so.
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
