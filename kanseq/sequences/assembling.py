"""Assemble a set from labelled sequences and intervals.

In: tables, FASTA and BED files, genomes. Out: a set with one row per sequence.
"""

import logging
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import pandas as pd

from kanseq.errors import BadOption, BadTable
from kanseq.genome.fasta import Contig, read_contigs
from kanseq.genome.intervals import cut_intervals
from kanseq.geometry import Geometry
from kanseq.io.files import PathLike, check_input, some
from kanseq.sequences.labelled_files import (
    Columns,
    LabelledSequence,
    SequenceSource,
    check_source,
    describe_source,
    read_source,
)
from kanseq.sequences.sequence_set import NO_SPECIES, Contigs, SequenceSet, check_name, md5_of_letters

logger = logging.getLogger(__name__)

Genomes: TypeAlias = PathLike | Mapping[str, PathLike] | Sequence[str] | None
"""Genome from which intervals are read: one FASTA for all classes, or one per class.

Genomes by class are a mapping class -> FASTA, or items ``CLASS=FASTA``.
"""

TABLE = Columns()
"""Default column names of tables."""


def genomes_by_class(genome: Genomes) -> PathLike | dict[str, PathLike] | None:
    """Convert the option ``genome`` to one FASTA, a mapping class -> FASTA, or None if it is not specified.

    Raises:
        BadOption: one of several items does not have the form ``CLASS=FASTA``, or a class has two genomes.
    """
    if genome is None or isinstance(genome, (str, os.PathLike)):
        return genome
    if isinstance(genome, Mapping):
        return dict(genome)
    if len(genome) == 1 and ("=" not in str(genome[0]) or Path(genome[0]).exists()):
        return genome[0]
    return by_name(genome, "--genome", "CLASS=FASTA", "specify one FASTA per class") or None


def input_paths(sources: Sequence[SequenceSource], genomes: PathLike | dict[str, PathLike] | None) -> list[PathLike]:
    """Return the paths of all input files and genomes; check that they exist.

    Raises:
        MissingFile: a file is missing.
    """
    fastas = dict.fromkeys(map(Path, genomes.values())) if isinstance(genomes, dict) else [genomes]
    return [check_source(one.path) for one in sources] + [check_input(path) for path in fastas if path is not None]


def assemble(
    sources: Sequence[SequenceSource],
    columns: Columns = TABLE,
    genomes: PathLike | dict[str, PathLike] | None = None,
    *,
    width: int | None = None,
    species: str = NO_SPECIES,
) -> SequenceSet:
    """Read labelled sequences into a set, which has as many columns as the longest sequence has letters.

    Args:
        sources: files of sequences or intervals.
        columns: names of the columns in tables.
        genomes: FASTA from which intervals are read, or a mapping class -> FASTA.
        width: extend intervals on both sides to this many bases; see :func:`kanseq.import_sequences`.
        species: name of the species.

    Raises:
        BadTable, MalformedLine, ContigMismatch, BadOption: see :func:`kanseq.import_sequences`.
    """
    paths = input_paths(sources, genomes)
    check_name(species, "the species")
    if width is not None and width < 1:
        raise BadOption(f"--width {width}", hint="it must be at least 1")
    records = [one for each in sources for one in read_source(each, columns, placed=genomes is not None, width=width)]
    if not records:
        raise BadTable("no sequences", where=sources[0].path)
    records, contigs, left_out = _cut(records, genomes, width)
    if not records:
        raise BadTable("no interval remains", where=sources[0].path, hint="use another --width")
    _check_ids(records)

    options = _options(sources, columns, species)
    if width is not None:
        options |= {"width": width, "left_out": left_out}
    metadata = {
        "kind": "sequences",
        "contigs": contigs,
        "inputs": [describe_source(path) for path in paths],
        "options": options,
    }
    table = _table(records, species, placed=bool(contigs))
    return SequenceSet(table, Geometry.plain(int(table["length"].max())), metadata)


def by_name(items: Sequence[str], option: str, form: str, hint: str) -> dict[str, PathLike]:
    """Parse items ``NAME=FILE`` into a mapping name -> file; ``option``, ``form`` and ``hint`` are for messages."""
    found: dict[str, PathLike] = {}
    for item in items:
        name, equals, path = str(item).partition("=")
        if not (name and equals and path):
            raise BadOption(f"{option} {item}: {form} is expected")
        if name in found:
            raise BadOption(f"{option} {name} is specified twice", hint=hint)
        found[name] = path
    return found


def columns_of(
    sequences: str | Sequence[str], label: str | None = None, name: str | None = None, split: str | None = None
) -> Columns:
    """Return the names of the columns to read; raise BadOption if no sequence column is named or one is repeated."""
    listed = (sequences,) if isinstance(sequences, str) else tuple(sequences)
    if not listed or len(set(listed)) < len(listed):
        raise BadOption("--sequence-column: no column is named, or one is repeated", hint="name each column once")
    return Columns(listed, label, name, split)


