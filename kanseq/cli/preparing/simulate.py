"""``kanseq simulate``."""

from pathlib import Path
from typing import Annotated

import typer

from kanseq.cli.options import Config, Json, LogLevel, Seed, show


def simulate(
    output: Annotated[Path, typer.Option("--output", "-o", help="output folder; created if its parent exists")],
    genes: Annotated[
        int, typer.Option(help="number of protein-coding genes; genes of other biotypes (5 % of this number) are added")
    ] = 2_000,
    contigs: Annotated[int, typer.Option(help="number of chromosomes (named 1, 2, …; 1 is the longest)")] = 5,
    genome_size: Annotated[
        int | None, typer.Option(show_default="6,000 per gene", help="total number of bases, at least 3,000 per gene")
    ] = None,
    samples: Annotated[int, typer.Option(help="number of samples in the TPM table")] = 3,
    oracle: Annotated[
        float,
        typer.Option(
            help="auROC that a predictor would have if it knew everything but the noise; the amount of noise is "
            "chosen to match it"
        ),
    ] = 0.93,
    noise: Annotated[
        float | None,
        typer.Option(
            show_default="chosen to match --oracle",
            help="standard deviation of the noise in log10 expression; replaces --oracle",
        ),
    ] = None,
    compress: Annotated[
        bool,
        typer.Option(
            "--compress/--no-compress", help="write the genome as genome.fa.gz (bgzip), or uncompressed as genome.fa"
        ),
    ] = True,
    seed: Seed = 0,
    log_level: LogLevel = "info",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Simulate a genome, an annotation and a TPM table with known regulatory elements, to test an analysis.

    Example: kanseq simulate -o sim/
    """
    from kanseq import api

    result = api.simulate(
        output,
        genes=genes,
        contigs=contigs,
        genome_size=genome_size,
        samples=samples,
        oracle=oracle,
        noise=noise,
        compress=compress,
        seed=seed,
    )
    show(result, as_json)


def add_to(app: typer.Typer) -> None:
    """Register the command with the program."""
    app.command("simulate")(simulate)
