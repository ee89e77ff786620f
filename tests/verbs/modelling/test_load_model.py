"""Trained models can be used on strings and arrays, without files."""

import logging
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import kanseq
from kanseq.errors import BadOption, BadTable, ModelMismatch
from kanseq.sequences.sequence_set import SequenceSet

COLUMNS = 24
SMALL = {"hidden": 4}


def strings(count: int, seed: int) -> list[str]:
    random = np.random.default_rng(seed)
    return ["".join(random.choice(list("ACGT"), COLUMNS)) for _ in range(count)]


@pytest.fixture(scope="module")
def genes() -> SequenceSet:
    sequences = strings(60, 0)
    return SequenceSet.from_strings(sequences, labels=["high" if one.count("G") > 5 else "low" for one in sequences])


@pytest.fixture(scope="module")
def splits(genes: SequenceSet) -> pd.DataFrame:
    folds = np.arange(len(genes)) % 2
    table = genes.table[["species", "id"]]
    parts = [table.assign(fold=str(fold), role=np.where(folds == fold, "test", "train"), reason="") for fold in (0, 1)]
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def run(genes: SequenceSet, splits: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("model") / "run"
    how = {"model": "mlp", "options": SMALL, "epochs": 2, "seeds": 2, "baseline": False, "precision": "float32"}
    kanseq.train(genes, splits=splits, output=output, **how)
    return output


def test_a_run_is_the_mean_of_its_folds_and_seeds(run: Path) -> None:
    model, new = kanseq.load_model(run), strings(5, 1)
    each = [kanseq.load_model(run, fold=fold, seed=seed).logits(new) for fold in ("0", "1") for seed in (0, 1)]
    assert repr(model) == "Model mlp, binary, 24 columns, mean of 4 models"
    np.testing.assert_allclose(model.logits(new), np.mean(each, axis=0), rtol=1e-12)
    np.testing.assert_allclose(model.probabilities(new), 1 / (1 + np.exp(-model.logits(new))), rtol=1e-12)
    assert model.predict(new).tolist() == ["high" if one > 0 else "low" for one in model.logits(new)]


def test_strings_codes_and_sets_yield_the_same_logits(run: Path) -> None:
    model = kanseq.load_model(run)
    new = ["acgtnrACGT", "T" * COLUMNS]
    codes = np.full((2, COLUMNS), 4, dtype=np.uint8)
    codes[0, :10], codes[1] = [0, 1, 2, 3, 4, 4, 0, 1, 2, 3], 3
    whole = SequenceSet.from_strings(new, geometry=model.geometry)
    assert model.logits(new).tolist() == model.logits(codes).tolist() == model.logits(whole).tolist()
    assert model.logits(codes[:1, :10]).tolist() == model.logits(new[:1]).tolist()
    assert model.logits(np.asfortranarray(codes)).tolist() == model.logits(codes).tolist()
    assert model.logits(np.array(new, dtype="S")).tolist() == model.logits(new).tolist()


def test_the_module_is_the_network_of_one_model(run: Path) -> None:
    model = kanseq.load_model(run / "folds/0/seed-1/model.safetensors")
    outputs = model.module(torch.full((1, COLUMNS), 2, dtype=torch.uint8)).detach().numpy()
    np.testing.assert_allclose(outputs[:, 1] - outputs[:, 0], model.logits(["G" * COLUMNS]), rtol=1e-5)
    with pytest.raises(BadOption, match=r"there are 4 models.*fold= and seed="):
        _ = kanseq.load_model(run).module


def test_a_warning_counts_sequences_that_a_model_was_trained_on(
    run: Path, genes: SequenceSet, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger="kanseq"):
        kanseq.load_model(run).logits(strings(3, 2))
        kanseq.load_model(run, fold="0").logits(genes.select(np.arange(0, 60, 2)))
        assert caplog.messages == []
        kanseq.load_model(run, fold="0").logits(genes.select(np.arange(4)))
        kanseq.load_model(run).logits(genes.letters()[:3] + strings(1, 3))
    assert [message.split(" are ")[0] for message in caplog.messages] == ["2 of 4 sequences", "3 of 4 sequences"]


def test_the_position_of_a_string_does_not_identify_a_held_out_gene(
    run: Path, genes: SequenceSet, caplog: pytest.LogCaptureFixture
) -> None:
    # The third and the first gene are named 3 and 1; both are held out in fold 0.
    known = genes.letters()
    kanseq.load_model(run, fold="0").logits([known[1], known[3], known[5]])
    kanseq.load_model(run, fold="0").logits(np.array([known[1]]))
    assert [message.split(" are ")[0] for message in caplog.messages] == ["3 of 3 sequences", "1 of 1 sequences"]


def test_attributions_add_up_to_the_difference_of_logits(run: Path) -> None:
    model, new = kanseq.load_model(run), strings(3, 4)
    found = model.attributions(new, reference="n")
    assert (found.shape, found.dtype) == ((3, COLUMNS), np.dtype(np.float32))
    nothing = model.logits(np.full((1, COLUMNS), 4, dtype=np.uint8))
    np.testing.assert_allclose(found.sum(axis=1), model.logits(new) - nothing, atol=1e-5)
    assert np.array_equal(model.attributions(new, reference="n"), found)
    assert model.attributions(new, method="ism").shape == (3, COLUMNS)


def test_sequences_that_do_not_match_the_model_are_refused(run: Path) -> None:
    model = kanseq.load_model(run)
    with pytest.raises(BadTable, match="sequence '1' has 25 letters; 24 are required"):
        model.logits(["A" * 25])
    with pytest.raises(ModelMismatch, match=r"reads 24 columns, but the codes have the shape \(2, 25\)"):
        model.logits(np.zeros((2, 25), dtype=np.uint8))
    for one in ("ACGT", b"ACGT"):
        with pytest.raises(BadOption, match=r"use \[sequence\]"):
            model.logits(one)
    with pytest.raises(BadTable, match="sequence 1 is not text"):
        model.logits(np.array([["A", "C"], ["G", "T"]]))
    for method in (model.logits, model.attributions):
        with pytest.raises(BadOption, match="batch_size is 0; it must be at least 1"):
            method(["ACGT"], batch_size=0)
    with pytest.raises(BadOption, match=r"there is no seed 7.*0, 1"):
        kanseq.load_model(run, seed=7)
    with pytest.raises(BadOption, match="no finished fold '9'"):
        kanseq.load_model(run, fold="9")
