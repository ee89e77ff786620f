"""Measure how reliable attributions are: the tables of docs/attribution.md.

    python benchmarks/attribution.py -o FOLDER [--only faithfulness,truth] [--models kan-words,kan-mixer] [--json FILE]

`faithfulness` explains held-out genes of *Arabidopsis* chromosome 1 (`$KANSEQ_DATA`, see README) with a model of block
0. It measures how fast the logit falls when tokens are replaced in the order of their attribution (deletion), and how
fast it returns when they are put into a reference (insertion), both compared with a random order; whether a method
ranks tokens like replacing every single base (`ism`, on fewer genes); and whether it distinguishes a trained model from
one with redrawn weights. `truth` uses simulated genes, whose planted elements are known. The sequences that replace
tokens are never references of a method. Models are trained first, in FOLDER/runs, unless they exist; results of
mutagenesis are kept next to them, per gene.
"""

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np
import torch
from common import data_folder
from evaluation import prepare
from evaluation_plan import RESULTS, Results
from scipy.stats import spearmanr
from sklearn.metrics import average_precision_score

import kanseq
from kanseq.attribution.methods import methods
from kanseq.attribution.references import References
from kanseq.attribution.shares import Attribution, MethodOptions
from kanseq.genome.pieces import find_pieces, piece_template, sum_by_piece, sum_by_token
from kanseq.geometry import TOKEN
from kanseq.io.allocator import keep_freed_memory
from kanseq.models.registry import architecture
from kanseq.nn import set_precision
from kanseq.runs.parts import parts
from kanseq.runs.trained_model import TrainedModel, read_model
from kanseq.sequences.sequence_set import SequenceSet
from kanseq.sequences.shuffles import dinucleotide_shuffles

FOLD = "1.block0"
SHUFFLES, STEPS = 5, 20

ASKED = {"paths": SHUFFLES, "integrated": SHUFFLES, "gradient": SHUFFLES, "occlusion": 1}
"""Methods other than `ism`, with their number of shuffled references; occlusion runs the model 378 times for each."""

TRAINING: dict[str, dict[str, object]] = {
    "kan-words": {},
    "kan-mixer": {"epochs": 10, "tune": True},
    "deepcre": {"epochs": 10, "tune": True, "learning_rate": 3e-4, "seed": 1, "options": {"dropout": 0}},
}
"""Training options; with dropout `deepcre` learns nothing from so few genes, so there would be nothing to explain."""


def trained(name: str, folder: Path) -> TrainedModel:
    """Train a model on all blocks except the first, or load the existing one."""
    source, run = folder / "chromosome1", folder / "runs" / name
    if not (source / "genes.parquet").exists():
        prepare("chromosome1", source, Results(RESULTS))
    run.parent.mkdir(exist_ok=True)
    kanseq.train(
        source / "genes.parquet",
        labels=source / "homologs.train.labels.tsv",
        splits=source / "homologs.splits.tsv",
        output=run,
        model=name,
        holdout=FOLD,
        baseline=False,
        threads=1,
        **TRAINING[name],
    )
    return ready(read_model(place_of(run, FOLD) / "model.safetensors"))


def place_of(run: Path, fold: str) -> Path:
    """Find the one fold and seed of a run."""
    return next(part.folder for part in parts(run) if part.fold == fold)


def ready(model: TrainedModel) -> TrainedModel:
    """Set the precision of all products to float32."""
    set_precision(model.network, "float32")
    return model


def redrawn(model: TrainedModel) -> TrainedModel:
    """Return the same network with new initial weights; parameters that start at zero are shuffled instead."""
    torch.manual_seed(99)
    network = architecture(model.architecture).build(model.config).eval()
    assert model.network is not None
    for (name, fresh), was in zip(network.named_parameters(), model.network.parameters(), strict=True):
        if not fresh.any():
            fresh.data = was.detach().flatten()[torch.randperm(was.numel())].view_as(was)
            say(f"{name}: shuffled")
    for fresh, was in zip(network.buffers(), model.network.buffers(), strict=True):
        fresh.copy_(was)
    return TrainedModel(model.architecture, model.config, model.geometry, model.task, network)


class Genes:
    """Held-out genes, drawn at random, as the model reads them.

    Attributes:
        codes: ``(n, columns)`` uint8.
        names: ids of the genes.
    """

    def __init__(self, genes: SequenceSet, run: Path, count: int, model: TrainedModel) -> None:
        held_out = {line.split("\t")[-1] for line in (run / "held_out.txt").read_text().splitlines()}
        rows = np.flatnonzero(genes.table["id"].isin(held_out))
        rows = np.sort(np.random.default_rng(0).permutation(rows)[:count])
        self.codes, self.names = model.geometry.hide(genes.codes(rows)), list(genes.table["id"].iloc[rows])

    def first(self, count: int) -> tuple[np.ndarray, list[str]]:
        """Return the first genes; their order is by row, but they were drawn at random."""
        return self.codes[:count], self.names[:count]


