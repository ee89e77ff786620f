import numpy as np
import pytest

from kanseq.errors import MissingFile, ModelMismatch
from kanseq.runs.prediction_tables import write_held_out
from kanseq.runs.scorer import NEW, Models
from kanseq.runs.trained_model import read_model, save_model
from kanseq.verbs.modelling.predict import predict
from tests.attribution.conftest import build_model


@pytest.fixture
def run(genes, tmp_path):
    """Three untrained networks; each holds out a contig."""
    for fold in "123":
        folder = tmp_path / "run/folds" / fold / "seed-0"
        folder.mkdir(parents=True)
        model = build_model("mlp", genes.geometry, genes.contigs, fold, int(fold))
        save_model(folder / "model.safetensors", model)
        held_out = genes.table[genes.table["chrom"] == fold]
        write_held_out(folder / "held_out.txt", list(zip(held_out["species"], held_out["id"], strict=True)))
        (folder / "done.json").write_text("{}")
    return tmp_path / "run"


def test_copies_of_a_gene_are_scored_by_the_models_that_may_score_it(run, genes):
    models = Models.open(run)
    copies = genes.codes(np.array([40, 3, 3, 20]))[:, ::-1].copy()
    assignment = models.assign_copies(np.array([40, 3, 3, NEW]), models.assign(genes))
    assert [(one.fold, one.rows.tolist()) for one in assignment.scorers] == [
        ("1", [1, 2, 3]),
        ("2", [3]),
        ("3", [0, 3]),
    ]
    assert assignment.roles.tolist() == ["test", "test", "test", "new"]
    logits = models.score(copies, assignment)
    each = [read_model(run / f"folds/{fold}/seed-0/model.safetensors").logits(copies) for fold in "123"]
    expected = np.where([[0, 1, 1, 1], [0, 0, 0, 1], [1, 0, 0, 1]], each, np.nan)
    np.testing.assert_allclose(logits.values, expected, atol=1e-6)
    np.testing.assert_allclose(logits.mean().logit, np.nanmean(expected, axis=0), atol=1e-6)
    last = logits.select(np.array([0, 3]))
    assert [one.rows.tolist() for one in last.scorers] == [[1], [1], [0, 1]]
    np.testing.assert_array_equal(last.values, logits.values[:, [0, 3]])


def test_copies_of_genes_that_no_model_may_score_get_no_logit(run, genes):
    models = Models.open(run, fold="3")
    assignment = models.assign_copies(np.array([40, 3]), models.assign(genes))
    assert assignment.roles.tolist() == ["test", ""]
    logits = models.score(genes.codes(np.array([40, 3])), assignment)
    assert logits.scored.tolist() == [[True, False]]
    assert logits.rows.tolist() == [0]


def test_an_array_without_known_genes_is_scored_by_all_models(run, other_genes):
    logits = Models.open(run).score(other_genes.codes())
    assert set(logits.roles) == {"new"}
    table = predict(run, other_genes).table
    assert logits.mean().logit.tolist() == table["logit"].tolist()
    assert logits.mean().probability.tolist() == table["probability"].tolist()


def test_kept_models_are_read_once(run, genes, other_genes):
    codes = other_genes.codes()
    kept, read = Models.open(run, keep=True), Models.open(run)
    first = kept.score(codes[:5])
    read.score(codes[:5])
    (run / "folds/2/seed-0/model.safetensors").unlink()
    np.testing.assert_allclose(kept.score(codes).values[:, :5], first.values, atol=1e-6)
    with pytest.raises(MissingFile, match="folds/2"):
        read.score(codes)


def test_sequences_of_another_width_are_refused(run, genes):
    models = Models.open(run)
    with pytest.raises(ModelMismatch, match=r"the models read 136 columns, but the codes have the shape \(2, 100\)"):
        models.score(np.zeros((2, 100), dtype=np.uint8))
    with pytest.raises(ValueError, match="need the assignment"):
        models.assign_copies(np.array([3]))
