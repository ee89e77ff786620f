"""``kanseq extract``: extract the windows around every gene's TSS and TTS from a genome, as a set that models read.

In: a genome (FASTA) and an annotation (GTF or GFF3). Out: one row per gene, and a reason for every excluded gene.
"""

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from kanseq.errors import BadOption, NoGenes
from kanseq.genome.annotation.genes import Excluded, Gene, read_genes, select_genes
from kanseq.genome.annotation.transcripts import Choice, choose_transcripts
from kanseq.genome.contig_ends import PastEnd, check_ends
from kanseq.genome.contigs import Placement, read_aliases
from kanseq.genome.fasta import Contig, read_contigs
from kanseq.genome.windows import MAX_N, CutGene, Edge, GeneWindows, cut_genes
from kanseq.geometry import Geometry
from kanseq.io.files import (
    STDOUT,
    PathLike,
    check_input,
    check_output,
    comma_separated,
    fingerprint,
    some,
    whole_file,
    whole_text,
)
from kanseq.io.tables.dialect import table_lines
from kanseq.io.tables.gene_tables import EXCLUDED
from kanseq.sequences.sequence_set import NO_SPECIES, SequenceSet, check_name, md5_of_letters
from kanseq.verbs.short_repr import brief

_log = logging.getLogger(__name__)


@brief
class Extraction(NamedTuple):
    """Result of :func:`extract`.

    Attributes:
        genes: number of genes in the set.
        excluded: number of genes of the annotation that are not in the set.
        reasons: reason -> number of genes excluded for this reason.
        contigs: number of contigs of the genome.
        output: path of the set; None if it was not written.
        set: the set.
        left_out: the excluded genes, with the columns ``id, reason, detail, line`` (line number in the annotation).
    """

    genes: int
    excluded: int
    reasons: dict[str, int]
    contigs: int
    output: Path | None
    set: SequenceSet
    left_out: pd.DataFrame


