"""Reference sequences for attribution: shuffles of the gene, a sequence of ``N``, or sequences from a file.

In: base codes of genes, and a seed. Out: base codes of each gene's references. The shuffles of a gene do not depend on
other genes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kanseq.errors import UnknownGene
from kanseq.geometry import TOKEN
from kanseq.io.files import some
from kanseq.sequences.shuffles import UNKNOWN, dinucleotide_shuffles


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
