"""From a trained model and genes to numbers per base and per token, as a table and as browser tracks.

In: a run (or one model file) and a set. Out: ``attributions.parquet``, ``.bed.gz``, ``.bedgraph.gz``, ``.bw``, ….
"""

import logging
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from kanseq.attribution.methods import Attribution, Method, Options, find_method
from kanseq.attribution.outputs import Hypothetical, Tracks, check_hypothetical, onehot_name
from kanseq.attribution.references import References, find_references
from kanseq.attribution.tables import Sums, as_pandas, write_attributions
from kanseq.attribution.views import Views
from kanseq.data.gene_lists import chosen_genes
from kanseq.data.sequences import SequenceSet
from kanseq.errors import BadOption, ModelMismatch, NotComplete
from kanseq.files import PathLike, check_output, fingerprint, whole_file
from kanseq.genome.tracks import Combine
from kanseq.geometry import Geometry
from kanseq.nn.precision import set_precision
from kanseq.training.aims import warn_of_control
from kanseq.training.assignment import Scorer, assign_models
from kanseq.training.checkpoints import TrainedModel, load_arrays, load_model
from kanseq.training.settings import choose_device, processor

if TYPE_CHECKING:
    import pandas as pd

logger = logging.getLogger(__name__)

SHOWN = 3
"""Genes whose sum and logit difference are printed side by side, beside the one that is most wrong."""


class Explanation(NamedTuple):
    """What :func:`explain` did.

    Attributes:
        genes: genes explained.
        tokens: tokens a gene.
        rows: rows of the BED track; None without one.
        models: model files used.
        method, reference: how.
        precision: in which type.
        sum: mean over the genes of what their attributions add up to; None where the method has no references.
        logit_difference: beside it, the mean of ``logit − reference logit``.
        max_completeness_error: the largest over genes, references and models of
            ``|Σ a − (logit − reference logit)| / max(1, Σ|a|)``.
        seconds: of explaining, without reading and writing.
        output, bed, bedgraph, bigwig, per_gene, hypothetical, picture, igv_session, jbrowse: what was written.
        table: the content of ``attributions.parquet``, if no output was asked for.
    """

    genes: int
    tokens: int
    rows: int | None
    models: int
    method: str
    reference: str
    precision: str
    sum: float | None
    logit_difference: float | None
    max_completeness_error: float | None
    seconds: float
    output: Path | None
    bed: Path | None
    bedgraph: Path | None
    bigwig: Path | None
    per_gene: Path | None
    hypothetical: Path | None
    picture: Path | None
    igv_session: Path | None
    jbrowse: Path | None
    table: "pd.DataFrame | None"


