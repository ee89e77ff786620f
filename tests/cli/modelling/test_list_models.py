import json

from kanseq.cli.main import _run


def test_the_table_goes_to_standard_output(capsys):
    assert _run(["models"]) == 0
    printed = capsys.readouterr()
    assert "13,943,010" in printed.out
    assert "387,841" in printed.out
    assert printed.err == ""


def test_one_model_s_options_are_shown(capsys):
    assert _run(["models", "kan-mixer"]) == 0
    printed = capsys.readouterr().out
    assert "token_hidden" in printed
    assert "kmer-logistic" not in printed


def test_json_holds_exact_counts_for_a_geometry(capsys):
    assert _run(["models", "--json", "--upstream", "10", "--downstream", "5", "--pad", "2"]) == 0
    models = {model["name"]: model["parameters"] for model in json.loads(capsys.readouterr().out)["models"]}
    assert models["mlp"] == 16_770


def test_an_unknown_model_is_a_one_line_error_with_exit_code_3(capsys):
    assert _run(["models", "kanmixer"]) == 3
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == "kanseq: no model is called 'kanmixer'; choose kan-mixer, kan, kmer-sgd (see kanseq models)\n"


def test_sizes_are_printed_with_the_options_for_them(capsys):
    assert _run(["models", "--length", "101", "--match-parameters", "100000"]) == 0
    printed = capsys.readouterr()
    assert "--set hidden=246" in printed.out
    assert "kmer-logistic" not in printed.out
    assert _run(["models", "legnet", "--length", "101", "--match-parameters", "100000"]) == 0
    assert "--set widths=48,48,24,24,12,12,6" in capsys.readouterr().out
    assert _run(["models", "gc", "--match-parameters", "100000"]) == 3
    assert capsys.readouterr().err.startswith("kanseq: the model 'gc' has no adjustable widths")


def test_the_count_of_a_configuration_is_printed_and_bad_options_are_those_of_train(capsys):
    assert _run(["models", "mlp", "--length", "2", "--set", "hidden=3", "--json"]) == 0
    (model,) = json.loads(capsys.readouterr().out)["models"]
    assert (model["parameters"], model["set"]) == (35, {"hidden": 3})
    assert _run(["models", "kan-mixer", "--set", "token_hidden=189", "--set", "channels=128"]) == 0
    printed = capsys.readouterr().out
    assert "1,439,979" in printed
    assert "--set token_hidden=189" in printed
    assert _run(["models", "mlp", "--set", "hiden=3"]) == 3
    assert capsys.readouterr().err == "kanseq: the model 'mlp' has no option 'hiden'; it has hidden\n"
    assert _run(["models", "mlp", "--set", "hidden"]) == 2
    assert "expected KEY=VALUE" in capsys.readouterr().err
    assert _run(["models", "--set", "hidden=3"]) == 3
