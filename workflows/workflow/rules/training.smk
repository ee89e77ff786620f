# One training per model, tested species, fold and seed, and one run with all trainings of a model. If a model has a
# `search` in the config, the hyper-parameters of each fold are searched first.


# Several jobs search in one folder. Like an unfinished run it is not an output, so any of the jobs may be killed.
rule tune:
    input:
        genes=lambda wildcards: set_of(wildcards.design, wildcards.species),
        splits="results/splits/{design}/{species}.tsv",
        labels=labels_of_study,
        leaks="results/leaks/{design}/{species}.json",
    output:
        temp("results/{design}/{condition}/tuning/{model}/{species}/{fold}/worker-{worker}.json"),
    log:
        "logs/tune/{design}/{condition}/{model}/{species}/{fold}.worker-{worker}.log",
    benchmark:
        "benchmarks/tune/{design}/{condition}/{model}/{species}/{fold}.worker-{worker}.tsv"
    retries: config["retries"]
    conda:
        "../envs/kanseq.yaml"
    threads: train_need("threads")
    resources:
        mem_mb=train_need("mem_mb"),
        runtime=train_need("runtime"),
        gpu=train_need("gpu"),
        unfinished=config["unfinished"],
    params:
        options=search_options,
        device=lambda wildcards: device(train_need("gpu")(wildcards)),
    shell:
        """
        unfinished="{resources.unfinished}/$(dirname {output}).unfinished"
        search="$unfinished.$(echo {params.options:q} | cat - {input.genes} {input.splits} {input.labels} | cksum | tr -c '0-9\\n' '-')"
        mkdir -p "$(dirname "$search")"
        kanseq tune {input.genes} --splits {input.splits} {params.options} --threads {threads} \
            --device {params.device} --json -o "$search" > {output} 2> {log}
        """


# The search is complete: the same command adds no trial and writes the summary. Its results and journal become outputs.
rule tuned:
    input:
        genes=lambda wildcards: set_of(wildcards.design, wildcards.species),
        splits="results/splits/{design}/{species}.tsv",
        labels=labels_of_study,
        workers=workers,
    output:
        best="results/{design}/{condition}/tuning/{model}/{species}/{fold}/best.yaml",
        trials="results/{design}/{condition}/tuning/{model}/{species}/{fold}/trials.tsv",
        journal="results/{design}/{condition}/tuning/{model}/{species}/{fold}/journal.log",
    log:
        "logs/tuned/{design}/{condition}/{model}/{species}/{fold}.log",
    benchmark:
        "benchmarks/tuned/{design}/{condition}/{model}/{species}/{fold}.tsv"
    retries: config["retries"]
    conda:
        "../envs/kanseq.yaml"
    threads: train_need("threads")
    resources:
        mem_mb=train_need("mem_mb"),
        runtime=train_need("runtime"),
        gpu=train_need("gpu"),
        unfinished=config["unfinished"],
    params:
        options=search_options,
        device=lambda wildcards: device(train_need("gpu")(wildcards)),
    shell:
        """
        unfinished="{resources.unfinished}/$(dirname {output.best}).unfinished"
        search="$unfinished.$(echo {params.options:q} | cat - {input.genes} {input.splits} {input.labels} | cksum | tr -c '0-9\\n' '-')"
        mkdir -p "$(dirname "$search")"
        kanseq tune {input.genes} --splits {input.splits} {params.options} --threads {threads} \
            --device {params.device} -o "$search" > {log} 2>&1
        cp "$search/best.yaml" {output.best}
        cp "$search/trials.tsv" {output.trials}
        # With --storage a database keeps the trials.
        cp "$search/journal.log" {output.journal} || : > {output.journal}
        rm -rf "$unfinished".*
        """



