"""Compare the paper's tables with kanseq: join metrics.json of `kanseq evaluate --join` and paper_tables.tsv.

    python workflows/protocols/compare_with_paper.py metrics.json --table 2 -o compared_with_paper.tsv

The output file has a line per species, model and metric; the same numbers are printed as aligned tables. All numbers
are fractions, as in metrics.json; paper_tables.tsv is in percent. The species `all` is the mean over all chromosomes,
each counted once, as in the paper. A published value is empty if it is empty in paper_tables.tsv.
"""

import argparse
import csv
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

PAPER = Path(__file__).with_name("paper_tables.tsv")
METRICS = ("accuracy", "auROC", "auPRC", "F1")
COLUMNS = (
    "species", "model", "metric", "chromosomes", "measured", "low", "high",
    "published", "difference", "published_from_species", "note",
)  # fmt: skip
ALL = "all"
CHROMOSOMES = {"arabidopsis_thaliana": 5, "solanum_lycopersicum": 12, "sorghum_bicolor": 10, "zea_mays": 10}
"""The chromosomes of each species in the paper: its folds."""
SETTINGS = {"2": "single species", "3": "across species"}

Measured = dict[tuple[str, str], dict]
"""Averages of metrics.json by species and model."""


class Published(NamedTuple):
    """A line of the paper's table: metric -> value as a fraction, without empty cells; and the note."""

    values: dict[str, float]
    note: str


Paper = dict[tuple[str, str], Published]
"""The lines of one of the paper's tables by species and model."""


class Refused(Exception):
    """An input is invalid; the message is one line."""


def compare(measured: Measured, paper: Paper) -> Iterator[dict[str, str]]:
    """Yield the lines of the output: all species and models of kanseq and of the paper; the species `all` is last."""
    names = [species for species, _ in (*measured, *paper)]
    order = dict.fromkeys([*CHROMOSOMES, *(name for name in names if name != ALL), ALL])
    models = dict.fromkeys(model for _, model in (*measured, *paper))
    for key in [(species, model) for species in order for model in models]:
        if key not in measured and key not in paper:
            continue
        average, published = measured.get(key, {}), paper.get(key, Published({}, ""))
        for metric in METRICS:
            found = average.get(metric, {})
            value, printed = found.get("value"), published.values.get(metric)
            difference = None if value is None or printed is None else value - printed
            numbers = [value, found.get("low"), found.get("high"), printed]
            expected = _mean_over_folds(paper, key[1], metric) if key[0] == ALL else None
            cells = [*key, metric, str(average.get("folds", "")), *map(_shown, numbers)]
            cells += ["" if difference is None else f"{difference:+.4f}", _shown(expected)]
            yield dict(zip(COLUMNS, [*cells, published.note], strict=True))


def measured_averages(metrics: dict) -> Measured:
    """Return the averages in metrics.json, without ensembles. A model of only one species has no average `all`.

    Raises:
        Refused: two models have the same architecture and species.
    """
    found: Measured = {}
    for model in metrics["models"]:
        if model.get("ensemble"):
            continue
        mean = {"folds": len(model["folds"]), **model["mean"]}
        names = {fold.get("species", "") for fold in model["folds"]}
        averages = {ALL: mean, **model.get("species", {})}
        if len(names) == 1 and "" not in names:
            averages = {names.pop(): mean}
        for species, average in averages.items():
            key = species, model["model"]
            if key in found:
                raise Refused(f"two models '{key[1]}' of the species '{key[0]}'; use kanseq evaluate --join")
            found[key] = average
    return found


def read_paper(path: Path, table: str) -> Paper:
    """Read the lines of one of the paper's tables; lines that begin with ``#`` are comments.

    Raises:
        Refused: a value is not a percentage.
    """
    with open(path, newline="") as handle:
        lines = [(number, line) for number, line in enumerate(handle, 1) if not line.startswith("#")]
    reader = csv.DictReader((line for _, line in lines), delimiter="\t")
    found: Paper = {}
    for row in reader:
        if row["table"] == table:
            where = f"{path}:{lines[reader.line_num - 1][0]}"
            values = {metric: _fraction(row[metric], metric, where) for metric in METRICS if row[metric]}
            found[row["species"], row["model"]] = Published(values, row["note"] or "")
    return found


