"""Files, predictions and weights of a run: what changes them, and failures that leave no folder or half a model."""

import json
import logging
import math

import numpy as np
import pandas as pd
import pytest
import torch

from kanseq.errors import EmptySplit, KanseqError, NotFinite, NotWritable, OneClass
from kanseq.models.network import LinearNetwork, SequenceNetwork
from kanseq.runs.description import read_run
from kanseq.runs.prediction_tables import read_held_out, read_predictions
from kanseq.runs.trained_model import load_arrays, read_model
from kanseq.sequences import row_codes
from kanseq.tasks.calibration import fit_calibration
from kanseq.tasks.task import Task
from kanseq.training.learners import step_learner
from kanseq.training.loop import fit_objective
from kanseq.training.objectives import batches
from kanseq.verbs.modelling.predict import predict
from kanseq.verbs.modelling.train import train
from kanseq.verbs.preparing.combine import combine
from tests.verbs.modelling.trained_runs import KEPT, SMALL, contents, run


def test_a_run_has_the_documented_files(inputs, tmp_path):
    result = run(inputs, tmp_path / "run")
    names = {str(file.relative_to(tmp_path / "run")) for file in (tmp_path / "run").rglob("*") if file.is_file()}
    of_fold = (*KEPT, "log.jsonl")
    assert names == {"run.json", "lock", *(f"folds/{fold}/seed-0/{name}" for fold in "123" for name in of_fold)}
    assert (result.trained, result.skipped, result.folds) == (3, 0, ["1", "2", "3"])
    assert result.genes == {"1": 29, "2": 30, "3": 29}
    described = (tmp_path / "run/run.json").read_text()
    assert str(tmp_path) not in described
    assert json.loads(described)["inputs"]["genes"]["name"] == "genes.parquet"


def test_predictions_are_of_held_out_genes_by_the_saved_model(inputs, genes, tmp_path):
    run(inputs, tmp_path / "run", holdout="2")
    folder = tmp_path / "run/folds/2/seed-0"
    table = read_predictions(folder / "predictions.tsv")
    assert table["id"].tolist() == [f"gene{row}" for row in range(16, 32)]
    assert read_held_out(folder / "held_out.txt") == {(".", name) for name in table["id"]}
    assert table["target"].isna().tolist() == [row in (17, 29) for row in range(16, 32)]
    model = read_model(folder / "model.safetensors")
    logits = model.logits(genes.codes(np.arange(16, 32)))
    assert table["logit"].to_numpy() == pytest.approx(logits, rel=1e-8)
    assert table["probability"].to_numpy() == pytest.approx(1 / (1 + np.exp(-logits)), rel=1e-8)
    assert model.metadata["contigs"] == genes.contigs
    assert model.metadata["thresholds"] == {"q1": 0.5, "q3": 2.0}
    assert (model.metadata["fold"], model.metadata["seed"], model.metadata["training_genes"]) == ("2", 0, 30)


@pytest.mark.parametrize("model", ["deepcre", "kmer-logistic", "kan-words"])
def test_the_same_inputs_give_the_same_bytes_and_another_seed_other_weights(inputs, tmp_path, model):
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        run(inputs, tmp_path / name, model=model, holdout="1", seed=seed)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    if model == "deepcre":
        weights = [
            load_arrays(tmp_path / f"{name}/folds/1/seed-{seed}/model.safetensors")[0] for name, seed in ("a0", "c1")
        ]
        assert any((weights[0][key] != weights[1][key]).any() for key in weights[0])


@pytest.mark.parametrize("model", ["mlp", "kan-words"])
def test_labels_and_sequences_of_the_test_fold_do_not_change_weights(inputs, genes, labels, splits, tmp_path, model):
    options = {"splits": splits, "holdout": "1", "model": model, "epochs": 1, "baseline": False, "threads": 1}
    train(genes, labels=labels, output=tmp_path / "a", **options)
    table = genes.table.copy()
    table.loc[:15, "sequence"] = "A" * 136
    swapped = labels.copy()
    swapped.loc[:15, "label"] = labels.loc[:15, "label"].map({"low": "high", "high": "low", "mid": "low"})
    swapped.loc[:15, "expression"] = 3.0 - labels.loc[:15, "expression"]
    genes.table = table
    train(genes, labels=swapped, output=tmp_path / "b", **options)
    weights = [load_arrays(tmp_path / name / "folds/1/seed-0/model.safetensors")[0] for name in "ab"]
    assert all((weights[0][key] == weights[1][key]).all() for key in weights[0])


def test_the_output_folder_is_checked_before_anything_is_written(inputs, tmp_path):
    with pytest.raises(NotWritable, match="does not exist"):
        run(inputs, tmp_path / "no/run")
    with pytest.raises(NotWritable, match="something other than a run"):
        run(inputs, tmp_path)
    with pytest.raises(NotWritable, match="this is a file"):
        run(inputs, inputs.genes)


