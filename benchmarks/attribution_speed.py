"""Measure the cost of path attribution, and compare it with other packages.

    python benchmarks/attribution_speed.py -o FOLDER [--only step,genome,peers] [--json FILE]

`step` times `paths` and a training step in turns, per sequence (a gene and each of its references count as one), on one
thread, in process CPU time. `genome` runs `kanseq explain` on all genes of *Arabidopsis* chromosome 1, and on a seventh
of them, with ten references per gene on two threads, and reports seconds and peak memory. `peers` explains the
`deepcre` and `kan-mixer` models of `attribution.py` (in FOLDER/runs, trained if they do not exist) also with
tangermeme's DeepLIFT/SHAP and captum's integrated gradients, if these packages can be imported, and reports agreement
and time.
"""

import argparse
import json
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
import torch
from attribution import FOLD, Genes, markdown, place_of, say, trained
from common import KANSEQ, run
from torch import Tensor, nn
from train_step import contender

from kanseq.attribution.gradients import integrated_gradients
from kanseq.attribution.paths import attribute_by_paths
from kanseq.attribution.references import References
from kanseq.attribution.shares import Attribution, MethodOptions, encoded
from kanseq.geometry import Geometry
from kanseq.io.allocator import keep_freed_memory
from kanseq.models.networks.deepcre import POOL, DeepCRE
from kanseq.models.registry import architecture, make_config
from kanseq.runs.trained_model import TrainedModel
from kanseq.sequences.sequence_set import SequenceSet
from kanseq.sequences.shuffles import dinucleotide_shuffles
from kanseq.tasks.task import Task

NETWORKS = ("kan-words", "kan-mixer", "deepcre", "kan", "mlp")
BATCH = 64


class Given(References):
    """References that were drawn before, so that drawing is not timed."""

    def of(self, codes: np.ndarray, names: list[str]) -> np.ndarray:
        """Return the references of the first genes."""
        return self.sequences[: len(codes)]


