"""Labels, and the genes that determine their thresholds."""

import numpy as np
import pandas as pd
import pytest

from kanseq.errors import BadOption, BadTable, EmptySplit, OneClass, UnknownGene
from kanseq.geometry import Geometry
from kanseq.labels.label_tables import read_labels, targets_of
from kanseq.sequences.sequence_set import SequenceSet
from kanseq.verbs.splitting.label import label

# 10^level - 1 TPM gives the expression `level`.
LEVELS = {f"g{number}": number / 10 for number in range(1, 13)}


def tpm_of(levels):
    return pd.DataFrame({"s1": [10.0**level - 1 for level in levels.values()]}, index=list(levels))


def splits_of(roles_by_fold, species="."):
    rows = [
        (species, gene, fold, role, "x" if role == "unused" else "")
        for fold, roles in roles_by_fold.items()
        for gene, role in roles.items()
    ]
    return pd.DataFrame(rows, columns=["species", "id", "fold", "role", "reason"])


def set_of(ids, species="."):
    table = pd.DataFrame({"id": ids, "species": species, "length": 1, "sequence": "A"})
    return SequenceSet(table, Geometry.plain(1))


TRAIN_FIRST = {name: "train" if number < 8 else "test" for number, name in enumerate(LEVELS)}


def test_quartiles_of_the_table_are_interpolated_linearly_and_include_equal_values():
    # Nine genes: the quartiles are the third and the seventh, themselves low and high.
    levels = {f"g{number}": number / 10 for number in range(1, 10)}
    result = label(tpm_of(levels))
    assert result.q1["*"] == pytest.approx(0.3, abs=1e-12)
    assert result.q3["*"] == pytest.approx(0.7, abs=1e-12)
    assert (result.low, result.mid, result.high) == ({"*": 3}, {"*": 3}, {"*": 3})
    assert result.table["label"].tolist() == ["low"] * 3 + ["mid"] * 3 + ["high"] * 3
    assert set(result.table["fold"]) == {"*"}


def test_thresholds_of_a_fold_depend_on_its_training_genes_only():
    roles = dict.fromkeys(list(LEVELS)[:5], "train") | {"g6": "unused", "g7": "tune"}
    roles |= {"g8": "test", "g9": "test", "g10": "test", "g11": "test", "g12": "test"}
    levels = dict(LEVELS, g12=0.05)
    result = label(tpm_of(levels), splits=splits_of({"a": roles}))
    # Training genes have 0.1 … 0.5, so the quartiles are 0.2 and 0.4, whatever the values of other genes.
    assert result.q1["a"] == pytest.approx(0.2, abs=1e-12)
    assert result.q3["a"] == pytest.approx(0.4, abs=1e-12)
    shifted = label(tpm_of(dict(levels, g6=3.0, g7=3.0, g8=3.0)), splits=splits_of({"a": roles}))
    assert (shifted.q1, shifted.q3) == (result.q1, result.q3)
    labels = dict(zip(result.table["id"], result.table["label"], strict=True))
    assert labels["g12"] == "low"
    assert labels["g3"] == "mid"
    assert labels["g6"] == labels["g7"] == labels["g8"] == "high"
    assert len(labels) == 12


def test_thresholds_of_a_tested_species_are_from_its_test_genes_and_of_a_training_species_from_its_training_genes():
    trains = splits_of({"b.1": dict.fromkeys(LEVELS, "train")}, species="a")
    tested = splits_of({"b.1": {**dict.fromkeys(LEVELS, "test"), "g11": "unused", "g12": "unused"}}, species="b")
    both = pd.concat([trains, tested], ignore_index=True)
    of_a, of_b = (label(tpm_of(LEVELS), splits=both, species=species) for species in ("a", "b"))
    # Species a has twelve training genes from 0.1 to 1.2, species b ten test genes from 0.1 to 1.0.
    assert (of_a.q1["b.1"], of_a.q3["b.1"]) == (pytest.approx(0.375), pytest.approx(0.925))
    assert (of_b.q1["b.1"], of_b.q3["b.1"]) == (pytest.approx(0.325), pytest.approx(0.775))


def test_every_fold_gets_its_own_rows():
    backwards = dict(zip(reversed(LEVELS), TRAIN_FIRST.values(), strict=True))
    mixed = {name: "test" if name in ("g1", "g12") else "train" for name in LEVELS}
    folds = {"a": mixed, "b": {**backwards, "g12": "test", "g1": "test"}}
    result = label(tpm_of(LEVELS), splits=splits_of(folds))
    assert result.table.groupby("fold").size().to_dict() == {"a": 12, "b": 12}
    assert result.q1["a"] != result.q1["b"]


