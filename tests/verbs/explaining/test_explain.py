import errno
import json
from concurrent.futures import Executor, Future
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pyBigWig
import pytest
import torch

from kanseq.attribution.attribution_sums import read_attributions
from kanseq.attribution.methods import Method
from kanseq.attribution.paths import attribute_by_paths
from kanseq.attribution.references import References
from kanseq.attribution.run_models import _in_order
from kanseq.attribution.shares import MethodOptions
from kanseq.errors import (
    BadOption,
    BadTable,
    ModelMismatch,
    NoRule,
    NotComplete,
    NotWritable,
    SeenGene,
    TruncatedFile,
    UnknownGene,
)
from kanseq.geometry import Geometry
from kanseq.runs.trained_model import read_model, save_model
from kanseq.sequences.sequence_set import SequenceSet
from kanseq.verbs.explaining import explain as explanation
from kanseq.verbs.explaining.explain import explain
from kanseq.verbs.preparing.combine import combine
from tests.attribution.conftest import COMPLEMENT, GEOMETRY, build_model


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
        wanted = by_hand(run / f"folds/{fold}/seed-0/model.safetensors", genes, rows)
        np.testing.assert_allclose(np.stack(found.table["attributions"][rows]), wanted.values, rtol=1e-5, atol=1e-7)
        np.testing.assert_allclose(found.table["logit"][rows], wanted.logit, rtol=1e-6)
        np.testing.assert_allclose(found.table["reference_logit"][rows], wanted.reference_logit, rtol=1e-6)


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
    wanted = f"g0: sum {first['sum']:+.6f}, logit - reference {first['sum']:+.6f}, completeness error"
    assert wanted in caplog.text


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


def test_the_table_and_the_tracks_agree(make_run, gene_file, contigs, tmp_path):
    paths = {"output": "a.parquet", "bed": "a.bed.gz", "bedgraph": "a.bedgraph.gz", "bigwig": "a.bw"}
    paths = {kind: tmp_path / name for kind, name in paths.items()}
    found = explain(make_run(), gene_file, threads=1, **paths)
    assert found.table is None
    read = read_attributions(found.output)
    assert read.geometry == GEOMETRY
    assert {name: read.metadata[name] for name in ("method", "reference", "seed")} == {
        "method": "paths",
        "reference": "shuffle:5",
        "seed": 0,
    }
    assert read.metadata["inputs"]["genes"]["name"] == "genes.parquet"
    assert [model["fold"] for model in read.metadata["models"]] == ["1", "2"]
    rows = pd.read_csv(found.bed, sep="\t", header=None, dtype={0: str})
    assert len(rows) == found.rows == 6 * 16
    tokens = dict(zip(read.table["id"], read.table["tokens"], strict=True))
    # Columns 0 to 7 of g0 are [60, 68) on the genome, those of g3 on the minus strand [633, 641).
    for name, start in (("g0", 60), ("g3", 633)):
        row = rows[rows[3].str.startswith(f"{name}|") & (rows[1] == start)]
        assert list(row[8]) == ["202,0,32" if tokens[name][0] > 0 else "5,113,176"]
    for row in rows.itertuples(index=False):
        letters = row[3].split("|")[1]
        bases = contigs[row[0]][row[1] : row[2]]
        bases = (bases.translate(COMPLEMENT)[::-1] if row[5] == "-" else bases).decode()
        assert len(letters) == row[2] - row[1] == 8
        assert all(letter in ("N", base) for letter, base in zip(letters, bases, strict=True))
        assert letters.count("N") in (0, 3)
    with pyBigWig.open(str(found.bigwig)) as bigwig:
        assert list(bigwig.chroms()) == ["2", "1"]
        assert bigwig.values("2", 60, 61)[0] == pytest.approx(tokens["g0"][0], rel=1e-6)
    graph = pd.read_csv(found.bedgraph, sep="\t", header=None, dtype={0: str})
    assert list(graph[0]) == sorted(graph[0])
    assert graph[0].nunique() == 2


