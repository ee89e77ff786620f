"""Hypothetical contributions: the contribution that each of the four bases would have in every column.

In: contributions ``(n, 4, columns)`` by several models. Out: two files for motif discovery: their sum, and sequences.
"""

import os
import tempfile
import zipfile
from contextlib import AbstractContextManager, ExitStack, suppress
from pathlib import Path

import numpy as np

from kanseq.errors import BadOption
from kanseq.geometry import Geometry
from kanseq.io.files import PathLike, disk_errors, whole_file
from kanseq.models.network import BASES
from kanseq.sequences.sequence_set import SequenceSet


class Hypothetical(AbstractContextManager["Hypothetical"]):
    """Hypothetical contributions of all genes, summed over models in a temporary file, for motif discovery.

    The output is two files in the format of TF-MoDISco (``arr_0`` of shape ``(n, 4, columns)``, and ``ids``): the
    contributions, float32, and next to them ``NAME.onehot.npz`` with the one-hot sequences, int8.
    """

    def __init__(self, path: PathLike, genes: SequenceSet) -> None:
        """Create a temporary file for the contributions of ``genes``, in the folder of the output ``path``.

        Raises:
            NotWritable: the folder does not exist, or has too little space.
        """
        self.path, self.genes = Path(path), genes
        shape = (len(genes), BASES, genes.geometry.columns)
        with disk_errors(self.path):
            self.file = tempfile.TemporaryFile(dir=self.path.parent)  # noqa: SIM115
            size = 4 * max(1, int(np.prod(shape)))
            if hasattr(os, "posix_fallocate"):
                # Without reserved space, writing to the memory map on a full disk would kill the process.
                os.posix_fallocate(self.file.fileno(), 0, size)
            else:
                self.file.truncate(size)
        self.values = np.memmap(self.file, dtype=np.float32, mode="r+", shape=shape)

    def __exit__(self, *failure: object) -> None:
        """Close the temporary file."""
        del self.values
        with suppress(OSError):
            self.file.close()

    def add(self, rows: np.ndarray, values: np.ndarray, weights: np.ndarray) -> None:
        """Add the contributions ``(rows, 4, columns)`` by one model for some genes, times ``weights (rows,)``."""
        self.values[rows] += values * weights[:, None, None].astype(np.float32)

    def write(self, geometry: Geometry, stack: ExitStack) -> None:
        """Write contributions and masked sequences; both files get their final names when ``stack`` closes."""
        ids = np.array(self.genes.table["id"].astype(str).tolist())
        for path, dtype, part in (
            (self.path, np.float32, lambda rows: self.values[rows]),
            (onehot_name(self.path), np.int8, lambda rows: _one_hot(geometry.hide(self.genes.codes(rows)))),
        ):
            temporary = stack.enter_context(whole_file(path))
            with disk_errors(path), zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
                with archive.open("arr_0.npy", "w", force_zip64=True) as handle:
                    header = {"descr": np.dtype(dtype).str, "fortran_order": False, "shape": self.values.shape}
                    np.lib.format.write_array_header_1_0(handle, header)
                    for start in range(0, len(ids), GENES):
                        handle.write(np.ascontiguousarray(part(slice(start, start + GENES)), dtype=dtype).tobytes())
                with archive.open("ids.npy", "w") as handle:
                    np.lib.format.write_array(handle, ids)


GENES = 64
"""Number of genes that are compressed at once."""


def onehot_name(path: PathLike) -> Path:
    """Return the path of the file of one-hot sequences that belongs to a file of hypothetical contributions.

    >>> onehot_name("a/hypothetical.npz").name
    'hypothetical.onehot.npz'
    """
    path = Path(path)
    return path.with_name(f"{path.name.removesuffix('.npz')}.onehot.npz")


def check_hypothetical(path: PathLike | None) -> None:
    """Check that the name of a file of hypothetical contributions ends in ``.npz``.

    Raises:
        BadOption: the name has another ending.
    """
    if path is not None and not Path(path).name.endswith(".npz"):
        raise BadOption("the name of a file of hypothetical contributions must end in .npz", where=path)


def _one_hot(codes: np.ndarray) -> np.ndarray:
    """One-hot encode base codes ``(n, columns)`` as ``(n, 4, columns)`` int8; unknown bases are all zeros."""
    return (codes[:, None] == np.arange(BASES, dtype=np.uint8)[:, None]).astype(np.int8)
