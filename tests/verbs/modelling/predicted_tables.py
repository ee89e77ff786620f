"""Tables of predictions that are right up to noise."""

import numpy as np
import pandas as pd


def predictions(path, noise=0.0, folds="12", genes=40, seed=0):
    """Write a table of logits that separate the classes up to noise."""
    random = np.random.default_rng(seed)
    parts = []
    for fold in folds:
        target = np.arange(genes) % 2
        logit = (2 * target - 1) + noise * random.normal(size=genes)
        names = [f"{fold}-{row:03d}" for row in range(genes)]
        parts.append(pd.DataFrame({"id": names, "fold": fold, "logit": logit, "target": target}))
    table = pd.concat(parts).assign(species=".", condition="*", chrom="1", role="test")
    table = table.assign(probability=1 / (1 + np.exp(-table["logit"])))
    table.to_csv(path, sep="\t", index=False)
    return path, table


def seeds_of(path, noise=2.0, seeds=(0, 1, 2), **columns):
    """Write a table of several seeds with independent errors."""
    tables = [predictions(path, noise, seed=seed)[1].assign(seed=seed, **columns) for seed in seeds]
    pd.concat(tables).to_csv(path, sep="\t", index=False)
    return path, tables


def expression(path, noise, condition="*", seed=0, folds="12"):
    """Write a table of predicted expression."""
    random = np.random.default_rng(seed)
    table = predictions(path, folds=folds)[1]
    target = random.normal(size=len(table))
    table = table.assign(
        target=target, logit=target + noise * random.normal(size=len(table)), probability="", condition=condition
    )
    table.to_csv(path, sep="\t", index=False)
    return path, table
