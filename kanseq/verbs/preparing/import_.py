"""``kanseq import``: import labelled sequences without an annotation, as the same kind of set that ``extract`` makes.

In: tables, FASTA files, folders of text files; BED files or tables of intervals with a genome. Out: one row per
sequence, with its label if it has one.
"""

import logging
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from kanseq.errors import BadOption
from kanseq.io.files import PathLike, check_output
from kanseq.sequences.assembling import Genomes, assemble, by_name, columns_of, genomes_by_class, input_paths
from kanseq.sequences.labelled_files import (
    SequenceSource,
    stem,
)
from kanseq.sequences.sequence_set import NO_SPECIES, SequenceSet
from kanseq.verbs.short_repr import brief

logger = logging.getLogger(__name__)


@brief
class Imported(NamedTuple):
    """The result of ``import_sequences``: counts and the set."""

    sequences: int
    longest: int
    labels: dict[str, int]
    output: Path | None
    set: SequenceSet


def import_sequences(
    inputs: PathLike | SequenceSource | Sequence[PathLike | SequenceSource] = (),
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
    """Make a set of sequences that need no annotation, as wide as the longest of them.

    Letters become upper case, ``U`` becomes ``T``, and IUPAC codes, ``X`` and gaps become ``N``. A row of a table is
    named by ``id_column``, or by its file and number (``train-1``); a FASTA entry by its first word; a text file by its
    file name. An interval is named by the name in a BED file or in the column ``id`` of a table, if all rows have
    different ones; else by its coordinates, as the file spells them; else, if two rows have the same coordinates, by
    file and number. With classes, the name of the class precedes the names of its sequences (``enhancer:peak7``).

    A table with the columns ``region`` (or ``chrom``, ``chromosome``), ``start``, ``end`` and optionally ``strand``,
    ``id`` and a label is a table of intervals, 0-based half-open. Their letters are those of ``bedtools getfasta -s``:
    the reverse complement if the strand is ``-``, otherwise the forward strand.

    The set has the columns ``id, species, length, sequence``; ``chrom, strand, start, end`` (0-based half-open, contigs
    named as in the genome) if all sequences are intervals of one genome; ``label`` (text) if there are labels; and
    ``split`` if there are several inputs or a ``split_column``: the name of the file (``train``, ``dev``, ``test``), or
    the value in the column.

    Args:
        inputs: tables with a header (CSV or TSV), FASTA, BED or tables of intervals, or any :class:`SequenceSource`.
        output: path of the set, a Parquet file.
        classes: FASTA or BED files, tables of intervals, or folders of ``NAME.txt``, each with all sequences of one
            class: a mapping, or items ``NAME=FILE``.
        genome: FASTA of the intervals, or one per class; files that are not FASTA are then read as intervals.
        width: extend intervals around their centre to this many bases; longer ones, and those that then pass an end of
            their contig, are excluded, and a warning counts them.
        sequence_column: column of sequences in tables; if several are named, the sequences of a row are joined, with 20
            columns of ``N`` between them (:data:`kanseq.sequences.labelled_files.BETWEEN`).
        label_column: column of labels in tables; by default ``label`` if there is one.
        id_column: column of names in tables.
        split_column: column of splits in tables.
        species: name of the species, for sets that are combined.

    Raises:
        BadTable: a column is missing, a sequence is empty or has letters that are not nucleotides, a label is empty, or
            two sequences have the same name; with file and line.
        MalformedLine, ContigMismatch: a FASTA or BED file is malformed, or intervals do not fit the genome.
        BadOption: there are no inputs, inputs and classes are combined, or the genome of a class is missing.
    """
    sources = _sources(inputs, classes, by_file=split_column is None)
    genomes = genomes_by_class(genome)
    check_output(inputs=input_paths(sources, genomes), binary=output)
    columns = columns_of(sequence_column, label_column, id_column, split_column)
    result = assemble(sources, columns, genomes, width=width, species=species)
    if output is not None:
        result.write(output)
    labels = dict(sorted(Counter(result.table["label"].dropna()).items())) if "label" in result.table else {}
    path = None if output is None else Path(output)
    return Imported(len(result), result.geometry.columns, labels, path, result)


def _sources(
    inputs: PathLike | SequenceSource | Sequence[PathLike | SequenceSource],
    classes: Mapping[str, PathLike] | Sequence[str],
    *,
    by_file: bool,
) -> list[SequenceSource]:
    """List the sources; ``by_file``: if there are several files without a class, each is a split."""
    files = [inputs] if isinstance(inputs, (str, os.PathLike, SequenceSource)) else list(inputs)
    if bool(files) == bool(classes):
        raise BadOption("specify either input files or --class NAME=FILE, not both")
    if isinstance(classes, Mapping):
        by_class = dict(classes)
    else:
        by_class = by_name(classes, "--class", "NAME=FILE", "put its sequences into one file")
    if by_class:
        return [SequenceSource(path, name) for name, path in by_class.items()]
    is_split = by_file and len(files) > 1
    return [
        one if isinstance(one, SequenceSource) else SequenceSource(one, split=stem(one) if is_split else None)
        for one in files
    ]
