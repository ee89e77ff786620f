"""Summaries of kanseq's text files for ``kanseq inspect``: tables, JSON files, BED and bedGraph tracks.

In: a path; the kind of file is recognised by its first line. Out: the kind, and named facts about the contents.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pandas as pd

from kanseq.browsers.bed_rows import NEGATIVE, POSITIVE, ZERO
from kanseq.errors import BadTable, TruncatedFile
from kanseq.homologs.records import read_record, record_path
from kanseq.io.files import open_text
from kanseq.io.tables.catalogue import recognise
from kanseq.io.tables.dialect import parse, read_cells
from kanseq.io.tables.model_tables import HELD_OUT
from kanseq.io.tables.schema import Schema

Facts: TypeAlias = dict[str, object]
"""Facts about a file: name -> a number, a text, a list of these, or a dictionary of numbers."""

_SIGNS = {POSITIVE: "raise", NEGATIVE: "lower", ZERO: "zero"}


def text_facts(path: Path) -> tuple[str, Facts]:
    """Return the kind of a table, JSON file or text track, and facts about it.

    Raises:
        BadTable: the file is not from kanseq, or is damaged.
    """
    try:
        with open_text(path) as handle:
            first = handle.readline(100_000)
    except TruncatedFile as error:
        # This error also occurs for binary files of other programs.
        raise foreign(path) if "not a text file" in error.what else error from error
    if first.startswith('{"epoch"'):
        return "log of a training", _log(path)
    if first.lstrip()[:1] == "{":
        return _json_card(path)
    head = tuple(first.rstrip("\n").split("\t"))
    schema = recognise(head)
    if schema is None and path.name == HELD_OUT.file and len(head) == len(HELD_OUT.columns):
        schema = HELD_OUT
    if schema is not None:
        return schema.title, _table_facts(path, schema)
    if len(head) in (4, 6, 9) and head[1].isdecimal() and head[2].isdecimal():
        return _track(path, len(head))
    raise foreign(path)


def _json_card(path: Path) -> tuple[str, Facts]:
    """Return the kind of a JSON file, and facts about it: its top-level entries."""
    content = read_json(path)
    if not {"format", "grammar", "training_genes"} & set(content):
        raise foreign(path)
    if "training_genes" in content:
        return "finished fold", content
    if "spec" in content or {"settings", "model"} <= set(content):
        return _description(content)
    kind = path.name.removesuffix(".json")
    if isinstance(content.get("models"), list) and "bootstrap" in content:
        kind, content["models"] = "metrics", {model["name"]: model["mean"] for model in content["models"]}
        del content["comparisons"]
    return kind, _filled(content)


def _description(content: Facts) -> tuple[str, Facts]:
    """Return the kind ``run`` and facts from the ``run.json`` of a run or search, in any version of the format."""
    spec = content.get("spec")
    facts = {"format": content.get("format"), "kind of run": content.get("kind")}
    facts |= spec if isinstance(spec, dict) else {}
    return "run", _filled({**facts, **{name: each for name, each in content.items() if name not in ("kind", "spec")}})


def _filled(content: Facts) -> Facts:
    """Return the facts that are neither None nor empty."""
    return {name: value for name, value in content.items() if value not in (None, {}, [])}


def _table_facts(path: Path, schema: Schema) -> Facts:
    """Return facts about a table, from the function for its kind in :data:`_READERS`.

    Without such a function, return the number of rows and the numbers of distinct values.
    """
    table = read_cells(path, schema, required=schema.head)
    if schema.name in ("homologs", "homolog_pairs"):
        return {**_READERS[schema.name](table), **_homology(path)}
    if schema.name in _READERS:
        return _READERS[schema.name](table)
    texts = [name for name in table if (column := schema.column(name)) is not None and column.kind == "text"]
    return {"rows": len(table), "distinct values": {name: table[name].nunique() for name in texts} or None}


def _splits(table: pd.DataFrame) -> Facts:
    """Return facts about splits: genes per fold and role, and reasons why genes are unused."""
    roles = table.groupby(["fold", "role"], sort=False).size()
    per_fold = {
        fold: {str(role): int(count) for role, count in sizes.droplevel(0).items()}
        for fold, sizes in roles.groupby(level="fold", sort=False)
    }
    fields: Facts = {"genes": len(table.drop_duplicates(["species", "id"])), "folds": table["fold"].nunique()}
    reasons = table["reason"] if "reason" in table else pd.Series("", index=table.index)
    # A reason may name the gene that caused it, after a colon.
    unused = reasons[table["role"] == "unused"].str.replace(":.*", "", regex=True)
    return {**fields, "roles": per_fold, "unused": counts(unused) or None}


def _labels(table: pd.DataFrame) -> Facts:
    """Return facts about labels: genes per label, the quartiles, and the genes from which they were computed."""
    whole = set(table["fold"]) == {"*"}
    quartiles = table.drop_duplicates(["condition", "fold"]).set_index(["condition", "fold"])[["q1", "q3"]]
    shown = {
        (fold if condition == "*" else f"{condition}/{fold}"): f"{float(row.q1):.6g} to {float(row.q3):.6g}"
        for (condition, fold), row in zip(quartiles.index, quartiles.itertuples(), strict=True)
    }
    return {
        "genes": len(table.drop_duplicates(["species", "id"])),
        "conditions": table["condition"].nunique(),
        "quartiles of": "the whole table" if whole else "each fold's training genes",
        "labels": counts(table["label"]),
        "first to third quartile": shown,
    }


def _predictions(table: pd.DataFrame) -> Facts:
    """Return facts about predictions: counts per fold, role and target, and the range of logits.

    For regression, all genes with a target are counted as ``measured``.
    """
    logit = pd.to_numeric(table["logit"], errors="coerce")
    targets = table["target"].replace("", "none")
    if (table["probability"] == "").all():
        targets = targets.where(targets == "none", "measured")
    classes = [name.removeprefix("logit:") for name in table.columns if name.startswith("logit:")]
    targets = targets.replace({str(number): name for number, name in enumerate(classes)})
    return {
        "rows": len(table),
        "folds": counts(table["fold"]),
        "roles": counts(table["role"]),
        "targets": counts(targets),
        "logit": {"min": float(logit.min()), "mean": float(logit.mean()), "max": float(logit.max())},
    }


def _groups(table: pd.DataFrame) -> Facts:
    """Return facts about groups of homologs: numbers of genes and groups, and group sizes."""
    sizes = table["group"].value_counts()
    several = sizes[sizes > 1]
    return {
        "genes": len(table),
        "groups": len(sizes),
        "groups of two or more": len(several),
        "genes in them": int(several.sum()),
        "largest": int(sizes.max()) if len(sizes) else 0,
    }


def _pairs(table: pd.DataFrame) -> Facts:
    """Return facts about a table of homologous pairs: number of pairs, and number of genes in the pairs."""
    one, other = (zip(table[f"species{end}"], table[f"id{end}"], strict=True) for end in ("", "_2"))
    ends = {*one, *other}
    return {"pairs": len(table), "genes": len(ends)}


def _homology(path: Path) -> Facts:
    """Return how a table of homologs was made (program, thresholds, inputs); empty if it has no JSON record."""
    found = read_record(path)
    if found is None:
        return {}
    record, is_same = found
    made = record.summary() if is_same else f"unknown: {record_path(path).name} belongs to another table"
    return {"made by": made, "inputs": [str(one["name"]) for one in record.inputs] if is_same else None}


def _leaks(table: pd.DataFrame) -> Facts:
    """Return facts about a table of leaks: number of affected genes per kind of leak and fold."""
    leaks = table.assign(genes=table["genes"].astype(int))
    leaks = leaks[leaks["genes"] > 0].groupby(["kind", "fold"], sort=False)["genes"].max()
    leaking = {
        str(kind): {fold: int(n) for (_, fold), n in of.items()} for kind, of in leaks.groupby(level=0, sort=False)
    }
    return {"folds": table["fold"].nunique(), "kinds": list(table["kind"].unique()), "leaking": leaking or "nothing"}


def _excluded(table: pd.DataFrame) -> Facts:
    """Return facts about excluded genes: number of genes, in total and per reason."""
    return {"genes": len(table), "reasons": counts(table["reason"])}


def _metrics(table: pd.DataFrame) -> Facts:
    """Return facts about metrics: mean scores of each model over folds, and the number of folds."""
    means = table[table["fold"] == "mean"].set_index("model")
    # In predictions averaged over folds, the fold itself is called mean; the row of the average follows.
    means = means[~means.index.duplicated(keep="last")]
    parts = ("_low", "_high", "_sd", "_min", "_max")
    shown = [name for name in means if name not in ("fold", "n", "seeds") and not name.endswith(parts)]
    is_average = table["fold"].isin(["mean", "weighted_by_genes", "mean_of_species", "pooled"])
    return {
        "models": {name: {key: means.at[name, key] for key in shown if means.at[name, key]} for name in means.index},
        "folds": table.loc[~is_average & ~table["fold"].str.startswith("species:"), "fold"].nunique(),
    }


def _truth(table: pd.DataFrame) -> Facts:
    """Return facts about simulated genes: number per chromosome, and number on which the oracle is scored."""
    return {"genes": len(table), "chrom": counts(table["chrom"]), "scored": int((table["scored"] == "1").sum())}


def _held_out(table: pd.DataFrame) -> Facts:
    """Return facts about the held-out genes of a fold: number of genes per species."""
    return {"genes": len(table), "species": counts(table["species"])}


def _log(path: Path) -> Facts:
    """Return facts about a training log: loss and monitored metric of each epoch, and speed."""
    try:
        with open_text(path) as handle:
            epochs = [json.loads(line) for line in handle]
        facts: Facts = {"epochs": len(epochs), "loss": [epoch["loss"] for epoch in epochs]}
        # The monitored metric has different names, depending on the objective; it is always the third entry.
        monitor = list(epochs[0])[2]
        measured = [epoch[monitor] for epoch in epochs if epoch[monitor] is not None]
        monitored = {monitor.replace("_", " "): measured or None}
        return {**facts, **monitored, "genes per second": epochs[-1]["genes_per_second"]}
    except (ValueError, LookupError, TypeError) as error:
        raise BadTable("this training log is incomplete", where=path) from error


_READERS: dict[str, Callable[[pd.DataFrame], Facts]] = {
    "splits": _splits,
    "labels": _labels,
    "predictions": _predictions,
    "homologs": _groups,
    "homolog_pairs": _pairs,
    "leaks": _leaks,
    "excluded": _excluded,
    "metrics": _metrics,
    "truth": _truth,
    "held_out": _held_out,
}
"""Name of a kind of table -> function that returns facts about such a table."""


def _track(path: Path, columns: int) -> tuple[str, Facts]:
    """Return the kind of a BED or bedGraph track with this number of columns, and facts about it."""
    names = ["chrom", "start", "end", "name", "score", "strand", "thick_start", "thick_end", "colour"][:columns]
    table = parse(path, names)
    if columns == 4:
        value = pd.to_numeric(table["name"], errors="coerce")
        if value.isna().any():
            raise foreign(path)
        bases = int((table["end"].astype(np.int64) - table["start"].astype(np.int64)).sum())
        fields: Facts = {"rows": len(table), "contigs": table["chrom"].nunique(), "covered bases": bases}
        return "bedGraph track", {**fields, "min": float(value.min()), "max": float(value.max())}
    fields = {"rows": len(table), "contigs": table["chrom"].nunique(), "strand": counts(table["strand"])}
    if columns == 9 and table["name"].str.contains("|", regex=False).all():
        fields["genes"] = table["name"].str.rsplit("|", n=1).str[0].nunique()
        fields["rows by sign"] = counts(table["colour"].map(_SIGNS).fillna("other"))
        return "BED track of attributions", fields
    return "BED track", fields


def read_json(path: Path) -> Facts:
    """Read a JSON file that contains an object.

    Raises:
        BadTable: the JSON is incomplete or is not an object.
    """
    try:
        with open_text(path) as handle:
            content = json.load(handle)
    except ValueError as error:
        raise BadTable("this is not complete JSON", where=path, hint="create it again") from error
    if not isinstance(content, dict):
        raise foreign(path)
    return content


def foreign(path: Path) -> BadTable:
    """Return the error to raise for a file that is not from kanseq."""
    return BadTable("not a kanseq file", where=path)


def counts(values: pd.Series) -> dict[str, int]:
    """Count the values of a column, in the order of their first appearance."""
    return {str(value): int(count) for value, count in values.value_counts(sort=False).items()}
