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
from kanseq.grammar import Genes, Grammar, PlannedContig
from kanseq.showing import brief
from kanseq.simulated_files import (
    CODING,
    write_annotation,
    write_elements,
    write_expression,
    write_genes,
    write_genome,
)

BASES_PER_GENE = 6_000
"""Genome size per gene where no size is given; half of it is the least that is accepted."""

OTHER_BIOTYPES = ("lncRNA", "pseudogene", "snoRNA")
CODING_PER_OTHER = 20

UNDETECTED = 0.05
"""Share of the genes that each sample does not detect."""
SAMPLE_SPREAD = 0.05
"""Standard deviation between samples, log10."""

_LAYOUT, _EXPRESSION, _BIOTYPE = range(3)


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
    plan = _plan(genes, contigs, genes * BASES_PER_GENE if genome_size is None else genome_size, seed)
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
        rng = np.random.default_rng((seed, _EXPRESSION))
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


def _plan(genes: int, contigs: int, genome_size: int, seed: int) -> list[PlannedContig]:
    """Share out bases and genes over contigs, and give every gene its place, strand, name and biotype."""
    total = genes + genes // CODING_PER_OTHER
    if contigs < 1 or genes < max(40, 10 * contigs):
        raise BadOption(f"{genes} genes on {contigs} contigs are too few", hint="take at least 40, and 10 per contig")
    if genome_size < genes * BASES_PER_GENE // 2:
        raise BadOption(
            f"{genome_size:,} bases are too few for {genes:,} genes",
            hint=f"take a genome size of at least {genes * BASES_PER_GENE // 2:,}",
        )
    # The longest contig has twice the bases of the shortest, as chromosomes differ.
    steps = np.concatenate([[0.0], np.cumsum(np.linspace(4, 2, contigs))])
    ends, last_genes = ((size * steps / steps[-1]).astype(np.int64) for size in (genome_size, total))
    rng = np.random.default_rng((seed, _BIOTYPE))
    kinds = np.zeros(total, dtype=np.int64)
    kinds[rng.permutation(total)[genes:]] = rng.integers(1, len(OTHER_BIOTYPES) + 1, total - genes)
    plan = []
    for number in range(contigs):
        length, first, last = int(ends[number + 1] - ends[number]), last_genes[number], last_genes[number + 1]
        name = str(number + 1)
        placed = _place(length, last - first, np.random.default_rng((seed, _LAYOUT, number)))
        ids = [f"SIM{name}G{10 * (index + 1):06d}" for index in range(last - first)]
        biotypes = [(CODING, *OTHER_BIOTYPES)[kind] for kind in kinds[first:last]]
        plan.append(PlannedContig(name, length, placed, ids, biotypes, kinds[first:last] == 0))
    return plan


def _place(length: int, number: int, rng: np.random.Generator) -> Genes:
    """Lay genes along a contig: some overlap, some are close, the others share the room that is left.

    The first and the last gene lie within 600 nt of the contig's ends, so that their windows do not fit.
    """
    sizes = np.clip(np.exp(rng.normal(np.log(1800), 0.55, number)), 300, 6000).astype(np.int64)
    edge = rng.integers(100, 600, 2)
    draw = rng.random(number - 1)
    draw[(number - 1) // 2] = 1.0
    gaps = np.where(draw < 0.04, -rng.integers(50, 200, number - 1), rng.integers(100, 1500, number - 1))
    wide = draw >= 0.25
    weights = np.where(wide, rng.exponential(1.0, number - 1) + 0.3, 0.0)
    room = length - sizes.sum() - edge.sum() - gaps[~wide].sum()
    if room < 0:
        raise BadOption("the genes do not fit into the genome", hint="take a larger genome size")
    gaps = np.where(wide, (weights / weights.sum() * room).astype(np.int64), gaps)
    gaps[(number - 1) // 2] += room - gaps[wide].sum()
    start = edge[0] + np.concatenate([[0], np.cumsum(sizes[:-1] + gaps)])
    return Genes(start, start + sizes, rng.choice(np.array([-1, 1]), number))


class Expression(NamedTuple):
    """Expression of genes, in the order of their signals.

    Attributes:
        tpm: ``(genes, samples)`` float64; each sample sums to a million.
        noise: what was added to each gene's signal, log10.
        spread: the standard deviation that the noise was drawn with.
        oracle_auroc: area under the ROC curve of the signal, for high against low genes.
    """

    tpm: np.ndarray
    noise: np.ndarray
    spread: float
    oracle_auroc: float


def express(
    signal: np.ndarray,
    scored: np.ndarray,
    samples: int,
    rng: np.random.Generator,
    *,
    oracle: float,
    spread: float | None = None,
) -> Expression:
    """Add noise to log10 signals and give TPM.

    Where ``spread`` is not given, it is found by bisection, to four decimals: the draws stay the same and only their
    scale moves, until the signal, which is all that one can know of a gene without knowing its noise, reaches the auROC
    ``oracle`` among the genes ``scored`` (bool).
    """
    draws, jitter = rng.standard_normal(len(signal)), rng.standard_normal((len(signal), samples))
    low, high = 0.0, 5.0 * float(signal.std())
    for _step in range(0 if spread is not None else 30):
        middle = (low + high) / 2
        if oracle_auroc(signal, _tpm(signal + middle * draws, jitter), scored) > oracle:
            low = middle
        else:
            high = middle
    if spread is None:
        spread = round((low + high) / 2, 4)
    tpm = _tpm(signal + spread * draws, jitter)
    return Expression(tpm, spread * draws, spread, round(oracle_auroc(signal, tpm, scored), 4))


def _tpm(log10_level: np.ndarray, jitter: np.ndarray) -> np.ndarray:
    """TPM ``(genes, samples)``: per sample the lowest 5 % are not detected (0), the others sum to a million."""
    level = 10.0 ** (log10_level[:, None] - log10_level.max() + SAMPLE_SPREAD * jitter)
    level[level < np.quantile(level, UNDETECTED, axis=0)] = 0.0
    return np.round(level * (1e6 / level.sum(axis=0)), 4)


def oracle_auroc(signal: np.ndarray, tpm: np.ndarray, scored: np.ndarray) -> float:
    """Area under the ROC curve of ``signal``, high against low by the quartiles of log10(max TPM + 1) of ``scored``."""
    from sklearn.metrics import roc_auc_score

    level = np.log10(tpm[scored].max(axis=1) + 1)
    low, high = np.quantile(level, [0.25, 0.75])
    if low == high:
        return 0.5
    extreme = (level <= low) | (level >= high)
    return float(roc_auc_score(level[extreme] >= high, signal[scored][extreme]))