# Two jobs must not write into one run, so each job has a separate run. It is next to the outputs: Snakemake deletes the
# outputs of a killed job, but the next attempt resumes from the run's state. Its name holds a checksum of inputs and
# options, so that a training with others never finds an old state.
rule train:
    input:
        genes=lambda wildcards: set_of(wildcards.design, wildcards.species),
        splits="results/splits/{design}/{species}.tsv",
        labels=labels_of_study,
        leaks="results/leaks/{design}/{species}.json",
        best=lambda wildcards: [f"{tuning(wildcards)}/best.yaml"] if "search" in MODELS[wildcards.model] else [],
    output:
        model="results/{design}/{condition}/trainings/{model}/{species}/{fold}/seed-{seed}/model.safetensors",
        predictions="results/{design}/{condition}/trainings/{model}/{species}/{fold}/seed-{seed}/predictions.tsv",
        held_out="results/{design}/{condition}/trainings/{model}/{species}/{fold}/seed-{seed}/held_out.txt",
        done="results/{design}/{condition}/trainings/{model}/{species}/{fold}/seed-{seed}/done.json",
        run="results/{design}/{condition}/trainings/{model}/{species}/{fold}/seed-{seed}/run.json",
    log:
        "logs/train/{design}/{condition}/{model}/{species}/{fold}.seed-{seed}.log",
    benchmark:
        "benchmarks/train/{design}/{condition}/{model}/{species}/{fold}.seed-{seed}.tsv"
    retries: config["retries"]
    conda:
        "../envs/kanseq.yaml"
    threads: train_need("threads")
    resources:
        mem_mb=train_need("mem_mb"),
        runtime=train_need("runtime"),
        gpu=train_need("gpu"),
        # A resource, not a parameter: another folder changes no result, so it must not cause new trainings.
        unfinished=config["unfinished"],
    params:
        labels=lambda wildcards, input: " ".join(f"--labels {table}" for table in input.labels),
        model=lambda wildcards: MODELS[wildcards.model].get("model", wildcards.model),
        options=train_options,
        device=lambda wildcards: device(train_need("gpu")(wildcards)),
        best=lambda wildcards, input: f"--config {input.best}" if input.best else "",
    shell:
        """
        unfinished="{resources.unfinished}/$(dirname {output.model}).unfinished"
        run="$unfinished.$(echo {params.model} {params.options:q} | cat - {input} | cksum | tr -c '0-9\\n' '-')"
        mkdir -p "$(dirname "$run")"
        kanseq train {input.genes} --splits {input.splits} {params.labels} --model {params.model} \
            --holdout {wildcards.fold} --seed {wildcards.seed} --no-baseline {params.best} {params.options} \
            --threads {threads} --device {params.device} -o "$run" > {log} 2>&1
        fold="$run/folds/{wildcards.fold}/seed-{wildcards.seed}"
        mv "$fold/model.safetensors" {output.model}
        mv "$fold/predictions.tsv" {output.predictions}
        mv "$fold/held_out.txt" {output.held_out}
        mv "$fold/done.json" {output.done}
        # A run without its run.json would be refused, should this job be killed right here.
        cp "$run/run.json" {output.run}
        rm -rf "$unfinished".*
        """


# A run like that of kanseq train, with only finished folds and seeds, for explain, figures, predict and inspect.
# Hard links take no disk space; files are copied if links are not possible.
rule collect:
    input:
        done=trained("done.json"),
        model=trained("model.safetensors"),
        predictions=trained("predictions.tsv"),
        held_out=trained("held_out.txt"),
        run=trained("run.json"),
    output:
        directory("results/{design}/{condition}/runs/{model}/{species}"),
    log:
        "logs/collect/{design}/{condition}/{model}/{species}.log",
    benchmark:
        "benchmarks/collect/{design}/{condition}/{model}/{species}.tsv"
    conda:
        "../envs/kanseq.yaml"
    threads: need("table", "threads")
    resources:
        mem_mb=need("table", "mem_mb"),
        runtime=need("table", "runtime"),
    shell:
        """
        exec 2> {log}
        for done in {input.done}; do
            from="$(dirname "$done")"
            to="{output}/folds/$(basename "$(dirname "$from")")/$(basename "$from")"
            mkdir -p "$to"
            for file in model.safetensors predictions.tsv held_out.txt done.json; do
                ln "$from/$file" "$to/$file" || cp "$from/$file" "$to/$file"
            done
            cp "$from/run.json" {output}/run.json
        done
        """
