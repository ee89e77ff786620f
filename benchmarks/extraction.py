"""Measure time and memory of ``kanseq extract``, of reading a large GTF, of a 2-Gb genome, and of ``--help``.

    python benchmarks/extraction.py [--runs 5] [--big]

Numbers are of complete processes. The commands alternate; the table shows medians. ``--big`` adds the simulated 2-Gb
genome (8 GB of disk in the temporary folder, some minutes).
"""

import argparse
import tempfile
from pathlib import Path

from common import KANSEQ, Measured, data_folder, medians, run


def alternate(commands: dict[str, list[str | Path]], runs: int) -> dict[str, Measured]:
    """Run the commands in turn, once to warm up and then ``runs`` times; a command of one string runs in a shell."""
    seen: dict[str, list[Measured]] = {name: [] for name in commands}
    for turn in range(runs + 1):
        for name, command in commands.items():
            measured = run(command, shell=len(command) == 1)
            if turn:
                seen[name].append(measured)
    return {name: medians(list(values)) for name, values in seen.items()}


def show(rows: dict[str, Measured]) -> None:
    """Print the measurements as a Markdown table."""
    print("| command | seconds | CPU seconds | peak MB |\n| --- | ---: | ---: | ---: |")
    for name, row in rows.items():
        print(f"| {name} | {row.seconds:.2f} | {row.cpu_seconds:.2f} | {row.peak_mb:.0f} |")


def main() -> None:
    """Run the measurements and print their table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--big", action="store_true", help="also a simulated 2-Gb genome with 40,000 genes")
    options = parser.parse_args()
    thale = data_folder() / "arabidopsis-chr1"
    with tempfile.TemporaryDirectory() as folder:
        genes = Path(folder) / "genes.parquet"
        aliases = Path(folder) / "aliases.tsv"
        aliases.write_text("NC_003070.9\t1\n")
        refseq = thale / "refseq.gtf.gz"
        rows = alternate(
            {
                "kanseq extract, chromosome 1": [
                    *KANSEQ, "extract", thale / "genome.fa.gz", thale / "genes.gtf.gz", "-o", genes,
                ],
                "kanseq extract, refseq.gtf.gz": [
                    *KANSEQ, "extract", thale / "genome.fa.gz", refseq, "--aliases", aliases, "-o", genes,
                ],
                "zcat refseq.gtf.gz \\| grep gene": [f"zcat {refseq} | grep -P '\\tgene\\t' > /dev/null"],
                "kanseq --help": [*KANSEQ, "--help"],
            },
            options.runs,
        )  # fmt: skip
        show(rows)
        if options.big:
            big = Path(folder) / "big"
            size = ["--genome-size", "2000000000", "--genes", "40000", "--contigs", "10", "--no-compress"]
            steps = {
                "kanseq simulate, 2 Gb": [*KANSEQ, "simulate", "-o", big, *size],
                "kanseq extract, 2 Gb, 40,000 genes": [
                    *KANSEQ, "extract", big / "genome.fa", big / "genes.gtf.gz", "-o", genes,
                ],
            }  # fmt: skip
            show({name: run(command) for name, command in steps.items()})


if __name__ == "__main__":
    main()
