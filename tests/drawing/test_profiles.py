import numpy as np
import pytest
from scipy.stats import ttest_1samp

from kanseq.drawing.profiles import ProfileSums, draw_profile
from kanseq.errors import BadOption
from kanseq.geometry import Geometry

SMALL = Geometry(upstream=3, downstream=2, pad=1, mask=False)
"""Columns 0-4 around the TSS in column 3, 5 is padding, 6-10 around the TTS in column 7."""


def known(n, geometry=SMALL):
    codes = np.zeros((n, geometry.columns), dtype=np.uint8)
    codes[:, geometry.window : geometry.window + geometry.pad] = 4
    return codes


def profile(attributions, codes, geometry=SMALL):
    sums = ProfileSums(geometry)
    sums.add(np.asarray(attributions, dtype=np.float32), codes)
    return sums.table()


def test_positions_are_relative_to_the_first_and_last_transcribed_base():
    values = np.arange(11.0)
    table = profile([values, values + 2], known(2))
    assert table.columns.tolist() == ["site", "position", "genes", "mean", "low", "high", "mean_magnitude"]
    assert table["site"].tolist() == ["TSS"] * 5 + ["TTS"] * 5
    assert table["position"].tolist() == [-3, -2, -1, 0, 1, -1, 0, 1, 2, 3]
    assert table["mean"].tolist() == [1, 2, 3, 4, 5, 7, 8, 9, 10, 11]


def test_the_interval_is_from_students_t():
    # 1 and 3: s = sqrt 2, standard error 1; t(0.975, 1) = 12.7062
    row = profile([[1.0] * 11, [3.0] * 11], known(2)).iloc[0]
    assert (row["mean"], round(row["low"], 4), round(row["high"], 4)) == (2, -10.7062, 14.7062)
    values = np.random.default_rng(0).normal(5, 2, (9, 11)).astype(np.float32)
    table = profile(values, known(9))
    for column, (_, row) in zip([0, 1, 2, 3, 4, 6, 7, 8, 9, 10], table.iterrows(), strict=True):
        interval = ttest_1samp(values[:, column].astype(np.float64), 0).confidence_interval()
        assert np.allclose([row["low"], row["high"]], interval)


def test_equal_numbers_have_an_interval_of_width_zero():
    row = profile(np.full((7, 11), 0.1), known(7)).iloc[0]
    assert row["low"] == pytest.approx(0.1, abs=1e-7)
    assert row["high"] == pytest.approx(0.1, abs=1e-7)


def test_genes_without_a_known_base_are_not_counted():
    codes = known(3)
    codes[1, 0] = codes[1:, 1] = codes[:, 2] = 4
    table = profile([[1.0] * 11, [5.0] * 11, [-3.0] * 11], codes)
    assert table["genes"].tolist()[:4] == [2, 1, 0, 3]
    assert table["mean"].tolist()[:2] == [-1, 1]
    assert table["mean_magnitude"].tolist()[:2] == [2, 1]
    assert table[["low", "high"]].isna().all(axis=1).tolist()[:4] == [False, True, True, False]
    assert table.loc[2, ["mean", "low", "high", "mean_magnitude"]].isna().all()


def test_masked_columns_have_no_genes_even_with_known_bases():
    geometry = Geometry(upstream=3, downstream=5, pad=1)
    table = profile(np.ones((2, 17)), known(2, geometry), geometry)
    hidden = table[table["genes"] == 0]
    assert list(zip(hidden["site"], hidden["position"], strict=True)) == [
        ("TSS", 0),
        ("TSS", 1),
        ("TSS", 2),
        ("TTS", -2),
        ("TTS", -1),
        ("TTS", 0),
    ]


def test_only_visible_columns_have_rows():
    geometry = Geometry(upstream=3, downstream=5, pad=1, visible="flanks")
    assert profile(np.ones((2, 17)), known(2, geometry), geometry)["position"].tolist() == [-3, -2, -1, 1, 2, 3]


def test_genes_can_be_added_in_batches_of_any_size():
    values = np.random.default_rng(1).normal(size=(10, 11))
    codes = np.random.default_rng(2).integers(0, 5, (10, 11)).astype(np.uint8)
    whole, parts = profile(values, codes), ProfileSums(SMALL)
    for rows in (slice(0, 1), slice(1, 7), slice(7, 7), slice(7, 10)):
        parts.add(values[rows].astype(np.float32), codes[rows])
    assert np.allclose(parts.table().iloc[:, 1:], whole.iloc[:, 1:], equal_nan=True)


def test_plain_sequences_have_no_profile():
    with pytest.raises(BadOption, match="gene windows"):
        ProfileSums(Geometry.plain(70))


@pytest.mark.parametrize("genes", [0, 1, 5])
def test_a_profile_of_few_genes_can_be_drawn(tmp_path, genes):
    values = np.random.default_rng(0).normal(size=(genes, 11))
    table = profile(values, known(genes))
    draw_profile(table, tmp_path / "a.svg")
    draw_profile(table, tmp_path / "b.svg")
    text = (tmp_path / "a.svg").read_text()
    # matplotlib writes texts as comments.
    for words in (f"{genes} genes", "TSS", "TTS", "transcribed", "95 % interval"):
        assert f"<!-- {words} -->" in text
    assert (tmp_path / "b.svg").read_text() == text
