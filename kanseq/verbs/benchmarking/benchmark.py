"""``kanseq benchmark``: compare models on published collections of labelled sequences, under one protocol.

In: the folder of a collection, models, a protocol. Out: a folder per data set with a run per model, and one table.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from kanseq.io.files import PathLike, disk_errors, whole_text
from kanseq.io.locks import lock
from kanseq.io.tables.dialect import read_table, write_table
from kanseq.io.tables.schema import Schema
from kanseq.io.tables.suite_tables import CHECKS as CHECK_TABLE
from kanseq.io.tables.suite_tables import RESULTS as RESULT_TABLE
from kanseq.sequences.assembling import Genomes
from kanseq.suites.collections.find_data_sets import find_data_sets
from kanseq.suites.contest import baseline_of, compete, complete
from kanseq.suites.contestants import VARIANTS, make_entries
from kanseq.suites.jobs import Machine
from kanseq.suites.protocol import Protocol
from kanseq.suites.published import published_numbers
from kanseq.suites.results import results_of, table_text
from kanseq.verbs.short_repr import brief

RESULTS, TEXT, CHECKS = "results.tsv", "results.md", "checks.tsv"
"""Files in the output folder, which also contains a folder per data set."""


@brief
class Benchmark(NamedTuple):
    """Result of :func:`benchmark`.

    Attributes:
        collection: name of the collection.
        data_sets: names of the data sets.
        models: names of the models.
        trained: number of models trained by this call (one per data set and model).
        output: the output folder.
        text: the table of results as Markdown.
        table: the results, with a row per data set and model.
        checks: a row per data set: numbers of sequences and labels, and overlap of test and training sequences.
    """

    collection: str
    data_sets: list[str]
    models: list[str]
    trained: int
    output: Path
    text: str
    table: pd.DataFrame
    checks: pd.DataFrame


def benchmark(
    collection: str,
    folder: PathLike,
    *,
    output: PathLike,
    models: Sequence[str] = VARIANTS,
    options: Sequence[str] = (),
    match_parameters: int | None = None,
    data_sets: Sequence[str] = (),
    genome: Genomes = None,
    negatives: str = "shuffled",
    folds: int = 5,
    seeds: int = 1,
    epochs: int | None = None,
    copies: str = "drop",
    published: PathLike | None = None,
    bootstrap: int = 1000,
    seed: int = 0,
    jobs: int = 1,
    threads: int = 0,
    device: str = "auto",
    precision: str | None = None,
) -> Benchmark:
    """Train models on every data set of a collection, and score them on the test set of the data set.

    Test sets are used for nothing else. All models are trained on the same sequences in the same folds; sequences that
    networks use for tuning are not used to train baselines either. A second call resumes where the first one stopped,
    and adds new models and data sets. The table of results also includes models that earlier calls trained in the same
    output folder. A data set keeps the protocol of the first call that used it.

    Args:
        collection: ``gue``, ``genomic-benchmarks`` or ``flipons``.
        folder: the folder of the collection, in one of its published layouts, see
            :mod:`kanseq.suites.collections.find_data_sets`.
        output: the output folder; created if missing.
        models: architectures that ``kanseq models`` lists. All other models are compared with ``legnet`` if it is among
            the models, otherwise with the first model.
        options: hyper-parameters or training options, each as ``KEY=VALUE`` (all models) or ``MODEL.KEY=VALUE``.
        match_parameters: choose layer widths so that networks have about this many parameters, if a model supports it.
        data_sets: names of the data sets to use; all if empty.
        genome: FASTA of the genome that intervals refer to, or one per class (a mapping, or items ``CLASS=FASTA``).
        negatives: how to make negative sequences for flipon data sets without negatives: ``shuffled`` or ``uniform``.
        folds, seeds, epochs, copies, seed: see :class:`kanseq.suites.protocol.Protocol`.
        published: a table of published scores to show, in addition to or instead of those that kanseq includes, see
            :mod:`kanseq.suites.published`.
        bootstrap: number of bootstrap resamples of the test sequences.
        jobs: number of models to train in parallel.
        threads: number of CPU threads per model; 0 for torch's default.
        device, precision: as for ``kanseq train``.

    Raises:
        BadOption: an option is unknown or invalid.
        BadTable, MissingFile: the layout of the folder is unknown, or a data set is invalid.
        JobsFailed: the training of some models failed; the tables contain the results of all other models.
    """
    protocol, machine = Protocol(folds, seeds, epochs, copies, seed), Machine(jobs, threads, device, precision)
    entries = make_entries(models, options, parameters=match_parameters)
    numbers = published_numbers(published)
    found = find_data_sets(collection, folder, genome=genome, names=data_sets, negatives=negatives)
    output = Path(output)
    run = compete(((one.name, one.read()) for one in found), entries, protocol, machine, output)
    tables = []
    for name in run.names:
        names = complete(output / name, protocol.fits)
        if names:
            known = numbers.get((collection, name), {})
            options_of = {"baseline": baseline_of(names), "published": known, "bootstrap": bootstrap, "seed": seed}
            tables.append(results_of(output / name, names, **options_of))
    # If the file system supports locks, other benchmarks in this folder wait while tables are read and written.
    with disk_errors(output), lock(output / "lock", wait=True):
        found_of_sets = pd.DataFrame([{"data_set": name, **each} for name, each in run.checks.items()])
        checks = _added(output / CHECKS, CHECK_TABLE, found_of_sets)
        table = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()
        if tables:
            table = _added(output / RESULTS, RESULT_TABLE, table)
        text = table_text(table) if tables else ""
        with whole_text(output / TEXT) as handle:
            handle.write(text)
    if run.failure is not None:
        raise run.failure
    return Benchmark(collection, run.names, [entry.name for entry in entries], run.trained, output, text, table, checks)


def _added(path: Path, schema: Schema, rows: pd.DataFrame) -> pd.DataFrame:
    """Add ``rows`` to the table in a file; they replace old rows of the same data sets. Return the complete table."""
    if path.exists():
        before = read_table(path, schema)
        if "flops" in before and before["flops"].notna().all():
            # Keep counts as integers if every model has a count.
            before["flops"] = before["flops"].astype("int64")
        kept = before[~before["data_set"].isin(rows["data_set"])]
        rows = pd.concat([kept, rows], ignore_index=True) if len(kept) else rows
        rows = rows.sort_values("data_set", kind="stable", ignore_index=True)
    write_table(path, schema, rows)
    return rows
