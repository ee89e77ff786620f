"""``kanseq inspect``: describe a file that kanseq wrote; its kind is recognised by its content.

In: any file of kanseq, or the folder of a run. Out: a card: the kind of the file, and a few named facts.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from kanseq.errors import BadTable, ModelMismatch, TruncatedFile
from kanseq.geometry import Geometry
from kanseq.io.files import PathLike, check_input
from kanseq.io.tables.gene_tables import GENES
from kanseq.io.tables.model_tables import ATTRIBUTIONS
from kanseq.runs.description import RUN, read_run
from kanseq.runs.parts import DONE, parts
from kanseq.verbs.project.file_cards import Facts, counts, foreign, read_json, text_facts

_PARQUET, _BIGWIG = b"PAR1", (b"\x26\xfc\x8f\x88", b"\x88\x8f\xfc\x26")
_MOST = 20


class Card(NamedTuple):
    """Result of :func:`inspect`.

    Attributes:
        kind: kind of the file, such as ``splits``.
        fields: facts about the file, in the order in which they are shown.
    """

    kind: str
    fields: Facts

    def lines(self) -> list[str]:
        """Return the card as aligned ``key: value`` lines.

        >>> Card("splits", {"rows": 7156, "roles": {"test": 10, "train": 40}}).lines()
        ['kind:  splits', 'rows:  7,156', 'roles: test 10, train 40']
        """
        facts = {"kind": self.kind, **self.fields}
        width = max(map(len, facts)) + 1
        return [f"{name + ':':<{width}} {_format_value(value)}" for name, value in facts.items() if value is not None]


def inspect(path: PathLike) -> Card:
    """Describe a file that kanseq wrote, or the folder of a run.

    Supported files are all tables in :data:`kanseq.io.tables.catalogue.SCHEMAS` (``genes.parquet``, ``splits.tsv``, …),
    ``metrics.json``, ``model.safetensors``, the files of a run, other JSON files of kanseq, and BED, bedGraph and
    bigWig tracks. Text files may be compressed with gzip.

    Raises:
        MissingFile: the path does not exist.
        BadTable: the file or folder is not from kanseq.
        TruncatedFile, ModelMismatch: the file is from kanseq, but damaged.
    """
    path = Path(path)
    if path.is_dir():
        return _run(path)
    with open(check_input(path), "rb") as handle:
        head = handle.read(16)
    if head[:4] == _PARQUET:
        return _parquet(path)
    if head[:4] in _BIGWIG:
        return _bigwig(path)
    if head[8:9] == b"{":
        return _model(path)
    return Card(*text_facts(path))


def _format_value(value: object) -> str:
    """Format the value of a fact as text."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, np.integer)):
        return f"{value:,}"
    if isinstance(value, (float, np.floating)):
        return f"{value:.6g}"
    if isinstance(value, dict):
        items = [
            f"{key} ({_format_value(item)})" if isinstance(item, dict) else f"{key} {_format_value(item)}"
            for key, item in value.items()
        ]
        return _few(items)
    if isinstance(value, (list, tuple)):
        return _few([_format_value(item) for item in value])
    return "-" if value is None else str(value)


def _few(items: list[str]) -> str:
    """Join items with commas; a long list is shortened to its first items and the number of other items."""
    rest = len(items) - _MOST
    return ", ".join(items[:_MOST]) + (f", and {rest:,} more" if rest > 0 else "")


def _geometry(fields: object) -> Facts:
    """Return facts about a geometry (in JSON form): columns, tokens, and windows of genes."""
    geometry = Geometry.from_json(fields)  # type: ignore[arg-type]
    facts: Facts = {"columns": geometry.columns, "tokens": geometry.tokens}
    if geometry.has_genes:
        names = ("upstream", "downstream", "pad")
        facts["windows"] = {name: getattr(geometry, name) for name in names}
        if geometry.visible != "all":
            facts["visible"] = f"{geometry.visible} only"
        facts["masked columns"] = [f"[{start}, {end})" for start, end in geometry.masked] or "none"
    return facts


def _inputs(described: object) -> str | None:
    """Return names and shortened SHA-256 checksums of the inputs in a file's metadata; None if there are none."""
    entries = list(described.values()) if isinstance(described, dict) else described
    if not isinstance(entries, list):
        return None
    known = [entry for entry in entries if isinstance(entry, dict)]
    return _few([f"{entry.get('name')} (sha256 {str(entry.get('sha256'))[:12]})" for entry in known]) or None


def _contigs(metadata: Facts) -> Facts:
    """Return the numbers of contigs and of their bases from a file's metadata; empty if it has no contigs."""
    contigs = metadata.get("contigs") or {}
    assert isinstance(contigs, dict)
    return {"contigs": len(contigs), "bases": sum(contig["length"] for contig in contigs.values())} if contigs else {}


