"""Folds, and the exclusion from training of genes related to test genes."""

import json

import numpy as np
import pandas as pd
import pytest

from kanseq.errors import BadOption, BadTable, EmptySplit, UnknownGene
from kanseq.geometry import Geometry
from kanseq.sequences.sequence_set import SequenceSet
from kanseq.splits.overlaps import overlapping
from kanseq.splits.split_tables import read_splits
from kanseq.verbs.splitting.split import split
from tests.verbs.splitting.conftest import far_apart, gene_set, reasons, roles


def test_a_chromosome_is_a_fold_and_genes_of_small_contigs_are_unused():
    genes = gene_set(far_apart(3, "1") + far_apart(2, "10") + far_apart(2, "2") + far_apart(1, "Mt"))
    result = split(genes, min_genes=2)
    assert result.folds == ["1", "2", "10"]
    assert result.test == {"1": 3, "2": 2, "10": 2}
    assert result.train == {"1": 4, "2": 5, "10": 5}
    assert result.reasons == {"small_contig": 3}
    assert split(genes, min_genes=2, folds="Mt,10").folds == ["10", "Mt"]


def test_blocks_have_equal_numbers_of_genes_in_the_order_of_their_tss():
    places = [(f"g{tss}", ".", "1", "+", tss * 1000) for tss in (5, 1, 4, 2, 3, 6, 7)]
    result = split(gene_set(places), by="block", blocks=3, min_genes=1)
    assert result.folds == ["1.block0", "1.block1", "1.block2"]
    tested = [{name for name, role in roles(result, fold).items() if role == "test"} for fold in result.folds]
    assert tested == [{"g1", "g2", "g3"}, {"g4", "g5"}, {"g6", "g7"}]


def test_a_contig_with_too_few_genes_for_its_blocks_is_not_split_unless_named():
    genes = gene_set(far_apart(6, "1") + far_apart(3, "2"))
    assert split(genes, by="block", blocks=2, min_genes=3).folds == ["1.block0", "1.block1"]
    assert split(genes, by="block", blocks=2, folds=["2"]).folds == ["2.block0", "2.block1"]
    assert split(genes, by="block", blocks=2, folds=["1.block1"]).folds == ["1.block1"]


def test_overlapping_pairs_match_an_explicit_count_of_shared_bases():
    random = np.random.default_rng(0)
    places = [
        (f"g{number}", species, chrom, strand, tss)
        for number, (species, chrom, strand, tss) in enumerate(
            zip(
                random.choice(["a", "b"], 80),
                random.choice(["1", "2"], 80),
                random.choice(["+", "-"], 80),
                random.integers(0, 600, 80),
                strict=True,
            )
        )
    ]
    lengths = {"1": 590, "2": 700}
    genes = gene_set(places, contigs={name: {"length": length} for name, length in lengths.items()})
    bases = []
    for row in genes.table.itertuples():
        span = set(range(row.tss_start, row.tss_end)) | set(range(row.tts_start, row.tts_end))
        bases.append({(row.species, row.chrom, base) for base in span if 0 <= base < lengths[row.chrom]})
    expected = [[a, b] for b in range(80) for a in range(80) if a != b and bases[a] & bases[b]]
    assert overlapping(genes).rows.tolist() == expected
    assert len(expected) > 100


def test_one_shared_base_on_either_strand_is_an_overlap_but_adjacent_windows_are_not():
    # Windows of the test gene: [9990, 10005) and [10025, 10040).
    genes = gene_set(
        [
            ("test", ".", "1", "+", 10000),
            ("touches", ".", "1", "+", 10050),
            ("shares", ".", "1", "+", 10049),
            ("antisense", ".", "1", "-", 9985),
            ("elsewhere", ".", "2", "+", 10000),
        ]
    )
    assert genes.table.loc[0, ["tss_start", "tss_end", "tts_start", "tts_end"]].tolist() == [9990, 10005, 10025, 10040]
    assert genes.table.loc[2, "tss_start"] == 10039
    pairs = overlapping(genes).rows
    assert pairs[pairs[:, 0] == 0, 1].tolist() == [2, 3]


