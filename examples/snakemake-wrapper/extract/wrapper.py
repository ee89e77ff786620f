"""Snakemake wrapper for ``kanseq extract``: the flanks of genes from a genome.

In: FASTA and annotation. Out: the set of genes; if the rule names them, excluded genes, windows, sequences, versions.
"""

from pathlib import Path

from snakemake.shell import shell

# Snakemake defines the object `snakemake` before it runs a wrapper.
# ruff: noqa: F821

optional = " ".join(
    f"--{name} {snakemake.output[name]}" for name in ("excluded", "bed", "fasta") if snakemake.output.get(name)
)
species = snakemake.params.get("species", "")
species = f"--species {species}" if species else ""
extra = snakemake.params.get("extra", "")
log = snakemake.log_fmt_shell(stdout=True, stderr=True)

shell(
    "kanseq extract {snakemake.input.genome} {snakemake.input.annotation} {species} {extra} "
    "-o {snakemake.output.genes} {optional} {log}"
)

if snakemake.output.get("versions"):
    version = next(shell("kanseq --version", iterable=True)).removeprefix("kanseq ")
    Path(snakemake.output.versions).write_text(f'"{snakemake.rule}":\n  kanseq: "{version}"\n', encoding="utf-8")
