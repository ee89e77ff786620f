"""A small set of genes on two contigs, and untrained networks that hold out some of them."""

import numpy as np
import pandas as pd
import pytest

from kanseq.geometry import Geometry
from kanseq.models.registry import architecture, make_config
from kanseq.runs.prediction_tables import write_held_out
from kanseq.runs.predictors import build_predictor
from kanseq.runs.trained_model import TrainedModel, save_model
from kanseq.sequences.sequence_set import SequenceSet, md5_of_letters
from kanseq.tasks.task import Task

GEOMETRY = Geometry(upstream=40, downstream=24, pad=8)
COMPLEMENT = bytes.maketrans(b"ACGTN", b"TGCAN")


@pytest.fixture(scope="session")
def contigs():
    rng = np.random.default_rng(0)
    return {name: rng.choice(list(b"ACGT"), size).astype(np.uint8).tobytes() for name, size in (("2", 900), ("1", 700))}


@pytest.fixture(scope="session")
def genes(contigs):
    """Six genes, three per contig, on both strands; the windows of the second ones overlap on the genome."""
    rows = []
    for number, (chrom, strand, tss, tts) in enumerate(
        [
            ("2", "+", 100, 400),
            ("2", "-", 330, 300),
            ("2", "+", 600, 800),
            ("1", "-", 600, 200),
            ("1", "+", 90, 110),
            ("1", "-", 500, 350),
        ]
    ):
        windows = (*GEOMETRY.tss_window(tss, strand), *GEOMETRY.tts_window(tts, strand))
        parts = [contigs[chrom][start:end] for start, end in (windows[:2], windows[2:])]
        parts = [part.translate(COMPLEMENT)[::-1] if strand == "-" else part for part in parts]
        sequence = (parts[0] + b"N" * GEOMETRY.pad + parts[1]).decode()
        rows.append((f"g{number}", ".", len(sequence), chrom, strand, tss, tts, *windows, sequence))
    names = ["id", "species", "length", "chrom", "strand", "tss", "tts"]
    names += ["tss_start", "tss_end", "tts_start", "tts_end", "sequence"]
    described = {name: {"length": len(letters), "md5": md5_of_letters(letters)} for name, letters in contigs.items()}
    return SequenceSet(pd.DataFrame(rows, columns=names), GEOMETRY, {"kind": "genes", "contigs": described})


@pytest.fixture
def gene_file(genes, tmp_path):
    genes.write(tmp_path / "genes.parquet")
    return tmp_path / "genes.parquet"


def build_model(name, geometry, contigs, fold="1", seed=0, **options):
    """Build an untrained model."""
    import torch

    torch.manual_seed(seed)
    config = make_config(name, geometry, options)
    task = Task(outputs=getattr(config, "outputs", 1))
    predictor = build_predictor(architecture(name), config, task)
    metadata = {"fold": fold, "seed": seed, "contigs": contigs}
    return TrainedModel(name, config, geometry, task, predictor, metadata)


@pytest.fixture
def make_run(genes, tmp_path):
    """Write a run in which each fold holds out one contig, with one or more seeds."""

    def make(folds=("1", "2"), seeds=(0,), name="mlp", geometry=GEOMETRY):
        run = tmp_path / "run"
        for fold in folds:
            held_out = genes.table[genes.table["chrom"] == fold]
            for seed in seeds:
                folder = run / "folds" / fold / f"seed-{seed}"
                folder.mkdir(parents=True)
                model = build_model(name, geometry, genes.contigs, fold, seed)
                save_model(folder / "model.safetensors", model)
                write_held_out(folder / "held_out.txt", list(zip(held_out["species"], held_out["id"], strict=True)))
                (folder / "done.json").write_text("{}")
        return run

    return make