def _parquet(path: Path) -> Card:
    """Return the card of a Parquet file: a set, or attributions."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        parquet = pq.ParquetFile(path)
        metadata = json.loads((parquet.schema_arrow.metadata or {}).get(b"kanseq", b"null"))
        if not isinstance(metadata, dict) or "geometry" not in metadata:
            raise foreign(path)
        schema = ATTRIBUTIONS if "attributions" in parquet.schema_arrow.names else GENES
        long = {column.name for column in schema.columns if column.name == "sequence" or "list" in column.kind}
        table = parquet.read([name for name in parquet.schema_arrow.names if name not in long]).to_pandas()
    except (pa.ArrowException, OSError, json.JSONDecodeError) as error:
        raise TruncatedFile("this is not a complete Parquet file", where=path, hint="create it again") from error
    if schema is ATTRIBUTIONS:
        return Card(schema.title, _attribution_facts(table, metadata))
    fields: Facts = {"sequences": len(table), "species": counts(table["species"])}
    for name in ("chrom", "strand", "label"):
        if name in table:
            fields[name] = counts(table[name])
    options = {name: value for name, value in metadata.get("options", {}).items() if value not in (None, [], "")}
    fields |= {**_geometry(metadata["geometry"]), **_contigs(metadata)}
    fields |= {"options": options or None, "inputs": _inputs(metadata.get("inputs")), "format": metadata.get("format")}
    return Card(schema.title if "chrom" in table else "set of sequences", fields)


def _attribution_facts(table: pd.DataFrame, metadata: Facts) -> Facts:
    """Return facts about a table of attributions: genes, method, models, completeness error."""
    error = table["completeness_error"]
    return {
        "genes": len(table),
        "method": metadata.get("method"),
        "reference": metadata.get("reference"),
        "condition or class": metadata.get("condition"),
        "seed": metadata.get("seed"),
        "models": counts(table["model"]),
        "mean logit": float(table["logit"].mean()),
        "mean reference logit": float(table["reference_logit"].mean()),
        "completeness error": {"median": float(error.median()), "largest": float(error.max())},
        **_geometry(metadata["geometry"]),
        **_contigs(metadata),
        "inputs": _inputs(metadata.get("inputs")),
        "format": metadata.get("format"),
    }


def _model(path: Path) -> Card:
    """Return the card of a model file or a checkpoint; weights are counted without reading them."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as handle:
            metadata = json.loads((handle.metadata() or {}).get("kanseq", "null"))
            shapes = {name: handle.get_slice(name).get_shape() for name in handle.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise ModelMismatch(
            "the model file is truncated or not a safetensors file", where=path, hint="train or copy it again"
        ) from error
    if isinstance(metadata, dict) and "loss_sum" in metadata:
        return Card("state of a training", {**metadata, "arrays": len(shapes)})
    if not isinstance(metadata, dict) or "architecture" not in metadata:
        raise foreign(path)
    weights = {name: int(np.prod(shape)) for name, shape in shapes.items() if not name.startswith("kanseq.")}
    plain = ("fold", "seed", "condition", "training_genes", "thresholds", "calibrations", "precision", "threads")
    fields: Facts = {"architecture": metadata["architecture"], "numbers": sum(weights.values())}
    fields["arrays"] = weights
    config = {name: value for name, value in metadata.get("config", {}).items() if name != "geometry"}
    fields |= {"config": config, "task": metadata.get("task")} | {name: metadata.get(name) or None for name in plain}
    control = metadata.get("control")
    fields |= {"control": None if control == "none" else control, "versions": metadata.get("versions")}
    fields |= {**_geometry(metadata["geometry"]), **_contigs(metadata)}
    fields |= {"inputs": _inputs(metadata.get("inputs")), "format": metadata.get("format")}
    return Card("model", {**fields, "seed": metadata.get("seed")})


def _run(path: Path) -> Card:
    """Return the card of a run folder."""
    if not (path / RUN).exists():
        raise BadTable("this folder is not a kanseq run", where=path, hint="the folder of a run has a run.json")
    described, begun = read_run(path), parts(path)
    finished: dict[str, object] = {}
    for part in begun:
        if part.is_finished:
            facts = read_json(part.folder / DONE)
            finished[part.name] = {"trained on": facts.get("training_genes"), "held out": facts.get("test_genes")}
    fields: Facts = {"kind of run": described.kind, "model": described.model}
    fields |= {"finished": f"{len(finished)} of {len(begun)} begun"}
    fields |= {"folds": finished, "config": _without_geometry(described.config)}
    fields |= {"settings": described.settings, "inputs": _inputs(described.inputs)}
    return Card("run", {**fields, "versions": described.versions or None, "format": described.format})


def _without_geometry(config: Mapping[str, object]) -> Facts:
    """Return a model's hyper-parameters without its geometry."""
    return {name: value for name, value in config.items() if name != "geometry"}


def _bigwig(path: Path) -> Card:
    """Return the card of a bigWig track."""
    import pyBigWig

    try:
        with pyBigWig.open(str(path)) as track:
            header, contigs = track.header(), track.chroms()
    except RuntimeError as error:
        raise TruncatedFile("this is not a complete bigWig", where=path, hint="create it again") from error
    fields: Facts = {"contigs": len(contigs), "bases": sum(contigs.values()), "covered bases": header["nBasesCovered"]}
    if header["nBasesCovered"]:
        # The header of a bigWig has only integers, so compute minimum and maximum from the data of each contig.
        with pyBigWig.open(str(path)) as track:
            present = [name for name, length in contigs.items() if track.stats(name, 0, length)[0] is not None]
            for kind in ("min", "max"):
                fields[kind] = [track.stats(name, type=kind, exact=True)[0] for name in present]
        fields |= {"min": min(fields["min"]), "max": max(fields["max"])}  # type: ignore[call-overload]
    return Card("bigWig track", fields)
