"""Combine several sets, such as those of several species, into one.

In: sets or their files. Out: one set.
"""

import logging
from collections.abc import Sequence
from dataclasses import asdict, replace
from os import PathLike as PathObject
from typing import TypeAlias

import pandas as pd

from kanseq.errors import BadOption, BadTable, ContigMismatch
from kanseq.io.files import PathLike, fingerprint, some
from kanseq.sequences.sequence_set import NO_SPECIES, Contigs, SequenceSet, check_name
from kanseq.sequences.stored import StoredSequences

logger = logging.getLogger(__name__)

Sets: TypeAlias = PathLike | SequenceSet | Sequence[PathLike | SequenceSet]
"""One set or several, in memory or as files."""


def as_one(genes: Sets) -> SequenceSet:
    """Open one set, or open and combine several; sequences in files are read on demand.

    Raises:
        BadTable, ContigMismatch: the sets cannot be combined, see :func:`combine_sets`.
    """
    sets = listed_sets(genes)
    if len(sets) != 1:
        return combine_sets(sets)
    return sets[0] if isinstance(sets[0], SequenceSet) else SequenceSet.open(sets[0])


def listed_sets(genes: Sets) -> list[PathLike | SequenceSet]:
    """Return one or several sets as a list."""
    return [genes] if isinstance(genes, SequenceSet | str | PathObject) else list(genes)


def check_several(sets: Sequence[PathLike | SequenceSet]) -> None:
    """Check that there are two or more sets.

    Raises:
        BadOption: there are fewer.
    """
    if len(sets) < 2:
        raise BadOption("combine requires at least two sets")


def combine_sets(sets: Sequence[PathLike | SequenceSet], names: Sequence[str] = ()) -> SequenceSet:
    """Concatenate sets of the same geometry; sequences that are on disk stay there.

    Args:
        sets: two sets or more, or their files.
        names: the species of each set, in the order of the sets; empty if the sets already have species.

    Raises:
        BadOption: there are fewer than two sets, the numbers of names and sets differ, or a set already has a species
            with a different name.
        BadTable: geometries or columns differ, or two sequences have the same species and id.
        ContigMismatch: one species has two different contigs of the same name.
    """
    check_several(sets)
    if names and len(names) != len(sets):
        raise BadOption(f"--species: {len(names)} names for {len(sets)} sets", hint="specify one per set, in order")
    shown = [f"set {number}" if isinstance(one, SequenceSet) else str(one) for number, one in enumerate(sets, 1)]
    read = [one if isinstance(one, SequenceSet) else SequenceSet.open(one) for one in sets]
    if names:
        read = [_named(*each) for each in zip(read, names, shown, strict=True)]
    _check_same_layout(read, shown)
    contigs = _joined_contigs(read, shown)
    table, stored = _joined(read)
    _check_twins(table)
    metadata = {
        "kind": read[0].metadata.get("kind", "genes" if read[0].geometry.has_genes else "sequences"),
        "contigs": contigs,
        "inputs": [fingerprint(one) for one in sets if not isinstance(one, SequenceSet)],
        "options": {"species": list(names)},
        "sets": [{name: one.metadata.get(name) for name in ("inputs", "options")} for one in read],
    }
    return SequenceSet(table, read[0].geometry, metadata, stored)


def _named(genes: SequenceSet, name: str, shown: str) -> SequenceSet:
    """Return the set with ``name`` as its species; raise BadOption if it already has another species."""
    check_name(name, "the species")
    there = list(genes.table["species"].unique())
    if there == [name]:
        return genes
    if there != [NO_SPECIES]:
        raise BadOption(
            f"--species {name}: this set has the species {some(there)}", where=shown, hint="specify the same name"
        )
    return replace(genes, table=genes.table.assign(species=name))


def _check_same_layout(sets: list[SequenceSet], shown: list[str]) -> None:
    """Check that all sets have the same geometry and columns; warn if several sets have no species."""
    first = sets[0]
    for one, name in zip(sets[1:], shown[1:], strict=True):
        if one.geometry != first.geometry:
            expected, actual = asdict(first.geometry), asdict(one.geometry)
            different = ", ".join(
                f"{key} {expected[key]} and {actual[key]}" for key in expected if expected[key] != actual[key]
            )
            raise BadTable(f"its geometry differs from {shown[0]}: {different}", where=name, hint="use one geometry")
        odd = sorted((set(one.table.columns) ^ set(first.table.columns)) - {"sequence"})
        if odd:
            raise BadTable(f"this set and {shown[0]} do not have the same columns: {some(odd)}", where=name)
    unnamed = [name for one, name in zip(sets, shown, strict=True) if (one.table["species"] == NO_SPECIES).any()]
    if len(unnamed) > 1:
        logger.warning("sets without a species count as one species (use --species to name them): %s", some(unnamed))


def _joined(sets: list[SequenceSet]) -> tuple[pd.DataFrame, StoredSequences | None]:
    """Concatenate the tables of sets; sequences stay on disk if those of all sets are on disk."""
    parts = [one.stored for one in sets]
    stored = None if any(part is None for part in parts) else StoredSequences.joined([part for part in parts if part])
    tables = [one.table if stored is not None else one.rows(slice(None)) for one in sets]
    return pd.concat(tables, ignore_index=True), stored


def _joined_contigs(sets: list[SequenceSet], shown: list[str]) -> Contigs:
    """Merge the contigs of all species, with keys ``SPECIES:CONTIG``; raise ContigMismatch if two differ.

    Contigs with the same key must have the same length and checksum.
    """
    joined: Contigs = {}
    for one, where in zip(sets, shown, strict=True):
        for species in one.table["species"].unique():
            for name, contig in one.contigs_of(species).items():
                entry = {**contig, "species": str(species), "name": name}
                known = joined.setdefault(f"{species}:{name}", entry)
                if known != entry:
                    raise ContigMismatch(
                        f"contig '{name}' of species '{species}' differs from the one in an earlier set",
                        where=where,
                        hint="if these are two species, use --species to name them",
                    )
    return joined


def _check_twins(table: pd.DataFrame) -> None:
    """Check that ids are unique within each species."""
    twice = table[table.duplicated(["species", "id"])]
    if len(twice):
        raise BadTable(
            f"several sequences have the same species and id: {some(list(twice['species'] + ' ' + twice['id']))}",
            hint="omit one of the sets, or if these are two species, use --species to name them",
        )