def faithfulness(name: str, folder: Path, options: argparse.Namespace) -> list[dict[str, object]]:
    """Measure every method on one model; return a row per method."""
    model = trained(name, folder)
    run = place_of(folder / "runs" / name, FOLD)
    genes = Genes(SequenceSet.read(folder / "chromosome1" / "genes.parquet"), run, options.genes, model)
    few = genes.first(options.ism_genes)
    truth, ism_seconds = mutagenesis(model, *few, folder / "runs" / name / "mutagenesis")
    say(f"{name}: ism on {len(few[0])} genes, {ism_seconds:.0f} s")
    fresh, rows = redrawn(model), []
    for method, shuffles in ASKED.items():
        start = time.process_time()
        found = explained(model, method, genes.codes, genes.names, shuffles)
        seconds = time.process_time() - start
        tokens = by_token(found, model)
        few_tokens = tokens[: options.ism_genes]
        other = by_token(explained(fresh, method, *few, shuffles), model)
        rows.append(
            {
                "model": name,
                "method": method,
                **curves(model, genes, tokens, found, options.levels),
                "spearman_ism": agreement(few_tokens, truth),
                "spearman_redrawn": agreement(few_tokens, other),
                "seconds_per_1000": 1000 * seconds / len(genes.codes),
                "max_completeness_error": float(found.errors.max()),
            }
        )
        say(json.dumps(rows[-1]))
    at_random = np.random.default_rng(1).standard_normal((len(genes.codes), model.geometry.tokens))
    rows.append({"model": name, "method": "random order", **curves(model, genes, at_random, found, options.levels)})
    # Repeat on the few genes, so that the curves of mutagenesis can be compared with a method on the same genes.
    genes.codes, genes.names = few
    fewer = {method: explained(model, method, *few, ASKED[method]) for method in ("paths",)}
    for method, values in (("ism", truth), ("paths", by_token(fewer["paths"], model))):
        row = {"model": name, "method": f"{method}, {len(few[0])} genes"}
        rows.append({**row, **curves(model, genes, values, fewer["paths"], options.levels)})
    rows[-2]["seconds_per_1000"] = 1000 * ism_seconds / len(few[0])
    return rows


def mutagenesis(model: TrainedModel, codes: np.ndarray, names: list[str], folder: Path) -> tuple[np.ndarray, float]:
    """Explain genes by `ism`, one by one: each takes a minute, so an interrupted run resumes from its finished genes.

    Returns:
        tokens: ``(n, tokens)``.
        seconds: CPU time for all genes, including those of earlier runs.
    """
    folder.mkdir(exist_ok=True)
    tokens, seconds = [], 0.0
    for row, gene in enumerate(names):
        kept, one = folder / f"{gene}.npz", slice(row, row + 1)
        if not kept.exists():
            start = time.process_time()
            found = methods()["ism"].attribute(model, codes[one], names[one], References("n", 1), MethodOptions())
            partial = kept.with_name(f".{gene}.npz")
            np.savez(partial, tokens=by_token(found, model), seconds=time.process_time() - start)
            partial.replace(kept)
        with np.load(kept) as one_gene:
            tokens.append(one_gene["tokens"])
            seconds += float(one_gene["seconds"])
    return np.concatenate(tokens), seconds


def explained(model: TrainedModel, method: str, codes: np.ndarray, names: list[str], shuffles: int) -> Attribution:
    """Explain genes by a method."""
    references = References(f"shuffle:{shuffles}", shuffles)
    return methods()[method].attribute(model, codes, names, references, MethodOptions(steps=STEPS))


def by_token(found: Attribution, model: TrainedModel) -> np.ndarray:
    """Sum attributions over the columns of each token, ``(n, tokens)``."""
    return sum_by_token(found.values, model.geometry)


def curves(model: TrainedModel, genes: Genes, tokens: np.ndarray, found: Attribution, levels: int) -> dict[str, float]:
    """Replace tokens step by step, first those that contribute most to the logit's difference from a reference.

    Returns:
        Means over genes and levels, in units of the logit: how far it falls (deletion), and how far it rises from the
        logit of the reference to that of the gene (insertion); with reversed sign if the gene is below its reference.
    """
    others = dinucleotide_shuffles(genes.codes, genes.names, 1, seed=1)[:, 0]
    logit, below = model.logits(genes.codes), model.logits(others)
    sign = np.where(logit > below, 1.0, -1.0)
    rank = np.argsort(np.argsort(-sign[:, None] * tokens, axis=1, kind="stable"), axis=1)
    columns = np.repeat(rank, TOKEN, axis=1)[:, : genes.codes.shape[1]]
    falls, rises = [], []
    for level in range(1, levels + 1):
        gone = columns < round(level / levels * model.geometry.tokens)
        falls.append(sign * (logit - model.logits(np.where(gone, others, genes.codes))))
        rises.append(sign * (model.logits(np.where(gone, genes.codes, others)) - below))
    return {"deletion": float(np.mean(falls)), "insertion": float(np.mean(rises))}


