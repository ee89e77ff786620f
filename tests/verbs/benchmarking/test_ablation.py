"""Ablation: trained networks, complete tables and figures."""

import pandas as pd
import pytest
from PIL import Image

from kanseq.cli.main import _run
from kanseq.errors import BadOption
from kanseq.verbs.benchmarking.ablation import ablation
from kanseq.verbs.preparing.import_ import import_sequences
from tests.suites.conftest import TINY

QUICK = {"options": TINY, "folds": 1, "epochs": 1, "bootstrap": 20, "threads": 1, "jobs": 2}


@pytest.fixture
def task(gue, tmp_path):
    folder = gue / "prom" / "prom_core_tata"
    output = tmp_path / "task.parquet"
    import_sequences([folder / f"{split}.csv" for split in ("train", "dev", "test")], output=output)
    return output


def test_every_variant_is_trained_and_compared_with_legnet(task, tmp_path):
    result = ablation(task, output=tmp_path / "out", replaced=[1], places=["stem"], grids=[3, 6], **QUICK)
    assert (result.data_set, result.choices, result.trained) == ("task", 5, 5)
    names = ["legnet", *(f"legnet-{kind}.grid{grid}" for kind in ("lkan.1", "ckan.stem") for grid in (3, 6))]
    table = result.table
    assert table["model"].tolist() == names
    assert table["replaced"].tolist() == ["", "1", "1", "stem", "stem"]
    assert table["grid"].tolist() == ["", "3", "6", "3", "6"]
    # Three more splines on each of 8 · 1 + 1 · 8 edges, and on each of 4 · 5 · 6 edges.
    sizes = table["parameters"].tolist()
    assert sizes[2] - sizes[1] == 3 * 2 * 16
    assert sizes[4] - sizes[3] == 3 * 120
    assert table["MCC_minus_baseline"].isna().tolist() == [True, False, False, False, False]
    written = pd.read_csv(tmp_path / "out" / "ablation.tsv", sep="\t")
    assert written["model"].tolist() == names
    assert "legnet-ckan.stem.grid6" in (tmp_path / "out" / "ablation.md").read_text()
    with Image.open(tmp_path / "out" / "ablation.png") as picture:
        assert min(picture.size) > 400


@pytest.mark.parametrize("replaced", [[0], [7]])
def test_only_existing_blocks_can_be_replaced(task, tmp_path, replaced):
    with pytest.raises(BadOption, match="numbers from 1 to 6 are expected"):
        ablation(task, output=tmp_path / "out", replaced=replaced)
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_the_commands_read_lists_of_numbers(task, tmp_path, capsys):
    shared = ["-o", str(tmp_path / "out"), "--folds", "1", "--epochs", "1", "--bootstrap", "0", "--threads", "1"]
    shared += [part for text in TINY for part in ("--set", text)]
    assert _run(["ablation", str(task), "--replaced", "1", "--grid", "3", "--place", "final", *shared]) == 0
    assert "`legnet-ckan.final.grid3`" in capsys.readouterr().out
    assert _run(["ablation", str(task), "--grid", "3,x", "-o", str(tmp_path / "other")]) == 2
    assert "'x' is not a whole number" in capsys.readouterr().err