def extract(
    genome: PathLike,
    annotation: PathLike,
    *,
    output: PathLike | None = None,
    excluded: PathLike | None = None,
    bed: PathLike | None = None,
    fasta: PathLike | None = None,
    upstream: int = 1000,
    downstream: int = 500,
    pad: int = 20,
    mask: bool = True,
    biotype: Sequence[str] = (),
    id: str | None = None,
    contigs: Sequence[str] = (),
    exclude_contigs: Sequence[str] = (),
    edge: Edge = "drop",
    max_n: float = MAX_N,
    aliases: PathLike | None = None,
    species: str = NO_SPECIES,
    tss: Choice = "gene",
) -> Extraction:
    """Extract windows around every gene's TSS and TTS from a genome, in the direction of transcription.

    The genome is read one contig at a time. Rows are in genome order: contigs as in the FASTA, then by start, then by
    name. Genes without rows of their own are assembled from transcripts (docs/files.md). If several genes have the same
    name, or one name is at several places, the first one whose windows can be extracted is kept.

    Args:
        genome: FASTA; plain, gzip or bgzip.
        annotation: GTF or GFF3; plain or gzip, in any order.
        output: path of the set, a Parquet file.
        excluded: path of a table ``id, reason, detail`` with every gene of the annotation that is not in the set.
            Reasons: ``biotype``, ``contig_filtered``, ``duplicate_id``, ``edge``, ``no_canonical``, ``no_cds``,
            ``no_contig``, ``no_exons``, ``no_id``, ``no_strand``, ``too_many_n``. ``edge`` includes genes that end past
            their contig, such as those across the origin of a circular contig.
        bed: path of a BED6 file with two windows per gene (``id:TSS``, ``id:TTS``), truncated at contig ends, in genome
            order.
        fasta: path of a FASTA file of the sequences, one line each, before masking.
        upstream: number of bases before the TSS, and after the TTS.
        downstream: number of transcribed bases from the TSS on, and up to the TTS.
        pad: number of columns with ``N`` between the TSS window and the TTS window.
        mask: whether models read ``N`` instead of the three transcribed bases next to the TSS and to the TTS; the set
            always stores the bases.
        biotype: biotypes to keep, ``none`` for genes without one; by default ``protein_coding``; if no gene is
            protein-coding, the genes without a biotype.
        id: the attribute with the id of a gene; by default the first of ``gene_id, ID, locus_tag, Name`` that a gene
            has. Where genes have no rows, transcripts with the same value are one gene.
        contigs: contigs to keep (under any of their names); by default all. The letters of other contigs are not
            checked.
        exclude_contigs: contigs to exclude (such as organelles).
        edge: ``drop`` excludes genes with windows that extend past the end of a contig, ``pad`` fills these columns
            with ``N``. Genes that end past their contig themselves are always excluded.
        max_n: maximum fraction (0 to 1) of letters other than A, C, G and T in the windows; padding does not count.
        aliases: table of equivalent contig names (annotation, genome), or an NCBI assembly report. If no name of the
            annotation is in the genome, the error lists likely pairs.
        species: name of the species, for sets that will be combined with those of other species.
        tss: where TSS and TTS are: ``gene`` uses the ends of the gene, ``canonical`` those of its transcript tagged as
            canonical, ``longest-cds`` those of its transcript with the most coding bases.

    Raises:
        KanseqError: an input is invalid; the subclass and the message report what is wrong, with file and line.
    """
    inputs = [check_input(path) for path in (genome, annotation, aliases) if path is not None]
    check_output(excluded, bed, fasta, inputs=inputs, binary=output)
    check_name(species, "the species")
    geometry = _geometry(upstream, downstream, pad, mask)
    if edge not in ("drop", "pad"):
        raise BadOption(f"--edge {edge} is unknown", hint="choose drop or pad")
    if not 0 <= max_n <= 1:
        raise BadOption(f"--max-n {max_n} is not a fraction between 0 and 1")
    biotypes, only, without = comma_separated(biotype), comma_separated(contigs), comma_separated(exclude_contigs)

    selected, left_out = select_genes(read_genes(annotation, id), biotypes, annotation)
    selected, without_transcript = choose_transcripts(annotation, selected, tss)
    placement = Placement(selected, read_aliases(aliases) if aliases is not None else None, only, without)
    cuts: list[CutGene] = []
    dropped: list[Excluded] = []
    described: dict[str, dict[str, int | str]] = {}
    headers: dict[str, str] = {}
    beyond: list[PastEnd] = []
    for contig in read_contigs(genome, wanted=placement.keeps, headers=headers):
        described[contig.name] = {"length": len(contig.sequence), "md5": md5_of_letters(contig.sequence)}
        genes, outside = _split_at_end(placement.take(contig.name), contig)
        beyond += outside.values()
        dropped += [Excluded(gene.id, "edge", past.detail, gene.line) for gene, past in outside.items()]
        kept, lost = cut_genes(contig, genes, geometry, edge=edge, max_n=max_n)
        cuts += kept
        dropped += lost
        # Free this contig's memory before the reader builds the next contig.
        del contig
    lengths = {name: int(fields["length"]) for name, fields in described.items()}
    check_ends(beyond, len(cuts) + len(dropped), annotation, headers)
    placement.finish(genome, annotation, lengths, headers)
    cuts, dropped = _first_of_twins(cuts, dropped, selected)
    left_out = sorted([*left_out, *without_transcript, *placement.excluded, *dropped], key=lambda item: item.line)
    reasons = dict(sorted(Counter(item.reason for item in left_out).items()))
    if not cuts:
        raise NoGenes("no gene remains", where=annotation, hint=f"excluded: {_counts(reasons)}")

    options = {
        "biotype": biotypes,
        "id": id,
        "contigs": only,
        "exclude_contigs": without,
        "edge": edge,
        "max_n": max_n,
        "species": species,
        "tss": tss,
    }
    read = [fingerprint(path) for path in inputs]
    metadata = {"kind": "genes", "contigs": described, "inputs": read, "options": options}
    result = SequenceSet(_table(cuts, species, geometry), geometry, metadata)
    lost = pd.DataFrame(left_out, columns=list(Excluded._fields))
    _write(result, lost, lengths, output, excluded, bed, fasta)
    path = None if output is None else Path(output)
    return Extraction(len(result), len(left_out), reasons, len(described), path, result, lost)


def _geometry(upstream: int, downstream: int, pad: int, mask: bool) -> Geometry:
    """Return the geometry of windows with these sizes.

    Raises:
        BadOption: the sizes are invalid; the message names the options of the command line.
    """
    if min(upstream, downstream, pad) < 0 or upstream + downstream == 0:
        raise BadOption(
            "--upstream, --downstream and --pad must not be negative; --upstream and --downstream must not both be 0"
        )
    return Geometry(upstream, downstream, pad, mask)


def _split_at_end(genes: Iterable[Gene], contig: Contig) -> tuple[list[Gene], dict[Gene, PastEnd]]:
    """Separate the genes that end past their contig's end, such as those across the origin of a circular contig."""
    inside, outside = [], {}
    for gene in genes:
        if gene.end <= len(contig.sequence):
            inside.append(gene)
        else:
            what = f"gene '{gene.id}'"
            outside[gene] = PastEnd(what, gene.contig, contig.name, gene.end, len(contig.sequence), gene.line)
    return inside, outside