def text_tables(rows: Sequence[dict[str, str]], table: str) -> str:
    """Return an aligned table for each metric that the paper has, followed by the notes on the published values."""
    titles = ("species", "model", "chromosomes", "measured", "[95 %]", "published", "difference", "from species")
    parts = []
    for metric in METRICS:
        of_metric = [row for row in rows if row["metric"] == metric]
        if any(row["published"] for row in of_metric):
            lines = [titles, *(_text_cells(row) for row in of_metric)]
            widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
            signs = [f"<{width}" if at < 2 else f">{width}" for at, width in enumerate(widths)]
            aligned = ["  ".join(map(format, line, signs)) for line in lines]
            parts.append([f"table {table} of the paper ({SETTINGS[table]}): {metric}", *aligned])
    notes = dict.fromkeys(f"{row['species']}, {row['model']}: {row['note']}" for row in rows if row["note"])
    explained = ["from species: mean over the 37 chromosomes, computed from the published values of the four species"]
    return "\n\n".join("\n".join(line.rstrip() for line in part) for part in [*parts, [*explained, *notes]]) + "\n"


def warnings(rows: Sequence[dict[str, str]]) -> Iterator[str]:
    """Yield a line for each species of the paper whose measured mean is over another number of chromosomes."""
    expected = {**CHROMOSOMES, ALL: sum(CHROMOSOMES.values())}
    for species, number in expected.items():
        measured = {row["chromosomes"] for row in rows if row["species"] == species} - {"", str(number)}
        if measured:
            yield f"{species}: number of chromosomes: measured {', '.join(sorted(measured))}, published {number}"


def _mean_over_folds(paper: Paper, model: str, metric: str) -> float | None:
    """Return the mean of the published values of the species, each weighted by its number of chromosomes."""
    lines = [paper.get((species, model)) for species in CHROMOSOMES]
    values = [line.values[metric] for line in lines if line is not None and metric in line.values]
    if len(values) < len(CHROMOSOMES):
        return None
    weights = CHROMOSOMES.values()
    return sum(value * weight for value, weight in zip(values, weights, strict=True)) / sum(weights)


def _fraction(text: str, metric: str, where: str) -> float:
    """Convert a percentage to a fraction; 1 or less is refused, because it is a fraction already."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 1 < value <= 100:
        raise Refused(f"{where}: {metric} '{text}' is not a percentage; write percent, such as 76.4")
    return value / 100


def _shown(number: float | None) -> str:
    """Format a number with four decimals; empty if it is missing."""
    return "" if number is None else f"{number:.4f}"


def _text_cells(row: dict[str, str]) -> list[str]:
    """Return the cells of a printed line, numbers with three decimals."""
    interval = f"[{_short(row['low'])}, {_short(row['high'])}]" if row["low"] and row["high"] else ""
    first = [row["species"], row["model"], row["chromosomes"], _short(row["measured"]), interval]
    return [*first, _short(row["published"]), _short(row["difference"], "+"), _short(row["published_from_species"])]


def _short(cell: str, sign: str = "") -> str:
    """Shorten a number in a cell to three decimals; an empty cell stays empty."""
    return f"{float(cell):{sign}.3f}" if cell else ""


def main() -> None:
    """Read both tables, join them, and write and print the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("metrics", type=Path, help="metrics.json of kanseq evaluate --join")
    parser.add_argument("--table", required=True, choices=list(SETTINGS), help="2: single species, 3: across species")
    parser.add_argument("--paper", type=Path, default=PAPER, help="table of published values, in percent")
    parser.add_argument("-o", "--output", type=Path, required=True)
    options = parser.parse_args()
    try:
        paper = read_paper(options.paper, options.table)
        rows = list(compare(measured_averages(json.loads(options.metrics.read_text())), paper))
    except Refused as error:
        parser.exit(3, f"{error}\n")
    with open(options.output, "w", newline="") as handle:
        writer = csv.DictWriter(handle, COLUMNS, delimiter="\t", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    sys.stdout.write(text_tables(rows, options.table))
    for line in warnings(rows):
        sys.stderr.write(f"warning: {line}\n")


if __name__ == "__main__":
    main()