def test_a_fold_that_cannot_be_trained_leaves_no_folder(inputs, tmp_path):
    table = pd.read_csv(inputs.labels, sep="\t")
    table.assign(label="high").to_csv(inputs.labels, sep="\t", index=False)
    with pytest.raises(OneClass, match="fold '1': all 32 training genes are labelled high"):
        run(inputs, tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"options": {"outputs": 3}}, "3 outputs"),
        ({"options": {"hidden": 10**15}}, "the model 'mlp' cannot be built"),
        ({"seed": 2**32}, "seed is 4294967296"),
        ({"checkpoint_minutes": math.nan}, "checkpoint_minutes is nan"),
    ],
)
def test_invalid_options_leave_no_folder(inputs, tmp_path, options, message):
    with pytest.raises(KanseqError, match=message):
        run(inputs, tmp_path / "run", **options)
    assert not (tmp_path / "run").exists()


def test_nan_leaves_a_model_with_finite_weights_and_an_unfinished_fold(inputs, tmp_path, monkeypatch):
    monkeypatch.setattr(Task, "loss", lambda *given: given[1].sum() * math.nan)
    with pytest.raises(NotFinite, match=r"model.safetensors: loss or gradient became NaN.*--learning-rate"):
        run(inputs, tmp_path / "run", holdout="1")
    folder = tmp_path / "run/folds/1/seed-0"
    assert not (folder / "done.json").exists()
    assert all(np.isfinite(array).all() for array in load_arrays(folder / "model.safetensors")[0].values())


def test_the_parameters_of_trees_are_counted_after_fitting(inputs, tmp_path):
    trained = train(
        inputs.genes, labels=inputs.labels, splits=inputs.splits, output=tmp_path / "run", model="boosting",
        options={"iterations": 3, "leaves": 2}, holdout="1", threads=1,
    )  # fmt: skip
    assert trained.parameters == 6


@pytest.mark.parametrize("options", [{"hidden": "8"}, {}], ids=["kan", "mlp"])
def test_networks_of_either_kind_of_layer_record_their_precision(inputs, tmp_path, options):
    model = "kan" if options else "mlp"
    trained = run(inputs, tmp_path / "run", holdout="1", model=model, precision="bfloat16", options=options, epochs=1)
    assert trained.precision == "bfloat16"
    loaded = read_model(tmp_path / "run/folds/1/seed-0/model.safetensors")
    assert loaded.metadata["precision"] == "bfloat16"
    assert {each.precision for each in loaded.network.modules() if hasattr(each, "precision")} == {"bfloat16"}


