"""``kanseq simulate``: simulate a genome, an annotation and expression that depends on known DNA elements.

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
    """Result of :func:`simulate`.

    Attributes:
        folder: the output folder.
        genome, annotation, expression: paths of the FASTA, the GTF and the table of TPM.
        truth: path of a BED6 file of every planted element, with name ``GENE:ELEMENT`` and a score proportional to its
            effect.
        truth_genes: path of a table with one row per gene: signal, noise, GC content of the flanks, and number of
            copies of every element.
        grammar: path of a JSON file with the grammar, the seed and the auROC of the oracle.
        genes: number of protein-coding genes.
        scored: number of protein-coding genes whose windows do not extend past the end of their contig. The oracle is
            scored on these genes.
        contigs, bases: number of contigs, and total number of their bases.
        elements: number of planted elements.
        refused: number of elements that were not planted because they would have overlapped another element.
        noise: standard deviation of the noise, in log10 expression.
        oracle_auroc: auROC of an oracle, which predicts expression without noise, in separating high from low genes.
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
    initiator just upstream of the TSS and a polyadenylation signal 10–30 nt upstream of the TTS, each in about half of
    the genes; copies of two short enhancing motifs (stronger in genes with a TATA box) and two silencing motifs in the
    flanks; and Gaussian noise (the numbers are in :class:`kanseq.simulation.grammar.Grammar` and ``truth.json``).
    Elements are in the direction of transcription. They never start at a multiple of 8 columns of their gene's windows,
    so that no token contains a complete enhancing or silencing motif by design. Chance occurrences of a motif in the
    genome have no effect. Genes are on both strands; some overlap, some are shorter than their windows, and the windows
    of the first and the last gene of each contig extend past its ends. Coding sequences are arbitrary: they may contain
    stop codons.

    Args:
        output: the output folder; created if its parent exists. Other files in it are kept.
        genes: number of protein-coding genes. Genes of other biotypes (5 % of this number), which
            follow the same grammar, are added.
        contigs: number of chromosomes, named 1, 2, …; the first is the longest.
        genome_size: total number of bases; by default 6,000 per gene.
        samples: number of columns of the TPM table.
        oracle: auROC of a predictor that knows everything but the noise; it determines the amount of noise.
        noise: standard deviation of the noise in log10 expression, instead of ``oracle``.
        compress: write the genome as ``genome.fa.gz`` (bgzip) rather than ``genome.fa``.
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
            np.concatenate([one.copies for one in measured]), np.concatenate([one.gc for one in measured])
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
            "elements": sum(len(one.planted.start) for one in measured),
            "refused": sum(one.refused for one in measured),
            "noise": result.spread,
            "oracle_auroc": result.oracle_auroc,
        }
        write_json(card_file, {"seed": seed, "samples": samples, **counts, "grammar": grammar.to_json()})
    return Simulation(folder, *paths, card, **counts)


@contextmanager
def _folder(output: PathLike) -> Iterator[Path]:
    """Context manager: create the output folder if missing, and yield it; remove a new folder if the block fails."""
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
