"""``kanseq demo``: run every step on a simulated genome, and check whether the model finds the planted elements.

In: an output folder. Out: the files of all steps in it, and a short table of results.
"""

import logging
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from kanseq.errors import NotWritable
from kanseq.genome.pieces import find_pieces, piece_template, sum_by_piece
from kanseq.io.files import PathLike, check_output, disk_errors
from kanseq.sequences.sequence_set import SequenceSet
from kanseq.verbs.explaining.explain import explain
from kanseq.verbs.modelling.evaluate import evaluate
from kanseq.verbs.modelling.train import train
from kanseq.verbs.preparing.extract import extract
from kanseq.verbs.preparing.simulate import Simulation, simulate
from kanseq.verbs.short_repr import brief
from kanseq.verbs.splitting.label import label
from kanseq.verbs.splitting.split import split

logger = logging.getLogger(__name__)

MODELS = ("gc", "kmer-logistic", "kan-mixer", "kan-words")
"""The models that the demo trains; attributions are computed for the last one, the default of ``kanseq train``."""

CHOSEN: dict[str, dict[str, int | float | str]] = {
    "kan-mixer": {"epochs": 8, "learning_rate": 2e-3, "decay": "coupled"}
}
"""Settings that differ from the models' defaults. The defaults of ``kan-mixer`` are meant for thousands of genes; on
the demo's 400 genes per fold, five epochs at the default learning rate lead to scores near chance. These settings
had the best held-out score of three that were tried with seed 0, so the score with seed 0 is optimistic."""

TOP = 10
"""Number of pieces (intervals under tokens) per gene to check for elements: those with the largest attributions."""


@brief
class Demonstration(NamedTuple):
    """Result of :func:`demo`.

    Attributes:
        folder: the output folder.
        genes: number of genes in the set.
        oracle_auroc: auROC of a prediction that knows the expression without noise: the best possible score.
        auroc: model -> mean auROC over the held-out chromosomes.
        top_on_elements: fraction of the pieces with the largest attributions that overlap a planted element.
        chance: fraction of all pieces that overlap a planted element.
        table: these results as text.
    """

    folder: Path
    genes: int
    oracle_auroc: float
    auroc: dict[str, float]
    top_on_elements: float
    chance: float
    table: str


def demo(output: PathLike = "demo", *, genes: int = 1_000, seed: int = 0, threads: int = 0) -> Demonstration:
    """Simulate a genome, run every step on it, and compare the attributions with the planted elements.

    Args:
        output: the output folder, created if its parent exists; models that were trained by an earlier call are kept.
        genes: number of protein-coding genes to simulate.
        seed: seed of the simulation and of the training.
        threads: processor threads, 0 for all.

    Raises:
        NotWritable: the folder cannot be created or written.
    """
    folder = Path(output)
    _make_folder(folder)
    paths = {name: folder / name for name in ("genes.parquet", "excluded.tsv", "splits.tsv", "labels.tsv")}
    simulation = simulate(folder / "simulation", genes=genes, seed=seed)
    logger.info("simulated %d genes on %d chromosomes", simulation.genes, simulation.contigs)
    extracted = extract(
        simulation.genome, simulation.annotation, output=paths["genes.parquet"], excluded=paths["excluded.tsv"]
    )
    logger.info("extracted %d genes, excluded %d", extracted.genes, extracted.excluded)
    split(paths["genes.parquet"], output=paths["splits.tsv"])
    label(simulation.expression, splits=paths["splits.tsv"], output=paths["labels.tsv"])
    runs = [folder / "runs" / model for model in MODELS]
    runs[0].parent.mkdir(exist_ok=True)
    for model, run in zip(MODELS, runs, strict=True):
        train(
            paths["genes.parquet"],
            labels=paths["labels.tsv"],
            splits=paths["splits.tsv"],
            output=run,
            model=model,
            baseline=False,
            seed=seed,
            threads=threads,
            **CHOSEN.get(model, {}),  # type: ignore[arg-type]
        )
    evaluation = evaluate(runs, output=folder / "metrics.json", seed=seed)
    explanation = explain(
        runs[-1],
        paths["genes.parquet"],
        output=folder / "attributions.parquet",
        bed=folder / "attribution.bed.gz",
        bedgraph=folder / "attribution.bedgraph.gz",
        bigwig=folder / "attribution.bw",
        seed=seed,
        threads=threads,
    )
    logger.info("explained %d genes", explanation.genes)
    found, chance = top_on_elements(folder / "attributions.parquet", paths["genes.parquet"], simulation.truth)
    auroc = {str(model["name"]): float(model["mean"]["auROC"]["value"]) for model in evaluation.models}  # type: ignore[index]
    return Demonstration(
        folder,
        extracted.genes,
        simulation.oracle_auroc,
        auroc,
        found,
        chance,
        _table(folder, simulation, auroc, (found, chance)),
    )


