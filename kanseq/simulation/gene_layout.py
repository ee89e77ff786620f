"""Plan a simulated genome: the sizes of its contigs, and the locations of the genes on them.

In: numbers of genes, contigs and bases, and a seed. Out: planned contigs, without bases.
"""

import numpy as np

from kanseq.errors import BadOption
from kanseq.simulation.genome_files import CODING
from kanseq.simulation.grammar import Genes, PlannedContig

BASES_PER_GENE = 6_000
"""Default genome size in bases per gene; the minimum genome size is half of it."""

OTHER_BIOTYPES = ("lncRNA", "pseudogene", "snoRNA")

CODING_PER_OTHER = 20

LAYOUT, EXPRESSION, BIOTYPE = range(3)
"""Keys of separate random streams: the numbers drawn from a stream do not depend on draws from the others."""


def plan_genome(genes: int, contigs: int, genome_size: int, seed: int) -> list[PlannedContig]:
    """Distribute bases and genes over contigs, and assign coordinates, strand, name and biotype to every gene.

    Raises:
        BadOption: there are too few genes, contigs or bases.
    """
    total = genes + genes // CODING_PER_OTHER
    if contigs < 1 or genes < max(40, 10 * contigs):
        raise BadOption(f"{genes} genes on {contigs} contigs are too few", hint="use at least 40, and 10 per contig")
    if genome_size < genes * BASES_PER_GENE // 2:
        raise BadOption(
            f"{genome_size:,} bases are too few for {genes:,} genes",
            hint=f"use a genome size of at least {genes * BASES_PER_GENE // 2:,}",
        )
    # The longest contig is about twice as long as the shortest, because real chromosomes differ in length.
    steps = np.concatenate([[0.0], np.cumsum(np.linspace(4, 2, contigs))])
    ends, last_genes = ((size * steps / steps[-1]).astype(np.int64) for size in (genome_size, total))
    rng = np.random.default_rng((seed, BIOTYPE))
    kinds = np.zeros(total, dtype=np.int64)
    kinds[rng.permutation(total)[genes:]] = rng.integers(1, len(OTHER_BIOTYPES) + 1, total - genes)
    plan = []
    for number in range(contigs):
        length, first, last = int(ends[number + 1] - ends[number]), last_genes[number], last_genes[number + 1]
        name = str(number + 1)
        placed = _place(length, last - first, np.random.default_rng((seed, LAYOUT, number)))
        ids = [f"SIM{name}G{10 * (index + 1):06d}" for index in range(last - first)]
        biotypes = [(CODING, *OTHER_BIOTYPES)[kind] for kind in kinds[first:last]]
        plan.append(PlannedContig(name, length, placed, ids, biotypes, kinds[first:last] == 0))
    return plan


def _place(length: int, number: int, rng: np.random.Generator) -> Genes:
    """Draw positions of ``number`` genes on a contig: some overlap, some are close together, the others are spread out.

    The first and the last gene are within 600 nt of the contig's ends, so that their windows extend beyond the contig.
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
        raise BadOption("the genes do not fit into the genome", hint="use a larger genome size")
    gaps = np.where(wide, (weights / weights.sum() * room).astype(np.int64), gaps)
    gaps[(number - 1) // 2] += room - gaps[wide].sum()
    start = edge[0] + np.concatenate([[0], np.cumsum(sizes[:-1] + gaps)])
    return Genes(start, start + sizes, rng.choice(np.array([-1, 1]), number))
