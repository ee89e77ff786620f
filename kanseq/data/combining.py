"""``kanseq combine``: sets of several species become one.

In: sets of the same geometry. Out: one set, the rows of the first in front; contigs know whose they are.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from kanseq.data.sequences import SequenceSet
from kanseq.data.several_sets import combine_sets
from kanseq.files import PathLike, check_output, comma_separated
from kanseq.showing import brief


@brief
class Combined(NamedTuple):
    """What :func:`combine` made.

    Attributes:
        sequences: how many there are.
        species: how many are of each species.
        contigs: how many contigs there are, those of two species with one name counted twice.
        output: the file, if one was written.
        set: its content; sequences that came from files stay there, and nothing is copied.
    """

    sequences: int
    species: dict[str, int]
    contigs: int
    output: Path | None
    set: SequenceSet


def combine(
    sets: Sequence[PathLike | SequenceSet], *, output: PathLike | None = None, species: str | Sequence[str] = ()
) -> Combined:
    """Put sets under each other, such as those of several species, to train on some and test on others.

    Args:
        sets: two sets or more, or their files, of one geometry.
        output: the set of all, a Parquet file.
        species: a name for each set, in their order, where sets were made without ``--species``; a set that names its
            species already keeps it, and must be given that name here.

    Raises:
        BadOption: fewer than two sets, or names that do not fit them.
        BadTable: geometries or columns differ, or a species and id stand for two sequences.
        ContigMismatch: one species has two contigs of one name, with different letters.
    """
    sets = list(sets)
    check_output(inputs=sets, binary=output)
    result = combine_sets(sets, comma_separated(species))
    if output is not None:
        result.write(output)
    counts = {str(name): int(count) for name, count in result.table["species"].value_counts(sort=False).items()}
    return Combined(len(result), counts, len(result.contigs), None if output is None else Path(output), result)