def top_on_elements(attributions: PathLike, genes: PathLike, truth: PathLike, top: int = TOP) -> tuple[float, float]:
    """Return the fraction of top pieces that overlap a planted element, and the same fraction for all pieces.

    A piece is the genomic interval under a token. The top pieces of a gene are those with the largest attributions by
    magnitude.

    Args:
        attributions: ``attributions.parquet``.
        genes: the set that was explained.
        truth: BED of the planted elements (0-based half-open). Elements of other genes count as well, because windows
            of neighbouring genes overlap.
        top: number of top pieces per gene.
    """
    explained = pd.read_parquet(attributions, columns=["species", "id", "attributions"])
    places = SequenceSet.read(genes)
    table = explained[["species", "id"]].merge(places.table, on=["species", "id"], how="left", validate="one_to_one")
    pieces = find_pieces(table, places.geometry, {name: int(c["length"]) for name, c in places.contigs.items()})
    values = np.stack(explained["attributions"].to_numpy())
    weight = np.abs(sum_by_piece(values, piece_template(places.geometry)))[pieces.row, pieces.index]
    # Sort by gene, then by descending magnitude; the position of a piece among those of its gene is its rank.
    order = np.lexsort((-weight, pieces.row))
    first = np.searchsorted(pieces.row[order], np.arange(len(table)))
    rank = np.arange(len(order)) - first[pieces.row[order]]
    hit = _touches(table["chrom"].to_numpy()[pieces.row], pieces.start, pieces.end, truth)[order]
    return float(hit[rank < top].mean()), float(hit.mean())


def _touches(chrom: np.ndarray, start: np.ndarray, end: np.ndarray, truth: PathLike) -> np.ndarray:
    """Return, for each interval (0-based half-open), whether an element in the BED file ``truth`` overlaps it."""
    elements = pd.read_csv(
        truth, sep="\t", header=None, usecols=[0, 1, 2], names=["chrom", "start", "end"], dtype={0: str}
    )
    touched = np.zeros(len(chrom), dtype=bool)
    for contig, group in elements.groupby("chrom"):
        here = chrom == contig
        # Count elements that begin before the interval's end, and those that end at or before its start.
        begun = np.searchsorted(np.sort(group["start"].to_numpy()), end[here], side="left")
        over = np.searchsorted(np.sort(group["end"].to_numpy()), start[here], side="right")
        touched[here] = begun > over
    return touched


def _make_folder(folder: Path) -> None:
    """Create the output folder, if it does not exist; its parent must exist."""
    if folder.is_dir():
        return
    check_output(folder)
    if folder.exists():
        raise NotWritable("this is a file, but a folder is required", where=folder)
    with disk_errors(folder):
        folder.mkdir()


def _table(folder: Path, simulation: Simulation, auroc: dict[str, float], shares: tuple[float, float]) -> str:
    """Return the results and the paths of the main files as text; ``shares`` are from :func:`top_on_elements`."""
    rows = [*auroc.items(), ("oracle (knows the grammar)", simulation.oracle_auroc)]
    lines = ["auROC, mean over held-out chromosomes", *(f"  {name:<28}{score:.3f}" for name, score in rows), ""]
    found, chance = shares
    verdict = "no better than chance" if found <= chance else f"{found / chance:.1f} times chance"
    lines += [
        f"settings of {', '.join(CHOSEN)} were chosen on seed 0; use another --seed for an unbiased score",
        "",
        f"top {TOP} tokens of each gene by |attribution| that lie on a planted element ({MODELS[-1]})",
        f"  {found:.1%} of them, against {chance:.1%} of all tokens: {verdict}",
        "",
        "files",
        *(f"  {path}" for path in _made(folder, simulation)),
    ]
    return "\n".join(lines) + "\n"


def _made(folder: Path, simulation: Simulation) -> list[Path]:
    """Return the paths of the main output files, including the simulated inputs."""
    inputs = [simulation.genome, simulation.annotation, simulation.expression, simulation.truth]
    names = (
        "genes.parquet",
        "splits.tsv",
        "labels.tsv",
        "runs",
        "metrics.json",
        "attributions.parquet",
        "attribution.bed.gz",
        "attribution.bedgraph.gz",
        "attribution.bw",
    )
    return [*inputs, *(folder / name for name in names)]