def agreement(some: np.ndarray, others: np.ndarray) -> float:
    """Return the median over genes of Spearman's correlation between tokens."""
    return float(np.median([spearmanr(a, b).statistic for a, b in zip(some, others, strict=True)]))


def truth(folder: Path, options: argparse.Namespace) -> list[dict[str, object]]:
    """Score methods on simulated genes: precision-recall area of pieces on planted elements, by |attribution|."""
    place = folder / "simulated"
    place.mkdir(parents=True, exist_ok=True)
    genes, splits, labels = (place / name for name in ("genes.parquet", "splits.tsv", "labels.tsv"))
    simulation = kanseq.simulate(place / "simulation", genes=options.simulated)
    kanseq.extract(simulation.genome, simulation.annotation, output=genes)
    kanseq.split(genes, output=splits)
    kanseq.label(simulation.expression, splits=splits, output=labels)
    rows = []
    for name in options.models:
        # The options of the demo, on one fold; these splits have no tuning genes.
        as_demo = {"epochs": 8, "learning_rate": 2e-3, "decay": "coupled"}
        settings = as_demo if name == "kan-mixer" else {**TRAINING[name], "tune": False}
        run = place / "runs" / name
        run.parent.mkdir(exist_ok=True)
        kanseq.train(
            genes,
            labels=labels,
            splits=splits,
            output=run,
            model=name,
            holdout="1",
            baseline=False,
            threads=1,
            **settings,
        )
        model = ready(read_model(place_of(run, "1") / "model.safetensors"))
        chosen = Genes(SequenceSet.read(genes), place_of(run, "1"), options.truth_genes, model)
        hit, shape = on_elements(SequenceSet.read(genes), chosen.names, simulation.truth)
        auroc = kanseq.evaluate([run], against=None).models[0]["mean"]["auROC"]["value"]
        for method, shuffles in ASKED.items():
            found = explained(model, method, chosen.codes, chosen.names, shuffles)
            weight = np.abs(sum_by_piece(found.values, piece_template(model.geometry))).ravel()[shape]
            area = average_precision_score(hit, weight)
            rows.append({"model": name, "auroc": auroc, "method": method, "area": area, "chance": float(hit.mean())})
            say(json.dumps(rows[-1]))
    return rows


def on_elements(genes: SequenceSet, names: list[str], truth: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return which pieces of the named genes overlap a planted element, and the pieces' indices in a flat table."""
    from kanseq.verbs.project.demo import _touches

    table = genes.table.set_index("id").loc[names].reset_index()
    pieces = find_pieces(table, genes.geometry, {name: int(c["length"]) for name, c in genes.contigs.items()})
    hit = _touches(table["chrom"].to_numpy()[pieces.row], pieces.start, pieces.end, truth)
    count = len(piece_template(genes.geometry).token)
    return hit, pieces.row.astype(np.int64) * count + pieces.index


def say(text: str) -> None:
    """Report progress."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def markdown(rows: list[dict[str, object]]) -> str:
    """Return rows as a Markdown table."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    lines = [f"| {' | '.join(names)} |", f"|{' --- |' * len(names)}"]
    for row in rows:
        cells = [f"{row[name]:.3g}" if isinstance(row.get(name), float) else str(row.get(name, "")) for name in names]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Run the measurements, print their tables, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, required=True, help="sets and runs")
    parser.add_argument("--only", default="faithfulness,truth")
    parser.add_argument("--models", default="kan-words,kan-mixer,deepcre", type=lambda text: text.split(","))
    parser.add_argument("--genes", type=int, default=200)
    parser.add_argument("--ism-genes", type=int, default=50)
    parser.add_argument("--levels", type=int, default=20)
    parser.add_argument("--simulated", type=int, default=1200, help="genes of the simulated genome")
    parser.add_argument("--truth-genes", type=int, default=100)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    keep_freed_memory()
    options.output.mkdir(parents=True, exist_ok=True)
    found: dict[str, list[dict[str, object]]] = {}
    if "faithfulness" in options.only:
        data_folder()
        found["faithfulness"] = [row for name in options.models for row in faithfulness(name, options.output, options)]
    if "truth" in options.only:
        found["truth"] = truth(options.output, options)
    for rows in found.values():
        print(markdown(rows) + "\n")
    if options.json is not None:
        options.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
