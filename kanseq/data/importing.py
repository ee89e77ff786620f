"""``kanseq import``: labelled sequences that need no annotation, as the same kind of set that ``extract`` makes.

In: tables, FASTA files, folders of text files; BED files or tables of intervals with a genome. Out: a row per sequence,
with its label where it has one.
"""

import logging
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypeAlias

import pandas as pd

from kanseq.data.sequence_files import (
    Columns,
    Record,
    Source,
    check_source,
    describe_source,
    read_source,
    stem,
)
from kanseq.data.sequences import NO_SPECIES, SequenceSet, check_name, md5_of_letters
from kanseq.errors import BadOption, BadTable
from kanseq.files import PathLike, check_input, check_output, some
from kanseq.genome.fasta import Contig, read_contigs
from kanseq.genome.intervals import cut_intervals
from kanseq.geometry import Geometry
from kanseq.showing import brief

Genomes: TypeAlias = PathLike | Mapping[str, PathLike] | Sequence[str] | None
"""A FASTA for all intervals; or one for each class: a mapping, or ``CLASS=FASTA`` each."""

_Contigs: TypeAlias = dict[str, dict[str, int | str]]

logger = logging.getLogger(__name__)


@brief
class Imported(NamedTuple):
    """What ``import_sequences`` made: counts and the set."""

    sequences: int
    longest: int
    labels: dict[str, int]
    output: Path | None
    set: SequenceSet


def import_sequences(
    inputs: PathLike | Source | Sequence[PathLike | Source] = (),
    *,
    output: PathLike | None = None,
    classes: Mapping[str, PathLike] | Sequence[str] = (),
    genome: Genomes = None,
    width: int | None = None,
    sequence_column: str | Sequence[str] = "sequence",
    label_column: str | None = None,
    id_column: str | None = None,
    split_column: str | None = None,
    species: str = NO_SPECIES,
) -> Imported:
    """Make a set of plain sequences, as wide as the longest of them.

    Letters become upper case, ``U`` becomes ``T``, and IUPAC codes, ``X`` and gaps become ``N``. A row of a table is
    named by ``id_column``, or by its file and number (``train-1``); a FASTA entry by its first word; a text file by its
    own name. An interval has its name in a BED file or in a table's column ``id`` where all rows have different ones;
    else its place, as the file spells it; else, where two rows have one place, file and number. A class stands before
    the names of its sequences (``enhancer:peak7``).

    A table with the columns ``region`` (or ``chrom``, ``chromosome``), ``start``, ``end`` and, if it likes, ``strand``,
    ``id`` and a label is one of intervals, 0-based half-open. Their letters are those of ``bedtools getfasta -s``: the
    reverse complement where the strand is ``-``, and nowhere else.

    The set has the columns ``id, species, length, sequence``; ``chrom, strand, start, end`` (0-based half-open, the
    contig as the genome spells it) where all sequences are intervals of one genome; ``label`` (text) where there are
    labels; and, of several inputs or with a ``split_column``, ``split``: the name of the file (``train``, ``dev``,
    ``test``), or what the column says.

    Args:
        inputs: tables with a header (CSV or TSV), FASTA, BED or tables of intervals, or any :class:`Source`.
        output: the set, a Parquet file.
        classes: FASTA or BED files, tables of intervals, or folders of ``NAME.txt``, with all sequences of one class: a
            mapping, or ``NAME=FILE`` each.
        genome: FASTA from which intervals are read, or one for each class; files that are no FASTA are intervals then.
        width: extend intervals from their centre to so many bases; longer ones, and those that then pass an end of
            their contig, are left out, and a warning counts them.
        sequence_column: the tables' column of sequences; where several are named, the sequences of a row are joined,
            with 20 columns of ``N`` between them (:data:`kanseq.data.sequence_files.BETWEEN`).
        label_column: the tables' column of labels; by default ``label`` if there is one.
        id_column: the tables' column of names.
        split_column: the tables' column of splits.
        species: what to call the species, for sets that are put together.

    Raises:
        BadTable: a column is missing, a sequence is empty or holds letters that no nucleotide has, a label is empty, or
            two sequences have one name; with file and line.
        MalformedLine, ContigMismatch: a FASTA or BED file has a fault, or intervals do not fit the genome.
        BadOption: nothing to read, or inputs and classes at once, or a class whose genome is not given.
    """
    sources = _sources(inputs, classes, by_file=split_column is None)
    genomes = genomes_by_class(genome)
    fastas = dict.fromkeys(map(Path, genomes.values())) if isinstance(genomes, dict) else [genomes]
    paths = [check_source(one.path) for one in sources] + [check_input(path) for path in fastas if path is not None]
    check_output(inputs=paths, binary=output)
    check_name(species, "the species")
    columns = _columns(sequence_column, label_column, id_column, split_column)
    if width is not None and width < 1:
        raise BadOption(f"--width {width}", hint="it must be at least 1")

    records = [one for each in sources for one in read_source(each, columns, placed=genomes is not None, width=width)]
    if not records:
        raise BadTable("no sequences", where=sources[0].path)
    records, contigs, left_out = _cut(records, genomes, width)
    if not records:
        raise BadTable("no interval is left", where=sources[0].path, hint="give another --width")
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
    result = SequenceSet(table, Geometry.plain(int(table["length"].max())), metadata)
    if output is not None:
        result.write(output)
    labels = dict(sorted(Counter(one.label for one in records if one.label is not None).items()))
    path = None if output is None else Path(output)
    return Imported(len(result), result.geometry.columns, labels, path, result)