def test_roles_and_reasons_of_a_listed_fold(tmp_path):
    listed = tmp_path / "list.txt"
    listed.write_text("gene_id\ntest\n")
    genes = gene_set(
        [
            ("test", ".", "1", "+", 10000),
            ("touches", ".", "1", "+", 10050),
            ("shares", ".", "1", "+", 10049),
            ("antisense", ".", "1", "-", 9985),
            ("twin", ".", "3", "+", 500),
            ("other strand", ".", "4", "-", 500),
            ("elsewhere", ".", "2", "+", 10000),
        ],
        sequences=["ACCT", "AAAA", "CCCC", "GAGA", "acct", "AGGT", "TTGT"],
    )
    result = split(genes, by="list", gene_list=listed)
    assert roles(result, "list") == {
        "test": "test",
        "touches": "train",
        "shares": "unused",
        "antisense": "unused",
        "twin": "unused",
        "other strand": "unused",
        "elsewhere": "train",
    }
    assert reasons(result, "list") == {
        "shares": "overlaps_test:test",
        "antisense": "overlaps_test:test",
        "twin": "duplicates_test:test",
        "other strand": "duplicates_test:test",
    }
    assert result.reasons == {"duplicates_test": 2, "overlaps_test": 2}


def test_windows_do_not_overlap_past_the_end_of_a_contig():
    places = [("a", ".", "1", "+", 5), ("b", ".", "1", "-", 2), ("c", ".", "1", "+", 500)]
    genes = gene_set(places[:1] + places[2:])
    genes.table.loc[1, ["tss_start", "tss_end"]] = [-20, 0]
    assert overlapping(genes).rows.tolist() == []


def test_a_list_with_a_second_column_names_folds(tmp_path):
    listed = tmp_path / "folds.tsv"
    listed.write_text("1g0\tone\n1g1\ttwo half\n# comment\n1g2\tone\n")
    result = split(gene_set(far_apart(5)), by="list", gene_list=listed)
    assert result.test == {"one": 2, "two": 1}


def test_species_are_folds_and_prefix_their_chromosomes():
    genes = gene_set(far_apart(3, "1", "A. thaliana") + far_apart(2, "1", "Z. mays"))
    assert split(genes, by="species").test == {"A._thaliana": 3, "Z._mays": 2}
    assert split(genes, min_genes=1).folds == ["A._thaliana.1", "Z._mays.1"]


def test_random_folds_are_disjoint_and_depend_on_the_seed():
    genes = gene_set(far_apart(10))
    result = split(genes, by="random", blocks=3, seed=4)
    assert list(result.test.values()) == [4, 3, 3]
    assert (result.table[result.table["role"] == "test"]["id"].value_counts() == 1).all()
    pd.testing.assert_frame_equal(result.table, split(genes, by="random", blocks=3, seed=4).table)
    assert not result.table.equals(split(genes, by="random", blocks=3, seed=5).table)


def labelled(split_of, labels, sequences):
    names = [f"s{number}" for number in range(len(labels))]
    columns = {"id": names, "species": ".", "length": 8, "sequence": sequences, "label": labels, "split": split_of}
    return SequenceSet(pd.DataFrame(columns), Geometry.plain(8))


def eight(number):
    return format(number, "08b").replace("0", "A").replace("1", "C")


def test_rotated_folds_have_the_same_test_sequences_and_tune_once_on_each_of_the_others():
    split_of = ["train"] * 24 + ["dev"] * 6 + ["test"] * 5
    genes = labelled(split_of, ["a", "b", "b"] * 11 + ["a", "b"], [eight(number) for number in range(35)])
    result = split(genes, by="column", rotate=5, seed=3)
    assert result.folds == [f"part{number}" for number in range(5)]
    table = result.table.assign(label=list(genes.table["label"]) * 5)
    tuned = table[table["role"] == "tune"]
    assert sorted(tuned["id"]) == sorted(f"s{number}" for number in range(30))
    assert tuned.groupby(["fold", "label"]).size().to_dict() == {
        (f"part{number}", label): count for number in range(5) for label, count in (("a", 2), ("b", 4))
    }
    for fold in result.folds:
        assert {name for name, role in roles(result, fold).items() if role == "test"} == {
            f"s{n}" for n in range(30, 35)
        }
    assert split(genes, by="column", rotate=5, seed=3).table.equals(result.table)
    assert not split(genes, by="column", rotate=5, seed=4).table.equals(result.table)


