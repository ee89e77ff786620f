"""``kanseq homology``."""

from pathlib import Path
from typing import Annotated

import typer

from kanseq.cli.options import Config, Json, LogLevel, Threads, check_standard_output, show


def homology(
    genes: Annotated[Path, typer.Argument(help="set of genes, from kanseq extract or combine", show_default=False)],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="table of groups (species, id, group); - for standard output")
    ],
    pairs: Annotated[
        Path | None,
        typer.Option("--pairs", help="table of homologous pairs of genes; each pair once, with its best hit"),
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
            help="transcript sequences; their longest open reading frame is translated",
        ),
    ] = None,
    genome: Annotated[
        list[str] | None,
        typer.Option(
            "--genome",
            metavar="[SPECIES=]FASTA",
            help="genome; the coding sequences in --annotation are translated",
        ),
    ] = None,
    annotation: Annotated[
        list[str] | None,
        typer.Option(
            "--annotation",
            metavar="[SPECIES=]FILE",
            help="GTF or GFF3; its CDS rows show which gene a protein belongs to, and where coding sequences are",
        ),
    ] = None,
    protein2gene: Annotated[
        Path | None,
        typer.Option(
            "--protein2gene", help="table with the gene of each protein: lines 'protein gene' (or 'transcript gene')"
        ),
    ] = None,
    hits: Annotated[
        Path | None,
        typer.Option(
            "--hits",
            help="hits of an earlier search, used instead of a new one: outfmt 6 or 7 of BLAST, DIAMOND or MMseqs2",
        ),
    ] = None,
    hit_columns: Annotated[
        list[str] | None,
        typer.Option(
            "--hit-columns", help="names of the columns of --hits (qseqid,sseqid,…), if they are not the default ones"
        ),
    ] = None,
    groups: Annotated[
        Path | None, typer.Option("--groups", help="known groups, used instead of a search: lines 'id group', or JSON")
    ] = None,
    tool: Annotated[
        str,
        typer.Option(
            "--tool",
            help="search program: diamond, mmseqs, blast, or sketch (built-in); auto: the first that is installed",
        ),
    ] = "auto",
    evalue: Annotated[float, typer.Option("--evalue", help="maximum e-value of a hit")] = 1e-3,
    bits: Annotated[float, typer.Option("--bits", help="minimum bit score of a hit")] = 50.0,
    coverage: Annotated[float, typer.Option("--coverage", help="minimum query coverage of a hit, in percent")] = 50.0,
    codon_table: Annotated[
        int, typer.Option("--codon-table", help="number of the NCBI genetic code, for CDS rows without transl_table")
    ] = 1,
    aliases: Annotated[
        Path | None, typer.Option("--aliases", help="table of equivalent contig names (columns annotation, genome)")
    ] = None,
    strip_version: Annotated[
        bool, typer.Option("--strip-version", help="also match names without version suffixes such as .1")
    ] = False,
    threads: Threads = 0,
    log_level: LogLevel = "info",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Find groups of homologous genes, to keep homologs of test genes out of training.

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
        strip_version=strip_version,
        threads=threads,
    )
    show(result, as_json)


def add_to(app: typer.Typer) -> None:
    """Register the command with the program."""
    app.command("homology")(homology)