def _options(sources: Sequence[SequenceSource], columns: Columns, species: str) -> dict[str, object]:
    """Return the options of the import for the metadata of the set.

    Newer options are included only if they are used, so that files without them are identical to those of older
    versions.
    """
    several = [one for one in sources if one.label is not None and one.split is not None]
    options: dict[str, object] = {
        "classes": {one.label: Path(one.path).name for one in sources if one.label is not None and one.split is None},
        "sequence_column": columns.sequences[0] if len(columns.sequences) == 1 else list(columns.sequences),
        "label_column": columns.label,
        "id_column": columns.id,
        "species": species,
    }
    if columns.split is not None:
        options["split_column"] = columns.split
    if several:
        options["sources"] = [[Path(one.path).name, one.label, one.split] for one in several]
    return options


def _cut(
    records: Sequence[LabelledSequence], genomes: PathLike | dict[str, PathLike] | None, width: int | None
) -> tuple[list[LabelledSequence], Contigs, dict[str, int]]:
    """Read the sequences of all intervals from their genomes.

    Returns:
        The records with their sequences, except intervals that are longer than ``width``, or that reach past an end of
        their contig after extension; the contigs of the genome, empty if there are several genomes; and the number of
        excluded intervals by reason.
    """
    if isinstance(genomes, dict):
        _check_classes(genomes, {one.label for one in records})
    kept = [one for one in records if width is None or one.interval is None or one.interval.length <= width]
    rows_of: dict[Path, list[int]] = defaultdict(list)
    for row, one in enumerate(kept):
        if one.interval is not None and genomes is not None:
            rows_of[Path(_genome_of(one, genomes))].append(row)
    contigs: Contigs = {}
    for fasta, rows in rows_of.items():
        contigs = {}
        intervals = [kept[row].interval for row in rows]
        cut = cut_intervals(_described(fasta, contigs), intervals, width)  # type: ignore[arg-type]
        for row, interval, letters in zip(rows, intervals, cut.sequences, strict=True):
            placed = interval.widened(width)._replace(chrom=cut.contigs[interval.chrom])  # type: ignore[union-attr]
            kept[row] = kept[row]._replace(letters=letters, interval=placed)
    inside = [one for one in kept if one.letters]
    left_out = {"longer": len(records) - len(kept), "past_end": len(kept) - len(inside)}
    if any(left_out.values()):
        logger.warning(
            "excluded: %s intervals of more than %d bases, and %s that extend past an end of their contig",
            f"{left_out['longer']:,}",
            width,
            f"{left_out['past_end']:,}",
        )
    return inside, contigs if len(rows_of) == 1 else {}, left_out


def _check_classes(genomes: Mapping[str, PathLike], labels: Iterable[str | None]) -> None:
    """Check that every class that has a genome is the label of at least one sequence."""
    there = sorted(label for label in labels if label is not None)
    if unknown := sorted(set(genomes) - set(there)):
        raise BadOption(f"--genome {unknown[0]}={genomes[unknown[0]]}: unknown class", hint=f"there is {some(there)}")


def _genome_of(record: LabelledSequence, genomes: PathLike | Mapping[str, PathLike]) -> PathLike:
    """Return the FASTA from which the interval of a record is read."""
    if not isinstance(genomes, Mapping):
        return genomes
    if record.label not in genomes:
        what = "this interval has no class" if record.label is None else f"the class '{record.label}' has no genome"
        raise BadOption(what, where=record.where, hint=f"use --genome {record.label or 'CLASS'}=FASTA")
    return genomes[record.label]


def _described(genome: PathLike, contigs: Contigs) -> Iterator[Contig]:
    """Stream the contigs of a genome, and add the length and MD5 of each to ``contigs``."""
    for contig in read_contigs(genome):
        contigs[contig.name] = {"length": len(contig.sequence), "md5": md5_of_letters(contig.sequence)}
        yield contig
        del contig


def _check_ids(records: Iterable[LabelledSequence]) -> None:
    """Check that names can be written to tables of labels and splits, and that no two sequences have the same name."""
    first: dict[str, str] = {}
    for one in records:
        check_name(one.id, "the name", one.where)
        if one.label is not None:
            check_name(one.label, "the label", one.where)
        if one.split is not None:
            check_name(one.split, "the split", one.where)
        if one.id in first:
            raise BadTable(
                f"the name '{one.id}' is already used at {first[one.id]}",
                where=one.where,
                hint="use a different name for every sequence",
            )
        first[one.id] = one.where


def _table(records: Sequence[LabelledSequence], species: str, *, placed: bool) -> pd.DataFrame:
    """Return the table of a set, with coordinates if ``placed`` is True and all records are intervals."""
    columns: dict[str, object] = {
        "id": [one.id for one in records],
        "species": species,
        "length": [len(one.letters) for one in records],
    }
    intervals = [one.interval for one in records if one.interval is not None]
    if placed and len(intervals) == len(records):
        for name in ("chrom", "strand", "start", "end"):
            columns[name] = [getattr(interval, name) for interval in intervals]
    columns["sequence"] = [one.letters for one in records]
    if any(one.label is not None for one in records):
        columns["label"] = [one.label for one in records]
    if any(one.split is not None for one in records):
        columns["split"] = [one.split for one in records]
    return pd.DataFrame(columns)
