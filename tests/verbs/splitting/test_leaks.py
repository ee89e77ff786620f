"""Leaks between training and test genes in splits of any origin."""

import json

import numpy as np
import pandas as pd
import pytest

from kanseq.errors import BadOption, BadTable, LeakingSplit, UnknownGene
from kanseq.geometry import Geometry
from kanseq.homologs.homolog_files import Homologs
from kanseq.sequences.sequence_set import PLACE, SequenceSet
from kanseq.verbs.splitting.leaks import leaks
from kanseq.verbs.splitting.split import split

GEOMETRY = Geometry(upstream=40, downstream=20, pad=4)
COMPLEMENT = str.maketrans("ACGTN", "TGCAN")


def bases(count, seed):
    return "".join(np.random.default_rng(seed).choice(list("ACGT"), count))


def gene_set(places, species="."):
    """Build genes at ``id -> (chrom, tss)`` on the plus strand, 100 bases long, with random letters by number."""
    rows = []
    for number, (name, (chrom, tss)) in enumerate(places.items()):
        windows = GEOMETRY.tss_window(tss, "+") + GEOMETRY.tts_window(tss + 99, "+")
        sequence = bases(60, 2 * number) + "NNNN" + bases(60, 2 * number + 1)
        rows.append((name, species, 124, chrom, "+", tss, tss + 99, *windows, sequence))
    return SequenceSet(pd.DataFrame(rows, columns=["id", "species", "length", *PLACE, "sequence"]), GEOMETRY)


def far_apart(names="abcdef"):
    return gene_set({name: ("1", 1000 * (number + 1)) for number, name in enumerate(names)})


def splits_of(**folds):
    """Build splits from texts ``role:ids role:ids``, where each letter is a gene."""
    rows = [
        (".", name, fold, role)
        for fold, text in folds.items()
        for role, names in (part.split(":") for part in text.split())
        for name in names
    ]
    return pd.DataFrame(rows, columns=["species", "id", "fold", "role"])


def found(result):
    """Return the leaks: (fold, kind, between) -> (genes, pairs)."""
    rows = result.table[result.table["genes"] > 0]
    return {(r.fold, r.kind, r.between): (r.genes, r.pairs) for r in rows.itertuples()}


def named(result, kind):
    return [pair for fold in result.folds for leak in fold["leaks"] if leak["kind"] == kind for pair in leak["named"]]


def homologs(**groups):
    rows = [(".", name, group) for group, names in groups.items() for name in names]
    return Homologs(None, pd.DataFrame(rows, columns=["species", "id", "group"]))


def test_splits_of_unrelated_genes_have_no_leaks():
    result = leaks(far_apart(), splits=splits_of(x="test:ab train:cdef", y="test:cd train:abef"))
    assert found(result) == {}
    assert (result.genes, result.never_tested, result.tested_twice) == (6, 2, 0)
    assert result.folds[0]["genes"] == {"train": 4, "tune": 0, "test": 2, "unused": 0}
    assert "leaking: nothing" in result.text
    result.check()


def test_overlapping_windows_are_found_from_their_coordinates():
    # Windows of a: [960, 1020) and [1080, 1140); those of b begin at 1139, those of c at 1140.
    genes = gene_set({"a": ("1", 1000), "b": ("1", 1179), "c": ("1", 1180), "d": ("2", 1000)})
    genes.table.loc[2, ["tss_start", "tss_end", "tts_start", "tts_end"]] = [5140, 5200, 5260, 5320]
    genes.table.loc[3, ["tss_start", "tss_end"]] = [1079, 1080]
    result = leaks(genes, splits=splits_of(x="test:a train:bcd"))
    assert found(result) == {("x", "overlap", "train|test"): (1, 1)}
    assert named(result, "overlap") == [[".", "b", ".", "a"]]
    with pytest.raises(LeakingSplit, match=r"folds leak: overlap in x; make the splits with kanseq split$"):
        result.check()
    assert found(leaks(genes, splits=splits_of(x="test:a train:cd unused:b"))) == {}


def test_copies_on_either_strand_are_found_once():
    genes = far_apart("abcdefg")
    letters = list(genes.table["sequence"])
    letters[1] = letters[0].lower()
    letters[2] = letters[0].translate(COMPLEMENT)[::-1]
    # d shares its complete TSS window with a, on the other strand; e shares half of its 32-mers, f fewer.
    letters[3] = bases(60, 99) + "NNNN" + letters[0][:60].translate(COMPLEMENT)[::-1]
    letters[4] = letters[0][:46] + bases(14, 98) + "NNNN" + bases(60, 97)
    letters[5] = letters[0][:45] + bases(15, 96) + "NNNN" + bases(60, 95)
    assert letters[4][46] != letters[0][46]
    assert letters[5][45] != letters[0][45]
    genes.table["sequence"] = letters
    result = leaks(genes, splits=splits_of(x="test:a train:bcdefg"))
    assert named(result, "duplicate") == [[".", "b", ".", "a"]]
    assert named(result, "reverse_complement") == [[".", "c", ".", "a"]]
    # 60 bases have 29 32-mers, and the first 46 bases have 15 of them.
    assert named(result, "similar") == [[".", "d", ".", "a"], [".", "e", ".", "a"]]


