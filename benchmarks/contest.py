"""Make the tables of docs/contest.md: `kan-words` and a tuned `kmer-logistic`, components, and learning curves.

    python benchmarks/contest.py -o FOLDER [--jobs 2] [--hours 2.5] [--part PART[,PART]]
    python benchmarks/contest.py --report

It continues evaluation.py: it uses the same folder of sets, splits and labels (made if they do not exist), and the
results for `boosting`, `mlp`, `kan`, `deepcre` and `kan-mixer`. A job is one model on one fold with one seed, on one
thread; `--jobs` of them run in parallel. Predictions and costs are written to benchmarks/results/contest/; a job with
results there, from any machine, is not run again. Parts:

- `words`: for every fold, the word (k-mer) length and bins with which `kmer-logistic` is best on inner folds of the
  training genes;
- `search`: twelve trials of `kan-mixer` on the training genes of one development fold of each genome;
- `folds`: all folds of both genomes, scored with the words and options chosen before. Blocks 3 and 4 of chromosome 1
  and yeast IV and XV are the vault: `search` and `ideas` neither train on them nor score them;
- `ideas`: `kan-words` without each of its components, on the development folds;
- `curve`: four models on growing parts of all training genes, including the vault's, scored on two development folds;
  run last.
"""

import argparse
import shutil
import sys
import time
from pathlib import Path
from threading import Lock

import numpy as np
import pandas as pd
from common import data_folder
from contest_plan import IDEAS, RESULTS, SEARCH, SEARCHED, TRIALS, VAULT, WORDS, Job, Results, jobs
from contest_report import report
from evaluation import kanseq, prepare, processor, scored, work
from evaluation_plan import DATASETS, replace_file
from evaluation_plan import RESULTS as EVALUATION
from evaluation_plan import Results as Evaluation

from kanseq.labels.label_tables import join_labels
from kanseq.models.classical.kmers import kmer_counts
from kanseq.models.classical.logistic import choose_regularisation
from kanseq.runs.parts import part_folder, read_done
from kanseq.sequences.sequence_set import SequenceSet
from kanseq.splits.split_tables import read_splits
from kanseq.tasks.learning_goal import LearningGoal
from kanseq.training.fold_examples import prepare_folds
from kanseq.training.learners.neighbourhoods import inner_parts

SEARCHING = Lock()
"""Held during a search of hyper-parameters, so that parallel jobs wait for its result."""


