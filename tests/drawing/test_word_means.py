from collections import defaultdict

import numpy as np
import pytest

from kanseq.drawing.word_means import WordSums, draw_words
from kanseq.errors import BadOption
from kanseq.geometry import Geometry
from kanseq.sequences.shuffles import random_numbers

COMPLEMENT = str.maketrans("ACGT", "TGCA")


def codes_of(*sequences):
    return np.array([["ACGTN".index(letter) for letter in sequence] for sequence in sequences], dtype=np.uint8)


def words_of(attributions, codes, geometry=None, ids=None, **options):
    sums = WordSums(geometry or Geometry.plain(codes.shape[1]), **options)
    ids = ids or [f"g{row}" for row in range(len(codes))]
    sums.add(np.asarray(attributions, dtype=np.float32), codes, ids)
    return sums.table().set_index("word")


def partner(word):
    return word.translate(COMPLEMENT)[::-1]


def slow_means(attributions, codes, geometry, ids, length, shift, seed):
    """Compute mean and count of every word base by base; ``shift`` 0 leaves the genes unchanged."""
    found = defaultdict(list)
    for values, row, name in zip(attributions, geometry.hide(codes), ids, strict=True):
        circle = [column for column in range(len(row)) if row[column] < 4]
        turn = 0
        if shift and len(circle) > 1:
            turn = 1 + int(random_numbers(seed, name, 0, shift)[shift - 1]) % (len(circle) - 1)
        for start, end in geometry.windows:
            for first in range(start, end - length + 1):
                if all(column in circle for column in range(first, first + length)):
                    word = "".join("ACGT"[code] for code in row[first : first + length])
                    places = [(circle.index(first) - turn + step) % len(circle) for step in range(length)]
                    found[min(word, partner(word))].append(sum(float(values[circle[place]]) for place in places))
    return {word: (np.mean(sums), len(sums)) for word, sums in found.items()}


@pytest.mark.parametrize(
    ("geometry", "length"),
    [
        (Geometry(upstream=20, downstream=14, pad=4), 2),
        (Geometry(upstream=20, downstream=14, pad=0), 3),
        (Geometry(upstream=20, downstream=14, pad=4, visible="flanks"), 4),
        (Geometry.plain(60), 1),
        (Geometry.plain(5), 8),
    ],
)
def test_means_and_chance_agree_with_counting_base_by_base(geometry, length):
    rng = np.random.default_rng(length)
    codes = rng.choice(5, (6, geometry.columns), p=[0.3, 0.3, 0.2, 0.15, 0.05]).astype(np.uint8)
    codes[4] = 4
    codes[5, 1:] = 4
    if geometry.has_genes:
        codes[:, geometry.window : geometry.window + geometry.pad] = 4
    values, ids = rng.normal(size=codes.shape).astype(np.float32), list("abcdef")
    table = words_of(values, codes, geometry, ids, length=length, shifts=3, seed=7)
    observed = slow_means(values, codes, geometry, ids, length, 0, 7)
    turned = [slow_means(values, codes, geometry, ids, length, shift, 7) for shift in (1, 2, 3)]
    assert table.index.tolist() == sorted(observed)
    for word, row in table.iterrows():
        mean, count = observed[word]
        chances = [one[word][0] for one in turned]
        assert row["occurrences"] == count
        assert row["mean"] == pytest.approx(mean)
        assert row["chance"] == pytest.approx(np.mean(chances))
        assert row["chance_sd"] == pytest.approx(np.std(chances, ddof=1))
        assert row["z"] == pytest.approx((mean - np.mean(chances)) / np.std(chances, ddof=1))


def test_both_strands_of_a_word_share_a_row():
    # AAC at 0 and its reverse complement GTT at 5.
    table = words_of([[1, 1, 1, 0, 0, 2, 3, 4]], codes_of("AACCCGTT"), length=3)
    row = table.loc["AAC"]
    assert (row["reverse_complement"], row["length"]) == ("GTT", 3)
    assert row[["occurrences", "occurrences_forward", "occurrences_reverse"]].tolist() == [2, 1, 1]
    assert row[["mean", "mean_forward", "mean_reverse"]].tolist() == [6, 3, 9]


def test_a_palindrome_counts_once():
    table = words_of([[1, 2, 3, 4, 5, 6, 7, 8]], codes_of("ACGTACGT"), length=4)
    row = table.loc["ACGT"]
    assert row[["occurrences", "occurrences_forward", "occurrences_reverse"]].tolist() == [2, 2, 0]
    assert row[["mean", "mean_forward"]].tolist() == [18, 18]
    assert np.isnan(row["mean_reverse"])


