"""Compare the paper's tables with kanseq: join metrics.json of `kanseq evaluate --join` and paper_tables.tsv.

    python workflows/protocols/compare_with_paper.py metrics.json --table 2 -o beside_paper.tsv

The output has a line per species, model and metric. The species `all` is the mean over all chromosomes, each counted
once, as in the paper. The paper's value is empty if it is empty in paper_tables.tsv.
"""

import argparse
import csv
import json
import sys
from collections.abc import Iterator
from pathlib import Path

PAPER = Path(__file__).with_name("paper_tables.tsv")
METRICS = ("accuracy", "auROC", "auPRC", "F1")
COLUMNS = ("species", "model", "metric", "chromosomes", "ours", "low", "high", "paper", "difference")


def compare(metrics: dict, paper: dict[tuple[str, str], dict[str, str]]) -> Iterator[dict[str, str]]:
    """Yield the lines of the table: all models of kanseq, then those that only the paper has.

    Args:
        metrics: the JSON of ``kanseq evaluate``.
        paper: the lines of one of the paper's tables, by species and model.
    """
    kanseq = {}
    for model in metrics["models"]:
        if not model.get("ensemble"):
            averages = {"all": {"folds": len(model["folds"]), **model["mean"]}, **model.get("species", {})}
            kanseq.update({(species, model["model"]): average for species, average in averages.items()})
    for species, model in dict.fromkeys([*kanseq, *paper]):
        average, published = kanseq.get((species, model), {}), paper.get((species, model), {})
        for metric in METRICS:
            found, value_of_paper = average.get(metric, {}), published.get(metric, "")
            value = found.get("value")
            numbers = [value, found.get("low"), found.get("high")]
            shown = ["" if number is None else f"{number:.4f}" for number in numbers]
            difference = "" if value is None or not value_of_paper else f"{value - float(value_of_paper):+.4f}"
            chromosomes = str(average.get("folds", ""))
            yield dict(
                zip(COLUMNS, [species, model, metric, chromosomes, *shown, value_of_paper, difference], strict=True)
            )


def read_paper(path: Path, table: str) -> dict[tuple[str, str], dict[str, str]]:
    """Read the lines of one of the paper's tables, by species and model; lines that begin with ``#`` are comments."""
    with open(path, newline="") as handle:
        rows = csv.DictReader((line for line in handle if not line.startswith("#")), delimiter="\t")
        return {(row["species"], row["model"]): row for row in rows if row["table"] == table}


def main() -> None:
    """Read both tables, join them, and write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("metrics", type=Path, help="metrics.json of kanseq evaluate --join")
    parser.add_argument("--table", required=True, choices=["2", "3"], help="2: single species, 3: across species")
    parser.add_argument("--paper", type=Path, default=PAPER)
    parser.add_argument("-o", "--output", type=Path, required=True)
    options = parser.parse_args()
    paper = read_paper(options.paper, options.table)
    rows = list(compare(json.loads(options.metrics.read_text()), paper))
    with open(options.output, "w", newline="") as handle:
        writer = csv.DictWriter(handle, COLUMNS, delimiter="\t", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    known = sum(bool(line[metric]) for line in paper.values() for metric in METRICS)
    cells = len(paper) * len(METRICS)
    sys.stderr.write(f"{known} of {cells} cells of the paper's table {options.table} are filled in {options.paper}\n")


if __name__ == "__main__":
    main()
