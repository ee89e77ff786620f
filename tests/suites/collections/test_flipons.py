import random
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from kanseq.errors import BadOption, BadTable
from kanseq.suites.collections.data_set_checks import check_data_set
from kanseq.suites.collections.find_data_sets import find_data_sets
from kanseq.suites.collections.flipons import SEED, TESTED, WIDTH, canonical_name


@pytest.fixture
def write(tmp_path):
    def write(name, text):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    return write


@pytest.fixture
def genome(write):
    random.seed(2)
    return write("genomes/g.fasta", f">1\n{'N' * 300}{''.join(random.choices('ACG', k=5000))}\n")


def fasta(count):
    random.seed(4)
    return "".join(f">p{row}\n{''.join(random.choices('ACCT', k=30 + row))}\n" for row in range(count))


def test_the_authors_tables_keep_their_split(write, tmp_path):
    head = "sequence,label,split\n"
    write("Shin500_kan_dataset.csv", f"{head}ACGT,1,train\nGGGG,0,train\nTTTT,0,test\nCCCC,1,test\n")
    write("more/kan_g4_seq.csv", f",{head}0,ACGT,1,train\n1,GG,0,test\n")
    write("notes.csv", "name,value\nx,1\n")
    first, second = find_data_sets("flipons", tmp_path)
    assert (first.name, second.name, first.collection) == ("g4_seq", "shin", "flipons")
    genes = second.read()
    assert genes.table[["id", "label", "split"]].to_numpy().tolist()[2:] == [
        ["Shin500_kan_dataset-3", "0", "test"],
        ["Shin500_kan_dataset-4", "1", "test"],
    ]
    assert first.read().letters() == ["ACGT", "GG"]
    (chosen,) = find_data_sets("flipons", tmp_path, names=["Shin500_kan_dataset"])
    assert chosen.name == "shin"


def test_a_table_that_is_left_out_is_a_warning(write, tmp_path, caplog):
    path = write("notes.csv", "name,value\nx,1\n")
    with pytest.raises(BadTable, match=r"found no data set; the folder contains notes\.csv; expected NAME\.csv"):
        find_data_sets("flipons", tmp_path)
    assert caplog.messages == [f"left out, no columns 'sequence' and 'label': {path}"]


def test_a_table_without_a_split_is_tested_on_a_fifth_of_each_class(write, tmp_path):
    rows = [f"{'ACGT'[row % 4] * (row + 1)},{int(row % 3 == 0)}" for row in range(60)]
    write("own.csv", "sequence,label\n" + "\n".join(rows) + "\n")
    (one,) = find_data_sets("flipons", tmp_path)
    genes = one.read()
    assert Counter(zip(genes.table["label"], genes.table["split"], strict=True)) == {
        ("0", "train"): 32,
        ("0", "test"): 8,
        ("1", "train"): 16,
        ("1", "test"): 4,
    }
    assert genes.metadata["split"] == {"tested": TESTED, "seed": SEED}
    assert list(one.read().table["split"]) == list(genes.table["split"])
    tested = genes.table["split"] == "test"
    assert not tested[:12].all()
    assert tested[30:].any()


@pytest.mark.parametrize("name", ["mine.fa", "mine/positive.fa"])
def test_negatives_are_shuffles_of_the_flipons_in_the_same_split(write, tmp_path, name):
    write(name, fasta(40))
    (one,) = find_data_sets("flipons", tmp_path)
    genes = one.read()
    assert (one.name, len(genes)) == ("mine", 80)
    assert list(genes.table["label"]) == ["positive"] * 40 + ["negative"] * 40
    assert list(genes.table["id"])[::40] == ["positive:p0", "negative:p0"]
    assert list(genes.table["split"][:40]) == list(genes.table["split"][40:])
    assert (genes.table["split"] == "test").sum() == 16
    letters = genes.letters()
    for flipon, made in zip(letters[:40], letters[40:], strict=True):
        assert flipon != made
        assert Counter(pairwise(flipon)) == Counter(pairwise(made))
    assert one.read().letters() == letters
    assert list(genes.table["length"]) == [len(text) for text in letters]
    check_data_set(genes)


def test_negatives_as_published_are_uniform_bases_of_the_same_length(write, tmp_path):
    write("mine.fa", fasta(40))
    (one,) = find_data_sets("flipons", tmp_path, negatives="uniform")
    letters = one.read().letters()
    assert [len(text) for text in letters[40:]] == [len(text) for text in letters[:40]] == list(range(30, 70))
    counts = Counter("".join(letters[40:]))
    total = sum(counts.values())
    # The flipons have no G; four standard deviations of a quarter of 1980 bases are 77.
    assert all(abs(counts[base] - total / 4) < 77 for base in "ACGT")
    assert set(counts) == set("ACGT")
    assert len(set(letters[40:])) == 40
    assert one.read().letters() == letters


def test_n_stays_in_place_in_a_shuffle(write, tmp_path):
    write("mine.fa", ">a\nACGTTNNNCCATAC\n>b\nNNAC\n")
    flipon, other, made, also = find_data_sets("flipons", tmp_path)[0].read().letters()
    assert [(text[5:8], len(text)) for text in (flipon, made)] == [("NNN", 14)] * 2
    assert made.count("N") == 3
    assert (other, also) == ("NNAC", "NNAC")


