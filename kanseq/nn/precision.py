"""In how many bits matrix products are taken: float32, or bfloat16 operands summed in float32.

In: a module and a name. Out: the same module, whose KAN layers take their products that way.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

PRECISIONS = ("float32", "bfloat16")
"""What :func:`set_precision` takes."""


def set_precision(module: nn.Module, precision: str) -> None:
    """Set how every KAN layer inside ``module`` takes its matrix products.

    With ``bfloat16`` only the operands of matrix products are rounded to bfloat16; sums, results, parameters and
    everything elementwise stay float32. float64 layers are not touched by it.

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
    """
    if wanted != "auto":
        return wanted
    if torch.device(device).type == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported() else "float32"
    checks = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
    has_units = any(getattr(torch.cpu, check, bool)() for check in checks)
    return "bfloat16" if has_units and torch.backends.mkldnn.is_available() else "float32"


@contextmanager
def products(precision: str) -> Iterator[None]:
    """Take float32 matrix products inside the block with operands of this precision.

    The switch is PyTorch's own and belongs to the process, so the block holds nothing but products. A processor
    without bfloat16 units goes on in float32; a GPU rounds to TF32, which is finer than bfloat16.
    """
    if precision == "float32":
        yield
        return
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
