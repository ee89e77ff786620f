"""A benchmark from published folder to table: training, resuming, counts and comparisons."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import matthews_corrcoef

from kanseq.cli.main import _run
from kanseq.errors import BadOption, BadTable, JobsFailed
from kanseq.verbs.benchmarking.benchmark import benchmark
from tests.suites.conftest import TINY, write_task

MODELS = ["legnet", "legnet-lkan", "gc"]


def run(folder, output, **options):
    given = {"models": MODELS, "options": TINY, "folds": 2, "epochs": 2, "bootstrap": 50, "threads": 1}
    return benchmark("gue", folder, output=output, **{**given, **options})


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    folder = tmp_path_factory.mktemp("benchmark")
    write_task(folder / "GUE" / "prom" / "prom_core_tata")
    return folder, run(folder / "GUE", folder / "out", jobs=2)


def test_every_model_has_a_row_with_scores_counts_and_published_values(done):
    folder, result = done
    assert (result.data_sets, result.models, result.trained) == (["prom_core_tata"], MODELS, 3)
    table = result.table.set_index("model")
    assert table["test"].tolist() == [40] * 3
    assert table["train"].tolist() == [75, 75, 75]
    assert table["published"].dropna().to_dict() == {"legnet": 0.723, "legnet-lkan": 0.782}
    assert table["published_sd"].dropna().to_dict() == pytest.approx({"legnet": 0.009, "legnet-lkan": 0.009})
    assert "| 0.782 ± 0.009 |" in result.text
    assert table.loc["gc", ["flops", "seconds_per_epoch"]].isna().all()
    assert (table.loc[["legnet", "legnet-lkan"], "seconds_per_epoch"] > 0).all()
    written = pd.read_csv(folder / "out" / "results.tsv", sep="\t")
    pd.testing.assert_frame_equal(written, result.table, check_dtype=False, rtol=1e-5)
    assert (folder / "out" / "results.md").read_text() == result.text
    assert "| `legnet-lkan` |" in result.text
    assert result.checks["test_in_train"].tolist() == [0]


def test_scores_are_those_of_the_folds_predictions_and_the_spread_is_over_fits(done):
    folder, result = done
    row = result.table.set_index("model").loc["legnet-lkan"]
    found = []
    for fold in ("part0", "part1"):
        place = folder / "out" / "prom_core_tata" / "legnet-lkan" / "folds" / fold / "seed-0"
        predictions = pd.read_csv(place / "predictions.tsv", sep="\t")
        found.append(matthews_corrcoef(predictions["target"], predictions["probability"] >= 0.5))
    assert row["MCC"] == pytest.approx(np.mean(found), abs=1e-6)
    assert row["MCC_sd"] == pytest.approx(np.std(found, ddof=1), abs=1e-6)
    assert row["MCC_low"] <= row["MCC"] <= row["MCC_high"]


def test_differences_are_to_legnet_and_paired(done):
    table = done[1].table.set_index("model")
    assert pd.isna(table.loc["legnet", "MCC_minus_baseline"])
    for name in ("legnet-lkan", "gc"):
        difference = table.loc[name, "MCC"] - table.loc["legnet", "MCC"]
        assert table.loc[name, "MCC_minus_baseline"] == pytest.approx(difference, abs=1e-9)
        assert table.loc[name, "MCC_minus_baseline_low"] <= difference <= table.loc[name, "MCC_minus_baseline_high"]


def test_a_second_call_trains_nothing_and_writes_the_same_bytes(done):
    folder, _ = done
    before = {name: (folder / "out" / name).read_bytes() for name in ("results.tsv", "results.md", "checks.tsv")}
    again = run(folder / "GUE", folder / "out")
    assert again.trained == 0
    assert {name: (folder / "out" / name).read_bytes() for name in before} == before


def test_another_protocol_needs_another_folder_but_another_data_set_does_not(done):
    folder, first = done
    with pytest.raises(BadOption, match=r"prom_core_tata: this run was started with folds 2, and not 1"):
        run(folder / "GUE", folder / "out", folds=1)
    write_task(folder / "GUE" / "tf" / "0", sizes=(40, 10, 20), seed=5)
    more = run(folder / "GUE", folder / "out", models=["gc"], options=[], data_sets=["tf_0"], folds=1)
    assert more.data_sets == ["tf_0"]
    assert more.table["data_set"].tolist() == ["prom_core_tata"] * 3 + ["tf_0"]
    assert more.table.iloc[:3]["MCC"].tolist() == pytest.approx(first.table["MCC"].tolist(), rel=1e-5)
    assert more.checks["data_set"].tolist() == ["prom_core_tata", "tf_0"]


@pytest.mark.slow
def test_three_classes_are_scored_by_the_mcc_over_all_classes(tmp_path):
    folder = write_task(tmp_path / "GUE" / "splice" / "reconstructed", sizes=(90, 30, 30))
    for split in ("train", "dev", "test"):
        lines = (folder / f"{split}.csv").read_text().splitlines()
        # Every third sequence gets a third class with another base composition.
        strong = [line[:-1].replace("A", "G").replace("T", "C") + "2" for line in lines[1:]]
        third = [strong[at] if at % 3 == 0 else line for at, line in enumerate(lines[1:])]
        (folder / f"{split}.csv").write_text("\n".join([lines[0], *third]) + "\n")
    result = run(tmp_path / "GUE", tmp_path / "out", models=["legnet", "gc"], folds=1)
    table = result.table.set_index("model")
    assert table["classes"].tolist() == [3, 3]
    place = tmp_path / "out" / "splice" / "gc" / "folds" / "test" / "seed-0" / "predictions.tsv"
    predictions = pd.read_csv(place, sep="\t")
    expected = matthews_corrcoef(predictions["target"], predictions["called"])
    assert table.loc["gc", "MCC"] == pytest.approx(expected, abs=1e-6)
    assert table.loc["gc", "MCC_minus_baseline"] == pytest.approx(expected - table.loc["legnet", "MCC"], abs=1e-6)


def test_a_run_with_other_options_is_refused(gue, tmp_path):
    run(gue, tmp_path / "out", models=["legnet"], folds=1, epochs=1)
    for changed, message in (
        ({"options": ["widths=8,4", *TINY[1:]]}, 'widths "6,4", and not "8,4"'),
        ({"options": [*TINY[:2], "learning_rate=0.5"]}, "learning_rate 0.01, and not 0.5"),
    ):
        with pytest.raises(BadOption, match=f"this run was started with {message}"):
            run(gue, tmp_path / "out", **{"models": ["legnet"], "folds": 1, "epochs": 1, **changed})


def test_another_call_adds_a_model_and_compares_it(gue, tmp_path):
    run(gue, tmp_path / "out", models=["legnet"], folds=1, epochs=1)
    more = run(gue, tmp_path / "out", models=["gc"], options=[], folds=1, epochs=1)
    assert more.table["model"].tolist() == ["legnet", "gc"]
    assert more.trained == 1
    assert not pd.isna(more.table["MCC_minus_baseline"][1])


def test_failures_are_reported_and_finished_models_are_in_the_table(gue, tmp_path):
    broken = tmp_path / "out" / "prom_core_tata" / "kmer-logistic"
    broken.mkdir(parents=True)
    (broken / "note").touch()
    with pytest.raises(JobsFailed, match=r"kmer-logistic failed \(.*this folder contains something other than a run"):
        run(gue, tmp_path / "out", models=["gc", "kmer-logistic"], options=[], folds=1)
    assert pd.read_csv(tmp_path / "out" / "results.tsv", sep="\t")["model"].tolist() == ["gc"]


@pytest.mark.slow
def test_names_of_data_sets_may_look_like_numbers_or_missing_values(tmp_path):
    for name in ("1", "NA"):
        folder = write_task(tmp_path / name, sizes=(40, 10, 20))
        lines = ["sequence,label,split"]
        for split in ("train", "dev", "test"):
            rows = (folder / f"{split}.csv").read_text().splitlines()[1:]
            lines += [f"{row},{split}" for row in rows]
        (tmp_path / "flipons").mkdir(exist_ok=True)
        (tmp_path / "flipons" / f"{name}.csv").write_text("\n".join(lines) + "\n")
    for _ in range(2):
        given = {"models": ["gc"], "folds": 1, "bootstrap": 10, "threads": 1}
        result = benchmark("flipons", tmp_path / "flipons", output=tmp_path / "out", **given)
        assert result.table["data_set"].tolist() == ["1", "NA"]
    assert (tmp_path / "out" / "results.tsv").read_text().count("\n") == 3


def test_the_command_prints_the_table_and_its_json(gue, tmp_path, capsys):
    command = ["benchmark", "gue", str(gue), "-o", str(tmp_path / "out"), "--model", "gc", "--folds", "1"]
    command += ["--bootstrap", "0", "--threads", "1"]
    assert _run(command) == 0
    assert "### prom_core_tata: 2 classes, 40 test sequences, 1 fold × 1 seed\n" in capsys.readouterr().out
    assert _run([*command, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["data_sets"] == ["prom_core_tata"]
    assert _run(["benchmark", "glue", str(gue), "-o", str(tmp_path / "other")]) == 3
    assert "'glue' is not a collection; choose one of gue" in capsys.readouterr().err
    assert not (tmp_path / "other").exists()


def test_labels_missing_in_training_are_refused_before_anything_is_written(gue, tmp_path):
    path = gue / "prom" / "prom_core_tata" / "test.csv"
    path.write_text(path.read_text() + "ACGTACGTACGTACGTACGTACGTACGTAC,2\n")
    with pytest.raises(BadTable, match=r"^prom_core_tata: test labels missing in train: 2"):
        run(gue, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_class_without_test_sequences_is_a_warning(gue, tmp_path, caplog):
    path = gue / "prom" / "prom_core_tata" / "train.csv"
    path.write_text(path.read_text() + "".join(f"{'ACGT' * 7}{end},other\n" for end in ("AA", "AC", "AG", "CA")))
    result = run(gue, tmp_path / "out", models=["gc"], options=(), folds=1)
    assert "prom_core_tata: classes without test sequences: other" in caplog.text
    assert result.checks["untested"].tolist() == ["other"]