def genomes_by_class(genome: Genomes) -> PathLike | dict[str, PathLike] | None:
    """Tell one FASTA for all from one for each class.

    Raises:
        BadOption: several are given, and one of them is not of the form ``CLASS=FASTA``, or a class has two.
    """
    if genome is None or isinstance(genome, (str, os.PathLike)):
        return genome
    if isinstance(genome, Mapping):
        return dict(genome)
    if len(genome) == 1 and ("=" not in str(genome[0]) or Path(genome[0]).exists()):
        return genome[0]
    return _by_name(genome, "--genome", "CLASS=FASTA", "give one FASTA for each class") or None


def _by_name(items: Sequence[str], option: str, form: str, hint: str) -> dict[str, PathLike]:
    """Take ``NAME=FILE`` apart."""
    found: dict[str, PathLike] = {}
    for item in items:
        name, equals, path = str(item).partition("=")
        if not (name and equals and path):
            raise BadOption(f"{option} {item}: {form} is wanted")
        if name in found:
            raise BadOption(f"{option} {name} is given twice", hint=hint)
        found[name] = path
    return found


def _sources(
    inputs: PathLike | Source | Sequence[PathLike | Source],
    classes: Mapping[str, PathLike] | Sequence[str],
    *,
    by_file: bool,
) -> list[Source]:
    """List what is to be read; ``by_file``: of several files without a class each is a split."""
    files = [inputs] if isinstance(inputs, (str, os.PathLike, Source)) else list(inputs)
    if bool(files) == bool(classes):
        raise BadOption("give either input files or --class NAME=FILE, and not both")
    if isinstance(classes, Mapping):
        by_class = dict(classes)
    else:
        by_class = _by_name(classes, "--class", "NAME=FILE", "put its sequences into one file")
    if by_class:
        return [Source(path, name) for name, path in by_class.items()]
    is_split = by_file and len(files) > 1
    return [one if isinstance(one, Source) else Source(one, split=stem(one) if is_split else None) for one in files]


def _columns(sequences: str | Sequence[str], label: str | None, name: str | None, split: str | None) -> Columns:
    """Name the columns of tables."""
    listed = (sequences,) if isinstance(sequences, str) else tuple(sequences)
    if not listed or len(set(listed)) < len(listed):
        raise BadOption("--sequence-column: no column, or one twice", hint="name each column once")
    return Columns(listed, label, name, split)


def _options(sources: Sequence[Source], columns: Columns, species: str) -> dict[str, object]:
    """Write down how a set was made; what was not asked for is left out, so that sets keep their bytes."""
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
    records: Sequence[Record], genomes: PathLike | dict[str, PathLike] | None, width: int | None
) -> tuple[list[Record], _Contigs, dict[str, int]]:
    """Read the letters of all intervals.

    Returns:
        The records without intervals that are too long or pass an end when they are widened; the contigs of the genome,
        none of several genomes; and how many intervals were left out for which reason.
    """
    if isinstance(genomes, dict):
        _check_classes(genomes, {one.label for one in records})
    kept = [one for one in records if width is None or one.interval is None or one.interval.length <= width]
    rows_of: dict[Path, list[int]] = defaultdict(list)
    for row, one in enumerate(kept):
        if one.interval is not None and genomes is not None:
            rows_of[Path(_genome_of(one, genomes))].append(row)
    contigs: _Contigs = {}
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
            "left out: %s intervals of more than %d bases, and %s that pass an end of their contig when extended",
            f"{left_out['longer']:,}",
            width,
            f"{left_out['past_end']:,}",
        )
    return inside, contigs if len(rows_of) == 1 else {}, left_out


def _check_classes(genomes: Mapping[str, PathLike], labels: Iterable[str | None]) -> None:
    """Refuse genomes of classes that are not there."""
    there = sorted(label for label in labels if label is not None)
    if unknown := sorted(set(genomes) - set(there)):
        raise BadOption(f"--genome {unknown[0]}={genomes[unknown[0]]}: no such class", hint=f"there is {some(there)}")


def _genome_of(record: Record, genomes: PathLike | Mapping[str, PathLike]) -> PathLike:
    """Choose the genome of an interval."""
    if not isinstance(genomes, Mapping):
        return genomes
    if record.label not in genomes:
        what = "this interval has no class" if record.label is None else f"the class '{record.label}' has no genome"
        raise BadOption(what, where=record.where, hint=f"give --genome {record.label or 'CLASS'}=FASTA")
    return genomes[record.label]


def _described(genome: PathLike, contigs: _Contigs) -> Iterator[Contig]:
    """Stream a genome, and note every contig's length and checksum on the way."""
    for contig in read_contigs(genome):
        contigs[contig.name] = {"length": len(contig.sequence), "md5": md5_of_letters(contig.sequence)}
        yield contig
        del contig


def _check_ids(records: Iterable[Record]) -> None:
    """Refuse names that tables of labels and splits could not hold, or that two sequences share."""
    first: dict[str, str] = {}
    for one in records:
        check_name(one.id, "the name", one.where)
        if one.label is not None:
            check_name(one.label, "the label", one.where)
        if one.split is not None:
            check_name(one.split, "the split", one.where)
        if one.id in first:
            raise BadTable(
                f"the name '{one.id}' was there before, at {first[one.id]}",
                where=one.where,
                hint="give every sequence its own",
            )
        first[one.id] = one.where


def _table(records: Sequence[Record], species: str, *, placed: bool) -> pd.DataFrame:
    """Put the sequences into the columns of a set; ``placed``: their genome is known."""
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
