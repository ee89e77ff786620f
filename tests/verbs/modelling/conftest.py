"""A run of one epoch."""

import pytest

from kanseq.verbs.modelling.train import train


@pytest.fixture
def run(genes, labels, splits, tmp_path):
    options = {"labels": labels, "splits": splits, "output": tmp_path / "run", "model": "mlp", "epochs": 1}
    train(genes, **options)
    return tmp_path / "run"
