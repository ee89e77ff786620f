"""Hypothetical contributions: what each of the four bases would contribute in every column, for motif discovery.

In: numbers ``(n, 4, columns)`` of several models. Out: a file of contributions and a file of one-hot sequences.
"""

import os
import tempfile
import zipfile
from contextlib import AbstractContextManager, ExitStack, suppress
from pathlib import Path

import numpy as np

from kanseq.data.sequences import SequenceSet
from kanseq.errors import BadOption
from kanseq.files import PathLike, disk_errors, whole_file
from kanseq.geometry import Geometry
from kanseq.models.network import BASES


class Hypothetical(AbstractContextManager["Hypothetical"]):
    """Contributions of all four bases in every column, added up in an unnamed file, for motif discovery.

    Two files come of it, both as TF-MoDISco reads them (``arr_0`` of shape ``(n, 4, columns)``, and ``ids``): the
    contributions, float32, and beside them as ``NAME.onehot.npz`` the sequences, int8.
    """

    def __init__(self, path: PathLike, genes: SequenceSet) -> None:
        """Make room beside ``path``.

        Raises:
            NotWritable: there is no such folder, or too little space.
        """
        self.path, self.genes = Path(path), genes
        shape = (len(genes), BASES, genes.geometry.columns)
        with disk_errors(self.path):
            self.file = tempfile.TemporaryFile(dir=self.path.parent)  # noqa: SIM115
            size = 4 * max(1, int(np.prod(shape)))
            if hasattr(os, "posix_fallocate"):
                # A file that a full disk cuts short would end the process when it is written to as memory.
                os.posix_fallocate(self.file.fileno(), 0, size)
            else:
                self.file.truncate(size)
        self.values = np.memmap(self.file, dtype=np.float32, mode="r+", shape=shape)

    def __exit__(self, *failure: object) -> None:
        """Let the file go."""
        del self.values
        with suppress(OSError):
            self.file.close()

    def add(self, rows: np.ndarray, values: np.ndarray, weights: np.ndarray) -> None:
        """Add one model's numbers ``(rows, 4, columns)`` for some rows, times ``weights (rows,)``."""
        self.values[rows] += values * weights[:, None, None].astype(np.float32)

    def write(self, geometry: Geometry, stack: ExitStack) -> None:
        """Write both files; they take their names when the stack closes."""
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
"""Genes that are packed at a time."""


def onehot_name(path: PathLike) -> Path:
    """Name the file of sequences that belongs to one of contributions.

    >>> onehot_name("a/hypothetical.npz").name
    'hypothetical.onehot.npz'
    """
    path = Path(path)
    return path.with_name(f"{path.name.removesuffix('.npz')}.onehot.npz")


def check_hypothetical(path: PathLike | None) -> None:
    """Make sure that the file's name ends as NumPy's archives do.

    Raises:
        BadOption: it does not.
    """
    if path is not None and not Path(path).name.endswith(".npz"):
        raise BadOption("the name of a file of hypothetical contributions must end in .npz", where=path)


def _one_hot(codes: np.ndarray) -> np.ndarray:
    """Give ``(n, 4, columns)`` int8; nothing for unknown bases."""
    return (codes[:, None] == np.arange(BASES, dtype=np.uint8)[:, None]).astype(np.int8)
