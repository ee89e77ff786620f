"""The tables of docs/evaluation.md as Markdown, from the results of evaluation.py.

In: predictions per dataset, setting and model, and their costs. Out: text.
"""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import pandas as pd
from evaluation_plan import CONTROLLED, DATASETS, NETWORKS, SETTINGS, Results, jobs, read

from kanseq import evaluate


def report(results: Results) -> str:
    """Return all results as the Markdown of docs/evaluation.md."""
    parts = []
    for dataset in DATASETS:
        found = {name: scored(results, dataset, name) for name in SETTINGS}
        parts += [f"### {TITLES[dataset]}\n", main_table(found["main"]), settings_table(found), controls_table(found)]
        if dataset == "chromosome1":
            parts.append(check_table(found))
    return "\n".join(parts)


TITLES = {"chromosome1": "*Arabidopsis* chromosome 1", "yeast": "Yeast"}

KNOWN = {
    "check": 0.904,
    "whole-table": 0.901,
    "check-flanks": 0.748,
    "check-flanks-apart": 0.744,
    "check-transcribed": 0.889,
    "check-transcribed-apart": 0.886,
}
"""auROC of 3-mers in 24 bins on chromosome 1, from before kanseq; `C = 1e-3` was chosen on the scored folds."""


class Row(NamedTuple):
    """One model in one setting: its entry of metrics.json, the difference to kmer-logistic's auROC, and its costs."""

    entry: dict
    difference: dict | None
    costs: pd.DataFrame


def scored(results: Results, dataset: str, setting: str) -> dict[str, Row]:
    """Score the models of a setting with all seeds for which every fold is finished."""
    if results.costs is None:
        return {}
    with TemporaryDirectory() as folder:
        files = {}
        for model in SETTINGS[setting].models:
            expected = [job for job in jobs() if (job.dataset, job.setting, job.model) == (dataset, setting, model)]
            lacking = {job.seed for job in expected if not results.has(job)}
            seeds = {str(job.seed) for job in expected} - {str(seed) for seed in lacking}
            if seeds:
                files[model] = _with_seeds(results.file(expected[0]), seeds if lacking else None, Path(folder))
        if not files:
            return {}
        baseline = files.get("kmer-logistic")
        against = None if baseline is None else baseline.name.removesuffix(".tsv.gz")
        result = evaluate(list(files.values()), against=against)
    differences = {str(one["model"]): one["auROC"] for one in result.comparisons}
    costs = results.costs[(results.costs["dataset"] == dataset) & (results.costs["setting"] == setting)]
    return {
        model: Row(entry, differences.get(str(entry["name"])), costs[costs["model"] == model])
        for model, entry in zip(files, result.models, strict=True)
    }


def _with_seeds(file: Path, seeds: set[str] | None, folder: Path) -> Path:
    """Return a table of predictions, or write a copy with only these seeds to a folder and return it."""
    if seeds is None:
        return file
    table = read(file)
    table[table["seed"].isin(seeds)].to_csv(folder / file.name, sep="\t", index=False)
    return folder / file.name


def main_table(rows: dict[str, Row]) -> str:
    """Return the table of all scores in the main setting."""
    lines = [
        "| model | parameters | auROC [95 %] | seeds: sd, range | auPRC | MCC | F1 | accuracy | Brier | ECE "
        "| auROC − `kmer-logistic` [95 %] | best epoch | seconds per fold |",
        "| --- | ---: | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | --- | ---: | ---: |",
    ]
    for model, row in sorted(rows.items(), key=lambda each: -each[1].entry["mean"]["auROC"]["value"]):
        mean, spread = row.entry["mean"], (row.entry["spread"] or {}).get("auROC")
        others = [f"{mean[name]['value']:.3f}" for name in ("auPRC", "MCC", "F1", "accuracy", "Brier", "ECE")]
        over = "" if spread is None else f"{spread['sd']:.3f}, {spread['min']:.3f} to {spread['max']:.3f}"
        lacking = SETTINGS["main"].seeds - len(row.entry["seeds"]) if model in NETWORKS else 0
        over += f"{', ' if over else ''}{len(row.entry['seeds'])} of {SETTINGS['main'].seeds}" if lacking else ""
        epochs = pd.to_numeric(row.costs["epochs"]).median()
        shown = [
            f"`{model}`",
            f"{int(row.costs['parameters'].astype(int).median()):,}",
            ranged(mean["auROC"]),
            over,
            *others,
            "" if row.difference is None else ranged(row.difference, "+"),
            "" if pd.isna(epochs) else f"{epochs:.0f}",
            f"{row.costs['cpu_seconds'].astype(float).median():.0f}",
        ]
        lines.append(f"| {' | '.join(shown)} |")
    return "\n".join(lines) + "\n"


def settings_table(found: dict[str, dict[str, Row]]) -> str:
    """Return the table of auROC per setting."""
    return _by_setting(found, ("main", "homologs", "flanks", "transcribed", "whole-table"), SETTINGS["homologs"].models)


def controls_table(found: dict[str, dict[str, Row]]) -> str:
    """Return the table of auROC under the controls."""
    return _by_setting(found, ("main", "control-labels", "control-sequence", "control-positions"), CONTROLLED)


def check_table(found: dict[str, dict[str, Row]]) -> str:
    """Return the table that compares scores with those known before."""
    lines = ["| setting (whole-table quartiles) | earlier result | `kmer-logistic` |", "| --- | ---: | --- |"]
    for setting, known in KNOWN.items():
        row = found[setting].get("kmer-logistic")
        lines.append(f"| {setting} | {known:.3f} | {'' if row is None else ranged(row.entry['mean']['auROC'])} |")
    return "\n".join(lines) + "\n"


def _by_setting(found: dict[str, dict[str, Row]], settings: tuple[str, ...], models: tuple[str, ...]) -> str:
    """Return a table of auROC with a row per model and a column per setting."""
    lines = [f"| model | {' | '.join(settings)} |", f"| --- |{' --- |' * len(settings)}"]
    for model in models:
        cells = []
        for setting in settings:
            row = found[setting].get(model)
            cells.append("" if row is None else ranged(row.entry["mean"]["auROC"]) + _seeds(row.entry))
        lines.append(f"| `{model}` | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _seeds(entry: dict) -> str:
    """Return the number of seeds of a score and their standard deviation, if there are several seeds."""
    count = len(entry["seeds"])
    return "" if count == 1 else f" ({count} seeds, sd {entry['spread']['auROC']['sd']:.3f})"


def ranged(value: dict, sign: str = "") -> str:
    """Return a value and its interval as text."""
    return f"{value['value']:{sign}.3f} [{value['low']:{sign}.3f}, {value['high']:{sign}.3f}]"
