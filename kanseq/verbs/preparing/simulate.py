"""Simulate a genome, an annotation and an expression table with a known regulatory grammar.

In: sizes and a seed. Out: a folder with genome.fa.gz, genes.gtf.gz, tpm.csv, truth.bed, truth.tsv and truth.json.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np

from kanseq.errors import BadOption, NotWritable
from kanseq.io.files import PathLike, check_output, disk_errors, whole_file, whole_text, write_json
from kanseq.simulation.expression_levels import express
from kanseq.simulation.gene_layout import BASES_PER_GENE, EXPRESSION, plan_genome
from kanseq.simulation.genome_files import (
    write_annotation,
    write_elements,
    write_expression,
    write_genes,
    write_genome,
)
from kanseq.simulation.grammar import Grammar
from kanseq.verbs.short_repr import brief


@brief
class Simulation(NamedTuple):
    """Output of :func:`simulate`: counts, and paths in ``folder``.

    Attributes:
        truth: BED6 of every planted element, name ``GENE:ELEMENT``, score in proportion to its effect.
        truth_genes: table of each gene's signal, noise, flank GC and copies of every element.
        grammar: JSON of the grammar, the seed and the oracle.
        genes: number of protein-coding genes; ``scored`` of them have complete windows on their contig.
        refused: number of elements that were not planted because they would have overlapped another one.
        noise: standard deviation of the noise, in log10 expression.
        oracle_auroc: auROC of the noise-free expression, for high against low genes.
    """

    folder: Path
    genome: Path
    annotation: Path
    expression: Path
    truth: Path
    truth_genes: Path
    grammar: Path
    genes: int
    scored: int
    contigs: int
    bases: int
    elements: int
    refused: int
    noise: float
    oracle_auroc: float


def simulate(
    output: PathLike,
    *,
    genes: int = 2_000,
    contigs: int = 5,
    genome_size: int | None = None,
    samples: int = 3,
    oracle: float = 0.93,
    noise: float | None = None,
    compress: bool = True,
    seed: int = 0,
) -> Simulation:
    """Write a small genome, its annotation and an expression table that follows a known regulatory grammar.

    Log10 expression is a sum of effects: the GC content of a gene's flanks; a TATA box 25–35 nt upstream of the TSS, an
    initiator just upstream of it and a polyadenylation signal 10–30 nt upstream of the TTS, each in about half of the
    genes; copies of two enhancing words (stronger in genes with a TATA box) and two silencing words in the flanks; and
    Gaussian noise (the numbers are in :class:`kanseq.simulation.grammar.Grammar` and ``truth.json``). A word is a
    short DNA sequence. Elements are in the direction of transcription and never start on a multiple of 8 columns of
    their gene's windows, so that no token contains a complete word by design. Random occurrences of a word in the
    genome have no effect. Genes are on both strands; some overlap, some are shorter than their windows, and the
    windows of each contig's first and last gene exceed its ends. Coding sequences are arbitrary: they may contain stop
    codons.

    Args:
        output: folder; created if its parent exists. Only files with the same names are replaced in it.
        genes: number of protein-coding genes; 5% additional genes of other biotypes follow the same grammar.
        contigs: number of chromosomes, named 1, 2, …, from long to short.
        genome_size: total number of bases; by default 6,000 per gene.
        samples: number of columns of the TPM table.
        oracle: target auROC of the oracle, which determines the noise.
        noise: standard deviation of the noise in log10 expression, instead of ``oracle``.
        compress: write the genome as bgzip (``genome.fa.gz``) rather than plain.
        seed: random seed; the same seed and sizes yield identical files.

    Raises:
        BadOption: the sizes are invalid or incompatible.
        NotWritable: the folder cannot be created or written.
    """
    if samples < 1 or not 0.5 < oracle < 1 or (noise is not None and not 0 <= noise <= 100):
        raise BadOption(
            f"samples {samples}, oracle {oracle} and noise {noise} are invalid",
            hint="specify at least one sample, an oracle between 0.5 and 1, and noise between 0 and 100",
        )
    plan = plan_genome(genes, contigs, genes * BASES_PER_GENE if genome_size is None else genome_size, seed)
    grammar = Grammar()
    with _folder(output) as folder, ExitStack() as stack:
        genome = folder / ("genome.fa.gz" if compress else "genome.fa")
        paths = [genome, *(folder / name for name in ("genes.gtf.gz", "tpm.csv", "truth.bed", "truth.tsv"))]
        card = folder / "truth.json"
        check_output(*paths, card)
        genome_file, card_file = (stack.enter_context(whole_file(path)) for path in (genome, card))
        annotation, table, bed, truth = (stack.enter_context(whole_text(path)) for path in paths[1:])

        with disk_errors(genome):
            measured = write_genome(genome_file, plan, grammar, seed, compress)
        signal = grammar.signal(
            np.concatenate([found.copies for found in measured]), np.concatenate([found.gc for found in measured])
        )
        scored = np.concatenate([contig.coding & contig.genes.inside(contig.length) for contig in plan])
        rng = np.random.default_rng((seed, EXPRESSION))
        result = express(signal, scored, samples, rng, oracle=oracle, spread=noise)

        write_annotation(annotation, plan)
        write_expression(table, plan, result.tpm)
        write_elements(bed, plan, measured, grammar)
        write_genes(truth, plan, measured, grammar, (signal, result.noise, scored))
        counts = {
            "genes": genes,
            "scored": int(scored.sum()),
            "contigs": contigs,
            "bases": sum(contig.length for contig in plan),
            "elements": sum(len(found.planted.start) for found in measured),
            "refused": sum(found.refused for found in measured),
            "noise": result.spread,
            "oracle_auroc": result.oracle_auroc,
        }
        write_json(card_file, {"seed": seed, "samples": samples, **counts, "grammar": grammar.to_json()})
    return Simulation(folder, *paths, card, **counts)


@contextmanager
def _folder(output: PathLike) -> Iterator[Path]:
    """Yield the output folder; if it had to be created and the block fails, remove it."""
    folder = Path(output)
    made = not folder.exists()
    if made:
        check_output(folder)
        with disk_errors(folder):
            folder.mkdir()
    elif not folder.is_dir():
        raise NotWritable("this is a file, but a folder is required", where=folder)
    try:
        yield folder
    except BaseException:
        if made:
            with suppress(OSError):
                folder.rmdir()
        raise
