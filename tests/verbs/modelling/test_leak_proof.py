"""Training does not depend on the test fold: with garbage in its place, the same bits are learned."""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest

from kanseq.runs.prediction_tables import read_predictions
from kanseq.runs.trained_model import load_arrays
from kanseq.sequences.sequence_set import SequenceSet
from kanseq.training import one_fold
from kanseq.verbs.modelling.train import train
from kanseq.verbs.splitting.label import label
from kanseq.verbs.splitting.split import split

FOLD = "2"

NETWORK = {"epochs": 12, "batch_size": 8, "learning_rate": 0.01, "patience": 2, "tune": True}
MLP = {"model": "mlp", "options": {"hidden": 8}, "baseline": False, **NETWORK}
TRAININGS = {
    "gc": {"model": "gc", "calibrate": "platt"},
    "kmer-logistic": {"model": "kmer-logistic", "options": {"k": 2, "bin": 64}},
    "kmer-ridge": {"model": "kmer-ridge", "options": {"k": 2, "bin": 64}, "task": "regression"},
    "boosting": {"model": "boosting"},
    "kan-mixer": {"model": "kan-mixer", "options": {"channels": 8}, "calibrate": "platt", **NETWORK},
    "kan-words": {"options": {"k": 2}, "calibrate": "platt", "baseline": False, **NETWORK},
    "mlp, mid ranked": {**MLP, "mid": "rank"},
    "mlp": {**MLP, "calibrate": "isotonic", "balance": "weights"},
    "mlp, regression": {**MLP, "task": "regression", "baseline": True},
    "mlp, two conditions": {**MLP, "condition": "all"},
    "mlp, control": {**MLP, "control": "labels"},
}
COMPARED = {
    "gc": ("seed-0",),
    "kan-mixer": ("kmer-logistic", "seed-0"),
    "mlp, regression": ("kmer-ridge", "seed-0"),
}
"""The models of a run if there are several, or if they are checked in detail."""


class Chain(NamedTuple):
    """Input files of a run, made from one table of expression."""

    genes: Path
    labels: Path
    splits: Path


def make_chain(folder: Path, genes: SequenceSet, tpm: pd.DataFrame, spoiled: np.ndarray, splits: Path) -> Chain:
    """Label genes and write all files; sequence, expression and label of the ``spoiled`` genes are garbage."""
    folder.mkdir()
    random = np.random.default_rng(5)
    table, tpm = genes.table.copy(), tpm.copy()
    for row in np.flatnonzero(spoiled):
        table.loc[row, "sequence"] = "".join(random.choice(list("ACGTN"), size=genes.geometry.columns))
        tpm.iloc[row] = random.choice([0.0, 1.0, 1e6], size=tpm.shape[1])
    chain = Chain(folder / "genes.parquet", folder / "labels.tsv", splits)
    SequenceSet(table, genes.geometry, genes.metadata).write(chain.genes)
    tpm.to_csv(folder / "tpm.csv")
    conditions = pd.DataFrame({"sample": ["a", "b"], "condition": ["warm", "cold"]})
    conditions.to_csv(folder / "conditions.tsv", sep="\t", index=False)
    made = label(
        [folder / "tpm.csv"], splits=splits, output=chain.labels, condition=folder / "conditions.tsv", low=0.4, high=0.6
    )
    labels = made.table.copy()
    rows = labels["id"].isin(table["id"][spoiled])
    labels.loc[rows, "label"] = random.choice(["low", "mid", "high"], size=rows.sum())
    labels.loc[rows, "expression"] = random.uniform(0, 9, size=rows.sum())
    labels.to_csv(chain.labels, sep="\t", index=False)
    return chain


@pytest.fixture(autouse=True)
def _states_stay(monkeypatch) -> None:
    """Keep the checkpoints, which finished folds delete, because they show most of what was learned."""
    monkeypatch.setattr(one_fold, "remove_state", lambda folder: None)


@pytest.fixture
def tpm(genes) -> pd.DataFrame:
    """Return two samples; GC-rich genes are more expressed, and every gene differs slightly."""
    random = np.random.default_rng(2)
    level = np.where(np.arange(len(genes)) % 2 == 1, 2.0, 0.5)[:, None] + random.normal(0, 0.2, (len(genes), 2))
    return pd.DataFrame(10**level, index=genes.table["id"], columns=["a", "b"])


@pytest.fixture
def splits(genes, tmp_path) -> Path:
    """Write splits with one chromosome held out and tuning genes chosen by position."""
    split(genes, output=tmp_path / "splits.tsv", folds=FOLD, tune=0.3)
    return tmp_path / "splits.tsv"


@pytest.fixture
def is_test(genes) -> np.ndarray:
    return (genes.table["chrom"] == FOLD).to_numpy()


