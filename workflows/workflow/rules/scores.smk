# From predictions for held-out genes to one table of all models.


# Models are distinguished by their name in the config, even if two have the same architecture. So the input of evaluate
# is one table per model, with all tested species, folds and seeds.
rule predictions:
    input:
        lambda wildcards: expand(
            "results/{design}/{condition}/runs/{model}/{species}",
            design=wildcards.design,
            condition=wildcards.condition,
            model=wildcards.model,
            species=tested(wildcards.design, wildcards.condition),
        ),
    output:
        "results/{design}/{condition}/predictions/{model}.tsv",
    log:
        "logs/predictions/{design}/{condition}/{model}.log",
    benchmark:
        "benchmarks/predictions/{design}/{condition}/{model}.tsv"
    conda:
        "../envs/kanseq.yaml"
    threads: need("table", "threads")
    resources:
        mem_mb=need("table", "mem_mb"),
        runtime=need("table", "runtime"),
    params:
        # Chromosomes of several species may have the same names; across species the names of folds include the species.
        named=lambda wildcards: int(
            wildcards.design == SINGLE and len(tested(wildcards.design, wildcards.condition)) > 1
        ),
    shell:
        """
        exec 2> {log}
        for run in {input}; do
            for table in "$run"/folds/*/seed-*/predictions.tsv; do
                seed="$(basename "$(dirname "$table")")"
                awk -F '\\t' -v OFS='\\t' -v seed="${{seed#seed-}}" -v named={params.named} '
                    NR == 1 {{ for (i = 1; i <= NF; i++) at[$i] = i; print $0, "seed"; next }}
                    {{ if (named) $at["fold"] = $at["species"] ":" $at["fold"]; print $0, seed }}
                ' "$table"
            done
        done | awk 'NR == 1 {{ header = $0; print }} $0 != header' > {output}
        """


rule evaluate:
    input:
        expand("results/{{design}}/{{condition}}/predictions/{model}.tsv", model=MODELS),
    output:
        metrics="results/{design}/{condition}/metrics.json",
        table=report(
            "results/{design}/{condition}/metrics.tsv",
            caption="../report/metrics.rst",
            category="Scores",
            labels={"design": "{design}", "condition": "{condition}"},
        ),
        text="results/{design}/{condition}/metrics.txt",
    log:
        "logs/evaluate/{design}/{condition}.log",
    benchmark:
        "benchmarks/evaluate/{design}/{condition}.tsv"
    conda:
        "../envs/kanseq.yaml"
    threads: need("table", "threads")
    resources:
        mem_mb=need("table", "mem_mb"),
        runtime=need("table", "runtime"),
    params:
        options=config["evaluate"],
    shell:
        "kanseq evaluate {input} {params.options} -o {output.metrics} --table {output.table} > {output.text} 2> {log}"


rule comparison:
    input:
        tables=[f"results/{design}/{condition}/metrics.tsv" for design, condition in STUDIES],
        texts=[f"results/{design}/{condition}/metrics.txt" for design, condition in STUDIES],
    output:
        table="results/comparison.tsv",
        page=report("results/comparison.html", caption="../report/comparison.rst", category="Comparison"),
    log:
        "logs/comparison.log",
    benchmark:
        "benchmarks/comparison.tsv"
    conda:
        "../envs/kanseq.yaml"
    threads: need("table", "threads")
    resources:
        mem_mb=need("table", "mem_mb"),
        runtime=need("table", "runtime"),
    shell:
        """
        exec 2> {log}
        awk -F '\\t' -v OFS='\\t' '
            NR == 1 {{ print "design", "condition", $0 }}
            FNR > 1 {{ n = split(FILENAME, part, "/"); print part[n - 2], part[n - 1], $0 }}
        ' {input.tables} > {output.table}
        {{
            echo '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Comparison</title>'
            echo '<style>body{{font-family:sans-serif;margin:2em}}pre{{line-height:1.4}}</style></head><body>'
            for text in {input.texts}; do
                study="$(dirname "$text")"
                echo "<h2>$(basename "$(dirname "$study")"), $(basename "$study")</h2><pre>"
                sed 's/&/\\&amp;/g; s/</\\&lt;/g; s/>/\\&gt;/g' "$text"
                echo '</pre>'
            done
            echo '</body></html>'
        }} > {output.page}
        """
