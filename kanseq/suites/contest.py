"""Train models on labelled sets to compare them: each set is split once, and all models use the same folds.

In: sets, models with their options, a protocol. Out: a folder per set, with a run per model.
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from kanseq.errors import JobsFailed, KanseqError, NotWritable
from kanseq.io.files import PathLike, check_input, check_output
from kanseq.runs.description import RUN
from kanseq.runs.parts import RunPart, finished_parts, is_done
from kanseq.sequences.sequence_set import SequenceSet
from kanseq.suites.collections.data_set_checks import check_data_set
from kanseq.suites.contestants import VARIANTS, Entry
from kanseq.suites.jobs import Machine, work_off
from kanseq.suites.protocol import SET, Protocol, check_run, classes_of_set, job_of, prepare
from kanseq.training.settings import choose_device

logger = logging.getLogger(__name__)


class Competition(NamedTuple):
    """The result of training all models on all sets.

    Attributes:
        names: names of the sets.
        checks: name of each set -> counts of its contents, see :func:`check_data_set`.
        trained: number of runs (a model on a set) that this call had to train.
        failure: the error if some runs failed, else None. The caller can score the finished runs before raising it.
    """

    names: list[str]
    checks: dict[str, dict[str, object]]
    trained: int
    failure: JobsFailed | None


def compete(
    sets: Iterable[tuple[str, SequenceSet]],
    entries: Sequence[Entry],
    protocol: Protocol,
    machine: Machine,
    output: Path,
) -> Competition:
    """Prepare each set in a separate folder, and train all models that are not finished there.

    Args:
        sets: name and content of each set.
        entries: the models with their options.
        protocol: folds, seeds and other settings that are the same for all models.
        machine: the hardware for training.
        output: folder of the benchmark; the sets have their folders in it.

    Raises:
        BadOption: the protocol or a model's option is invalid, or the folder was started with different options.
        BadTable, EmptySplit: a set has no labels or no test sequences, or a fold lacks a class.
        NotWritable: the folder cannot be written.
    """
    protocol.check(machine)
    machine = machine._replace(device=choose_device(machine.device))
    if output.exists() and not output.is_dir():
        raise NotWritable(
            "the output of a benchmark must be a folder, and this is a file", where=output, hint="choose another name"
        )
    check_output(output / "results.tsv" if output.exists() else output)
    checks: dict[str, dict[str, object]] = {}
    jobs = []
    for name, genes in sets:
        folder = output / name
        with _errors_name(name):
            checked = check_data_set(genes)
            competitors = [entry.on(genes.geometry, len(classes_of_set(genes))) for entry in entries]
            prepare(genes, folder, protocol)
        checks[name] = checked._asdict()
        if checked.untested:
            logger.warning("%s: classes without test sequences: %s", name, checked.untested)
        for one in competitors:
            run = folder / one.entry.name
            if (run / RUN).exists():
                check_run(run, one, protocol, machine.precision)
            if len(finished(run)) < protocol.fits:
                jobs.append(job_of(one, folder, protocol, machine))
    if jobs:
        logger.info("runs to train: %d, %d in parallel", len(jobs), machine.jobs)
    failure = None
    try:
        work_off(jobs, at_once=machine.jobs, threads=machine.threads)
    except JobsFailed as error:
        failure = error
    return Competition(list(checks), checks, len(jobs), failure)


@contextmanager
def _errors_name(name: str) -> Iterator[None]:
    """Add the name of a set to errors that are raised in the block and do not name a file."""
    try:
        yield
    except KanseqError as error:
        if error.where is not None:
            raise
        raise type(error)(error.what, where=name, hint=error.hint) from error


def complete(folder: Path, fits: int) -> list[str]:
    """Return the names of the runs in a set's folder that have ``fits`` finished models.

    LegNet and its KAN variants come first.
    """
    there = sorted(path.parent.name for path in folder.glob(f"*/{RUN}"))
    names = [*(name for name in VARIANTS if name in there), *(name for name in there if name not in VARIANTS)]
    return [name for name in names if len(finished(folder / name)) >= fits]


def named_set(genes: PathLike | SequenceSet) -> tuple[str, SequenceSet]:
    """Open a set and return its name and content; the name is that of its file or, in a benchmark, of its folder."""
    if isinstance(genes, SequenceSet):
        return "set", genes
    path = check_input(genes)
    name = path.absolute().parent.name if path.name == SET else path.name.removesuffix(".parquet")
    return name, SequenceSet.read(path)


def finished(run: Path) -> list[RunPart]:
    """List the parts (models of one fold and seed) of a run that are finished and have all of their files."""
    return [part for part in finished_parts(run) if is_done(part.folder)]


def baseline_of(names: Sequence[str]) -> str | None:
    """Return the model with which all others are compared: LegNet, or the first if LegNet is missing.

    The result is None if there are fewer than two models.
    """
    if len(names) < 2:
        return None
    return VARIANTS[0] if VARIANTS[0] in names else names[0]
