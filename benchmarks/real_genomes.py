"""The README's table: every model on five blocks of Arabidopsis chromosome 1, two on four yeast chromosomes.

    python benchmarks/real_genomes.py -o FOLDER [--only chromosome1|yeast] [--threads 2]

Runs the README's commands one after the other and prints the tables. It resumes: a run that is done is not done again.
"""

import argparse
import subprocess
import sys
from pathlib import Path

from common import KANSEQ, data_folder

PLAIN_AND_PEERS = ("gc", "kmer-logistic", "mlp", "deepcre")
CHROMOSOME1 = (*PLAIN_AND_PEERS, "kan", "kan-mixer")
YEAST = ("kmer-logistic", "kan-mixer")
"""Models, by which their runs' folders are called."""

YEAST_FOLDS = ("IV", "VII", "XII", "XV")


def kanseq(*arguments: str | Path) -> None:
    """Show a command, run it, and stop here if it fails."""
    print("$ kanseq", *arguments, flush=True)
    if subprocess.run([*KANSEQ, *map(str, arguments)], check=False).returncode:
        sys.exit(1)


def train_and_score(folder: Path, names: tuple[str, ...], threads: int) -> None:
    """Train on ``folder``'s set and write ``metrics.json`` and ``metrics.tsv`` there."""
    for name in names:
        kanseq(
            "train", folder / "genes.parquet", "--labels", folder / "labels.tsv", "--splits", folder / "splits.tsv",
            "--model", name, "--holdout", "all", "--threads", str(threads), "-o", folder / name,
        )  # fmt: skip
    runs = [folder / name for name in names]
    kanseq("evaluate", *runs, "-o", folder / "metrics.json", "--table", folder / "metrics.tsv")


def chromosome1(data: Path, folder: Path, threads: int) -> None:
    """Five blocks, labels by the published whole-table quartiles."""
    source = data / "arabidopsis-chr1"
    genes, splits = folder / "genes.parquet", folder / "splits.tsv"
    kanseq("extract", source / "genome.fa.gz", source / "genes.gtf.gz", "-o", genes)
    kanseq("split", genes, "--by", "block", "--blocks", "5", "-o", splits)
    kanseq("label", source / "leaf_tpm.csv.gz", "--splits", splits, "--recipe", "deepcre", "-o", folder / "labels.tsv")
    train_and_score(folder, CHROMOSOME1, threads)


def yeast(data: Path, folder: Path, threads: int) -> None:
    """Four chromosomes in turn, quartiles from each fold's training genes."""
    source = data / "yeast"
    genes, splits = folder / "genes.parquet", folder / "splits.tsv"
    kanseq("extract", source / "genome.fa.gz", source / "genes.gtf.gz", "--exclude-contigs", "Mito", "-o", genes)
    held_out = [argument for fold in YEAST_FOLDS for argument in ("--folds", fold)]
    kanseq("split", genes, "--by", "chromosome", *held_out, "-o", splits)
    kanseq("label", source / "wt_tpm.csv", "--splits", splits, "-o", folder / "labels.tsv")
    train_and_score(folder, YEAST, threads)


def main() -> None:
    """Run both halves, or one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--only", choices=("chromosome1", "yeast"))
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    for name, job in (("chromosome1", chromosome1), ("yeast", yeast)):
        if options.only in (None, name):
            folder = options.output / name
            folder.mkdir(parents=True, exist_ok=True)
            job(data_folder(), folder, options.threads)


if __name__ == "__main__":
    main()
