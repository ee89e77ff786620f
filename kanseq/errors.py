"""Everything that can be wrong with a user's input, as one small family of named errors.

An error is one line: *what* is wrong, *where* (file, and line or column if known), and what would mend it. The
command line prints that line and exits with :attr:`KanseqError.exit_code`; from Python the same exceptions are raised.
"""

from os import PathLike


class KanseqError(Exception):
    """A fault in what kanseq was given. Its text is one line: ``where: what; hint``.

    >>> str(KanseqError("column 'gene_id' is missing", where="tpm.csv", hint="name it with --id-column"))
    "tpm.csv: column 'gene_id' is missing; name it with --id-column"
    """

    exit_code = 3

    def __init__(self, what: str, *, where: str | PathLike[str] | None = None, hint: str | None = None) -> None:
        """Join the three parts; line breaks inside them become spaces."""
        self.what, self.where, self.hint = what, where, hint
        text = what if where is None else f"{where}: {what}"
        text = text if hint is None else f"{text}; {hint}"
        super().__init__(" ".join(text.split("\n")))


class BadOption(KanseqError):
    """An option's value makes no sense with the others or with the input."""


class MissingFile(KanseqError):
    """An input file is not there or cannot be read."""


class TruncatedFile(KanseqError):
    """A compressed or binary file ends too early, or is not what its name says."""


class MalformedLine(KanseqError):
    """A line of a text file does not have the form that its format demands; ``where`` is ``file:line``."""


class BadTable(KanseqError):
    """A table lacks a column, or holds values that it must not hold."""


class NoGenes(KanseqError):
    """An annotation or a selection leaves no gene."""


class ContigMismatch(KanseqError):
    """A genome and an annotation (or a gene set) do not name the same contigs, or their sequences differ."""


class EditMismatch(KanseqError):
    """An edit of a sequence does not fit the genome or the gene, or several edits do not fit together."""


class UnknownGene(KanseqError):
    """Genes that are asked for are not in the set, or two tables share no gene."""


class SeenGene(KanseqError):
    """A gene was trained on by every model that could score it."""


class EmptySplit(KanseqError):
    """A fold has no gene for a role that it needs."""


class LeakingSplit(KanseqError):
    """Something of a fold's test genes reaches its training genes."""


class SearchFailed(KanseqError):
    """A search program that kanseq runs (DIAMOND, MMseqs2, BLAST) cannot be started, or ended with an error."""


class MissingPackage(KanseqError):
    """A Python package that is wanted for this alone is not installed."""


class OneClass(KanseqError):
    """The genes of a fold all carry the same label."""


class ModelMismatch(KanseqError):
    """A model file is damaged, of an unknown kind, or made for another geometry than the set it meets."""


class NoRule(KanseqError):
    """A model has an operation through which a method of attribution knows no way."""


class NotComplete(KanseqError):
    """Attributions that must add up do not."""


class NotFinite(KanseqError):
    """Training met NaN or infinity; the last good weights were kept."""


class RankFailed(KanseqError):
    """One of several processes that train together has ended; the last state is whole."""


class JobsFailed(KanseqError):
    """Some of the trainings of a benchmark failed; the others are finished."""


class RunInUse(KanseqError):
    """Another process is writing into this run."""


class NotWritable(KanseqError):
    """An output cannot be written: no such folder, no permission, or no space."""
