"""Attributions of genes: by which models, averaged how, and equal for any batches and threads."""

from concurrent.futures import Executor, Future

import numpy as np
import pytest
import torch

from kanseq.attribution.methods import Method
from kanseq.attribution.paths import attribute_by_paths
from kanseq.attribution.references import References
from kanseq.attribution.run_models import _in_order
from kanseq.attribution.shares import MethodOptions
from kanseq.errors import NoRule, SeenGene
from kanseq.runs.trained_model import read_model
from kanseq.sequences.sequence_set import SequenceSet
from kanseq.verbs.explaining import explain as explanation
from kanseq.verbs.explaining.explain import explain
from kanseq.verbs.preparing.combine import combine
from tests.attribution.conftest import GEOMETRY


def by_hand(path, genes, rows, shuffles=5):
    """Explain rows by one model file, without :func:`explain`."""
    codes = genes.geometry.hide(genes.codes(np.array(rows)))
    names = [f"g{row}" for row in rows]
    return attribute_by_paths(
        read_model(path), codes, names, References(f"shuffle:{shuffles}", shuffles), MethodOptions()
    )


def test_each_gene_is_explained_by_the_fold_that_holds_it_out(make_run, genes):
    run = make_run()
    found = explain(run, genes, threads=1)
    assert (found.genes, found.tokens, found.models) == (6, 17, 2)
    assert list(found.table["id"]) == ["g0", "g1", "g2", "g3", "g4", "g5"]
    assert list(found.table["model"]) == ["2/seed-0"] * 3 + ["1/seed-0"] * 3
    for fold, rows in (("2", [0, 1, 2]), ("1", [3, 4, 5])):
        expected = by_hand(run / f"folds/{fold}/seed-0/model.safetensors", genes, rows)
        np.testing.assert_allclose(np.stack(found.table["attributions"][rows]), expected.values, rtol=1e-5, atol=1e-7)
        np.testing.assert_allclose(found.table["logit"][rows], expected.logit, rtol=1e-6)
        np.testing.assert_allclose(found.table["reference_logit"][rows], expected.reference_logit, rtol=1e-6)


def test_several_seeds_are_averaged(make_run, genes):
    run = make_run(seeds=(0, 1, 2))
    found = explain(run, genes, threads=1, reference="shuffle:2", gene=["g4"])
    files = [run / f"folds/1/seed-{seed}/model.safetensors" for seed in range(3)]
    each = [by_hand(path, genes, [4], shuffles=2) for path in files]
    assert found.table["model"][0] == "1/seed-0,1/seed-1,1/seed-2"
    mean = np.mean([one.values[0] for one in each], axis=0)
    np.testing.assert_allclose(found.table["attributions"][0], mean, rtol=1e-4, atol=1e-7)
    assert found.table["logit"][0] == pytest.approx(np.mean([one.logit[0] for one in each]))


def test_tokens_and_completeness_are_consistent_with_the_bases(make_run, genes):
    table = explain(make_run(), genes, threads=1).table
    for row in table.itertuples():
        values = np.array(row.attributions, dtype=np.float64)
        assert values.shape == (136,)
        assert (values[64:72] == 0).all()
        assert (values[40:43] == 0).all()
        assert (values[93:96] == 0).all()
        np.testing.assert_allclose(row.tokens, values.reshape(17, 8).sum(axis=1), atol=1e-6)
        assert row.sum == pytest.approx(row.logit - row.reference_logit, abs=1e-6)
        assert values.sum() == pytest.approx(row.sum, abs=1e-6)
        assert len(row.completeness_errors) == 5
        assert row.completeness_error == max(row.completeness_errors) < 1e-6


def test_double_precision_is_complete_up_to_rounding(make_run, genes, caplog):
    caplog.set_level("INFO", "kanseq")
    found = explain(make_run(name="kan-mixer"), genes, threads=1, precision="float64")
    assert found.precision == "float64"
    assert 0 < found.max_completeness_error < 1e-13
    assert found.max_completeness_error == found.table["completeness_error"].max()
    assert found.sum == pytest.approx(found.logit_difference, abs=1e-12)
    assert found.seconds > 0
    first = found.table.iloc[0]
    expected = f"g0: sum {first['sum']:+.6f}, logit - reference {first['sum']:+.6f}, completeness error"
    assert expected in caplog.text


def test_several_models_of_a_gene_are_averaged_with_their_spread(make_run, genes):
    run = make_run(name="kan-mixer")
    foreign = SequenceSet(genes.table.assign(chrom="9"), GEOMETRY, {"contigs": {"9": {"length": 2000, "md5": "x"}}})
    found = explain(run, foreign, threads=1, gene=["g0", "g4"]).table
    each = [
        explain(run / f"folds/{fold}/seed-0/model.safetensors", foreign, threads=1, gene=["g0", "g4"]).table
        for fold in "12"
    ]
    assert list(found["model"]) == ["1/seed-0,2/seed-0"] * 2
    for row in range(2):
        tokens = np.stack([one["tokens"][row] for one in each])
        np.testing.assert_allclose(found["tokens"][row], tokens.mean(0), atol=1e-6)
        np.testing.assert_allclose(found["token_spread"][row], tokens.std(0), atol=1e-6)
        logits = [one["logit"][row] for one in each]
        assert found["logit_spread"][row] == pytest.approx(np.std(logits), abs=1e-7)
        assert found["completeness_error"][row] == max(one["completeness_error"][row] for one in each)
    assert each[0]["token_spread"].isna().all()
    assert each[0]["logit_spread"].isna().all()


