"""Verbs that take tables as files take the same tables in memory, and give the same."""

from pathlib import Path

import pandas as pd
import pytest

import kanseq
from kanseq.data.sequences import SequenceSet
from kanseq.errors import BadTable, UnknownGene

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


def test_predictions_are_evaluated(tmp_path: Path) -> None:
    table = predictions(0)
    of_file = kanseq.evaluate(on_disk(tmp_path / "predictions.tsv", table), bootstrap=20)
    in_memory = kanseq.evaluate(table, bootstrap=20)
    assert in_memory.models == of_file.models
    assert in_memory.table.equals(of_file.table)
    assert in_memory.table.loc[0, ["model", "fold", "n", "auROC"]].tolist() == ["predictions", "1", 8, 1.0]
    assert len(kanseq.evaluate([table, predictions(1)], bootstrap=0).models) == 2


def test_seeds_in_a_column_are_told_apart() -> None:
    both = pd.concat([predictions(seed).assign(seed=seed) for seed in (0, 1)], ignore_index=True)
    [model] = kanseq.evaluate(both, bootstrap=0).models
    assert model["folds"][0]["seeds"] == 2


def test_a_table_that_is_none_of_predictions_is_refused() -> None:
    with pytest.raises(BadTable, match="the column 'logit' is missing"):
        kanseq.evaluate(predictions(0).drop(columns="logit"))
    with pytest.raises(BadTable, match=r"^a table in memory:2: target '7\.?0?' is not allowed"):
        kanseq.evaluate(predictions(0).assign(target=7.0))


def test_lists_and_homologs_split(genes: SequenceSet, tmp_path: Path) -> None:
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


def test_conditions_and_transcripts_label(tmp_path: Path) -> None:
    tpm = pd.DataFrame({"t": NAMES, **{sample: range(8) for sample in ("s1", "s2")}})
    sheet = pd.DataFrame({"sample": ["s1", "s2"], "condition": ["leaf", "root"]})
    genes_of = pd.DataFrame({"transcript": NAMES, "gene": [f"G{name[1:]}" for name in NAMES]})
    path = on_disk(tmp_path / "tpm.tsv", tpm)
    files = {"condition": on_disk(tmp_path / "c.tsv", sheet), "tx2gene": on_disk(tmp_path / "t.tsv", genes_of, False)}
    in_memory = kanseq.label(path, condition=sheet, tx2gene=genes_of)
    assert in_memory.table.equals(kanseq.label(path, **files).table)
    assert sorted(set(in_memory.table["condition"])) == ["leaf", "root"]
    assert set(in_memory.table["id"]) == {f"G{number}" for number in range(8)}
