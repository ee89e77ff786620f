"""``kanseq explain``: attribute predictions for genes to bases and tokens; write a table and browser tracks.

In: a run (or one model file) and a set. Out: ``attributions.parquet``, ``.bed.gz``, ``.bedgraph.gz``, ``.bw``, ….
"""

import logging
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from kanseq.attribution.attribution_sums import Sums
from kanseq.attribution.hypothetical import HypotheticalSums
from kanseq.attribution.methods import find_method
from kanseq.attribution.run_models import EXPLAINED, ExplainPlan, add_up, check_sums, scored_genes
from kanseq.attribution.shares import MethodOptions
from kanseq.browsers.tracks import Combine
from kanseq.errors import BadOption
from kanseq.geometry import Geometry
from kanseq.io.files import PathLike, check_output, disk_errors, fingerprint, whole_file
from kanseq.runs.held_out import Scorer
from kanseq.runs.scorer import Models
from kanseq.sequences.gene_lists import GeneList, chosen_genes
from kanseq.sequences.sequence_set import SequenceSet
from kanseq.training.settings import choose_device, processor
from kanseq.verbs.explaining.attribution_files import as_pandas, write_attributions
from kanseq.verbs.explaining.explain_outputs import Views
from kanseq.verbs.explaining.explain_tracks import Tracks
from kanseq.verbs.explaining.hypothetical_files import check_hypothetical, onehot_name, write_hypothetical
from kanseq.verbs.reference_option import find_references
from kanseq.verbs.short_repr import brief

if TYPE_CHECKING:
    import pandas as pd

logger = logging.getLogger(__name__)

SHOWN = 3
"""Number of genes for which sums are logged, in addition to the gene with the largest completeness error."""