def test_homologs_in_two_roles_are_counted_and_the_first_pairs_named():
    genes = far_apart("abcdefgh")
    splits = splits_of(x="test:ab tune:cd train:efgh", y="test:h train:abcdefg")
    result = leaks(genes, splits=splits, homology=homologs(one="abef", two="cg", three="d", four="h"), pairs=3)
    assert found(result) == {
        ("x", "homolog", "train|test"): (2, 4),
        ("x", "homolog", "train|tune"): (1, 1),
    }
    assert named(result, "homolog") == [
        [".", "e", ".", "a"],
        [".", "e", ".", "b"],
        [".", "f", ".", "a"],
        [".", "g", ".", "c"],
    ]
    pairs = pd.DataFrame([(".", "b", ".", "e"), (".", "a", ".", "c")], columns=["species", "id", "species_2", "id_2"])
    result = leaks(genes, splits=splits, homology=Homologs(pairs, None))
    assert found(result) == {
        ("x", "homolog", "train|test"): (1, 1),
        ("x", "homolog", "tune|test"): (1, 1),
    }
    assert result.leaking == {"homolog": {"x": 1}}
    with pytest.raises(LeakingSplit, match=r"kanseq split --homology"):
        result.check()


def test_splits_of_other_tools_can_be_read_and_a_gene_in_two_roles_is_a_leak(tmp_path):
    path = tmp_path / "other.tsv"
    path.write_text("id\trole\textra\na\ttest\t1\na\ttraining\t1\nb\tvalidation\t1\nc\tTrain\t1\nx\ttrain\t1\n")
    result = leaks(far_apart("abcd"), splits=path)
    assert found(result) == {("all", "same_gene", "train|test"): (1, 1)}
    assert result.folds[0]["genes"] == {"train": 2, "tune": 1, "test": 1, "unused": 1}
    assert (result.not_in_set, result.never_tested) == (1, 3)


def test_genes_tested_in_several_folds_or_in_none_are_counted():
    result = leaks(far_apart("abcd"), splits=splits_of(x="test:ab train:cd", y="test:bc train:a", z="test:b train:d"))
    assert (result.never_tested, result.tested_twice) == (1, 1)
    assert "4 genes; 1 tested in no fold, 1 in several" in result.text


def labels_of(expression, fold, q1, q3, species="."):
    label = ["low" if value <= q1 else "high" if value >= q3 else "mid" for value in expression.values()]
    table = pd.DataFrame({"species": species, "id": list(expression), "condition": "*", "fold": fold})
    return table.assign(expression=list(expression.values()), label=label, q1=q1, q3=q3)


@pytest.mark.parametrize(
    ("fold", "q1", "q3", "group", "exposed"),
    [
        # Quartiles of c to g, 1 to 5, are 2 and 4; with the unused h they are 2.25 and 4.75; of all but h, 1 to 7, 2.5
        # and 5.5.
        ("x", 2.0, 4.0, "training genes", 0),
        ("x", 1.4, 4.6, "training genes", 0),
        ("x", 2.25, 4.75, "all but test genes", 0),
        ("x", 2.5, 5.5, "training and test genes", 5),
        ("x", 2.123, 4.0, "unknown", 0),
        ("*", 2.0, 4.0, "whole table", 5),
    ],
)
def test_the_source_of_thresholds_is_found_from_the_expression(fold, q1, q3, group, exposed):
    labels = labels_of({**dict(zip("cdefgab", range(1, 8), strict=True)), "h": 6}, fold, q1, q3)
    result = leaks(far_apart("abcdefgh"), splits=splits_of(x="test:ab train:cdefg unused:h"), labels=labels)
    assert result.folds[0]["thresholds"] == {"*": [{"q1": q1, "q3": q3, "of": group}]}
    assert found(result) == ({("x", "thresholds", "train|test"): (exposed, 0)} if exposed else {})


def test_labels_per_role_are_shares_of_the_labelled_genes():
    labels = labels_of(dict(zip("cdefa", range(1, 6), strict=True)), "x", 1.75, 3.25)
    result = leaks(far_apart("abcdef"), splits=splits_of(x="test:ab train:cdef"), labels=labels)
    assert result.folds[0]["labels"]["*"] == {
        "train": {"labelled": 4, "low": 0.25, "mid": 0.5, "high": 0.25},
        "test": {"labelled": 1, "low": 0.0, "mid": 0.0, "high": 1.0},
    }
    assert "x     25 / 50 / 25  0 / 0 / 100  training genes" in result.text


