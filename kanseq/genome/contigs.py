"""Match the contig names of an annotation to those of a genome; names that differ are matched by a table of aliases.

In: both sets of names, a table of aliases. Out: genes by contig, and errors that suggest a command.
"""

import logging
import re
import shlex
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from kanseq.errors import BadOption, BadTable, ContigMismatch, KanseqError
from kanseq.genome.annotation.genes import Excluded, Gene
from kanseq.genome.annotation.gff import BLOCK
from kanseq.genome.fasta import read_headers
from kanseq.io.files import PathLike, open_bytes, open_text, some

_SHOWN_PAIRS = 40
"""Maximum number of name pairs in the command that an error suggests; contigs with most genes come first."""

_REPORT_COLUMNS = ("Sequence-Name", "GenBank-Accn", "RefSeq-Accn", "UCSC-style-name")
_SYNONYMS = {"m": "mt", "mito": "mt", "mtdna": "mt", "mitochondrion": "mt", "c": "pt", "cp": "pt", "chloroplast": "pt"}

_REGION = re.compile(
    rb"^##sequence-region[ \t]+(\S+)[ \t]+1[ \t]+(\d+)|^(\S+)\t[^\t\n]*\tregion\t1\t(\d+)\t(.*)", re.MULTILINE
)

_log = logging.getLogger(__name__)


def read_aliases(path: PathLike) -> dict[str, frozenset[str]]:
    """Read a table of contig aliases; return a mapping from every name to all names of the same contig.

    Each line lists the names of a contig in the annotation and in the genome, separated by a tab or spaces. Further
    columns are further names of the contig. Lines that begin with ``#`` are comments; a header is allowed. NCBI's
    ``assembly_report.txt`` can be used without changes.

    Raises:
        BadTable: a line has only one name, or a name is in two lines.
    """
    aliases: dict[str, frozenset[str]] = {}
    report: list[int] = []
    with open_text(path) as handle:
        for number, line in enumerate(handle, 1):
            if line.startswith("#"):
                header = line.lstrip("# ").rstrip("\r\n").split("\t")
                report = [header.index(name) for name in _REPORT_COLUMNS if name in header] or report
                continue
            columns = line.rstrip("\r\n").split("\t") if "\t" in line else line.split()
            if report:
                columns = [columns[column] for column in report if column < len(columns)]
            names = frozenset(name.strip() for name in columns) - {"", "na"}
            if len(names) < 2 and line.strip() and not report and len(columns) < 2:
                raise BadTable(
                    "one name, but two are required: the annotation's and the genome's", where=f"{path}:{number}"
                )
            for name in names:
                if aliases.get(name, names) != names:
                    raise BadTable(f"'{name}' is in two lines", where=f"{path}:{number}", hint="keep one of them")
                aliases[name] = names
    return aliases


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
        self.excluded: list[Excluded] = []

    def take(self, contig: str) -> list[Gene]:
        """Return the genes on a contig of the genome; if it is filtered out, exclude them and return an empty list."""
        names = self._aliases.get(contig, frozenset()) | {contig}
        self._met |= names
        genes = [gene for name in sorted(names) for gene in self._waiting.pop(name, ())]
        if self._keeps(names):
            return genes
        self._exclude(genes, "contig_filtered")
        return []

    def finish(
        self, genome: PathLike, annotation: PathLike, lengths: Mapping[str, int], output: PathLike | None
    ) -> None:
        """Exclude the remaining genes, which are on contigs that are not in the genome; paths are for messages.

        Raises:
            ContigMismatch: no contig of the annotation is in the genome; the message suggests a command that fixes it.
            BadOption: a contig to keep is not in the genome.
        """
        if unknown := sorted(self._only - self._met):
            raise BadOption(f"--contigs {some(unknown)}: not in the genome", hint=f"it has {some(list(lengths), 8)}")
        if unknown := sorted(self._without - self._met - set(self.names)):
            _log.warning("--exclude-contigs %s: not in the genome", some(unknown))
        lost = [name for name in self.names if name in self._waiting]
        if self.names and len(lost) == len(self.names):
            raise mismatch(genome, annotation, Counter({n: len(self._waiting[n]) for n in lost}), lengths, output)
        missing = []
        for name in lost:
            genes = self._waiting.pop(name)
            if self._keeps(self._aliases.get(name, frozenset()) | {name}):
                self._exclude(genes, "no_contig")
                missing.append((name, len(genes)))
            else:
                self._exclude(genes, "contig_filtered")
        if missing:
            _log.warning(
                "%d of the %d contigs with genes to extract (%s genes) are not in the genome: %s; "
                "if they have other names there, use --aliases",
                len(missing),
                len(self.names),
                f"{sum(count for _, count in missing):,}",
                some([name for name, _ in missing]),
            )

    def _keeps(self, names: frozenset[str]) -> bool:
        """Return whether a contig with these names is kept."""
        return not (self._without & names) and (not self._only or bool(self._only & names))

    def _exclude(self, genes: Iterable[Gene], reason: str) -> None:
        """Record genes as excluded for ``reason``, with their contig as details."""
        self.excluded += [Excluded(gene.id, reason, f"contig {gene.contig}", gene.line) for gene in genes]


