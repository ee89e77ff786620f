import numpy as np
import pandas as pd
import pytest

from kanseq.errors import BadOption, BadTable
from kanseq.tasks.targets import find_targets, own_classes, resolve_condition, resolve_task


@pytest.fixture
def two(labels):
    """Labels in leaf, and in root the reversed labels of the first 24 genes, with other thresholds."""
    root = labels[:24].assign(condition="root", q1=0.25, q3=1.5, expression=labels["expression"][:24] + 1)
    root["label"] = root["label"].map({"low": "high", "high": "low", "mid": "mid"})
    return pd.concat([labels.assign(condition="leaf"), root], ignore_index=True)


def test_classes_of_one_condition_are_a_vector_and_of_several_a_matrix(genes, two):
    leaf = find_targets(genes, two, "1", "leaf", "binary")
    assert leaf.values[:6].tolist() == [0, 1, 0, 1, 0, -1]
    assert leaf.thresholds == {"q1": 0.5, "q3": 2.0}
    both = find_targets(genes, two, "1", ("root", "leaf"), "binary")
    assert both.values[:6].tolist() == [[1, 0], [0, 1], [1, 0], [0, 1], [1, 0], [-1, -1]]
    assert both.values[24:26].tolist() == [[-1, 0], [-1, 1]]
    assert both.thresholds == {"root:q1": 0.25, "root:q3": 1.5, "leaf:q1": 0.5, "leaf:q3": 2.0}


def test_expression_is_the_target_of_regression_also_for_mid_genes(genes, two):
    values = find_targets(genes, two, "1", ("leaf", "root"), "regression").values
    assert values[4:7].tolist() == [[0.5, 1.5], [1.0, 2.0], [0.5, 1.5]]
    assert np.isnan(values[24:, 1]).all()


def test_thresholds_of_several_species_are_named_by_species(genes, labels):
    labels.loc[24:, "species"] = "yeast"
    labels.loc[24:, "q1"] = 0.75
    genes.table.loc[24:, "species"] = "yeast"
    found = find_targets(genes, labels, "1", "*", "binary")
    assert found.thresholds == {".:q1": 0.5, ".:q3": 2.0, "yeast:q1": 0.75, "yeast:q3": 2.0}
    assert (found.values >= 0).sum() == 44


def test_a_table_may_have_labels_of_one_fold_and_labels_of_all_folds_for_different_genes(genes, labels):
    labels.loc[:23, "fold"] = "1"
    assert (find_targets(genes, labels, "1", "*", "binary").values >= 0).sum() == 44
    assert (find_targets(genes, labels, "2", "*", "binary").values >= 0).sum() == 22


def test_conditions_are_selected_by_name_or_all(two):
    assert resolve_condition(two, "all") == ("leaf", "root")
    assert resolve_condition(two, ["root"]) == "root"
    assert resolve_condition(two, ["root", "leaf", "root"]) == ("root", "leaf")
    assert resolve_condition(two[two["condition"] == "leaf"], "all") == "leaf"
    assert resolve_condition(None, "*") == "*"
    with pytest.raises(BadOption, match="no condition 'stem'; there are leaf, root"):
        resolve_condition(two, ["root", "stem"])
    with pytest.raises(BadOption, match="--labels"):
        resolve_condition(None, "leaf")


def test_regression_without_a_table_learns_the_sets_own_numbers_unchanged(genes):
    genes.table["label"] = ["-3.5", "1e2", ""] * 16
    found = find_targets(genes, None, "1", "*", "regression")
    np.testing.assert_array_equal(found.values[:3], [-3.5, 100.0, np.nan])
    assert (found.values.dtype, found.thresholds, found.classes) == (np.float64, {}, ())
    for text in ("high", "nan", "inf"):
        genes.table.loc[7, "label"] = text
        with pytest.raises(BadTable, match=f"the label '{text}' of the sequence 'gene07' is not a finite number"):
            find_targets(genes, None, "1", "*", "regression")
    genes.table["label"] = ""
    with pytest.raises(BadTable, match="no sequence of the set has a number"):
        find_targets(genes, None, "1", "*", "regression")


def test_classes_are_numbered_in_sorted_order_and_empty_labels_are_unknown(classes):
    classes.table.loc[2, "label"] = ""
    found = find_targets(classes, None, "a", "*", "multiclass")
    # 2, 9 and 10 consist of digits and are sorted as numbers.
    assert found.classes == own_classes(classes) == ("2", "9", "10")
    assert found.values[:6].tolist() == [2, 0, -1, 2, 0, 1]
    classes.table["label"] = classes.table["label"].replace("9", "nine")
    assert own_classes(classes) == ("10", "2", "nine")


def test_the_task_is_resolved_from_the_labels_by_default(classes, genes, two):
    assert resolve_task(classes, None, None) == ("multiclass", ("2", "9", "10"))
    assert resolve_task(classes, None, "multiclass") == ("multiclass", ("2", "9", "10"))
    assert resolve_task(classes, None, "regression") == ("regression", ())
    assert resolve_task(genes, two, None) == resolve_task(genes, two, "binary") == ("binary", ())
    genes.table["label"] = ["low", "mid", "high"] * 16
    assert resolve_task(genes, None, None) == ("binary", ())
    assert resolve_task(genes, None, "multiclass") == ("multiclass", ("high", "low", "mid"))
    with pytest.raises(BadTable, match="but the set has 3: 2, 9, 10; leave --task out"):
        resolve_task(classes, None, "binary")
    with pytest.raises(BadOption, match=r"--task multiclass: a table of labels.*leave --labels out"):
        resolve_task(genes, two, "multiclass")


def test_multiclass_refuses_two_classes_and_unique_labels_are_not_classes(genes):
    genes.table["label"] = ["enhancer", "other"] * 24
    with pytest.raises(BadTable, match=r"3 or more classes are required, .* has 2: enhancer, other; leave --task out"):
        resolve_task(genes, None, "multiclass")
    genes.table["label"] = [f"{row / 7:.3f}" for row in range(48)]
    with pytest.raises(BadTable, match=r"48 sequences have 48 different labels: .*--task regression"):
        resolve_task(genes, None, None)
    assert len(resolve_task(genes, None, "multiclass")[1]) == 48
    del genes.table["label"]
    with pytest.raises(BadTable, match=r"has no labels; use --labels"):
        resolve_task(genes, None, None)


def test_mid_next_to_two_classes_of_other_names_is_ignored_with_a_warning(genes, caplog):
    genes.table["label"] = ["early", "mid", "late"] * 16
    assert resolve_task(genes, None, None) == ("binary", ())
    assert find_targets(genes, None, "1", "*", "binary").values[:3].tolist() == [0, -1, 1]
    assert "'mid' is ignored; with --task multiclass it is a class" in caplog.text
