"""``kanseq figures``: write tables and pictures that show what a trained KAN has learned.

In: a run (or one model file), a set, and optionally attributions. Out: tables and pictures.
"""

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch

from kanseq.attribution.activations import activations, grid_table, kan_layers
from kanseq.attribution.edges import NetworkStatistics, edge_table, node_table
from kanseq.drawing.edge_plots import draw_edges
from kanseq.drawing.place_curves import curve_table, draw_curves, place_curves
from kanseq.drawing.profiles import ProfileSums, draw_profile
from kanseq.drawing.token_maps import TokenMaps, column_scores, draw_positions, draw_token_map, position_table
from kanseq.drawing.word_means import WordSums, draw_words
from kanseq.errors import BadOption, ContigMismatch, NotWritable, UnknownGene
from kanseq.geometry import Geometry
from kanseq.io.files import PathLike, check_output, disk_errors, fingerprint, some, write_json
from kanseq.io.tables.dialect import write_table
from kanseq.io.tables.figure_tables import EDGES, GRID, NODES, PLACES, POSITIONS, PROFILE, WORDS
from kanseq.models.network import SequenceNetwork
from kanseq.models.registry import architectures, make_config
from kanseq.nn.precision import set_precision
from kanseq.runs.held_out import Scorer
from kanseq.runs.scorer import Models
from kanseq.runs.trained_model import TrainedModel, check_layout
from kanseq.sequences.gene_lists import GeneList, chosen_genes
from kanseq.sequences.sequence_set import SequenceSet
from kanseq.tasks.learning_goal import warn_of_control
from kanseq.tasks.task import Task
from kanseq.training.settings import choose_device, processor
from kanseq.verbs.explaining.attribution_files import Attributions, read_attributions
from kanseq.verbs.short_repr import brief

logger = logging.getLogger(__name__)

BATCH = 64
"""Number of sequences per forward pass."""

MOST_DRAWN = 60
"""Maximum number of edge functions in one picture."""

ROWS = 256
"""Number of genes per step when attributions are averaged."""

LIST = "figures.json"
"""Name of a JSON file in the output folder that lists the inspected model and all files written."""


@brief
class Figures(NamedTuple):
    """Result of :func:`figures`.

    Attributes:
        model: file of the model that was inspected.
        architecture, fold, seed: architecture, fold and seed of this model.
        genes: number of sequences that the network ran on.
        layers: names of the KAN layers of the network.
        outside_grid: layer -> fraction of its input values that are outside its spline grid; only layers with a grid.
        token_layer: the layer before and after which tokens are shown; None if no layer has a token axis.
        attributed: number of genes whose attributions were averaged; None without ``attributions``.
        files: names of the files that were written into ``output``.
        output: the output folder.
    """

    model: Path
    architecture: str
    fold: str
    seed: int
    genes: int
    layers: list[str]
    outside_grid: dict[str, float]
    token_layer: str | None
    attributed: int | None
    files: list[str]
    output: Path


