"""Guess which contigs of a genome and an annotation are the same, if their names differ.

In: the names, FASTA headers, and the regions that an annotation states. Out: a contig of the genome for each name of
the annotation that fits exactly one.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import NamedTuple, TypeAlias
from urllib.parse import unquote

from kanseq.errors import KanseqError
from kanseq.genome.annotation.gff import BLOCK
from kanseq.genome.fasta import read_headers
from kanseq.io.files import PathLike, open_bytes

_Keys: TypeAlias = Callable[[str], Iterable[str]]

MITOCHONDRION, PLASTID = "mt", "pt"
"""What :func:`bare` returns for names of organelles."""

_SYNONYMS = {
    **dict.fromkeys(("m", "mito", "mtdna", "mitochondrion", "mitochondria", "mitochondrial"), MITOCHONDRION),
    **dict.fromkeys(("mitochondrion_genome", "mitochondrial_genome"), MITOCHONDRION),
    **dict.fromkeys(("c", "cp", "pltd", "ptdna", "cpdna", "chloroplast", "plastid", "plastome"), PLASTID),
}

_ORGANELLE = re.compile(r"_(mitochondri(?:on|a|al)|chloroplast|plastid)(?:_genome)?$")
"""Matches names of organelles that begin with a species."""

_DATABASES = frozenset(("bbs", "dbj", "emb", "ena", "gb", "gi", "gnl", "lcl", "pat", "pdb", "ref", "tpd", "tpe", "tpg"))
"""Names of databases in headers such as ``gi|240254421|ref|NC_003070.9|``, in lower case."""

_LOCATION = re.compile(r"^\w+:[^:]*:([^:]+):1:\d+(?::-?1)?$")
"""Matches Ensembl's location of a complete contig: ``chromosome:TAIR10:1:1:30427671:1``."""

_RANGE = re.compile(r"^(.+):[01]-\d+$")
"""Matches a contig with its range, as in the output of samtools faidx and bedtools getfasta."""

_UCSC = re.compile(r"^chr\w*?_([A-Z]+_?\d+)v(\d+)(?:_\w+)?$")
"""Matches UCSC's names of scaffolds: ``chr1_KI270706v1_random``, ``chrUn_NW_013171801v1``."""

_COMPOSED = re.compile(r"[|#:%\s]|v\d")
"""Matches in names that may contain other names; most do not."""

_VERSIONED = re.compile(r"^([A-Z]{1,6}_?[A-Z]{0,6}\d{3,})\.\d{1,2}$")
_NUMBERED = re.compile(r"^(.*[a-z][_.-]?)0*(\d{1,3}[a-z]?)$")
_NO_CHROMOSOME = re.compile(r"scaf|contig|ctg|tig|tg\d|seq|super|plasmid|rand|un_|hap|alt|^(?:ac|n[ctwz])_|node|utg")

_REGION = re.compile(
    rb"^##sequence-region[ \t]+(\S+)[ \t]+1[ \t]+(\d+)|"
    rb"^([^#\t\n][^\t\n]*)\t[^\t\n]*\t(?:region|chromosome|supercontig|scaffold|contig)\t1\t(\d+)\t(.*)",
    re.MULTILINE,
)


class ContigRegion(NamedTuple):
    """What an annotation states about a contig; empty if it does not.

    Attributes:
        length: length in bases, as text.
        chromosome: name of the chromosome, or ``mitochondrion``, ``chloroplast`` or the like.
        aliases: other names of the contig.
        circular: whether the contig is circular.
    """

    length: str = ""
    chromosome: str = ""
    aliases: tuple[str, ...] = ()
    circular: bool = False


