"""From a trained model and genes to numbers per base and per token, as a table and as browser tracks.

In: a run (or one model file) and a set. Out: ``attributions.parquet``, ``.bed.gz``, ``.bedgraph.gz``, ``.bw``.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from kanseq.attribution.methods import Method, find_method
from kanseq.attribution.tables import Sums, as_pandas, tables_of, write_attributions
from kanseq.data.gene_lists import read_gene_list
from kanseq.data.sequences import NO_SPECIES, PLACE, SequenceSet
from kanseq.data.shuffles import dinucleotide_shuffles
from kanseq.errors import BadOption, ModelMismatch
from kanseq.files import PathLike, check_output, fingerprint, some, whole_file
from kanseq.genome.pieces import piece_template
from kanseq.genome.tracks import Combine, PieceTrack, check_combine, check_track_names, track_files, write_tracks
from kanseq.geometry import Geometry
from kanseq.nn.precision import PRECISIONS, set_precision
from kanseq.training.aims import warn_of_control
from kanseq.training.assignment import Scorer, assign_models
from kanseq.training.checkpoints import load_arrays, load_model
from kanseq.training.settings import choose_device, processor

if TYPE_CHECKING:
    import pandas as pd


class Explanation(NamedTuple):
    """What :func:`explain` did.

    Attributes:
        genes: genes explained.
        tokens: tokens a gene.
        rows: rows of the BED track; None without one.
        models: model files used.
        method, reference: how.
        largest_completeness_error: over the genes, of ``|Σ a − (logit − reference logit)| / max(1, Σ|a|)``.
        output, bed, bedgraph, bigwig: what was written.
        table: the content of ``attributions.parquet``, if no output was asked for.
    """

    genes: int
    tokens: int
    rows: int | None
    models: int
    method: str
    reference: str
    largest_completeness_error: float
    output: Path | None
    bed: Path | None
    bedgraph: Path | None
    bigwig: Path | None
    table: "pd.DataFrame | None"


def explain(
    model: PathLike,
    genes: PathLike | SequenceSet,
    *,
    output: PathLike | None = None,
    bed: PathLike | None = None,
    bedgraph: PathLike | None = None,
    bigwig: PathLike | None = None,
    method: str = "gradient",
    reference: str = "shuffle:5",
    seed: int = 0,
    fold: str | None = None,
    condition: str | None = None,
    gene: Sequence[str] = (),
    gene_list: PathLike | None = None,
    allow_seen: bool = False,
    held_out_only: bool = False,
    combine: Combine = "mean",
    strand_specific: bool = False,
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
        method: name of a method.
        reference: ``shuffle:N``, N dinucleotide shuffles of what the model reads of the gene itself.
        seed: seed of the shuffles; they depend on it and on the gene's id, and not on other genes.
        fold: explain the genes that this fold holds out, by its models.
        condition: whose output is explained, where models have several.
        gene, gene_list: ids to explain; all if neither is given.
        allow_seen: explain also genes that every model has trained on.
        held_out_only: leave such genes out.
        combine: how bedGraph and bigWig combine overlapping pieces: ``mean``, ``sum`` or ``max-abs``.
        strand_specific: write them as pairs ``.plus`` and ``.minus``.
        precision: of the KAN layers' products: ``float32``, ``bfloat16``, or ``auto``, that of the training.
        batch_size: genes at a time.
        threads: processor threads, 0 for all.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.

    Raises:
        BadOption: an option is unknown, the model has no gradient or no such condition, or genes for a track have no
            places.
        UnknownGene: an id is not in the set.
        ModelMismatch, SeenGene, MissingFile, NotWritable: as :func:`kanseq.training.assignment.assign_models` says.
    """
    tracks = _Tracks(bed, bedgraph, bigwig, combine, strand_specific)
    if batch_size < 1:
        raise BadOption(f"a batch of {batch_size} genes", mend="it must be at least 1")
    if precision not in ("auto", *PRECISIONS):
        raise BadOption(f"precision '{precision}' is unknown", mend=f"choose auto, {', '.join(PRECISIONS)}")
    plan = _Plan(
        find_method(method),
        reference,
        _count_of(reference),
        seed,
        condition,
        precision,
        batch_size,
        choose_device(device),
    )
    tracks.check()
    check_output(bed, bedgraph, bigwig, inputs=(model, genes, gene_list), binary=output)
    inputs = {} if isinstance(genes, SequenceSet) else {"genes": fingerprint(genes)}
    genes = _chosen_genes(genes if isinstance(genes, SequenceSet) else SequenceSet.read(genes), gene, gene_list)
    check_output(*tracks.files(genes), binary=output)
    scorers = assign_models(model, genes, fold=fold, allow_seen=allow_seen, held_out_only=held_out_only)
    genes, scorers = _scored_genes(genes, scorers)

    table, rows = None, None
    folder = next((Path(path).parent for path in (output, bed, bedgraph, bigwig) if path is not None), None)
    with ExitStack() as stack:
        # All outputs take their names when the stack closes, after the last one is written.
        sums = stack.enter_context(Sums(len(genes), genes.geometry.columns, folder))
        with processor(threads, seed):
            geometry = _add_up(sums, scorers, genes, plan)
        if output is not None:
            described = plan.describe(geometry, scorers, inputs, genes)
            tables = tables_of(sums, genes, geometry, method)
            write_attributions(stack.enter_context(whole_file(output)), tables, described)
        elif not tracks.wanted:
            table = as_pandas(tables_of(sums, genes, geometry, method))
        if tracks.wanted:
            rows = tracks.write(genes, geometry, sums, stack)
        error = float(sums.completeness_errors().max(initial=0.0))
    paths = (None if path is None else Path(path) for path in (output, bed, bedgraph, bigwig))
    return Explanation(len(genes), geometry.tokens, rows, len(scorers), method, reference, error, *paths, table)


