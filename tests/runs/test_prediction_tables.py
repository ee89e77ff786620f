import numpy as np
import pytest

from kanseq.errors import BadTable
from kanseq.runs.prediction_tables import (
    classes_of,
    predictions_table,
    read_held_out,
    read_predictions,
    write_held_out,
    write_predictions,
)
from kanseq.tasks.scores import scores_of
from kanseq.tasks.task import Task


def table(genes):
    logits = np.array([0.123456789, -3e-7], dtype=np.float64)
    return predictions_table(
        genes,
        np.array([3, 5]),
        scores_of(Task(), (), logits),
        condition="*",
        fold="1",
        role="test",
        targets=np.array([1, -1]),
    )


def test_predictions_are_written_with_nine_digits_and_empty_targets(genes, tmp_path):
    write_predictions(tmp_path / "p.tsv", table(genes))
    lines = (tmp_path / "p.tsv").read_text().splitlines()
    assert lines == [
        "species\tid\tcondition\tchrom\tfold\trole\tlogit\tprobability\ttarget\tcalled",
        ".\tgene03\t*\t1\t1\ttest\t0.123456789\t0.530825055\t1\t",
        ".\tgene05\t*\t1\t1\ttest\t-3e-07\t0.499999925\t\t",
    ]
    again = read_predictions(tmp_path / "p.tsv")
    assert again["logit"].tolist() == [0.123456789, -3e-07]
    assert again["target"].isna().tolist() == [False, True]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("logit", "x"), "no column|column 'logit'"),
        (("0.123456789", "nan"), "p.tsv:2: logit"),
        (("\t1\t\n", "\t2\t\n"), "p.tsv:2: target '2'"),
    ],
)
def test_errors_in_damaged_tables_name_the_line(genes, tmp_path, change, message):
    write_predictions(tmp_path / "p.tsv", table(genes))
    (tmp_path / "p.tsv").write_text((tmp_path / "p.tsv").read_text().replace(*change))
    with pytest.raises(BadTable, match=message):
        read_predictions(tmp_path / "p.tsv")


def test_held_out_genes_are_read_back(tmp_path):
    pairs = [("ath", "AT1"), (".", "name with blank")]
    write_held_out(tmp_path / "held_out.txt", pairs)
    assert (tmp_path / "held_out.txt").read_text() == "ath\tAT1\n.\tname with blank\n"
    assert read_held_out(tmp_path / "held_out.txt") == set(pairs)
    assert read_held_out(tmp_path / "none.txt") == set()
    (tmp_path / "held_out.txt").write_text("AT1\n")
    with pytest.raises(BadTable, match=r"held_out\.txt:1"):
        read_held_out(tmp_path / "held_out.txt")


def test_several_conditions_have_one_row_each_gene_by_gene(genes, tmp_path):
    logits = np.array([[0.0, 1.0], [-1.0, 2.0]])
    scores = scores_of(Task("binary", 2, ("leaf", "root")), (), logits)
    made = predictions_table(
        genes, np.array([3, 5]), scores, condition=("leaf", "root"), fold=["1", "mean"], role=np.array(["test", "new"]),
        targets=np.array([[1, -1], [0, 1]]),
    )  # fmt: skip
    write_predictions(tmp_path / "p.tsv", made)
    again = read_predictions(tmp_path / "p.tsv")
    assert again[["id", "condition", "fold", "role"]].to_numpy().tolist() == [
        ["gene03", "leaf", "1", "test"],
        ["gene03", "root", "1", "test"],
        ["gene05", "leaf", "mean", "new"],
        ["gene05", "root", "mean", "new"],
    ]
    assert again["logit"].tolist() == [0.0, 1.0, -1.0, 2.0]
    assert again["target"].fillna(-1).tolist() == [1, -1, 0, 1]


def test_regression_has_neither_probabilities_nor_called_classes(genes, tmp_path):
    scores = scores_of(Task("regression", 1, mean=(0.0,), scale=(1.0,)), (), np.array([1.5, 0.25]))
    made = predictions_table(
        genes, np.array([3, 5]), scores, condition="*", fold="1", role="test", targets=np.array([2.25, np.nan])
    )
    write_predictions(tmp_path / "p.tsv", made)
    assert (tmp_path / "p.tsv").read_text().splitlines()[1:] == [
        ".\tgene03\t*\t1\t1\ttest\t1.5\t\t2.25\t",
        ".\tgene05\t*\t1\t1\ttest\t0.25\t\t\t",
    ]
    again = read_predictions(tmp_path / "p.tsv")
    assert again["probability"].isna().all()
    assert again["target"].fillna(-1).tolist() == [2.25, -1]


