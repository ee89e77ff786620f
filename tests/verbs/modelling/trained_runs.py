"""Short runs, and the content of their files."""

from kanseq.verbs.modelling.train import train

KEPT = ("model.safetensors", "predictions.tsv", "held_out.txt", "done.json")
SMALL = {"options": {"hidden": 4}, "holdout": "1", "epochs": 1}


def run(inputs, output, **options):
    chosen = {"model": "mlp", "epochs": 2, "batch_size": 8, "baseline": False, "threads": 1, **options}
    return train(inputs.genes, labels=inputs.labels, splits=inputs.splits, output=output, **chosen)


def contents(folder):
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.name in KEPT}
