import numpy as np
import pandas as pd
import pytest

from kanseq.errors import BadOption, BadTable, EmptySplit, OneClass, UnknownGene
from kanseq.sequences.sequence_set import SequenceSet
from kanseq.training.fold_examples import choose_folds, prepare_folds


def test_only_low_and_high_genes_train_and_held_out_genes_keep_every_label(genes, labels, splits):
    fold = prepare_folds(genes, labels, splits, holdout="1")[0]
    # Genes 16 to 47 train, except the mid ones (17, 29 and 41); genes 0 to 15 are held out, and 5 is mid.
    assert fold.train.tolist() == [row for row in range(16, 48) if row not in (17, 29, 41)]
    assert fold.train_targets.tolist() == [row % 2 for row in fold.train]
    assert fold.test.tolist() == list(range(16))
    assert fold.test_targets.tolist() == [0, 1, 0, 1, 0, -1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1]
    assert fold.held_out == [(".", f"gene{row:02d}") for row in range(16)]
    assert fold.thresholds == {"q1": 0.5, "q3": 2.0}


def test_held_out_genes_that_are_not_in_the_set_are_listed(genes, labels, splits):
    fold = prepare_folds(genes.select(np.arange(4, 48)), labels, splits, holdout="1")[0]
    assert (".", "gene00") in fold.held_out
    assert len(fold.test) == 12


def test_tuning_genes_train_unless_tuning_is_requested(genes, labels, tuned_splits):
    without, apart = (prepare_folds(genes, labels, tuned_splits, holdout="1", tune=tune)[0] for tune in (False, True))
    assert apart.tune.tolist() == [16, 18, 19, 20, 21, 22, 23]
    assert without.train.tolist() == sorted([*apart.train, *apart.tune])
    assert len(without.tune) == 0


def test_unused_genes_do_not_train_and_unscored_genes_are_held_out(genes, labels, splits):
    in_fold = splits["fold"] == "1"
    splits.loc[in_fold & (splits["id"] == "gene16"), ["role", "reason"]] = ["unused", "overlaps_test:gene15"]
    splits.loc[in_fold & (splits["id"] == "gene03"), ["role", "reason"]] = ["unused", "not_scored"]
    fold = prepare_folds(genes, labels, splits, holdout="1")[0]
    assert 16 not in fold.train
    assert (".", "gene16") not in fold.held_out
    assert (".", "gene03") in fold.held_out
    assert dict(zip(fold.test.tolist(), fold.test_roles.tolist(), strict=True))[3] == "unused"


def test_folds_are_chosen_by_name_or_all(genes, splits):
    assert choose_folds(splits, "all") == ["1", "2", "3"]
    assert choose_folds(splits, ["3", "1"]) == ["3", "1"]
    with pytest.raises(BadOption, match=r"no fold '4'.*1, 2, 3"):
        choose_folds(splits, "4")


def test_the_error_for_tables_without_common_genes_shows_ids_of_both(genes, labels, splits):
    with pytest.raises(UnknownGene, match=r"labels have no gene in common.*gene00.*AT1"):
        prepare_folds(genes, labels.assign(id=[f"AT{row}" for row in range(48)]), splits)
    with pytest.raises(UnknownGene, match=r"splits have no gene in common.*yeast.*--species"):
        prepare_folds(genes, labels, splits.assign(species="yeast"))


def test_labels_that_are_all_mid_are_an_error_about_classes(genes, labels, splits):
    with pytest.raises(EmptySplit, match="fold '1' has no training gene that is labelled low or high"):
        prepare_folds(genes, labels.assign(label="mid"), splits)
    own = SequenceSet(genes.table.assign(label="mid"), genes.geometry, genes.metadata)
    with pytest.raises(BadTable, match="no sequence of the set is labelled low or high"):
        prepare_folds(own, None, splits)


def test_a_fold_of_one_class_is_an_error(genes, labels, splits):
    with pytest.raises(OneClass, match=r"fold '1': all 16 training genes are labelled low"):
        prepare_folds(genes, labels[labels["label"] == "low"], splits)


def test_empty_roles_are_errors(genes, labels, splits):
    with pytest.raises(EmptySplit, match=r"fold '1' has no tuning gene.*--tune"):
        prepare_folds(genes, labels, splits, tune=True)
    with pytest.raises(EmptySplit, match=r"fold '1' has no training gene"):
        prepare_folds(genes, labels[:16], splits, holdout="1")
    with pytest.raises(EmptySplit, match="holds out no gene"):
        prepare_folds(genes, labels, splits.assign(role="train"))


