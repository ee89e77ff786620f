"""The value of the option ``--reference``: shuffles, unknown bases, or a FASTA file.

In: the value of the option. Out: references for attribution.
"""

from pathlib import Path

import pandas as pd

from kanseq.attribution.references import References
from kanseq.errors import BadOption, BadTable
from kanseq.genome.fasta import read_contigs
from kanseq.geometry import Geometry
from kanseq.io.files import PathLike
from kanseq.sequences.sequence_set import SequenceSet

MOST = 10_000
"""Maximum number of shuffles per gene."""


def find_references(text: str, seed: int, geometry: Geometry) -> References:
    """Parse the value of ``--reference``, and read the file if it is the name of a file.

    ``shuffle:N`` means N dinucleotide shuffles of each gene (only the columns that the model reads). ``n`` means a
    sequence of unknown bases. Any other value is the name of a FASTA file, whose sequences must have the model's number
    of columns. Records named ``GENE/anything`` are references of that gene only, and all genes must have the same
    number of such records. Records with other names are references of every gene.

    Raises:
        BadOption: the value is not one of these.
        BadTable: a sequence of the file has the wrong length, records of both kinds are mixed, or genes have different
            numbers of records.
        MalformedLine, TruncatedFile: the file is not a complete FASTA file.
    """
    kind, _, count = text.partition(":")
    if kind == "shuffle":
        if count.isdecimal() and 0 < int(count) <= MOST:
            return References(text, int(count), seed)
        hint = f"specify shuffle:N (N shuffles per gene), N from 1 to {MOST:,}"
        raise BadOption(f"the reference '{text}' is invalid", hint=hint)
    if text == "n":
        return References(text, 1, seed)
    if not Path(text).is_file():
        raise BadOption(
            f"the reference '{text}' is invalid", hint="specify shuffle:N (N shuffles per gene), n (no bases) or a file"
        )
    return _read(text, seed, geometry)


def _read(path: PathLike, seed: int, geometry: Geometry) -> References:
    """Read references from a FASTA file, either shared by all genes or separate for each gene."""
    contigs = list(read_contigs(path))
    for contig in contigs:
        if len(contig.sequence) != geometry.columns:
            raise BadTable(
                f"the reference '{contig.name}' has {len(contig.sequence):,} bases, and the model reads "
                f"{geometry.columns:,} columns",
                where=path,
                hint="trim it, or pad it with N",
            )
    table = pd.DataFrame({"sequence": [contig.sequence.decode() for contig in contigs]})
    sequences = geometry.hide(SequenceSet(table, geometry).codes())
    owners: dict[str, list[int]] = {}
    for row, contig in enumerate(contigs):
        gene, slash, _ = contig.name.rpartition("/")
        if slash:
            owners.setdefault(gene, []).append(row)
    owned = sum(map(len, owners.values()))
    if not owned:
        return References(str(path), len(sequences), seed, sequences)
    counts = {len(rows) for rows in owners.values()}
    if owned != len(contigs) or len(counts) > 1:
        raise BadTable("all references or none must be named GENE/NUMBER, the same number for each gene", where=path)
    return References(str(path), counts.pop(), seed, sequences, owners)
