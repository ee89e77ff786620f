"""Data sets of published collections, and functions to search folders for them.

In: a folder. Out: data sets, with their files by split; a data set can be read as a set of sequences.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from kanseq.io.files import some
from kanseq.sequences.sequence_set import SequenceSet

SPLITS = ("train", "dev", "test")
"""Values of the column ``split`` of a data set."""

ANY_SPLIT = "*"
"""Key for files that contain several splits, or whose sequences are split when they are read."""


class DataSet(NamedTuple):
    """A data set of a collection, which was found in a folder but not read yet.

    Attributes:
        name: the canonical name, such as ``tf_0``, which does not depend on the folder's name.
        collection: one of :data:`kanseq.suites.collections.find_data_sets.COLLECTIONS`.
        files: split (or :data:`ANY_SPLIT`) -> files and folders with its sequences.
        reader: function that reads the set.
    """

    name: str
    collection: str
    files: Mapping[str, Sequence[Path]]
    reader: Callable[[], SequenceSet]

    def read(self) -> SequenceSet:
        """Read the data set as a set of sequences with the columns ``label`` and ``split``.

        Raises:
            BadTable, MalformedLine, ContigMismatch: a file is invalid.
        """
        return self.reader()


def walk(folder: Path) -> Iterator[tuple[Path, list[str], list[str]]]:
    """Iterate over folders like ``os.walk``, sorted by name and following links; skip names that begin with a dot.

    Each item is a folder, the names of its subfolders, and the names of its files. The caller may remove names from the
    list of subfolders; these are then skipped.
    """
    seen: set[str] = set()
    for place, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(place)
        folders[:] = [] if real in seen else sorted(name for name in folders if not name.startswith("."))
        if real not in seen:
            yield Path(place), folders, sorted(name for name in files if not name.startswith("."))
        seen.add(real)


def contents(folder: Path) -> str:
    """Return the names of some files in a folder as text, for messages."""
    names = sorted(entry.name + "/" * entry.is_dir() for entry in os.scandir(folder))
    return some(names, 5) if names else "nothing"