def test_hidden_columns_are_zero_in_the_table_and_missing_in_the_tracks(make_run, genes, tmp_path):
    # Only g3: columns 0 to 39 and 96 to 135 are flanks; it reads the minus strand of [537, 641) and [160, 264).
    run = make_run(geometry=replace(GEOMETRY, visible="flanks"))
    paths = {"output": "a.parquet", "bed": "a.bed.gz", "bedgraph": "a.bedgraph.gz", "bigwig": "a.bw"}
    found = explain(run, genes, threads=1, gene=["g3"], **{kind: tmp_path / name for kind, name in paths.items()})
    read = read_attributions(found.output)
    assert read.geometry.visible == "flanks"
    assert (read.table["attributions"][0][40:96] == 0).all()
    assert np.count_nonzero(read.table["attributions"][0]) > 70
    assert (read.table["tokens"][0][5:12] == 0).all()
    rows = pd.read_csv(found.bed, sep="\t", header=None, dtype={0: str})
    assert found.rows == len(rows) == 10
    # Flanks of the gene's 401 bases [200, 601): 40 bases on each side.
    assert (rows[1].min(), rows[2].max()) == (160, 641)
    assert not ((rows[2] > 200) & (rows[1] < 601)).any()
    assert not rows[3].str.contains("N").any()
    with pyBigWig.open(str(found.bigwig)) as bigwig:
        values = np.array(bigwig.values("1", 0, 700))
    assert np.flatnonzero(~np.isnan(values)).tolist() == [*range(160, 200), *range(601, 641)]


def test_outputs_are_reproducible_and_no_temporary_file_remains(make_run, gene_file, tmp_path):
    run = make_run()
    for name in ("x", "y"):
        (tmp_path / name).mkdir()
        outputs = {"output": "a.parquet", "bed": "a.bed.gz", "bedgraph": "a.bedgraph.gz", "bigwig": "a.bw"}
        explain(run, gene_file, threads=1, **{kind: tmp_path / name / file for kind, file in outputs.items()})
    names = sorted(path.name for path in (tmp_path / "x").iterdir())
    assert names == ["a.bed.gz", "a.bed.gz.tbi", "a.bedgraph.gz", "a.bedgraph.gz.tbi", "a.bw", "a.parquet"]
    for name in names:
        assert (tmp_path / "x" / name).read_bytes() == (tmp_path / "y" / name).read_bytes(), name


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


@pytest.mark.parametrize("wrong", [0.01, float("nan")])
def test_attributions_that_do_not_add_up_are_not_written(make_run, gene_file, tmp_path, monkeypatch, wrong):
    def spoilt(*given):
        found = attribute_by_paths(*given)
        found.errors[1, 3] = wrong
        return found

    monkeypatch.setattr(explanation, "find_method", lambda name: Method(name, "", spoilt))
    run = make_run()
    before = sorted(tmp_path.iterdir())
    with pytest.raises(NotComplete, match=r"gene 'g[14]' do not add up: the completeness error is .*--precision"):
        explain(run, gene_file, threads=1, output=tmp_path / "a.parquet", bed=tmp_path / "a.bed")
    assert sorted(tmp_path.iterdir()) == before


def test_plain_sequences_have_a_table_but_no_track(tmp_path):
    geometry = Geometry.plain(30)
    table = pd.DataFrame({"id": ["a", "b"], "species": ".", "length": [30, 28], "sequence": ["ACGTC" * 6, "AC" * 14]})
    sequences = SequenceSet(table, geometry)
    save_model(tmp_path / "model.safetensors", build_model("mlp", geometry, {}))
    found = explain(tmp_path / "model.safetensors", sequences, threads=1)
    assert [len(values) for values in found.table["attributions"]] == [30, 30]
    assert found.table["attributions"][1][28:].tolist() == [0, 0]
    with pytest.raises(BadOption, match="coordinates"):
        explain(tmp_path / "model.safetensors", sequences, bed=tmp_path / "a.bed.gz")


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"bed": "a.txt"}, BadOption, r"\.bed or \.bed\.gz"),
        ({"bigwig": "no/a.bw"}, NotWritable, "does not exist"),
        ({"gene": ["g9"]}, UnknownGene, "g9"),
        ({"method": "magic"}, BadOption, "gradient"),
        ({"precision": "bfloat16"}, BadOption, "float64"),
        ({"steps": 0}, BadOption, "at least 1"),
        ({"reference": "shuffle:0"}, BadOption, "shuffle:N"),
        ({"reference": "zeros"}, BadOption, "shuffle:N"),
        ({"combine": "median"}, BadOption, "max-abs"),
        ({"fold": "7"}, BadOption, "'7'"),
        ({"batch_size": 0}, BadOption, "at least 1"),
        ({"allow_seen": True, "held_out_only": True}, BadOption, "mutually exclusive"),
        ({"output": "-"}, BadOption, "cannot go to standard output"),
    ],
)
def test_bad_options_raise_one_line_and_leave_no_file(make_run, gene_file, tmp_path, options, error, words):
    run = make_run()
    before = sorted(tmp_path.iterdir())
    paths = {key: tmp_path / value for key, value in options.items() if key in ("bed", "bigwig")}
    with pytest.raises(error, match=words) as failure:
        explain(run, gene_file, **{"output": tmp_path / "a.parquet", "threads": 1, **options, **paths})
    assert "\n" not in str(failure.value)
    assert sorted(tmp_path.iterdir()) == before


