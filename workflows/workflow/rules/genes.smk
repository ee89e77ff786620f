# From genomes and annotations to sets of genes and their homologs.


rule fetch:
    output:
        "resources/{species}/{file}",
    log:
        "logs/fetch/{species}/{file}.log",
    benchmark:
        "benchmarks/fetch/{species}/{file}.tsv"
    conda:
        "../envs/fetch.yaml"
    params:
        address=lambda wildcards: ADDRESSES[f"resources/{wildcards.species}/{wildcards.file}"],
    shell:
        "curl --fail --silent --show-error --location --retry 3 --output {output} {params.address:q} 2> {log}"


rule extract:
    input:
        genome=given("genome"),
        annotation=given("annotation"),
    output:
        genes="results/sets/{species}.parquet",
        excluded="results/sets/{species}.excluded.tsv",
    log:
        "logs/extract/{species}.log",
    benchmark:
        "benchmarks/extract/{species}.tsv"
    conda:
        "../envs/kanseq.yaml"
    threads: need("extract", "threads")
    resources:
        mem_mb=need("extract", "mem_mb"),
        runtime=need("extract", "runtime"),
    params:
        options=lambda wildcards: options_of("extract", wildcards.species),
    shell:
        "kanseq extract {input.genome} {input.annotation} --species {wildcards.species} {params.options} "
        "-o {output.genes} --excluded {output.excluded} > {log} 2>&1"


rule combine:
    input:
        expand("results/sets/{species}.parquet", species=SPECIES),
    output:
        "results/sets/all.parquet",
    log:
        "logs/combine.log",
    benchmark:
        "benchmarks/combine.tsv"
    conda:
        "../envs/kanseq.yaml"
    threads: need("extract", "threads")
    resources:
        mem_mb=need("extract", "mem_mb"),
        runtime=need("extract", "runtime"),
    shell:
        "kanseq combine {input} -o {output} > {log} 2>&1"


rule homology:
    input:
        genes="results/sets/{species}.parquet",
        genome=given("genome"),
        annotation=given("annotation"),
    output:
        groups="results/homologs/{species}.groups.tsv",
        pairs="results/homologs/{species}.pairs.tsv",
        records=["results/homologs/{species}.groups.tsv.json", "results/homologs/{species}.pairs.tsv.json"],
    log:
        "logs/homology/{species}.log",
    benchmark:
        "benchmarks/homology/{species}.tsv"
    conda:
        "../envs/kanseq.yaml"
    threads: need("homology", "threads")
    resources:
        mem_mb=need("homology", "mem_mb"),
        runtime=need("homology", "runtime"),
    params:
        options=config["homology_options"],
    shell:
        "kanseq homology {input.genes} --genome {input.genome} --annotation {input.annotation} {params.options} "
        "--threads {threads} -o {output.groups} --pairs {output.pairs} > {log} 2>&1"


rule homology_across:
    input:
        genes="results/sets/all.parquet",
        genomes=[place(species, row["genome"]) for species, row in SPECIES.items()],
        annotations=[place(species, row["annotation"]) for species, row in SPECIES.items()],
    output:
        groups="results/homologs/all.groups.tsv",
        pairs="results/homologs/all.pairs.tsv",
        records=["results/homologs/all.groups.tsv.json", "results/homologs/all.pairs.tsv.json"],
    log:
        "logs/homology/all.log",
    benchmark:
        "benchmarks/homology/all.tsv"
    conda:
        "../envs/kanseq.yaml"
    threads: need("homology", "threads")
    resources:
        mem_mb=need("homology", "mem_mb"),
        runtime=need("homology", "runtime"),
    params:
        files=lambda wildcards, input: " ".join(
            f"--genome {species}={genome} --annotation {species}={annotation}"
            for species, genome, annotation in zip(SPECIES, input.genomes, input.annotations)
        ),
        options=config["homology_options"],
    shell:
        "kanseq homology {input.genes} {params.files} {params.options} --threads {threads} "
        "-o {output.groups} --pairs {output.pairs} > {log} 2>&1"
