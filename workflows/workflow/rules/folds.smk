# Folds, leaks between training and test genes, and labels.


# A checkpoint, because the folds are known only afterwards: they are the contigs (or blocks) with enough genes.
checkpoint split:
    input:
        genes=lambda wildcards: set_of(wildcards.design, wildcards.species),
        homologs=lambda wildcards: homologs_of(wildcards.design, wildcards.species),
    output:
        splits="results/splits/{design}/{species}.tsv",
        summary="results/splits/{design}/{species}.json",
    log:
        "logs/split/{design}/{species}.log",
    benchmark:
        "benchmarks/split/{design}/{species}.tsv"
    conda:
        "../envs/kanseq.yaml"
    threads: need("table", "threads")
    resources:
        mem_mb=need("table", "mem_mb"),
        runtime=need("table", "runtime"),
    params:
        homologs=lambda wildcards, input: f"--homology {input.homologs} --similar" if input.homologs else "",
        across=lambda wildcards: f"--test-species {wildcards.species}" if wildcards.design == CROSS else "",
        options=lambda wildcards: options_of("split", wildcards.species),
    shell:
        "kanseq split {input.genes} {params.options} {params.across} {params.homologs} --json "
        "-o {output.splits} > {output.summary} 2> {log}"


# The workflow stops here if a fold leaks. If homologs were left in on purpose, leaks are only counted.
rule leaks:
    input:
        genes=lambda wildcards: set_of(wildcards.design, wildcards.species),
        homologs=lambda wildcards: homologs_of(wildcards.design, wildcards.species),
        splits="results/splits/{design}/{species}.tsv",
    output:
        summary="results/leaks/{design}/{species}.json",
        table=report(
            "results/leaks/{design}/{species}.tsv",
            caption="../report/leaks.rst",
            category="Leaks",
            labels={"design": "{design}", "tested species": "{species}"},
        ),
    log:
        "logs/leaks/{design}/{species}.log",
    benchmark:
        "benchmarks/leaks/{design}/{species}.tsv"
    conda:
        "../envs/kanseq.yaml"
    threads: need("table", "threads")
    resources:
        mem_mb=need("table", "mem_mb"),
        runtime=need("table", "runtime"),
    params:
        homologs=lambda wildcards, input: f"--homology {input.homologs} --strict" if input.homologs else "",
    shell:
        "kanseq leaks {input.genes} --splits {input.splits} {params.homologs} "
        "-o {output.summary} --table {output.table} > {log} 2>&1"


# Within a species, thresholds come from each fold's training genes. Across species they come from the complete
# tables: no gene of the tested species is used for training, so its thresholds affect no label of a training gene.
rule label:
    input:
        tables=lambda wildcards: [
            place(wildcards.species, file) for file in files_of(SHEET[wildcards.species, wildcards.condition], "tpm")
        ],
        genes=lambda wildcards: [set_of(CROSS, "")] if wildcards.design == CROSS else [],
        splits=lambda wildcards: (
            [] if wildcards.design == CROSS else [f"results/splits/{SINGLE}/{wildcards.species}.tsv"]
        ),
    output:
        "results/{design}/{condition}/labels/{species}.tsv",
    log:
        "logs/label/{design}/{condition}/{species}.log",
    benchmark:
        "benchmarks/label/{design}/{condition}/{species}.tsv"
    conda:
        "../envs/kanseq.yaml"
    threads: need("table", "threads")
    resources:
        mem_mb=need("table", "mem_mb"),
        runtime=need("table", "runtime"),
    params:
        among=lambda wildcards, input: (
            f"--genes {input.genes} --quartiles all" if input.genes else f"--splits {input.splits}"
        ),
        columns=lambda wildcards: " ".join(
            f"--samples {name}" for name in files_of(SHEET[wildcards.species, wildcards.condition], "columns")
        ),
        options=lambda wildcards: options_of("label", wildcards.species),
    shell:
        "kanseq label {input.tables} --species {wildcards.species} {params.among} {params.columns} {params.options} "
        "-o {output} > {log} 2>&1"
