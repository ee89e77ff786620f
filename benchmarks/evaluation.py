"""Make the tables of docs/evaluation.md: every model, setting and control on two genomes, per fold and seed.

    python benchmarks/evaluation.py -o FOLDER [--jobs 2] [--hours 2.5] [--only SETTING[,SETTING]] [--dataset NAME]
    python benchmarks/evaluation.py --report

One command makes everything: sets, homologs, splits, labels, trainings and tables. A job is one fold of one network (or
all folds of one baseline) with one seed, on one thread; `--jobs` of them run in parallel. Predictions for held-out
genes and costs are written to benchmarks/results/evaluation/; then the weights are deleted. A job with results there,
from any machine, is not run again, so the command can be killed and restarted at any time; `--hours` limits its time.
`kanseq evaluate` also reads the tables there.

Networks train for at most ten epochs, or until three epochs in a row do not improve the loss on a tenth of their
training genes, and keep the weights of the best epoch. Calibration and threshold are learned on the same tenth.
Products are in bfloat16 if the processor has units for it, otherwise in float32; costs.tsv records which. `deepcre` has
its published learning rate, the others kanseq's default. Baselines are calibrated by cross-validation between
neighbourhoods of training genes.
"""

import argparse
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pandas as pd
from common import KANSEQ, data_folder
from evaluation_plan import DATASETS, NETWORKS, RESULTS, SETTINGS, Job, Results, jobs, read
from evaluation_report import report

from kanseq.runs.description import read_run
from kanseq.runs.parts import part_folder, read_done

DIGITS = {"logit": ".6g", "probability": ".5f"}

LEARNING_RATE = {"deepcre": ("--learning-rate", "1e-4")}
"""As published; the other networks have kanseq's default."""


def kanseq(*arguments: str | Path, log: Path | None = None) -> float:
    """Run a kanseq command and return its CPU seconds; raise an error if it fails."""
    command = [*KANSEQ, *map(str, arguments)]
    with open(log or os.devnull, "a") as handle:
        process = subprocess.Popen(command, stdout=handle, stderr=handle if log else None)
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        tail = log.read_text().splitlines()[-1:] if log else []
        raise RuntimeError(" ".join(["kanseq", *map(str, arguments), "failed:", *tail]))
    return usage.ru_utime + usage.ru_stime


def prepare(dataset: str, folder: Path, results: Results) -> None:
    """Make set, homologs, both splits and all labels, unless they exist; homologs are kept with the results."""
    source, genes = (
        data_folder() / {"chromosome1": "arabidopsis-chr1", "yeast": "yeast"}[dataset],
        folder / "genes.parquet",
    )
    genome, annotation = source / "genome.fa.gz", source / "genes.gtf.gz"
    if dataset == "yeast":
        extract = ["--exclude-contigs", "Mito"]
        proteins = ["--genome", genome, "--annotation", annotation]
        cut, expression = ["--by", "chromosome", "--folds", ",".join(DATASETS["yeast"])], source / "wt_tpm.csv"
    else:
        extract = []
        proteins = ["--proteins", source / "proteins.faa.gz", "--annotation", source / "refseq.gff3.gz"]
        cut, expression = ["--by", "block", "--blocks", "5"], source / "leaf_tpm.csv.gz"
    folder.mkdir(parents=True, exist_ok=True)
    made = [
        (genes, ["extract", genome, annotation, *extract]),
        (homologs := results.folder / f"{dataset}.homologs.tsv", ["homology", genes, *proteins, "--tool", "diamond"]),
    ]
    for name, homology in (("homologs", []), ("apart", ["--homology", homologs, "--similar"])):
        splits = folder / f"{name}.splits.tsv"
        made.append((splits, ["split", genes, *cut, "--tune", "0.1", *homology]))
        for quartiles in ("train", "all"):
            arguments = ["label", expression, "--splits", splits, "--quartiles", quartiles]
            made.append((folder / f"{name}.{quartiles}.labels.tsv", arguments))
    for output, command in made:
        if not output.exists():
            kanseq(*command, "-o", output)