def test_labels_of_only_the_tested_species_do_not_leak_into_training():
    genes, others = far_apart("abc"), far_apart("defgh")
    genes.table["species"], others.table["species"] = "A", "B"
    both = SequenceSet(pd.concat([genes.table, others.table], ignore_index=True), GEOMETRY)
    splits = split(both, min_genes=1, test_species="A").table
    own = labels_of(dict(zip("abc", range(3), strict=True)), "*", 0.5, 1.5, species="A")
    of_training = labels_of(dict(zip("defgh", range(1, 6), strict=True)), "*", 2.0, 4.0, species="B")
    result = leaks(both, splits=splits, labels=pd.concat([own, of_training], ignore_index=True))
    assert result.folds[0]["thresholds"] == {"*": [{"q1": 2.0, "q3": 4.0, "of": "a table without test genes"}]}
    assert found(result) == {}


def test_the_report_has_inputs_kinds_and_pairs_and_is_reproducible(tmp_path):
    genes = far_apart("abcdef")
    genes.write(tmp_path / "genes.parquet")
    splits_of(x="test:ab train:cdef").to_csv(tmp_path / "splits.tsv", sep="\t", index=False)
    (tmp_path / "h.tsv").write_text("species\tid\tgroup\n.\ta\t1\n.\tc\t1\n.\tb\t2\n.\td\t2\n.\te\t3\n.\tf\t4\n")
    for name in ("one", "two"):
        leaks(
            tmp_path / "genes.parquet",
            splits=tmp_path / "splits.tsv",
            homology=tmp_path / "h.tsv",
            output=tmp_path / f"{name}.json",
            table=tmp_path / f"{name}.tsv",
            pairs=1,
        )
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()
    report = json.loads((tmp_path / "one.json").read_text())
    assert [one["name"] for one in report["inputs"]["splits"]] == ["splits.tsv"]
    assert set(report["kinds"]) == {"same_gene", "overlap", "duplicate", "reverse_complement", "similar", "homolog"}
    assert report["leaking"] == {"homolog": {"x": 2}}
    homolog = report["folds"][0]["leaks"][-1]
    assert homolog == {
        "kind": "homolog",
        "between": ["train", "test"],
        "genes": 2,
        "pairs": 2,
        "named": [[".", "c", ".", "a"]],
    }
    lines = (tmp_path / "one.tsv").read_text().splitlines()
    assert (lines[0], lines[-1]) == ("fold\tkind\tbetween\tgenes\tpairs", "x\thomolog\ttrain|test\t2\t2")


def test_splits_by_kanseq_have_no_leaks_of_the_kinds_that_were_requested():
    places = {f"g{number}": (str(number % 3), 1000 + 45 * number) for number in range(60)}
    genes = gene_set(places)
    letters = list(genes.table["sequence"])
    letters[30:33] = letters[1], letters[2], letters[0]
    letters[40] = letters[42][:50] + letters[40][50:]
    genes.table["sequence"] = letters
    family = Homologs(None, genes.table[["species", "id"]].assign(group=[str(row // 2) for row in range(60)]))
    assert {kind for _, kind, _ in found(leaks(genes, splits=split(genes, min_genes=1).table, homology=family))} == {
        "homolog",
        "similar",
    }
    cut = split(genes, min_genes=1, homology=family, similar=True, tune=0.2).table
    assert found(leaks(genes, splits=cut, homology=family)) == {}
    reasons = set(cut["reason"].str.split(":").str[0])
    assert {"duplicates_test", "similar_test", "homolog_test", "homolog_tune"} <= reasons


def test_an_invalid_table_of_splits_is_refused(tmp_path):
    genes = far_apart("ab")
    (tmp_path / "s.tsv").write_text("id\trole\na\tteacher\n")
    with pytest.raises(BadTable, match=r"s.tsv:2: 'teacher' is not a role \(train, tune, test, unused\)"):
        leaks(genes, splits=tmp_path / "s.tsv")
    (tmp_path / "s.tsv").write_text("id\tfold\na\tx\n")
    with pytest.raises(BadTable, match=r"the column 'role' is missing"):
        leaks(genes, splits=tmp_path / "s.tsv")
    with pytest.raises(UnknownGene, match=r"none of its genes is in the set: it has y, z, the set has \. a, \. b"):
        leaks(genes, splits=splits_of(x="test:y train:z"))
    genes.table["species"] = ["A", "B"]
    with pytest.raises(BadTable, match=r"the column 'species' is missing, and the set has several: A, B"):
        leaks(genes, splits=pd.DataFrame({"id": ["a"], "role": ["test"]}))
    (tmp_path / "s.tsv").write_text("id\trole\na\ttest\n")
    with pytest.raises(BadOption, match="would overwrite an input"):
        leaks(genes, splits=tmp_path / "s.tsv", table=tmp_path / "s.tsv")