def _first_of_twins(
    cuts: list[CutGene], dropped: list[Excluded], selected: Iterable[Gene]
) -> tuple[list[CutGene], list[Excluded]]:
    """Of genes with the same name, keep the first one whose windows could be extracted; drop the others.

    Args:
        cuts: genes with extracted windows.
        dropped: genes whose windows could not be extracted.
        selected: all these genes.

    Returns:
        The genes to keep, and all dropped genes with reasons."""
    first: dict[str, int] = {}
    for line, name in [*sorted((gene.line, gene.id) for gene, _ in cuts), *sorted((d.line, d.id) for d in dropped)]:
        first.setdefault(name, line)
    kept = [cut for cut in cuts if cut.gene.line == first[cut.gene.id]]
    twins = {(gene.line, gene.id) for gene, _ in cuts if gene.line != first[gene.id]}
    twins |= {(item.line, item.id) for item in dropped if item.line > first[item.id]}
    if twins:
        names = sorted({name for _, name in twins})
        _log.warning("several genes have the same name; the first one is kept: %s", some(names))
    places = {(gene.line, gene.id): f" ({gene.place}, without a gene row)" for gene in selected if gene.members}
    others = [item for item in dropped if (item.line, item.id) not in twins]
    return kept, others + [
        Excluded(
            name,
            "duplicate_id",
            f"line {line}{places.get((line, name), '')}; the gene of line {first[name]} was taken",
            line,
        )
        for line, name in sorted(twins)
    ]


def _counts(reasons: dict[str, int]) -> str:
    """Format ``reasons`` (reason -> number of genes) as text, for an error message."""
    return ", ".join(f"{reason} {count:,}" for reason, count in reasons.items())


def _table(cuts: Sequence[CutGene], species: str, geometry: Geometry) -> pd.DataFrame:
    """Return the table of a set from genes with extracted windows."""
    columns = {name: [getattr(windows, name) for _, windows in cuts] for name in GeneWindows._fields}
    table = pd.DataFrame(columns)
    table.insert(1, "species", species)
    table.insert(2, "length", geometry.columns)
    return table


def _write(
    genes: SequenceSet,
    left_out: pd.DataFrame,
    lengths: dict[str, int],
    output: PathLike | None,
    excluded: PathLike | None,
    bed: PathLike | None,
    fasta: PathLike | None,
) -> None:
    """Write the requested outputs; files get their final names only after all of them are complete."""
    texts = (
        (excluded, table_lines(EXCLUDED, left_out[list(EXCLUDED.required)])),
        (bed, _bed_lines(genes.table, lengths)),
        (fasta, _fasta_lines(genes.table)),
    )
    with ExitStack() as outputs:
        if output is not None:
            genes.write(outputs.enter_context(whole_file(output)))
        for path, lines in texts:
            if path is not None and str(path) != STDOUT:
                with whole_text(outputs.enter_context(whole_file(path))) as handle:
                    handle.writelines(lines)
    for path, lines in texts:
        # Write to standard output last: if the program that reads it stops early, the files are already complete.
        if str(path) == STDOUT:
            with whole_text(STDOUT) as handle:
                handle.writelines(lines)


def _bed_lines(table: pd.DataFrame, lengths: dict[str, int]) -> Iterator[str]:
    """Yield both windows of every gene as BED6 lines, sorted by contig (in genome order), start and end."""
    rank = {name: position for position, name in enumerate(lengths)}
    rows = []
    for site in ("tss", "tts"):
        places = table[["chrom", f"{site}_start", f"{site}_end", "id", "strand"]]
        for chrom, start, end, name, strand in places.itertuples(index=False, name=None):
            inside = max(0, start), min(end, lengths[chrom])
            if inside[0] < inside[1]:
                rows.append((rank[chrom], *inside, f"{name}:{site.upper()}", strand, chrom))
    for _, start, end, name, strand, chrom in sorted(rows):
        yield f"{chrom}\t{start}\t{end}\t{name}\t0\t{strand}\n"


def _fasta_lines(table: pd.DataFrame) -> Iterator[str]:
    """Yield the sequences as FASTA, with id, contig, strand, TSS and TTS (0-based) of the gene in the header."""
    columns = table[["id", "chrom", "strand", "tss", "tts", "sequence"]]
    for name, chrom, strand, tss, tts, sequence in columns.itertuples(index=False, name=None):
        yield f">{name} {chrom}({strand}) tss={tss} tts={tts}\n{sequence}\n"
