process KANSEQ_EXPLAIN {
    tag "${meta.id}"
    label 'process_medium'

    conda "${moduleDir}/environment.yml"
    container params.kanseq_container

    input:
    tuple val(meta), path(run), path(genes)

    output:
    tuple val(meta), path("*.parquet")                              , emit: attributions
    tuple val(meta), path("*.bed.gz"), path("*.bed.gz.tbi")         , emit: bed
    tuple val(meta), path("*.bedgraph.gz"), path("*.bedgraph.gz.tbi"), emit: bedgraph
    tuple val(meta), path("*.bw")                                   , emit: bigwig
    path "versions.yml"                                             , emit: versions

    when:
    task.ext.when == null || task.ext.when

    script:
    def args = task.ext.args ?: '--held-out-only'
    def prefix = task.ext.prefix ?: "${meta.id}.attributions"
    def device = task.accelerator ? 'cuda' : 'cpu'
    """
    kanseq explain \\
        ${run} \\
        ${genes} \\
        ${args} \\
        --threads ${task.cpus} \\
        --device ${device} \\
        -o ${prefix}.parquet \\
        --bed ${prefix}.bed.gz \\
        --bedgraph ${prefix}.bedgraph.gz \\
        --bigwig ${prefix}.bw

    cat <<-END_VERSIONS > versions.yml
    "${task.process}":
        kanseq: \$(kanseq --version | sed 's/^kanseq //')
    END_VERSIONS
    """

    stub:
    def prefix = task.ext.prefix ?: "${meta.id}.attributions"
    """
    touch ${prefix}.parquet ${prefix}.bed.gz ${prefix}.bed.gz.tbi
    touch ${prefix}.bedgraph.gz ${prefix}.bedgraph.gz.tbi ${prefix}.bw

    cat <<-END_VERSIONS > versions.yml
    "${task.process}":
        kanseq: \$(kanseq --version | sed 's/^kanseq //')
    END_VERSIONS
    """
}
