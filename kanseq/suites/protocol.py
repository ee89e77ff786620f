"""The protocol of a benchmark: folds, seeds, epochs, and treatment of training sequences that occur in the test set.

In: a labelled set with a column ``split``, and a protocol. Out: a folder with the set and its splits, and the training
of each model.
"""

import logging
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from kanseq.errors import BadOption, BadTable, EmptySplit
from kanseq.io.files import disk_errors, some, write_json
from kanseq.io.tables.dialect import write_table
from kanseq.io.tables.gene_tables import SPLITS as SPLIT_TABLE
from kanseq.models.registry import Value, architecture
from kanseq.runs.description import PROTOCOL, RunDescription, describe_input, read_run
from kanseq.runs.run_folder import begin, difference
from kanseq.sequences.sequence_set import SequenceSet
from kanseq.specification.optimisation import Settings
from kanseq.specification.training import TrainSpec
from kanseq.splits.folds import COLUMN_ROLES, make_folds, tuning_rows
from kanseq.splits.overlaps import same_bases
from kanseq.splits.roles import assign_roles, check_keys, relations_to_test
from kanseq.suites.contestants import Competitor, Entry
from kanseq.suites.jobs import Job, Machine
from kanseq.tasks.targets import MID, own_classes, resolve_task
from kanseq.training.settings import settings_for

logger = logging.getLogger(__name__)

SET, SPLITS, PLAIN_SPLITS, ABOUT = "set.parquet", "splits.tsv", "splits.plain.tsv", "set.json"
"""Files in the folder of a data set, which also contains the runs of all models.

Models without early stopping would use tuning sequences for training. They therefore have separate splits, in
``splits.plain.tsv``, in which tuning sequences are unused.
"""

COPIES = ("drop", "keep")
"""Treatment of training sequences that also occur in the test set: drop them, or keep them as published.

Training sequences that also occur among the tuning sequences are always dropped.
"""

TUNED = 0.1
"""Fraction of training sequences used for tuning if there is one fold and the set has no dev split."""


class Protocol(NamedTuple):
    """The settings of a benchmark that are the same for all models.

    Attributes:
        folds: number of folds; all have the same test set. With one fold, the training set is the set's split
            ``train``, and the tuning set is ``dev``. With several, all sequences except the test set are divided into
            this many parts, and each fold uses a different part for tuning.
        seeds: number of models per fold, trained with consecutive seeds that start at ``seed``.
        epochs: passes over the training sequences; None for each model's default. The epoch with the lowest loss on
            the tuning sequences is used.
        copies: one of :data:`COPIES`.
        seed: seed of the folds and of the first training.
    """

    folds: int = 5
    seeds: int = 1
    epochs: int | None = None
    copies: str = "drop"
    seed: int = 0

    @property
    def fits(self) -> int:
        """Number of times that each model is trained, once per fold and seed."""
        return self.folds * self.seeds

    def check(self, machine: Machine) -> None:
        """Check the values of the protocol and of ``machine``, before anything is written.

        Args:
            machine: the hardware for training.

        Raises:
            BadOption: a value has the wrong type, is out of range or is not one of the choices.
        """
        for name, value in (("folds", self.folds), ("jobs", machine.jobs)):
            if not isinstance(value, int) or value < 1:
                raise BadOption(f"--{name} {value}", hint="it must be a whole number of at least 1")
        if self.copies not in COPIES:
            raise BadOption(f"--copies {self.copies}", hint=f"choose {', '.join(COPIES)}")
        TrainSpec(
            genes="",
            splits="",
            output="",
            settings={"epochs": self.epochs, "precision": machine.precision},
            seed=self.seed,
            seeds=self.seeds,
            threads=machine.threads,
            device=machine.device,
        )


def prepare(genes: SequenceSet, folder: Path, protocol: Protocol) -> None:
    """Write a set and its splits to a folder, or check that an existing folder has the same set and protocol.

    Args:
        genes: a set with columns ``label`` and ``split``.
        folder: output folder; created if missing.
        protocol: the protocol, which defines the splits.

    Raises:
        BadTable: the set has no labels, no test sequences, or a single class.
        EmptySplit: a fold lacks sequences of a class.
        BadOption: the folder was started with a different set or protocol.
    """
    table = _splits(genes, protocol, folder.name)
    classes = classes_of_set(genes)
    _check_folds(table, genes, classes)
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    inputs = {"set": describe_input(genes)}
    described = RunDescription("protocol", "", {}, protocol._asdict(), inputs, machine={}, versions={})
    begin(folder, described, PROTOCOL)
    if all((folder / name).exists() for name in (SET, SPLITS, PLAIN_SPLITS, ABOUT)):
        return
    genes.write(folder / SET)
    without_tuning = table.assign(
        reason=table["reason"].mask(table["role"] == "tune", "tunes"), role=table["role"].replace("tune", "unused")
    )
    for name, each in ((SPLITS, table), (PLAIN_SPLITS, without_tuning)):
        write_table(folder / name, SPLIT_TABLE, each)
    write_json(folder / ABOUT, {"classes": classes, "columns": genes.geometry.columns})


def classes_of_set(genes: SequenceSet) -> list[str]:
    """List the classes of a set that models predict; ``mid`` is omitted if the set has only two other classes.

    Raises:
        BadTable: the set has no labels, or a single class.
    """
    if "label" not in genes.table or "split" not in genes.table:
        raise BadTable("a benchmark needs sequences with a label and a split", hint="make the set with kanseq import")
    several = resolve_task(genes, None, None)[1]
    classes = list(several or (name for name in own_classes(genes) if name != MID))
    if len(classes) < 2:
        raise BadTable(f"all sequences have the label '{classes[0]}'", hint="provide at least two classes")
    return classes