def test_rotated_folds_never_tune_on_copies_of_training_sequences():
    letters = [eight(number // 2) for number in range(20)] + ["ATATATAT", "CGATCGTT"]
    # One sequence of each pair is replaced by its reverse complement.
    turned = [text if n % 2 else text[::-1].translate(str.maketrans("ACGT", "TGCA")) for n, text in enumerate(letters)]
    result = split(labelled(["train"] * 20 + ["test"] * 2, ["a", "b"] * 11, turned), by="column", rotate=4)
    assert result.reasons == {}
    for fold in result.folds:
        role = roles(result, fold)
        assert all(role[f"s{n}"] == role[f"s{n + 1}"] for n in range(0, 20, 2))


def test_intervals_that_overlap_test_intervals_are_excluded_from_training():
    genes = labelled(["train"] * 4 + ["test"], ["a", "b", "a", "b", "a"], [eight(number) for number in range(5)])
    places = {"chrom": ["1", "1", "1", "2", "1"], "start": [0, 8, 13, 10, 12], "end": [8, 12, 21, 18, 20]}
    genes.table = genes.table.assign(**places)
    assert reasons(split(genes, by="column"), "test") == {"s2": "overlaps_test:s4"}


@pytest.mark.parametrize("options", [{"by": "random", "rotate": 3}, {"by": "column", "rotate": 1}])
def test_invalid_rotation_is_refused(options):
    with pytest.raises(BadOption, match=r"--rotate \d with --by .*; use --by column and a value of at least 2"):
        split(labelled(["train"] * 3 + ["test"], list("abab"), [eight(n) for n in range(4)]), **options)


def test_the_split_column_determines_roles_and_duplicates_of_test_sequences_are_excluded_from_training():
    table = pd.DataFrame({"id": list("abcde"), "species": ".", "length": 4})
    table["sequence"] = ["AAAA", "CCCC", "GAGA", "TTGT", "CCCC"]
    table["split"] = ["train", "test", "dev", "train", "train"]
    result = split(SequenceSet(table, Geometry.plain(4)), by="column")
    assert roles(result, "test") == {"a": "train", "b": "test", "c": "tune", "d": "train", "e": "unused"}
    table["split"] = ["train", "test", "odd", "train", "train"]
    with pytest.raises(BadTable, match=r"unknown values in the column 'split': odd"):
        split(SequenceSet(table, Geometry.plain(4)), by="column")


def test_only_listed_genes_are_scored_and_the_others_are_excluded_from_training(tmp_path):
    listed = tmp_path / "score.json"
    listed.write_text(json.dumps(["1g0", "2g1", "gone"]))
    genes = gene_set(far_apart(3, "1") + far_apart(3, "2") + far_apart(3, "3"))
    result = split(genes, min_genes=1, score_only=listed)
    assert result.folds == ["1", "2"]
    assert result.test == {"1": 1, "2": 1}
    assert reasons(result, "1") == {"1g1": "not_scored", "1g2": "not_scored"}
    assert result.train == {"1": 6, "2": 6}


def test_tuning_genes_are_neighbours_and_separated_from_training_genes_like_test_genes():
    near = [(f"g{number}", ".", "1", "+", 10_000 + 45 * number) for number in range(40)]
    result = split(gene_set(near + far_apart(3, "2")), folds=["2"], tune=0.25)
    found = roles(result, "2")
    tuned = [number for number in range(40) if found[f"g{number}"] == "tune"]
    assert tuned == list(range(tuned[0], tuned[0] + 10))
    assert split(gene_set(near), by="block", blocks=2, min_genes=1, tune=0.25).tune == {"1.block0": 5, "1.block1": 5}
    # Genes are 45 bases apart and reach from -10 to +40: neighbours share bases, genes two apart do not.
    edges = {f"g{tuned[0] - 1}", f"g{tuned[-1] + 1}"} & set(found)
    assert {name for name, role in found.items() if role == "unused"} == edges
    assert set(reasons(result, "2").values()) <= {f"overlaps_tune:g{tuned[0]}", f"overlaps_tune:g{tuned[-1]}"}


def test_a_table_of_splits_is_reproducible_and_can_be_read_back(tmp_path):
    genes = gene_set(far_apart(8))
    for name in ("a.tsv", "b.tsv"):
        result = split(genes, by="block", blocks=2, min_genes=1, tune=0.3, output=tmp_path / name)
    assert (tmp_path / "a.tsv").read_bytes() == (tmp_path / "b.tsv").read_bytes()
    assert (tmp_path / "a.tsv").read_text().startswith("species\tid\tfold\trole\treason\n.\t1g0\t1.block0\ttest\t\n")
    pd.testing.assert_frame_equal(read_splits(tmp_path / "a.tsv"), result.table)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("species\tid\tfold\trole\n", r"the column 'reason' is missing"),
        ("species\tid\tfold\trole\treason\n.\ta\t1\tdev\t\n", r"s.tsv:2: 'dev' is not a role \(train, tune, "),
        ("species\tid\tfold\trole\treason\n.\ta\t../x\ttest\t\n", r"s.tsv:2: '../x' is not a fold name"),
        ("species\tid\tfold\trole\treason\n.\ta\t1\ttest\t\n.\ta\t1\ttrain\t\n", r"s.tsv:3: 'a' is repeated"),
        ("", r"this is not a table"),
    ],
)
def test_an_invalid_table_of_splits_is_refused_with_file_and_line(tmp_path, rows, message):
    path = tmp_path / "s.tsv"
    path.write_text(rows)
    with pytest.raises(BadTable, match=message):
        read_splits(path)


