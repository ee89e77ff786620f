"""Match the contig names of an annotation to those of a genome; names that differ are matched by a table of aliases.

In: both sets of names, a table of aliases. Out: genes by contig, and errors with a table of aliases that fixes them.
"""

import logging
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from kanseq.errors import BadOption, BadTable, ContigMismatch, Remedy
from kanseq.genome.annotation.genes import Excluded, Gene
from kanseq.genome.contig_names import guess_aliases
from kanseq.io.delimited.names import words_of
from kanseq.io.delimited.rows import CellTable, read_text_table
from kanseq.io.files import PathLike, some

_SHOWN_PAIRS = 40
"""Maximum number of name pairs in the command that an error suggests; contigs with most genes come first."""

_REPORT_COLUMNS = (
    "sequencename",
    "genbankaccn",
    "refseqaccn",
    "ucscstylename",
    "genbankseqaccession",
    "refseqseqaccession",
)
"""Columns with names in NCBI's reports, in lower case and without punctuation."""

_SOURCES = frozenset(
    ["source", "assembly", "ensembl", "genbank", "ncbi", "refseq", "ucsc", "flybase", "wormbase", "sgd"]
)
"""Values of the third column of UCSC's older ``chromAlias.txt``."""

_log = logging.getLogger(__name__)


def read_aliases(path: PathLike) -> dict[str, frozenset[str]]:
    """Read a table of contig aliases; return a mapping from every name to all names of the same contig.

    Each line lists the names of a contig in the annotation and in the genome, separated by a tab, a semicolon, a comma
    or spaces. Further columns are further names of the contig. Lines that begin with ``#`` are comments; a header is
    allowed. NCBI's ``assembly_report.txt`` and UCSC's ``chromAlias.txt`` can be used without changes.

    Raises:
        BadTable: a line has only one name, or a name is in two lines.
    """
    aliases: dict[str, frozenset[str]] = {}
    table = read_text_table(path)
    used = _name_columns(table)
    for row in table.rows:
        cells = row.cells if len(row.cells) > 1 else row.cells[0].split()
        columns = cells if used is None else [cells[column] for column in used if column < len(cells)]
        names = frozenset(columns) - {"", "na"}
        if len(names) < 2 and used is None and len(columns) < 2:
            raise BadTable("one name, but two are required: the annotation's and the genome's", where=table.place(row))
        if used == [0, 1]:
            names = names.union(*(aliases.get(name, frozenset()) for name in names))
        elif any(aliases.get(name, names) != names for name in names):
            twice = next(name for name in columns if aliases.get(name, names) != names)
            raise BadTable(f"'{twice}' is in two lines", where=table.place(row), hint="keep one of them")
        aliases |= dict.fromkeys(names, names)
    return aliases


def _name_columns(table: CellTable) -> list[int] | None:
    """Return the columns with names of a report of NCBI or of UCSC's older table; None means all columns."""
    used = None
    for row in (*table.comments, *table.rows[:1]):
        words = [words_of(cell) for cell in row.cells]
        used = [words.index(name) for name in _REPORT_COLUMNS if name in words] or used
    sources = {word for row in table.rows for cell in row.cells[2:3] for word in re.split(r"[,;]", cell.lower())}
    three = all(len(row.cells) == 3 for row in table.rows)
    # In UCSC's older table, a contig has a line for each of its names.
    return [0, 1] if used is None and three and sources and sources <= _SOURCES else used