def figures(
    model: PathLike,
    genes: PathLike | SequenceSet,
    *,
    output: PathLike,
    attributions: PathLike | None = None,
    fold: str | None = None,
    condition: str | None = None,
    gene: Sequence[str] = (),
    gene_list: GeneList | None = None,
    samples: int = 500,
    edges: int = 12,
    top: int = 1000,
    layer: str | None = None,
    word_length: Sequence[int] = (8,),
    allow_seen: bool = False,
    seed: int = 0,
    threads: int = 0,
    device: str = "auto",
) -> Figures:
    """Write tables and pictures of what a KAN has learned, computed on genes that it was not trained on.

    ``edges.tsv`` and ``nodes.tsv`` contain the attribution scores of KAN 2.0 (:mod:`kanseq.attribution.edges`), which
    measure the importance of edges and nodes. ``grid.tsv`` contains, for each layer, the fraction of input values that
    are outside its spline grid. ``layer-NAME.png`` shows the edge functions with the highest scores, and the
    distribution of their inputs. ``tokens.png`` shows the tokens before and after the layer that mixes them. If a KAN
    layer reads bases directly, ``positions.tsv`` and ``positions.png`` show the scores along the windows. If the
    network has learned functions of position for k-mers, ``places.tsv`` and ``places-LAYER.png`` show them. Mean
    attributions are shown by position in ``profile.tsv`` and ``profile.png`` (genes only), and by k-mer in
    ``words-LENGTH.tsv`` and ``words-LENGTH.png``.

    Args:
        model: folder of a run (by default its first fold is inspected), or one ``model.safetensors``.
        genes: a set of genes or sequences, or its file.
        output: the output folder; created if its parent exists. Files of an earlier call (listed in ``figures.json``)
            are deleted; other files are kept.
        attributions: ``attributions.parquet`` of :func:`kanseq.explain`, for genes of this set.
        fold: inspect the model of this fold.
        condition: the condition or class whose logit is analysed, if the model predicts several.
        gene, gene_list: ids of the genes to use; by default all genes that the model was not trained on.
        samples: number of randomly chosen genes to run the network on; 0 for all.
        edges: number of edge functions per picture.
        top: number of edges per layer in ``edges.tsv``.
        layer: show the tokens before and after this layer, see :class:`kanseq.drawing.token_maps.TokenMaps`.
        word_length: lengths k of the k-mers (words) whose attributions are averaged.
        allow_seen: also use genes that all models were trained on.
        seed: seed of the random choice of genes, and of the chance level of k-mers.
        threads: processor threads, 0 for all.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.

    Raises:
        BadOption: the model has no KAN layer, or an option is not valid.
        UnknownGene: an id is not in the set, or no gene of the set has attributions.
        ModelMismatch, SeenGene, MissingFile, NotWritable: as in :meth:`kanseq.runs.scorer.Models.assign`.
    """
    for name, number, least in (("samples", samples, 0), ("edges", edges, 1), ("top", top, 1)):
        if number < least:
            raise BadOption(f"{name} is {number}", hint=f"it must be at least {least}")
    if edges > MOST_DRAWN:
        raise BadOption(f"too many edges ({edges:,}) for a picture", hint=f"use at most {MOST_DRAWN}; --top lists more")
    device, folder = choose_device(device), _folder_of(output)
    known = None if attributions is None else read_attributions(attributions)
    inputs = (model, genes, attributions, gene_list)
    genes = chosen_genes(genes if isinstance(genes, SequenceSet) else SequenceSet.open(genes), gene, gene_list)
    geometry = genes.geometry if known is None else known.geometry
    words = [WordSums(geometry, length, seed=seed) for length in dict.fromkeys(word_length)]
    if known is not None:
        check_layout(known.geometry, genes.geometry, Path(str(attributions)))
        _check_contigs(known, genes, Path(str(attributions)))
        _rows_of(known, genes)
    models = Models.open(model, fold=fold, device=device)
    scorer = models.assign(genes, allow_seen=allow_seen, held_out_only=not allow_seen).scorers[0]
    trained, network = _load(models, scorer, condition)
    if folder.exists():
        check_output(*(folder / name for name in _possible_files(network, words)), inputs=inputs)
    maps, rows = TokenMaps(network, layer), scorer.rows
    if 0 < samples < len(rows):
        rows = np.sort(np.random.default_rng(seed).choice(rows, samples, replace=False))
    logger.info("running %s sequences through the model of fold %s", f"{len(rows):,}", scorer.fold)
    with processor(threads, seed):
        statistics = NetworkStatistics(network.geometry)
        for batch in activations(network, genes.batches(BATCH, rows), maps.watch):
            statistics.add(batch)
            maps.add(batch, trained.task.logit(batch.outputs).double().cpu().numpy())
    with disk_errors(folder):
        folder.mkdir(exist_ok=True)
    files = _write_scores(folder, statistics, trained.task.explained, edges, top)
    files += _write_places(folder, network, trained.task)
    tokens = maps.result()
    if tokens is None:
        logger.info("no layer of this model has a token axis: tokens.png is not written")
    else:
        draw_token_map(tokens, network.geometry, folder / "tokens.png")
        files.append("tokens.png")
    if known is not None:
        files += _write_attributions(folder, known, genes, words)
    _make_room(folder, files)
    about = {"architecture": trained.architecture, "fold": scorer.fold, "seed": scorer.seed, "genes": len(rows)}
    write_json(folder / LIST, {**about, "model": fingerprint(scorer.path)["sha256"], "files": files})
    densities = {name: each.density for name, each in statistics.layers.items()}
    return Figures(
        scorer.path,
        trained.architecture,
        scorer.fold,
        scorer.seed,
        len(rows),
        list(densities),
        {name: round(each.outside, 6) for name, each in densities.items() if each.has_grid},
        None if tokens is None else tokens.layer,
        None if known is None else len(_rows_of(known, genes)[0]),
        files,
        folder,
    )


