"""How every data set of a benchmark is cut and trained on: folds, seeds, epochs, copies of test sequences.

In: a labelled set with its own ``split``, and a protocol. Out: a folder with the set, its splits, and what they hold.
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
from kanseq.splits.overlaps import same_bases
from kanseq.splits.roles import assign_roles, check_keys, relations_to_test
from kanseq.splits.test_folds import COLUMN_ROLES, make_folds, tuning_rows
from kanseq.suites.contestants import Competitor, Entry
from kanseq.suites.jobs import Job, Machine
from kanseq.tasks.targets import MID, own_classes, resolve_task
from kanseq.training.settings import settings_for

logger = logging.getLogger(__name__)

SET, SPLITS, PLAIN_SPLITS, ABOUT = "set.parquet", "splits.tsv", "splits.plain.tsv", "set.json"
"""Files of a data set's folder; beside them stands a run for each model.

Models that do not stop early have splits of their own, without what tunes: they would train on it.
"""

COPIES = ("drop", "keep")
"""What becomes of training sequences that stand in the test: they do not train, or they do, as published.

Those that stand among what tunes never train.
"""

TUNED = 0.1
"""Share of the training sequences that tune where there is one fold and the set names none for that."""


class Protocol(NamedTuple):
    """What holds for all models.

    Attributes:
        folds: 1: the set's own training sequences train and its ``dev`` tunes; more: all but the test is dealt out
            into so many parts, and each fold tunes on another one. The test is the same for all.
        seeds: trainings per fold, from ``seed`` on.
        epochs: passes over the training sequences; None for each model's own number. Of them the one with the best loss
            on the tuning sequences counts.
        copies: one of :data:`COPIES`.
        seed: of the folds and the first training.
    """

    folds: int = 5
    seeds: int = 1
    epochs: int | None = None
    copies: str = "drop"
    seed: int = 0

    @property
    def fits(self) -> int:
        """How often each model is trained."""
        return self.folds * self.seeds

    def check(self, machine: Machine) -> None:
        """Refuse values that make no sense, before anything is written. Options of trainings are checked as there.

        Args:
            machine: where the trainings run.

        Raises:
            BadOption: a value is of another type, out of range or no choice.
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
    """Write a set and its splits, once; a folder that was begun with another set or protocol is refused.

    Args:
        genes: a set with columns ``label`` and ``split``.
        folder: made if it is not there.
        protocol: how to cut.

    Raises:
        BadTable: the set has no labels, no test, or one class.
        BadOption: the folder was begun otherwise.
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
    aside = table.assign(
        reason=table["reason"].mask(table["role"] == "tune", "tunes"), role=table["role"].replace("tune", "unused")
    )
    for name, each in ((SPLITS, table), (PLAIN_SPLITS, aside)):
        write_table(folder / name, SPLIT_TABLE, each)
    write_json(folder / ABOUT, {"classes": classes, "columns": genes.geometry.columns})


def classes_of_set(genes: SequenceSet) -> list[str]:
    """List the classes that models are to tell apart; ``mid`` beside low and high is none.

    Raises:
        BadTable: the set has no labels, or one class alone.
    """
    if "label" not in genes.table or "split" not in genes.table:
        raise BadTable("a benchmark wants sequences with a label and a split", hint="make the set with kanseq import")
    several = resolve_task(genes, None, None)[1]
    classes = list(several or (name for name in own_classes(genes) if name != MID))
    if len(classes) < 2:
        raise BadTable(f"all sequences carry the label '{classes[0]}'", hint="give at least two classes")
    return classes


def job_of(competitor: Competitor, folder: Path, protocol: Protocol, machine: Machine) -> Job:
    """Specify the training of one model on one prepared set.

    Args:
        competitor: the model.
        folder: the set's.
        protocol: how to train.
        machine: where it runs.
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
    """Insist that a run that is there was begun with what is asked for now.

    Raises:
        BadOption: it was not; the message says what differs.
    """
    before, kind = read_run(run), architecture(competitor.entry.model)
    wanted = settings_for(kind, tune=True, **_given(competitor.entry, protocol)).to_json()
    # What auto means a run has settled itself.
    names = [each.name for each in fields(Settings)]
    checked = [name for name in names if name != "precision" or precision not in (None, "auto")]
    wanted["precision"] = precision or wanted["precision"]
    checked = [name for name in checked if kind.takes(name)]
    differences = (
        difference(before.model, competitor.entry.model, "model"),
        difference(before.config, dict(competitor.config), "config"),
        *(difference(before.settings.get(name), wanted.get(name), name) for name in checked),
    )
    for found in filter(None, differences):
        raise BadOption(f"this run was begun with {found}", where=run, hint="benchmark into another folder")