def mismatch(
    genome: PathLike,
    annotation: PathLike,
    names: Mapping[str, int],
    lengths: Mapping[str, int],
    output: PathLike | None = None,
) -> ContigMismatch:
    """Return the error for a genome and an annotation without a common contig name, with a command that fixes it.

    Args:
        genome, annotation, output: the paths as passed by the user.
        names: contig of the annotation -> number of its genes.
        lengths: contig of the genome -> length in bases.
    """
    ordered = sorted(names, key=lambda name: -names[name])
    pairs = guess_aliases(genome, annotation, ordered, lengths)
    words = ["kanseq", "extract", genome, annotation, "--aliases", "aliases.tsv", "-o", output or "genes.parquet"]
    command = shlex.join(str(word) for word in words)
    if pairs:
        shown = [f"{name}\\t{pairs[name]}\\n" for name in ordered if name in pairs][:_SHOWN_PAIRS]
        hint = f"likely pairs: printf '{''.join(shown)}' > aliases.tsv && {command}"
    else:
        hint = f"write lines of 'annotation-name TAB genome-name' into aliases.tsv and run: {command}"
    what = f"no contig name in common: the genome has {some(list(lengths))}, the annotation {some(ordered)}"
    return ContigMismatch(what, where=annotation, hint=hint)


def guess_aliases(
    genome: PathLike, annotation: PathLike, names: Sequence[str], lengths: Mapping[str, int]
) -> dict[str, str]:
    """Guess the contig of the genome for each of the annotation's contig ``names``; omit names that remain ambiguous.

    Compare, in this order: the bare name (``chr01``, ``Chr1`` and ``1``; ``MT``, ``ChrM`` and ``Mito``), the chromosome
    in the annotation's ``region`` row, the words of the FASTA headers, and the length.
    """
    headers = {header.split()[0]: header for header in read_headers(genome) if header.split()}
    regions = _read_regions(annotation)
    bare = _unique((_bare(name), name) for name in lengths)
    titles = _unique((_bare(title), name) for name, header in headers.items() for title in _titles(header))
    words = _unique((word, name) for name, header in headers.items() for word in set(re.split(r"[^\w.]+", header)))
    sizes = _unique((str(length), name) for name, length in lengths.items())
    guessed = {}
    for name in names:
        region = regions.get(name, _Region("", ""))
        chromosome = _bare(region.chromosome)
        found = bare.get(_bare(name)) or bare.get(chromosome) or titles.get(_bare(name)) or words.get(name)
        found = found or sizes.get(region.length)
        if found:
            guessed[name] = found
    taken = Counter(guessed.values())
    return {name: found for name, found in guessed.items() if taken[found] == 1}


class _Region(NamedTuple):
    """Length and chromosome name of a contig, as stated in an annotation."""

    length: str
    chromosome: str


def _read_regions(path: PathLike) -> dict[str, _Region]:
    """Read the optional ``##sequence-region`` lines and ``region`` rows of an annotation; ignore read errors."""
    regions: dict[str, _Region] = {}
    try:
        with open_bytes(path) as handle:
            while block := handle.read(BLOCK):
                block += handle.readline()
                for match in _REGION.finditer(block):
                    groups = [part.decode("utf-8", "replace") for part in match.groups(b"")]
                    name, length, row, row_length, rest = groups
                    known = regions.get(name or row, _Region("", ""))
                    title = re.search(r"[\t;](?:chromosome|genome)=([^;]+)", rest)
                    chromosome = known.chromosome or (title.group(1) if title else "")
                    regions[name or row] = _Region(length or row_length, chromosome)
    except KanseqError:
        return regions
    return regions


def _titles(header: str) -> list[str]:
    """Find the chromosome names in a FASTA header such as ``NC_003070.9 Arabidopsis thaliana chromosome 1``."""
    found = re.findall(r"\bchromosome:? (\w+)", header, re.IGNORECASE)
    return found + re.findall(r"\b(mitochondrion|chloroplast)\b", header, re.IGNORECASE)


def _bare(name: str) -> str:
    """Normalise the spelling of a contig's name.

    >>> _bare("Chr01"), _bare("chromosome_X"), _bare("chrMT"), _bare("Mito")
    ('1', 'x', 'mt', 'mt')
    """
    name = re.sub(r"^(chromosome|chrom|chr)[ _.-]?", "", name.lower()) or name.lower()
    name = name.lstrip("0") or name
    return _SYNONYMS.get(name, name)


def _unique(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return a mapping from keys to contigs, for the keys that are paired with exactly one contig."""
    found: dict[str, set[str]] = defaultdict(set)
    for key, name in pairs:
        found[key].add(name)
    return {key: next(iter(names)) for key, names in found.items() if key and len(names) == 1}
