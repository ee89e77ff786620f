// Train one fold with one seed if meta holds fold and seed; otherwise all folds. An unfinished run is kept in
// params.kanseq_unfinished if that is set, so that a killed job resumes when it is retried.
process KANSEQ_TRAIN {
    tag "${meta.id}"
    label 'process_medium'

    conda "${moduleDir}/environment.yml"
    container params.kanseq_container

    input:
    tuple val(meta), path(genes), path(splits), path(labels)

    output:
    tuple val(meta), path("${prefix}")                            , emit: run
    tuple val(meta), path("${prefix}/folds/*/*/model.safetensors"), emit: models
    tuple val(meta), path("${prefix}/folds/*/*/predictions.tsv")  , emit: predictions
    path "versions.yml"                                           , emit: versions

    when:
    task.ext.when == null || task.ext.when

    script:
    def args = task.ext.args ?: ''
    prefix = task.ext.prefix ?: "${meta.id}"
    def tables = (labels instanceof List ? labels : [labels]).collect { table -> "--labels ${table}" }.join(' ')
    def model = meta.model ?: 'kan-words'
    def device = task.accelerator ? 'cuda' : 'cpu'
    def unfinished = params.kanseq_unfinished ? "${params.kanseq_unfinished}/${prefix}" : "${prefix}.unfinished"
    """
    mkdir -p "\$(dirname ${unfinished})"
    kanseq train \\
        ${genes} \\
        --splits ${splits} \\
        ${tables} \\
        --model ${model} \\
        --holdout ${meta.fold ?: 'all'} \\
        --seed ${meta.seed ?: 0} \\
        --threads ${task.cpus} \\
        --device ${device} \\
        ${args} \\
        -o ${unfinished}
    mv ${unfinished} ${prefix}

    cat <<-END_VERSIONS > versions.yml
    "${task.process}":
        kanseq: \$(kanseq --version | sed 's/^kanseq //')
        pytorch: \$(kanseq inspect --json ${prefix} | python3 -c 'import json, sys; print(json.load(sys.stdin)["fields"]["versions"]["torch"])')
    END_VERSIONS
    """

    stub:
    prefix = task.ext.prefix ?: "${meta.id}"
    """
    mkdir -p ${prefix}/folds/${meta.fold ?: 1}/seed-${meta.seed ?: 0}
    touch ${prefix}/run.json
    touch ${prefix}/folds/${meta.fold ?: 1}/seed-${meta.seed ?: 0}/model.safetensors
    touch ${prefix}/folds/${meta.fold ?: 1}/seed-${meta.seed ?: 0}/predictions.tsv

    cat <<-END_VERSIONS > versions.yml
    "${task.process}":
        kanseq: \$(kanseq --version | sed 's/^kanseq //')
    END_VERSIONS
    """
}