def explain(
    model: PathLike,
    genes: PathLike | SequenceSet,
    *,
    output: PathLike | None = None,
    bed: PathLike | None = None,
    bedgraph: PathLike | None = None,
    bigwig: PathLike | None = None,
    per_gene: PathLike | None = None,
    hypothetical: PathLike | None = None,
    picture: PathLike | None = None,
    igv_session: PathLike | None = None,
    jbrowse: PathLike | None = None,
    genome: PathLike | None = None,
    annotation: PathLike | None = None,
    method: str = "paths",
    reference: str = "shuffle:5",
    steps: int = 50,
    seed: int = 0,
    fold: str | None = None,
    condition: str | None = None,
    gene: Sequence[str] = (),
    gene_list: PathLike | None = None,
    allow_seen: bool = False,
    held_out_only: bool = False,
    combine: Combine = "mean",
    strand_specific: bool = False,
    top: int | None = None,
    precision: str = "auto",
    batch_size: int = 64,
    threads: int = 0,
    device: str = "auto",
) -> Explanation:
    """Attribute each gene's logit to its bases, by the models that did not see the gene; several models are averaged.

    Args:
        model: a run, or one ``model.safetensors``.
        genes: a set of sequences.
        output: ``attributions.parquet``, numbers per base and token.
        bed: ``.bed.gz`` (bgzip, with ``.tbi`` beside it) or ``.bed``, a row per gene and piece.
        bedgraph, bigwig: the signed values per base; see :func:`kanseq.genome.tracks.write_tracks`.
        per_gene: folder for a BED file per gene.
        hypothetical: ``.npz`` with contributions of all four bases, see
            :class:`kanseq.attribution.outputs.Hypothetical`.
        picture: ``.png``, ``.svg`` or ``.pdf`` of one gene: its letters at the height of their attributions.
        igv_session: ``.xml`` (IGV) or ``.json`` (igv.js) that opens genome, annotation and tracks.
        jbrowse: folder with a ``config.json`` of JBrowse 2 that does the same.
        genome: FASTA that the genes were cut from, for browsers; its contigs are compared with the set's checksums.
        annotation: GTF or GFF3, for browsers and the picture.
        method: name of a method, see :func:`kanseq.attribution.methods.methods`.
        reference: ``shuffle:N``, ``n`` or a FASTA file, see :func:`kanseq.attribution.references.find_references`.
        steps: gradients that the method ``integrated`` takes between a reference and a gene.
        seed: seed of the shuffles; they depend on it and on the gene's id, and not on other genes.
        fold: explain the genes that this fold holds out, by its models.
        condition: whose output is explained, where models have several.
        gene, gene_list: ids to explain; all if neither is given.
        allow_seen: explain also genes that every model has trained on.
        held_out_only: leave such genes out.
        combine: how bedGraph and bigWig combine overlapping pieces: ``mean``, ``sum`` or ``max-abs``.
        strand_specific: write them as pairs ``.plus`` and ``.minus``.
        top: rows of the BED that a gene has at most, those of largest magnitude.
        precision: ``float32`` (``auto``) or ``float64``.
        batch_size: genes at a time.
        threads: processor threads, 0 for all.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.

    Raises:
        BadOption: an option is unknown, the model is none that the method explains, there is no such condition, or
            genes for a track have no places.
        ContigMismatch: the genome has other bases than the one that the genes were cut from.
        NoRule: the method ``paths`` has no rule for a layer of the model.
        NotComplete: its shares do not add up to the limits of :data:`EXPLAINED`; nothing is written.
        UnknownGene: an id is not in the set.
        ModelMismatch, SeenGene, MissingFile, NotWritable: as :func:`kanseq.training.assignment.assign_models` says.
    """
    tracks = Tracks(bed, bedgraph, bigwig, combine, strand_specific, top, per_gene)
    views = Views(picture, igv_session, jbrowse, genome, annotation)
    if batch_size < 1 or steps < 1:
        raise BadOption(f"{batch_size} genes at a time, {steps} steps", mend="both must be at least 1")
    if precision not in ("auto", *EXPLAINED):
        raise BadOption(f"precision '{precision}' is unknown", mend=f"choose auto, {', '.join(EXPLAINED)}")
    tracks.check()
    check_hypothetical(hypothetical)
    beside = None if hypothetical is None else onehot_name(hypothetical)
    inputs_of_all = (model, genes, gene_list, genome, annotation)
    check_output(bed, bedgraph, bigwig, hypothetical, beside, picture, inputs=inputs_of_all, binary=output)
    inputs = {} if isinstance(genes, SequenceSet) else {"genes": fingerprint(genes)}
    genes = chosen_genes(genes if isinstance(genes, SequenceSet) else SequenceSet.open(genes), gene, gene_list)
    plan = _Plan(
        find_method(method),
        find_references(reference, seed, genes.geometry),
        Options(hypothetical is not None, steps),
        condition,
        "float32" if precision == "auto" else precision,
        batch_size,
        choose_device(device),
    )
    plan.check()
    check_output(*tracks.files(genes), binary=output)
    scorers = assign_models(model, genes, fold=fold, allow_seen=allow_seen, held_out_only=held_out_only)
    genes, scorers = _scored_genes(genes, scorers)
    views.check(genes, tracks.shown(genes))

    table, rows = None, None
    paths = (output, bed, bedgraph, bigwig, per_gene, hypothetical, picture, igv_session, jbrowse)
    folder = next((Path(path).parent for path in paths if path is not None), None)
    share = 1 / np.bincount(np.concatenate([scorer.rows for scorer in scorers]), minlength=len(genes))
    count = plan.references.count if plan.method.has_references else 0
    with ExitStack() as stack:
        # All outputs take their names when the stack closes, after the last one is written.
        sums = Sums(len(genes), genes.geometry, folder, references=count, spread=bool((share < 1).any()))
        stack.enter_context(sums)
        possible = None if hypothetical is None else stack.enter_context(Hypothetical(hypothetical, genes))
        start = time.monotonic()
        with processor(threads, seed):
            geometry = _add_up(sums, possible, scorers, share, genes, plan)
        _insist(sums, genes, plan)
        seconds = time.monotonic() - start
        if output is not None:
            described = plan.describe(geometry, scorers, inputs, genes)
            write_attributions(stack.enter_context(whole_file(output)), sums.tables(genes, method), described)
        elif not tracks.wanted and possible is None and picture is None:
            table = as_pandas(sums.tables(genes, method))
        if tracks.wanted:
            rows = tracks.write(genes, geometry, sums, stack)
        if possible is not None:
            possible.write(geometry, stack)
        views.draw(genes, geometry, sums)
    views.open(genes, tracks.shown(genes))
    _show_sums(sums, genes)
    has = count > 0 and len(genes) > 0
    return Explanation(
        len(genes),
        geometry.tokens,
        rows,
        len(scorers),
        method,
        reference,
        plan.precision,
        float(sums.total.mean()) if has else None,
        float((sums.logit - sums.reference_logit).mean()) if has else None,
        float(sums.errors.max()) if has else None,
        round(seconds, 3),
        *(None if path is None else Path(path) for path in paths),
        table,
    )


