"""``kanseq import``: build a set from labelled sequences, without an annotation.

In: tables, FASTA files or folders of text files; or a genome, and intervals as BED files or tables. Out: a set in the
format of ``kanseq extract``, with one row per sequence, and labels if the input has them.
"""

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
from kanseq.sequences.sequence_set import NO_SPECIES, SequenceSet, check_name
from kanseq.verbs.short_repr import brief


@brief
class Imported(NamedTuple):
    """Result of :func:`import_sequences`.

    Attributes:
        sequences: number of sequences.
        longest: number of columns, the length of the longest sequence.
        labels: label -> number of sequences; empty without labels.
        output: path of the set; None if it was not written.
        set: the set.
    """

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
    """Build a set from sequences, with as many columns as the longest sequence has bases.

    Letters become upper case, ``U`` becomes ``T``, and IUPAC codes, ``X`` and gaps become ``N``.

    The id of a sequence in a table is the value in ``id_column`` or, without ``id_column``, the file name and row
    number (``train-1``). The id of a FASTA record is the first word of its header; the id of a text file is its name.
    The id of an interval is its name in the BED file or in the column ``id`` of a table, if all names are different.
    Otherwise it is the coordinates as in the file or, if two rows have the same coordinates, the file name and row
    number. With ``classes``, all ids start with the name of the class (``enhancer:peak7``).

    A table with the columns ``region`` (or ``chrom``, ``chromosome``), ``start``, ``end`` and optionally ``strand``,
    ``id`` and a label is a table of intervals, 0-based half-open. Their sequences are the same as from
    ``bedtools getfasta -s``: the reverse complement if the strand is ``-``, otherwise the forward strand.

    The set has the columns ``id, species, length, sequence``. If all sequences are intervals of one genome, it also has
    ``chrom, strand, start, end`` (0-based half-open, contigs named as in the genome). If there are labels, it has
    ``label`` (text). The column ``split`` contains the values of ``split_column`` or, if there are several inputs, the
    names of the files (such as ``train``, ``dev``, ``test``).

    Args:
        inputs: files: tables with a header (CSV or TSV), FASTA, BED or tables of intervals; or any
            :class:`SequenceSource`.
        output: path of the set, a Parquet file.
        classes: one file per class with all of its sequences, as a mapping or as items ``NAME=FILE``. Files can be
            FASTA, BED, tables of intervals, or folders of text files (one per sequence).
        genome: FASTA of the genome that intervals refer to, or one per class; files that are not FASTA are then read as
            intervals.
        width: extend intervals on both sides to this many bases. Longer intervals, and those that would extend past the
            end of their contig, are excluded; a warning reports their number.
        sequence_column: column of sequences in tables. If several are named, the sequences of a row are joined, with 20
            columns of ``N`` between them (:data:`kanseq.sequences.labelled_files.BETWEEN`).
        label_column: column of labels in tables; by default ``label`` if there is one.
        id_column: column of ids in tables.
        split_column: column of splits in tables.
        species: name of the species, for sets that will be combined with those of other species.

    Raises:
        BadTable: a column is missing, a sequence is empty or has letters that are not nucleotides, a label is empty, or
            two sequences have the same id; the message names file and line.
        MalformedLine, ContigMismatch: a FASTA or BED file is malformed, or intervals do not fit the genome.
        BadOption: there are no inputs, inputs and classes are combined, or the genome of a class is missing.
    """
    sources = _sources(inputs, classes, by_file=split_column is None)
    genomes = genomes_by_class(genome)
    check_output(inputs=input_paths(sources, genomes), binary=output)
    check_name(species, "the species")
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
    """Return a source per input file. With ``by_file``, several ``inputs`` are splits, named after the files."""
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
