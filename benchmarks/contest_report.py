"""The tables of docs/contest.md as Markdown, from the results of contest.py and evaluation.py.

In: predictions and costs of both scripts. Out: text.
"""

from collections.abc import Sequence
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
from contest_plan import CURVE, IDEAS, SEARCHED, SIZES, VAULT, Results
from evaluation_plan import DATASETS, read
from evaluation_plan import Results as Evaluation
from evaluation_report import TITLES, ranged

from kanseq import evaluate

SETTINGS = {"all": "main", "flanks": "flanks"}
"""Settings of evaluation.py, by the visible columns."""

BESIDE = ("kmer-logistic", "boosting", "mlp", "kan", "deepcre", "kan-mixer")
"""Models of evaluation.py."""

NEW = ("kan-words", "kmer-best", "kan-mixer-best")
"""Models of contest.py."""


def report(results: Results, evaluation: Evaluation) -> str:
    """Return all results as the Markdown of docs/contest.md."""
    with TemporaryDirectory() as folder:
        place = Path(folder)
        parts = ["### The criterion\n", bar_table(results, evaluation, place)]
        for visible, columns in (("all", "all columns"), ("flanks", "flanks only")):
            for dataset in DATASETS:
                parts.append(f"### {TITLES[dataset]}, {columns}\n")
                parts.append(models_table(results, evaluation, dataset, visible, place))
        parts += ["### K-mer length and bin width of `kmer-best`\n", words_table(results)]
        parts += ["### Components\n", ideas_table(results, place)]
        parts += ["### Learning curve\n", curve_table(results)]
    return "\n".join(parts)


def bar_table(results: Results, evaluation: Evaluation, place: Path) -> str:
    """Return the table of the criterion: differences over all folds and over those of the vault."""
    lines = [
        "| columns | genomes | folds | genes | `kan-words` | `kmer-best` | difference [95 %] | DeLong p "
        "| difference to `kmer-logistic` [95 %] |",
        "| --- | --- | --- | ---: | ---: | ---: | --- | ---: | --- |",
    ]
    each = [tuple(DATASETS), *((dataset,) for dataset in DATASETS)]
    for visible, datasets in product(SETTINGS, each):
        sources = {
            "kan-words": (results.folder, f"folds.{{}}.{visible}.kan-words"),
            "kmer-best": (results.folder, f"folds.{{}}.{visible}.kmer-best"),
            "kmer-logistic": (evaluation.folder, f"{{}}.{SETTINGS[visible]}.kmer-logistic"),
        }
        files = [_together(name, *where, datasets, place) for name, where in sources.items()]
        if not all(files):
            continue
        for named, folds in (("all", ()), ("vault", tuple(fold for dataset in datasets for fold in VAULT[dataset]))):
            found = evaluate(files, folds=folds, against="kmer-best")
            own, best, _ = (model["mean"]["auROC"]["value"] for model in found.models)
            one = found.comparisons[0]
            other = evaluate(files, folds=folds, against="kmer-logistic").comparisons[0]
            lines.append(
                f"| {visible} | {' and '.join(datasets)} | {named} | {one['n']:,} | {own:.3f} | {best:.3f} "
                f"| {ranged(one['auROC'], '+')} | {one['delong']['p']:.1g} "
                f"| {ranged(other['auROC'], '+')} |"
            )
    return "\n".join(lines) + "\n"


def _together(entry: str, folder: Path, name: str, datasets: Sequence[str], place: Path) -> Path | None:
    """Write an entry's predictions on several genomes as one table; return None if folds are missing."""
    tables = []
    for dataset in datasets:
        file = folder / f"{name.format(dataset)}.tsv.gz"
        if not file.exists() or set(read(file)["fold"]) != set(DATASETS[dataset]):
            return None
        tables.append(_whole_seeds(read(file), len(DATASETS[dataset])))
    seeds = set.intersection(*(set(table["seed"]) for table in tables))
    output = place / f"{entry}.tsv"
    table = pd.concat(tables)
    table[table["seed"].isin(seeds)].to_csv(output, sep="\t", index=False)
    return output


def _whole_seeds(table: pd.DataFrame, folds: int) -> pd.DataFrame:
    """Return the rows of seeds with which every fold was trained."""
    whole = table.groupby("seed")["fold"].nunique() == folds
    return table[table["seed"].isin(whole.index[whole])]


