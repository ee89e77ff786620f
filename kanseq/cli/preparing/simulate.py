"""``kanseq simulate``."""

from pathlib import Path
from typing import Annotated

import typer

from kanseq.cli.options import Config, Json, LogLevel, Seed, show


def simulate(
    output: Annotated[Path, typer.Option("--output", "-o", help="folder to write into; made where its parent exists")],
    genes: Annotated[int, typer.Option(help="protein-coding genes; a twentieth of other kinds comes on top")] = 2_000,
    contigs: Annotated[int, typer.Option(help="chromosomes, named 1, 2, …, from long to short")] = 5,
    genome_size: Annotated[
        int | None, typer.Option(show_default="6,000 per gene", help="bases in all, at least 3,000 per gene")
    ] = None,
    samples: Annotated[int, typer.Option(help="columns of the TPM table")] = 3,
    oracle: Annotated[
        float, typer.Option(help="auROC of one who knows the grammar but not the noise; the noise is chosen for it")
    ] = 0.93,
    noise: Annotated[
        float | None,
        typer.Option(show_default="chosen for --oracle", help="standard deviation of the noise in log10 expression"),
    ] = None,
    compress: Annotated[
        bool, typer.Option("--compress/--no-compress", help="bgzip the genome, or write a plain genome.fa")
    ] = True,
    seed: Seed = 0,
    log_level: LogLevel = "info",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Write a genome, an annotation and TPM of genes whose regulatory grammar is known, and the truth about them.

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
    """Register the verb."""
    app.command("simulate")(simulate)
