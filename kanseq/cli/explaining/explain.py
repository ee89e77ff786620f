"""``kanseq explain``."""

from pathlib import Path
from typing import Annotated

import typer

from kanseq.cli.options import Config, Device, Json, LogLevel, Seed, Threads, show


def explain(
    model: Annotated[Path, typer.Argument(help="run folder, or one model.safetensors", show_default=False)],
    genes: Annotated[Path, typer.Argument(help="set of genes or sequences (genes.parquet)", show_default=False)],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="table of attributions per base and per token (.parquet)")
    ] = None,
    bed: Annotated[
        Path | None, typer.Option(help="track, one row per gene and 8-mer (.bed.gz with .tbi, or .bed)")
    ] = None,
    bedgraph: Annotated[Path | None, typer.Option(help="track of signed values (.bedgraph.gz or .bedgraph)")] = None,
    bigwig: Annotated[Path | None, typer.Option(help="track of signed values (.bw)")] = None,
    per_gene: Annotated[Path | None, typer.Option("--per-gene", help="folder for one BED track per gene")] = None,
    hypothetical: Annotated[
        Path | None, typer.Option(help="contributions of all four bases, for motif discovery (.npz)")
    ] = None,
    picture: Annotated[
        Path | None, typer.Option("--png", help="plot of one gene, chosen with --gene (.png, .svg or .pdf)")
    ] = None,
    igv_session: Annotated[
        Path | None,
        typer.Option("--igv-session", help="session file to open the tracks in IGV (.xml) or igv.js (.json)"),
    ] = None,
    jbrowse: Annotated[
        Path | None, typer.Option(help="folder for a config.json to open the tracks in JBrowse 2")
    ] = None,
    genome: Annotated[
        Path | None, typer.Option(help="FASTA that the genes were extracted from, for genome browsers")
    ] = None,
    annotation: Annotated[Path | None, typer.Option(help="GTF or GFF3, for genome browsers and --png")] = None,
    method: Annotated[
        str, typer.Option(help="method: paths (complete), gradient, integrated, occlusion or ism")
    ] = "paths",
    reference: Annotated[
        str, typer.Option(help="reference: N dinucleotide shuffles of each gene (shuffle:N), n (only N), or a FASTA")
    ] = "shuffle:5",
    steps: Annotated[int, typer.Option(help="gradient steps from reference to gene, for --method integrated")] = 50,
    fold: Annotated[
        str | None, typer.Option(help="explain only the held-out genes of this fold, with its models")
    ] = None,
    condition: Annotated[
        str | None,
        typer.Option("--condition", help="condition or class to explain, for models with several"),
    ] = None,
    gene: Annotated[list[str] | None, typer.Option(help="id of a gene to explain; repeatable")] = None,
    gene_list: Annotated[Path | None, typer.Option(help="file with ids of genes to explain")] = None,
    allow_seen: Annotated[
        bool, typer.Option("--allow-seen", help="also explain genes that every model was trained on")
    ] = False,
    held_out_only: Annotated[
        bool, typer.Option("--held-out-only", help="leave out genes that every model was trained on")
    ] = False,
    combine: Annotated[
        str, typer.Option(help="value where windows overlap in bedGraph and bigWig: mean, sum or max-abs")
    ] = "mean",
    strand_specific: Annotated[
        bool, typer.Option("--strand-specific", help="write one bedGraph and bigWig per strand, .plus and .minus")
    ] = False,
    top: Annotated[
        int | None, typer.Option(help="keep only this many rows per gene in the BED, by largest attribution")
    ] = None,
    precision: Annotated[
        str, typer.Option("--precision", help="numerical precision: auto (float32), float32 or float64")
    ] = "auto",
    batch_size: Annotated[int, typer.Option(help="genes per batch")] = 64,
    threads: Threads = 0,
    device: Device = "auto",
    seed: Seed = 0,
    log_level: LogLevel = "info",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Attribute each gene's score to the bases and 8-mers around it, with models that were not trained on the gene.

    Example: kanseq explain run/ genes.parquet --bed attribution.bed.gz --bigwig attribution.bw
    """
    from kanseq import api

    if not any((output, bed, bedgraph, bigwig, per_gene, hypothetical, picture)):
        raise typer.BadParameter(
            "no output; use --output, --bed, --bedgraph, --bigwig, --per-gene, --hypothetical or --png"
        )
    result = api.explain(
        model,
        genes,
        output=output,
        bed=bed,
        bedgraph=bedgraph,
        bigwig=bigwig,
        per_gene=per_gene,
        hypothetical=hypothetical,
        picture=picture,
        igv_session=igv_session,
        jbrowse=jbrowse,
        genome=genome,
        annotation=annotation,
        method=method,
        reference=reference,
        steps=steps,
        seed=seed,
        fold=fold,
        condition=condition,
        gene=gene or (),
        gene_list=gene_list,
        allow_seen=allow_seen,
        held_out_only=held_out_only,
        combine=combine,  # type: ignore[arg-type]
        strand_specific=strand_specific,
        top=top,
        precision=precision,
        batch_size=batch_size,
        threads=threads,
        device=device,
    )
    show(result, as_json)


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("explain")(explain)