def _given(entry: Entry, protocol: Protocol) -> dict[str, Value]:
    """Give the options of an entry's training: all epochs are made, and the best of them counts."""
    given = {**({} if protocol.epochs is None else {"epochs": protocol.epochs}), **entry.settings}
    return {"patience": settings_for(architecture(entry.model), **given).epochs, **given}


def _check_folds(table: pd.DataFrame, genes: SequenceSet, classes: Sequence[str]) -> None:
    """Insist that every fold trains on every class, and tests at least two, before anything trains."""
    label = np.tile(genes.table["label"].astype(str).to_numpy(), table["fold"].nunique())
    for role, least in (("train", len(classes)), ("tune", 2), ("test", 2)):
        there = table[(table["role"] == role)].assign(label=label[table["role"] == role])
        for fold, labels in there.groupby("fold")["label"]:
            lacking = sorted(set(classes) - set(labels))
            if len(classes) - len(lacking) < least:
                what = f"fold '{fold}': no sequence of the class {some(lacking, 5)} is left to {role}"
                raise EmptySplit(what, hint="ask for fewer --folds, keep --copies, or leave the class out")


def _splits(genes: SequenceSet, protocol: Protocol, name: str) -> pd.DataFrame:
    """Cut a set as the protocol says; its name is for messages."""
    words = genes.table["split"].astype(str).str.lower()
    if not (words == "test").any():
        raise BadTable(
            "the set has no sequence of the split 'test'", hint="name a file test.csv, or a row's split test"
        )
    rotate = protocol.folds if protocol.folds > 1 else 0
    tuned = 0.0 if rotate or (words.map(COLUMN_ROLES) == "tune").any() else TUNED
    check_keys(genes)
    folds = make_folds(genes, "column", rotate=rotate, seed=protocol.seed)
    table = assign_roles(genes, folds, relations_to_test(genes), by="column", tune=tuned, seed=protocol.seed)
    alike = same_bases(genes)
    assert alike is not None
    copies = np.zeros(len(genes), dtype=bool)
    copies[alike.first((words == "test").to_numpy())[0]] = True
    if copies.any():
        does = "train all the same" if protocol.copies == "keep" else "do not train"
        logger.warning("%s: %s sequences that stand in the test %s", name, f"{copies.sum():,}", does)
    parts = []
    for rows, (_, fold) in zip(
        tuning_rows(genes, rotate, protocol.seed), table.groupby("fold", sort=False), strict=True
    ):
        role, reason = (fold[name].to_numpy(dtype=object).copy() for name in ("role", "reason"))
        own = np.full(len(genes), "train", dtype=object)
        own[rows] = "tune"
        # Neighbours in the genome stay where the collection has put them, and its checks count them.
        back = fold["reason"].str.startswith("overlaps_").to_numpy() | (copies & (protocol.copies == "keep"))
        role[back], reason[back] = own[back], ""
        if protocol.copies == "drop":
            role[copies & back], reason[copies & back] = "unused", "duplicates_test"
        twins = np.zeros(len(genes), dtype=bool)
        twins[alike.first(role == "tune")[0]] = True
        twins &= back & (role == "train")
        role[twins], reason[twins] = "unused", "duplicates_tune"
        parts.append(fold.assign(role=role, reason=reason))
    return pd.concat(parts, ignore_index=True)
