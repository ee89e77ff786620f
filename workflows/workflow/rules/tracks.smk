# Attributions as tables and browser tracks, and pictures of the networks.


# Every gene is explained by the models that held it out, averaged over seeds. Across species, models are trained on the
# set of all species, but each species' own set is explained, so that tracks have the contig names of its genome.
rule explain:
    input:
        run="results/{design}/{condition}/runs/{model}/{species}",
        genes="results/sets/{species}.parquet",
    output:
        table="results/{design}/{condition}/attributions/{model}/{species}.parquet",
        bed="results/{design}/{condition}/attributions/{model}/{species}.bed.gz",
        index="results/{design}/{condition}/attributions/{model}/{species}.bed.gz.tbi",
        bedgraph="results/{design}/{condition}/attributions/{model}/{species}.bedgraph.gz",
        bedgraph_index="results/{design}/{condition}/attributions/{model}/{species}.bedgraph.gz.tbi",
        bigwig="results/{design}/{condition}/attributions/{model}/{species}.bw",
    log:
        "logs/explain/{design}/{condition}/{model}/{species}.log",
    benchmark:
        "benchmarks/explain/{design}/{condition}/{model}/{species}.tsv"
    conda:
        "../envs/kanseq.yaml"
    threads: need("explain", "threads")
    resources:
        mem_mb=need("explain", "mem_mb"),
        runtime=need("explain", "runtime"),
        gpu=need("explain", "gpu"),
    params:
        options=config["explain"]["options"],
        device=device(need("explain", "gpu")),
    shell:
        "kanseq explain {input.run} {input.genes} --held-out-only {params.options} "
        "--threads {threads} --device {params.device} -o {output.table} --bed {output.bed} "
        "--bedgraph {output.bedgraph} --bigwig {output.bigwig} > {log} 2>&1"


rule figures:
    input:
        run="results/{design}/{condition}/runs/{model}/{species}",
        genes=lambda wildcards: set_of(wildcards.design, wildcards.species),
        attributions="results/{design}/{condition}/attributions/{model}/{species}.parquet",
    output:
        report(
            directory("results/{design}/{condition}/figures/{model}/{species}"),
            patterns=["{name}.png"],
            caption="../report/figures.rst",
            category="Inside of the models",
            subcategory="{design}, {condition}",
            labels={"model": "{model}", "tested species": "{species}", "figure": "{name}"},
        ),
    log:
        "logs/figures/{design}/{condition}/{model}/{species}.log",
    benchmark:
        "benchmarks/figures/{design}/{condition}/{model}/{species}.tsv"
    conda:
        "../envs/kanseq.yaml"
    threads: need("explain", "threads")
    resources:
        mem_mb=need("explain", "mem_mb"),
        runtime=need("explain", "runtime"),
        gpu=need("explain", "gpu"),
    params:
        options=config["figures"]["options"],
        device=device(need("explain", "gpu")),
    shell:
        "kanseq figures {input.run} {input.genes} --attributions {input.attributions} {params.options} "
        "--threads {threads} --device {params.device} -o {output} > {log} 2>&1"
