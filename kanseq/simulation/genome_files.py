"""Write the files of a simulated genome: FASTA with planted elements, GTF, TPM and the truth tables.

In: planned contigs and open handles. Out: files that are identical for the same plan and seed, and planted elements.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, BinaryIO

import numpy as np
import pandas as pd

from kanseq.io.tables.dialect import table_lines
from kanseq.io.tables.gene_tables import TRUTH
from kanseq.simulation.grammar import MEAN_GC, TAKEN, Grammar, Measured, PlannedContig, flank_gc, plant

CODING = "protein_coding"

UTR = 60
"""Untranslated bases at each end of a transcript."""

REGION = 1_024
"""Number of adjacent bases that are drawn with the same GC content."""
GC_SPREAD = 0.10

LINE = 60
"""Number of letters in a FASTA line."""

_BASES, _PLANTING = 3, 4
"""Keys of separate random streams, different from those in :mod:`kanseq.simulation.gene_layout`."""


def write_genome(path: Path, plan: list[PlannedContig], grammar: Grammar, seed: int, compress: bool) -> list[Measured]:
    """Draw the bases of each contig, plant elements, write FASTA (plain or bgzip), and return the planted elements."""
    measured = []
    with _bgzip(path) if compress else open(path, "wb") as handle:
        write = handle.write
        for number, contig in enumerate(plan):
            rng = np.random.default_rng((seed, _BASES, number))
            bases = _draw_bases(contig.length, rng)
            unknown = _unknown(contig, rng)
            for start, end in unknown:
                bases[start:end] = ord("N") | TAKEN
            planted, refused = plant(bases, contig.genes, grammar, np.random.default_rng((seed, _PLANTING, number)))
            copies = np.zeros((len(contig.ids), len(grammar.elements)), dtype=np.int64)
            np.add.at(copies, (planted.gene, planted.kind), 1)
            measured.append(Measured(planted, copies, flank_gc(bases, contig.genes), refused))
            _mask_repeats(bases, rng)
            for start, end in unknown:
                bases[start:end] = ord("N")
            place = f"chromosome:SIM:{contig.name}:1:{contig.length}:1"
            write(f">{contig.name} dna_sm:chromosome {place} REF\n".encode())
            _write_lines(write, bases)
    return measured


@contextmanager
def _bgzip(path: Path) -> Iterator[BinaryIO]:
    """Open a bgzip file for writing."""
    import pysam

    # Silence htslib: it reports a full disk on standard error, in addition to the exception.
    loud = pysam.set_verbosity(0)
    try:
        with pysam.BGZFile(str(path), "wb1") as handle:
            yield handle
    finally:
        pysam.set_verbosity(loud)


def _draw_bases(length: int, rng: np.random.Generator) -> np.ndarray:
    """Draw the letters of a contig, ``(length,)`` uint8, with a random GC content in each region of 1,024 bases."""
    letters = np.frombuffer(b"ATGC", dtype=np.uint8)
    bases = np.empty(length, dtype=np.uint8)
    step = REGION << 12
    for first in range(0, length, step):
        gc = np.clip(rng.normal(MEAN_GC, GC_SPREAD, step // REGION), 0.15, 0.75)
        draws = rng.integers(0, 1 << 16, min(step, length - first), dtype=np.uint16)
        # The first 15 bits choose between A/T and G/C, the last bit chooses within the pair.
        strong = (draws >> 1) < np.repeat((gc * (1 << 15)).astype(np.uint16), REGION)[: len(draws)]
        bases[first : first + len(draws)] = letters[strong.view(np.uint8) * np.uint8(2) + (draws & 1).astype(np.uint8)]
    return bases


def _unknown(contig: PlannedContig, rng: np.random.Generator) -> np.ndarray:
    """Draw intervals of ``N``, ``(n, 2)``: short ones anywhere, long ones (100 to 1,000 nt) outside of gene windows."""
    short = rng.integers(0, contig.length - 10, contig.length // 100_000 + 1)
    short = np.stack([short, short + rng.integers(1, 9, len(short))], axis=1)
    long = rng.integers(0, contig.length - 1000, contig.length // 500_000 + 4)
    long = np.stack([long, long + rng.integers(100, 1001, len(long))], axis=1)
    low, high = contig.genes.reach()
    touched = ((long[:, :1] < high) & (long[:, 1:] > low)).any(axis=1)
    return np.concatenate([short, long[~touched]])


def _mask_repeats(bases: np.ndarray, rng: np.random.Generator) -> None:
    """Set random intervals (a seventh of all bases) to lower case, and clear the marks of occupied bases, in place."""
    bases &= ~np.uint8(TAKEN)
    starts = np.sort(rng.integers(0, len(bases), len(bases) // 5_000 + 1))
    for start, width in zip(starts, rng.integers(100, 1_500, len(starts)), strict=True):
        bases[start : start + width] |= 0x20


def _write_lines(write: Callable[[bytes], object], bases: np.ndarray) -> None:
    """Write the letters of a sequence as FASTA lines of 60 letters."""
    step = LINE << 16
    for first in range(0, len(bases), step):
        part = bases[first : first + step]
        whole = len(part) // LINE
        lines = np.full((whole, LINE + 1), ord("\n"), dtype=np.uint8)
        lines[:, :LINE] = part[: whole * LINE].reshape(whole, LINE)
        write(lines.tobytes())
        if len(part) % LINE:
            write(part[whole * LINE :].tobytes() + b"\n")


def write_annotation(handle: IO[str], plan: list[PlannedContig]) -> None:
    """Write GTF rows in Ensembl's format: 1-based closed; gene, transcript, and exons in the order of transcription."""
    handle.write("#!genome-build SIM\n#!genome-version SIM\n")
    for contig in plan:
        strands = ["+" if strand > 0 else "-" for strand in contig.genes.strand]
        starts, ends = contig.genes.start.tolist(), contig.genes.end.tolist()
        for gene, biotype, start, end, strand in zip(contig.ids, contig.biotypes, starts, ends, strands, strict=True):
            handle.writelines(_gene_rows(contig.name, gene, biotype, start, end, strand))