EXPLAINED = {"float32": 1e-4, "float64": 1e-9}
"""Precisions in which a model may be explained, and the completeness error that the method paths has at most."""


class _Plan(NamedTuple):
    """How numbers are made."""

    method: Method
    references: References
    options: Options
    condition: str | None
    precision: str
    batch_size: int
    device: str

    def check(self) -> None:
        """Refuse what the method does not give."""
        if self.options.hypothetical and not self.method.gives_hypothetical:
            raise BadOption(
                f"the method {self.method.name} knows nothing of bases that are not there",
                mend="ask for --hypothetical with paths, gradient, integrated or ism",
            )

    def ready(self, model: TrainedModel) -> TrainedModel:
        """Set a model's task and precision."""
        model.task = model.task.only(self.condition)
        if model.network is not None:
            set_precision(model.network, "float32")
            model.network = model.network.double() if self.precision == "float64" else model.network
        return model

    def describe(
        self, geometry: Geometry, scorers: list[Scorer], inputs: dict[str, object], genes: SequenceSet
    ) -> dict[str, object]:
        """Give the metadata of ``attributions.parquet``."""
        file = {} if self.references.sequences is None else {"references": fingerprint(self.references.text)}
        return {
            "geometry": geometry.to_json(),
            "method": self.method.name,
            "reference": "file" if file else self.references.text,
            "seed": self.references.seed,
            **({"steps": self.options.steps} if self.method.name == "integrated" else {}),
            **({} if self.condition is None else {"condition": self.condition}),
            "precision": self.precision,
            "models": [{"fold": s.fold, "seed": s.seed, **fingerprint(s.path)} for s in scorers],
            "inputs": {**inputs, **file},
            "contigs": genes.contigs,
        }


def _scored_genes(genes: SequenceSet, scorers: list[Scorer]) -> tuple[SequenceSet, list[Scorer]]:
    """Leave out the genes that no model explains."""
    rows = np.unique(np.concatenate([scorer.rows for scorer in scorers]))
    return genes.select(rows), [scorer._replace(rows=np.searchsorted(rows, scorer.rows)) for scorer in scorers]


