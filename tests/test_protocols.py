"""The configs of the paper's protocols, and the comparison of its tables with the scores of kanseq."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from kanseq.verbs.modelling.evaluate import evaluate
from tests.verbs.modelling.predicted_tables import predictions

PROTOCOLS = Path(__file__).parents[1] / "workflows" / "protocols"
TABLES = PROTOCOLS / "paper_tables.tsv"
METRICS = ("accuracy", "auROC", "auPRC", "F1")
HEADER = "table\tspecies\tmodel\taccuracy\tauROC\tauPRC\tF1\tsource\tnote\n"
CHROMOSOMES = {"arabidopsis_thaliana": 5, "solanum_lycopersicum": 12, "sorghum_bicolor": 10, "zea_mays": 10}


def read(name):
    return yaml.safe_load((PROTOCOLS / name).read_text())


def compare_with_paper(folder, models, paper, table="2"):
    """Run the script on metrics and a paper's table; return its rows, standard output and standard error."""
    if isinstance(paper, str):
        (folder / "paper.tsv").write_text("# a comment\n" + HEADER + paper)
        paper = folder / "paper.tsv"
    done = run_script(folder, models, paper, table)
    assert done.returncode == 0, done.stderr
    with open(folder / "compared.tsv", newline="") as handle:
        return list(csv.DictReader(handle, delimiter="\t")), done.stdout, done.stderr


def run_script(folder, models, paper, table="2"):
    (folder / "metrics.json").write_text(json.dumps({"models": models}))
    command = [sys.executable, PROTOCOLS / "compare_with_paper.py", folder / "metrics.json"]
    options = ["--table", table, "--paper", paper, "-o", folder / "compared.tsv"]
    return subprocess.run([*command, *options], check=False, capture_output=True, text=True)


def paper_rows():
    with open(TABLES, newline="") as handle:
        return list(csv.DictReader((line for line in handle if not line.startswith("#")), delimiter="\t"))


def values(*numbers):
    return {
        name: {"value": number, "low": number - 0.125, "high": number + 0.125}
        for name, number in zip(METRICS, numbers, strict=True)
    }


@pytest.mark.parametrize("name", ["single_species.yaml", "cross_species.yaml"])
def test_a_protocol_has_the_37_chromosomes_of_four_plants_of_ensembl_52(name):
    species = read(name)["species"]
    contigs = {plant: each["extract"].removeprefix("--contigs ").split(",") for plant, each in species.items()}
    assert {plant: len(names) for plant, names in contigs.items()} == CHROMOSOMES
    assert all(names == [str(number + 1) for number in range(len(names))] for names in contigs.values())
    root = "https://ftp.ebi.ac.uk/ensemblgenomes/pub/release-52/plants"
    assembly = {
        "arabidopsis_thaliana": "Arabidopsis_thaliana.TAIR10",
        "solanum_lycopersicum": "Solanum_lycopersicum.SL3.0",
        "sorghum_bicolor": "Sorghum_bicolor.Sorghum_bicolor_NCBIv3",
        "zea_mays": "Zea_mays.Zm-B73-REFERENCE-NAM-5.0",
    }
    for plant, each in species.items():
        assert each["genome"] == f"{root}/fasta/{plant}/dna/{assembly[plant]}.dna.toplevel.fa.gz"
        assert each["annotation"] == f"{root}/gtf/{plant}/{assembly[plant]}.52.gtf.gz"


def test_both_protocols_use_the_same_data_and_models():
    single, cross = read("single_species.yaml"), read("cross_species.yaml")
    assert single["species"] == cross["species"]
    assert single["models"] == cross["models"]
    assert (single["protocol"], cross["protocol"]) == ("single-species", "cross-species")
    assert (single["paper_table"], cross["paper_table"]) == (2, 3)


def test_the_table_of_the_paper_has_a_row_per_model_and_species_with_its_source():
    rows = paper_rows()
    models = {"2": ["kan-mixer", "kan", "mlp", "deepcre"], "3": ["kan-mixer", "deepcre"]}
    expected = [
        (table, species, model) for table in models for species in [*CHROMOSOMES, "all"] for model in models[table]
    ]
    assert [(row["table"], row["species"], row["model"]) for row in rows] == expected
    assert all(row["accuracy"] and row["auROC"] and not row["auPRC"] and not row["F1"] for row in rows)
    assert {(row["table"], row["source"]) for row in rows} == {
        ("2", "table 2 of the paper"),
        ("3", "table 3 of the paper"),
    }


