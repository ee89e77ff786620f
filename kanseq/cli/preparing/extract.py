"""``kanseq extract``."""

from pathlib import Path
from typing import Annotated

import typer

from kanseq.cli.options import Config, Json, LogLevel, check_standard_output, show


def extract(
    genome: Annotated[Path, typer.Argument(help="FASTA; plain, gzip or bgzip")],
    annotation: Annotated[Path, typer.Argument(help="GTF or GFF3; plain or gzip, in any order")],
    output: Annotated[Path, typer.Option("--output", "-o", help="set of genes (.parquet)")],
    excluded: Annotated[
        Path | None, typer.Option(help="TSV of genes left out (id, reason, detail); - for standard output")
    ] = None,
    bed: Annotated[Path | None, typer.Option(help="windows as BED6; - for standard output")] = None,
    fasta: Annotated[Path | None, typer.Option(help="sequences as FASTA; - for standard output")] = None,
    upstream: Annotated[int, typer.Option(min=0, help="bases before the TSS and after the TTS")] = 1000,
    downstream: Annotated[int, typer.Option(min=0, help="transcribed bases after the TSS and before the TTS")] = 500,
    pad: Annotated[int, typer.Option(min=0, help="columns of N between the two windows")] = 20,
    mask: Annotated[
        bool,
        typer.Option("--mask/--no-mask", help="mask the 3 transcribed bases next to each site: models read them as N"),
    ] = True,
    biotype: Annotated[
        list[str] | None,
        typer.Option(help="biotype to keep; repeatable (default: protein_coding if present)"),
    ] = None,
    id: Annotated[
        str | None,
        typer.Option(
            metavar="KEY",
            help="attribute with the gene id; prefixes 'gene-' and 'gene:' are removed "
            "(default: the first of gene_id, ID, locus_tag, Name)",
        ),
    ] = None,
    contigs: Annotated[
        list[str] | None, typer.Option(help="contigs to keep; repeatable or comma-separated (default: all)")
    ] = None,
    exclude_contigs: Annotated[
        list[str] | None, typer.Option(help="contigs to leave out, such as organelles; repeatable or comma-separated")
    ] = None,
    edge: Annotated[str, typer.Option(help="windows past a contig end: drop the gene, or pad with N")] = "drop",
    max_n: Annotated[
        float, typer.Option(min=0, max=1, help="largest fraction of letters other than A, C, G, T in a gene's windows")
    ] = 0.5,
    aliases: Annotated[
        Path | None,
        typer.Option(help="table of contig names (annotation, genome), or an NCBI assembly report"),
    ] = None,
    species: Annotated[str, typer.Option(help="species name, for combined sets")] = ".",
    tss: Annotated[
        str, typer.Option(help="gene ends to use: gene, canonical (tagged transcript) or longest-cds")
    ] = "gene",
    log_level: LogLevel = "info",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Extract the flanks of every gene's TSS and TTS from a genome.

    Example: kanseq extract genome.fa.gz genes.gtf.gz -o genes.parquet --excluded excluded.tsv
    """
    from kanseq import api

    check_standard_output(as_json, excluded, bed, fasta)
    result = api.extract(
        genome,
        annotation,
        output=output,
        excluded=excluded,
        bed=bed,
        fasta=fasta,
        upstream=upstream,
        downstream=downstream,
        pad=pad,
        mask=mask,
        biotype=biotype or (),
        id=id,
        contigs=contigs or (),
        exclude_contigs=exclude_contigs or (),
        edge=edge,
        max_n=max_n,
        aliases=aliases,
        species=species,
        tss=tss,
    )
    show(result, as_json)


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("extract")(extract)
