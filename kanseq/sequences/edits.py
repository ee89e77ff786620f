"""Apply edits of a genome (variants) to the windows of a gene, that is, to the columns that a model reads.

In: a gene's coordinates, its genome, and edits; or the codes of its windows, and substitutions. Out: the edited
windows. :mod:`kanseq.sequences.code_edits` edits columns.

In an edited window, the site (TSS or TTS) stays in its column. An insertion moves the bases on its far side away from
the site. After a deletion, the window is filled up with the bases that follow its outer end in the genome. Models
identify columns by their distance from the site, so they read every base at its new distance.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple, Protocol

import numpy as np

from kanseq.errors import EditMismatch
from kanseq.genome.fasta import only_bases, reverse_complement
from kanseq.genome.pieces import LETTERS
from kanseq.geometry import Geometry, Place
from kanseq.sequences.stored import CODES

SHOWN = 20
"""Largest number of letters of an allele that a message shows."""


class Bases(Protocol):
    """Random access to a genome, as provided by :class:`kanseq.genome.random_access.IndexedFasta`."""

    lengths: dict[str, int]
    """Length of every contig in bases."""

    def letters(self, chrom: str, start: int, end: int) -> bytes:
        """Return the letters of an interval (0-based half-open) that lies within the contig."""
        ...


class Edit(NamedTuple):
    """A change of the genome's forward strand.

    Attributes:
        chrom: the contig.
        start: first replaced base, 0-based; for an insertion, the base before which letters are inserted.
        ref: the replaced letters; empty for an insertion.
        alt: the new letters; empty for a deletion.

    Bases that ``ref`` and ``alt`` share at their ends, as in VCF, have no effect.
    """

    chrom: str
    start: int
    ref: str
    alt: str

    @property
    def end(self) -> int:
        """Position after the last replaced base."""
        return self.start + len(self.ref)

    def trimmed(self) -> "Edit":
        """Return the edit in upper case, without bases that both alleles share at their ends or starts.

        Ends are trimmed before starts, as in VCF normalisation (Tan et al. 2015, Bioinformatics 31:2202).

        >>> Edit("1", 99, "A", "AT").trimmed(), Edit("1", 99, "cat", "ct").trimmed()
        (Edit(chrom='1', start=100, ref='', alt='T'), Edit(chrom='1', start=100, ref='A', alt=''))
        """
        ref, alt = self.ref.upper(), self.alt.upper()
        behind = _shared(ref[::-1], alt[::-1])
        ref, alt = ref[: len(ref) - behind], alt[: len(alt) - behind]
        before = _shared(ref, alt)
        return Edit(self.chrom, self.start + before, ref[before:], alt[before:])

    def __str__(self) -> str:
        """Return the edit as text, with its 1-based position.

        >>> str(Edit("1", 99, "A", "G")), str(Edit("1", 99, "", "GG"))
        ('1:100:A>G', '1:100:->GG')
        """
        return f"{self.chrom}:{self.start + 1}:{_short(self.ref) or '-'}>{_short(self.alt) or '-'}"


def substitution(chrom: str, start: int, ref: str, alt: str) -> Edit:
    """Return an edit that replaces bases with the same number of bases.

    Raises:
        ValueError: the alleles differ in length.
    """
    if len(ref) != len(alt):
        raise ValueError(f"'{ref}' and '{alt}' differ in length")
    return Edit(chrom, start, ref, alt)


def insertion(chrom: str, start: int, bases: str) -> Edit:
    """Return an edit that inserts bases before the base at ``start`` (0-based)."""
    return Edit(chrom, start, "", bases)


def deletion(chrom: str, start: int, bases: str) -> Edit:
    """Return an edit that deletes bases, the first at ``start`` (0-based)."""
    return Edit(chrom, start, bases, "")


class EditedWindows(NamedTuple):
    """The windows of a gene on an edited contig.

    Attributes:
        sequence: letters A, C, G, T and N in the direction of transcription, one per column.
        moves_site: whether an edit removes the base at the TSS or the TTS. Another base is then in the column of this
            site.
    """

    sequence: str
    moves_site: bool

    @property
    def codes(self) -> np.ndarray:
        """Base codes, uint8 ``(columns,)``: A 0, C 1, G 2, T 3, N 4."""
        return CODES[np.frombuffer(self.sequence.encode(), dtype=np.uint8)]


def edited_windows(place: Place, geometry: Geometry, genome: Bases, edits: Sequence[Edit]) -> EditedWindows:
    """Return the windows of a gene after all edits are applied at once.

    The base at a site (TSS or TTS) stays in its column; other bases shift away from it or towards it. An insertion
    right before the first transcribed base is upstream of the gene. An insertion right after the last transcribed base
    is downstream. Columns past the ends of the contig are ``N``, as with ``kanseq extract --edge pad``. Without edits,
    the windows are the same as from :func:`kanseq.genome.windows.cut_genes`.

    If an edit removes the base at a site, the first remaining base of the transcript is placed in the column of the
    TSS, and the last remaining base in the column of the TTS. Bases that are inserted in place of the removed bases are
    then outside the transcript. A replacement with the same number of bases does not remove any base.

    Args:
        place: coordinates of the gene.
        geometry: the columns of the windows.
        genome: access to the gene's contig.
        edits: edits on the contig of the gene, all of one haplotype, in any order; they must not overlap.

    Raises:
        EditMismatch: an edit is on another contig or past the ends of the contig, its reference allele differs from the
            genome, its new allele has letters other than A, C, G, T and N, two edits overlap or insert before the same
            base, or no base of the transcript remains.
    """
    changes = _checked(place, genome, edits)
    first, last = sorted((place.tss, place.tts))
    step = -1 if place.strand == "-" else 1
    tss = _remaining(place.tss, step, changes)
    tts = _remaining(place.tts, -step, changes)
    if not (first <= tss <= last and first <= tts <= last):
        raise EditMismatch(
            f"the edits remove the entire transcript at {place.chrom}:{first + 1}-{last + 1}",
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
        codes: codes of the gene as stored in the set (not masked), uint8 ``(columns,)``.
        place: coordinates of the gene.
        geometry: the columns of the windows.
        edits: substitutions; bases outside the windows are ignored, and their reference alleles are not compared.

    Returns:
        The edited codes, a copy.

    Raises:
        EditMismatch: an edit is on another contig or is not a substitution, its reference allele differs from the
            windows, or two edits overlap.
    """
    changed = codes.copy()
    for edit in _in_order(place.chrom, edits):
        if len(edit.ref) != len(edit.alt):
            raise EditMismatch(
                "only substitutions can be made without a genome", where=str(edit), hint="provide the genome"
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
    """Count the letters that two strings share at the start."""
    pairs = zip(one, other, strict=False)
    return next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def _in_order(chrom: str, edits: Sequence[Edit]) -> list[Edit]:
    """Sort edits by position; raise EditMismatch for other contigs, overlaps, and alleles such as ``<DEL>``."""
    ordered = sorted(edits, key=lambda edit: (edit.start, edit.end))
    for edit in ordered:
        if edit.chrom != chrom:
            raise EditMismatch(f"the gene lies on contig '{chrom}'", where=str(edit), hint="use edits of its contig")
        if strange := set(edit.alt.upper()) - set("ACGTN"):
            raise EditMismatch(f"{min(strange)!r} is not a base", where=str(edit), hint="spell out the new allele")
    for before, edit in pairwise(ordered):
        if edit.start < before.end or (edit.start, edit.end) == (before.start, before.end):
            raise EditMismatch(
                f"it overlaps the edit {before}", where=str(edit), hint="merge them or apply each separately"
            )
    return ordered


def _checked(place: Place, genome: Bases, edits: Sequence[Edit]) -> list[Edit]:
    """Check edits against the genome, and split them into single-base substitutions, insertions and deletions."""
    length = genome.lengths.get(place.chrom)
    if length is None:
        raise EditMismatch(f"the genome has no contig '{place.chrom}'", hint="provide the genome of the genes")
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
    """Return the error for a reference allele that differs from the genome."""
    return EditMismatch(
        f"the edit {edit} expects {_short(expected)}, but the genome has {_short(found)}",
        where=f"{edit.chrom}:{start + 1}",
        hint="positions and alleles must refer to the forward strand of the genome",
    )


def _short(letters: str) -> str:
    """Shorten a long allele for a message."""
    return letters if len(letters) <= SHOWN else f"{letters[:SHOWN]}…({len(letters):,})"


def _remaining(site: int, step: int, changes: Sequence[Edit]) -> int:
    """Return the first position at or after ``site``, in the direction of ``step`` (1, -1), that no change removes."""
    for change in changes[::step]:
        if len(change.ref) != len(change.alt) and change.start <= site < change.end:
            site = change.end if step > 0 else change.start - 1
    return site


def _cut(site: int, window: tuple[int, int], place: Place, genome: Bases, changes: Sequence[Edit]) -> str:
    """Return the letters of a window of the edited contig on the forward strand; no change may remove ``site``.

    A window without transcribed bases may start right after the site.
    """
    start, end = window
    below = [change for change in changes if change.end <= site]
    left = _leftwards(site, max(0, site - start), place.chrom, genome, below)
    right = _rightwards(site, max(0, end - site), place.chrom, genome, changes[len(below) :])
    return left + right[max(0, start - site) :]


def _leftwards(site: int, count: int, chrom: str, genome: Bases, changes: Sequence[Edit]) -> str:
    """Return the ``count`` bases of the edited contig that precede ``site``."""
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
    """Return ``count`` bases of the edited contig, starting at ``site``."""
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
    """Return the letters of an interval, with ``N`` past the ends of the contig."""
    first, last = max(start, 0), min(end, genome.lengths[chrom])
    if first >= last:
        return "N" * (end - start)
    inside = genome.letters(chrom, first, last).decode("ascii")
    return "N" * (first - start) + inside + "N" * (end - last)
