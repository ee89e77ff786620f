#!/usr/bin/env bash
# The commands of the README on a simulated genome: examples/walk.sh [FOLDER]   (kanseq must be on the PATH)
set -euo pipefail
folder=${1:-walk}
mkdir -p "$folder"
cd "$folder"

kanseq simulate -o sim --genes 1000
kanseq extract sim/genome.fa.gz sim/genes.gtf.gz -o genes.parquet --excluded excluded.tsv
kanseq homology genes.parquet --genome sim/genome.fa.gz --annotation sim/genes.gtf.gz -o homologs.tsv
kanseq split genes.parquet --by chromosome --homology homologs.tsv --similar -o splits.tsv
kanseq leaks genes.parquet --splits splits.tsv --homology homologs.tsv --strict
kanseq label sim/tpm.csv --splits splits.tsv -o labels.tsv
kanseq train genes.parquet --labels labels.tsv --splits splits.tsv --holdout all -o run
kanseq evaluate run -o metrics.json
kanseq explain run genes.parquet -o attributions.parquet --bed attribution.bed.gz --bedgraph attribution.bedgraph.gz \
  --bigwig attribution.bw --genome sim/genome.fa.gz --annotation sim/genes.gtf.gz --igv-session session.xml --jbrowse jbrowse
gene=$(awk -F'\t' 'NR == 2 {print $2}' labels.tsv)
kanseq explain run genes.parquet --gene "$gene" --png "$gene.png" --annotation sim/genes.gtf.gz
kanseq figures run genes.parquet --attributions attributions.parquet -o figures

# Another simulated genome, scored by the mean over all folds.
kanseq simulate -o other --genes 200 --seed 1
kanseq extract other/genome.fa.gz other/genes.gtf.gz -o other_genes.parquet
kanseq predict run other_genes.parquet -o predictions.tsv
kanseq inspect run
