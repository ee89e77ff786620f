import json

import pytest

from kanseq.cli.main import _run

HEADER = "species\tid\tcondition\tchrom\tfold\trole\tlogit\tprobability\ttarget\n"


@pytest.fixture
def table(tmp_path):
    lines = [f".\tg{row}\t*\t1\t1\ttest\t{row - 4.5}\t{row / 10}\t{int(row > 4)}\n" for row in range(10)]
    (tmp_path / "perfect.tsv").write_text(HEADER + "".join(lines))
    return tmp_path / "perfect.tsv"


def test_the_table_goes_to_standard_output_and_the_metrics_to_their_files(table, tmp_path, capsys):
    outputs = ["-o", f"{tmp_path}/metrics.json", "--table", f"{tmp_path}/metrics.tsv"]
    assert _run(["evaluate", str(table), *outputs, "--bootstrap", "50"]) == 0
    header, line = capsys.readouterr().out.splitlines()
    assert header.startswith("model    folds  genes  auROC [95 %]")
    assert line.split()[:4] == ["perfect", "1", "10", "1.000"]
    assert json.loads((tmp_path / "metrics.json").read_text())["models"][0]["mean"]["auROC"]["value"] == 1.0
    assert (tmp_path / "metrics.tsv").read_text().startswith("model\tfold\tn\taccuracy\taccuracy_low")


def test_standard_output_holds_only_the_metrics_if_they_go_there(table, capsys):
    assert _run(["evaluate", str(table), "-o", "-", "--bootstrap", "0"]) == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out)["models"][0]["name"] == "perfect"
    assert "perfect" in shown.err


def test_metrics_and_a_summary_do_not_share_standard_output(table, capsys):
    for option in ("-o", "--table"):
        assert _run(["evaluate", str(table), option, "-", "--json"]) == 2
        assert capsys.readouterr().out == ""


def test_json_holds_models_and_comparisons(table, capsys):
    assert _run(["evaluate", str(table), "--bootstrap", "0", "--json"]) == 0
    assert set(json.loads(capsys.readouterr().out)) == {"models", "comparisons", "text"}


def test_a_single_class_is_a_one_line_error_and_writes_nothing(table, tmp_path, capsys):
    table.write_text("".join(line for line in table.read_text().splitlines(True) if not line.endswith("\t0\n")))
    assert _run(["evaluate", str(table), "-o", f"{tmp_path}/metrics.json"]) == 3
    error = capsys.readouterr().err
    assert "fold '1' of perfect: all 5 scored genes are labelled high" in error
    assert error.count("\n") == 1
    assert not (tmp_path / "metrics.json").exists()


def test_options_reach_the_evaluation(table, tmp_path, capsys):
    lines = table.read_text().splitlines()
    seeds = [f"{line}\t{seed}" for seed in (0, 1) for line in lines[1:]]
    (tmp_path / "two.tsv").write_text("\n".join([f"{lines[0]}\tseed", *seeds]) + "\n")
    command = ["evaluate", str(table), str(tmp_path / "two.tsv"), "--bootstrap", "0"]
    assert _run([*command, "--against", "two", "--ensemble", "--pooled"]) == 0
    out = capsys.readouterr().out
    assert "two (ensemble)" in out
    assert "minus two (2 seeds)" in out
    assert "perfect, pooled" in out
    assert _run([*command, "--against", "three"]) == 3
    assert capsys.readouterr().err == (
        "kanseq: --against 'three': there is no such model; choose from perfect, two (2 seeds)\n"
    )
    assert _run([*command, "--join"]) == 0


def test_calls_and_empty_probabilities_are_read(table, tmp_path, capsys):
    lines = table.read_text().splitlines()
    calls = [f"{line}\t{int(row > 7)}" for row, line in enumerate(lines[1:])]
    table.write_text("\n".join([f"{lines[0]}\tcalled", *calls]) + "\n")
    assert _run(["evaluate", str(table), "--bootstrap", "0", "--json"]) == 0
    mean = json.loads(capsys.readouterr().out)["models"][0]["mean"]
    # Two of five high genes are called high.
    assert mean["accuracy"]["value"] == 0.7
    rows = [line.split("\t") for line in lines[1:]]
    expression = ["\t".join([*row[:7], "", f"{float(row[6]) + 2}"]) for row in rows]
    table.write_text("\n".join([lines[0], *expression]) + "\n")
    assert _run(["evaluate", str(table), "--bootstrap", "0", "--json"]) == 0
    mean = json.loads(capsys.readouterr().out)["models"][0]["mean"]
    assert (mean["Pearson"]["value"], mean["MAE"]["value"]) == (pytest.approx(1.0), pytest.approx(2.0))
