"""How every data set of a benchmark is cut and trained on: folds, seeds, epochs, copies of test sequences.

In: a labelled set with its own ``split``, and a protocol. Out: a folder with the set, its splits, and what they hold.
"""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from kanseq.data.sequences import SequenceSet
from kanseq.data.splits import split
from kanseq.errors import BadOption, BadTable
from kanseq.files import whole_text, write_json
from kanseq.models.registry import architecture
from kanseq.suites.entries import Competitor
from kanseq.suites.jobs import Job
from kanseq.training.runs import begin, describe_input
from kanseq.training.settings import settings_for

logger = logging.getLogger(__name__)

SET, SPLITS, ABOUT = "set.parquet", "splits.tsv", "set.json"
"""Files of a data set's folder; beside them stands a run for each model."""

COPIES = ("drop", "keep")
"""What becomes of training sequences that stand in the test: they do not train, or they do, as published."""

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

    def check(self) -> None:
        """Refuse what makes no sense.

        Raises:
            BadOption: it makes none.
        """
        for name in ("folds", "seeds", "epochs"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise BadOption(f"--{name} {value}", mend="it must be at least 1")
        if self.copies not in COPIES:
            raise BadOption(f"--copies {self.copies}", mend=f"choose {', '.join(COPIES)}")


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
    classes = classes_of(genes)
    folder.mkdir(exist_ok=True)
    described = {
        "format": 1,
        "model": None,
        "config": {},
        "settings": protocol._asdict(),
        "inputs": {"set": describe_input(genes)},
        "machine": {},
        "versions": {},
    }
    begin(folder, described, "protocol.json")
    if all((folder / name).exists() for name in (SET, SPLITS, ABOUT)):
        return
    table = _splits(genes, protocol)
    genes.write(folder / SET)
    with whole_text(folder / SPLITS) as handle:
        table.to_csv(handle, sep="\t", index=False, lineterminator="\n")
    write_json(folder / ABOUT, {"classes": classes, "columns": genes.geometry.columns})


def classes_of(genes: SequenceSet) -> list[str]:
    """List the labels of a set.

    Raises:
        BadTable: there are none, or one alone.
    """
    if "label" not in genes.table or "split" not in genes.table:
        raise BadTable("a benchmark wants sequences with a label and a split", mend="make the set with kanseq import")
    classes = sorted({str(label) for label in genes.table["label"]})
    if len(classes) < 2:
        raise BadTable(f"all sequences carry the label '{classes[0]}'", mend="give at least two classes")
    return classes


def job_of(competitor: Competitor, folder: Path, protocol: Protocol, machine: Sequence[str]) -> Job:
    """Write the command line that trains one model on one prepared set.

    Args:
        competitor: the model.
        folder: the set's.
        protocol: how to train.
        machine: options of ``kanseq train`` that say where it runs.
    """
    entry = competitor.entry
    given = {**({} if protocol.epochs is None else {"epochs": protocol.epochs}), **entry.settings}
    # All epochs are made, and the best of them counts.
    given = {"patience": given.get("epochs", settings_for(architecture(entry.model)).epochs), **given}
    arguments = ["train", str(folder / SET), "--splits", str(folder / SPLITS), "-o", str(folder / entry.name)]
    arguments += ["--model", entry.model, "--no-baseline", "--seed", str(protocol.seed), "--seeds", str(protocol.seeds)]
    arguments += ["--tune"] if competitor.cost is not None else []
    for key, value in competitor.options.items():
        arguments += ["--set", f"{key}={value}"]
    for key, value in given.items():
        arguments += [f"--{key.replace('_', '-')}", str(value)]
    return Job(f"{folder.name}, {entry.name}", [*arguments, *machine], folder / f"{entry.name}.log")


def _splits(genes: SequenceSet, protocol: Protocol) -> pd.DataFrame:
    """Cut a set as the protocol says."""
    words = genes.table["split"].astype(str).str.lower()
    if not (words == "test").any():
        raise BadTable(
            "the set has no sequence of the split 'test'", mend="name a file test.csv, or a row's split test"
        )
    if protocol.folds > 1:
        found = split(genes, by="column", rotate=protocol.folds, seed=protocol.seed)
    else:
        tuned = 0.0 if words.isin(("dev", "val", "valid", "validation", "tune")).any() else TUNED
        found = split(genes, by="column", tune=tuned, seed=protocol.seed)
    table = found.table
    copies = (table["role"] == "unused") & table["reason"].str.startswith("duplicates_test")
    if copies.any():
        number = int(copies.sum()) // len(found.folds)
        if protocol.copies == "keep":
            table.loc[copies, ["role", "reason"]] = ["train", ""]
        does = "train all the same" if protocol.copies == "keep" else "do not train"
        logger.warning("%s sequences that stand in the test %s", f"{number:,}", does)
    return table
