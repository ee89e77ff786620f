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
"""Values of the column ``split`` of a data set."""


ANY_SPLIT = "*"
"""Key of files that hold several splits, or that are split when they are read."""


class DataSet(NamedTuple):
    """One data set of a collection, found but not read.

    Attributes:
        name: its canonical name, such as ``tf_0``, independent of the folder's name.
        collection: one of :data:`kanseq.suites.collections.find_data_sets.COLLECTIONS`.
        files: its files and folders by split, or under :data:`ANY_SPLIT`.
        reader: function that reads the set.
    """

    name: str
    collection: str
    files: Mapping[str, Sequence[Path]]
    reader: Callable[[], SequenceSet]

    def read(self) -> SequenceSet:
        """Read a set with the columns ``label`` and ``split``.

        Raises:
            BadTable, MalformedLine, ContigMismatch: a file is invalid.
        """
        return self.reader()


def walk(folder: Path) -> Iterator[tuple[Path, list[str], list[str]]]:
    """Iterate over folders like ``os.walk``, sorted by name and following links; skip names that begin with a dot.

    The caller may remove names from the second list; these folders are then skipped.
    """
    seen: set[str] = set()
    for place, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(place)
        folders[:] = [] if real in seen else sorted(name for name in folders if not name.startswith("."))
        if real not in seen:
            yield Path(place), folders, sorted(name for name in files if not name.startswith("."))
        seen.add(real)


def contents(folder: Path) -> str:
    """Return names of some files in a folder, for messages."""
    names = sorted(entry.name + "/" * entry.is_dir() for entry in os.scandir(folder))
    return some(names, 5) if names else "nothing"
