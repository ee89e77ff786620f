"""From a trained model and genes to numbers per base and per token, as a table and as browser tracks.

In: a run (or one model file) and a set. Out: ``attributions.parquet``, ``.bed.gz``, ``.bedgraph.gz``, ``.bw``, ….
"""

import logging
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from kanseq.attribution.adding_up import EXPLAINED, Plan, add_up, check_sums, scored_genes
from kanseq.attribution.hypothetical import Hypothetical, check_hypothetical, onehot_name
from kanseq.attribution.methods import find_method
from kanseq.attribution.outputs import Tracks
from kanseq.attribution.references import find_references
from kanseq.attribution.shares import Options
from kanseq.attribution.tables import Sums, as_pandas, write_attributions
from kanseq.attribution.views import Views
from kanseq.data.gene_lists import GeneList, chosen_genes
from kanseq.data.sequences import SequenceSet
from kanseq.errors import BadOption
from kanseq.files import PathLike, check_output, fingerprint, whole_file
from kanseq.genome.tracks import Combine
from kanseq.showing import brief
from kanseq.training.scorer import Models
from kanseq.training.settings import choose_device, processor

if TYPE_CHECKING:
    import pandas as pd

logger = logging.getLogger(__name__)

SHOWN = 3
"""Genes whose sum and logit difference are printed side by side, beside the one that is most wrong."""


@brief
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
    gene_list: GeneList | None = None,
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
            :class:`kanseq.attribution.hypothetical.Hypothetical`.
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
        condition: the condition or class whose output is explained, where models have several. Of several classes it
            is the class's logit less the mean of all others'.
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
        BadOption: an option is unknown, the model is none that the method explains, there is no such condition or
            class (or several, and none is named), or genes for a track have no places.
        ContigMismatch: the genome has other bases than the one that the genes were cut from.
        NoRule: the method ``paths`` has no rule for a layer of the model.
        NotComplete: its shares do not add up as closely as :data:`kanseq.attribution.adding_up.EXPLAINED` says; nothing
            is written.
        UnknownGene: an id is not in the set.
        ModelMismatch, SeenGene, MissingFile, NotWritable: as :meth:`kanseq.training.scorer.Models.assign` says.
    """
    tracks = Tracks(bed, bedgraph, bigwig, combine, strand_specific, top, per_gene)
    views = Views(picture, igv_session, jbrowse, genome, annotation)
    _check_settings(batch_size, steps, precision)
    tracks.check()
    check_hypothetical(hypothetical)
    beside = None if hypothetical is None else onehot_name(hypothetical)
    inputs_of_all = (model, genes, gene_list, genome, annotation)
    check_output(bed, bedgraph, bigwig, hypothetical, beside, picture, inputs=inputs_of_all, binary=output)
    inputs = {} if isinstance(genes, SequenceSet) else {"genes": fingerprint(genes)}
    genes = chosen_genes(genes if isinstance(genes, SequenceSet) else SequenceSet.open(genes), gene, gene_list)
    plan = Plan(
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
    models = Models.open(model, fold=fold, device=plan.device)
    scorers = models.assign(genes, allow_seen=allow_seen, held_out_only=held_out_only).scorers
    genes, scorers = scored_genes(genes, scorers)
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
            geometry = add_up(sums, possible, models, scorers, share, genes, plan)
        check_sums(sums, genes, plan)
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
    return Explanation(
        len(genes),
        geometry.tokens,
        rows,
        len(scorers),
        method,
        reference,
        plan.precision,
        *_means(sums),
        round(seconds, 3),
        *(None if path is None else Path(path) for path in paths),
        table,
    )


def _check_settings(batch_size: int, steps: int, precision: str) -> None:
    """Refuse what makes no sense."""
    if batch_size < 1 or steps < 1:
        raise BadOption(f"{batch_size} genes at a time, {steps} steps", hint="both must be at least 1")
    if precision not in ("auto", *EXPLAINED):
        raise BadOption(f"precision '{precision}' is unknown", hint=f"choose auto, {', '.join(EXPLAINED)}")


def _means(sums: Sums) -> tuple[float | None, float | None, float | None]:
    """Give the mean sum and logit difference, and the largest error; None where nothing was compared."""
    if not sums.errors.size:
        return None, None, None
    difference = sums.logit - sums.reference_logit
    return float(sums.total.mean()), float(difference.mean()), float(sums.errors.max())


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
