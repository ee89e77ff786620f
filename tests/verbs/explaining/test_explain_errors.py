"""Options, models and results that `explain` refuses: one line states the reason, and no file is left."""

import errno

import numpy as np
import pytest

from kanseq.attribution.methods import Method
from kanseq.attribution.paths import attribute_by_paths
from kanseq.errors import BadOption, ModelMismatch, NotComplete, NotWritable, UnknownGene
from kanseq.geometry import Geometry
from kanseq.runs.trained_model import save_model
from kanseq.verbs.explaining import explain as explanation
from kanseq.verbs.explaining.explain import explain
from tests.attribution.conftest import GEOMETRY, build_model


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

    def raise_disk_full(self, *arguments):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr("kanseq.verbs.explaining.explain.write_attributions", raise_disk_full)
    with pytest.raises(NotWritable, match="No space left"):
        explain(run, gene_file, output=tmp_path / "a.parquet", bed=tmp_path / "a.bed.gz", threads=1)
    assert sorted(tmp_path.iterdir()) == before
