"""Measure peak memory and time per gene of every step, for sets of growing size up to larger than memory.

    python benchmarks/streaming.py -o FOLDER [--sets 50] [--genes 20000] [--sizes 1,10,50] [--json FILE]

Species are simulated, extracted and labelled one by one (low and high by the median, so that all genes are used for
training); another species is held out. `split` and `train` then read the first 1, 10 and 50 sets at once, without
combining them into one file: an epoch of `kmer-sgd`, and 200 steps of `kan-mixer`, stopped like a run by SIGTERM.
Existing sets are not made again. 50 sets need 1 GB of disk and half an hour of one core.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

from common import KANSEQ, Measured, run

from kanseq.runs.parts import part_folder

STEPS = 200

STOPPED = """
import sys
from kanseq.cli.main import run
from kanseq.training.objectives.task_objective import TaskObjective

step, taken = TaskObjective.step, []

def counted(self, *arguments):
    if len(taken) == {steps}:
        raise KeyboardInterrupt
    taken.append(1)
    return step(self, *arguments)

TaskObjective.step = counted
try:
    run()
except SystemExit as end:
    sys.exit(0 if end.code == 130 else end.code)
"""
"""A training that is interrupted after ``steps`` steps."""


def species(folder: Path, number: int, genes: int) -> tuple[Path, Path]:
    """Make the set and labels of one species; its genome is deleted afterwards."""
    made, labels = folder / f"sp{number:02d}.parquet", folder / f"sp{number:02d}.labels.tsv"
    if made.exists() and labels.exists():
        return made, labels
    name, genome = f"sp{number:02d}", folder / "genome"
    halves = ["--low", "0.4999", "--high", "0.5001"]
    for command in (
        ["simulate", "-o", genome, "--genes", str(genes), "--seed", str(number), "--no-compress"],
        ["extract", genome / "genome.fa", genome / "genes.gtf.gz", "--species", name, "-o", made],
        ["label", genome / "tpm.csv", "--genes", made, "--species", name, *halves, "-o", labels],
    ):
        run([*KANSEQ, *map(str, command)])
    subprocess.run(["rm", "-r", str(genome)], check=True)
    return made, labels


def measure(folder: Path, sets: list[tuple[Path, Path]], held_out: tuple[Path, Path]) -> dict[str, object]:
    """Split and train on several sets at once; return time and memory of each step."""
    together = [*sets, held_out]
    genes = [str(made) for made, _ in together]
    labels = [word for _, table in together for word in ("--labels", str(table))]
    splits, name = folder / f"{len(sets)}.splits.tsv", held_out[0].stem
    found: dict[str, Measured] = {}
    found["split"] = run([*KANSEQ, "split", *genes, "--by", "species", "--folds", name, "-o", str(splits)])
    common = ["train", *genes, *labels, "--splits", str(splits), "--threads", "1", "--no-baseline"]
    runs = {model: folder / f"run.{len(sets)}.{model}" for model in ("kmer-sgd", "kan-mixer")}
    subprocess.run(["rm", "-rf", *map(str, runs.values())], check=True)
    sgd = ["--model", "kmer-sgd", "--epochs", "1", "-o", str(runs["kmer-sgd"])]
    found["kmer-sgd, one epoch"] = run([*KANSEQ, *common, *sgd])
    mixer = ["--model", "kan-mixer", "--precision", "float32", "-o", str(runs["kan-mixer"])]
    found[f"kan-mixer, {STEPS} steps"] = run([sys.executable, "-c", STOPPED.format(steps=STEPS), *common, *mixer])
    part = part_folder(runs["kmer-sgd"], name, 0)
    done, log = (json.loads((part / file).read_text()) for file in ("done.json", "log.jsonl"))
    return {
        "sets": len(sets),
        "training_genes": done["training_genes"],
        "genes_per_second": log["genes_per_second"],
        "steps": {step: measured._asdict() for step, measured in found.items()},
    }


def show(rows: list[dict[str, object]]) -> None:
    """Print a Markdown table with seconds and peak memory of every step."""
    steps = list(rows[0]["steps"])  # type: ignore[call-overload]
    print("| training genes | " + " | ".join(steps) + " | ms per gene in the epoch |")
    print("| ---: |" + " ---: |" * (len(steps) + 1))
    for row in rows:
        cells = [f"{one['seconds']:.0f} s, {one['peak_mb']:,.0f} MB" for one in row["steps"].values()]  # type: ignore[attr-defined]
        per_gene = 1000 / row["genes_per_second"]  # type: ignore[operator]
        print(f"| {row['training_genes']:,} | " + " | ".join(cells) + f" | {per_gene:.3f} |")


def main() -> None:
    """Make the sets, run the measurements, and print their table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--sets", type=int, default=50)
    parser.add_argument("--genes", type=int, default=20_000)
    parser.add_argument("--sizes", default="1,10,50")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    made = []
    for number in range(options.sets + 1):
        start = time.monotonic()
        made.append(species(options.output, number, options.genes))
        print(f"species {number}: {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)
    rows = [measure(options.output, made[1 : int(size) + 1], made[0]) for size in options.sizes.split(",")]
    show(rows)
    if options.json is not None:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
