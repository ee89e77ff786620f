"""``kanseq combine``: combine several sets into one, for example the sets of several species.

In: sets of the same geometry. Out: one set, with rows in the order of the inputs and contigs stored by species.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from kanseq.io.files import PathLike, check_output, comma_separated
from kanseq.sequences.sequence_set import SequenceSet
from kanseq.sequences.several_sets import check_several, combine_sets
from kanseq.verbs.short_repr import brief


@brief
class Combined(NamedTuple):
    """Result of :func:`combine`.

    Attributes:
        sequences: number of sequences.
        species: species -> number of sequences.
        contigs: number of contigs; contigs of two species with the same name are counted twice.
        output: path of the combined set; None if it was not written.
        set: the combined set; sequences are read from the input files when needed.
    """

    sequences: int
    species: dict[str, int]
    contigs: int
    output: Path | None
    set: SequenceSet


def combine(
    sets: Sequence[PathLike | SequenceSet], *, output: PathLike | None = None, species: str | Sequence[str] = ()
) -> Combined:
    """Combine several sets into one set, for example to train on some species and test on others.

    Args:
        sets: two or more sets with the same geometry, or their files.
        output: path of the combined set, a Parquet file.
        species: the species name of each set, in the order of the sets. It is needed for sets that were made without
            ``--species``; for other sets it must match the name in the set.

    Raises:
        BadOption: there are fewer than two sets, or the names do not match the sets.
        BadTable: the geometries or columns of the sets differ, or several sequences have the same species and id.
        ContigMismatch: sets of one species have contigs with the same name but different sequences.
    """
    sets = list(sets)
    check_several(sets)
    check_output(inputs=sets, binary=output)
    result = combine_sets(sets, comma_separated(species))
    if output is not None:
        result.write(output)
    counts = {str(name): int(count) for name, count in result.table["species"].value_counts(sort=False).items()}
    return Combined(len(result), counts, len(result.contigs), None if output is None else Path(output), result)
