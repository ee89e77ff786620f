// One species from FASTA to tracks with the three modules, with one training per fold and seed:
//   nextflow run examples/nextflow --genome g.fa.gz --annotation g.gtf.gz --expression tpm.csv --folds IV,VII,XII,XV
include { KANSEQ_EXTRACT } from './modules/local/kanseq/extract/main'
include { KANSEQ_TRAIN   } from './modules/local/kanseq/train/main'
include { KANSEQ_EXPLAIN } from './modules/local/kanseq/explain/main'

// Folds and labels have no module: each is one command.
process FOLDS {
    input:
    tuple val(meta), path(genes), path(expression)

    output:
    tuple val(meta), path(genes), path("splits.tsv"), path("labels.tsv"), emit: tables

    script:
    """
    kanseq split ${genes} --by chromosome --folds ${params.folds} -o splits.tsv
    kanseq label ${expression} --splits splits.tsv -o labels.tsv
    """
}

workflow {
    KANSEQ_EXTRACT([[id: params.id], file(params.genome), file(params.annotation)])
    FOLDS(KANSEQ_EXTRACT.out.genes.map { meta, genes -> [meta, genes, file(params.expression)] })

    seeds = params.seeds.toString().tokenize(',').collect { seed -> seed.toInteger() }
    jobs = FOLDS.out.tables
        .combine(channel.fromList(params.folds.toString().tokenize(',')))
        .combine(channel.fromList(seeds))
        .map { meta, genes, splits, labels, fold, seed ->
            def of_job = [id: "${meta.id}.${fold}.${seed}", model: params.model, fold: fold, seed: seed]
            [of_job, genes, splits, labels]
        }
    KANSEQ_TRAIN(jobs)

    // Each run explains the genes that its fold held out.
    KANSEQ_EXPLAIN(KANSEQ_TRAIN.out.run.combine(KANSEQ_EXTRACT.out.genes.map { _meta, genes -> genes }))
}
