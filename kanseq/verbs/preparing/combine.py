"""``kanseq combine``: join sets, such as those of several species, into one.

In: sets of the same geometry. Out: one set, with rows in the order of the inputs and contigs stored by species.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from kanseq.io.files import PathLike, check_output, comma_separated
from kanseq.sequences.sequence_set import SequenceSet
from kanseq.sequences.several_sets import combine_sets
from kanseq.verbs.short_repr import brief


@brief
class Combined(NamedTuple):
    """The result of :func:`combine`.

    Attributes:
        sequences: number of sequences.
        species: number of sequences per species.
        contigs: number of contigs; contigs of two species with the same name count twice.
        output: the file, if one was written.
        set: the combined set; sequences in files stay there and are not copied.
    """

    sequences: int
    species: dict[str, int]
    contigs: int
    output: Path | None
    set: SequenceSet


def combine(
    sets: Sequence[PathLike | SequenceSet], *, output: PathLike | None = None, species: str | Sequence[str] = ()
) -> Combined:
    """Concatenate sets, such as those of several species, to train on some species and test on others.

    Args:
        sets: two or more sets, or their files, of the same geometry.
        output: path of the combined set, a Parquet file.
        species: one name per set, in the order of the sets, for sets made without ``--species``; a set that already
            names its species keeps it, and must have that name here.

    Raises:
        BadOption: there are fewer than two sets, or the names do not fit them.
        BadTable: geometries or columns differ, or several sequences have the same species and id.
        ContigMismatch: a species has two contigs with the same name and different letters.
    """
    sets = list(sets)
    check_output(inputs=sets, binary=output)
    result = combine_sets(sets, comma_separated(species))
    if output is not None:
        result.write(output)
    counts = {str(name): int(count) for name, count in result.table["species"].value_counts(sort=False).items()}
    return Combined(len(result), counts, len(result.contigs), None if output is None else Path(output), result)
