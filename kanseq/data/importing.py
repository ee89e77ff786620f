"""``kanseq import``: labelled sequences that need no annotation, as the same kind of set that ``extract`` makes.

In: tables, FASTA files, folders of text files; BED files or tables of intervals with a genome. Out: a row per sequence,
with its label where it has one.
"""

import logging
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from kanseq.data.assembling import Genomes, assemble, by_name, columns_of, genomes_by_class, input_paths
from kanseq.data.sequence_files import (
    Source,
    stem,
)
from kanseq.data.sequences import NO_SPECIES, SequenceSet
from kanseq.errors import BadOption
from kanseq.files import PathLike, check_output
from kanseq.showing import brief

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
    check_output(inputs=input_paths(sources, genomes), binary=output)
    columns = columns_of(sequence_column, label_column, id_column, split_column)
    result = assemble(sources, columns, genomes, width=width, species=species)
    if output is not None:
        result.write(output)
    labels = dict(sorted(Counter(result.table["label"].dropna()).items())) if "label" in result.table else {}
    path = None if output is None else Path(output)
    return Imported(len(result), result.geometry.columns, labels, path, result)


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
        by_class = by_name(classes, "--class", "NAME=FILE", "put its sequences into one file")
    if by_class:
        return [Source(path, name) for name, path in by_class.items()]
    is_split = by_file and len(files) > 1
    return [one if isinstance(one, Source) else Source(one, split=stem(one) if is_split else None) for one in files]
