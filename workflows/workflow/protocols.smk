# The paper's two protocols (docs/protocols.md), with kanseq's commands alone. Use a config of workflows/protocols:
#   snakemake --snakefile workflows/workflow/protocols.smk --configfile workflows/protocols/trial.yaml --directory results --cores 2
import os

SPECIES = config["species"]
MODELS = config["models"]
ACROSS = config["protocol"] == "cross-species"
PROTOCOLS = os.path.normpath(f"{workflow.basedir}/../protocols")


def place(file):
    """Return the path of a file: URLs are downloaded to downloads/, and paths may contain environment variables."""
    return f"downloads/{file.rsplit('/', 1)[1]}" if "://" in file else os.path.expandvars(file)


def given(name):
    """Return the input function of a species' file, by its key in the config."""
    return lambda wildcards: place(SPECIES[wildcards.species][name])


ADDRESSES = {
    place(each[name]): each[name]
    for each in SPECIES.values()
    for name in ("genome", "annotation", "expression", "score_only")
    if "://" in each.get(name, "")
}

# The set for splits and training: that of one species, or of all species.
SET = "sets/all.parquet" if ACROSS else "sets/{species}.parquet"
HOMOLOGS = f"homologs/{'all' if ACROSS else '{species}'}.{config['homology']}.tsv"
REMOVES = config["homology"] != "none"


wildcard_constraints:
    name="[^/]+",
    species="|".join(SPECIES),
    model="|".join(MODELS),


localrules:
    all,
    fetch,


rule all:
    input:
        "metrics.json",
        expand("leaks/{species}.json", species=SPECIES),
        ["compared_with_paper.tsv"] if "paper_table" in config else [],


rule fetch:
    output:
        "downloads/{name}",
    params:
        address=lambda wildcards: ADDRESSES[f"downloads/{wildcards.name}"],
    log:
        "logs/fetch-{name}.log",
    shell:
        "curl --fail --silent --show-error --location --retry 3 --output {output} {params.address} 2> {log}"


rule extract:
    input:
        genome=given("genome"),
        annotation=given("annotation"),
    output:
        genes="sets/{species}.parquet",
        excluded="sets/{species}.excluded.tsv",
    params:
        options=lambda wildcards: SPECIES[wildcards.species].get("extract", ""),
    log:
        "logs/extract-{species}.log",
    shell:
        "kanseq extract {input.genome} {input.annotation} --species {wildcards.species} {params.options} "
        "-o {output.genes} --excluded {output.excluded} > {log} 2>&1"


rule combine:
    input:
        expand("sets/{species}.parquet", species=SPECIES),
    output:
        "sets/all.parquet",
    log:
        "logs/combine.log",
    shell:
        "kanseq combine {input} -o {output} > {log} 2>&1"


rule homology:
    input:
        genes="sets/{species}.parquet",
        genome=given("genome"),
        annotation=given("annotation"),
    output:
        groups="homologs/{species}.groups.tsv",
        pairs="homologs/{species}.pairs.tsv",
        records=["homologs/{species}.groups.tsv.json", "homologs/{species}.pairs.tsv.json"],
    threads: 8
    log:
        "logs/homology-{species}.log",
    shell:
        "kanseq homology {input.genes} --genome {input.genome} --annotation {input.annotation} --threads {threads} "
        "-o {output.groups} --pairs {output.pairs} > {log} 2>&1"


rule homology_across:
    input:
        genes="sets/all.parquet",
        genomes=[place(each["genome"]) for each in SPECIES.values()],
        annotations=[place(each["annotation"]) for each in SPECIES.values()],
    output:
        groups="homologs/all.groups.tsv",
        pairs="homologs/all.pairs.tsv",
        records=["homologs/all.groups.tsv.json", "homologs/all.pairs.tsv.json"],
    params:
        files=" ".join(
            f"--genome {species}={place(each['genome'])} --annotation {species}={place(each['annotation'])}"
            for species, each in SPECIES.items()
        ),
    threads: 8
    log:
        "logs/homology-all.log",
    shell:
        "kanseq homology {input.genes} {params.files} --threads {threads} "
        "-o {output.groups} --pairs {output.pairs} > {log} 2>&1"


