"""``kanseq explain``."""

from pathlib import Path
from typing import Annotated

import typer

from kanseq.cli.options import Config, Device, Json, LogLevel, Seed, Threads, show


def explain(
    model: Annotated[
        Path, typer.Argument(help="run folder, or one model file (model.safetensors)", show_default=False)
    ],
    genes: Annotated[
        Path, typer.Argument(help="set of genes or sequences, from kanseq extract or import", show_default=False)
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="table of attributions per base and per token of 8 bases (.parquet)"),
    ] = None,
    bed: Annotated[
        Path | None, typer.Option(help="track with one row per gene and 8-mer (.bed, or .bed.gz with a .tbi index)")
    ] = None,
    bedgraph: Annotated[
        Path | None, typer.Option(help="track of signed attributions per base (.bedgraph.gz or .bedgraph)")
    ] = None,
    bigwig: Annotated[Path | None, typer.Option(help="track of signed attributions per base (.bw)")] = None,
    per_gene: Annotated[Path | None, typer.Option("--per-gene", help="folder for BED tracks, one per gene")] = None,
    hypothetical: Annotated[
        Path | None,
        typer.Option(
            help="hypothetical contributions of all four bases at each position, for motif discovery with "
            "TF-MoDISco (.npz)"
        ),
    ] = None,
    picture: Annotated[
        Path | None, typer.Option("--png", help="plot of one gene, chosen with --gene (.png, .svg or .pdf)")
    ] = None,
    igv_session: Annotated[
        Path | None,
        typer.Option("--igv-session", help="session file that opens the tracks in IGV (.xml) or igv.js (.json)"),
    ] = None,
    jbrowse: Annotated[
        Path | None, typer.Option(help="folder in which to write config.json, which opens the tracks in JBrowse 2")
    ] = None,
    genome: Annotated[
        Path | None, typer.Option(help="FASTA that the genes were extracted from; needed for browser sessions")
    ] = None,
    annotation: Annotated[
        Path | None, typer.Option(help="GTF or GFF3 with the genes to show in browser sessions and in --png")
    ] = None,
    method: Annotated[
        str,
        typer.Option(
            help="attribution method: paths (attributions add up to the difference from the reference), gradient, "
            "integrated (gradients), occlusion or ism (in-silico mutagenesis)"
        ),
    ] = "paths",
    reference: Annotated[
        str,
        typer.Option(
            help="reference sequences that each gene is compared with: shuffle:COUNT (COUNT dinucleotide "
            "shuffles of the gene), n (a sequence of N only), or a FASTA file"
        ),
    ] = "shuffle:5",
    steps: Annotated[
        int, typer.Option(help="number of integration steps between reference and gene, for --method integrated")
    ] = 50,
    fold: Annotated[
        str | None, typer.Option(help="explain only the held-out genes of this fold, with the models of this fold")
    ] = None,
    condition: Annotated[
        str | None,
        typer.Option("--condition", help="condition or class to explain; needed if the model predicts several"),
    ] = None,
    gene: Annotated[
        list[str] | None, typer.Option(help="id of a gene to explain; repeatable (default: all genes)")
    ] = None,
    gene_list: Annotated[Path | None, typer.Option(help="file with the ids of the genes to explain")] = None,
    allow_seen: Annotated[
        bool,
        typer.Option(
            "--allow-seen", help="also explain genes that all models were trained on (default: stop with an error)"
        ),
    ] = False,
    held_out_only: Annotated[
        bool,
        typer.Option(
            "--held-out-only", help="skip genes that all models were trained on (default: stop with an error)"
        ),
    ] = False,
    combine: Annotated[
        str,
        typer.Option(
            help="how bedGraph and bigWig combine the values of a base that is in several windows: mean, sum "
            "or max-abs (value with the largest magnitude)"
        ),
    ] = "mean",
    strand_specific: Annotated[
        bool,
        typer.Option(
            "--strand-specific",
            help="write bedGraph and bigWig as one file per strand, with .plus and .minus in the file names",
        ),
    ] = False,
    top: Annotated[
        int | None,
        typer.Option(
            help="maximum number of rows per gene in BED tracks; rows with the largest magnitudes are kept "
            "(default: all)"
        ),
    ] = None,
    precision: Annotated[
        str, typer.Option("--precision", help="floating-point precision: auto (float32), float32 or float64")
    ] = "auto",
    batch_size: Annotated[int, typer.Option(help="number of genes per batch")] = 64,
    threads: Threads = 0,
    device: Device = "auto",
    seed: Seed = 0,
    log_level: LogLevel = "info",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Compute how much each base and 8-mer in a gene's windows contributes to the gene's predicted score.

    Each gene is explained with models that were not trained on that gene.

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
    """Register the command with the program."""
    app.command("explain")(explain)
