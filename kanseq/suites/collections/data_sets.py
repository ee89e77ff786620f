"""One data set of a published collection, and a walk through the folders in which such data sets are.

In: a folder. Out: files by split, and a set when they are read.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from kanseq.io.files import some
from kanseq.sequences.sequence_set import SequenceSet

SPLITS = ("train", "dev", "test")
"""What stands in the column ``split`` of a data set."""


ANY_SPLIT = "*"
"""Under this key stand files that hold several splits, or that are cut into splits when they are read."""


class DataSet(NamedTuple):
    """One data set of a collection, found but not read.

    Attributes:
        name: its canonical name, such as ``tf_0``, whatever its folder is called.
        collection: one of :data:`COLLECTIONS`.
        files: its files and folders by split, or under :data:`ANY_SPLIT`.
        reader: makes the set.
    """

    name: str
    collection: str
    files: Mapping[str, Sequence[Path]]
    reader: Callable[[], SequenceSet]

    def read(self) -> SequenceSet:
        """Make a set with the columns ``label`` and ``split``.

        Raises:
            BadTable, MalformedLine, ContigMismatch: a file has a fault.
        """
        return self.reader()


def walk(folder: Path) -> Iterator[tuple[Path, list[str], list[str]]]:
    """Walk through a folder like ``os.walk``, in the order of names, along links too; what begins with a point is left.

    The caller may take names out of the second list, which are not entered then.
    """
    seen: set[str] = set()
    for place, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(place)
        folders[:] = [] if real in seen else sorted(name for name in folders if not name.startswith("."))
        if real not in seen:
            yield Path(place), folders, sorted(name for name in files if not name.startswith("."))
        seen.add(real)


def contents(folder: Path) -> str:
    """Name some of what a folder holds, for messages."""
    names = sorted(entry.name + "/" * entry.is_dir() for entry in os.scandir(folder))
    return some(names, 5) if names else "nothing"