def test_sets_that_cannot_be_split_are_refused_with_the_reason(tmp_path):
    genes = gene_set(far_apart(4))
    with pytest.raises(EmptySplit, match=r"fold 1: no training genes are left"):
        split(genes, min_genes=1)
    with pytest.raises(EmptySplit, match=r"no fold has enough genes"):
        split(genes)
    with pytest.raises(BadOption, match=r"no fold is named 7; there are 1"):
        split(genes, folds=["7"])
    with pytest.raises(BadOption, match=r"--by sideways"):
        split(genes, by="sideways")
    with pytest.raises(BadOption, match=r"--by list requires a list of genes"):
        split(genes, by="list")
    listed = tmp_path / "list.txt"
    listed.write_text("AT1\nAT2\n")
    with pytest.raises(UnknownGene, match=r"it has AT1, AT2, and the set has 1g0, 1g1, 1g2, … \(4\)"):
        split(genes, by="list", gene_list=listed)
    plain = SequenceSet(pd.DataFrame({"id": ["a"], "species": ".", "length": 1, "sequence": "A"}), Geometry.plain(1))
    with pytest.raises(BadOption, match=r"have no coordinates"):
        split(plain)


def test_folds_that_would_share_a_folder_are_refused():
    with pytest.raises(BadTable, match=r"would share a folder: A_1, a_1"):
        split(gene_set(far_apart(2, "a*1") + far_apart(2, "A/1")), min_genes=1)


def test_a_set_is_never_overwritten_by_its_splits(tmp_path):
    path = tmp_path / "genes.parquet"
    gene_set(far_apart(4)).write(path)
    before = path.read_bytes()
    with pytest.raises(BadOption, match="this output would overwrite an input"):
        split(path, by="random", blocks=2, output=path)
    assert path.read_bytes() == before


def test_names_with_tabs_are_refused():
    with pytest.raises(BadTable, match=r"the id 'a\\tb' is empty, or contains a tab or a line break"):
        split(gene_set([("a\tb", ".", "1", "+", 1000), *far_apart(3)]), by="random", blocks=2)


def test_a_gene_listed_in_two_folds_is_refused(tmp_path):
    (tmp_path / "list.txt").write_text("1g0 a\n1g1 b\n1g0 b\n")
    with pytest.raises(BadTable, match="'1g0' is listed with 'a' and with 'b'"):
        split(gene_set(far_apart(4)), by="list", gene_list=tmp_path / "list.txt")
