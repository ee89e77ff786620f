"""Decide what to do with genes that end past the end of their contig.

In: such genes. Out: a warning if they are few, as on circular contigs, or an error if the annotation belongs to another
assembly.
"""

import logging
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from kanseq.errors import MalformedLine
from kanseq.genome.contig_names import MITOCHONDRION, PLASTID, ContigRegion, bare, read_regions
from kanseq.io.files import PathLike, some

_MOST_OF_CIRCLE = 3
"""Maximum number of genes that may cross the origin of a circular contig, on both strands."""

_SMALL_SHARE = 0.01
"""Maximum share of genes past the end of one linear contig."""

_FEWEST_FOR_ONE = 3
"""A single gene past the end of a linear contig is tolerated if there are at least this many genes."""

_CIRCULAR = re.compile(r"circular(?!=false)|mitochondri|chloroplast|plastid|plasmid|complete genome", re.IGNORECASE)

_log = logging.getLogger(__name__)


class PastEnd(NamedTuple):
    """A gene or coding sequence that ends past the end of its contig.

    Attributes:
        what: what it is, such as ``gene 'A'``.
        annotated: name of the contig in the annotation.
        contig: name of the contig in the genome.
        end: end in the annotation (1-based, inclusive).
        length: length of the contig in bases.
        line: line in the annotation.
    """

    what: str
    annotated: str
    contig: str
    end: int
    length: int
    line: int

    @property
    def detail(self) -> str:
        """Text that describes the problem."""
        return f"ends at {self.end}, but contig '{self.contig}' has {self.length} bases"


def check_ends(
    past: Sequence[PastEnd], total: int, annotation: PathLike, headers: Mapping[str, str] | None = None
) -> None:
    """Warn about genes that end past their contig; raise an error if the annotation may belong to another assembly.

    A few genes may cross the origin of each circular contig (GFF3 then has an end past the contig). A contig is
    circular if the annotation states it, or if its name or FASTA header is that of an organelle, a plasmid or a
    complete genome. On linear contigs, such genes are tolerated only on one contig, and only if they are a small share.

    Args:
        past: the genes past an end.
        total: number of all genes on contigs of the genome.
        annotation: the file, for messages and to find circular contigs.
        headers: contig of the genome -> FASTA header.

    Raises:
        MalformedLine: too many genes end past their contigs.
    """
    if not past:
        return
    regions = read_regions(annotation)
    by_contig = Counter((one.annotated, one.contig) for one in past)
    linear = {
        (annotated, contig): count
        for (annotated, contig), count in by_contig.items()
        if not _is_circular(regions.get(annotated, ContigRegion()), annotated, (headers or {}).get(contig, contig))
    }
    on_linear = sum(linear.values())
    tolerated = max(_SMALL_SHARE * total, total >= _FEWEST_FOR_ONE)
    crowded = any(count > _MOST_OF_CIRCLE for place, count in by_contig.items() if place not in linear)
    first = next(one for one in past if not linear or (one.annotated, one.contig) in linear)
    if crowded or len(linear) > 1 or on_linear > tolerated:
        others = f" ({len(past):,} of {total:,} end past their contigs)" if len(past) > 1 else ""
        raise MalformedLine(
            f"{first.what} {first.detail}{others}",
            where=f"{annotation}:{first.line}",
            hint="use the annotation of this assembly",
        )
    listed = some([f"{one.what} {one.detail}" for one in past])
    if len(past) == 1:
        _log.warning("%s: %s; it is left out", annotation, listed)
    else:
        _log.warning("%s: %d genes end past their contigs and are left out: %s", annotation, len(past), listed)


def _is_circular(region: ContigRegion, name: str, header: str) -> bool:
    """Return whether a contig is circular, by its region in the annotation, its name there, and its FASTA header."""
    first_word = header.split(maxsplit=1)[0]
    is_organelle = {bare(name), bare(first_word)} & {MITOCHONDRION, PLASTID}
    stated = any(_CIRCULAR.search(text) for text in (region.chromosome, name, header))
    return region.circular or bool(is_organelle) or stated