def train(job: Job, folder: Path) -> tuple[pd.DataFrame, dict[str, object]]:
    """Run one job; return its predictions and its costs."""
    setting, source = SETTINGS[job.setting], folder / job.dataset
    run, kind = folder / "runs" / job.name, "homologs" if setting.homologs else "apart"
    run.parent.mkdir(exist_ok=True)
    options = ["--calibrate", "platt", "--threads", "1", "--no-baseline"]
    if job.model in NETWORKS:
        options += ["--tune", "--epochs", "10", *LEARNING_RATE.get(job.model, ())]
    if setting.visible != "all":
        options += ["--visible", setting.visible]
    if setting.control != "none":
        options += ["--control", setting.control]
    seconds = kanseq(
        "train", source / "genes.parquet", "--labels", source / f"{kind}.{setting.quartiles}.labels.tsv",
        "--splits", source / f"{kind}.splits.tsv", "--model", job.model, "--holdout", job.fold,
        "--seed", str(job.seed), *options, "-o", run, log=run.with_suffix(".log"),
    )  # fmt: skip
    folds = DATASETS[job.dataset] if job.fold == "all" else (job.fold,)
    trained = [part_folder(run, fold, job.seed) for fold in folds]
    table = pd.concat([scored(one, job.seed) for one in trained])
    done = read_done(trained[0]) or {}
    cost = {
        "parameters": done["parameters"],
        "epochs": done.get("kept_epoch", ""),
        "precision": read_run(run).settings.get("precision", "float32"),
        "cpu_seconds": f"{seconds / len(folds):.1f}",
    }
    shutil.rmtree(run)
    return table, {**job._asdict(), **cost, "processor": processor()}


def scored(trained: Path, seed: int) -> pd.DataFrame:
    """Read the predictions of one fold's model for its scored genes, rounded to the digits that are kept."""
    table = read(trained / "predictions.tsv")
    table = table[(table["role"] == "test") & (table["target"] != "")].assign(seed=str(seed))
    for column, digits in DIGITS.items():
        table[column] = [format(float(number), digits) for number in table[column]]
    return table


def processor() -> str:
    """Return the name and vector units of the processor, which determine its speed."""
    known = Path("/proc/cpuinfo")
    lines = known.read_text().splitlines() if known.exists() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    flags = next((line for line in lines if line.startswith("flags")), "")
    units = next((unit for unit in ("amx_tile", "avx512f", "avx2") if unit in flags), "")
    return f"{next(names, platform.machine())} {units}".strip()


def work(
    pending: list[Job],
    do: Callable[[Job], tuple[pd.DataFrame, dict[str, object]]],
    results: Results,
    at_once: int,
    hours: float,
) -> None:
    """Run jobs in parallel and store their results, until all are finished or the time is over."""
    until, stop = time.monotonic() + 3600 * hours, Event()

    def one(job: Job) -> None:
        if stop.is_set() or time.monotonic() > until:
            return
        start = time.monotonic()
        try:
            results.add(job, *do(job))
        except BaseException:
            stop.set()
            raise
        print(f"{time.strftime('%H:%M:%S')} {job.name}: {time.monotonic() - start:.0f} s", flush=True)

    with ThreadPoolExecutor(at_once) as pool:
        for finished in [pool.submit(one, job) for job in pending]:
            finished.result()


def main() -> None:
    """Prepare the inputs, run the jobs, and print the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, help="sets, splits, labels and unfinished runs")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--only", help="comma-separated settings to run")
    parser.add_argument("--models", help="comma-separated models to run")
    parser.add_argument("--dataset", choices=DATASETS)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--hours", type=float, default=10.0)
    parser.add_argument("--report", action="store_true", help="only print the table")
    options = parser.parse_args()
    results = Results(options.results)
    if not options.report:
        if options.output is None:
            parser.error("-o FOLDER is required")
        pending = [
            job
            for job in jobs()
            if not results.has(job)
            and options.dataset in (None, job.dataset)
            and (options.only is None or job.setting in options.only.split(","))
            and (options.models is None or job.model in options.models.split(","))
        ]
        print(f"{len(pending)} jobs to run, of {len(list(jobs()))}", flush=True)
        for dataset in dict.fromkeys(job.dataset for job in pending):
            prepare(dataset, options.output / dataset, results)
        work(pending, lambda job: train(job, options.output), results, options.jobs, options.hours)
    sys.stdout.write(report(results))


if __name__ == "__main__":
    main()
