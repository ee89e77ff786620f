process KANSEQ_EXTRACT {
    tag "${meta.id}"
    label 'process_single'

    conda "${moduleDir}/environment.yml"
    container params.kanseq_container

    input:
    tuple val(meta), path(genome), path(annotation)

    output:
    tuple val(meta), path("*.parquet")     , emit: genes
    tuple val(meta), path("*.excluded.tsv"), emit: excluded
    path "versions.yml"                    , emit: versions

    when:
    task.ext.when == null || task.ext.when

    script:
    def args = task.ext.args ?: ''
    def prefix = task.ext.prefix ?: "${meta.id}"
    def species = meta.species ? "--species ${meta.species}" : ''
    """
    kanseq extract \\
        ${genome} \\
        ${annotation} \\
        ${species} \\
        ${args} \\
        -o ${prefix}.parquet \\
        --excluded ${prefix}.excluded.tsv

    cat <<-END_VERSIONS > versions.yml
    "${task.process}":
        kanseq: \$(kanseq --version | sed 's/^kanseq //')
    END_VERSIONS
    """

    stub:
    def prefix = task.ext.prefix ?: "${meta.id}"
    """
    touch ${prefix}.parquet
    touch ${prefix}.excluded.tsv

    cat <<-END_VERSIONS > versions.yml
    "${task.process}":
        kanseq: \$(kanseq --version | sed 's/^kanseq //')
    END_VERSIONS
    """
}
