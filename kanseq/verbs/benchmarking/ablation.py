"""``kanseq ablation``: compare variants of LegNet with different numbers of KAN layers and grid sizes.

In: a labelled set. Out: a folder with a run per variant, a table, and a figure.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from kanseq.drawing.style import INK, picture
from kanseq.errors import BadOption
from kanseq.io.files import PathLike, whole_text
from kanseq.io.tables.dialect import write_table
from kanseq.io.tables.suite_tables import ABLATION
from kanseq.models.networks.legnet import PLACES, LegNetConfig
from kanseq.models.registry import Value, make_config
from kanseq.sequences.sequence_set import SequenceSet
from kanseq.suites.contest import compete, named_set
from kanseq.suites.contestants import Entry, parted_options
from kanseq.suites.jobs import Machine
from kanseq.suites.protocol import Protocol
from kanseq.suites.results import MAIN, MINUS, results_of, table_text
from kanseq.verbs.short_repr import brief

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TABLE, TEXT, FIGURE = "ablation.tsv", "ablation.md", "ablation.png"


@brief
class Ablation(NamedTuple):
    """Result of :func:`ablation`.

    Attributes:
        data_set: name of the set.
        choices: number of networks that are compared.
        trained: number of networks trained by this call.
        output: the output folder, with the table (also as Markdown) and the figure.
        text: the table as Markdown.
        table: a row per network, with the columns ``replaced`` (KAN layers) and ``grid`` (number of grid intervals).
    """

    data_set: str
    choices: int
    trained: int
    output: Path
    text: str
    table: pd.DataFrame


def ablation(
    genes: PathLike | SequenceSet,
    *,
    output: PathLike,
    replaced: Sequence[int] = (),
    places: Sequence[str] = PLACES,
    grids: Sequence[int] = (5, 10, 20),
    options: Sequence[str] = (),
    match_parameters: int | None = None,
    folds: int = 5,
    seeds: int = 1,
    epochs: int | None = None,
    copies: str = "drop",
    bootstrap: int = 1000,
    seed: int = 0,
    jobs: int = 1,
    threads: int = 0,
    device: str = "auto",
    precision: str | None = None,
) -> Ablation:
    """Train LegNet and its variants with KAN layers (LKANs and CKANs, with every grid size), and compare them.

    In an LKAN, squeeze-and-excitation layers are KANs; in a CKAN, convolutions are KANs. All networks have the same
    layer widths, unless ``match_parameters`` is used.

    Args:
        genes: a set with the columns ``label`` and ``split``, or its file.
        output: the output folder; created if missing.
        replaced: for LKANs: numbers of blocks with a KAN layer, counted from the stem. If empty, one LKAN has KAN
            layers in half of its blocks, and another in all blocks.
        places: for CKANs: convolutions to replace with KAN layers: ``both``, ``stem``, ``final``.
        grids: numbers of spline grid intervals.
        options: hyper-parameters or training options of all networks, each as ``KEY=VALUE``.
        match_parameters: choose layer widths so that every network has about this many parameters.
        folds, seeds, epochs, copies, seed: see :class:`kanseq.suites.protocol.Protocol`.
        bootstrap: number of bootstrap resamples of the test sequences.
        jobs, threads, device, precision: as for :func:`kanseq.benchmark`.

    Raises:
        BadOption, BadTable, JobsFailed: as for :func:`kanseq.benchmark`.
    """
    name, genes = named_set(genes)
    entries = _entries(genes, replaced, places, grids, options, match_parameters)
    output, machine = Path(output), Machine(jobs, threads, device, precision)
    run = compete([(name, genes)], entries, Protocol(folds, seeds, epochs, copies, seed), machine, output)
    if run.failure is not None:
        raise run.failure
    names = [entry.name for entry in entries]
    table = results_of(output / name, names, baseline="legnet", published={}, bootstrap=bootstrap, seed=seed)
    chosen = [entry.options for entry in entries]
    table.insert(2, "replaced", [str(one.get("replaced", "")) for one in chosen])
    table.insert(3, "grid", [str(one.get("grid", "")) for one in chosen])
    text = table_text(table)
    write_table(output / TABLE, ABLATION, table)
    with whole_text(output / TEXT) as handle:
        handle.write(text)
    _draw(output / FIGURE, table)
    return Ablation(name, len(entries), run.trained, output, text, table)


def _entries(
    genes: SequenceSet,
    replaced: Sequence[int],
    places: Sequence[str],
    grids: Sequence[int],
    options: Sequence[str],
    parameters: int | None,
) -> list[Entry]:
    """Return the networks to train, LegNet first.

    Raises:
        BadOption: ``replaced`` is out of range, or ``grids`` is empty."""
    shared, settings = parted_options(options, ["legnet", "legnet-lkan", "legnet-ckan"])
    plain = make_config("legnet", genes.geometry, shared["legnet"])
    assert isinstance(plain, LegNetConfig)
    blocks = len(plain.channels) - 1
    counts = list(dict.fromkeys(replaced or (blocks // 2, blocks)))
    if not all(1 <= count <= blocks for count in counts) or not grids:
        raise BadOption(f"--replaced {','.join(map(str, counts))}", hint=f"numbers from 1 to {blocks} are expected")
    found = [Entry("legnet", "legnet", shared["legnet"], settings["legnet"], parameters)]
    for model, choices in (("legnet-lkan", counts), ("legnet-ckan", list(dict.fromkeys(places)))):
        for choice in choices:
            for grid in dict.fromkeys(grids):
                own: dict[str, Value] = {**shared[model], "replaced": choice, "grid": grid}
                found.append(Entry(f"{model}.{choice}.grid{grid}", model, own, settings[model], parameters))
    return found


def _draw(path: Path, table: pd.DataFrame) -> None:
    """Draw one heat map for LKANs and one for CKANs, with replaced layers in rows and grid sizes in columns.

    Colours show the difference from the score of LegNet."""
    plain = float(table[MAIN].iloc[0])
    kinds = [(kind, table[table["model"].str.startswith(kind)]) for kind in ("legnet-lkan", "legnet-ckan")]
    kinds = [(kind, rows) for kind, rows in kinds if len(rows)]
    rows_of = [rows["replaced"].nunique() for _, rows in kinds]
    grids = table["grid"].iloc[1:].nunique()
    most = max(0.01, float((table[MAIN] - plain).abs().max()))
    with picture(path, max(3.4, 1.6 + 0.95 * grids), 1.0 + 0.62 * sum(rows_of) + 0.5 * len(kinds)) as figure:
        fields = figure.subplots(len(kinds), 1, height_ratios=rows_of, squeeze=False)[:, 0]
        for axes, (kind, rows) in zip(fields, kinds, strict=True):
            _draw_field(axes, kind, rows, plain, most)
        title = f"{table['data_set'].iloc[0]}: {MAIN} and its difference to the plain LegNet's {plain:.3f}"
        figure.suptitle(f"{title}\nbold: 95 % interval over test sequences without 0", fontsize=8)
        figure.tight_layout()


def _draw_field(axes: "Axes", kind: str, rows: pd.DataFrame, plain: float, most: float) -> None:
    """Draw the heat map of one kind of network (LKAN or CKAN).

    ``plain`` is the score of LegNet, ``most`` the largest difference on the colour scale.
    """
    down, across = (list(dict.fromkeys(rows[column])) for column in ("replaced", "grid"))
    values = rows[MAIN].to_numpy().reshape(len(down), len(across))
    low, high = (rows[f"{MINUS}_{end}"].to_numpy(dtype=float) for end in ("low", "high"))
    is_apart = ((low > 0) | (high < 0)).reshape(values.shape)
    # Red and blue are reserved for contributions that raise and lower a logit.
    axes.imshow(values - plain, cmap="BrBG", vmin=-most, vmax=most, aspect="auto")
    for (row, column), value in np.ndenumerate(values):
        is_dark = abs(value - plain) > 0.7 * most
        shown = f"{value:.3f}\n{value - plain:+.3f}".replace("-", "−")
        axes.text(
            column, row, shown, ha="center", va="center", fontsize=7, color="white" if is_dark else INK,
            fontweight="bold" if is_apart[row, column] else "normal",
        )  # fmt: skip
    axes.set_xticks(range(len(across)), across)
    axes.set_yticks(range(len(down)), down)
    axes.set_xlabel("intervals of the grid")
    axes.set_ylabel("blocks replaced" if kind.endswith("lkan") else "replaced")
    axes.set_title(kind, loc="left")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