def guess_aliases(
    genome: PathLike,
    annotation: PathLike,
    names: Sequence[str],
    lengths: Mapping[str, int],
    headers: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Guess the contig of the genome for each of the annotation's contig ``names``; omit names that remain ambiguous.

    Compare, in this order: the names within ``lcl|NAME`` and other notations, upper and lower case, versions of
    accessions, the bare name (``chr01``, ``Chr1`` and ``1``; ``MT``, ``ChrM`` and ``Mito``), the chromosome in the
    annotation's ``region`` row and in the FASTA header, the words of the header, numbers after a common beginning
    (``Gm01`` and ``1``), and the length.

    Args:
        genome, annotation: the files.
        names: contigs of the annotation.
        lengths: contig of the genome -> length in bases; only these contigs are considered.
        headers: contig of the genome -> FASTA header; None reads them from the file.
    """
    if headers is None:
        headers = {header.split()[0]: header for header in read_headers(genome) if header.split()}
    titles = {name: headers.get(name, name) for name in lengths}
    regions = read_regions(annotation)
    guessed: dict[str, str] = {}
    free = list(lengths)
    for of_name, of_contig in _levels(regions, titles, names, lengths):
        keys = {name: of_name(name) for name in names if name not in guessed}
        sought = {key for found in keys.values() for key in found if key}
        if not sought:
            continue
        places = _unique((key, contig) for contig in free for key in of_contig(contig) if key in sought)
        claims: dict[str, list[str]] = defaultdict(list)
        for name, of_this in keys.items():
            found = {places[key] for key in of_this if key in places}
            if len(found) == 1:
                claims[found.pop()].append(name)
        guessed |= {claimants[0]: contig for contig, claimants in claims.items() if len(claimants) == 1}
        # A contig that several names fit stays without a name.
        free = [contig for contig in free if contig not in claims]
    return {name: guessed[name] for name in names if name in guessed}


def read_regions(path: PathLike) -> dict[str, ContigRegion]:
    """Read what an annotation states about its contigs; ignore read errors.

    Supports ``##sequence-region`` lines, ``region`` rows of RefSeq, and Ensembl's rows of chromosomes and scaffolds.
    """
    regions: dict[str, ContigRegion] = {}
    try:
        with open_bytes(path) as handle:
            while block := handle.read(BLOCK):
                block += handle.readline()
                for match in _REGION.finditer(block):
                    line, length, row, row_length, rest = (
                        part.decode("utf-8", "replace") for part in match.groups(b"")
                    )
                    known = regions.get(line or row, ContigRegion())
                    regions[line or row] = _add(known, length or row_length, rest)
                if not regions and b'gene_id "' in block:
                    # A GTF has no rows of contigs.
                    break
    except KanseqError:
        return regions
    return regions


def bare(name: str) -> str:
    """Normalise the spelling of a contig's name.

    >>> bare("Chr01"), bare("chromosome_X"), bare("chrMT"), bare("Mito"), bare("Scaffold_0012"), bare("chr1H")
    ('1', 'x', 'mt', 'mt', 'scaffold12', '1h')
    >>> bare("dmel_mitochondrion_genome"), bare("Osativa_chloroplast")
    ('mt', 'pt')
    """
    lower = name.lower()
    name = re.sub(r"^(chromosome|chrom|chr|linkage[ _-]?group|lg)[ _.-]*", "", lower) or lower
    name = re.sub(r"(?<=[a-z])[ _.-]+(?=\d)", "", name)
    name = re.sub(r"(?<![\d.])0+(?=\d)", "", name)
    organelle = _ORGANELLE.search(name)
    return _SYNONYMS.get(organelle.group(1) if organelle else name, name)


def _levels(
    regions: Mapping[str, ContigRegion], titles: Mapping[str, str], names: Sequence[str], lengths: Mapping[str, int]
) -> Iterator[tuple[_Keys, _Keys]]:
    """Yield pairs of functions that return keys of a name in the annotation and in the genome; equal keys match.

    Args:
        regions: what the annotation states, see :func:`read_regions`.
        titles: contig of the genome -> FASTA header.
        names: contigs of the annotation.
        lengths: contig of the genome -> length in bases.
    """

    def aliases(name: str) -> Iterable[str]:
        return regions.get(name, ContigRegion()).aliases

    def chromosome(name: str) -> list[str]:
        return [bare(regions.get(name, ContigRegion()).chromosome)]

    def title(contig: str) -> list[str]:
        return [bare(one) for one in _titles(titles[contig])]

    def words(contig: str) -> list[str]:
        description = titles[contig].partition(" ")[2]
        return [word for word in re.split(r"[^\w.]+", description) if len(word) > 2 and not word.isdigit()]

    # Genomes may have hundreds of thousands of contigs.
    forms = cache(_forms)

    def mapped(change: Callable[[str], str]) -> _Keys:
        return cache(lambda name: [change(form) for form in forms(name)])

    bares = mapped(bare)

    yield forms, lambda contig: [*forms(contig), titles[contig]]
    yield aliases, forms
    yield mapped(str.lower), mapped(str.lower)
    # Two different versions are different sequences, so at most one side is without its version.
    yield mapped(_unversioned), forms
    yield forms, mapped(_unversioned)
    yield bares, bares
    yield chromosome, bares
    yield bares, title
    yield chromosome, title
    yield forms, words
    yield _numbers(names), bares
    yield bares, _numbers(list(titles))
    yield lambda name: [regions.get(name, ContigRegion()).length], lambda contig: [str(lengths[contig])]


def _forms(name: str) -> list[str]:
    """Return the names that a contig's name contains.

    >>> _forms("lcl|Lsat_4"), _forms("gi|7|ref|NC_1.9|"), _forms("1 dna:chromosome")
    (['lcl|Lsat_4', 'Lsat_4'], ['gi|7|ref|NC_1.9|', 'NC_1.9'], ['1 dna:chromosome', '1'])
    """
    whole = name.strip()
    if not _COMPOSED.search(whole):
        return [whole]
    found = [whole, unquote(whole)]
    found += [form.split(None, 1)[0] for form in found if form]
    for form in list(found):
        parts = [part for part in re.split(r"[|#]", form) if part]
        if len(parts) > 1:
            # The word after gi is a number, and that after gnl the name of a database.
            skipped = {place + 1 for place, part in enumerate(parts) if part.lower() in ("gi", "gnl")}
            found += [
                part for place, part in enumerate(parts) if place not in skipped and part.lower() not in _DATABASES
            ]
    for form in list(found):
        found += [match.group(1) for pattern in (_LOCATION, _RANGE) if (match := pattern.match(form))]
        found += [f"{match.group(1)}.{match.group(2)}" for match in [_UCSC.match(form)] if match]
    return list(dict.fromkeys(found))


def _unversioned(name: str) -> str:
    """Return a name without the version of an accession; empty if it has none."""
    match = _VERSIONED.match(name)
    return match.group(1) if match else ""


def _numbers(names: Sequence[str]) -> _Keys:
    """Return a function for the number of a chromosome, if all such names begin with the same letters, as ``Gm01``."""
    parted = {name: match.groups() for name in names if (match := _NUMBERED.match(name.lower()))}
    parted = {name: parts for name, parts in parted.items() if not _NO_CHROMOSOME.search(name.lower())}
    beginnings = Counter(beginning for beginning, _ in parted.values())
    same = len(beginnings) == 1 and len(parted) > 1
    return lambda name: [parted[name][1]] if same and name in parted else []


def _titles(header: str) -> list[str]:
    """Find the chromosome names in a FASTA header such as ``NC_003070.9 Arabidopsis thaliana chromosome 1``."""
    found = re.findall(r"\b(?:chromosome|plasmid|linkage group)(?:: ?|=| )(\w+)", header, re.IGNORECASE)
    return found + re.findall(r"\b(mitochondrion|chloroplast|plastid)\b", header, re.IGNORECASE)


def _add(known: ContigRegion, length: str, attributes: str) -> ContigRegion:
    """Add the length and the attributes of a row to what is known about its contig."""
    title = re.search(r"[\t;](?:chromosome|plasmid-name|genome)=([^;]+)", attributes)
    names = re.search(r"[\t;]Alias=([^;]+)", attributes)
    return ContigRegion(
        known.length or length,
        known.chromosome or (title.group(1) if title else ""),
        known.aliases or (tuple(names.group(1).split(",")) if names else ()),
        known.circular or re.search(r"[\t;]Is_circular=true", attributes, re.IGNORECASE) is not None,
    )


def _unique(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return a mapping from keys to contigs, for the keys that are paired with exactly one contig."""
    found: dict[str, set[str]] = defaultdict(set)
    for key, name in pairs:
        found[key].add(name)
    return {key: next(iter(names)) for key, names in found.items() if len(names) == 1}