@pytest.mark.parametrize(
    ("table", "species", "model", "accuracy", "auroc"),
    [
        ("2", "arabidopsis_thaliana", "kan-mixer", "78.9", "87.2"),
        ("2", "arabidopsis_thaliana", "deepcre", "73.2", "80.1"),
        ("2", "solanum_lycopersicum", "deepcre", "80.2", "86.2"),
        ("2", "sorghum_bicolor", "kan", "61.9", "66.1"),
        ("2", "zea_mays", "mlp", "75.1", "79.3"),
        ("2", "all", "kan", "66.7", "68.8"),
        ("2", "all", "kan-mixer", "77.5", "83.8"),
        ("3", "zea_mays", "kan-mixer", "78.2", "86.7"),
        ("3", "solanum_lycopersicum", "deepcre", "74.0", "81.9"),
        ("3", "all", "deepcre", "75.8", "83.4"),
    ],
)
def test_cells_are_percentages_as_printed(table, species, model, accuracy, auroc):
    (row,) = [row for row in paper_rows() if (row["table"], row["species"], row["model"]) == (table, species, model)]
    assert (row["accuracy"], row["auROC"]) == (accuracy, auroc)


def test_slips_of_the_paper_have_a_note():
    noted = {(row["table"], row["species"], row["model"]) for row in paper_rows() if row["note"]}
    assert noted == {
        ("2", "arabidopsis_thaliana", "kan-mixer"),
        ("2", "arabidopsis_thaliana", "deepcre"),
        ("2", "all", "kan"),
        ("3", "solanum_lycopersicum", "deepcre"),
        ("3", "all", "deepcre"),
    }


def test_all_printed_averages_but_one_row_are_means_over_the_37_chromosomes(tmp_path):
    found = {}
    for table in ("2", "3"):
        rows, _, _ = compare_with_paper(tmp_path, [], TABLES, table)
        for row in rows:
            if row["published_from_species"]:
                assert row["species"] == "all"
                found[table, row["model"], row["metric"]] = (row["published"], row["published_from_species"])
    assert len(found) == 12
    # Rounding of the species and of the average to 0.1 % changes their difference by at most 0.1 %.
    far = {key: pair for key, pair in found.items() if abs(float(pair[0]) - float(pair[1])) > 0.00101}
    assert far == {("3", "deepcre", "accuracy"): ("0.7580", "0.7489"), ("3", "deepcre", "auROC"): ("0.8340", "0.8248")}
    assert found["2", "kan", "auROC"] == ("0.6880", "0.6887")


def test_a_published_percentage_is_compared_with_the_mean_over_all_chromosomes(tmp_path):
    models = [
        {
            "model": "kan",
            "folds": [{"fold": "1"}, {"fold": "2"}, {"fold": "3"}],
            "mean": {"n": 9, **values(0.5, 0.625, 0.75, 0.875)},
            "species": {"zea_mays": {"folds": 2, "n": 6, **values(0.25, 0.5, 0.5, 0.5)}},
        },
        {"model": "kan", "ensemble": True, "folds": [], "mean": values(1, 1, 1, 1)},
    ]
    paper = "2\tall\tkan\t\t60.5\t\t\tpage 1\tin part\n3\tall\tkan\t\t10\t\t\tpage 2\t\n"
    rows, output, errors = compare_with_paper(tmp_path, models, paper)
    assert [(row["species"], row["chromosomes"]) for row in rows[::4]] == [("zea_mays", "2"), ("all", "3")]
    assert rows[5] == {
        "species": "all",
        "model": "kan",
        "metric": "auROC",
        "chromosomes": "3",
        "measured": "0.6250",
        "low": "0.5000",
        "high": "0.7500",
        "published": "0.6050",
        "difference": "+0.0200",
        "published_from_species": "",
        "note": "in part",
    }
    assert (rows[4]["measured"], rows[4]["published"], rows[4]["difference"]) == ("0.5000", "", "")
    assert output == (
        "table 2 of the paper (single species): auROC\n"
        "species   model  chromosomes  measured          [95 %]  published  difference  from species\n"
        "zea_mays  kan              2     0.500  [0.375, 0.625]\n"
        "all       kan              3     0.625  [0.500, 0.750]      0.605      +0.020\n"
        "\n"
        "from species: mean over the 37 chromosomes, computed from the published values of the four species\n"
        "all, kan: in part\n"
    )
    assert errors == (
        "warning: zea_mays: number of chromosomes: measured 2, published 10\n"
        "warning: all: number of chromosomes: measured 3, published 37\n"
    )