@pytest.mark.parametrize(
    ("positive", "negative"), [("mine.fa", "mine.negative.fa"), ("mine/positive.fa", "mine/negative.fasta")]
)
def test_existing_negatives_are_used(write, tmp_path, positive, negative):
    write(positive, fasta(10))
    write(negative, ">p0\nGGGG\n>x\nGGGGG\n>y\nGGG\n>z\nGG\n>w\nG\n")
    (one,) = find_data_sets("flipons", tmp_path)
    assert (one.name, [path.suffix for path in one.files["*"]]) == (
        "mine",
        [positive[-3:], negative[negative.rfind(".") :]],
    )
    table = one.read().table
    assert Counter(zip(table["label"], table["split"], strict=True)) == {
        ("positive", "train"): 8,
        ("positive", "test"): 2,
        ("negative", "train"): 4,
        ("negative", "test"): 1,
    }


def test_intervals_become_512_wide_and_longer_ones_are_counted(write, genome, tmp_path, caplog):
    write("hdna.bed", "1\t1000\t1013\n1\t2000\t2512\n1\t2600\t3113\n1\t2\t20\n1\t3000\t3001\tx\t0\t-\n")
    (one,) = find_data_sets("flipons", tmp_path, genome=genome)
    genes = one.read()
    contig = genome.read_text().split("\n")[1]
    pairs = {"A": "T", "C": "G", "G": "C"}
    # The left side is extended by floor((512 - length) / 2): 249 of 499, 0, 255 of 511.
    expected = [contig[751:1263], contig[2000:2512], "".join(pairs[base] for base in reversed(contig[2745:3257]))]
    assert genes.letters()[:3] == expected
    assert set(genes.table["length"]) == {WIDTH} == {512}
    assert genes.metadata["options"]["left_out"] == {"longer": 1, "past_end": 1}
    assert len(caplog.messages) == 1
    # Negatives have no coordinates.
    assert "chrom" not in genes.table
    assert genes.contigs == {}


def test_intervals_without_a_genome_are_refused(write, tmp_path):
    write("hdna.bed", "1\t1000\t1013\n")
    (one,) = find_data_sets("flipons", tmp_path)
    with pytest.raises(BadOption, match=r"hdna\.bed: .*use --genome"):
        one.read()


def test_the_genome_in_the_same_folder_is_not_a_data_set(write, genome, tmp_path):
    write("hdna.bed", "1\t1000\t1013\n")
    assert [one.name for one in find_data_sets("flipons", tmp_path, genome=genome)] == ["hdna"]
    assert [one.name for one in find_data_sets("flipons", tmp_path)] == ["g", "hdna"]


def test_two_files_of_one_set_are_refused(write, tmp_path):
    write("a.fa", ">x\nAC\n")
    path = write("a.bed", "1\t0\t5\n")
    with pytest.raises(BadTable, match=r"a\.bed is the same data set as a\.fa; keep one of them"):
        find_data_sets("flipons", tmp_path)
    path.unlink()
    write("a.csv", "sequence,label,split\nAC,1,train\n")
    with pytest.raises(BadTable, match=r"'a' occurs twice: .*a\.csv and .*a\.fa"):
        find_data_sets("flipons", tmp_path)


def test_the_seven_tables_have_seven_names():
    stems = "Shin500_kan_dataset Kou500_kan_dataset HDNA500_kan_dataset Endoquad_kan_dataset kan_g4_chip kan_g4_cut"
    names = [canonical_name(stem) for stem in [*stems.split(), "kan_g4_seq"]]
    assert names == ["shin", "kouzine", "hdna", "endoquad", "g4_chip", "g4_cut", "g4_seq"]


def test_overlapping_flipons_are_in_the_same_split(tmp_path):
    rng = np.random.default_rng(4)
    (tmp_path / "g.fa").write_text(">1\n" + "".join(rng.choice(list("ACGT"), 60_000)) + "\n")
    # Twenty clusters of five sites, 100 bases apart: their windows of 512 bases overlap.
    starts = [1000 + 2900 * place + 100 * site for place in range(20) for site in range(5)]
    (tmp_path / "f").mkdir()
    (tmp_path / "f" / "sites.bed").write_text("".join(f"1\t{start}\t{start + 20}\n" for start in starts))
    (one,) = find_data_sets("flipons", tmp_path / "f", genome=tmp_path / "g.fa")
    genes = one.read()
    positive = genes.table[genes.table["label"] == "positive"]
    sides = positive["split"].to_numpy().reshape(20, 5)
    assert (sides == sides[:, :1]).all()
    assert (sides == "test").sum() == 20


def test_a_folder_of_splits_is_not_a_flipons_data_set(tmp_path):
    for split in ("train", "test"):
        (tmp_path / f"{split}.csv").write_text("sequence,label\nACGT,0\nACGA,1\n")
    with pytest.raises(BadTable, match=r"test.csv is a split of the GUE layout; expected NAME.csv"):
        find_data_sets("flipons", tmp_path)
