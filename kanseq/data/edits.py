"""Edited gene windows: from a genome position and an edit to the columns that a model reads.

In: a gene's place, its genome, and edits; or the codes of its windows, and substitutions. Out: the edited windows.
:mod:`kanseq.data.code_edits` edits columns.

In an edited window the site (TSS or TTS) stays in its column. An insertion pushes the bases between it and the far end
of the window outwards, and a deletion draws bases in from the genome beyond the window, so that models, which know
columns by their distance from the site, see every base at its new distance.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple, Protocol

import numpy as np

from kanseq.data.stored_sequences import CODES
from kanseq.errors import EditMismatch
from kanseq.genome.fasta import only_bases, reverse_complement
from kanseq.genome.pieces import LETTERS
from kanseq.geometry import Geometry, Place

SHOWN = 20
"""Letters of an allele that a message shows."""


class Bases(Protocol):
    """Random access to a genome, as :class:`kanseq.genome.random_access.IndexedFasta` gives it."""

    lengths: dict[str, int]
    """Bases of every contig."""

    def letters(self, chrom: str, start: int, end: int) -> bytes:
        """Return the letters of an interval, 0-based half-open, which lies on the contig."""
        ...


class Edit(NamedTuple):
    """A change of the genome's forward strand.

    Attributes:
        chrom: the contig.
        start: first base that is replaced, 0-based; for an insertion the base before which it is made.
        ref: the letters that are replaced; empty for an insertion.
        alt: the letters that take their place; empty for a deletion.

    Bases that ``ref`` and ``alt`` share at their ends, as in VCF, change nothing.
    """

    chrom: str
    start: int
    ref: str
    alt: str

    @property
    def end(self) -> int:
        """Base behind the last one that is replaced."""
        return self.start + len(self.ref)

    def trimmed(self) -> "Edit":
        """Drop the bases that both alleles share, first at their ends, then at their beginnings; upper case.

        This is the order of VCF's normalisation (Tan et al. 2015, Bioinformatics 31:2202).

        >>> Edit("1", 99, "A", "AT").trimmed(), Edit("1", 99, "cat", "ct").trimmed()
        (Edit(chrom='1', start=100, ref='', alt='T'), Edit(chrom='1', start=100, ref='A', alt=''))
        """
        ref, alt = self.ref.upper(), self.alt.upper()
        behind = _shared(ref[::-1], alt[::-1])
        ref, alt = ref[: len(ref) - behind], alt[: len(alt) - behind]
        before = _shared(ref, alt)
        return Edit(self.chrom, self.start + before, ref[before:], alt[before:])

    def __str__(self) -> str:
        """Show the edit as it is written in text, with its 1-based position.

        >>> str(Edit("1", 99, "A", "G")), str(Edit("1", 99, "", "GG"))
        ('1:100:A>G', '1:100:->GG')
        """
        return f"{self.chrom}:{self.start + 1}:{_short(self.ref) or '-'}>{_short(self.alt) or '-'}"


def substitution(chrom: str, start: int, ref: str, alt: str) -> Edit:
    """Replace bases by as many others.

    Raises:
        ValueError: the alleles differ in length.
    """
    if len(ref) != len(alt):
        raise ValueError(f"'{ref}' and '{alt}' differ in length")
    return Edit(chrom, start, ref, alt)


def insertion(chrom: str, start: int, bases: str) -> Edit:
    """Insert bases before the base at ``start`` (0-based)."""
    return Edit(chrom, start, "", bases)


def deletion(chrom: str, start: int, bases: str) -> Edit:
    """Delete bases, of which the first is at ``start`` (0-based)."""
    return Edit(chrom, start, bases, "")


class EditedWindows(NamedTuple):
    """The windows of a gene on an edited contig.

    Attributes:
        sequence: letters A, C, G, T and N in the direction of transcription, one per column.
        moves_site: whether an edit removes the base of the TSS or the TTS, so that another base stands in its column.
    """

    sequence: str
    moves_site: bool

    @property
    def codes(self) -> np.ndarray:
        """Base codes, uint8 ``(columns,)``: A 0, C 1, G 2, T 3, N 4."""
        return CODES[np.frombuffer(self.sequence.encode(), dtype=np.uint8)]


def edited_windows(place: Place, geometry: Geometry, genome: Bases, edits: Sequence[Edit]) -> EditedWindows:
    """Cut the windows of a gene as they are when all edits are made at once.

    The site's base stays in its column, and bases move away from it or towards it. An insertion next to the site lies
    on the side that it is made on: before the first transcribed base it is upstream, behind the last one downstream.
    Columns past the contig's ends are ``N``, as ``kanseq extract --edge pad`` fills them. Without edits the windows are
    those of :func:`kanseq.genome.windows.cut_genes`.

    Where an edit removes the site's base, the first base of the transcript that remains takes the TSS's column, and
    the last one that remains takes the TTS's; what is inserted in place of the removed bases lies outside of the
    transcript. A replacement by as many bases removes none.

    Args:
        place: the gene.
        geometry: the columns.
        genome: the bases of the gene's contig.
        edits: edits of that contig, in any order. Those of a haplotype must not overlap.

    Raises:
        EditMismatch: an edit is of another contig or lies past its ends, its reference allele is not what the genome
            has, its new allele holds other letters than A, C, G, T and N, two edits overlap or are made before the same
            base, or no base of the transcript remains.
    """
    changes = _checked(place, genome, edits)
    first, last = sorted((place.tss, place.tts))
    step = -1 if place.strand == "-" else 1
    tss = _remaining(place.tss, step, changes)
    tts = _remaining(place.tts, -step, changes)
    if not (first <= tss <= last and first <= tts <= last):
        raise EditMismatch(
            f"the edits remove the whole transcript at {place.chrom}:{first + 1}-{last + 1}",
            hint="a gene without bases has no windows",
        )
    windows = geometry.tss_window(tss, place.strand), geometry.tts_window(tts, place.strand)
    sites = zip((tss, tts), windows, strict=True)
    sides = [only_bases(_cut(site, window, place, genome, changes).encode("ascii")) for site, window in sites]
    if place.strand == "-":
        sides = [reverse_complement(side) for side in sides]
    sequence = (b"N" * geometry.pad).join(sides).decode("ascii")
    return EditedWindows(sequence, (tss, tts) != (place.tss, place.tts))


def substituted_windows(codes: np.ndarray, place: Place, geometry: Geometry, edits: Sequence[Edit]) -> np.ndarray:
    """Substitute bases in the codes of a gene's windows, without a genome.

    Args:
        codes: of the gene as the set holds them (not masked), uint8 ``(columns,)``.
        place: the gene.
        geometry: the columns.
        edits: substitutions; what lies in no window changes nothing, and its reference allele is not compared.

    Returns:
        The edited codes, a copy.

    Raises:
        EditMismatch: an edit is of another contig or is no substitution, its reference allele is not what the windows
            have, or two edits overlap.
    """
    changed = codes.copy()
    for edit in _in_order(place.chrom, edits):
        if len(edit.ref) != len(edit.alt):
            raise EditMismatch(
                "only substitutions can be made without a genome", where=str(edit), hint="name the genes' genome"
            )
        for offset, (ref, alt) in enumerate(zip(edit.ref.upper(), edit.alt.upper(), strict=True)):
            letters = f"{ref}{alt}".encode("ascii", "replace")
            pair = reverse_complement(letters)[::-1] if place.strand == "-" else letters
            expected, base = CODES[np.frombuffer(pair, dtype=np.uint8)]
            for column in geometry.columns_of(place, edit.start + offset):
                if codes[column] != expected:
                    found = LETTERS[[codes[column]]].tobytes()
                    found = reverse_complement(found) if place.strand == "-" else found
                    raise _other_reference(edit, edit.start + offset, ref, found.decode())
                changed[column] = base
    return changed


def _shared(one: str, other: str) -> int:
    """Count the letters that two words share at their beginnings."""
    pairs = zip(one, other, strict=False)
    return next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def _in_order(chrom: str, edits: Sequence[Edit]) -> list[Edit]:
    """Sort edits by position; refuse other contigs, edits that overlap, and alleles that are no bases (``<DEL>``)."""
    ordered = sorted(edits, key=lambda edit: (edit.start, edit.end))
    for edit in ordered:
        if edit.chrom != chrom:
            raise EditMismatch(f"the gene lies on contig '{chrom}'", where=str(edit), hint="give edits of its contig")
        if strange := set(edit.alt.upper()) - set("ACGTN"):
            raise EditMismatch(f"{min(strange)!r} is no base", where=str(edit), hint="spell the new allele out")
    for before, edit in pairwise(ordered):
        if edit.start < before.end or (edit.start, edit.end) == (before.start, before.end):
            raise EditMismatch(f"it overlaps the edit {before}", where=str(edit), hint="join them, or make each alone")
    return ordered


def _checked(place: Place, genome: Bases, edits: Sequence[Edit]) -> list[Edit]:
    """Compare edits with the genome, and take them apart: substitutions of one base, insertions, deletions."""
    length = genome.lengths.get(place.chrom)
    if length is None:
        raise EditMismatch(f"the genome has no contig '{place.chrom}'", hint="name the genome that the genes lie on")
    changes: list[Edit] = []
    for edit in edits:
        if edit.chrom == place.chrom and not 0 <= edit.start <= edit.end <= length:
            raise EditMismatch(f"the contig has {length:,} bases", where=str(edit), hint="is this the right assembly?")
        if edit.chrom == place.chrom and edit.ref:
            found = genome.letters(edit.chrom, edit.start, edit.end).decode("ascii").upper()
            if found != edit.ref.upper():
                raise _other_reference(edit, edit.start, edit.ref, found)
        change = edit.trimmed()
        if len(change.ref) == len(change.alt):
            pairs = enumerate(zip(change.ref, change.alt, strict=True))
            changes += [Edit(edit.chrom, change.start + at, ref, alt) for at, (ref, alt) in pairs if ref != alt]
        else:
            changes.append(change)
    return _in_order(place.chrom, changes)


def _other_reference(edit: Edit, start: int, expected: str, found: str) -> EditMismatch:
    """Say that the genome has other bases than an edit expects."""
    return EditMismatch(
        f"the edit {edit} expects {_short(expected)}, and the genome has {_short(found)}",
        where=f"{edit.chrom}:{start + 1}",
        hint="positions and alleles must be those of the genome's forward strand",
    )


def _short(letters: str) -> str:
    """Show the beginning of a long allele."""
    return letters if len(letters) <= SHOWN else f"{letters[:SHOWN]}…({len(letters):,})"


def _remaining(site: int, step: int, changes: Sequence[Edit]) -> int:
    """Find the first base from a site on, in the direction of ``step`` (1 or -1), that no change removes."""
    for change in changes[::step]:
        if len(change.ref) != len(change.alt) and change.start <= site < change.end:
            site = change.end if step > 0 else change.start - 1
    return site


def _cut(site: int, window: tuple[int, int], place: Place, genome: Bases, changes: Sequence[Edit]) -> str:
    """Read a window of the edited contig, on the forward strand, around a site whose base remains.

    The window may begin right behind the site, where it holds no transcribed base.
    """
    start, end = window
    below = [change for change in changes if change.end <= site]
    left = _leftwards(site, max(0, site - start), place.chrom, genome, below)
    right = _rightwards(site, max(0, end - site), place.chrom, genome, changes[len(below) :])
    return left + right[max(0, start - site) :]


def _leftwards(site: int, count: int, chrom: str, genome: Bases, changes: Sequence[Edit]) -> str:
    """Read ``count`` bases of the edited contig that end before a site."""
    parts: list[str] = []
    at, missing = site, count
    for change in reversed(changes):
        if missing <= at - change.end:
            break
        parts.append(change.alt + _letters(genome, chrom, change.end, at))
        missing -= len(parts[-1])
        at = change.start
    parts.append(_letters(genome, chrom, at - max(0, missing), at))
    found = "".join(reversed(parts))
    return found[len(found) - count :]


def _rightwards(site: int, count: int, chrom: str, genome: Bases, changes: Sequence[Edit]) -> str:
    """Read ``count`` bases of the edited contig from a site on."""
    parts: list[str] = []
    at, missing = site, count
    for change in changes:
        if missing <= change.start - at:
            break
        parts.append(_letters(genome, chrom, at, change.start) + change.alt)
        missing -= len(parts[-1])
        at = change.end
    parts.append(_letters(genome, chrom, at, at + max(0, missing)))
    return "".join(parts)[:count]


def _letters(genome: Bases, chrom: str, start: int, end: int) -> str:
    """Read an interval, with ``N`` past the contig's ends."""
    first, last = max(start, 0), min(end, genome.lengths[chrom])
    if first >= last:
        return "N" * (end - start)
    inside = genome.letters(chrom, first, last).decode("ascii")
    return "N" * (first - start) + inside + "N" * (end - last)
