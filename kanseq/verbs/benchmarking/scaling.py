"""``kanseq scaling``: compare LegNet, LKAN and CKAN at several model sizes, and measure the cost of finer grids.

In: a labelled set. Out: a folder with a run per model and size, two tables, and a figure.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd

from kanseq.drawing.style import GREY, picture
from kanseq.errors import BadOption
from kanseq.io.files import PathLike, whole_text
from kanseq.io.tables.dialect import write_table
from kanseq.io.tables.suite_tables import GRIDS as GRID_TABLE
from kanseq.io.tables.suite_tables import SCALING
from kanseq.models.config import Config
from kanseq.models.registry import architecture, make_config, option_types
from kanseq.models.sizes import cost_of
from kanseq.sequences.sequence_set import SequenceSet
from kanseq.suites.contest import baseline_of, compete, named_set
from kanseq.suites.contestants import VARIANTS, Entry, Parted, parted_options
from kanseq.suites.jobs import Machine
from kanseq.suites.protocol import Protocol
from kanseq.suites.results import MAIN, results_of, table_text
from kanseq.suites.step_times import step_times
from kanseq.verbs.short_repr import brief

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TABLE, GRIDS, TEXT, FIGURE = "scaling.tsv", "grids.tsv", "scaling.md", "scaling.png"

COLOURS = {"legnet": GREY, "legnet-lkan": "#d1495b", "legnet-ckan": "#30638e"}


@brief
class Scaling(NamedTuple):
    """Result of :func:`scaling`.

    Attributes:
        data_set: name of the set.
        sizes: requested numbers of parameters.
        trained: number of networks trained by this call.
        output: the output folder, with both tables and the figure.
        text: ``table`` as Markdown.
        table: the scores, with a row per model and size.
        grids: the costs, with a row per model and number of grid intervals: ``model, grid, parameters, flops,
            step_seconds``.
    """

    data_set: str
    sizes: list[int]
    trained: int
    output: Path
    text: str
    table: pd.DataFrame
    grids: pd.DataFrame


def scaling(
    genes: PathLike | SequenceSet,
    *,
    output: PathLike,
    sizes: Sequence[int] = (50_000, 100_000, 200_000, 400_000),
    grids: Sequence[int] = (5, 10, 20, 30, 40, 50),
    models: Sequence[str] = VARIANTS,
    options: Sequence[str] = (),
    folds: int = 5,
    seeds: int = 1,
    epochs: int | None = None,
    copies: str = "drop",
    batch_size: int = 32,
    bootstrap: int = 1000,
    seed: int = 0,
    jobs: int = 1,
    threads: int = 0,
    device: str = "auto",
    precision: str | None = None,
) -> Scaling:
    """Train each model with each number of parameters; also time training steps of KAN models with each grid size.

    The timed networks have the default layer widths.

    Args:
        genes: a set with the columns ``label`` and ``split``, or its file.
        output: the output folder; created if missing.
        sizes: numbers of parameters; layer widths are chosen to match them.
        grids: numbers of spline grid intervals. For each, parameters are counted and training steps are timed.
        models: architectures whose layer widths can be chosen.
        options: hyper-parameters or training options, each as ``KEY=VALUE`` (all models) or ``MODEL.KEY=VALUE``.
        batch_size: number of sequences per timed step.
        folds, seeds, epochs, copies, seed: see :class:`kanseq.suites.protocol.Protocol`.
        bootstrap: number of bootstrap resamples of the test sequences.
        jobs, threads, device, precision: as for :func:`kanseq.benchmark`.

    Raises:
        BadOption, BadTable, JobsFailed: as for :func:`kanseq.benchmark`.
    """
    unique_sizes = list(dict.fromkeys(sizes))
    if not unique_sizes or min(unique_sizes) < 1:
        raise BadOption("--parameters: no size, or a size below 1", hint="specify sizes, such as 50000,100000")
    for model in models:
        if architecture(model).resized is None or models.count(model) > 1:
            raise BadOption(f"--model {model}", hint="use models whose layer widths can be chosen, each only once")
    name, genes = named_set(genes)
    own, settings = parted_options(options, models)
    finer = _finer(genes, own, models, grids)
    entries = [
        Entry(f"{model}.{size}", model, own[model], settings[model], size) for size in unique_sizes for model in models
    ]
    output, machine = Path(output), Machine(jobs, threads, device, precision)
    run = compete([(name, genes)], entries, Protocol(folds, seeds, epochs, copies, seed), machine, output)
    if run.failure is not None:
        raise run.failure
    tables = []
    for size in unique_sizes:
        of_size = [f"{model}.{size}" for model in models]
        table = results_of(
            output / name, of_size, baseline=baseline_of(of_size), published={}, bootstrap=bootstrap, seed=seed
        )
        tables.append(table.assign(kind=list(models)))
    table = pd.concat(tables, ignore_index=True)
    costs = _costs(finer, batch_size, machine)
    text = table_text(table.drop(columns="kind"))
    write_table(output / TABLE, SCALING, table)
    write_table(output / GRIDS, GRID_TABLE, costs)
    with whole_text(output / TEXT) as handle:
        handle.write(text)
    _draw(output / FIGURE, table, costs, name)
    return Scaling(name, unique_sizes, run.trained, output, text, table, costs)


def _finer(
    genes: SequenceSet, own: Parted, models: Sequence[str], grids: Sequence[int]
) -> list[tuple[str, int, Config]]:
    """Return (model, grid, configuration) for each model with spline grids and each number of grid intervals.

    ``own`` contains the specified hyper-parameters of each model; layer widths have their defaults."""
    return [
        (model, grid, make_config(model, genes.geometry, {**own[model], "grid": grid}))
        for model in models
        if "grid" in option_types(architecture(model).config)
        for grid in dict.fromkeys(grids)
    ]


def _costs(finer: Sequence[tuple[str, int, Config]], batch_size: int, machine: Machine) -> pd.DataFrame:
    """Return the table ``grids`` of :class:`Scaling`: parameters, FLOPs and seconds per training step."""
    built = [(architecture(model), config) for model, _, config in finer]
    seconds = step_times(
        built, batch_size=batch_size, threads=machine.threads, device=machine.device, precision=machine.precision
    )
    rows = []
    for (model, grid, config), time in zip(finer, seconds, strict=True):
        cost = cost_of(architecture(model), config)
        assert cost is not None
        rows.append((model, grid, cost.parameters, cost.flops, time))
    return pd.DataFrame(rows, columns=["model", "grid", "parameters", "flops", "step_seconds"])


def _draw(path: Path, table: pd.DataFrame, grids: pd.DataFrame, name: str) -> None:
    """Plot the score against parameters and FLOPs, and parameters and step time against the grid size."""
    with picture(path, 7.2, 4.9) as figure:
        fields = figure.subplots(2, 2)
        for axes, column, label in zip(
            fields[0], ("parameters", "flops"), ("parameters", "FLOPs of a sequence, forward"), strict=True
        ):
            for kind, rows in table.groupby("kind", sort=False):
                _draw_line(axes, rows, column, str(kind))
            _label_counts(axes, table[column])
            axes.set_xlabel(label)
            axes.set_ylabel(f"{MAIN} on the test")
        fields[0, 0].legend()
        fields[0, 0].set_title(f"{name}: mean of the fits, 95 % interval over test sequences", loc="left")
        for axes, column, scale, label in zip(
            fields[1], ("parameters", "step_seconds"), (1e-6, 1e3), ("million parameters", "ms per step"), strict=True
        ):
            for kind, rows in grids.groupby("model", sort=False):
                axes.plot(rows["grid"], rows[column] * scale, marker="o", markersize=3, color=COLOURS.get(str(kind)))
            axes.set_xlabel("intervals of the grid")
            axes.set_ylabel(label)
            axes.set_ylim(0)
        fields[1, 0].set_title("finer grids at the default widths", loc="left")
        figure.tight_layout()


def _draw_line(axes: "Axes", rows: pd.DataFrame, column: str, kind: str) -> None:
    """Draw the scores of one model (``kind``) as a line with error bars, against the values in ``column``."""
    off = [rows[MAIN] - rows[f"{MAIN}_low"], rows[f"{MAIN}_high"] - rows[MAIN]]
    axes.errorbar(
        rows[column], rows[MAIN], yerr=off, marker="o", markersize=3, linewidth=1, elinewidth=0.6, capsize=1.5,
        color=COLOURS.get(kind), label=kind,
    )  # fmt: skip


def _label_counts(axes: "Axes", counts: pd.Series) -> None:
    """Label an axis with round numbers (50k, 2M), on a logarithmic scale if the range is wide enough."""
    from matplotlib.ticker import EngFormatter, LogLocator, NullLocator

    if counts.max() > 5 * counts.min():
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