class _Tracks(NamedTuple):
    """The browser tracks that are wanted."""

    bed: PathLike | None
    bedgraph: PathLike | None
    bigwig: PathLike | None
    combine: Combine
    strand_specific: bool

    @property
    def wanted(self) -> bool:
        """Whether there is any."""
        return any(path is not None for path in (self.bed, self.bedgraph, self.bigwig))

    def check(self) -> None:
        """Refuse endings and ways to combine that do not exist."""
        check_track_names(self.bed, self.bedgraph, self.bigwig)
        check_combine(self.combine)

    def files(self, genes: SequenceSet) -> list[Path]:
        """List what will be written, and refuse genes that have no place."""
        if self.wanted and not (genes.geometry.has_genes and all(column in genes.table for column in PLACE)):
            raise BadOption(
                "a track needs genes with places, and the set holds sequences without", mend="write a table with -o"
            )
        species = list(genes.table["species"].unique())
        if self.wanted and len(species) > 1:
            raise BadOption(
                f"a track shows one genome, and these genes are of {some(species)}",
                mend="name the genes of one species with --gene-list, or explain its own set",
            )
        return track_files(self.bed, self.bedgraph, self.bigwig, _lengths(genes), self.strand_specific)

    def write(self, genes: SequenceSet, geometry: Geometry, sums: Sums, stack: ExitStack) -> int | None:
        """Write them; give the number of the BED's rows."""

        def codes(rows: np.ndarray) -> np.ndarray:
            return geometry.hide(genes.codes(rows))

        values = sums.by_piece(piece_template(geometry))
        track = PieceTrack(genes.table, geometry, _lengths(genes), values, codes)
        return write_tracks(
            track,
            bed=self.bed,
            bedgraph=self.bedgraph,
            bigwig=self.bigwig,
            combine=self.combine,
            strand_specific=self.strand_specific,
            stack=stack,
        )


class _Plan(NamedTuple):
    """How numbers are made."""

    method: Method
    reference: str
    shuffles: int
    seed: int
    condition: str | None
    precision: str
    batch_size: int
    device: str

    def describe(
        self, geometry: Geometry, scorers: list[Scorer], inputs: dict[str, object], genes: SequenceSet
    ) -> dict[str, object]:
        """Give the metadata of ``attributions.parquet``."""
        return {
            "geometry": geometry.to_json(),
            "method": self.method.name,
            "reference": self.reference,
            "seed": self.seed,
            **({} if self.condition is None else {"condition": self.condition}),
            "precision": self.precision,
            "models": [{"fold": s.fold, "seed": s.seed, **fingerprint(s.path)} for s in scorers],
            "inputs": inputs,
            "contigs": genes.contigs,
        }


def _count_of(reference: str) -> int:
    """Read the number of shuffles out of ``shuffle:N``."""
    kind, _, count = reference.partition(":")
    if kind != "shuffle" or not count.isdecimal() or int(count) < 1:
        raise BadOption(
            f"there is no reference '{reference}'", mend="give shuffle:N, N shuffles of each gene, N from 1"
        )
    return int(count)


def _chosen_genes(genes: SequenceSet, ids: Sequence[str], gene_list: PathLike | None) -> SequenceSet:
    """Keep the genes that are asked for by name."""
    if not ids and gene_list is None:
        return genes
    wanted = [*ids, *(() if gene_list is None else read_gene_list(gene_list))]
    return genes.select(genes.positions(wanted))


def _scored_genes(genes: SequenceSet, scorers: list[Scorer]) -> tuple[SequenceSet, list[Scorer]]:
    """Leave out the genes that no model explains."""
    rows = np.unique(np.concatenate([scorer.rows for scorer in scorers]))
    return genes.select(rows), [scorer._replace(rows=np.searchsorted(rows, scorer.rows)) for scorer in scorers]


def _lengths(genes: SequenceSet) -> dict[str, int]:
    """Give the lengths of the contigs of the genes' one species, in the genome's order."""
    species = next(iter(genes.table["species"]), NO_SPECIES)
    return {name: int(contig["length"]) for name, contig in genes.contigs_of(species).items()}


def _add_up(sums: Sums, scorers: list[Scorer], genes: SequenceSet, plan: _Plan) -> Geometry:
    """Explain every gene by every model that it has, one model at a time; give the columns that the models read."""
    share = 1 / np.bincount(np.concatenate([scorer.rows for scorer in scorers]), minlength=len(genes))
    geometry = None
    warn_of_control(load_arrays(scorers[0].path, wanted=())[1])
    with _progress(sum(len(scorer.rows) for scorer in scorers)) as advance:
        for scorer in scorers:
            model = load_model(scorer.path, plan.device)
            model.task = model.task.only(plan.condition)
            if geometry not in (None, model.geometry):
                raise ModelMismatch("the models of this run mask different columns", where=scorer.path)
            geometry = model.geometry
            if model.network is not None:
                if plan.precision != "auto":
                    set_precision(model.network, plan.precision)
                model.network.requires_grad_(False)
            for start in range(0, len(scorer.rows), plan.batch_size):
                rows = scorer.rows[start : start + plan.batch_size]
                codes = geometry.hide(genes.codes(rows))
                references = dinucleotide_shuffles(codes, list(genes.table["id"].iloc[rows]), plan.shuffles, plan.seed)
                sums.add(rows, plan.method.attribute(model, codes, references), share[rows], scorer)
                advance(len(rows))
    assert geometry is not None
    return geometry


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
