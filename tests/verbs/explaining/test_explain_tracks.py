import numpy as np
import pytest

from kanseq.errors import BadOption
from kanseq.verbs.explaining.explain import explain


def test_contributions_of_all_bases_have_the_format_of_motif_discovery(make_run, genes, tmp_path):
    run = make_run(seeds=(0, 1))
    for name in ("x", "y"):
        explain(run, genes, threads=1, output=tmp_path / f"{name}.parquet", hypothetical=tmp_path / f"{name}.npz")
        assert (tmp_path / f"{name}.npz").read_bytes() == (tmp_path / "x.npz").read_bytes()
    with np.load(tmp_path / "x.npz") as found, np.load(tmp_path / "x.onehot.npz") as letters:
        values, onehot = found["arr_0"], letters["arr_0"]
        assert found["ids"].tolist() == letters["ids"].tolist() == [f"g{n}" for n in range(6)]
    assert (values.shape, values.dtype, onehot.dtype) == ((6, 4, 136), np.float32, np.int8)
    codes = genes.geometry.hide(genes.codes())
    np.testing.assert_array_equal(onehot.sum(1), codes != 4)
    np.testing.assert_array_equal(onehot.argmax(1)[codes != 4], codes[codes != 4])
    table = explain(run, genes, threads=1).table
    np.testing.assert_allclose((values * onehot).sum(1), np.stack(table["attributions"]), atol=1e-6)


def test_unsupported_outputs_are_refused(make_run, genes, tmp_path):
    run = make_run()
    with pytest.raises(BadOption, match="occlusion has no hypothetical contributions"):
        explain(run, genes, method="occlusion", hypothetical=tmp_path / "a.npz")
    with pytest.raises(BadOption, match=r"must end in \.npz"):
        explain(run, genes, hypothetical=tmp_path / "a.npy")
    with pytest.raises(BadOption, match="--top needs a BED track"):
        explain(run, genes, top=3, bigwig=tmp_path / "a.bw")
    with pytest.raises(BadOption, match="--top 0"):
        explain(run, genes, top=0, bed=tmp_path / "a.bed")
