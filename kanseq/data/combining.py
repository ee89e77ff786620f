"""``kanseq combine``: sets of several species become one.

In: sets of the same geometry. Out: one set, the rows of the first in front; contigs know whose they are.
"""

import logging
from collections.abc import Sequence
from dataclasses import asdict, replace
from os import PathLike as PathObject
from pathlib import Path
from typing import NamedTuple, TypeAlias

import pandas as pd

from kanseq.data.sequences import NO_SPECIES, SequenceSet, check_name
from kanseq.data.stored_sequences import StoredSequences
from kanseq.errors import BadOption, BadTable, ContigMismatch
from kanseq.files import PathLike, check_output, comma_separated, fingerprint, some
from kanseq.showing import brief

logger = logging.getLogger(__name__)

Sets: TypeAlias = PathLike | SequenceSet | Sequence[PathLike | SequenceSet]
"""A set, in memory or as a file, or several."""

_Contigs = dict[str, dict[str, int | str]]


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
    if len(sets) < 2:
        raise BadOption("one set alone: two or more are wanted")
    check_output(inputs=sets, binary=output)
    names = comma_separated(species)
    if names and len(names) != len(sets):
        raise BadOption(f"--species: {len(names)} names for {len(sets)} sets", hint="give one for each, in their order")
    shown = [f"set {number}" if isinstance(one, SequenceSet) else str(one) for number, one in enumerate(sets, 1)]
    read = [one if isinstance(one, SequenceSet) else SequenceSet.open(one) for one in sets]
    if names:
        read = [_named(*each) for each in zip(read, names, shown, strict=True)]
    _check_alike(read, shown)
    contigs = _joined_contigs(read, shown)
    table, stored = _joined(read)
    _check_twins(table)
    metadata = {
        "kind": read[0].metadata.get("kind", "genes" if read[0].geometry.has_genes else "sequences"),
        "contigs": contigs,
        "inputs": [fingerprint(one) for one in sets if not isinstance(one, SequenceSet)],
        "options": {"species": names},
        "sets": [{name: one.metadata.get(name) for name in ("inputs", "options")} for one in read],
    }
    result = SequenceSet(table, read[0].geometry, metadata, stored)
    if output is not None:
        result.write(output)
    counts = {str(name): int(count) for name, count in table["species"].value_counts(sort=False).items()}
    return Combined(len(result), counts, len(contigs), None if output is None else Path(output), result)


def as_one(genes: Sets) -> SequenceSet:
    """Open a set, or several as one, whose sequences stay where they are.

    Raises:
        BadTable, ContigMismatch: several do not fit under each other, as for :func:`combine`.
    """
    sets = listed_sets(genes)
    if len(sets) != 1:
        return combine(sets).set
    return sets[0] if isinstance(sets[0], SequenceSet) else SequenceSet.open(sets[0])


def listed_sets(genes: Sets) -> list[PathLike | SequenceSet]:
    """Give one or several sets as a list."""
    return [genes] if isinstance(genes, SequenceSet | str | PathObject) else list(genes)


def _named(genes: SequenceSet, name: str, shown: str) -> SequenceSet:
    """Give a set of no named species its name."""
    check_name(name, "the species")
    there = list(genes.table["species"].unique())
    if there == [name]:
        return genes
    if there != [NO_SPECIES]:
        raise BadOption(
            f"--species {name}: this set is of {some(there)}", where=shown, hint="give sets the species that they name"
        )
    return replace(genes, table=genes.table.assign(species=name))


def _check_alike(sets: list[SequenceSet], shown: list[str]) -> None:
    """Refuse sets whose rows do not fit under each other, and warn where two have no named species."""
    first = sets[0]
    for one, name in zip(sets[1:], shown[1:], strict=True):
        if one.geometry != first.geometry:
            ours, theirs = asdict(first.geometry), asdict(one.geometry)
            different = ", ".join(f"{key} {ours[key]} and {theirs[key]}" for key in ours if ours[key] != theirs[key])
            raise BadTable(f"its geometry is not that of {shown[0]}: {different}", where=name, hint="make both alike")
        odd = sorted((set(one.table.columns) ^ set(first.table.columns)) - {"sequence"})
        if odd:
            raise BadTable(f"this set and {shown[0]} do not have the same columns: {some(odd)}", where=name)
    unnamed = [name for one, name in zip(sets, shown, strict=True) if (one.table["species"] == NO_SPECIES).any()]
    if len(unnamed) > 1:
        logger.warning("these sets name no species, and are taken for one (--species names them): %s", some(unnamed))


def _joined(sets: list[SequenceSet]) -> tuple[pd.DataFrame, StoredSequences | None]:
    """Put tables under each other; sequences stay on disk where all of them lie there."""
    parts = [one.stored for one in sets]
    stored = None if any(part is None for part in parts) else StoredSequences.joined([part for part in parts if part])
    tables = [one.table if stored is not None else one.rows(slice(None)) for one in sets]
    return pd.concat(tables, ignore_index=True), stored


def _joined_contigs(sets: list[SequenceSet], shown: list[str]) -> _Contigs:
    """Put the contigs of all species under each other, each under ``SPECIES:CONTIG``."""
    joined: _Contigs = {}
    for one, where in zip(sets, shown, strict=True):
        for species in one.table["species"].unique():
            for name, contig in one.contigs_of(species).items():
                entry = {**contig, "species": str(species), "name": name}
                known = joined.setdefault(f"{species}:{name}", entry)
                if known != entry:
                    raise ContigMismatch(
                        f"contig '{name}' of species '{species}' is not the one of an earlier set",
                        where=where,
                        hint="if these are two species, name them with --species",
                    )
    return joined


def _check_twins(table: pd.DataFrame) -> None:
    """Refuse ids that two sequences of one species share."""
    twice = table[table.duplicated(["species", "id"])]
    if len(twice):
        raise BadTable(
            f"species and id name two sequences: {some(list(twice['species'] + ' ' + twice['id']))}",
            hint="leave one of the sets out; or if these are two species, name them with --species",
        )
