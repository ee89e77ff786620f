"""Functions accept tables in memory as well as files, with the same results."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

import kanseq
from kanseq.errors import BadTable, UnknownGene
from kanseq.labels.label_tables import join_labels
from kanseq.sequences.sequence_set import SequenceSet
from kanseq.splits.split_tables import read_splits

NAMES = [f"g{number}" for number in range(8)]


@pytest.fixture
def genes() -> SequenceSet:
    sequences = ["ACGTACGTAC" if number % 2 else "TTGATTGACC" for number in range(8)]
    return SequenceSet.from_strings([s[number:] + s[:number] for number, s in enumerate(sequences)], NAMES)


def on_disk(path: Path, table: pd.DataFrame, header: bool = True) -> Path:
    table.to_csv(path, sep="\t", index=False, header=header)
    return path


def predictions(seed: int) -> pd.DataFrame:
    rows = [
        (".", name, "*", "", "1", "test", at - 3.3 + seed / 10, 0.5, float(at > 3)) for at, name in enumerate(NAMES)
    ]
    columns = ["species", "id", "condition", "chrom", "fold", "role", "logit", "probability", "target"]
    return pd.DataFrame(rows, columns=columns)


def test_predictions_in_memory_are_evaluated_like_a_file(tmp_path: Path) -> None:
    table = predictions(0)
    of_file = kanseq.evaluate(on_disk(tmp_path / "predictions.tsv", table), bootstrap=20)
    in_memory = kanseq.evaluate(table, bootstrap=20)
    assert in_memory.models == of_file.models
    assert in_memory.table.equals(of_file.table)
    assert in_memory.table.loc[0, ["model", "fold", "n", "auROC"]].tolist() == ["predictions", "1", 8, 1.0]
    assert len(kanseq.evaluate([table, predictions(1)], bootstrap=0).models) == 2


def test_seeds_in_a_column_are_evaluated_as_different_seeds() -> None:
    both = pd.concat([predictions(seed).assign(seed=seed) for seed in (0, 1)], ignore_index=True)
    [model] = kanseq.evaluate(both, bootstrap=0).models
    assert model["folds"][0]["seeds"] == 2


def test_a_table_that_does_not_contain_predictions_is_refused() -> None:
    with pytest.raises(BadTable, match="the column 'logit' is missing"):
        kanseq.evaluate(predictions(0).drop(columns="logit"))
    with pytest.raises(BadTable, match=r"^a table in memory:2: target '7\.?0?' is not allowed"):
        kanseq.evaluate(predictions(0).assign(target=7.0))


def test_split_accepts_lists_and_homologs_in_memory(genes: SequenceSet, tmp_path: Path) -> None:
    listed = pd.DataFrame({"id": NAMES[:2]})
    homologs = pd.DataFrame({"species": ".", "id": NAMES, "group": list("aababbbb")})
    files = {"gene_list": on_disk(tmp_path / "list.tsv", listed), "homology": on_disk(tmp_path / "h.tsv", homologs)}
    of_files = kanseq.split(genes, by="list", **files)
    in_memory = kanseq.split(genes, by="list", gene_list=listed, homology=homologs)
    assert in_memory.table.equals(of_files.table)
    assert in_memory.unused == {"list": 1}
    assert kanseq.leaks(genes, splits=in_memory.table, homology=homologs).leaking == {}
    with pytest.raises(UnknownGene, match="none of its genes is in the set"):
        kanseq.split(genes, by="list", gene_list=pd.DataFrame({"id": ["x"]}))


def test_label_accepts_conditions_and_transcripts_in_memory(tmp_path: Path) -> None:
    tpm = pd.DataFrame({"t": NAMES, **{sample: range(8) for sample in ("s1", "s2")}})
    sheet = pd.DataFrame({"sample": ["s1", "s2"], "condition": ["leaf", "root"]})
    genes_of = pd.DataFrame({"transcript": NAMES, "gene": [f"G{name[1:]}" for name in NAMES]})
    path = on_disk(tmp_path / "tpm.tsv", tpm)
    files = {"condition": on_disk(tmp_path / "c.tsv", sheet), "tx2gene": on_disk(tmp_path / "t.tsv", genes_of, False)}
    in_memory = kanseq.label(path, condition=sheet.astype("category"), tx2gene=genes_of.astype("category"))
    assert in_memory.table.equals(kanseq.label(path, **files).table)
    assert sorted(set(in_memory.table["condition"])) == ["leaf", "root"]
    assert set(in_memory.table["id"]) == {f"G{number}" for number in range(8)}


def splits(ids: list[object], fold: str = "x") -> pd.DataFrame:
    roles = ["test", "train"] * (len(ids) // 2)
    return pd.DataFrame({"species": ".", "id": ids, "fold": fold, "role": roles, "reason": ""})


def labels(ids: list[object], label: str = "low") -> pd.DataFrame:
    levels = {"expression": 1.0, "label": label, "q1": 1.5, "q3": 2.0}
    return pd.DataFrame({"species": ".", "id": ids, "condition": "*", "fold": "x", **levels})


WRONG_SPLITS = [
    (pd.concat([splits(NAMES), splits(NAMES[1:3])]), "^a table in memory:10: 'g1' is repeated in the same fold"),
    (splits(NAMES, "../../esc"), r"^a table in memory:2: '\.\./\.\./esc' is not a fold name"),
    (splits(NAMES).assign(role="dev"), "^a table in memory:2: 'dev' is not a role"),
    (splits(["a\tb", "c"]), r"^a table in memory: row 1, column 'id': 'a\\tb' contains a tab or a line break"),
    (splits(["a", None]), "^a table in memory:3: the column 'id' is empty"),
]

VERBS: list[Callable[[SequenceSet, pd.DataFrame], object]] = [
    lambda genes, table: kanseq.train(genes, model="gc", splits=table, labels=labels(NAMES), output="run"),
    lambda genes, table: kanseq.tune(genes, splits=table, holdout="x", output="run", search=["clip=none,1"]),
    lambda genes, table: kanseq.label(pd.DataFrame({"s": range(8)}, index=NAMES), splits=table, genes=genes),
]


@pytest.mark.parametrize(("table", "message"), WRONG_SPLITS)
@pytest.mark.parametrize("verb", VERBS, ids=["train", "tune", "label"])
def test_splits_in_memory_are_checked_like_a_file(
    genes: SequenceSet,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    verb: Callable[[SequenceSet, pd.DataFrame], object],
    table: pd.DataFrame,
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadTable, match=message):
        verb(genes, table)
    assert not (tmp_path / "esc").exists()
    assert not (tmp_path / "run").is_dir() or not list((tmp_path / "run").iterdir())


def test_labels_in_memory_are_checked_like_a_file(genes: SequenceSet) -> None:
    for table, message in [
        (labels(NAMES, "lo"), "^a table in memory:2: 'lo' is not a label"),
        (pd.concat([labels(NAMES), labels(["g0"])]), "^a table in memory:10: 'g0' is repeated in the same fold"),
        (labels(NAMES).drop(columns="q3"), "^a table in memory: the column 'q3' is missing"),
        (labels(NAMES).assign(q1="x"), r"^a table in memory:2: 'x' is not a number \(column 'q1'\)"),
    ]:
        with pytest.raises(BadTable, match=message):
            kanseq.leaks(genes, splits=splits(NAMES), labels=table)


def test_ids_may_be_numbers_or_categories_and_columns_may_be_in_any_order() -> None:
    numbered = splits([7, 8]).set_index(pd.Index([5, 5]))
    expected = splits(["7", "8"])
    pd.testing.assert_frame_equal(read_splits(numbered), expected)
    pd.testing.assert_frame_equal(read_splits(numbered[list(reversed(numbered.columns))]), expected)
    pd.testing.assert_frame_equal(read_splits(numbered.astype({"id": "category"}).assign(more=1)), expected)
    pd.testing.assert_frame_equal(read_splits(expected.assign(reason=None)), expected)
    pd.testing.assert_frame_equal(join_labels(labels([7])[labels([7]).columns[::-1]]), labels(["7"]))
    with pytest.raises(BadTable, match=r"^a table in memory: the column 'id' occurs twice"):
        read_splits(pd.concat([numbered, numbered["id"]], axis=1))


def test_splits_of_other_programs_in_memory_need_few_columns(genes: SequenceSet) -> None:
    roles = ["train", "dev", "test", None] * 2
    found = kanseq.leaks(genes, splits=pd.DataFrame({"role": roles, "id": pd.Categorical(NAMES)}))
    assert found.folds[0]["genes"] == {"train": 2, "tune": 2, "test": 2, "unused": 2}


def test_columns_of_homologs_in_memory_may_be_in_any_order(genes: SequenceSet) -> None:
    groups = pd.DataFrame({"group": [1, 1, 2, 2, 2, 2, 2, 2], "id": NAMES, "species": "."})
    listed = pd.DataFrame({"id": NAMES[:1]})
    assert kanseq.split(genes, by="list", gene_list=listed, homology=groups).unused == {"list": 1}