class Placement:
    """Assigns genes to the contigs of a genome, resolving aliases, and records the excluded genes.

    Call :meth:`take` for every contig of the genome, then :meth:`finish`.
    """

    def __init__(
        self,
        genes: Iterable[Gene],
        aliases: Mapping[str, frozenset[str]] | None = None,
        only: Sequence[str] = (),
        without: Sequence[str] = (),
    ) -> None:
        """Group ``genes`` by contig; ``only`` and ``without`` list contigs to keep and to exclude, by any name."""
        self._waiting: dict[str, list[Gene]] = defaultdict(list)
        for gene in genes:
            self._waiting[gene.contig].append(gene)
        self.names = list(self._waiting)
        self._aliases = aliases or {}
        self._only, self._without = set(only), set(without)
        self._met: set[str] = set()
        self._with_genes: set[str] = set()
        self.excluded: list[Excluded] = []

    def keeps(self, contig: str) -> bool:
        """Return whether a contig of the genome is kept, under any of its names."""
        return self._keeps(self._aliases.get(contig, frozenset()) | {contig})

    def take(self, contig: str) -> list[Gene]:
        """Return the genes on a contig of the genome; if it is filtered out, exclude them and return an empty list."""
        names = self._aliases.get(contig, frozenset()) | {contig}
        self._met |= names
        genes = [gene for name in sorted(names) for gene in self._waiting.pop(name, ())]
        if genes:
            self._with_genes.add(contig)
        if self._keeps(names):
            return genes
        self._exclude(genes, "contig_filtered")
        return []

    def finish(
        self,
        genome: PathLike,
        annotation: PathLike,
        lengths: Mapping[str, int],
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Exclude the remaining genes, which are on contigs that are not in the genome.

        Args:
            genome, annotation: the files, for messages and to guess names.
            lengths: contig of the genome -> length in bases.
            headers: contig of the genome -> FASTA header; None reads them from the file if they are needed.

        Raises:
            ContigMismatch: no contig of the annotation is in the genome; the remedy is a table of aliases.
            BadOption: a contig to keep is not in the genome.
        """
        lost = [name for name in self.names if name in self._waiting]
        if self.names and len(lost) == len(self.names):
            counts = {name: len(self._waiting[name]) for name in lost}
            raise mismatch(genome, annotation, counts, lengths, headers=headers)
        if unknown := sorted(self._only - self._met):
            raise BadOption(f"--contigs {some(unknown)}: not in the genome", hint=f"it has {some(list(lengths), 8)}")
        if unknown := sorted(self._without - self._met - set(self.names)):
            _log.warning("--exclude-contigs %s: not in the genome", some(unknown))
        missing = []
        for name in lost:
            genes = self._waiting.pop(name)
            if self._keeps(self._aliases.get(name, frozenset()) | {name}):
                self._exclude(genes, "no_contig")
                missing.append((name, len(genes)))
            else:
                self._exclude(genes, "contig_filtered")
        if missing:
            names = [name for name, _ in missing]
            free = {name: length for name, length in lengths.items() if name not in self._with_genes}
            _log.warning(
                "%d of the %d contigs with genes to extract (%s genes) are not in the genome: %s; %s",
                len(missing),
                len(self.names),
                f"{sum(count for _, count in missing):,}",
                some(names),
                advise(guess_aliases(genome, annotation, names, free, headers)),
            )

    def _keeps(self, names: frozenset[str]) -> bool:
        """Return whether a contig with these names is kept."""
        return not (self._without & names) and (not self._only or bool(self._only & names))

    def _exclude(self, genes: Iterable[Gene], reason: str) -> None:
        """Record genes as excluded for ``reason``, with their contig as details."""
        self.excluded += [Excluded(gene.id, reason, f"contig {gene.contig}", gene.line) for gene in genes]


def advise(pairs: Mapping[str, str]) -> str:
    """Return what to do about contigs that are not in the genome; ``pairs`` are guessed aliases."""
    advice = "if they have other names there, use --aliases"
    return f"{advice}; likely pairs: {_listed(pairs)}" if pairs else advice


def mismatch(
    genome: PathLike,
    annotation: PathLike,
    names: Mapping[str, int],
    lengths: Mapping[str, int],
    *,
    headers: Mapping[str, str] | None = None,
    aliases: Mapping[str, frozenset[str]] | None = None,
) -> ContigMismatch:
    """Return the error for a genome and an annotation without a common contig name; its remedy is a table of aliases.

    Args:
        genome, annotation: the paths as passed by the user.
        names: contig of the annotation -> number of its genes.
        lengths: contig of the genome -> length in bases.
        headers: contig of the genome -> FASTA header; None reads them from the file.
        aliases: aliases of other species, which the table must keep.
    """
    ordered = sorted(names, key=lambda name: -names[name])
    pairs = guess_aliases(genome, annotation, ordered, lengths, headers)
    what = f"no contig name in common: the genome has {some(list(lengths))}, the annotation {some(ordered)}"
    if not pairs:
        write = "write lines of 'annotation-name TAB genome-name' into"
        remedy = Remedy(f"{write} {{table}} and run", {"--aliases": "aliases.tsv"}, "aliases.tsv")
        return ContigMismatch(what, where=annotation, hint=f"{write} a table and pass it as aliases", remedy=remedy)
    shown = dict(list(pairs.items())[:_SHOWN_PAIRS])
    lead = f"likely pairs{_left_out(names, pairs, shown)}"
    write = "write lines of 'annotation-name TAB genome-name' into a table and pass it as aliases"
    return ContigMismatch(
        what,
        where=annotation,
        hint=f"{lead}: {_listed(shown)}; {write}",
        remedy=Remedy(lead, {"--aliases": "aliases.tsv"}, "aliases.tsv", _merged(shown, aliases or {})),
    )


def _listed(pairs: Mapping[str, str]) -> str:
    """Format the first pairs of names for a message."""
    return some([f"'{name}' = '{other}'" for name, other in pairs.items()], 8)


def _left_out(names: Mapping[str, int], pairs: Mapping[str, str], shown: Mapping[str, str]) -> str:
    """Describe the contigs (name -> number of genes) without a pair or with one that is not shown; empty if none."""
    without = [name for name in names if name not in pairs]
    further = [name for name in pairs if name not in shown]
    parts = [
        f"{text}: {some(listed)} ({sum(names[name] for name in listed):,} of {sum(names.values()):,} genes)"
        for listed, text in ((without, "no pair for"), (further, "not shown, add lines for them"))
        if listed
    ]
    return f" ({'; '.join(parts)})" if parts else ""


def _merged(pairs: Mapping[str, str], aliases: Mapping[str, frozenset[str]]) -> list[tuple[str, ...]]:
    """Return the rows of a table with new pairs and the known aliases; no name is in two rows."""
    if not aliases:
        return [*pairs.items()]
    rows = [set(pair) for pair in pairs.items()]
    for names in dict.fromkeys(aliases.values()):
        same = [row for row in rows if row & names]
        rows = [*(row for row in rows if not row & names), {*names}.union(*same)]
    return [tuple(sorted(row)) for row in rows]