def models_table(results: Results, evaluation: Evaluation, dataset: str, visible: str, place: Path) -> str:
    """Return the table of all models on one genome; ensembles are means over all seeds."""
    files = {}
    for model in BESIDE:
        file = evaluation.folder / f"{dataset}.{SETTINGS[visible]}.{model}.tsv.gz"
        if file.exists():
            files[model] = file
    for entry in NEW:
        file = results.folder / f"folds.{dataset}.{visible}.{entry}.tsv.gz"
        if file.exists():
            table = _whole_seeds(read(file), len(DATASETS[dataset]))
            if len(table):
                files[entry] = place / f"{entry}.tsv"
                table.to_csv(files[entry], sep="\t", index=False)
    if "kmer-best" not in files:
        return "no results yet\n"
    found = evaluate(list(files.values()), against="kmer-best", ensemble=True)
    differences = {str(one["model"]): one["auROC"] for one in found.comparisons}
    lines = [
        "| model | parameters | auROC [95 %] | seeds, sd | auPRC | MCC | Brier | auROC − `kmer-best` [95 %] "
        "| seconds per fold |",
        "| --- | ---: | --- | --- | ---: | ---: | ---: | --- | ---: |",
    ]
    for entry in sorted(found.models, key=lambda one: -one["mean"]["auROC"]["value"]):
        # evaluate names the model of a table after its file.
        name = next(name for name, file in files.items() if entry["model"] == file.name.partition(".tsv")[0])
        costs = _costs(results, evaluation, dataset, visible, name)
        mean, spread = entry["mean"], (entry["spread"] or {}).get("auROC")
        shown = [
            f"`{name}`" + (" ensemble" if entry["ensemble"] else ""),
            f"{int(costs['parameters'].astype(int).median()):,}",
            ranged(mean["auROC"]),
            "" if spread is None else f"{len(entry['seeds'])}, {spread['sd']:.3f}",
            *(f"{mean[metric]['value']:.3f}" for metric in ("auPRC", "MCC", "Brier")),
            ranged(differences[str(entry["name"])], "+") if str(entry["name"]) in differences else "",
            f"{costs['cpu_seconds'].astype(float).median() * (len(entry['seeds']) if entry['ensemble'] else 1):.0f}",
        ]
        lines.append(f"| {' | '.join(shown)} |")
    return "\n".join(lines) + "\n"


def _costs(results: Results, evaluation: Evaluation, dataset: str, visible: str, name: str) -> pd.DataFrame:
    """Return the costs of one model's jobs on one genome."""
    if name in NEW:
        costs = results.costs[(results.costs["part"] == "folds") & (results.costs["visible"] == visible)]
        return costs[(costs["dataset"] == dataset) & (costs["entry"] == name)]
    costs = evaluation.costs
    assert costs is not None
    return costs[(costs["dataset"] == dataset) & (costs["setting"] == SETTINGS[visible]) & (costs["model"] == name)]


def words_table(results: Results) -> str:
    """Return the table of the words chosen for `kmer-logistic` on each fold's training genes."""
    known = results.folder / "words.tsv"
    if not known.exists():
        return "no results yet\n"
    table = pd.read_csv(known, sep="\t")
    best = table.loc[table.groupby(["dataset", "visible", "fold"])["inner_auroc"].idxmax()]
    lines = ["| columns | genome | fold: k-mer length, bin width |", "| --- | --- | --- |"]
    for (visible, dataset), rows in best.groupby(["visible", "dataset"]):
        chosen = ", ".join(f"{row.fold}: {row.k}, {row.bin}" for row in rows.itertuples())
        lines.append(f"| {visible} | {dataset} | {chosen} |")
    return "\n".join(lines) + "\n"


def ideas_table(results: Results, place: Path) -> str:
    """Return the table of `kan-words` without each component, on the development folds."""
    columns = [(visible, dataset) for visible in SETTINGS for dataset in DATASETS]
    lines = [
        f"| `kan-words` with | {' | '.join(f'{dataset}, {visible}' for visible, dataset in columns)} |",
        f"| --- |{' --- |' * len(columns)}",
    ]
    for idea in IDEAS:
        cells = []
        for visible, dataset in columns:
            predictions, whole = (_idea(results, one, dataset, visible) for one in (idea, "kan-words"))
            if predictions is None or whole is None:
                cells.append("")
            elif idea == "kan-words":
                mean = evaluate([predictions]).models[0]["mean"]["auROC"]
                cells.append(f"{mean['value']:.3f}")
            else:
                found = evaluate([predictions, whole], against=whole.name.removesuffix(".tsv.gz"))
                mean = found.models[0]["mean"]["auROC"]["value"]
                cells.append(f"{mean:.3f}, {ranged(found.comparisons[0]['auROC'], '+')}")
        lines.append(f"| {'no change' if idea == 'kan-words' else idea} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _idea(results: Results, idea: str, dataset: str, visible: str) -> Path | None:
    """Return the predictions of a variant; None if a development fold is missing."""
    file = results.folder / f"ideas.{dataset}.{visible}.{idea.replace(' ', '-')}.tsv.gz"
    folds = [fold for fold in DATASETS[dataset] if fold not in VAULT[dataset]]
    return file if file.exists() and set(read(file)["fold"]) == set(folds) else None


def curve_table(results: Results) -> str:
    """Return the table of auROC by the number of labelled training genes."""
    sizes = sorted({size for each in SIZES.values() for size in each}, key=lambda size: size or 10**9)
    heads = [f"{size:,}" if size else "all" for size in sizes]
    lines = [f"| fold | model | {' | '.join(heads)} |", f"| --- | --- |{' ---: |' * len(sizes)}"]
    for dataset, fold in SEARCHED.items():
        for model in CURVE:
            cells = []
            for size in sizes:
                file = results.folder / f"curve.{dataset}.all.{model}-{size or 'all'}.tsv.gz"
                cells.append(f"{evaluate([file]).models[0]['mean']['auROC']['value']:.3f}" if file.exists() else "")
            lines.append(f"| {dataset} {fold} | `{model}` | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"
