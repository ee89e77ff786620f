"""The configs of the paper's protocols, and the comparison of its tables with the scores of kanseq."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

PROTOCOLS = Path(__file__).parents[1] / "workflows" / "protocols"
METRICS = ("accuracy", "auROC", "auPRC", "F1")


def read(name):
    return yaml.safe_load((PROTOCOLS / name).read_text())


def compare_with_paper(folder, models, paper):
    """Run the script on metrics and a paper's table; return its rows and standard error."""
    (folder / "metrics.json").write_text(json.dumps({"models": models}))
    (folder / "paper.tsv").write_text("# a comment\n" + paper)
    command = [sys.executable, PROTOCOLS / "compare_with_paper.py", folder / "metrics.json"]
    options = ["--table", "2", "--paper", folder / "paper.tsv", "-o", folder / "out.tsv"]
    errors = subprocess.run([*command, *options], check=True, capture_output=True, text=True).stderr
    with open(folder / "out.tsv", newline="") as handle:
        return list(csv.DictReader(handle, delimiter="\t")), errors


def values(*numbers):
    return {
        name: {"value": number, "low": number - 0.125, "high": number + 0.125}
        for name, number in zip(METRICS, numbers, strict=True)
    }


@pytest.mark.parametrize("name", ["single_species.yaml", "cross_species.yaml"])
def test_a_protocol_has_the_37_chromosomes_of_four_plants_of_ensembl_52(name):
    species = read(name)["species"]
    contigs = {plant: each["extract"].removeprefix("--contigs ").split(",") for plant, each in species.items()}
    assert {plant: len(names) for plant, names in contigs.items()} == {
        "arabidopsis_thaliana": 5,
        "solanum_lycopersicum": 12,
        "sorghum_bicolor": 10,
        "zea_mays": 10,
    }
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


def test_every_number_of_the_paper_has_a_source_and_every_missing_number_a_note():
    with open(PROTOCOLS / "paper_tables.tsv", newline="") as handle:
        rows = list(csv.DictReader((line for line in handle if not line.startswith("#")), delimiter="\t"))
    assert len({(row["table"], row["species"], row["model"]) for row in rows}) == len(rows)
    assert {row["table"] for row in rows} == {"2", "3"}
    for row in rows:
        cells = [row[name] for name in METRICS]
        assert row["source"] or not any(cells), row
        assert row["note"] or all(cells), row


def test_the_paper_is_compared_with_means_over_all_chromosomes_and_over_species(tmp_path):
    models = [
        {
            "model": "kan",
            "folds": [{"fold": "1"}, {"fold": "2"}, {"fold": "3"}],
            "mean": {"n": 9, **values(0.5, 0.625, 0.75, 0.875)},
            "species": {"zea_mays": {"folds": 2, "n": 6, **values(0.25, 0.5, 0.5, 0.5)}},
        },
        {"model": "kan", "ensemble": True, "folds": [], "mean": values(1, 1, 1, 1)},
    ]
    header = "table\tspecies\tmodel\taccuracy\tauROC\tauPRC\tF1\tsource\tnote\n"
    paper = header + "2\tall\tkan\t\t0.6\t\t\tpage 1\tin part\n3\tall\tkan\t\t0.1\t\t\tpage 2\tin part\n"
    rows, errors = compare_with_paper(tmp_path, models, paper)
    assert [(row["species"], row["chromosomes"]) for row in rows[::4]] == [("all", "3"), ("zea_mays", "2")]
    assert rows[1] == {
        "species": "all",
        "model": "kan",
        "metric": "auROC",
        "chromosomes": "3",
        "ours": "0.6250",
        "low": "0.5000",
        "high": "0.7500",
        "paper": "0.6",
        "difference": "+0.0250",
    }
    assert (rows[0]["ours"], rows[0]["paper"], rows[0]["difference"]) == ("0.5000", "", "")
    assert errors.startswith("1 of 4 cells of the paper's table 2 are filled")


def test_a_model_that_is_only_in_the_paper_has_a_row(tmp_path):
    header = "table\tspecies\tmodel\taccuracy\tauROC\tauPRC\tF1\tsource\tnote\n"
    rows, _ = compare_with_paper(tmp_path, [], header + "2\tzea_mays\tmlp\t0.5\t\t\t\tpage 1\tin part\n")
    assert [row["paper"] for row in rows] == ["0.5", "", "", ""]
    assert {row["ours"] + row["difference"] + row["chromosomes"] for row in rows} == {""}