def test_models_without_bfloat16_are_recorded_as_float32(inputs, tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(LinearNetwork, "forward", SequenceNetwork.forward)
    monkeypatch.delattr(LinearNetwork, "precision")
    assert run(inputs, tmp_path / "a", holdout="1", precision="bfloat16").precision == "float32"
    assert "trained in float32" in caplog.text


def test_layers_multiply_in_the_requested_precision(inputs, tmp_path, monkeypatch):
    used = []

    def spy(objective, *rest, **more):
        used.append({layer.precision for layer in objective.network.modules() if hasattr(layer, "precision")})
        return fit_objective(objective, *rest, **more)

    monkeypatch.setattr(step_learner, "fit_objective", spy)
    for precision in ("bfloat16", "float32"):
        options = {"model": "kan", "options": {"hidden": 2}, "precision": precision, "epochs": 1}
        run(inputs, tmp_path / precision, holdout="1", **options)
    assert used == [{"bfloat16"}, {"float32"}]


@pytest.mark.parametrize("model", ["gc", "mlp"])
def test_balance_changes_the_fit(inputs, tmp_path, model):
    for balance in ("none", "weights"):
        run(inputs, tmp_path / balance, holdout="1", model=model, balance=balance)
    weights = [load_arrays(tmp_path / name / "folds/1/seed-0/model.safetensors")[0] for name in ("none", "weights")]
    assert any((weights[0][name] != weights[1][name]).any() for name in weights[0])


def test_training_does_not_change_the_callers_random_state(inputs, tmp_path):
    torch.manual_seed(5)
    state = torch.get_rng_state()
    run(inputs, tmp_path / "run", holdout="1")
    assert torch.equal(torch.get_rng_state(), state)


def test_early_stopping_uses_the_tuning_genes(genes, labels, tuned_splits, tmp_path):
    # Tuning genes have opposite labels, so a lower training loss means a higher tuning loss.
    labels.loc[16:23, "label"] = labels.loc[16:23, "label"].map({"low": "high", "high": "low", "mid": "mid"})
    result = train(
        genes, labels=labels, splits=tuned_splits, output=tmp_path / "run", model="mlp", holdout="1", tune=True,
        epochs=30, batch_size=8, learning_rate=0.01, patience=2, baseline=True,
    )  # fmt: skip
    done = json.loads((tmp_path / "run/folds/1/seed-0/done.json").read_text())
    assert done["tuning_genes"] == 7
    assert done["kept_epoch"] + 2 == done["epochs"] < 30
    assert result.genes == {"1": 22}
    baseline = json.loads((tmp_path / "run/folds/1/kmer-logistic/done.json").read_text())
    assert baseline["training_genes"] == 29


def test_progress_is_logged_line_by_line_without_a_terminal(inputs, tmp_path, caplog):
    with caplog.at_level(logging.INFO, "kanseq"):
        run(inputs, tmp_path / "run", holdout="1")
    lines = [line for line in caplog.messages if "epoch" in line]
    assert len(lines) == 2
    assert lines[0].startswith("mlp, fold 1 (1 of 1): epoch 1 of 2, loss ")


def test_a_network_is_calibrated_on_tuning_genes_that_do_not_train(genes, labels, tuned_splits, tmp_path):
    options = {"labels": labels, "splits": tuned_splits, "model": "mlp", **SMALL, "calibrate": "platt"}
    result = train(genes, output=tmp_path / "run", **options)
    assert result.genes == {"1": 22}
    model = read_model(tmp_path / "run/folds/1/seed-0/model.safetensors")
    rows = np.array([16, 18, 19, 20, 21, 22, 23])
    assert model.calibrations == (fit_calibration("platt", model.logits(genes.codes(rows)), rows % 2),)
    table = read_predictions(tmp_path / "run/folds/1/seed-0/predictions.tsv")
    calibration = model.calibrations[0]
    assert table["probability"].to_numpy() == pytest.approx(calibration.probability(table["logit"]), rel=1e-8)
    assert table["called"].tolist() == (calibration.probability(table["logit"]) >= calibration.threshold).tolist()
    baseline = read_model(tmp_path / "run/folds/1/kmer-logistic/model.safetensors")
    assert baseline.calibrations
    with pytest.raises(EmptySplit, match=r"no tuning gene.*--calibrate"):
        train(genes, output=tmp_path / "b", **{**options, "splits": tuned_splits.replace({"role": {"tune": "train"}})})


def test_columns_that_are_not_visible_change_no_score(inputs, genes, tmp_path):
    run(inputs, tmp_path / "run", model="gc", visible="flanks", holdout="1")
    model = read_model(tmp_path / "run/folds/1/seed-0/model.safetensors")
    assert model.geometry.visible == "flanks"
    codes = genes.codes(np.arange(16))
    hidden = codes.copy()
    # 40 columns upstream, 24 downstream, 8 of padding, and the same in reverse order.
    hidden[:, 40:64] = hidden[:, 72:96] = 0
    assert model.logits(hidden).tolist() == model.logits(codes).tolist()
    assert predict(tmp_path / "run", genes, held_out_only=True).table["logit"].tolist() == model.logits(codes).tolist()


def test_several_sets_train_as_one_file_does(inputs, genes, tmp_path):
    files = [tmp_path / f"{number}.parquet" for number in range(2)]
    for number, file in enumerate(files):
        genes.select(np.arange(number, len(genes), 2)).write(file)
    combine(files, output=tmp_path / "both.parquet")
    run(inputs._replace(genes=tmp_path / "both.parquet"), tmp_path / "one")
    run(inputs._replace(genes=files), tmp_path / "two")
    tables = [table.relative_to(tmp_path / "one") for table in (tmp_path / "one").glob("folds/*/*/predictions.tsv")]
    assert len(tables) == 3
    assert all((tmp_path / "two" / name).read_bytes() == (tmp_path / "one" / name).read_bytes() for name in tables)
    assert list(json.loads((tmp_path / "two/run.json").read_text())["inputs"])[:2] == ["genes", "genes 2"]


def test_training_from_disk_equals_training_from_memory(inputs, genes, tmp_path, monkeypatch):
    for name, value in (("BLOCK", 4), ("BLOCKS", 2), ("HELD", 8)):
        monkeypatch.setattr(row_codes, name, value)
        monkeypatch.setattr(batches, name, value)
    for model in ("mlp", "kmer-sgd", "gc", "kmer-logistic", "boosting"):
        run(inputs, tmp_path / f"disk-{model}", model=model, holdout="1", epochs=3)
        run(inputs._replace(genes=genes), tmp_path / f"memory-{model}", model=model, holdout="1", epochs=3)
        tables = [tmp_path / f"{where}-{model}/folds/1/seed-0/predictions.tsv" for where in ("disk", "memory")]
        assert tables[0].read_bytes() == tables[1].read_bytes()


def test_kan_words_trains_by_its_recipe_and_on_mid_genes(inputs, tmp_path):
    result = run(inputs, tmp_path / "run", model="kan-words", epochs=None, batch_size=None, baseline=True, holdout="1")
    described = read_run(tmp_path / "run").settings
    assert (described["epochs"], described["decay"], described["mid"]) == (30, "prior", "rank")
    done = json.loads((tmp_path / "run/folds/1/seed-0/done.json").read_text())
    assert (done["training_genes"], done["ranked_genes"]) == (29, 32)
    assert "ranked_genes" not in (tmp_path / "run/folds/1/kmer-logistic/done.json").read_text()
    assert result.baseline_auroc is not None
    run(inputs, tmp_path / "apart", model="kan-words", epochs=None, batch_size=None, mid="none", holdout="1")
    assert "mid" not in read_run(tmp_path / "apart").settings
    assert contents(tmp_path / "apart") != contents(tmp_path / "run")