def test_the_recipe_uses_the_complete_table_and_counts_the_genes_of_the_splits(caplog):
    caplog.set_level("INFO", logger="kanseq")
    known = ["g1", "g2", "g3", "g10", "g11", "g12"]
    roles = dict(zip(known, ["train", "test", "train", "train", "test", "train"], strict=True))
    result = label(tpm_of(LEVELS), splits=splits_of({"a": roles}), recipe="deepcre")
    assert result.quartiles == "of all 12 rows of the table (recipe deepcre)"
    assert "depend on the expression of the test genes" in caplog.text
    assert len(result.table) == 12
    assert (result.low, result.mid, result.high) == ({"*": 3}, {"*": 0}, {"*": 3})
    assert (result.genes, result.not_in_set, result.without_expression) == (6, 6, 0)
    assert result.q1["*"] == pytest.approx(np.percentile(list(LEVELS.values()), 25), abs=1e-12)


def test_thresholds_of_the_complete_table_cause_a_warning_unless_requested(caplog):
    with caplog.at_level("INFO", logger="kanseq"):
        label(tpm_of(LEVELS))
        label(tpm_of(LEVELS), quartiles="all")
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert all("these thresholds depend on the expression of the test genes" in line for line in caplog.messages)
    assert caplog.messages[0].endswith("use --splits to exclude them")


def test_genes_without_expression_and_genes_outside_the_set_are_counted():
    result = label(tpm_of(LEVELS), genes=set_of(["g1", "g2", "g12", "other"]))
    assert (result.genes, result.without_expression, result.not_in_set) == (3, 1, 9)


def test_species_are_those_of_the_set():
    result = label(tpm_of(LEVELS), genes=set_of(["g1", "g2"], species="ath"))
    assert set(result.table["species"]) == {"ath"}
    both = SequenceSet(pd.concat([set_of(["g1", "g2"], "a").table, set_of(["g1", "g3"], "b").table]), Geometry.plain(1))
    with pytest.raises(BadOption, match=r"several species have genes with the same id: g1; specify .* --species"):
        label(tpm_of(LEVELS), genes=both)
    result = label(tpm_of(LEVELS), genes=both, species="b")
    assert result.genes == 2
    with pytest.raises(BadOption, match=r"--species c: the species of the genes are a, b"):
        label(tpm_of(LEVELS), genes=both, species="c")


def test_letter_case_is_ignored_only_if_requested():
    genes = set_of(["G1.3", "G2.1", "G3.1"])
    with pytest.raises(UnknownGene) as caught:
        label(tpm_of(LEVELS), genes=genes)
    assert "the table has g1, g2, g3, … (12), the set has G1.3, G2.1, G3.1" in str(caught.value)
    assert "with --ignore-case 3 would match" in str(caught.value)
    result = label(tpm_of(LEVELS), genes=genes, ignore_case=True)
    assert result.table["id"].tolist()[:4] == ["G1.3", "G2.1", "G3.1", "g4"]


def test_ids_that_become_the_same_are_refused():
    tpm = pd.DataFrame({"s": [1.0, 2.0, 3.0, 4.0]}, index=["A.1", "A.2", "B", "C"])
    with pytest.raises(BadTable, match=r"different genes of the table become the same: A.1, A.2"):
        label(tpm, strip_version=True)


def test_ties_at_zero_are_reported(caplog):
    levels = dict.fromkeys("abcd", 0.0) | {"e": 1.0, "f": 2.0, "g": 3.0}
    result = label(tpm_of(levels))
    assert result.low == {"*": 4}
    assert result.not_expressed == {"*": 4}
    assert (
        "the lower threshold is 0, so all genes without expression are low (4 of 7 genes of the table)" in caplog.text
    )


def test_equal_thresholds_are_an_error():
    with pytest.raises(OneClass, match=r"the complete table: both thresholds are 0"):
        label(tpm_of(dict.fromkeys("abcdefg", 0.0) | {"h": 1.0}))


def test_a_fold_with_one_class_is_an_error_that_names_the_fold():
    with pytest.raises(OneClass, match=r"fold a: the test genes with expression include only high ones"):
        label(tpm_of(LEVELS), splits=splits_of({"a": TRAIN_FIRST}))
    roles = {name: "test" if name in ("g1", "g11", "g12") else "unused" for name in LEVELS} | {"g2": "train"}
    with pytest.raises(OneClass, match=r"fold a: the training genes with expression include only low ones"):
        label(tpm_of(LEVELS), splits=splits_of({"a": roles}), quartiles="all")
    with pytest.raises(EmptySplit, match=r"fold a: none of its training genes has expression"):
        label(tpm_of(LEVELS), splits=splits_of({"a": {"g1": "test", "gone": "train"}}))


def test_each_condition_has_its_own_labels(tmp_path):
    tpm = pd.DataFrame({"c1": [0.0, 1, 2, 3], "w1": [9.0, 1, 1, 2], "w2": [0.0, 5, 0, 0], "x": 1.0}, index=list("abcd"))
    sheet = tmp_path / "sheet.tsv"
    sheet.write_text("sample\tcondition\nc1\tcold\nw1\twarm\nw2\twarm\n")
    result = label(tpm, condition=sheet)
    assert result.samples == ["c1", "w1", "w2"]
    assert result.summary == "max of 1 sample (cold), 2 samples (warm)"
    assert targets_of(result.table, "any", "cold")["label"].tolist() == ["low", "mid", "mid", "high"]
    assert targets_of(result.table, "any", "warm")["label"].tolist() == ["high", "mid", "low", "mid"]
    assert set(result.low) == {"cold:*", "warm:*"}
    with pytest.raises(BadOption, match=r"choose one of cold, warm"):
        targets_of(result.table, "any")
    with pytest.raises(BadTable, match=r"the column 'c1' is missing"):
        label(tpm.drop(columns="c1"), condition=sheet)


