"""Assign each gene to the models that may score it: those that were not trained on it.

In: a run (or one model file) and a set. Out: for each model, the rows (genes) of the set that it scores.
:class:`kanseq.runs.scorer.Models` loads the models and scores these rows.

A row is *known* to a run if it comes from the set that was used to train and test the run: its contig (by checksum) is
in that set, or its sequence is identical to a sequence of that set that has no contig. A known row is scored by the
models of the folds that list it in ``held_out.txt``. All other rows are new and are scored by all models.
"""

import hashlib
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from kanseq.errors import BadOption, MissingFile, ModelMismatch, SeenGene
from kanseq.geometry import Geometry
from kanseq.io.files import PathLike, some
from kanseq.runs.description import PREDICTOR, RUN, read_run
from kanseq.runs.parts import RunPart, finished_parts
from kanseq.runs.prediction_tables import read_held_out
from kanseq.runs.trained_model import KNOWN, check_layout, load_arrays
from kanseq.sequences.sequence_set import SequenceSet
from kanseq.sequences.stored import ROW_GROUP

logger = logging.getLogger(__name__)


class Member(NamedTuple):
    """A model file and the information that determines which rows it may score. Weights are not loaded.

    Attributes:
        path: the ``model.safetensors``.
        fold: the fold that the model holds out.
        seed: the seed that the model was trained with.
        geometry: the columns that the model reads.
        held_out: ``(species, id)`` of the genes that the model holds out; empty if there is no ``held_out.txt`` next
            to the file.
        contigs: MD5 checksums of the contigs in the run's set (of training and test genes).
        known: sorted digests of the sequences in the run's set that have no contig, uint64, see
            :func:`sequence_digests`.
        metadata: the description in the model file.
    """

    path: Path
    fold: str
    seed: int
    geometry: Geometry
    held_out: set[tuple[str, str]]
    contigs: set[str]
    known: np.ndarray
    metadata: Mapping[str, object]


class Scorer(NamedTuple):
    """A model file and the rows of a set that it scores.

    Attributes:
        path: the ``model.safetensors``.
        fold: the fold that the model holds out.
        seed: the seed that the model was trained with.
        rows: ascending positions of rows in the set, int64. If several models score a row, their scores are averaged.
    """

    path: Path
    fold: str
    seed: int
    rows: np.ndarray


class Assignment(NamedTuple):
    """Which models score which rows of a set.

    Attributes:
        scorers: one per model with at least one row, ordered by fold and seed.
        roles: role of each row of the set for the models that score it: ``test`` (held out), ``new`` (not from the
            run's set) or ``seen`` (used in training); empty if no model scores the row.
    """

    scorers: list[Scorer]
    roles: np.ndarray


def read_members(model: PathLike, fold: str | None = None) -> list[Member]:
    """Read the descriptions of a run's model files, which are needed to find the rows that each model may score.

    Args:
        model: a run (its finished folds are used), or one model file.
        fold: read only the models of this fold.

    Returns:
        One member per model file, ordered by fold and seed.

    Raises:
        MissingFile: there is no such run or file.
        ModelMismatch: a model file is damaged, or the run has no finished fold.
        BadOption: the run has no such fold.
    """
    members = [_read_member(path) for path in model_files(model)]
    if fold is None:
        return members
    chosen = [member for member in members if member.fold == fold]
    if not chosen:
        folds = sorted({member.fold for member in members})
        raise BadOption(f"there is no finished fold '{fold}'", where=model, hint=f"choose from {some(folds, 20)}")
    return chosen


def assign(
    members: Sequence[Member],
    genes: SequenceSet,
    *,
    where: PathLike,
    one_fold: bool = False,
    allow_seen: bool = False,
    held_out_only: bool = False,
) -> Assignment:
    """Choose the models that may score each row of a set.

    Args:
        members: the models, from :func:`read_members`.
        genes: the set.
        where: the run or model file, for error messages.
        one_fold: whether ``members`` are the models of one requested fold. In this case, known rows that the fold does
            not hold out are left out without an error.
        allow_seen: use all models to score the rows that all models were trained on.
        held_out_only: leave out the rows that all models were trained on.

    Raises:
        ModelMismatch: a model was made for another geometry.
        BadOption: ``allow_seen`` and ``held_out_only`` are both set.
        SeenGene: all models were trained on some of the rows, and neither of these options is set; or no row is left to
            score.
    """
    if allow_seen and held_out_only:
        raise BadOption("--allow-seen and --held-out-only are mutually exclusive")
    for member in members:
        check_layout(member.geometry, genes.geometry, member.path)
    keys = list(zip(genes.table["species"], genes.table["id"], strict=True))
    held = np.array([[key in member.held_out for key in keys] for member in members], dtype=bool)
    held = held.reshape(len(members), -1)
    known = _known_rows(members, genes)
    seen = known & ~held.any(axis=0)
    if seen.any() and not allow_seen:
        names = [keys[row][1] for row in np.flatnonzero(seen)]
        if not one_fold and not held_out_only:
            raise SeenGene(
                f"{len(names):,} of {len(keys):,} genes were used to train all models: {some(names)}",
                where=where,
                hint="use --held-out-only to leave them out, or --allow-seen to score them anyway",
            )
        logger.info("%s of %s genes are left out: no model holds them out", f"{len(names):,}", f"{len(keys):,}")
    _warn_of_names(held, known)
    roles = np.where(seen, "seen" if allow_seen else "", np.where(known, "test", "new"))
    rows = [np.flatnonzero(np.where(roles == "test", held[at], roles != "")) for at in range(len(members))]
    scorers = scorers_of(members, rows)
    if not scorers:
        raise SeenGene("no model holds out any gene of this set", where=where, hint="use --allow-seen to score them")
    return Assignment(scorers, roles)


