"""``kanseq extract``."""

from pathlib import Path
from typing import Annotated

import typer

from kanseq.cli.options import Config, Json, LogLevel, check_standard_output, show


def extract(
    genome: Annotated[Path, typer.Argument(help="genome (FASTA; plain, gzip or bgzip)")],
    annotation: Annotated[Path, typer.Argument(help="annotation (GTF or GFF3; plain or gzip, sorted or not)")],
    output: Annotated[Path, typer.Option("--output", "-o", help="output file for the set of genes (.parquet)")],
    excluded: Annotated[
        Path | None,
        typer.Option(help="table of excluded genes (TSV with the columns id, reason, detail); - for standard output"),
    ] = None,
    bed: Annotated[Path | None, typer.Option(help="write the windows to this BED6 file; - for standard output")] = None,
    fasta: Annotated[
        Path | None, typer.Option(help="write the sequences to this FASTA file; - for standard output")
    ] = None,
    upstream: Annotated[int, typer.Option(min=0, help="number of bases before the TSS, and after the TTS")] = 1000,
    downstream: Annotated[
        int, typer.Option(min=0, help="number of transcribed bases after the TSS, and before the TTS")
    ] = 500,
    pad: Annotated[
        int, typer.Option(min=0, help="number of columns with N between the TSS window and the TTS window")
    ] = 20,
    mask: Annotated[
        bool,
        typer.Option(
            "--mask/--no-mask",
            help="models read N instead of the 3 transcribed bases next to the TSS and the 3 next to the TTS",
        ),
    ] = True,
    biotype: Annotated[
        list[str] | None,
        typer.Option(
            help="biotype to keep, in the words of the annotation, or none for genes without a biotype; repeatable or "
            "comma-separated (default: protein_coding; if no gene is protein_coding, all genes without a biotype)"
        ),
    ] = None,
    id: Annotated[
        str | None,
        typer.Option(
            metavar="KEY",
            help="attribute that contains the gene id; the prefixes 'gene-' and 'gene:' are removed (default: "
            "the first of gene_id, ID, locus_tag, Name that a gene has). Where genes have no rows, transcripts with "
            "the same value are one gene",
        ),
    ] = None,
    contigs: Annotated[
        list[str] | None,
        typer.Option(
            help="contigs to keep; repeatable or comma-separated (default: all); letters of others are not checked"
        ),
    ] = None,
    exclude_contigs: Annotated[
        list[str] | None, typer.Option(help="contigs to exclude, such as organelles; repeatable or comma-separated")
    ] = None,
    edge: Annotated[
        str,
        typer.Option(
            help="what to do with genes whose windows extend past a contig's end: drop the gene, or pad the "
            "windows with N; genes that end past their contig themselves are always dropped"
        ),
    ] = "drop",
    max_n: Annotated[
        float,
        typer.Option(
            min=0,
            max=1,
            help="maximum fraction of letters other than A, C, G and T in the windows; genes with more are excluded",
        ),
    ] = 0.5,
    aliases: Annotated[
        Path | None,
        typer.Option(
            help="table with a line per contig: its name in the annotation and its name in the genome, "
            "or an NCBI assembly report; if no name is in both, the error message has a command that writes it"
        ),
    ] = None,
    species: Annotated[
        str, typer.Option(help="name of the species; needed if the set will be combined with sets of other species")
    ] = ".",
    tss: Annotated[
        str,
        typer.Option(
            help="where TSS and TTS are: at the ends of the gene (gene), of its transcript tagged as canonical "
            "(canonical), or of its transcript with the most coding bases (longest-cds)"
        ),
    ] = "gene",
    log_level: LogLevel = "info",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Extract the sequences around every gene's TSS (start) and TTS (end) from a genome.

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
    """Register the command with the program."""
    app.command("extract")(extract)
