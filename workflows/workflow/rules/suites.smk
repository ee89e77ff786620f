# Models on published collections of labelled sequences: one job per collection of the config, without the genomes of
# the sample sheet.


# The unfinished folder is next to the outputs, as for a training, and its name has a checksum of the options: a killed
# job resumes at the next attempt, and a job with other options starts anew.
rule suite:
    input:
        lambda wildcards: BENCHMARKS[wildcards.suite]["folder"],
    output:
        table=report(
            "results/benchmarks/{suite}/results.tsv",
            caption="../report/suite.rst",
            category="Benchmarks",
            labels={"benchmark": "{suite}"},
        ),
        text="results/benchmarks/{suite}/results.md",
        checks="results/benchmarks/{suite}/checks.tsv",
        runs=directory("results/benchmarks/{suite}/runs"),
    log:
        "logs/suite/{suite}.log",
    benchmark:
        "benchmarks/suite/{suite}.tsv"
    retries: config["retries"]
    conda:
        "../envs/kanseq.yaml"
    threads: need("suite", "threads")
    resources:
        mem_mb=need("suite", "mem_mb"),
        runtime=need("suite", "runtime"),
        gpu=need("suite", "gpu"),
        unfinished=config["unfinished"],
    params:
        collection=lambda wildcards: BENCHMARKS[wildcards.suite]["collection"],
        options=lambda wildcards: BENCHMARKS[wildcards.suite].get("options", ""),
        device=device(need("suite", "gpu")),
    shell:
        """
        unfinished="{resources.unfinished}/results/benchmarks/{wildcards.suite}.unfinished"
        suite="$unfinished.$(echo {params.collection} {params.options:q} | cksum | tr -c '0-9\\n' '-')"
        mkdir -p "$(dirname "$suite")"
        kanseq benchmark {params.collection} {input} {params.options} --jobs {threads} --threads 1 \
            --device {params.device} -o "$suite" > {log} 2>&1
        cp "$suite/results.tsv" {output.table}
        cp "$suite/results.md" {output.text}
        cp "$suite/checks.tsv" {output.checks}
        mv "$suite" {output.runs}
        rm -rf "$unfinished".*
        """
