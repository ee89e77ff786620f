"""Snakemake wrapper for ``kanseq explain``: attributions of genes as a table and as browser tracks.

In: a run (or one model file) and a set. Out: those of table, bed, bedgraph, bigwig and versions that the rule names.
"""

from pathlib import Path

from snakemake.shell import shell

# Snakemake defines the object `snakemake` before it runs a wrapper.
# ruff: noqa: F821

OPTIONS = {"table": "--output", "bed": "--bed", "bedgraph": "--bedgraph", "bigwig": "--bigwig"}

outputs = " ".join(
    f"{option} {snakemake.output[name]}" for name, option in OPTIONS.items() if snakemake.output.get(name)
)
device = "cuda" if snakemake.resources.get("gpu", 0) else "cpu"
extra = snakemake.params.get("extra", "")
log = snakemake.log_fmt_shell(stdout=True, stderr=True)

shell(
    "kanseq explain {snakemake.input.run} {snakemake.input.genes} {extra} "
    "--threads {snakemake.threads} --device {device} {outputs} {log}"
)

if snakemake.output.get("versions"):
    version = next(shell("kanseq --version", iterable=True)).removeprefix("kanseq ")
    Path(snakemake.output.versions).write_text(f'"{snakemake.rule}":\n  kanseq: "{version}"\n', encoding="utf-8")