def _gene_rows(contig: str, gene: str, biotype: str, start: int, end: int, strand: str) -> Iterator[str]:
    """Yield the GTF rows of a gene with one transcript, at the interval ``start, end`` (0-based half-open)."""

    def row(feature: str, first: int, last: int, frame: str, more: str) -> str:
        place = f"{contig}\tkanseq\t{feature}\t{first + 1}\t{last}\t.\t{strand}\t{frame}"
        return f'{place}\tgene_id "{gene}"; {more}gene_source "kanseq"; gene_biotype "{biotype}";\n'

    yield row("gene", start, end, ".", "")
    transcript = f'transcript_id "{gene}.1"; '
    canonical = row("transcript", start, end, ".", transcript)
    yield canonical[:-1] + f' transcript_source "kanseq"; transcript_biotype "{biotype}"; tag "Ensembl_canonical";\n'
    exons = _exons(start, end)
    to_do = _reading_length(exons) if biotype == CODING else 0
    done, skip = 0, UTR
    for number, (first, last) in enumerate(exons if strand == "+" else exons[::-1], start=1):
        numbered = f'{transcript}exon_number "{number}"; '
        yield row("exon", first, last, ".", numbered)
        read = min(max(last - first - skip, 0), to_do - done)
        if read:
            low = first + skip if strand == "+" else last - skip - read
            yield row("CDS", low, low + read, str(-done % 3), numbered + f'protein_id "{gene}.1"; ')
        done, skip = done + read, max(skip - (last - first), 0)


def _exons(start: int, end: int) -> list[tuple[int, int]]:
    """Divide the interval of a gene into one to five exons, separated by introns of the same length.

    >>> _exons(1000, 1300), _exons(0, 900)
    ([(1000, 1300)], [(0, 300), (600, 900)])
    """
    number = min(1 + (end - start) // 700, 5)
    edges = [start + (end - start) * part // (2 * number - 1) for part in range(2 * number)]
    return list(zip(edges[::2], edges[1::2], strict=True))


def _reading_length(exons: list[tuple[int, int]]) -> int:
    """Return the number of translated bases: complete codons between the untranslated regions at both ends."""
    spliced = sum(end - start for start, end in exons)
    return (spliced - 2 * UTR) // 3 * 3


def write_expression(handle: IO[str], plan: list[PlannedContig], tpm: np.ndarray) -> None:
    """Write the TPM table (CSV): ``gene_id`` and a column per sample."""
    handle.write(",".join(["gene_id", *(f"sample_{number + 1}" for number in range(tpm.shape[1]))]) + "\n")
    for gene, row in zip((gene for contig in plan for gene in contig.ids), tpm.tolist(), strict=True):
        handle.write(",".join([gene, *(f"{value:.4f}" for value in row)]) + "\n")


def write_elements(handle: IO[str], plan: list[PlannedContig], measured: list[Measured], grammar: Grammar) -> None:
    """Write planted elements as BED6, sorted as by ``sort -k1,1 -k2,2n -k3,3n`` in the C locale."""
    names, scores = [element.name for element in grammar.elements], grammar.scores()
    for contig, found in sorted(zip(plan, measured, strict=True), key=lambda pair: pair[0].name):
        order = np.lexsort((found.planted.end, found.planted.start))
        strands = ["+" if strand > 0 else "-" for strand in contig.genes.strand]
        for gene, kind, start, end in zip(*(array[order].tolist() for array in found.planted), strict=True):
            name = f"{contig.ids[gene]}:{names[kind]}"
            handle.write(f"{contig.name}\t{start}\t{end}\t{name}\t{scores[kind]}\t{strands[gene]}\n")


def write_genes(
    handle: IO[str],
    plan: list[PlannedContig],
    measured: list[Measured],
    grammar: Grammar,
    values: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    """Write the truth table: for each gene its GC content, planted elements, signal, noise, and whether it is scored.

    ``values`` are the signal, the noise and ``scored``, each ``(genes,)``.
    """
    signal, noise, scored = values
    gc, copies = (np.concatenate([getattr(found, name) for found in measured]) for name in ("gc", "copies"))
    table = pd.DataFrame(
        {
            "gene_id": [gene for contig in plan for gene in contig.ids],
            "chrom": [contig.name for contig in plan for _ in contig.ids],
            "scored": scored.astype(np.int64),
            "signal": signal,
            "noise": noise,
            "upstream_gc": gc[:, 0],
            "downstream_gc": gc[:, 1],
            **{element.name: copies[:, at] for at, element in enumerate(grammar.elements)},
        }
    )
    handle.writelines(table_lines(TRUTH, table))