def _folder_of(output: PathLike) -> Path:
    """Return the path of the output folder after checking that the folder exists or can be created."""
    folder = Path(output)
    if folder.exists() and not folder.is_dir():
        raise NotWritable("this is a file, but the output must be a folder", where=folder)
    if not folder.exists():
        check_output(binary=folder)
    return folder


def _check_contigs(known: Attributions, genes: SequenceSet, where: Path) -> None:
    """Check that attributions and set are from one genome: contigs with the same name have the same checksum.

    ``where`` is the file that the attributions were read from, for error messages.
    """
    contigs = known.metadata.get("contigs")
    for name, contig in contigs.items() if isinstance(contigs, dict) else ():
        if name in genes.contigs and genes.contigs[name].get("md5") != contig.get("md5"):
            raise ContigMismatch(
                f"contig '{name}' has different bases in these attributions and in the set",
                where=where,
                hint="explain this set again with kanseq explain -o",
            )


def _load(models: Models, scorer: Scorer, condition: str | None) -> tuple[TrainedModel, SequenceNetwork]:
    """Return the model of ``scorer``, with only the output for ``condition``, and its network.

    Matrix products of the network are computed in float32.

    Raises:
        BadOption: the network has no KAN layers.
    """
    trained = models.load(scorer)
    warn_of_control(trained.metadata)
    if trained.network is None or not kan_layers(trained.network):
        raise BadOption(
            f"the model '{trained.architecture}' has no KAN layer",
            where=scorer.path,
            hint=f"figures supports {', '.join(_with_kan_layers())}",
        )
    trained.task = trained.task.only(condition)
    set_precision(trained.network, "float32")
    return trained, trained.network


def _with_kan_layers() -> list[str]:
    """Return the names of the architectures that have KAN layers; networks are built without allocating memory."""
    found = []
    for name, kind in architectures().items():
        if kind.kind == "predictor":
            with torch.device("meta"):
                built = kind.build(make_config(name, Geometry()))
            found += [name] if isinstance(built, torch.nn.Module) and kan_layers(built) else []
    return found


def _possible_files(network: SequenceNetwork, words: list[WordSums]) -> list[str]:
    """Return the names of all files that :func:`figures` may write for this network."""
    stems = ["positions", "profile", *(f"words-{each.length}" for each in words)]
    pairs = [f"{stem}{ending}" for stem in stems for ending in (".tsv", ".png")]
    placed = [_places_of(one.layer) for one in place_curves(network)]
    fixed = ["edges.tsv", "nodes.tsv", "grid.tsv", "tokens.png", *(["places.tsv"] if placed else [])]
    return [*fixed, *map(_picture_of, kan_layers(network)), *placed, *pairs]


def _make_room(folder: Path, files: list[str]) -> None:
    """Delete files that an earlier call wrote into ``folder``, as they may show another model; keep ``files``."""
    try:
        before = json.loads((folder / LIST).read_text(encoding="utf-8"))["files"]
    except (OSError, ValueError, KeyError, TypeError):
        return
    for name in before:
        if name not in files and Path(name).name == name:
            (folder / name).unlink(missing_ok=True)