def job_of(competitor: Competitor, folder: Path, protocol: Protocol, machine: Machine) -> Job:
    """Return the job that trains one model on one set.

    Args:
        competitor: the model.
        folder: folder of the set, see :func:`prepare`.
        protocol: folds, seeds and epochs.
        machine: the hardware for training.
    """
    entry = competitor.entry
    stops_early = architecture(entry.model).takes("tune")
    settings = {**_given(entry, protocol), "tune": stops_early}
    settings |= {} if machine.precision is None else {"precision": machine.precision}
    spec = TrainSpec(
        genes=folder / SET,
        splits=folder / (SPLITS if stops_early else PLAIN_SPLITS),
        output=folder / entry.name,
        model=entry.model,
        options=dict(competitor.options),
        settings=settings,
        baseline=False,
        seed=protocol.seed,
        seeds=protocol.seeds,
        threads=machine.threads,
        device=machine.device,
    )
    return Job(f"{folder.name}, {entry.name}", spec, folder / f"{entry.name}.log")


def check_run(run: Path, competitor: Competitor, protocol: Protocol, precision: str | None) -> None:
    """Check that an existing run was started with the model and options that are requested now.

    Raises:
        BadOption: the model or an option differs; the message names it.
    """
    before, kind = read_run(run), architecture(competitor.entry.model)
    expected = settings_for(kind, tune=True, **_given(competitor.entry, protocol)).to_json()
    # The run resolved "auto" to a precision when it was started.
    names = [each.name for each in fields(Settings)]
    checked = [name for name in names if name != "precision" or precision not in (None, "auto")]
    expected["precision"] = precision or expected["precision"]
    checked = [name for name in checked if kind.takes(name)]
    differences = (
        difference(before.model, competitor.entry.model, "model"),
        difference(before.config, dict(competitor.config), "config"),
        *(difference(before.settings.get(name), expected.get(name), name) for name in checked),
    )
    for found in filter(None, differences):
        raise BadOption(f"this run was started with {found}", where=run, hint="use another output folder")


def _given(entry: Entry, protocol: Protocol) -> dict[str, Value]:
    """Return the training options of an entry. Patience equals the number of epochs, so that all epochs are run."""
    given = {**({} if protocol.epochs is None else {"epochs": protocol.epochs}), **entry.settings}
    return {"patience": settings_for(architecture(entry.model), **given).epochs, **given}


def _check_folds(table: pd.DataFrame, genes: SequenceSet, classes: Sequence[str]) -> None:
    """Check that the training sequences of each fold have all classes, and its tuning and test sequences at least two.

    Raises:
        EmptySplit: classes are missing.
    """
    label = np.tile(genes.table["label"].astype(str).to_numpy(), table["fold"].nunique())
    for role, least in (("train", len(classes)), ("tune", 2), ("test", 2)):
        there = table[(table["role"] == role)].assign(label=label[table["role"] == role])
        for fold, labels in there.groupby("fold")["label"]:
            lacking = sorted(set(classes) - set(labels))
            if len(classes) - len(lacking) < least:
                what = f"fold '{fold}': no sequence of the class {some(lacking, 5)} is left to {role}"
                raise EmptySplit(what, hint="use fewer --folds or --copies keep, or leave the class out")


def _splits(genes: SequenceSet, protocol: Protocol, name: str) -> pd.DataFrame:
    """Return the table of splits of a set according to the protocol; ``name`` is the set's name in messages."""
    words = genes.table["split"].astype(str).str.lower()
    if not (words == "test").any():
        raise BadTable(
            "the set has no sequence of the split 'test'", hint="name a file test.csv, or set a row's split to test"
        )
    rotate = protocol.folds if protocol.folds > 1 else 0
    tuned = 0.0 if rotate or (words.map(COLUMN_ROLES) == "tune").any() else TUNED
    check_keys(genes)
    folds = make_folds(genes, "column", rotate=rotate, seed=protocol.seed)
    table = assign_roles(genes, folds, relations_to_test(genes), by="column", tune=tuned, seed=protocol.seed)
    identical = same_bases(genes)
    assert identical is not None
    copies = np.zeros(len(genes), dtype=bool)
    copies[identical.first((words == "test").to_numpy())[0]] = True
    if copies.any():
        does = "are kept for training" if protocol.copies == "keep" else "are dropped from training"
        logger.warning("%s: %s sequences that also occur in the test set %s", name, f"{copies.sum():,}", does)
    parts = []
    for rows, (_, fold) in zip(
        tuning_rows(genes, rotate, protocol.seed), table.groupby("fold", sort=False), strict=True
    ):
        role, reason = (fold[name].to_numpy(dtype=object).copy() for name in ("role", "reason"))
        own = np.full(len(genes), "train", dtype=object)
        own[rows] = "tune"
        # Sequences that overlap in the genome keep the split of the collection; check_data_set counts them.
        back = fold["reason"].str.startswith("overlaps_").to_numpy() | (copies & (protocol.copies == "keep"))
        role[back], reason[back] = own[back], ""
        if protocol.copies == "drop":
            role[copies & back], reason[copies & back] = "unused", "duplicates_test"
        twins = np.zeros(len(genes), dtype=bool)
        twins[identical.first(role == "tune")[0]] = True
        twins &= back & (role == "train")
        role[twins], reason[twins] = "unused", "duplicates_tune"
        parts.append(fold.assign(role=role, reason=reason))
    return pd.concat(parts, ignore_index=True)
