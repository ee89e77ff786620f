import shutil

import numpy as np
import pandas as pd
import pytest

from kanseq.errors import BadOption, MissingFile, ModelMismatch, SeenGene
from kanseq.geometry import Geometry
from kanseq.runs.held_out import model_files
from kanseq.runs.scorer import Models
from kanseq.sequences.sequence_set import SequenceSet
from kanseq.verbs.modelling.train import train
from kanseq.verbs.preparing.combine import combine
from kanseq.verbs.splitting.split import split


@pytest.fixture
def run(genes, labels, splits, tmp_path):
    train(genes, labels=labels, splits=splits, output=tmp_path / "run", model="gc")
    return tmp_path / "run"


def assign(model, genes, fold=None, **options):
    return Models.open(model, fold=fold).assign(genes, **options)


def assign_models(model, genes, **options):
    return assign(model, genes, **options).scorers


def shown(scorers):
    return {(scorer.fold, scorer.seed): scorer.rows.tolist() for scorer in scorers}


def test_each_gene_is_scored_by_the_fold_that_holds_it_out(run, genes):
    thirds = {("1", 0): list(range(16)), ("2", 0): list(range(16, 32)), ("3", 0): list(range(32, 48))}
    assert shown(assign_models(run, genes)) == thirds
    assert assign(run, genes).roles.tolist() == ["test"] * 48


def test_all_seeds_of_a_fold_score_its_genes(run, genes, labels, splits):
    train(genes, labels=labels, splits=splits, output=run, model="gc", holdout="1", seed=3)
    scorers = shown(assign_models(run, genes.select(np.arange(4))))
    assert scorers == {("1", 0): [0, 1, 2, 3], ("1", 3): [0, 1, 2, 3]}


def test_genes_of_another_genome_are_scored_by_every_fold(run, other_genes):
    everything = list(range(24))
    scorers = shown(assign_models(run, other_genes))
    assert scorers == {("1", 0): everything, ("2", 0): everything, ("3", 0): everything}


def test_known_gene_names_on_another_genome_cause_a_warning(run, other_genes, caplog):
    assign_models(run, other_genes)
    assert "24 genes are on contigs that are not in the run's set but have names of genes in it" in caplog.text


def test_the_genome_is_recognised_by_its_sequence_not_by_contig_names(run, genes):
    genes.table["chrom"] = "chr" + genes.table["chrom"]
    genes.metadata = {"contigs": {f"chr{name}": contig for name, contig in genes.contigs.items()}}
    assert assign(run, genes).roles.tolist() == ["test"] * 48


def test_genes_that_every_model_was_trained_on_are_rejected_left_out_or_allowed(run, genes):
    shutil.rmtree(run / "folds/2")
    with pytest.raises(SeenGene, match=r"16 of 48 genes .*gene16, gene17, gene18, … \(16\).*--allow-seen"):
        assign_models(run, genes)
    scorers, roles = assign(run, genes, held_out_only=True)
    assert set(shown(scorers)) == {("1", 0), ("3", 0)}
    assert roles.tolist() == ["test"] * 16 + [""] * 16 + ["test"] * 16
    scorers, roles = assign(run, genes, allow_seen=True)
    assert shown(scorers) == {("1", 0): list(range(32)), ("3", 0): list(range(16, 48))}
    assert roles.tolist() == ["test"] * 16 + ["seen"] * 16 + ["test"] * 16


def test_one_fold_scores_only_what_it_holds_out(run, genes, other_genes):
    assert shown(assign_models(run, genes, fold="3")) == {("3", 0): list(range(32, 48))}
    assert shown(assign_models(run, other_genes, fold="3")) == {("3", 0): list(range(24))}
    with pytest.raises(BadOption, match=r"no finished fold '9'.*1, 2, 3"):
        assign_models(run, genes, fold="9")


def test_a_model_file_without_held_out_txt_holds_out_no_gene(run, genes, tmp_path):
    file = run / "folds/1/seed-0/model.safetensors"
    assert shown(assign_models(file, genes, held_out_only=True)) == {("1", 0): list(range(16))}
    shutil.copy(file, tmp_path / "alone.safetensors")
    with pytest.raises(SeenGene, match="48 of 48"):
        assign_models(tmp_path / "alone.safetensors", genes)
    with pytest.raises(SeenGene, match="no model holds out any gene"):
        assign_models(tmp_path / "alone.safetensors", genes, held_out_only=True)


def test_sequences_without_coordinates_are_recognised_by_their_letters(tmp_path, splits):
    random = np.random.default_rng(2)
    sequences = ["".join(random.choice(list("ACGT"), 30)) for _ in range(48)]
    table = pd.DataFrame({"id": [f"gene{row:02d}" for row in range(48)], "species": ".", "length": 30})
    table = table.assign(sequence=sequences, label=["low", "high"] * 24)
    plain = SequenceSet(table, Geometry.plain(30))
    train(plain, splits=splits, output=tmp_path / "plain", model="gc")
    assert assign(tmp_path / "plain", plain).roles.tolist() == ["test"] * 48
    renamed = plain.select(np.arange(3))
    renamed.table["id"] = ["x", "y", "z"]
    with pytest.raises(SeenGene, match="3 of 3"):
        assign_models(tmp_path / "plain", renamed)
    new = plain.select(np.arange(3))
    new.table["sequence"] = [text[::-1] for text in new.table["sequence"]]
    assert assign(tmp_path / "plain", new).roles.tolist() == ["new"] * 3


def test_folders_without_a_finished_fold_and_missing_folders_are_errors(run, tmp_path):
    assert [file.parent.parent.name for file in model_files(run)] == ["1", "2", "3"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelMismatch, match="no finished fold"):
        model_files(tmp_path / "empty")
    with pytest.raises(MissingFile, match="no such run"):
        model_files(tmp_path / "none")


def test_a_set_of_another_geometry_is_rejected(run, genes):
    genes.geometry = Geometry(upstream=20, downstream=24, pad=8)
    with pytest.raises(ModelMismatch, match=r"seed-0/model.safetensors: the model was made for"):
        assign_models(run, genes)


def test_contigs_of_two_species_with_the_same_name_are_told_apart_by_sequence(run, genes, other_genes):
    # Contig 1 of the other genome comes first, and must not be taken for the contig 1 that the run knows.
    genes.table["species"] = "."
    both = combine([other_genes, genes], species="other,.").set
    assert assign(run, both).roles.tolist() == ["new"] * 24 + ["test"] * 48


def test_a_run_of_two_species_knows_the_genes_of_both(genes, other_genes, tmp_path, labels):
    both = combine([genes, other_genes], species="A,B").set
    splits = split(both, min_genes=1, folds="A.1").table
    labels = pd.concat([labels.assign(species="A"), labels[:24].assign(species="B")])
    train(both, labels=labels, splits=splits, output=tmp_path / "both", model="gc")
    named = other_genes.table.assign(species="B")
    with pytest.raises(SeenGene, match="24 of 24 genes were used to train all models"):
        assign_models(tmp_path / "both", SequenceSet(named, genes.geometry, other_genes.metadata))
