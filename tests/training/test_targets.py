import numpy as np
import pandas as pd
import pytest

from kanseq.errors import BadOption, BadTable
from kanseq.training.targets import find_targets, resolve_condition


@pytest.fixture
def two(labels):
    """The labels in leaf, and in root those of the first 24 genes, turned round, at other thresholds."""
    root = labels[:24].assign(condition="root", q1=0.25, q3=1.5, expression=labels["expression"][:24] + 1)
    root["label"] = root["label"].map({"low": "high", "high": "low", "mid": "mid"})
    return pd.concat([labels.assign(condition="leaf"), root], ignore_index=True)


def test_classes_of_one_condition_are_a_vector_and_those_of_several_a_matrix(genes, two):
    leaf = find_targets(genes, two, "1", "leaf", "binary")
    assert leaf.values[:6].tolist() == [0, 1, 0, 1, 0, -1]
    assert leaf.thresholds == {"q1": 0.5, "q3": 2.0}
    both = find_targets(genes, two, "1", ("root", "leaf"), "binary")
    assert both.values[:6].tolist() == [[1, 0], [0, 1], [1, 0], [0, 1], [1, 0], [-1, -1]]
    assert both.values[24:26].tolist() == [[-1, 0], [-1, 1]]
    assert both.thresholds == {"root:q1": 0.25, "root:q3": 1.5, "leaf:q1": 0.5, "leaf:q3": 2.0}


def test_expression_is_the_target_of_regression_for_genes_labelled_mid_too(genes, two):
    values = find_targets(genes, two, "1", ("leaf", "root"), "regression").values
    assert values[4:7].tolist() == [[0.5, 1.5], [1.0, 2.0], [0.5, 1.5]]
    assert np.isnan(values[24:, 1]).all()


def test_thresholds_of_several_species_are_told_apart(genes, labels):
    labels.loc[24:, "species"] = "yeast"
    labels.loc[24:, "q1"] = 0.75
    genes.table.loc[24:, "species"] = "yeast"
    found = find_targets(genes, labels, "1", "*", "binary")
    assert found.thresholds == {".:q1": 0.5, ".:q3": 2.0, "yeast:q1": 0.75, "yeast:q3": 2.0}
    assert (found.values >= 0).sum() == 44


def test_labels_by_fold_and_by_the_whole_table_stand_side_by_side_for_different_genes(genes, labels):
    labels.loc[:23, "fold"] = "1"
    assert (find_targets(genes, labels, "1", "*", "binary").values >= 0).sum() == 44
    assert (find_targets(genes, labels, "2", "*", "binary").values >= 0).sum() == 22


def test_conditions_are_named_or_all(two):
    assert resolve_condition(two, "all") == ("leaf", "root")
    assert resolve_condition(two, ["root"]) == "root"
    assert resolve_condition(two, ["root", "leaf", "root"]) == ("root", "leaf")
    assert resolve_condition(two[two["condition"] == "leaf"], "all") == "leaf"
    assert resolve_condition(None, "*") == "*"
    with pytest.raises(BadOption, match="no condition 'stem'; there are leaf, root"):
        resolve_condition(two, ["root", "stem"])
    with pytest.raises(BadOption, match="--labels"):
        resolve_condition(None, "leaf")


def test_regression_without_a_table_is_refused(genes):
    genes.table["label"] = ["low", "high"] * 24
    with pytest.raises(BadTable, match="regression needs expression"):
        find_targets(genes, None, "1", "*", "regression")