def test_some_genes_may_have_more_models_than_others(make_run, genes):
    run = make_run()
    both = combine([genes, SequenceSet(genes.table.assign(chrom="9"), GEOMETRY, {"contigs": {"9": {"length": 2000}}})],
                   species="known,new").set  # fmt: skip
    table = both.table.assign(species=both.table["species"].replace({"known": "."}))
    mixed = SequenceSet(table, GEOMETRY, {"contigs": {**genes.contigs, "9": {"length": 2000, "md5": "x"}}})
    found = explain(run, mixed, threads=1).table
    assert [names.count(",") for names in found["model"]] == [0] * 6 + [1] * 6
    assert list(found["token_spread"].isna()) == [True] * 6 + [False] * 6


@pytest.mark.parametrize("method", ["gradient", "integrated", "occlusion", "ism"])
def test_every_method_can_be_used(make_run, genes, tmp_path, method):
    found = explain(make_run(), genes, threads=1, method=method, reference="shuffle:2", steps=4, gene=["g0"])
    assert found.method == method
    assert np.abs(found.table["attributions"][0]).sum() > 0
    if method == "ism":
        assert (found.sum, found.logit_difference, found.max_completeness_error) == (None, None, None)
        assert found.table[["sum", "reference_logit", "completeness_error"]].isna().all(axis=None)
        assert len(found.table["completeness_errors"][0]) == 0
    else:
        assert found.max_completeness_error == found.table["completeness_error"][0] > 0


def test_results_do_not_depend_on_batches_or_on_the_other_genes(make_run, genes):
    run = make_run(name="mlp")
    whole = explain(run, genes, threads=1).table.set_index("id")
    one_by_one = explain(run, genes, threads=1, batch_size=1).table.set_index("id")
    few = explain(run, genes.select(np.array([5, 1])), threads=1).table.set_index("id")
    for name in whole.index:
        np.testing.assert_allclose(whole["attributions"][name], one_by_one["attributions"][name], rtol=1e-4, atol=1e-6)
    for name in ("g5", "g1"):
        np.testing.assert_allclose(whole["attributions"][name], few["attributions"][name], rtol=1e-4, atol=1e-6)


def test_any_number_of_threads_gives_the_same_bytes(make_run, gene_file, tmp_path):
    run = make_run(name="kan-mixer", seeds=(0, 1))
    for threads in (1, 2, 3):
        explain(run, gene_file, threads=threads, batch_size=1, output=tmp_path / f"{threads}.parquet")
        assert (tmp_path / f"{threads}.parquet").read_bytes() == (tmp_path / "1.parquet").read_bytes()


def test_an_error_in_a_thread_reaches_the_caller(make_run, genes, monkeypatch):
    def fail(*given):
        raise NoRule("it has no rule", hint="fix it")

    monkeypatch.setattr(explanation, "find_method", lambda name: Method(name, "", fail))
    before = torch.get_num_threads()
    with pytest.raises(NoRule, match="it has no rule"):
        explain(make_run(), genes, threads=2, batch_size=1)
    assert torch.get_num_threads() == before


def test_genes_are_selected_by_fold_list_and_held_out_only(make_run, genes, tmp_path):
    run = make_run()
    assert list(explain(run, genes, fold="1", threads=1).table["id"]) == ["g3", "g4", "g5"]
    (tmp_path / "list.txt").write_text("g5\ng0\n")
    assert list(explain(run, genes, gene_list=tmp_path / "list.txt", threads=1).table["id"]) == ["g0", "g5"]
    one = run / "folds/2/seed-0/model.safetensors"
    with pytest.raises(SeenGene):
        explain(one, genes, threads=1)
    assert list(explain(one, genes, held_out_only=True, threads=1).table["id"]) == ["g0", "g1", "g2"]
    assert explain(one, genes, allow_seen=True, threads=1).genes == 6


def test_layers_multiply_in_the_requested_precision(make_run, genes, monkeypatch):
    used = []

    def spy(model, *rest):
        used.append({layer.precision for layer in model.network.modules() if hasattr(layer, "precision")})
        used.append(next(model.network.parameters()).dtype)
        return attribute_by_paths(model, *rest)

    monkeypatch.setattr(explanation, "find_method", lambda name: Method(name, "", spy))
    run = make_run(folds=("1",), name="kan")
    for precision in ("auto", "float64"):
        explain(run, genes, fold="1", precision=precision, threads=1)
    assert used == [{"float32"}, torch.float32, {"float32"}, torch.float64]


def test_threads_share_one_copy_of_a_model(make_run, genes, monkeypatch):
    run, loaded = make_run(), []

    def load(path, device):
        loaded.append(path.parent.parent.name)
        return read_model(path, device)

    monkeypatch.setattr("kanseq.runs.scorer.read_model", load)
    before = torch.get_num_threads()
    tables = [explain(run, genes, batch_size=1, threads=threads).table for threads in (1, 3)]
    assert loaded == ["1", "2", "1", "2"]
    assert torch.get_num_threads() == before
    for column in ("attributions", "logit", "completeness_errors"):
        assert [list(np.ravel(one)) for one in tables[0][column]] == [list(np.ravel(one)) for one in tables[1][column]]


def test_batches_are_submitted_only_as_results_are_taken():
    submitted = []

    class Pool(Executor):
        def submit(self, work, batch):
            submitted.append(batch)
            done = Future()
            done.set_result(work(batch))
            return done

    results = _in_order(Pool(), lambda batch: 10 * batch, range(7), 3)
    assert [(next(results), len(submitted)) for _ in range(7)] == [
        (0, 3), (10, 4), (20, 5), (30, 6), (40, 7), (50, 7), (60, 7)
    ]  # fmt: skip