def steps(rounds: int) -> list[dict[str, object]]:
    """Time attributions and training steps in turns."""
    rows = []
    for name in NETWORKS:
        step = contender(name, "float32", BATCH, "cpu", None).step
        config = make_config(name, Geometry())
        network = architecture(name).build(config).eval()
        model = TrainedModel(name, config, Geometry(), Task(outputs=config.outputs), network)
        for count in (1, 10):
            genes = max(1, 2 * BATCH // (1 + count))
            codes = np.random.default_rng(0).integers(0, 4, (genes, Geometry().columns), dtype=np.uint8)
            names = [f"g{row}" for row in range(genes)]
            given = Given("given", count, 0, dinucleotide_shuffles(codes, names, count))
            explain = partial(attribute_by_paths, model, codes, names, given, MethodOptions())
            pairs = [
                (milliseconds(explain) / (genes * (1 + count)), milliseconds(step) / BATCH) for _ in range(rounds + 1)
            ][1:]
            rows.append(
                {
                    "model": name,
                    "references": count,
                    "paths_ms_a_sequence": median(paths for paths, _ in pairs),
                    "step_ms_a_sequence": median(train for _, train in pairs),
                    "ratio": median(paths / train for paths, train in pairs),
                }
            )
            say(json.dumps(rows[-1]))
    return rows


def milliseconds(work: Callable[[], object]) -> float:
    """Return the CPU time of a call."""
    start = time.process_time()
    work()
    return 1e3 * (time.process_time() - start)


def genome(name: str, folder: Path, threads: int, parts: list[int]) -> list[dict[str, object]]:
    """Explain a fraction of all genes for each number of parts (7: a seventh)."""
    trained(name, folder)
    model = folder / "runs" / name
    genes = folder / "chromosome1" / "genes.parquet"
    ids = list(SequenceSet.read(genes, columns=["id"]).table["id"])
    rows = []
    for count in (len(ids) // part for part in parts):
        few = folder / "few.txt"
        few.write_text("\n".join(ids[:count]) + "\n")
        options = ["--gene-list", few, "--allow-seen", "--reference", "shuffle:10", "--threads", str(threads)]
        outputs = ["-o", folder / "all.parquet", "--bigwig", folder / "all.bw"]
        command = [*KANSEQ, "explain", model, genes, *options, *outputs]
        found = run(list(map(str, command)))
        rows.append({"model": name, "genes": count, "references": 10, "threads": threads, **found._asdict()})
        say(json.dumps(rows[-1]))
    return rows


def peers(folder: Path, count: int) -> list[dict[str, object]]:
    """Explain the same genes with the same references with other packages."""
    warnings.filterwarnings("ignore")
    rows = []
    set_of = SequenceSet.read(folder / "chromosome1" / "genes.parquet")
    for name in ("deepcre", "kan-mixer"):
        model = trained(name, folder)
        genes = Genes(set_of, place_of(folder / "runs" / name, FOLD), count, model)
        given = Given("given", 5, 0, dinucleotide_shuffles(genes.codes, genes.names, 5))
        one_by_one = explained_by(attribute_by_paths, model, genes, given)
        if name == "deepcre":
            rows += deep_lift(model, genes, given)
        rows += captum_gradients(model, genes, given, one_by_one)
    return rows


def explained_by(
    method: Callable[..., Attribution], model: TrainedModel, genes: Genes, given: References
) -> Attribution:
    """Explain the genes with one of kanseq's methods."""
    return method(model, genes.codes, genes.names, given, MethodOptions(steps=50))


def in_modules(network: DeepCRE, mean_pool: bool) -> nn.Module:
    """Build `deepcre` from modules only, for packages that hook modules; with max or mean pooling."""
    layers: list[nn.Module] = []
    for block in network.blocks:
        pool = nn.AvgPool1d(POOL, ceil_mode=True) if mean_pool else nn.MaxPool1d(POOL, ceil_mode=True)
        for conv in (block.first, block.second):
            layers += [nn.ConstantPad1d((3, 4), 0.0), conv, nn.ReLU()]
        layers.append(pool)
    return nn.Sequential(*layers, nn.Flatten(), *network.dense).eval()


def deep_lift(model: TrainedModel, genes: Genes, given: Given) -> list[dict[str, object]]:
    """Compare DeepLIFT/SHAP with paths on `deepcre`, with its max pooling and with mean pooling instead."""
    try:
        from tangermeme.deep_lift_shap import deep_lift_shap
    except ImportError:
        say("tangermeme cannot be imported: skipped")
        return []
    rows = []
    x = encoded(model.network, genes.codes)
    several = torch.stack([encoded(model.network, given.sequences[:, k]) for k in range(given.count)], dim=1)
    for mean_pool in (True, False):
        network = in_modules(model.network, mean_pool)
        start = time.process_time()
        peer = deep_lift_shap(network, x, references=several, device="cpu", warning_threshold=1e9, only_warn=True)
        seconds = time.process_time() - start
        wrapped = Wrapped(network, model)
        start = time.process_time()
        own = explained_by(attribute_by_paths, wrapped, genes, given)
        own_seconds = time.process_time() - start
        with torch.no_grad():
            logit = network(x)[:, 0]
            below = torch.stack([network(several[:, k])[:, 0] for k in range(given.count)]).mean(0)
        rows.append(
            {
                "model": f"deepcre, {'means' if mean_pool else 'maxima'}",
                "peer": "tangermeme deep_lift_shap",
                **compared(peer.sum(1).numpy(), own.values),
                "peer_completeness_error": completeness(peer.sum(1).numpy(), (logit - below).numpy()),
                "own_completeness_error": float(own.errors.max()),
                "peer_seconds": seconds,
                "own_seconds": own_seconds,
            }
        )
        say(json.dumps(rows[-1]))
    return rows


class Wrapped(TrainedModel):
    """A network of modules with the encoding and task of another model."""

    def __init__(self, layers: nn.Module, model: TrainedModel) -> None:
        network = model.network

        class Network(type(network)):  # type: ignore[misc]
            def __init__(self) -> None:
                nn.Module.__init__(self)
                self.geometry, self.layers = network.geometry, layers
                self.register_buffer("hidden", network.hidden, persistent=False)
                self.register_buffer("bases", network.bases, persistent=False)

            def forward_encoded(self, x: Tensor) -> Tensor:
                return self.layers(x)

        super().__init__(model.architecture, model.config, model.geometry, model.task, Network().eval())


def captum_gradients(model: TrainedModel, genes: Genes, given: Given, paths: Attribution) -> list[dict[str, object]]:
    """Compare captum's integrated gradients with kanseq's, which should agree, and with paths."""
    try:
        from captum.attr import IntegratedGradients
    except ImportError:
        say("captum cannot be imported: skipped")
        return []
    network, task = model.network, model.task
    method = IntegratedGradients(lambda stack: task.logit(network.forward_encoded(stack)))
    x = encoded(network, genes.codes)
    peer, start = torch.zeros_like(x), time.process_time()
    for k in range(given.count):
        below = encoded(network, given.sequences[:, k])
        peer += method.attribute(x, below, n_steps=50, method="riemann_middle", internal_batch_size=128) / given.count
    seconds = time.process_time() - start
    start = time.process_time()
    own_gradients = explained_by(integrated_gradients, model, genes, given)
    own_seconds = time.process_time() - start
    values = peer.detach().sum(1).numpy()
    rows = []
    for kind, own, own_time in (("integrated", own_gradients, own_seconds), ("paths", paths, float("nan"))):
        rows.append(
            {
                "model": model.architecture,
                "peer": f"captum integrated gradients beside {kind}",
                **compared(values, own.values),
                "peer_completeness_error": completeness(values, own_gradients.logit - own_gradients.reference_logit),
                "own_completeness_error": float(own.errors.max()),
                "peer_seconds": seconds,
                "own_seconds": own_time,
            }
        )
        say(json.dumps(rows[-1]))
    return rows


def compared(peer: np.ndarray, own: np.ndarray) -> dict[str, float]:
    """Return the largest difference divided by the largest value, and the median correlation within genes."""
    pearson = [np.corrcoef(a, b)[0, 1] for a, b in zip(peer, own, strict=True)]
    return {
        "largest_difference": float(np.abs(peer - own).max() / np.abs(own).max()),
        "pearson": float(np.median(pearson)),
    }


def completeness(values: np.ndarray, difference: np.ndarray) -> float:
    """Return the largest completeness error of attributions averaged over references."""
    return float((np.abs(values.sum(1) - difference) / np.maximum(1, np.abs(values).sum(1))).max())


def main() -> None:
    """Run the measurements, print their tables, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, required=True, help="sets and runs of attribution.py")
    parser.add_argument("--only", default="step,genome,peers")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2, help="threads of `genome`")
    parser.add_argument("--genome-model", default="kan-words")
    parser.add_argument("--parts", default="7,1", type=lambda text: [int(part) for part in text.split(",")])
    parser.add_argument("--peer-genes", type=int, default=20)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    keep_freed_memory()
    found: dict[str, list[dict[str, object]]] = {}
    if "step" in options.only:
        found["step"] = steps(options.rounds)
    if "genome" in options.only:
        found["genome"] = genome(options.genome_model, options.output, options.threads, options.parts)
    if "peers" in options.only:
        found["peers"] = peers(options.output, options.peer_genes)
    for rows in found.values():
        print(markdown(rows) + "\n")
    if options.json is not None:
        options.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
