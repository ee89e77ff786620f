"""Scaling: models of equal size are compared, and finer grids are counted and timed."""

import pandas as pd
import pytest
from PIL import Image

from kanseq.errors import BadOption
from kanseq.geometry import Geometry
from kanseq.models.registry import architecture, make_config
from kanseq.models.sizes import count_parameters
from kanseq.suites.step_times import step_times
from kanseq.verbs.benchmarking.scaling import scaling
from kanseq.verbs.preparing.import_ import import_sequences


@pytest.fixture
def task(gue, tmp_path):
    folder = gue / "prom" / "prom_core_tata"
    output = tmp_path / "task.parquet"
    import_sequences([folder / f"{split}.csv" for split in ("train", "test")], output=output)
    return output


def test_models_of_one_size_are_compared_and_grids_are_counted(task, tmp_path):
    result = scaling(
        task,
        output=tmp_path / "out",
        sizes=[3_000, 6_000],
        grids=[2, 4],
        models=["legnet", "legnet-lkan"],
        options=["batch_size=32"],
        folds=1,
        epochs=1,
        bootstrap=20,
        threads=1,
        jobs=2,
    )
    table = result.table
    assert table["model"].tolist() == ["legnet.3000", "legnet-lkan.3000", "legnet.6000", "legnet-lkan.6000"]
    assert (table["parameters"] / [3_000, 3_000, 6_000, 6_000]).between(0.9, 1.1).all()
    assert table["MCC_minus_baseline"].isna().tolist() == [True, False, True, False]
    grids = result.grids
    assert grids[["model", "grid"]].to_numpy().tolist() == [["legnet-lkan", 2], ["legnet-lkan", 4]]
    for row in grids.to_dict("records"):
        config = make_config("legnet-lkan", Geometry.plain(30), {"grid": row["grid"]})
        assert row["parameters"] == count_parameters(architecture("legnet-lkan"), config)
    assert grids["flops"].is_monotonic_increasing
    assert (grids["step_seconds"] > 0).all()
    assert pd.read_csv(tmp_path / "out" / "grids.tsv", sep="\t")["grid"].tolist() == [2, 4]
    with Image.open(tmp_path / "out" / "scaling.png") as picture:
        assert min(picture.size) > 800


def test_invalid_sizes_models_and_grids_are_refused(task, tmp_path):
    with pytest.raises(BadOption, match="--parameters: no size, or a size below 1"):
        scaling(task, output=tmp_path / "out", sizes=[0])
    for wrong, message in (
        ({"models": ["legnet", "kmer-logistic"]}, "--model kmer-logistic; use models whose layer widths can be chosen"),
        ({"models": ["legnet", "legnet"]}, "--model legnet; .* each only once"),
        ({"grids": [5, 300]}, "grid is 300"),
    ):
        with pytest.raises(BadOption, match=message):
            scaling(task, output=tmp_path / "out", **wrong)
    assert not (tmp_path / "out").exists()


def test_a_step_s_time_is_a_median_over_rounds():
    kind = architecture("mlp")
    small, large = (make_config("mlp", Geometry.plain(50), {"hidden": width}) for width in (4, 4096))
    times = step_times([(kind, small), (kind, large)], batch_size=64, rounds=3, threads=1, device="cpu")
    assert len(times) == 2
    assert 0 < times[0] < times[1]
