"""A genome, an annotation and an expression table whose regulatory grammar is known, and the truth about it.

In: sizes and a seed. Out: a folder with genome.fa.gz, genes.gtf.gz, tpm.csv, truth.bed, truth.tsv and truth.json.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np

from kanseq.errors import BadOption, NotWritable
from kanseq.files import PathLike, check_output, disk_errors, whole_file, whole_text, write_json
from kanseq.grammar import Grammar
from kanseq.showing import brief
from kanseq.simulated_expression import express
from kanseq.simulated_files import (
    write_annotation,
    write_elements,
    write_expression,
    write_genes,
    write_genome,
)
from kanseq.simulated_layout import BASES_PER_GENE, EXPRESSION, plan_genome


@brief
class Simulation(NamedTuple):
    """What :func:`simulate` wrote; counts, and paths in ``folder``.

    Attributes:
        truth: BED6 of every planted element, name ``GENE:ELEMENT``, score in proportion to its effect.
        truth_genes: table of each gene's signal, noise, flank GC and copies of every element.
        grammar: JSON of the grammar, the seed and the oracle.
        genes: protein-coding genes; ``scored`` of them have whole windows on their contig.
        refused: elements that would have touched another one, and were not planted.
        noise: standard deviation of the noise, in log10 expression.
        oracle_auroc: what the noise-free expression reaches for high against low genes.
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

    Log10 expression is a sum: the GC content of a gene's flanks; a TATA box 25–35 nt upstream of the TSS, an initiator
    just upstream of it and a polyadenylation signal 10–30 nt upstream of the TTS, each in half of the genes or so;
    copies of two enhancing words (stronger beside a TATA box) and two silencing words in the flanks; and Gaussian
    noise (:class:`kanseq.grammar.Grammar` has the numbers, ``truth.json`` repeats them). Elements read in the direction
    of transcription and never start on a multiple of 8 columns of their gene's windows, so that no token holds a whole
    word by design. Copies of a word that stand in the genome by chance have no effect. Genes lie on both strands; some
    overlap, some are shorter than their windows, and each contig's first and last gene have windows past its end. The
    reading frames are made up: they may hold stop codons.

    Args:
        output: folder; made where its parent exists. Of what is in it, only files of the same names are replaced.
        genes: protein-coding genes; a twentieth of other biotypes comes on top and follows the same grammar.
        contigs: chromosomes, named 1, 2, …, from long to short.
        genome_size: bases in all; 6,000 per gene if not given.
        samples: columns of the TPM table.
        oracle: the auROC that the noise is chosen for.
        noise: standard deviation of the noise in log10 expression, instead of ``oracle``.
        compress: write the genome as bgzip (``genome.fa.gz``) rather than plain.
        seed: same seed and sizes, same bytes.

    Raises:
        BadOption: sizes that do not fit together.
        NotWritable: the folder cannot be made or written.
    """
    if samples < 1 or not 0.5 < oracle < 1 or (noise is not None and not 0 <= noise <= 100):
        raise BadOption(
            f"samples {samples}, oracle {oracle} and noise {noise} make no expression table",
            hint="take at least one sample, an oracle between 0.5 and 1, and noise between 0 and 100",
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
    """Hand out the output folder; if it had to be made and the block fails, it is gone again."""
    folder = Path(output)
    made = not folder.exists()
    if made:
        check_output(folder)
        with disk_errors(folder):
            folder.mkdir()
    elif not folder.is_dir():
        raise NotWritable("this is a file, and a folder is to be written", where=folder)
    try:
        yield folder
    except BaseException:
        if made:
            with suppress(OSError):
                folder.rmdir()
        raise
