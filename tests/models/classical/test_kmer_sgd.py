"""Logistic regression on k-mer counts by stochastic gradient descent."""

from pathlib import Path

import numpy as np
import pytest
import torch

from kanseq.geometry import Geometry
from kanseq.models.classical.kmer_sgd import KmerSGD
from kanseq.models.classical.kmers import kmer_counts
from kanseq.models.classical.logistic import KmerLogistic, KmerLogisticConfig
from kanseq.models.estimators import moments
from kanseq.models.inputs import Examples
from kanseq.models.registry import make_config
from kanseq.tasks.task import Task
from kanseq.training.loop import Limits, fit_objective
from kanseq.training.objectives.batches import epoch_order
from kanseq.training.objectives.task_objective import TaskObjective
from kanseq.training.settings import Settings

GENES = Geometry(upstream=40, downstream=20, pad=4)


def codes_of(rows: int, geometry: Geometry = GENES, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 5, (rows, geometry.columns), dtype=np.uint8)


def train(network: KmerSGD, examples: Examples, settings: Settings, folder: Path) -> None:
    objective = TaskObjective(network, Task("binary", 1), examples, settings, seed=0)
    fit_objective(objective, None, Limits(settings.epochs), seed=0, folder=folder, title="")


@pytest.mark.parametrize("geometry", [GENES, Geometry(40, 20, 4, visible="flanks"), Geometry.plain(31)])
@pytest.mark.parametrize("options", [{}, {"k": 2, "bin": 7}, {"k": 1, "bin": 100}, {"k": 5, "bin": 13}])
def test_codes_and_one_hot_columns_have_the_counts_of_the_estimator(geometry, options):
    network = KmerSGD(make_config("kmer-sgd", geometry, options))
    torch.nn.init.normal_(network.linear.weight, generator=torch.Generator().manual_seed(0))
    codes = codes_of(6, geometry)
    counts = kmer_counts(codes, geometry, options.get("k", 3), options.get("bin", 125))
    assert network.counts(torch.from_numpy(codes)).numpy() == pytest.approx(counts)
    whole = network(torch.from_numpy(codes))
    encoded = network.forward_encoded(network.encode(torch.from_numpy(codes)))
    assert encoded.detach().numpy() == pytest.approx(whole.detach().numpy(), abs=1e-4)


def test_moments_are_those_of_all_training_sequences():
    network = KmerSGD(make_config("kmer-sgd", GENES, {"k": 2, "bin": 15}))
    codes = codes_of(50)
    network.prepare(torch.from_numpy(codes[start : start + 8]) for start in range(0, 50, 8))
    mean, scale = moments(kmer_counts(codes, GENES, 2, 15))
    assert network.mean.numpy() == pytest.approx(mean, abs=1e-6)
    assert network.scale.numpy() == pytest.approx(scale, abs=1e-6)


def test_it_converges_to_the_regression_with_the_same_penalty(tmp_path):
    codes = codes_of(200)
    noise = np.random.default_rng(1).normal(0, 3, len(codes))
    targets = (kmer_counts(codes, GENES, 1, 40)[:, 0] + noise > 6).astype(np.int64)
    plain = KmerLogistic(KmerLogisticConfig(geometry=GENES, k=1, bin=40))
    plain.fit(codes, targets)
    strength = 1 / (float(plain.regularisation[0]) * len(targets))
    network = KmerSGD(make_config("kmer-sgd", GENES, {"k": 1, "bin": 40, "outputs": 1}))
    settings = Settings(epochs=300, batch_size=200, learning_rate=0.03, weight_decay=strength, decay="coupled",
                        schedule="cosine", precision="float32")  # fmt: skip
    train(network, Examples(codes, targets), settings, tmp_path)
    fitted = network(torch.from_numpy(codes)).detach().numpy()[:, 0]
    assert fitted == pytest.approx(plain.logits(codes), abs=1e-3)


def test_the_moments_are_restored_with_the_state(tmp_path):
    codes, targets = codes_of(40), np.arange(40) % 2
    options = {"k": 2, "bin": 30}
    settings = Settings(epochs=3, batch_size=8, precision="float32")
    whole, broken = (KmerSGD(make_config("kmer-sgd", GENES, options)) for _ in range(2))
    train(whole, Examples(codes, targets), settings, tmp_path)
    (tmp_path / "b").mkdir()
    short = Settings(epochs=1, batch_size=8, precision="float32")
    train(broken, Examples(codes, targets), short, tmp_path / "b")
    again = KmerSGD(make_config("kmer-sgd", GENES, options))
    train(again, Examples(codes, targets), settings, tmp_path / "b")
    assert all(torch.equal(again.state_dict()[name], tensor) for name, tensor in whole.state_dict().items())


def test_large_epochs_shuffle_neighbouring_blocks():
    order = epoch_order(0, 0, 200_000)
    assert sorted(order.tolist()) == list(range(200_000))
    first = order[:65_536] // 4096
    assert len(set(first.tolist())) == 16
    assert len(set((order[:64] // 4096).tolist())) > 8
    assert not np.array_equal(order, epoch_order(0, 1, 200_000))
    assert np.array_equal(epoch_order(3, 2, 65_536), np.random.default_rng([3, 2]).permutation(65_536))
