"""Predictions that cannot be scored or compared: genes that are left out, warnings and errors."""

import numpy as np
import pandas as pd
import pytest

from kanseq.errors import BadOption, BadTable, MissingFile, OneClass, UnknownGene
from kanseq.verbs.modelling.evaluate import evaluate
from tests.verbs.modelling.predicted_tables import expression, predictions


def test_runs_that_hold_out_the_same_folds_are_not_joined(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        predictions(tmp_path / name / "kan.tsv")
    with pytest.raises(BadOption, match=r"two runs of kan have a fold '\.:1'; only runs that hold out different genes"):
        evaluate([tmp_path / name / "kan.tsv" for name in ("a", "b")], bootstrap=0, join=True)


def test_genes_without_target_and_seen_genes_are_not_scored(tmp_path, caplog):
    path, table = predictions(tmp_path / "one.tsv")
    table = table.astype({"target": float}).reset_index(drop=True)
    table.loc[0, "target"] = np.nan
    table.loc[1, "role"] = "unused"
    table.loc[2, "role"] = "seen"
    table.to_csv(path, sep="\t", index=False)
    assert [fold["n"] for fold in evaluate(path, bootstrap=0).models[0]["folds"]] == [37, 40]
    assert "trained on are not scored" in caplog.text


def test_models_on_different_genes_cause_a_warning(tmp_path, caplog):
    paths = [predictions(tmp_path / "a.tsv")[0], predictions(tmp_path / "b.tsv", genes=38)[0]]
    evaluate(paths, bootstrap=0)
    assert "a and b are scored on different genes" in caplog.text


def test_a_gene_that_occurs_twice_in_a_fold_is_rejected(tmp_path):
    path, table = predictions(tmp_path / "x.tsv")
    pd.concat([table, table]).to_csv(path, sep="\t", index=False)
    with pytest.raises(BadTable, match=r"fold '1' of x has \. 1-000 more than once; add a column 'seed'"):
        evaluate(path)


def test_constant_expression_is_rejected(tmp_path):
    path, table = expression(tmp_path / "x.tsv", 1.0)
    table.assign(target=1.5).to_csv(path, sep="\t", index=False)
    with pytest.raises(OneClass, match="fold '1' of x: all 40 scored genes are equal in expression"):
        evaluate(path)


def test_a_fold_of_one_class_is_an_error_and_can_be_left_out(tmp_path):
    path, table = predictions(tmp_path / "one.tsv", folds="123")
    table.loc[table["fold"] == "2", "target"] = 1
    table.to_csv(path, sep="\t", index=False)
    with pytest.raises(OneClass, match=r"fold '2' of one: all 40 scored genes are labelled high.*--fold"):
        evaluate(path, output=tmp_path / "metrics.json")
    assert not (tmp_path / "metrics.json").exists()
    assert len(evaluate(path, folds=["1", "3"], bootstrap=0).models[0]["folds"]) == 2


def test_missing_folds_targets_and_files_are_errors(tmp_path):
    path, table = predictions(tmp_path / "one.tsv")
    with pytest.raises(BadOption, match="no fold '7'"):
        evaluate(path, folds=["7"])
    table.assign(target="").to_csv(path, sep="\t", index=False)
    with pytest.raises(UnknownGene, match="no gene with a target"):
        evaluate(path)
    with pytest.raises(BadOption, match="would overwrite an input"):
        evaluate(path, table=path)
    with pytest.raises(MissingFile):
        evaluate(tmp_path / "none")
    with pytest.raises(BadOption):
        evaluate([])
