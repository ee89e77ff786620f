import pandas as pd
import pytest

from kanseq.errors import BadOption, BadTable
from kanseq.labels.label_tables import join_labels


def table(ids, label="low", species="ath", condition="*", fold="1"):
    facts = {"species": species, "id": ids, "condition": condition, "fold": fold}
    return pd.DataFrame({**facts, "expression": 1.0, "label": label, "q1": 0.5, "q3": 2.0})


def test_tables_of_several_species_and_conditions_are_concatenated(tmp_path):
    parts = [table(["a", "b"]), table(["a", "b"], species="osa"), table(["a"], condition="cold", fold="*")]
    paths = []
    for number, part in enumerate(parts):
        paths.append(tmp_path / f"{number}.tsv")
        part.to_csv(paths[-1], sep="\t", index=False)
    together = join_labels(paths)
    assert together[["species", "id", "condition"]].to_numpy().tolist() == [
        ["ath", "a", "*"],
        ["ath", "b", "*"],
        ["osa", "a", "*"],
        ["osa", "b", "*"],
        ["ath", "a", "cold"],
    ]


def test_repeated_rows_are_not_a_conflict():
    assert len(join_labels([table(["a", "b"]), table(["b", "c"])])) == 3


def test_different_labels_of_a_gene_are_a_conflict(tmp_path):
    table(["a", "b"]).to_csv(tmp_path / "one.tsv", sep="\t", index=False)
    table(["b", "c"], "high").to_csv(tmp_path / "two.tsv", sep="\t", index=False)
    with pytest.raises(BadTable, match=r"one\.tsv and \S*two\.tsv disagree for 1 genes: b; label every"):
        join_labels([tmp_path / "one.tsv", tmp_path / "two.tsv"])


def test_quartiles_of_a_fold_and_of_the_table_are_a_conflict_for_the_same_gene():
    with pytest.raises(
        BadTable, match=r"mix quartiles per fold with quartiles of the complete table for 1 genes.*cold: b"
    ):
        join_labels([table(["a", "b"], condition="cold"), table(["b"], condition="cold", fold="*")])


def test_one_table_is_returned_unchanged_and_no_table_is_an_error():
    one = table(["a"])
    pd.testing.assert_frame_equal(join_labels(one), one)
    with pytest.raises(BadOption, match="no labels"):
        join_labels([])