def test_a_fold_that_cannot_be_scored_causes_a_warning(genes, labels, splits, caplog):
    prepare_folds(genes, labels[16:], splits, holdout="1")
    assert "fold '1': its test genes are not of both classes" in caplog.text


def test_a_sets_own_labels_are_used_without_a_table_of_labels(genes, splits):
    genes.table["label"] = np.where(np.arange(48) % 2 == 1, "promoter", "other")
    fold = prepare_folds(genes, None, splits, holdout="1")[0]
    assert fold.test_targets.tolist() == [0, 1] * 8
    genes.table["label"] = pd.Series(["a", "b", "c"] * 16)
    with pytest.raises(BadTable, match="3: a, b, c"):
        prepare_folds(genes, None, splits)
    del genes.table["label"]
    with pytest.raises(BadTable, match="--labels"):
        prepare_folds(genes, None, splits)


def test_a_gene_trains_if_it_has_a_label_in_at_least_one_condition(genes, labels, splits):
    root = labels.assign(condition="root", label=np.where(labels["label"] == "mid", "high", "mid"))
    root.loc[[16, 18], "label"] = ["low", "high"]
    both = pd.concat([labels.assign(condition="leaf"), root])
    fold = prepare_folds(genes, both, splits, holdout="1", condition=("leaf", "root"))[0]
    assert fold.train.tolist() == list(range(16, 48))
    assert fold.train_targets[:4].tolist() == [[0, 0], [-1, 1], [0, 1], [1, -1]]
    assert fold.test_targets.shape == (16, 2)
    root.loc[16, "label"] = "mid"
    both = pd.concat([labels.assign(condition="leaf"), root])
    with pytest.raises(OneClass, match="fold '1', condition root: all 4 training genes are labelled high"):
        prepare_folds(genes, both, splits, holdout="1", condition=("leaf", "root"))


def test_all_genes_with_expression_train_for_regression(genes, labels, splits):
    fold = prepare_folds(genes, labels.drop(20), splits, holdout="1", task="regression")[0]
    assert fold.train.tolist() == [row for row in range(16, 48) if row != 20]
    assert fold.train_targets[:3].tolist() == [0.5, 1.0, 0.5]
    assert fold.thresholds == {}
    with pytest.raises(OneClass, match=r"fold '1': all 32 training genes are at log10\(TPM \+ 1\) = 1"):
        prepare_folds(genes, labels.assign(expression=1.0), splits, task="regression")
    with pytest.raises(EmptySplit, match="fold '1' has no training gene that has expression"):
        prepare_folds(genes, labels[:16], splits, holdout="1", task="regression")


def test_calibration_needs_more_than_one_gene_of_each_class(genes, labels, splits):
    labels.loc[17:, "label"] = labels.loc[17:, "label"].replace("high", "low")
    labels.loc[19, "label"] = "high"
    prepare_folds(genes, labels, splits, holdout="1")
    with pytest.raises(EmptySplit, match="fold '1' has 1 training gene of a class, and calibration needs 2"):
        prepare_folds(genes, labels, splits, holdout="1", least=2)


def test_a_training_species_without_labels_causes_a_warning(genes, labels, splits, caplog):
    for table in (genes.table, splits):
        table.loc[table["id"] >= "gene40", "species"] = "yeast"
    prepare_folds(genes, labels, splits, holdout="1")
    assert "fold '1': no training gene of yeast has a label" in caplog.text


def test_genes_labelled_mid_are_ranked_among_training_genes_only(genes, labels, splits):
    number = labels["id"].str.removeprefix("gene").astype(int)
    labels["expression"] = np.where(labels["label"] == "mid", 1.0 + number / 100, labels["expression"])
    fold = prepare_folds(genes, labels, splits, holdout="1", mid="rank")[0]
    assert fold.ranked.tolist() == list(range(16, 48))
    targets = dict(zip(fold.ranked.tolist(), fold.ranked_targets.tolist(), strict=True))
    # The mid genes 17, 29 and 41 train; the held-out mid gene 5 is not ranked with them.
    assert [targets[row] for row in (17, 29, 41)] == pytest.approx([1 / 6, 3 / 6, 5 / 6])
    assert all(targets[row] == row % 2 for row in fold.train)
    assert fold.train_targets.dtype == np.int64
    without = prepare_folds(genes, labels, splits, holdout="1")[0]
    assert len(without.ranked) == 0


