"""``kanseq homology``."""

from pathlib import Path
from typing import Annotated

import typer

from kanseq.cli.options import Config, Json, LogLevel, Threads, check_standard_output, show


def homology(
    genes: Annotated[Path, typer.Argument(help="set of genes, from kanseq extract or combine", show_default=False)],
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", help="table of groups of homologs (columns species, id, group); - for standard output"
        ),
    ],
    pairs: Annotated[
        Path | None,
        typer.Option("--pairs", help="also write a table of homologous gene pairs, with the best hit of each pair"),
    ] = None,
    proteins: Annotated[
        list[str] | None,
        typer.Option(
            "--proteins", metavar="[SPECIES=]FASTA", help="protein sequences; the longest protein of each gene is used"
        ),
    ] = None,
    transcripts: Annotated[
        list[str] | None,
        typer.Option(
            "--transcripts",
            metavar="[SPECIES=]FASTA",
            help="transcript sequences; the longest open reading frame of each is translated",
        ),
    ] = None,
    genome: Annotated[
        list[str] | None,
        typer.Option(
            "--genome",
            metavar="[SPECIES=]FASTA",
            help="genome; the coding sequences listed in --annotation are extracted from it and translated",
        ),
    ] = None,
    annotation: Annotated[
        list[str] | None,
        typer.Option(
            "--annotation",
            metavar="[SPECIES=]FILE",
            help="GTF or GFF3 with CDS rows, which link proteins to genes and locate the coding sequences in --genome",
        ),
    ] = None,
    protein2gene: Annotated[
        Path | None,
        typer.Option(
            "--protein2gene",
            help="table with the gene of each protein or transcript (lines 'protein gene' or 'transcript gene')",
        ),
    ] = None,
    hits: Annotated[
        Path | None,
        typer.Option(
            "--hits",
            help="use the hits of an earlier search: table of BLAST (outfmt 6, 7 or 10), DIAMOND or MMseqs2, with or "
            "without a header",
        ),
    ] = None,
    hit_columns: Annotated[
        list[str] | None,
        typer.Option(
            "--hit-columns",
            help="column names of --hits (qseqid,sseqid,…), if it has no header and not the default columns of BLAST",
        ),
    ] = None,
    groups: Annotated[
        Path | None,
        typer.Option("--groups", help="use known groups of homologs instead of a search (lines 'id group', or JSON)"),
    ] = None,
    tool: Annotated[
        str,
        typer.Option(
            "--tool",
            help="search program: diamond, mmseqs, blast, sketch (built-in), or auto (the first of these that "
            "is installed)",
        ),
    ] = "auto",
    evalue: Annotated[float, typer.Option("--evalue", help="maximum e-value of a hit")] = 1e-3,
    bits: Annotated[float, typer.Option("--bits", help="minimum bit score of a hit")] = 50.0,
    coverage: Annotated[
        float, typer.Option("--coverage", help="minimum percentage of the query that a hit covers")
    ] = 50.0,
    codon_table: Annotated[
        int,
        typer.Option(
            "--codon-table", help="NCBI number of the genetic code, for CDS rows without the attribute transl_table"
        ),
    ] = 1,
    aliases: Annotated[
        Path | None,
        typer.Option(
            "--aliases",
            help="table with a line per contig: its name in the annotation and its name in the genome",
        ),
    ] = None,
    gene_map: Annotated[
        Path | None,
        typer.Option(
            "--gene-map",
            help="table with two columns: gene ids of another annotation release and gene ids of the set, in any order",
        ),
    ] = None,
    strip_version: Annotated[
        bool,
        typer.Option(
            "--strip-version", help="match names without version suffixes such as .1, even if this matches only few"
        ),
    ] = False,
    force: Annotated[
        bool,
        typer.Option(
            "--force",
            help="use --hits although less than a tenth of its queries or subjects name a gene of the set, as in a "
            "table of a complete genome for a set of few genes",
        ),
    ] = False,
    threads: Threads = 0,
    log_level: LogLevel = "info",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Find groups of homologous genes, to keep homologs of test genes out of training.

    If the set has several species, specify the files of each species as SPECIES=FILE.

    Example: kanseq homology genes.parquet --proteins pep.fa.gz --annotation genes.gff3.gz -o homologs.tsv
    """
    from kanseq import api

    check_standard_output(as_json, output, pairs)
    result = api.homology(
        genes,
        proteins=proteins or (),
        transcripts=transcripts or (),
        genome=genome or (),
        annotation=annotation or (),
        hits=hits,
        groups=groups,
        protein2gene=protein2gene,
        output=output,
        pairs=pairs,
        tool=tool,
        evalue=evalue,
        bits=bits,
        coverage=coverage,
        hit_columns=hit_columns or (),
        codon_table=codon_table,
        aliases=aliases,
        gene_map=gene_map,
        strip_version=strip_version,
        threads=threads,
        force=force,
    )
    show(result, as_json)


def add_to(app: typer.Typer) -> None:
    """Register the command with the program."""
    app.command("homology")(homology)