def _picture_of(layer: str) -> str:
    """Return the file name of the picture of a layer's edge functions."""
    return f"layer-{layer.replace('/', '-')}.png"


def _write_scores(
    folder: Path, statistics: NetworkStatistics, explained: int | None, edges: int, top: int
) -> list[str]:
    """Write the scores of edges and nodes, the grids, and pictures of edge functions; return the file names.

    ``explained`` is the index of the network output that the scores refer to; None for all outputs."""
    scores = statistics.scores(explained)
    densities = {name: layer.density for name, layer in statistics.layers.items()}
    tables = edge_table(statistics, scores, top), node_table(statistics, scores), grid_table(densities)
    files = []
    for schema, table in zip((EDGES, NODES, GRID), tables, strict=True):
        write_table(folder / schema.file, schema, table)
        files.append(schema.file)
    for name, layer in statistics.layers.items():
        draw_edges(name, layer, scores[name], folder / _picture_of(name), edges)
        files.append(_picture_of(name))
    values = column_scores(statistics, scores)
    if values is not None:
        write_table(folder / "positions.tsv", POSITIONS, position_table(values, statistics.geometry))
        draw_positions(values, statistics.geometry, folder / "positions.png")
        files += ["positions.tsv", "positions.png"]
    return files


def _write_places(folder: Path, network: SequenceNetwork, task: Task) -> list[str]:
    """Write the functions of position that the network has learned for k-mers, if any; return the file names."""
    found = place_curves(network, task.shares)
    if not found:
        return []
    write_table(folder / "places.tsv", PLACES, curve_table(found, network.geometry))
    for one in found:
        draw_curves(one, network.geometry, folder / _places_of(one.layer))
    return ["places.tsv", *(_places_of(one.layer) for one in found)]


def _places_of(layer: str) -> str:
    """Return the file name of the picture of a layer's learned functions of position."""
    return f"places-{layer.replace('/', '-')}.png"


def _rows_of(known: Attributions, genes: SequenceSet) -> tuple[np.ndarray, np.ndarray]:
    """Find the genes that have attributions; return their rows in ``known``, and their rows in the set.

    Raises:
        UnknownGene: no gene of the set has attributions.
    """
    set_rows = genes.keys.get_indexer(pd.MultiIndex.from_frame(known.table[["species", "id"]]))
    known_rows = np.flatnonzero(set_rows >= 0)
    if not len(known_rows):
        raise UnknownGene(
            f"no selected gene has attributions: they are for {some(list(known.table['id']))}",
            hint="provide the set that was explained, and select genes of it",
        )
    return known_rows, set_rows[known_rows]


def _write_attributions(folder: Path, known: Attributions, genes: SequenceSet, words: list[WordSums]) -> list[str]:
    """Write mean attributions by position around TSS and TTS (profile), and by k-mer (words); return the file names."""
    profile = ProfileSums(known.geometry) if known.geometry.has_genes else None
    if profile is None:
        logger.info("sequences without coordinates have no TSS: profile.tsv is not written")
    known_rows, set_rows = _rows_of(known, genes)
    for start in range(0, len(known_rows), ROWS):
        part = slice(start, start + ROWS)
        values = np.stack(known.table["attributions"].iloc[known_rows[part]].to_list())
        codes = known.geometry.hide(genes.codes(set_rows[part]))
        if profile is not None:
            profile.add(values, codes)
        for each in words:
            each.add(values, codes, list(genes.table["id"].iloc[set_rows[part]]))
    files = []
    if profile is not None:
        table = profile.table()
        write_table(folder / "profile.tsv", PROFILE, table)
        draw_profile(table, folder / "profile.png")
        files += ["profile.tsv", "profile.png"]
    for each in words:
        stem, table = f"words-{each.length}", each.table()
        write_table(folder / f"{stem}.tsv", WORDS, table)
        draw_words(table, folder / f"{stem}.png")
        files += [f"{stem}.tsv", f"{stem}.png"]
    return files