def _add_up(
    sums: Sums,
    possible: Hypothetical | None,
    scorers: list[Scorer],
    share: np.ndarray,
    genes: SequenceSet,
    plan: _Plan,
) -> Geometry:
    """Explain every gene by every model that it has, one model at a time; give the columns that the models read."""
    geometry = None
    warn_of_control(load_arrays(scorers[0].path, wanted=())[1])
    with _progress(sum(len(scorer.rows) for scorer in scorers)) as advance:
        for scorer in scorers:
            batches = [
                scorer.rows[start : start + plan.batch_size] for start in range(0, len(scorer.rows), plan.batch_size)
            ]
            workers = 1 if plan.device != "cpu" else min(torch.get_num_threads(), len(batches))
            models = [plan.ready(load_model(scorer.path, plan.device)) for _ in range(workers)]
            if geometry not in (None, models[0].geometry):
                raise ModelMismatch("the models of this run mask different columns", where=scorer.path)
            geometry = models[0].geometry
            for rows, found in zip(batches, _explained(models, batches, genes, plan), strict=True):
                sums.add(rows, found, share[rows], scorer)
                if possible is not None and found.hypothetical is not None:
                    possible.add(rows, found.hypothetical, share[rows])
                advance(len(rows))
    assert geometry is not None
    return geometry


def _explained(
    models: list[TrainedModel], batches: list[np.ndarray], genes: SequenceSet, plan: _Plan
) -> Iterator[Attribution]:
    """Explain batches of rows, in their order, by several copies of a model beside each other.

    Each runs on one thread, which does more than one of them on several, and gives the same numbers on any number.
    """

    def explain_rows(model: TrainedModel, rows: np.ndarray) -> Attribution:
        codes, names = model.geometry.hide(genes.codes(rows)), list(genes.table["id"].iloc[rows])
        return plan.method.attribute(model, codes, names, plan.references, plan.options)

    if len(models) == 1:
        yield from (explain_rows(models[0], rows) for rows in batches)
        return
    free: SimpleQueue[TrainedModel] = SimpleQueue()
    for model in models:
        free.put(model)

    def work(rows: np.ndarray) -> Attribution:
        model = free.get()
        try:
            return explain_rows(model, rows)
        finally:
            free.put(model)

    count = torch.get_num_threads()
    # New threads take over what is set when they start.
    torch.set_num_threads(1)
    pool = ThreadPoolExecutor(len(models))
    try:
        yield from pool.map(work, batches)
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(count)


def _insist(sums: Sums, genes: SequenceSet, plan: _Plan) -> None:
    """Make sure that shares add up, whatever the model is made of: what is wrong is not written."""
    most = EXPLAINED[plan.precision]
    if plan.method.name != "paths" or not sums.errors.size or (sums.errors <= most).all():
        return
    row = int(np.where(np.isnan(sums.errors), np.inf, sums.errors).max(1).argmax())
    raise NotComplete(
        f"the attributions of gene '{genes.table['id'].iloc[row]}' do not add up: a completeness error of "
        f"{sums.errors[row].max():.1e}, where {most:.0e} is allowed",
        mend="explain it with --precision float64; if that fails, the model does what no rule can see (--method ism)",
    )


def _show_sums(sums: Sums, genes: SequenceSet) -> None:
    """Print what attributions add up to beside what they explain, for some genes and for the worst."""
    if not sums.errors.size:
        return
    errors = sums.errors.max(1)
    for row in dict.fromkeys([*range(min(SHOWN, len(errors))), int(errors.argmax())]):
        logger.info(
            "%s: sum %+.6f, logit - reference %+.6f, completeness error %.1e",
            genes.table["id"].iloc[row],
            sums.total[row],
            sums.logit[row] - sums.reference_logit[row],
            errors[row],
        )


@contextmanager
def _progress(total: int) -> Iterator[Callable[[int], None]]:
    """Show a bar on a terminal, and nothing elsewhere; hands out the function that moves it on."""
    if not sys.stderr.isatty():
        yield lambda done: None
        return
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = (*Progress.get_default_columns()[:2], MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("explaining", total=total)
        yield lambda done: bar.advance(task, done)
