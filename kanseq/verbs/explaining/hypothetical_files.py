"""Write hypothetical contributions and one-hot sequences in the format of TF-MoDISco.

In: sums of contributions of all genes. Out: two ``.npz`` files.
"""

import zipfile
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from kanseq.errors import BadOption
from kanseq.geometry import Geometry
from kanseq.io.files import PathLike, disk_errors, whole_file
from kanseq.models.network import BASES
from kanseq.sequences.sequence_set import SequenceSet

GENES = 64
"""Number of genes that are encoded and written per step."""


def check_hypothetical(path: PathLike | None) -> None:
    """Check that the name of a file of hypothetical contributions ends in ``.npz``.

    Raises:
        BadOption: the name does not end in ``.npz``.
    """
    if path is not None and not Path(path).name.endswith(".npz"):
        raise BadOption("the name of a file of hypothetical contributions must end in .npz", where=path)


def onehot_name(path: PathLike) -> Path:
    """Return the path of the file of one-hot sequences that belongs to a file of hypothetical contributions.

    >>> onehot_name("a/hypothetical.npz").name
    'hypothetical.onehot.npz'
    """
    path = Path(path)
    return path.with_name(f"{path.name.removesuffix('.npz')}.onehot.npz")


def write_hypothetical(
    path: PathLike, values: np.ndarray, genes: SequenceSet, geometry: Geometry, stack: ExitStack
) -> None:
    """Write contributions to ``NAME.npz``, and the one-hot sequences to ``NAME.onehot.npz`` in the same folder.

    Both files contain ``ids`` and ``arr_0``, of shape ``(n, 4, columns)``: float32 contributions, or int8 sequences.

    Args:
        path: the file of contributions, ``NAME.npz``.
        values: the contributions, ``(n, 4, columns)``.
        genes: the ``n`` genes, in the order of ``values``.
        geometry: the columns that the models read; masked columns are all zeros in the one-hot sequences.
        stack: both files get their final names when this stack closes.
    """
    ids = np.array(genes.table["id"].astype(str).tolist())
    for each, dtype, part in (
        (Path(path), np.float32, lambda rows: values[rows]),
        (onehot_name(path), np.int8, lambda rows: _one_hot(geometry.hide(genes.codes(rows)))),
    ):
        temporary = stack.enter_context(whole_file(each))
        with disk_errors(each), zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
            with archive.open("arr_0.npy", "w", force_zip64=True) as handle:
                header = {"descr": np.dtype(dtype).str, "fortran_order": False, "shape": values.shape}
                np.lib.format.write_array_header_1_0(handle, header)
                for start in range(0, len(ids), GENES):
                    handle.write(np.ascontiguousarray(part(slice(start, start + GENES)), dtype=dtype).tobytes())
            with archive.open("ids.npy", "w") as handle:
                np.lib.format.write_array(handle, ids)


def _one_hot(codes: np.ndarray) -> np.ndarray:
    """One-hot encode base codes ``(n, columns)`` as ``(n, 4, columns)`` int8; unknown bases are all zeros."""
    return (codes[:, None] == np.arange(BASES, dtype=np.uint8)[:, None]).astype(np.int8)