def test_the_result_states_the_unit_and_how_samples_were_summarised(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("gene_id,GeneID,leaf_TPM,root_TPM,leaf_count\nA,839580,9.5,1,7\nB,839581,0.5,2,900\n")
    result = label(path, summary="mean")
    assert (result.unit, result.summary) == ("TPM", "mean of 2 samples")
    assert result.left_out == ["GeneID", "leaf_count"]


def test_a_sample_sheet_without_some_of_the_files_reports_them(tmp_path, caplog):
    for name in ("leaf", "root", "stem"):
        header = "gene_id\ttranscript_id(s)\tlength\teffective_length\texpected_count\tTPM\tFPKM\n"
        (tmp_path / f"{name}.genes.results").write_text(header + "A\ta\t9\t9\t3\t7.5\t8\nB\tb\t9\t9\t3\t0.5\t8\n")
    sheet = tmp_path / "sheet.tsv"
    sheet.write_text("sample\tcondition\nleaf\tgreen\nstem\tgreen\n")
    result = label([tmp_path / f"{name}.genes.results" for name in ("leaf", "root", "stem")], condition=sheet)
    assert (result.samples, result.left_out) == (["leaf", "stem"], ["root"])
    assert "the sample sheet does not list are not used: 'root'" in caplog.text


def test_a_written_table_is_reproducible_and_can_be_read_back(tmp_path):
    for name in ("a.tsv", "b.tsv"):
        result = label(tpm_of(LEVELS), output=tmp_path / name)
    assert (tmp_path / "a.tsv").read_bytes() == (tmp_path / "b.tsv").read_bytes()
    read = read_labels(tmp_path / "a.tsv")
    assert list(read.columns) == ["species", "id", "condition", "fold", "expression", "label", "q1", "q3"]
    assert read["expression"].tolist() == result.table["expression"].tolist()
    assert read["label"].tolist() == result.table["label"].tolist()


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (".\ta\t*\t*\t1.0\tup\t0\t1\n", r"l.tsv:2: 'up' is not a label \(low, mid, high\)"),
        (".\ta\t*\t*\tx\tlow\t0\t1\n", r"l.tsv:2: 'x' is not a number \(column 'expression'\)"),
        (".\ta\t*\t*\t1.0\tlow\t0\t1\n" * 2, r"l.tsv:3: 'a' is repeated in the same fold and condition"),
    ],
)
def test_an_invalid_table_of_labels_is_refused_with_file_and_line(tmp_path, row, message):
    path = tmp_path / "l.tsv"
    path.write_text("species\tid\tcondition\tfold\texpression\tlabel\tq1\tq3\n" + row)
    with pytest.raises(BadTable, match=message):
        read_labels(path)


def test_targets_are_those_of_the_fold_or_of_the_complete_table():
    mixed = {name: "test" if name in ("g1", "g12") else "train" for name in LEVELS}
    own = label(tpm_of(LEVELS), splits=splits_of({"a": mixed})).table
    assert list(targets_of(own, "a", "*").columns) == ["species", "id", "label", "expression", "q1", "q3"]
    with pytest.raises(EmptySplit, match=r"fold b has no labels; the table has labels for a"):
        targets_of(own, "b", "*")
    whole = label(tpm_of(LEVELS)).table
    assert len(targets_of(whole, "a", "*")) == 12
    with pytest.raises(BadOption, match=r"no condition 'dry'"):
        targets_of(whole, "a", "dry")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"quartiles": "train"}, "the training genes are unknown"),
        ({"quartiles": "some"}, "choose train or all"),
        ({"recipe": "cake"}, "the only recipe is deepcre"),
        ({"recipe": "deepcre", "summary": "mean"}, "--recipe deepcre means --quartiles all"),
        ({"low": 0.8}, "0 < low < high < 1"),
        ({"summary": "mode"}, "max, mean, median"),
        ({"tx2gene": "a", "annotation": "b"}, "use one of them"),
    ],
)
def test_invalid_or_inconsistent_options_are_refused(options, message):
    with pytest.raises(BadOption, match=message):
        label(tpm_of(LEVELS), **options)


def test_splits_of_another_set_are_refused():
    with pytest.raises(BadTable, match=r"splits and gene set have different genes"):
        label(tpm_of(LEVELS), splits=splits_of({"a": {"g1": "train", "g2": "test"}}), genes=set_of(["g1"]))


def test_an_expression_table_is_never_overwritten(tmp_path):
    path = tmp_path / "tpm.csv"
    path.write_text("gene,s\nA,1\nB,2\n")
    with pytest.raises(BadOption, match="this output would overwrite an input"):
        label(path, output=path)
    assert path.read_text() == "gene,s\nA,1\nB,2\n"