@brief
class Explanation(NamedTuple):
    """Result of :func:`explain`.

    Attributes:
        genes: number of genes explained.
        tokens: number of tokens (8 columns each) per gene.
        rows: number of rows of the BED track; None if none was requested.
        models: number of model files used.
        method, reference: the method and the references used.
        precision: floating-point type of the computation, ``float32`` or ``float64``.
        sum: the sum of a gene's attributions, averaged over genes; None if the method has no references.
        logit_difference: ``logit − reference logit``, averaged over genes, to compare with ``sum``; None if the method
            has no references.
        max_completeness_error: the maximum, over genes, references and models, of
            ``|Σ a − (logit − reference logit)| / max(1, Σ|a|)`` for attributions ``a``; None if the method has no
            references.
        seconds: duration of the computation, excluding reading and writing.
        output, bed, bedgraph, bigwig, per_gene, hypothetical, picture, igv_session, jbrowse: paths of the outputs;
            None for those that were not requested.
        table: the content of ``attributions.parquet`` if no output was requested, else None.
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
    """Attribute each gene's logit to its bases, averaged over the models that were not trained on the gene.

    Args:
        model: folder of a run, or one ``model.safetensors``.
        genes: a set of genes or sequences, or its file.
        output: path of ``attributions.parquet``, a table with the attributions of each gene per base and per token.
        bed: ``.bed.gz`` (bgzip, with ``.tbi`` next to it) or ``.bed``, one row per gene and piece
            (the genomic interval under a token).
        bedgraph, bigwig: tracks of signed attributions per base, see :func:`kanseq.browsers.tracks.write_tracks`.
        per_gene: folder for one BED file per gene.
        hypothetical: ``.npz`` with the contributions of all four bases at each position, see
            :mod:`kanseq.verbs.explaining.hypothetical_files`.
        picture: ``.png``, ``.svg`` or ``.pdf`` of one gene; the height of each base's letter is its attribution.
        igv_session: session file, ``.xml`` (IGV) or ``.json`` (igv.js), that opens genome, annotation and tracks.
        jbrowse: folder for a ``config.json`` that opens genome, annotation and tracks in JBrowse 2.
        genome: FASTA that the genes were extracted from, needed for browser sessions; its contigs are checked against
            the set's checksums.
        annotation: GTF or GFF3 to show in browser sessions and in the picture, and to look up names in ``gene``.
        method: name of a method, see :func:`kanseq.attribution.methods.methods`.
        reference: ``shuffle:N``, ``n`` or a FASTA file, see :func:`kanseq.verbs.reference_option.find_references`.
        steps: number of points between reference and gene at which the method ``integrated`` computes gradients.
        seed: seed of the shuffles; the shuffles of a gene depend only on the seed and the gene's id.
        fold: explain only the genes that this fold holds out, with the models of this fold.
        condition: the condition or class whose logit is explained, if the model predicts several. For a class this is
            its logit minus the mean of the logits of all other classes.
        gene, gene_list: ids of the genes to explain; all genes if neither is specified.
        allow_seen: also explain genes that all models were trained on.
        held_out_only: skip genes that all models were trained on.
        combine: how bedGraph and bigWig combine values of overlapping pieces: ``mean``, ``sum`` or ``max-abs``.
        strand_specific: write bedGraph and bigWig as one file per strand, named ``.plus`` and ``.minus``.
        top: maximum number of BED rows per gene (those with the largest magnitude); None for all.
        precision: ``float32`` (``auto``) or ``float64``.
        batch_size: genes per batch.
        threads: processor threads, 0 for all.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.

    Raises:
        BadOption: an option is unknown, the method does not support the model, the condition or class does not exist
            (or there are several, and none is specified), or a track is requested for genes without coordinates.
        ContigMismatch: the genome differs from the one that the genes were extracted from.
        NoRule: the method ``paths`` has no rule for a layer of the model.
        NotComplete: the attributions of ``paths`` do not add up to the difference of the logits within the tolerance
            :data:`kanseq.attribution.run_models.EXPLAINED`; nothing is written.
        UnknownGene: an id is not in the set.
        ModelMismatch, SeenGene, MissingFile, NotWritable: as in :meth:`kanseq.runs.scorer.Models.assign`.
    """
    tracks = Tracks(bed, bedgraph, bigwig, combine, strand_specific, top, per_gene)
    views = Views(picture, igv_session, jbrowse, genome, annotation)
    _check_settings(batch_size, steps, precision)
    tracks.check()
    check_hypothetical(hypothetical)
    onehot = None if hypothetical is None else onehot_name(hypothetical)
    inputs_of_all = (model, genes, gene_list, genome, annotation)
    check_output(bed, bedgraph, bigwig, hypothetical, onehot, picture, inputs=inputs_of_all, binary=output)
    inputs = {} if isinstance(genes, SequenceSet) else {"genes": fingerprint(genes)}
    genes = genes if isinstance(genes, SequenceSet) else SequenceSet.open(genes)
    genes = chosen_genes(genes, gene, gene_list, annotation)
    plan = ExplainPlan(
        find_method(method),
        find_references(reference, seed, genes.geometry),
        MethodOptions(hypothetical is not None, steps),
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
        # Outputs get their final names when the stack closes, so only after all of them are complete.
        sums = Sums(len(genes), genes.geometry, folder, references=count, spread=bool((share < 1).any()))
        stack.enter_context(sums)
        possible = None if hypothetical is None else stack.enter_context(_hypothetical_sums(hypothetical, genes))
        start = time.monotonic()
        with processor(threads, seed):
            geometry = add_up(sums, possible, models, scorers, share, genes, plan)
        check_sums(sums, genes, plan)
        seconds = time.monotonic() - start
        if output is not None:
            described = _describe(plan, geometry, scorers, inputs, genes)
            write_attributions(stack.enter_context(whole_file(output)), sums.tables(genes, method), described)
        elif not tracks.wanted and possible is None and picture is None:
            table = as_pandas(sums.tables(genes, method))
        if tracks.wanted:
            rows = tracks.write(genes, geometry, sums, stack)
        if hypothetical is not None and possible is not None:
            write_hypothetical(hypothetical, possible.values, genes, geometry, stack)
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
    """Raise BadOption if batch size, number of steps or precision is invalid."""
    if batch_size < 1 or steps < 1:
        raise BadOption(f"{batch_size} genes per batch, {steps} steps", hint="both must be at least 1")
    if precision not in ("auto", *EXPLAINED):
        raise BadOption(f"precision '{precision}' is unknown", hint=f"choose auto, {', '.join(EXPLAINED)}")


def _hypothetical_sums(path: PathLike, genes: SequenceSet) -> HypotheticalSums:
    """Create the temporary file for hypothetical contributions in the folder of their output file ``path``."""
    with disk_errors(Path(path)):
        return HypotheticalSums(len(genes), genes.geometry.columns, Path(path).parent)


def _describe(
    plan: ExplainPlan, geometry: Geometry, scorers: list[Scorer], inputs: dict[str, object], genes: SequenceSet
) -> dict[str, object]:
    """Return the metadata of ``attributions.parquet``: settings, models, and checksums of all inputs."""
    file = {} if plan.references.sequences is None else {"references": fingerprint(plan.references.text)}
    return {
        "geometry": geometry.to_json(),
        "method": plan.method.name,
        "reference": "file" if file else plan.references.text,
        "seed": plan.references.seed,
        **({"steps": plan.options.steps} if plan.method.name == "integrated" else {}),
        **({} if plan.condition is None else {"condition": plan.condition}),
        "precision": plan.precision,
        "models": [{"fold": s.fold, "seed": s.seed, **fingerprint(s.path)} for s in scorers],
        "inputs": {**inputs, **file},
        "contigs": genes.contigs,
    }


def _means(sums: Sums) -> tuple[float | None, float | None, float | None]:
    """Return the mean sum of attributions, the mean logit difference, and the largest completeness error.

    All are None for methods without references.
    """
    if not sums.errors.size:
        return None, None, None
    difference = sums.logit - sums.reference_logit
    return float(sums.total.mean()), float(difference.mean()), float(sums.errors.max())


def _show_sums(sums: Sums, genes: SequenceSet) -> None:
    """Log sum of attributions and logit difference of the first genes, and of the gene with the largest error."""
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
