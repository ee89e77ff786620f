import numpy as np
import pytest

from kanseq.errors import BadTable
from kanseq.training.tables import (
    predictions_table,
    read_held_out,
    read_predictions,
    write_held_out,
    write_predictions,
)
from kanseq.training.tasks import Task


def table(genes):
    logits = np.array([0.123456789, -3e-7], dtype=np.float64)
    return predictions_table(
        genes, np.array([3, 5]), logits, Task(), condition="*", fold="1", role="test", targets=np.array([1, -1])
    )


def test_predictions_are_written_with_nine_digits_and_empty_targets(genes, tmp_path):
    write_predictions(tmp_path / "p.tsv", table(genes))
    lines = (tmp_path / "p.tsv").read_text().splitlines()
    assert lines == [
        "species\tid\tcondition\tchrom\tfold\trole\tlogit\tprobability\ttarget",
        ".\tgene03\t*\t1\t1\ttest\t0.123456789\t0.530825055\t1",
        ".\tgene05\t*\t1\t1\ttest\t-3e-07\t0.499999925\t",
    ]
    again = read_predictions(tmp_path / "p.tsv")
    assert again["logit"].tolist() == [0.123456789, -3e-07]
    assert again["target"].isna().tolist() == [False, True]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("logit", "x"), "no column|column 'logit'"),
        (("0.123456789", "nan"), "p.tsv:2: logit"),
        (("\t1\n", "\t2\n"), "p.tsv:2: target '2'"),
    ],
)
def test_damaged_tables_are_named_by_line(genes, tmp_path, change, said):
    write_predictions(tmp_path / "p.tsv", table(genes))
    (tmp_path / "p.tsv").write_text((tmp_path / "p.tsv").read_text().replace(*change))
    with pytest.raises(BadTable, match=said):
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
