"""Reference sequences for attribution: shuffles of the gene, a sequence of ``N``, or sequences from a file.

In: ``--reference`` and a seed. Out: base codes of the references of genes. The shuffles of a gene do not depend on
other genes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from kanseq.errors import BadOption, BadTable, UnknownGene
from kanseq.genome.fasta import read_contigs
from kanseq.geometry import TOKEN, Geometry
from kanseq.io.files import PathLike, some
from kanseq.sequences.sequence_set import SequenceSet
from kanseq.sequences.shuffles import UNKNOWN, dinucleotide_shuffles

MOST = 10_000
"""Maximum number of shuffles per gene."""


@dataclass(frozen=True)
class References:
    """The reference sequences with which genes are compared.

    Attributes:
        text: value of ``--reference``: ``shuffle:N``, ``n``, or the name of a file.
        count: number of references per gene.
        seed: seed of the shuffles.
        sequences: base codes of the file's records, ``(records, columns)`` uint8, masked columns 4; None without a
            file.
        owners: gene id -> its rows in ``sequences``; None if records are not named after genes.
    """

    text: str
    count: int
    seed: int = 0
    sequences: np.ndarray | None = None
    owners: dict[str, list[int]] | None = None

    def of(self, codes: np.ndarray, names: Sequence[str]) -> np.ndarray:
        """Return the references of genes, as base codes ``(n, count, columns)``.

        Args:
            codes: base codes of the genes, ``(n, columns)`` uint8, masked columns 4.
            names: ids of the genes, ``(n,)``.

        Raises:
            UnknownGene: the file has no record for a gene.
        """
        if self.sequences is None:
            return self._made(codes, names)
        if self.owners is None:
            return np.broadcast_to(self.sequences, (len(codes), *self.sequences.shape))
        missing = [name for name in names if name not in self.owners]
        if missing:
            raise UnknownGene(f"no reference for {some(missing)}", where=self.text, hint="name records GENE/NUMBER")
        return self.sequences[[self.owners[name] for name in names]]

    def of_tokens(self, codes: np.ndarray, names: Sequence[str]) -> np.ndarray:
        """Return references with bases shuffled only within each token.

        References other than shuffles are the same as from :meth:`of`.
        """
        if self.sequences is not None or not self.text.startswith("shuffle"):
            return self.of(codes, names)
        n, columns = codes.shape
        padded = np.pad(codes, ((0, 0), (0, -columns % TOKEN)), constant_values=UNKNOWN).reshape(-1, TOKEN)
        each = [f"{name}\0{token}" for name in names for token in range(len(padded) // max(1, n))]
        shuffled = dinucleotide_shuffles(padded, each, self.count, self.seed).reshape(n, -1, self.count, TOKEN)
        return shuffled.transpose(0, 2, 1, 3).reshape(n, self.count, -1)[..., :columns]

    def _made(self, codes: np.ndarray, names: Sequence[str]) -> np.ndarray:
        """Return the shuffles of each gene or, for ``n``, a sequence of unknown bases per gene."""
        if self.text == "n":
            return np.full((len(codes), 1, codes.shape[1]), UNKNOWN, dtype=np.uint8)
        return dinucleotide_shuffles(codes, list(names), self.count, self.seed)


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