def trained_on(members: Sequence[Member], genes: SequenceSet) -> np.ndarray:
    """Return a mask of the rows that at least one of the models was trained on, bool ``(n,)``.

    These are the known rows (see the module's docstring), except rows that all models hold out.
    """
    keys = list(zip(genes.table["species"], genes.table["id"], strict=True))
    held_by_all = np.array([all(key in member.held_out for member in members) for key in keys], dtype=bool)
    return _known_rows(members, genes) & ~held_by_all


def scorers_of(members: Sequence[Member], rows: Sequence[np.ndarray]) -> list[Scorer]:
    """Return a scorer for each model that has rows to score; ``rows`` are the positions of these rows, by model."""
    pairs = zip(members, rows, strict=True)
    return [Scorer(member.path, member.fold, member.seed, own) for member, own in pairs if len(own)]


def model_files(model: PathLike) -> list[Path]:
    """List the finished model files of a run, ordered by fold and seed. If ``model`` is a model file, return only it.

    Raises:
        MissingFile: there is no such run or file.
        ModelMismatch: the folder is not a run, nothing in it is finished, or its models do not score sequences.
    """
    path = Path(model)
    return [path] if path.is_file() else [part.folder / "model.safetensors" for part in scoring_parts(path)]


def scoring_parts(run: Path) -> list[RunPart]:
    """List the finished parts of a run (models of one fold and seed that score sequences), ordered by fold and seed.

    Raises:
        MissingFile: there is no such run.
        ModelMismatch: the folder is not a run, none of its parts is finished, or its models do not score sequences.
    """
    if not run.exists():
        raise MissingFile("no such run or model file", where=run, hint="make one with kanseq train")
    if (run / RUN).exists():
        read_run(run, kind=PREDICTOR)
    found = finished_parts(run)
    if not found:
        raise ModelMismatch("this folder has no finished fold of a run", where=run, hint="finish kanseq train first")
    return found


def sequence_digests(sequences: list[str]) -> np.ndarray:
    """Return the first eight bytes of the SHA-256 of each sequence, uint64 ``(n,)``.

    >>> hex(sequence_digests(["ACGT"])[0])
    '0xe07778fe843eff1d'
    """
    return np.array(
        [int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little") for text in sequences], dtype=np.uint64
    )


def known_sequences(genes: SequenceSet) -> np.ndarray:
    """Return the sorted digests, for model files, of the sequences that are not on a contig with a checksum."""
    rows = [row for row, checksum in enumerate(genes.of_contigs("md5")) if checksum is None]
    return np.unique(_digests(genes, np.array(rows, dtype=np.int64)))


def _read_member(path: Path) -> Member:
    """Read the description in a model file, and the list of held-out genes next to the file."""
    arrays, described = load_arrays(path, wanted=[KNOWN])
    try:
        geometry = Geometry.from_json(described["geometry"])  # type: ignore[arg-type]
        contigs = {str(contig["md5"]) for contig in described.get("contigs", {}).values()}  # type: ignore[attr-defined]
        fold, seed = str(described["fold"]), int(described["seed"])  # type: ignore[call-overload]
    except (KeyError, TypeError, AttributeError) as error:
        raise ModelMismatch("its description is not complete", where=path, hint="train it again") from error
    known = arrays.get(KNOWN, np.zeros(0, dtype=np.uint64))
    held_out = read_held_out(path.with_name("held_out.txt"))
    return Member(path, fold, seed, geometry, held_out, contigs, known, described)


def _known_rows(members: Sequence[Member], genes: SequenceSet) -> np.ndarray:
    """Return a mask of the rows that come from the set that the models were trained and tested on, bool ``(n,)``."""
    contigs = set().union(*(member.contigs for member in members))
    known = np.array([checksum in contigs for checksum in genes.of_contigs("md5")], dtype=bool)
    digests = np.unique(np.concatenate([member.known for member in members]))
    if len(digests):
        known |= np.isin(_digests(genes, np.arange(len(genes))), digests)
    return known


def _digests(genes: SequenceSet, rows: np.ndarray) -> np.ndarray:
    """Return the digests of the sequences in these rows; sequences are read in blocks to save memory."""
    parts = [rows[start : start + ROW_GROUP] for start in range(0, len(rows), ROW_GROUP)]
    return np.concatenate([np.zeros(0, dtype=np.uint64), *(sequence_digests(genes.letters(part)) for part in parts)])


def _warn_of_names(held: np.ndarray, known: np.ndarray) -> None:
    """Warn if rows that are not known to the run have the names of held-out genes.

    Args:
        held: whether each model lists a row's name among its held-out genes, bool ``(models, n)``.
        known: mask of the known rows, bool ``(n,)``.
    """
    same = int((held.any(axis=0) & ~known).sum())
    if same:
        logger.warning(
            "%s genes are on contigs that are not in the run's set but have names of genes in it: if this is another "
            "assembly of the same species, the models were trained on them",
            f"{same:,}",
        )
