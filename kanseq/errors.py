"""Exceptions for invalid input.

The message of an error is one line: *where* (file, and line or column if known), *what* is wrong, and a hint on how to
fix it. The command line prints the message and exits with :attr:`KanseqError.exit_code`; Python code gets the
exception.
"""

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import NamedTuple


class Remedy(NamedTuple):
    """A change of the command that failed. The command line prints the complete command with this change.

    Attributes:
        lead: text before the command; ``{table}`` is replaced by the name of the table.
        options: option (such as ``--aliases``) -> value that it gets in the command; None for options without a value.
        table: suggested name of a table to write first, in the working folder; empty if there is none. If a file of
            this name exists, another name is used, also in ``options``.
        rows: rows of the table; if there are none, the user has to write the table.
    """

    lead: str
    options: Mapping[str, str | None]
    table: str = ""
    rows: Sequence[Sequence[str]] = ()


class KanseqError(Exception):
    """Base class of all errors caused by invalid input. The message is one line: ``where: what; hint``.

    >>> str(KanseqError("column 'gene_id' is missing", where="tpm.csv", hint="use --id-column"))
    "tpm.csv: column 'gene_id' is missing; use --id-column"
    """

    exit_code = 3

    def __init__(
        self,
        what: str,
        *,
        where: str | PathLike[str] | None = None,
        hint: str | None = None,
        remedy: Remedy | None = None,
    ) -> None:
        """Build the message from the problem, its location, and a hint on how to fix it; line breaks become spaces.

        The command line prints ``remedy``, if there is one, instead of the hint, which is then for callers from Python.
        """
        self.what, self.where, self.hint, self.remedy = what, where, hint, remedy
        text = what if where is None else f"{where}: {what}"
        text = text if hint is None else f"{text}; {hint}"
        super().__init__(" ".join(text.split("\n")))


class BadOption(KanseqError):
    """The value of an option is invalid, or incompatible with other options or the input."""


class MissingFile(KanseqError):
    """An input file does not exist or cannot be read."""


class TruncatedFile(KanseqError):
    """A compressed or binary file ends too early, or is not of the type that its name suggests."""


class MalformedLine(KanseqError):
    """A line of a text file violates the file's format; ``where`` is ``file:line``."""


class BadTable(KanseqError):
    """A table lacks a column or has invalid values."""


class NoGenes(KanseqError):
    """An annotation has no genes, or no genes are left after a selection."""


class ContigMismatch(KanseqError):
    """The contig names of a genome and an annotation (or a gene set) do not match, or their sequences differ."""


class EditMismatch(KanseqError):
    """An edit of a sequence does not match the genome or the gene, or several edits conflict."""


class UnknownGene(KanseqError):
    """Requested genes are not in the gene set, or two tables have no gene in common."""


class SeenGene(KanseqError):
    """A gene cannot be scored, because every available model was trained on it."""


class EmptySplit(KanseqError):
    """A fold has no genes for a required role, such as training or test."""


class LeakingSplit(KanseqError):
    """Information about the test genes of a fold leaks into its training genes."""


class SearchFailed(KanseqError):
    """A search program that kanseq runs (DIAMOND, MMseqs2, BLAST) cannot be started, or ended with an error."""


class MissingPackage(KanseqError):
    """An optional Python package that a feature requires is not installed."""


class OneClass(KanseqError):
    """All genes of a fold have the same label."""


class ModelMismatch(KanseqError):
    """A model file is damaged, of an unknown kind, or incompatible with the windows of a gene set."""


class NoRule(KanseqError):
    """An attribution method has no rule for an operation of the model."""


class NotComplete(KanseqError):
    """Attributions do not add up to the expected total."""


class NotFinite(KanseqError):
    """NaN or infinity occurred in training; the last finite weights were kept."""


class RankFailed(KanseqError):
    """One process of a distributed training run has stopped; the last saved state is intact."""


class JobsFailed(KanseqError):
    """Some training jobs of a benchmark failed; all other jobs are finished."""


class RunInUse(KanseqError):
    """Another process is writing into the folder of a training run."""


class NotWritable(KanseqError):
    """An output cannot be written: the folder is missing or not writable, or the disk is full."""