rule split:
    input:
        genes=SET,
        homologs=[HOMOLOGS] if REMOVES else [],
        score_only=lambda wildcards: place(SPECIES[wildcards.species].get("score_only", "")) or [],
    output:
        "splits/{species}.tsv",
    params:
        homologs=lambda wildcards, input: f"--homology {input.homologs} --similar" if REMOVES else "",
        score_only=lambda wildcards, input: f"--score-only {input.score_only}" if input.score_only else "",
        across=lambda wildcards: f"--test-species {wildcards.species}" if ACROSS else "",
        options=lambda wildcards: f"{config['split']} {SPECIES[wildcards.species].get('split', '')}",
    log:
        "logs/split-{species}.log",
    shell:
        "kanseq split {input.genes} {params.options} {params.across} {params.homologs} {params.score_only} "
        "-o {output} > {log} 2>&1"


# The pipeline stops here if a fold leaks. If homologs were left in on purpose, leaks are only counted.
rule leaks:
    input:
        genes=SET,
        splits="splits/{species}.tsv",
        homologs=[HOMOLOGS] if REMOVES else [],
    output:
        "leaks/{species}.json",
    params:
        homologs=lambda wildcards, input: f"--homology {input.homologs} --strict" if REMOVES else "",
    log:
        "logs/leaks-{species}.log",
    shell:
        "kanseq leaks {input.genes} --splits {input.splits} {params.homologs} -o {output} > {log} 2>&1"


# Within a species, thresholds come from each fold's training genes. Across species they come from the complete
# tables: no gene of the tested species is used for training, so its thresholds affect no label of a training gene.
rule label:
    input:
        table=given("expression"),
        genes=[SET] if ACROSS else [],
        splits=[] if ACROSS else ["splits/{species}.tsv"],
    output:
        "labels/{species}.tsv",
    params:
        among=lambda wildcards, input: f"--genes {input.genes} --quartiles all" if ACROSS else f"--splits {input.splits}",
        options=config["label"],
    log:
        "logs/label-{species}.log",
    shell:
        "kanseq label {input.table} --species {wildcards.species} {params.among} {params.options} -o {output} > {log} 2>&1"


# A killed training leaves its state in the run's folder, and the next attempt resumes there. So the folder is not an
# output, which Snakemake would delete; the output is a file that is written once all seeds are finished.
rule train:
    input:
        genes=SET,
        labels=expand("labels/{species}.tsv", species=SPECIES) if ACROSS else ["labels/{species}.tsv"],
        splits="splits/{species}.tsv",
    output:
        done=touch("runs/{model}/{species}.done"),
    params:
        labels=lambda wildcards, input: " ".join(f"--labels {table}" for table in input.labels),
        seeds=lambda wildcards: " ".join(map(str, MODELS[wildcards.model])),
        options=config["train"],
    threads: 2
    log:
        "logs/train-{model}-{species}.log",
    shell:
        "(for seed in {params.seeds}; do kanseq train {input.genes} {params.labels} --splits {input.splits} "
        "--model {wildcards.model} --seed $seed --no-baseline --threads {threads} {params.options} "
        "-o runs/{wildcards.model}/{wildcards.species}; done) > {log} 2>&1"


# With --join the chromosomes of all species are the folds of one model, and each counts once in the mean.
rule evaluate:
    input:
        expand("runs/{model}/{species}.done", model=MODELS, species=SPECIES),
    output:
        metrics="metrics.json",
        table="metrics.tsv",
        text="metrics.txt",
    params:
        runs=expand("runs/{model}/{species}", model=MODELS, species=SPECIES),
    log:
        "logs/evaluate.log",
    shell:
        "kanseq evaluate {params.runs} --join -o {output.metrics} --table {output.table} > {output.text} 2> {log}"


rule compare_with_paper:
    input:
        script=f"{PROTOCOLS}/compare_with_paper.py",
        paper=f"{PROTOCOLS}/paper_tables.tsv",
        metrics="metrics.json",
    output:
        table="compared_with_paper.tsv",
        text="compared_with_paper.txt",
    params:
        table=config.get("paper_table"),
    log:
        "logs/compare_with_paper.log",
    shell:
        "python {input.script} {input.metrics} --paper {input.paper} --table {params.table} -o {output.table} "
        "> {output.text} 2> {log}"