def develop(dataset: str, folder: Path) -> None:
    """Make splits and labels of the development folds, without the vault's genes in training and scoring.

    Homologs of training genes are not removed from the tenth of genes that `kan-mixer` is tuned on.
    """
    splits, labels = folder / "develop.splits.tsv", folder / "develop.labels.tsv"
    table = pd.read_csv(folder / "apart.splits.tsv", sep="\t", dtype=str, keep_default_na=False)
    held = set(table["id"][(table["role"] == "test") & table["fold"].isin(VAULT[dataset])])
    table = table[~table["fold"].isin(VAULT[dataset])].copy()
    table.loc[table["id"].isin(held), ["role", "reason"]] = "unused", "vault"
    if not labels.exists():
        before = folder / "develop.before.splits.tsv"
        table.to_csv(before, sep="\t", index=False, lineterminator="\n")
        expression = {"chromosome1": "arabidopsis-chr1/leaf_tpm.csv.gz", "yeast": "yeast/wt_tpm.csv"}[dataset]
        kanseq("label", data_folder() / expression, "--splits", before, "-o", labels)
    if not splits.exists():
        # The tuning genes may be in the vault: use another tenth instead.
        for fold in table["fold"].unique():
            trains = np.flatnonzero((table["fold"] == fold) & table["role"].isin(["train", "tune"]))
            table.iloc[trains, table.columns.get_loc("role")] = "train"
            table.iloc[trains[-len(trains) // 10 :], table.columns.get_loc("role")] = "tune"
        _write(splits, table)


def _write(file: Path, table: pd.DataFrame) -> None:
    """Write a table; the file is complete or does not exist."""
    replace_file(file, table.to_csv(sep="\t", index=False, lineterminator="\n").encode())


def smaller(splits: Path, labels: Path, fold: str, size: int, output: Path) -> Path:
    """Keep a random part of a fold's training genes: `size` labelled low or high, the same fraction of others."""
    if not output.exists():
        table = pd.read_csv(splits, sep="\t", dtype=str, keep_default_na=False)
        table = table[table["fold"] == fold].copy()
        known = pd.read_csv(labels, sep="\t", dtype=str, keep_default_na=False).query("fold == @fold")
        label = table["id"].map(dict(zip(known["id"], known["label"], strict=True))).fillna("")
        trains = table["role"].isin(["train", "tune"])
        classed = np.flatnonzero(trains & label.isin(["low", "high"]))
        others = np.flatnonzero(trains & ~label.isin(["low", "high"]))
        random = np.random.default_rng(size)
        out = [random.permutation(classed)[size:], random.permutation(others)[len(others) * size // len(classed) :]]
        at = table.index[np.concatenate(out)]
        table.loc[at, ["role", "reason"]] = "unused", "not drawn"
        _write(output, table)
    return output


def choose_words(dataset: str, visible: str, fold: str, folder: Path, results: Results) -> tuple[int, int]:
    """Choose word length and bins on inner folds of a fold's training genes, as `kmer-logistic` chooses its ``C``."""
    known = results.folder / "words.tsv"
    with results.lock:
        table = pd.read_csv(known, sep="\t") if known.exists() else pd.DataFrame(columns=["dataset", "visible", "fold"])
    found = table[(table["dataset"] == dataset) & (table["visible"] == visible) & (table["fold"] == fold)]
    if not len(found):
        genes = LearningGoal(visible=visible).see(SequenceSet.read(folder / "genes.parquet"))
        labels = join_labels(folder / "apart.train.labels.tsv")
        [one] = prepare_folds(genes, labels, read_splits(folder / "apart.splits.tsv"), holdout=fold)
        codes, places = genes.codes(one.train), genes.table.iloc[one.train]
        groups, rows = inner_parts(places, one.train_targets, 0), []
        for k, width in WORDS:
            counts = kmer_counts(codes, genes.geometry, k, width)
            strength, score = choose_regularisation(counts, one.train_targets, groups)
            rows.append(
                {
                    "dataset": dataset,
                    "visible": visible,
                    "fold": fold,
                    "k": k,
                    "bin": width,
                    "C": strength,
                    "inner_auroc": round(score, 4),
                }
            )
        found = pd.DataFrame(rows)
        with results.lock:
            table = pd.read_csv(known, sep="\t") if known.exists() else pd.DataFrame()
            table = pd.concat([table, found]).sort_values(["dataset", "visible", "fold", "k", "bin"])
            replace_file(known, table.to_csv(sep="\t", index=False, lineterminator="\n").encode())
    best = found.loc[found["inner_auroc"].idxmax()]
    return int(best["k"]), int(best["bin"])


def search(dataset: str, folder: Path, results: Results) -> Path:
    """Tune `kan-mixer` on the training genes of one development fold; return the file of its options."""
    output, kept = folder / "search", results.folder / f"{dataset}.kan-mixer.yaml"
    with SEARCHING:
        if kept.exists():
            return kept
        ranges = [part for one in SEARCH for part in ("--search", one)]
        kanseq(
            "tune", folder / "genes.parquet", "--labels", folder / "develop.labels.tsv",
            "--splits", folder / "develop.splits.tsv", "--model", "kan-mixer", "--holdout", SEARCHED[dataset],
            "--epochs", "10", "--trials", str(TRIALS), *ranges, "--threads", "1", "-o", output,
            log=folder / "search.log",
        )  # fmt: skip
        shutil.copy(output / "trials.tsv", results.folder / f"{dataset}.kan-mixer.trials.tsv")
        shutil.copy(output / "best.yaml", kept)
    return kept


def train(job: Job, folder: Path, results: Results) -> tuple[pd.DataFrame, dict[str, object]]:
    """Run one job; return its predictions and its costs."""
    source = folder / job.dataset
    kind = "develop" if job.part == "ideas" else "apart.train"
    labels, splits = source / f"{kind}.labels.tsv", source / f"{kind.partition('.')[0]}.splits.tsv"
    model, options = job.entry, ["--threads", "1", "--no-baseline"]
    if job.part == "ideas":
        model, options = "kan-words", [*options, *IDEAS[job.entry]]
    elif job.part == "curve":
        model, _, size = job.entry.partition(" ")
        if size != "all":
            splits = smaller(splits, labels, job.fold, int(size), source / f"apart.{size}.splits.tsv")
    elif model == "kmer-best":
        k, width = choose_words(job.dataset, job.visible, job.fold, source, results)
        model, options = "kmer-logistic", [*options, "--set", f"k={k}", "--set", f"bin={width}"]
    elif model == "kan-mixer-best":
        model, options = "kan-mixer", [*options, "--config", str(search(job.dataset, source, results))]
    if model == "kan-mixer" and job.part == "curve":
        options += ["--tune", "--epochs", "10"]
    run = folder / "runs" / job.name
    run.parent.mkdir(exist_ok=True)
    start = time.monotonic()
    seconds = kanseq(
        "train", source / "genes.parquet", "--labels", labels, "--splits", splits, "--model", model,
        "--holdout", job.fold, "--visible", job.visible, "--seed", str(job.seed), *options,
        "-o", run, log=run.with_suffix(".log"),
    )  # fmt: skip
    wall, trained = time.monotonic() - start, part_folder(run, job.fold, job.seed)
    table = scored(trained, job.seed)
    done = read_done(trained) or {}
    shutil.rmtree(run)
    cost = {"parameters": done["parameters"], "genes": done["training_genes"], "seconds": f"{wall:.1f}"}
    return table, {**cost, "cpu_seconds": f"{seconds:.1f}", "processor": processor()}


def main() -> None:
    """Prepare the inputs, run the jobs, and print the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, help="folder of evaluation.py")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--part", help="comma-separated parts to run")
    parser.add_argument("--entry", help="comma-separated entries to run")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--hours", type=float, default=10.0)
    parser.add_argument("--report", action="store_true", help="only print the tables")
    options = parser.parse_args()
    results = Results(options.results)
    if not options.report:
        if options.output is None:
            parser.error("-o FOLDER is required")
        parts, entries = options.part, options.entry
        pending = [
            job
            for job in jobs()
            if not results.has(job)
            and (parts is None or job.part in parts.split(","))
            and (entries is None or job.entry in entries.split(","))
        ]
        print(f"{len(pending)} jobs to run, of {len(list(jobs()))}", flush=True)
        for dataset in DATASETS:
            prepare(dataset, options.output / dataset, Evaluation(EVALUATION))
            develop(dataset, options.output / dataset)
        if parts is None or "search" in parts.split(","):
            for dataset in DATASETS:
                search(dataset, options.output / dataset, results)
        work(pending, lambda job: train(job, options.output, results), results, options.jobs, options.hours)
    sys.stdout.write(report(results, Evaluation(EVALUATION)))


if __name__ == "__main__":
    main()
