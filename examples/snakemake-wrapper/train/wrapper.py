"""Snakemake wrapper for ``kanseq train``: a run with the requested folds and seed.

In: a set, splits, labels. Out: the run's folder; if the rule names it, versions. Snakemake deletes the outputs of a
killed job, so an unfinished run is kept next to the output; the next attempt resumes there.
"""

from pathlib import Path

from snakemake.shell import shell

# Snakemake defines the object `snakemake` before it runs a wrapper.
# ruff: noqa: F821

labels = snakemake.input.get("labels", [])
labels = " ".join(f"--labels {table}" for table in ([labels] if isinstance(labels, str) else labels))
model = snakemake.params.get("model", "kan-words")
holdout = snakemake.params.get("holdout", "all")
seed = snakemake.params.get("seed", 0)
device = "cuda" if snakemake.resources.get("gpu", 0) else "cpu"
extra = snakemake.params.get("extra", "")
log = snakemake.log_fmt_shell(stdout=True, stderr=True)
unfinished = f"{snakemake.output.run}.unfinished"

shell(
    "kanseq train {snakemake.input.genes} --splits {snakemake.input.splits} {labels} --model {model} "
    "--holdout {holdout} --seed {seed} {extra} --threads {snakemake.threads} --device {device} -o {unfinished} {log} "
    "&& mv {unfinished} {snakemake.output.run}"
)

if snakemake.output.get("versions"):
    version = next(shell("kanseq --version", iterable=True)).removeprefix("kanseq ")
    Path(snakemake.output.versions).write_text(f'"{snakemake.rule}":\n  kanseq: "{version}"\n', encoding="utf-8")