def test_an_input_is_not_overwritten(make_run, gene_file):
    before = gene_file.read_bytes()
    with pytest.raises(BadOption, match="would overwrite an input"):
        explain(make_run(), gene_file, output=gene_file)
    assert gene_file.read_bytes() == before


def test_a_model_for_another_geometry_is_refused(gene_file, tmp_path):
    save_model(tmp_path / "other.safetensors", build_model("mlp", Geometry(upstream=16, downstream=8), {}))
    before = sorted(tmp_path.iterdir())
    with pytest.raises(ModelMismatch, match="16 upstream"):
        explain(tmp_path / "other.safetensors", gene_file, bed=tmp_path / "a.bed.gz", threads=1)
    assert sorted(tmp_path.iterdir()) == before


def test_a_model_without_gradient_is_refused_by_name(genes, gene_file, tmp_path):
    model = build_model("gc", GEOMETRY, {})
    codes = genes.codes()
    model.predictor.estimator.fit(codes, np.arange(len(codes)) % 2, groups=np.arange(len(codes)), seed=0)
    save_model(tmp_path / "gc.safetensors", model)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(BadOption, match=r"'gc' is not a network and has no gradient"):
        explain(tmp_path / "gc.safetensors", gene_file, bed=tmp_path / "a.bed.gz", output=tmp_path / "a.parquet")
    assert sorted(tmp_path.iterdir()) == before


def test_a_full_disk_raises_one_line_and_leaves_no_file(make_run, gene_file, tmp_path, monkeypatch):
    run = make_run()
    before = sorted(tmp_path.iterdir())

    def refuse(self, *arguments):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr("kanseq.verbs.explaining.explain.write_attributions", refuse)
    with pytest.raises(NotWritable, match="No space left"):
        explain(run, gene_file, output=tmp_path / "a.parquet", bed=tmp_path / "a.bed.gz", threads=1)
    assert sorted(tmp_path.iterdir()) == before


def test_other_parquet_files_are_refused(gene_file, tmp_path):
    with pytest.raises(BadTable, match="no attributions"):
        read_attributions(gene_file)
    (tmp_path / "cut.parquet").write_bytes(gene_file.read_bytes()[:500])
    with pytest.raises(TruncatedFile):
        read_attributions(tmp_path / "cut.parquet")


def test_metadata_is_a_json_text(make_run, gene_file, tmp_path):
    explain(make_run(), gene_file, output=tmp_path / "a.parquet", threads=1, gene=["g0"])
    metadata = pq.read_schema(tmp_path / "a.parquet").metadata
    described = json.loads(metadata[b"kanseq"])
    assert (described["kind"], described["format"]) == ("attributions", 2)
    assert list(described["contigs"]) == ["2", "1"]


def test_a_track_needs_genes_of_one_species(make_run, genes, tmp_path):
    others = SequenceSet(genes.table.assign(id=[f"o{row}" for row in range(6)]), GEOMETRY, {"contigs": {}})
    both = combine([others, genes], species="other,.").set
    run = make_run()
    with pytest.raises(BadOption, match=r"a track shows one genome, and these genes are from other, \.; use"):
        explain(run, both, bed=tmp_path / "a.bed")
    found = explain(run, both, bed=tmp_path / "a.bed", gene=["g0", "g4"], threads=1)
    assert found.rows == 2 * 16
    assert {line.split()[0] for line in (tmp_path / "a.bed").read_text().splitlines()} == {"1", "2"}


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
