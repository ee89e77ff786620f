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
        typer.Option("--output", "-o", help="table with one attribution per base and per token of 8 bases (.parquet)"),
    ] = None,
    bed: Annotated[
        Path | None, typer.Option(help="track with one row per gene and 8-mer (.bed, or .bed.gz with an index .tbi)")
    ] = None,
    bedgraph: Annotated[
        Path | None, typer.Option(help="track of attributions per base, with sign (.bedgraph.gz or .bedgraph)")
    ] = None,
    bigwig: Annotated[Path | None, typer.Option(help="track of attributions per base, with sign (.bw)")] = None,
    per_gene: Annotated[
        Path | None, typer.Option("--per-gene", help="folder in which one BED track per gene is written")
    ] = None,
    hypothetical: Annotated[
        Path | None,
        typer.Option(help="contributions of each possible base at every position, for motif discovery (.npz)"),
    ] = None,
    picture: Annotated[
        Path | None, typer.Option("--png", help="plot of one gene, chosen with --gene (.png, .svg or .pdf)")
    ] = None,
    igv_session: Annotated[
        Path | None,
        typer.Option("--igv-session", help="session file that opens the tracks in IGV (.xml) or igv.js (.json)"),
    ] = None,
    jbrowse: Annotated[
        Path | None, typer.Option(help="folder for a config.json that opens the tracks in JBrowse 2")
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
            help="sequences that each gene is compared with: shuffle:COUNT (COUNT dinucleotide shuffles of the gene), "
            "n (a sequence of N only), or a FASTA file"
        ),
    ] = "shuffle:5",
    steps: Annotated[int, typer.Option(help="number of steps from reference to gene, for --method integrated")] = 50,
    fold: Annotated[
        str | None, typer.Option(help="explain only the held-out genes of this fold, with the models of this fold")
    ] = None,
    condition: Annotated[
        str | None,
        typer.Option("--condition", help="condition or class whose score to explain, if the model predicts several"),
    ] = None,
    gene: Annotated[
        list[str] | None, typer.Option(help="id of a gene to explain; repeatable (default: all genes)")
    ] = None,
    gene_list: Annotated[Path | None, typer.Option(help="file with ids of genes to explain")] = None,
    allow_seen: Annotated[
        bool, typer.Option("--allow-seen", help="also explain genes that all models were trained on (default: error)")
    ] = False,
    held_out_only: Annotated[
        bool, typer.Option("--held-out-only", help="skip genes that all models were trained on (default: error)")
    ] = False,
    combine: Annotated[
        str,
        typer.Option(
            help="value of bases in several windows, in bedGraph and bigWig: mean, sum or max-abs (largest magnitude)"
        ),
    ] = "mean",
    strand_specific: Annotated[
        bool,
        typer.Option(
            "--strand-specific", help="write a bedGraph and a bigWig for each strand (file names with .plus and .minus)"
        ),
    ] = False,
    top: Annotated[
        int | None,
        typer.Option(
            help="write only this many rows per gene to BED tracks: those with the largest magnitude (default: all)"
        ),
    ] = None,
    precision: Annotated[
        str, typer.Option("--precision", help="floating-point precision: auto (float32), float32 or float64")
    ] = "auto",
    batch_size: Annotated[int, typer.Option(help="genes per batch")] = 64,
    threads: Threads = 0,
    device: Device = "auto",
    seed: Seed = 0,
    log_level: LogLevel = "info",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Compute how much each base and 8-mer in a gene's windows contributes to the score predicted for the gene.

    Each gene is explained with models that were not trained on it.

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