def learned(run: Path) -> dict[str, object]:
    """Return everything that a run of one fold has learned: per model weights and the content of its files.

    Left out are the checksums of inputs, which must differ, and the predictions for the garbage genes.
    """
    found: dict[str, object] = {}
    for file in sorted(run.glob("folds/*/*/model.safetensors")):
        arrays, described = load_arrays(file)
        inputs = described.pop("inputs")
        assert {name: fact and fact["name"] for name, fact in inputs.items()}["genes"] == "genes.parquet"
        done = json.loads(file.with_name("done.json").read_text())
        log = [json.loads(line) for line in file.with_name("log.jsonl").open()] if "epochs" in done else []
        found[file.parent.name] = {
            "weights": {name: (array.dtype.str, array.shape, array.tobytes()) for name, array in arrays.items()},
            "description": described,
            "facts": {name: value for name, value in done.items() if name != "files"},
            "losses": [(line["loss"], line["tune_loss"], line["learning_rate"]) for line in log],
            "state": file.with_name("state.safetensors").read_bytes() if "epochs" in done else b"",
            "held out": file.with_name("held_out.txt").read_text(),
        }
    return found


def run(chain: Chain, output: Path, **options: object) -> dict[str, object]:
    chosen = {"condition": "warm", "holdout": FOLD, "threads": 1, **options}
    train(chain.genes, labels=chain.labels, splits=chain.splits, output=output, **chosen)
    return learned(output)


@pytest.mark.parametrize("name", TRAININGS)
def test_garbage_in_the_test_fold_does_not_change_the_model(name, genes, tpm, splits, is_test, tmp_path):
    nothing = np.zeros_like(is_test)
    clean = run(make_chain(tmp_path / "clean", genes, tpm, nothing, splits), tmp_path / "a", **TRAININGS[name])
    garbage = run(make_chain(tmp_path / "garbage", genes, tpm, is_test, splits), tmp_path / "b", **TRAININGS[name])
    # Compare parts separately, so that a failure names the part that leaks.
    assert clean.keys() == garbage.keys()
    for model in clean:
        for part in clean[model]:
            assert clean[model][part] == garbage[model][part], (model, part)
    tables = [read_predictions(tmp_path / f"{run}/folds/{FOLD}/seed-0/predictions.tsv") for run in "ab"]
    assert tables[0]["id"].tolist() == tables[1]["id"].tolist()
    assert not np.allclose(tables[0]["logit"], tables[1]["logit"])
    check_that_much_is_learned(name, clean)


def check_that_much_is_learned(name: str, found: dict[str, object]) -> None:
    """Check that the compared parts are not empty."""
    assert tuple(sorted(found)) == COMPARED.get(name, ("seed-0",))
    learned = found["seed-0"]
    if name == "gc":
        assert np.frombuffer(learned["weights"]["regularisation"][2])[0] > 0
        assert learned["description"]["calibrations"][0]["kind"] == "platt"
    if name == "kan-mixer":
        assert {"token.0.spline_weight", "head.bias"} <= set(learned["weights"])
        assert set(learned["description"]["thresholds"]) == {"q1", "q3"}
        assert set(learned["description"]["calibrations"][0]) == {"kind", "threshold", "slope", "intercept"}
        # Early stopping has stopped and restored the best epoch.
        assert learned["facts"]["kept_epoch"] + 2 == learned["facts"]["epochs"] < NETWORK["epochs"]
        assert learned["facts"]["tuning_genes"] >= 4
        assert "regularisation" in found["kmer-logistic"]["weights"]
        assert found["kmer-logistic"]["description"]["calibrations"]
    if name == "mlp":
        assert len(set(learned["description"]["calibrations"][0]["probabilities"])) > 1
    if name == "kan-words":
        assert learned["description"]["architecture"] == "kan-words"
        assert learned["description"]["calibrations"][0]["kind"] == "platt"
    if name in ("kan-words", "mlp, mid ranked"):
        assert learned["description"]["mid"] == "rank"
        assert learned["facts"]["ranked_genes"] > learned["facts"]["training_genes"]
    if name == "mlp, regression":
        assert {"mean", "scale"} <= set(learned["description"]["task"])


@pytest.mark.parametrize("role", ["train", "tune"])
def test_garbage_in_one_training_or_tuning_gene_changes_the_model(role, genes, tpm, splits, is_test, tmp_path):
    roles = pd.read_csv(splits, sep="\t", dtype=str, keep_default_na=False)
    chosen = roles[(roles["fold"] == FOLD) & (roles["role"] == role)]["id"].iloc[0]
    clean = make_chain(tmp_path / "clean", genes, tpm, np.zeros_like(is_test), splits)
    spoiled = make_chain(tmp_path / "spoiled", genes, tpm, (genes.table["id"] == chosen).to_numpy(), splits)
    for name, part in (("mlp", "losses"), ("kmer-logistic", "weights")):
        found = [run(chain, tmp_path / f"{name}{at}", **TRAININGS[name]) for at, chain in enumerate((clean, spoiled))]
        assert found[0]["seed-0"][part] != found[1]["seed-0"][part], name
