"""The commands of the README's walkthrough, on a simulated genome."""

import json
from pathlib import Path

import pytest

from kanseq.cli.main import _run


def test_the_commands_of_the_walkthrough_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    small = "--epochs 1 --threads 1"
    tracks = "-o attributions.parquet --bed attribution.bed.gz --bigwig attribution.bw"
    for command in (
        "simulate -o sim --genes 300 --contigs 3",
        "extract sim/genome.fa.gz sim/genes.gtf.gz -o genes.parquet --excluded excluded.tsv",
        "homology genes.parquet --genome sim/genome.fa.gz --annotation sim/genes.gtf.gz --tool sketch -o homologs.tsv",
        "split genes.parquet --by chromosome --homology homologs.tsv --similar -o splits.tsv",
        "label sim/tpm.csv --splits splits.tsv -o labels.tsv",
        "leaks genes.parquet --splits splits.tsv --homology homologs.tsv --labels labels.tsv --strict",
        f"train genes.parquet --labels labels.tsv --splits splits.tsv --holdout all -o run/ {small}",
        "evaluate run/ -o metrics.json --bootstrap 50",
        f"explain run/ genes.parquet {tracks} --reference shuffle:1 --threads 1",
        "figures run/ genes.parquet --attributions attributions.parquet -o figures/ --word-length 4 --threads 1",
        "simulate -o other --genes 60 --contigs 1 --seed 1",
        "extract other/genome.fa.gz other/genes.gtf.gz -o other_genes.parquet",
        "predict run/ other_genes.parquet -o predictions.tsv --threads 1",
        "inspect run/",
    ):
        assert _run(command.split()) == 0, capsys.readouterr().err
    printed = capsys.readouterr()
    assert "kan-words auROC" in printed.err
    assert "kmer-logistic" in printed.err
    scores = json.loads((tmp_path / "metrics.json").read_text())
    assert [len(model["folds"]) for model in scores["models"]] == [3, 3]
    for name in ("attribution.bed.gz.tbi", "attribution.bw", "attributions.parquet", "figures/words-4.png"):
        assert (tmp_path / name).stat().st_size > 0
    predicted = (tmp_path / "predictions.tsv").read_text().splitlines()
    assert predicted[0].split("\t")[:3] == ["species", "id", "condition"]
    assert {line.split("\t")[4] for line in predicted[1:]} == {"mean"}
    assert not [path.name for path in tmp_path.iterdir() if ".part." in path.name]
