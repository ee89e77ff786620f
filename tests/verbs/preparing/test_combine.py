"""Sets of several species in one: the species of contigs, and sets that cannot be combined."""

import pandas as pd
import pytest

from kanseq.errors import BadOption, BadTable, ContigMismatch
from kanseq.geometry import Geometry
from kanseq.sequences.sequence_set import PLACE, SequenceSet
from kanseq.splits.overlaps import overlapping
from kanseq.verbs.preparing.combine import combine
from kanseq.verbs.splitting.split import split

GEOMETRY = Geometry(upstream=10, downstream=5, pad=2)


def gene_set(species, length, md5, names="abc", tss=1000, step=1000):
    """Genes 30 bases long, ``step`` apart on contig 1 of ``length`` bases."""
    rows = []
    for number, name in enumerate(names):
        start = tss + step * number
        windows = GEOMETRY.tss_window(start, "+") + GEOMETRY.tts_window(start + 29, "+")
        letters = format(number + length, "032b").replace("0", "A").replace("1", "C")
        rows.append((name, species, 32, "1", "+", start, start + 29, *windows, letters))
    table = pd.DataFrame(rows, columns=["id", "species", "length", *PLACE, "sequence"])
    return SequenceSet(table, GEOMETRY, {"kind": "genes", "contigs": {"1": {"length": length, "md5": md5}}})


def test_contigs_with_the_same_name_keep_their_species():
    result = combine([gene_set("A", 5000, "aa"), gene_set("B", 9000, "bb")])
    assert result.species == {"A": 3, "B": 3}
    assert result.contigs == 2
    genes = result.set
    assert genes.contigs == {
        "A:1": {"length": 5000, "md5": "aa", "species": "A", "name": "1"},
        "B:1": {"length": 9000, "md5": "bb", "species": "B", "name": "1"},
    }
    assert genes.contigs_of("B") == {"1": genes.contigs["B:1"]}
    assert genes.of_contigs("length") == [5000] * 3 + [9000] * 3
    assert genes.table["id"].tolist() == list("abcabc")


def test_windows_are_cut_at_the_end_of_their_own_species_contig():
    # Both genes extend from 980 to 1030 and overlap after base 1000, where the contig of A ends.
    one, other = (gene_set(name, length, name, "ab", 990, 35) for name, length in (("A", 1000), ("B", 9000)))
    assert overlapping(one).rows.tolist() == []
    assert overlapping(other).rows.tolist() == [[1, 0], [0, 1]]
    assert overlapping(combine([one, other]).set).rows.tolist() == [[3, 2], [2, 3]]


def test_combined_files_are_reproducible_and_readable_and_inputs_stay_unchanged(tmp_path):
    for name, one in (("a", gene_set("A", 5000, "aa")), ("b", gene_set("B", 9000, "bb"))):
        one.write(tmp_path / f"{name}.parquet")
    for name in ("one", "two"):
        combine([tmp_path / "a.parquet", tmp_path / "b.parquet"], output=tmp_path / f"{name}.parquet")
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "two.parquet").read_bytes()
    read = SequenceSet.read(tmp_path / "one.parquet")
    assert read.of_contigs("md5") == ["aa"] * 3 + ["bb"] * 3
    assert [one["name"] for one in read.metadata["inputs"]] == ["a.parquet", "b.parquet"]
    assert read.metadata["format"] == 2
    assert SequenceSet.read(tmp_path / "a.parquet").metadata["format"] == 1


def test_sets_without_a_species_can_be_named():
    sets = [gene_set(".", 5000, "aa"), gene_set("B", 9000, "bb")]
    result = combine(sets, species="A,B")
    assert result.set.table["species"].tolist() == ["A"] * 3 + ["B"] * 3
    assert set(result.set.contigs) == {"A:1", "B:1"}
    assert sets[0].table["species"].tolist() == ["."] * 3
    with pytest.raises(BadOption, match=r"set 2: --species C: this set has the species B"):
        combine(sets, species=["A", "C"])
    with pytest.raises(BadOption, match=r"--species: 1 names for 2 sets"):
        combine(sets, species="A")


def test_sets_that_cannot_be_combined_are_refused(caplog):
    one = gene_set(".", 5000, "aa")
    with pytest.raises(BadOption, match="at least two sets"):
        combine([one])
    with pytest.raises(BadTable, match=r"several sequences have the same species and id: \. a, \. b, \. c; omit one"):
        combine([one, gene_set(".", 5000, "aa")])
    with pytest.raises(ContigMismatch, match=r"contig '1' of species '\.' differs from the one in an earlier set"):
        combine([one, gene_set(".", 9000, "bb", "def")])
    narrow = gene_set("B", 9000, "bb")
    narrow.geometry = Geometry(upstream=10, downstream=5, pad=3, visible="flanks")
    different = r"pad 2 and 3, visible all and flanks; use one geometry"
    with pytest.raises(BadTable, match=rf"set 2: its geometry differs from set 1: {different}"):
        combine([one, narrow])
    labelled = gene_set("B", 9000, "bb")
    labelled.table["label"] = "low"
    with pytest.raises(BadTable, match=r"do not have the same columns: label"):
        combine([one, labelled])
    assert combine([one, gene_set(".", 5000, "aa", "def")]).species == {".": 6}
    assert "sets without a species count as one species" in caplog.text


def test_a_combined_set_can_be_combined_again():
    both = combine([gene_set("A", 5000, "aa"), gene_set("B", 9000, "bb")]).set
    three = combine([both, gene_set("C", 7000, "cc")]).set
    assert list(three.contigs) == ["A:1", "B:1", "C:1"]
    assert split(three, by="species").test == {"A": 3, "B": 3, "C": 3}
