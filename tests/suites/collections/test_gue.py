import gzip

import pytest

from kanseq.errors import BadOption, BadTable
from kanseq.suites.collections.find_data_sets import find_data_sets
from kanseq.suites.collections.gue import canonical_name

HEADER = "sequence,label\n"


@pytest.fixture
def write(tmp_path):
    def write(folder, *, dev=True, rows="AC,0\nGT,1\n", header=HEADER, end=".csv"):
        place = tmp_path / folder
        place.mkdir(parents=True)
        for split in ("train", "dev", "test") if dev else ("train", "test"):
            content = (header + rows).encode()
            (place / f"{split}{end}").write_bytes(gzip.compress(content) if end.endswith(".gz") else content)
        return place

    return write


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("GUE/tf/0", "tf_0"),
        ("human_tf_0", "tf_0"),
        ("tf0", "tf_0"),
        ("tf_human/human0", "tf_0"),
        ("GUE/mouse/4", "mouse_4"),
        ("mouse_0", "mouse_0"),
        ("mouse0", "mouse_0"),
        ("GUE/EMP/H3", "H3"),
        ("emp_H3", "H3"),
        ("GUE/EMP/H3K4me1", "H3K4me1"),
        ("emp_H4ac", "H4ac"),
        ("GUE/prom/prom_core_tata", "prom_core_tata"),
        ("prom_300_all", "prom_300_all"),
        ("GUE/splice/reconstructed", "splice"),
        ("splice_reconstructed", "splice"),
        ("GUE/virus/covid", "covid"),
        ("virus_covid", "covid"),
        ("virus_species_40", "virus_species_40"),
        ("fungi_species_20", "fungi_species_20"),
        ("GUE_plus/virus/species_40", "virus_species_40"),
        ("GUE_plus/EPI/K562", "EPI_K562"),
        ("EPI_HeLa-S3", "EPI_HeLa-S3"),
        ("phage_fragments", "phage_fragments"),
        ("GUE/new/one", "GUE_new_one"),
        ("mine/0", "mine_0"),
    ],
)
def test_every_spelling_of_a_folder_has_one_canonical_name(write, tmp_path, folder, name):
    write(folder)
    assert [one.name for one in find_data_sets("gue", tmp_path)] == [name]


def test_the_folder_of_one_data_set_is_enough(write):
    assert [one.name for one in find_data_sets("gue", write("GUE/tf/3"))] == ["tf_3"]
    assert [one.name for one in find_data_sets("gue", write("mine"))] == ["mine"]


def test_tables_become_a_set_with_label_and_split(write, tmp_path):
    write("tf/0", end=".csv.gz")
    write("EMP/H3", dev=False, header="sequence, label\n")
    first, second = find_data_sets("gue", tmp_path)
    assert (first.name, list(first.files), second.collection) == ("H3", ["train", "test"], "gue")
    table = second.read().table
    assert list(table["id"]) == ["train-1", "train-2", "dev-1", "dev-2", "test-1", "test-2"]
    assert list(table["split"]) == ["train", "train", "dev", "dev", "test", "test"]
    assert list(table["label"]) == ["0", "1"] * 3
    assert list(first.read().table["split"]) == ["train", "train", "test", "test"]


@pytest.mark.parametrize("header", ["enhancer,promoter,label\n", "enhancer|promoter|label\n", "text1,text2,label\n"])
def test_pairs_become_one_sequence(write, tmp_path, header):
    sign = "|" if "|" in header else ","
    write("EPI/K562", header=header, rows=f"ACG{sign}TT{sign}1\n")
    (one,) = find_data_sets("gue", tmp_path)
    genes = one.read()
    assert (one.name, genes.letters()[0], genes.geometry.columns) == ("EPI_K562", "ACG" + "N" * 20 + "TT", 25)


def test_a_column_of_row_numbers_is_ignored(write, tmp_path):
    write("tf/0", header=",sequence,label\n", rows="0,AC,1\n")
    write("EPI/K562", header=",enhancer,promoter,label\n", rows="0,AC,GT,1\n")
    pair, plain = find_data_sets("gue", tmp_path)
    assert (plain.read().letters()[0], len(pair.read().letters()[0])) == ("AC", 24)


@pytest.mark.parametrize("header", ["AC,0\n", "sequence\n", "a,b,c,label\n", "sequence,class\n"])
def test_a_table_of_another_form_is_refused(write, tmp_path, header):
    write("tf/0", header=header, rows="")
    (one,) = find_data_sets("gue", tmp_path)
    with pytest.raises(BadTable, match=r"tf/0/train\.csv:1: the header has .*; expected sequence,label, or a pair"):
        one.read()


def test_data_sets_are_sorted_and_chosen_by_any_of_their_names(write, tmp_path):
    for folder in ("tf/1", "mouse/0", "EMP/H3"):
        write(folder)
    assert [one.name for one in find_data_sets("gue", tmp_path)] == ["H3", "mouse_0", "tf_1"]
    assert [one.name for one in find_data_sets("gue", tmp_path, names=["human_tf_1", "H3"])] == ["H3", "tf_1"]
    with pytest.raises(BadOption, match=r"no data set 'tf_9' in .*; there is H3, mouse_0, tf_1"):
        find_data_sets("gue", tmp_path, names=["tf/9"])


def test_two_folders_of_one_data_set_are_refused(write, tmp_path):
    write("tf/0")
    write("human_tf_0")
    with pytest.raises(BadTable, match=r"'tf_0' occurs twice: .*human_tf_0/train\.csv and .*tf/0/train\.csv"):
        find_data_sets("gue", tmp_path)


def test_two_tables_of_one_split_are_refused(write, tmp_path):
    place = write("tf/0")
    (place / "test.csv.gz").write_bytes(gzip.compress(HEADER.encode()))
    with pytest.raises(BadTable, match=r"tf/0: two tables of test: test\.csv, test\.csv\.gz"):
        find_data_sets("gue", tmp_path)


def test_a_folder_without_a_test_is_left_out_with_a_warning(write, tmp_path, caplog):
    write("tf/0")
    (write("tf/1") / "test.csv").unlink()
    assert [one.name for one in find_data_sets("gue", tmp_path)] == ["tf_0"]
    assert caplog.messages == [f"left out, no table of train or no table of test: {tmp_path / 'tf/1'}"]


def test_all_published_names_are_canonical():
    marks = "H3 H3K14ac H3K36me3 H3K4me1 H3K4me2 H3K4me3 H3K79me3 H3K9ac H4 H4ac".split()  # noqa: SIM905
    names = [f"{kind}_{number}" for kind in ("tf", "mouse") for number in range(5)]
    names += [f"prom_{size}_{kind}" for size in ("core", "300") for kind in ("all", "notata", "tata")]
    names += [f"EPI_{cell}" for cell in ("GM12878", "HeLa-S3", "HUVEC", "IMR90", "K562", "NHEK")]
    names += [*marks, "splice", "covid", "virus_species_40", "fungi_species_20"]
    assert len(set(names)) == 36
    assert [canonical_name(name) for name in names] == names