def test_a_word_lies_in_one_window_and_has_no_masked_or_unknown_base():
    # Without padding CCC would extend over the border of the windows in columns 8 and 9.
    geometry = Geometry(upstream=5, downstream=4, pad=0)
    sequence = "GAAGA" + "TTTC" + "CCTT" + "TAGNG"
    table = words_of(np.zeros((1, 18)), codes_of(sequence), geometry, length=2)
    # Masked: columns 5-7 and 10-12.
    assert table["occurrences"].to_dict() == {"AA": 1, "AG": 2, "GA": 2, "TA": 1}
    assert "CC" in words_of(np.zeros((1, 18)), codes_of(sequence), length=2).index


def test_the_chance_level_of_a_gene_depends_only_on_its_id_and_the_seed():
    rng = np.random.default_rng(0)
    codes, values = rng.integers(0, 4, (9, 50)).astype(np.uint8), rng.normal(size=(9, 50)).astype(np.float32)
    ids = [f"g{row}" for row in range(9)]
    table = words_of(values, codes, ids=ids, length=2)
    parts = WordSums(Geometry.plain(50), 2)
    for rows in ([8, 3], [], [0, 1, 2, 4, 5, 6, 7]):
        parts.add(values[rows], codes[rows], [ids[row] for row in rows])
    columns = ["occurrences", "mean", "chance", "chance_sd", "z"]
    assert np.allclose(parts.table().set_index("word")[columns], table[columns])
    for other in (words_of(values, codes, ids=ids, length=2, seed=1), words_of(values, codes, ids=ids[::-1], length=2)):
        assert np.allclose(other["mean"], table["mean"])
        assert not np.isclose(other["chance"], table["chance"]).any()


def test_equal_attributions_everywhere_have_no_z():
    codes = np.random.default_rng(0).integers(0, 4, (20, 80)).astype(np.uint8)
    table = words_of(np.full((20, 80), 0.1), codes, length=3)
    assert np.allclose(table["mean"], 0.3)
    assert (table["chance_sd"] == 0).all()
    assert table["z"].isna().all()


def test_a_word_that_is_read_has_a_high_z_and_noise_does_not():
    rng = np.random.default_rng(3)
    codes = rng.integers(0, 4, (300, 200)).astype(np.uint8)
    values = rng.normal(size=codes.shape)
    for row, column in zip(
        *np.nonzero((codes[:, :-2] == [0]) & (codes[:, 1:-1] == 2) & (codes[:, 2:] == 1)), strict=True
    ):
        values[row, column : column + 3] += 1
    table = words_of(values, codes, length=3)
    assert table["z"].idxmax() == "AGC"
    assert table.loc["AGC", "mean_forward"] > 2.5
    assert abs(words_of(rng.normal(size=codes.shape), codes, length=3)["z"]).median() < 1.5


@pytest.mark.parametrize("options", [{"length": 0}, {"length": 9}, {"shifts": 1}])
def test_lengths_and_shifts_out_of_range_are_refused(options):
    with pytest.raises(BadOption):
        WordSums(Geometry(), **options)


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    codes, values = rng.integers(0, 4, (40, 90)).astype(np.uint8), rng.normal(size=(40, 90))
    return words_of(values, codes, length=3).reset_index()


def test_the_ends_of_the_ranking_are_drawn(table, tmp_path):
    for name in "ab":
        draw_words(table, tmp_path / f"{name}.svg", most=6)
    text = (tmp_path / "a.svg").read_text()
    assert (tmp_path / "b.svg").read_text() == text
    ranked = table.sort_values("z", ascending=False)
    shown = [f"{count:,}" for count in ranked["occurrences"].iloc[[0, 1, 2, -3, -2, -1]]]
    # matplotlib writes texts as comments.
    assert all(f"<!-- {count} -->" in text for count in shown)
    assert f"<!-- {len(table) - 6} words between -->" in text


def test_rare_words_are_not_drawn(table, tmp_path):
    draw_words(table.iloc[:3], tmp_path / "a.svg", at_least=1)
    assert "between" not in (tmp_path / "a.svg").read_text()
    draw_words(table, tmp_path / "a.svg", at_least=1_000_000)
    assert "<!-- no word occurs 1,000,000 times or more -->" in (tmp_path / "a.svg").read_text()
