"""Check that the label control is at chance, by a thousand draws, for docs/evaluation.md.

    python benchmarks/label_control.py -o FOLDER [--draws 1000]

`kmer-logistic` takes seconds per draw. Ridge regression on the same counts has a closed form for all draws at once and
would also show a leak: it uses the same genes, the same splits, and the permutations of `train --control labels` with
seeds from 0 on. FOLDER is that of evaluation.py.
"""

import argparse
from pathlib import Path

import numpy as np
from evaluation import prepare
from evaluation_plan import DATASETS, RESULTS, Results
from sklearn.metrics import roc_auc_score

from kanseq.labels.label_tables import join_labels
from kanseq.models.classical.kmers import kmer_counts
from kanseq.sequences.controls import disturbed_targets
from kanseq.sequences.sequence_set import SequenceSet
from kanseq.splits.split_tables import read_splits
from kanseq.training.fold_examples import FoldExamples, prepare_folds

RIDGE = 3000.0
"""For squared errors, about the same penalty as `C = 1e-3`."""


def auroc_of_draws(counts: np.ndarray, fold: FoldExamples, draws: int) -> np.ndarray:
    """Return the auROC of a fold's test genes for regressions on permuted labels, ``(draws,)``."""
    train, scored = counts[fold.train], (fold.test_roles == "test") & (fold.test_targets >= 0)
    scale = np.where(train.std(axis=0) > 0, train.std(axis=0), 1)
    train, test = ((rows - train.mean(axis=0)) / scale for rows in (train, counts[fold.test[scored]]))
    dealt = [disturbed_targets(fold.train_targets, "labels", seed, fold.name) for seed in range(draws)]
    centred = np.stack(dealt, axis=1) - fold.train_targets.mean()
    scores = test @ train.T @ np.linalg.solve(train @ train.T + RIDGE * np.eye(len(train)), centred)
    return np.array([roc_auc_score(fold.test_targets[scored], drawn) for drawn in scores.T])


def main() -> None:
    """Run the draws and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, required=True, help="sets, splits and labels")
    parser.add_argument("--draws", type=int, default=1000)
    options = parser.parse_args()
    print("| genes | mean auROC ± standard error | standard deviation of a draw |\n| --- | --- | ---: |")
    for dataset in DATASETS:
        source = options.output / dataset
        prepare(dataset, source, Results(RESULTS))
        genes = SequenceSet.read(source / "genes.parquet")
        counts = kmer_counts(genes.codes(np.arange(len(genes))), genes.geometry, 3, 125)
        labels, splits = join_labels(source / "apart.train.labels.tsv"), read_splits(source / "apart.splits.tsv")
        found = np.mean(
            [auroc_of_draws(counts, fold, options.draws) for fold in prepare_folds(genes, labels, splits)], 0
        )
        spread = found.std(ddof=1)
        print(f"| {dataset} | {found.mean():.4f} ± {spread / len(found) ** 0.5:.4f} | {spread:.3f} |", flush=True)


if __name__ == "__main__":
    main()