def test_the_mean_from_species_counts_each_chromosome_once(tmp_path):
    cells = {"arabidopsis_thaliana": 80, "solanum_lycopersicum": 60, "sorghum_bicolor": 70, "zea_mays": 90, "all": 75}
    paper = "".join(f"3\t{name}\tmlp\t{value}\t\t\t\tpage 1\t\n" for name, value in cells.items())
    rows, output, _ = compare_with_paper(tmp_path, [], paper, "3")
    # (5 * 80 + 12 * 60 + 10 * 70 + 10 * 90) / 37 = 2720 / 37 = 73.51
    assert [row["published_from_species"] for row in rows[::4]] == ["", "", "", "", "0.7351"]
    assert "table 3 of the paper (across species): accuracy" in output


def test_a_model_that_is_only_in_the_paper_has_a_row(tmp_path):
    rows, _, errors = compare_with_paper(tmp_path, [], "2\tzea_mays\tmlp\t50\t\t\t\tpage 1\t\n")
    assert [row["published"] for row in rows] == ["0.5000", "", "", ""]
    assert {row["measured"] + row["difference"] + row["chromosomes"] for row in rows} == {""}
    assert errors == ""


def test_a_model_of_one_species_is_not_compared_with_the_mean_of_four(tmp_path):
    folds = [{"fold": "1", "species": "zea_mays"}, {"fold": "2", "species": "zea_mays"}]
    models = [{"model": "mlp", "folds": folds, "mean": values(0.75, 0.75, 0.75, 0.75)}]
    paper = "2\tzea_mays\tmlp\t50\t\t\t\tpage 1\t\n2\tall\tmlp\t60\t\t\t\tpage 1\t\n"
    rows, _, _ = compare_with_paper(tmp_path, models, paper)
    shown = [(row["species"], row["chromosomes"], row["measured"], row["difference"]) for row in rows[::4]]
    assert shown == [("zea_mays", "2", "0.7500", "+0.2500"), ("all", "", "", "")]


@pytest.mark.parametrize("cell", ["0.764", "764", "76,4", "nan"])
def test_a_cell_that_is_no_percentage_is_refused_with_its_line(tmp_path, cell):
    paper = tmp_path / "paper.tsv"
    paper.write_text(f"# a comment\n{HEADER}2\tall\tkan\t{cell}\t\t\t\tpage 1\t\n")
    done = run_script(tmp_path, [], paper)
    message = f"{paper}:3: accuracy '{cell}' is not a percentage; write percent, such as 76.4\n"
    assert (done.returncode, done.stderr) == (3, message)
    assert not (tmp_path / "compared.tsv").exists()


def test_the_scores_of_kanseq_evaluate_are_compared_by_species(tmp_path):
    paths = [tmp_path / species / "kan-mixer.tsv" for species in ("arabidopsis_thaliana", "zea_mays")]
    for path, folds in zip(paths, ("12345", "12"), strict=True):
        path.parent.mkdir()
        table = predictions(path, 2.0, folds=folds)[1].assign(species=path.parent.name)
        table.to_csv(path, sep="\t", index=False)
    result = evaluate(paths, output=tmp_path / "metrics.json", bootstrap=20, join=True)
    rows, output, errors = compare_with_paper(tmp_path, result.models, TABLES)
    measured = [row for row in rows if row["measured"] and row["metric"] == "auROC"]
    assert [(row["species"], row["model"], row["chromosomes"], row["published"]) for row in measured] == [
        ("arabidopsis_thaliana", "kan-mixer", "5", "0.8720"),
        ("zea_mays", "kan-mixer", "2", "0.8250"),
        ("all", "kan-mixer", "7", "0.8380"),
    ]
    first = result.models[0]["species"]["arabidopsis_thaliana"]["auROC"]["value"]
    assert float(measured[0]["measured"]) == pytest.approx(first, abs=1e-4)
    assert float(measured[0]["difference"]) == pytest.approx(first - 0.872, abs=1e-4)
    assert output.count("\narabidopsis_thaliana  kan-mixer            5 ") == 2
    assert errors.startswith("warning: zea_mays: number of chromosomes: measured 2, published 10\n")


def test_two_models_of_one_architecture_and_species_are_refused(tmp_path):
    model = {"model": "mlp", "folds": [{"fold": "1"}], "mean": values(0.75, 0.75, 0.75, 0.75)}
    done = run_script(tmp_path, [model, model], TABLES)
    assert done.returncode == 3
    assert done.stderr == "two models 'mlp' of the species 'all'; use kanseq evaluate --join\n"
