import random

import pandas as pd
import pytest

from kanseq.errors import BadOption, BadTable, MissingFile
from kanseq.geometry import Geometry
from kanseq.sequences.sequence_set import SequenceSet
from kanseq.suites.collections.data_set_checks import check_data_set
from kanseq.suites.collections.data_sets import walk
from kanseq.suites.collections.find_data_sets import find_data_sets


def set_of(*rows):
    table = pd.DataFrame(rows, columns=["split", "sequence", "label"])
    table.insert(0, "id", [f"s{row}" for row in range(len(table))])
    table = table.assign(species=".", length=table["sequence"].str.len())
    return SequenceSet(table, Geometry.plain(int(table["length"].max())))


def test_sequences_classes_and_lengths_are_counted_per_split():
    checks = check_data_set(
        set_of(
            ("train", "AAC", "a"),
            ("train", "AAG", "b"),
            ("train", "AAGN", "b"),
            ("validation", "ACC", "b"),
            ("test", "AGTCCAGN", "a"),
        )
    )
    assert (checks.train, checks.dev, checks.test) == (3, 1, 1)
    assert (checks.train_classes, checks.dev_classes, checks.test_classes) == ("a 1, b 2", "b 1", "a 1")
    assert (checks.shortest, checks.median_length, checks.longest, checks.with_n) == (3, 3.0, 8, 2)
    assert checks.untested == "b"


def test_copies_of_test_sequences_in_train_are_counted_on_both_strands():
    checks = check_data_set(
        set_of(
            ("train", "AAC", "a"),
            ("train", "AAC", "b"),
            ("train", "aac", "a"),
            ("train", "CCA", "b"),
            ("train", "ACGT", "a"),
            ("dev", "GGG", "a"),
            ("test", "AAC", "a"),  # occurs in train, also as b
            ("test", "TGG", "b"),  # as reverse complement, with its own label
            ("test", "TGG", "a"),  # as reverse complement, with another label
            ("test", "ACGT", "a"),  # is its own reverse complement
            ("test", "CAA", "b"),  # the reverse alone is not a copy
            ("test", "CCC", "b"),  # occurs in dev
        )
    )
    assert (checks.test_in_train, checks.test_in_train_reversed, checks.test_in_train_other_label) == (4, 2, 2)
    assert (checks.test_in_dev, checks.repeated_in_train) == (1, 2)


def test_counts_match_a_search_sequence_by_sequence():
    random.seed(5)
    rows = [
        (random.choice(["train", "dev", "test"]), "".join(random.choices("ACGT", k=4)), random.choice("xyz"))
        for _ in range(300)
    ]
    checks = check_data_set(set_of(*rows))
    pairs = {"A": "T", "C": "G", "G": "C", "T": "A"}

    def other_strand(text):
        return "".join(pairs[base] for base in reversed(text))

    train = [(text, label) for split, text, label in rows if split == "train"]
    test = [(text, label) for split, text, label in rows if split == "test"]
    exact = [any(text == other for other, _ in train) for text, _ in test]
    either = [any(other in (text, other_strand(text)) for other, _ in train) for text, _ in test]
    another = [any(o in (t, other_strand(t)) and kind != label for o, kind in train) for t, label in test]
    assert checks.test_in_train == sum(either)
    assert checks.test_in_train_reversed == sum(either) - sum(exact)
    assert checks.test_in_train_other_label == sum(another)
    assert checks.repeated_in_train == len(train) - len({text for text, _ in train})
    assert 0 < sum(another) < sum(either) < len(test)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([("train", "A", "a"), ("test", "C", "b"), ("test", "C", "c")], "test labels missing in train: b, c"),
        ([("train", "A", "a"), ("dev", "C", "b"), ("test", "C", "b")], "test labels missing in train: b"),
        ([("train", "A", "a")], "the set has no sequence of the split 'test'"),
        ([("test", "A", "a")], "the set has no sequence of the split 'train'"),
        ([("train", "A", "a"), ("tset", "A", "a")], "unknown splits: tset; train, dev or test"),
    ],
)
def test_sets_that_cannot_be_trained_and_tested_on_are_refused(rows, message):
    with pytest.raises(BadTable, match=message):
        check_data_set(set_of(*rows))


def test_a_set_without_labels_or_splits_is_refused():
    genes = set_of(("train", "A", "a"), ("test", "A", "a"))
    for column in ("label", "split"):
        with pytest.raises(BadTable, match="no column 'label' or no column 'split'"):
            check_data_set(SequenceSet(genes.table.drop(columns=column), genes.geometry))


def test_invalid_options_are_refused(tmp_path):
    (tmp_path / "file").touch()
    for arguments, error, message in [
        (("geu", tmp_path), BadOption, "'geu' is not a collection; choose one of gue, genomic-benchmarks, flipons"),
        (("gue", tmp_path / "nowhere"), MissingFile, "nowhere: no such folder"),
        (("gue", tmp_path / "file"), MissingFile, "file: this is a file, expected a folder"),
    ]:
        with pytest.raises(error, match=message):
            find_data_sets(*arguments)
    with pytest.raises(BadOption, match="--genome: GUE consists of sequences; leave it out"):
        find_data_sets("gue", tmp_path, genome="g.fa")
    with pytest.raises(BadOption, match="--negatives none; choose shuffled or uniform"):
        find_data_sets("flipons", tmp_path, negatives="none")


@pytest.mark.parametrize(
    ("collection", "expected"),
    [("gue", "expected folders with train.csv"), ("genomic-benchmarks", "NAME/train"), ("flipons", "NAME.csv")],
)
def test_a_folder_of_another_layout_is_refused_with_a_list_of_its_contents(tmp_path, collection, expected):
    (tmp_path / "pictures").mkdir()
    (tmp_path / "README").touch()
    with pytest.raises(BadTable) as error:
        find_data_sets(collection, tmp_path)
    assert str(error.value).startswith(
        f"{tmp_path}: found no data set; the folder contains README, pictures/; expected"
    )
    assert expected in str(error.value)
    (tmp_path / "pictures").rmdir()
    (tmp_path / "README").unlink()
    with pytest.raises(BadTable, match="found no data set; the folder contains nothing; expected"):
        find_data_sets(collection, tmp_path)


def test_links_are_followed_without_loops(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "x").touch()
    (tmp_path / "a" / ".hidden").mkdir()
    (tmp_path / "a" / "b" / "up").symlink_to(tmp_path / "a")
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "link").symlink_to(tmp_path / "c")
    (tmp_path / "elsewhere").symlink_to(tmp_path / "a" / "b")
    assert [str(place.relative_to(tmp_path)) for place, _, _ in walk(tmp_path)] == [".", "a", "a/b", "c"]


def test_test_sequences_that_overlap_training_sequences_are_counted():
    columns = {
        "id": list("abcd"), "species": ".", "length": 4, "sequence": ["ACGT", "AAAA", "CCCC", "AACC"],
        "label": ["x", "y", "x", "y"], "split": ["train", "train", "test", "test"],
    }  # fmt: skip
    plain = SequenceSet(pd.DataFrame(columns), Geometry.plain(4))
    assert check_data_set(plain).test_overlaps_train is None
    # The last one starts where the second ends, but on another contig.
    placed = plain.table.assign(chrom=["1", "1", "1", "2"], start=[0, 8, 2, 12], end=[4, 12, 6, 16])
    assert check_data_set(SequenceSet(placed, Geometry.plain(4))).test_overlaps_train == 1