def test_called_classes_are_read_back_and_older_tables_without_them_are_read(genes, tmp_path):
    made = table(genes).assign(called=[1.0, 0.0])
    write_predictions(tmp_path / "p.tsv", made)
    assert read_predictions(tmp_path / "p.tsv")["called"].tolist() == [1.0, 0.0]
    made.drop(columns="called").to_csv(tmp_path / "old.tsv", sep="\t", index=False)
    assert read_predictions(tmp_path / "old.tsv")["called"].isna().all()
    made.assign(called=[2.0, 0.0]).to_csv(tmp_path / "bad.tsv", sep="\t", index=False)
    with pytest.raises(BadTable, match=r"bad\.tsv:2: called '2.0'"):
        read_predictions(tmp_path / "bad.tsv")


def test_one_missing_probability_is_an_error_and_not_a_regression(genes, tmp_path):
    made = table(genes)
    made.loc[1, "probability"] = np.nan
    write_predictions(tmp_path / "p.tsv", made)
    with pytest.raises(BadTable, match=r"p\.tsv:3: probability '' is not allowed"):
        read_predictions(tmp_path / "p.tsv")


NAMES = ("exon", "intron", "none: both")


def of_classes(genes, tmp_path):
    """Write a table of two sequences with the logits of three classes."""
    logits = np.array([[0.0, 2.0, -1.0], [3.0, 0.125, 0.25]])
    scores = scores_of(Task("multiclass", 3, classes=NAMES), (), logits)
    made = predictions_table(
        genes, np.array([3, 5]), scores, condition="*", fold="1", role="test", targets=np.array([2, -1]), classes=NAMES
    )
    write_predictions(tmp_path / "p.tsv", made)
    return tmp_path / "p.tsv"


def test_logits_of_several_classes_are_the_last_columns(genes, tmp_path):
    lines = of_classes(genes, tmp_path).read_text().splitlines()
    assert lines[0].split("\t")[6:] == [
        *("logit", "probability", "target", "called", "logit:exon", "logit:intron", "logit:none: both")
    ]
    # e^2 / (1 + e^2 + e^-1), and its log-odds.
    assert lines[1].split("\t")[6:] == ["1.68673831", "0.843794734", "2", "1", "0", "2", "-1"]
    assert lines[2].split("\t")[8:] == ["", "0", "3", "0.125", "0.25"]
    again = read_predictions(tmp_path / "p.tsv")
    assert classes_of(again) == NAMES
    assert again["target"].fillna(-1).tolist() == [2, -1]
    assert again["called"].tolist() == [1, 0]
    assert again["logit:none: both"].tolist() == [-1.0, 0.25]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("\t0.125\t", "\tx\t"), "p.tsv:3: logit:intron 'x'"),
        (("\t0.125\t", "\t\t"), "p.tsv:3: logit:intron ''"),
        (("\t0.125\t", "\tinf\t"), "p.tsv:3: logit:intron 'inf'"),
        (("\t2\t1\t0", "\t3\t1\t0"), "p.tsv:2: target '3'"),
        (("\t2\t1\t0", "\t1.5\t1\t0"), "p.tsv:2: target '1.5'"),
        (("\t2\t1\t0", "\t2\t-1\t0"), "p.tsv:2: called '-1'"),
        (("\t2\t1\t0", "\t2\t\t0"), "p.tsv:2: called ''"),
        (("0.843794734", ""), "p.tsv:2: probability ''"),
        (("logit:none: both", "both"), "p.tsv: it has logits of exon, intron only; two classes have one"),
    ],
)
def test_errors_in_damaged_tables_of_several_classes_name_the_line(genes, tmp_path, change, message):
    path = of_classes(genes, tmp_path)
    assert path.read_text().count(change[0]) == 1
    path.write_text(path.read_text().replace(*change))
    with pytest.raises(BadTable, match=message):
        read_predictions(path)