def test_tuning_genes_are_not_ranked_and_a_sets_own_labels_have_no_expression(genes, labels, tuned_splits, splits):
    apart = prepare_folds(genes, labels, tuned_splits, holdout="1", tune=True, mid="rank")[0]
    assert apart.ranked.tolist() == list(range(24, 48))
    own = SequenceSet(genes.table.assign(label=labels["label"].to_numpy()), genes.geometry, genes.metadata)
    assert len(prepare_folds(own, None, splits, mid="rank")[0].ranked) == 0


def test_a_gene_that_is_mid_in_one_condition_is_ranked_there(genes, labels, splits):
    other = labels.assign(condition="other", label=np.where(labels["id"] == "gene19", "mid", labels["label"]))
    both = pd.concat([labels.assign(condition="one"), other])
    fold = prepare_folds(genes, both, splits, holdout="1", condition=("one", "other"), mid="rank")[0]
    assert fold.ranked_targets.shape == (32, 2)
    high = fold.ranked.tolist().index(19)
    assert fold.ranked_targets[high, 0] == 1
    assert 0 < fold.ranked_targets[high, 1] < 1


def test_every_species_is_ranked_separately(genes, labels, splits):
    number = labels["id"].str.removeprefix("gene").astype(int)
    species = np.where(number % 4 == 1, "other", ".")
    higher = np.where(species == "other", 5.0, 0.0)
    labels = labels.assign(species=species, label="mid", expression=number / 100 + higher)
    labels.loc[number % 4 == 0, "label"], labels.loc[number % 4 == 3, "label"] = "low", "high"
    genes.table = genes.table.assign(species=species)
    fold = prepare_folds(genes, labels, splits.assign(species=np.tile(species, 3)), holdout="1", mid="rank")[0]
    for name in (".", "other"):
        mid = [
            target
            for row, target in zip(fold.ranked, fold.ranked_targets, strict=True)
            if species[row] == name and labels["label"].iloc[row] == "mid"
        ]
        assert mid == pytest.approx([(step + 0.5) / 8 for step in range(8)])


def test_several_classes_have_their_numbers_as_targets(classes, halves):
    fold = prepare_folds(classes, None, halves, holdout="a", task="multiclass")[0]
    assert fold.test.tolist() == [row for row in range(60) if row // 3 % 2 == 0]
    assert fold.test_targets.tolist() == fold.train_targets.tolist() == [2, 0, 1] * 10
    assert fold.thresholds == {}


def test_a_class_without_training_genes_is_an_error_that_names_the_fold(classes, halves):
    train = classes.table.index[(halves["role"][:60] == "train") & (classes.table["label"] == "9")]
    classes.table.loc[train, "label"] = "10"
    with pytest.raises(EmptySplit, match=r"fold 'a' has no training gene of the class 9; use kanseq split"):
        prepare_folds(classes, None, halves, holdout="a", task="multiclass")
    classes.table.loc[train, "label"] = ""
    classes.table.loc[halves["role"][:60] == "train", "label"] = "2"
    with pytest.raises(OneClass, match="fold 'a': all 30 training genes are labelled 2"):
        prepare_folds(classes, None, halves, holdout="a", task="multiclass")


def test_a_class_without_test_sequences_causes_a_warning(classes, halves, caplog):
    tested = (halves["role"][:60] == "test").to_numpy()
    classes.table.loc[tested & (classes.table["label"] == "9"), "label"] = "2"
    prepare_folds(classes, None, halves, holdout="a", task="multiclass")
    assert "fold 'a' has no test gene of 9, so its auROC is the mean over the other classes" in caplog.text
    caplog.clear()
    classes.table.loc[tested, "label"] = "2"
    prepare_folds(classes, None, halves, holdout="a", task="multiclass")
    assert "fold 'a': its test genes are all of one class, so it cannot be scored" in caplog.text


def test_tuning_sequences_of_several_classes_do_not_train(classes, tuned_halves):
    fold = prepare_folds(classes, None, tuned_halves, holdout="a", task="multiclass", tune=True)[0]
    assert (len(fold.train), fold.tune_targets.tolist()) == (21, [2, 0, 1] * 3)


def test_the_error_for_equal_own_numbers_does_not_mention_expression(classes, halves):
    classes.table["label"] = "4.5"
    with pytest.raises(OneClass, match=r"fold 'a': all 30 training genes are labelled 4\.5"):
        prepare_folds(classes, None, halves, task="regression")
