import gzip

import pytest

from kanseq.errors import BadOption, BadTable, MalformedLine
from kanseq.suites.collections.data_set_checks import check_data_set
from kanseq.suites.collections.find_data_sets import find_data_sets
from kanseq.suites.collections.genomic_benchmarks import read_references

COLLECTION = "genomic-benchmarks"


@pytest.fixture
def write(tmp_path):
    def write(name, text):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
        return path

    return write


@pytest.fixture
def worms(write, tmp_path):
    """Coordinates of two species whose contigs have the same names, as in the repository."""
    head = "id,region,start,end,strand\n"
    for split in ("train", "test"):
        write(f"r/datasets/hw/{split}/human.csv.gz", f"{head}1,chrX,0,3,-\n2,chrX,1,4,\n")
        write(f"r/datasets/hw/{split}/worm.csv.gz", f"{head}1,X,0,2,+\n")
    url = "http://ftp.ensembl.org/pub/fasta"
    lines = ["classes:", "  human:", f"    url: {url}/human.fa.gz", "    type: fa.gz", "    extra_processing: X"]
    write("r/datasets/hw/metadata.yaml", "\n".join([*lines, "  worm:", f"    url: {url}/worm.fa.gz", "version: 0\n"]))
    write("r/tests/hw/train/a.fa", ">x\nAC\n")
    write("r/tests/hw/test/a.fa", ">x\nAC\n")
    write("g/human.fa", ">X\nAACC\n")
    write("g/worm.fa.gz", ">X\nGGTT\n")
    return tmp_path


def rows(genes, *columns):
    return [tuple(row) for row in genes.table[list(columns)].itertuples(index=False)]


def test_one_file_per_sequence_is_read(write, tmp_path):
    for split, name, letters in [
        ("train/positive", "0", "ACGT"),
        ("train/positive", "10", "AC"),
        ("train/negative", "0", "GG"),
        ("test/positive", "0", "TTT"),
        ("test/negative", "0", "CC\n"),
    ]:
        write(f"set_b/{split}/{name}.txt", letters)
    (tmp_path / "set_b" / "train" / ".DS_Store").touch()
    write("set_b/train/README.md", "x")
    write("set_a/train/x.fa.gz", ">1\nAC\n>2\nGT\n")
    write("set_a/test/x.fasta", ">1\nTT\n")
    first, second = find_data_sets(COLLECTION, tmp_path)
    assert (first.name, second.name, second.collection) == ("set_a", "set_b", COLLECTION)
    assert [path.name for path in second.files["train"]] == ["negative", "positive"]
    assert rows(second.read(), "id", "sequence", "label", "split") == [
        ("train:negative:0", "GG", "negative", "train"),
        ("train:positive:0", "ACGT", "positive", "train"),
        ("train:positive:10", "AC", "positive", "train"),
        ("test:negative:0", "CC", "negative", "test"),
        ("test:positive:0", "TTT", "positive", "test"),
    ]
    assert rows(first.read(), "id", "label", "split") == [
        ("train:x:1", "x", "train"),
        ("train:x:2", "x", "train"),
        ("test:x:1", "x", "test"),
    ]
    assert check_data_set(second.read()).train_classes == "negative 1, positive 2"


EXPECTED = [
    ("train:human:1", "GTT", "human", "train"),
    ("train:human:2", "ACC", "human", "train"),
    ("train:worm:1", "GG", "worm", "train"),
    ("test:human:1", "GTT", "human", "test"),
    ("test:human:2", "ACC", "human", "test"),
    ("test:worm:1", "GG", "worm", "test"),
]


@pytest.mark.parametrize(
    "keys", [("human", "worm"), ("hw/human", "hw/worm"), ("hw", "hw/worm"), ("hw/human", "worm"), None]
)
def test_coordinates_are_read_from_the_genome_of_each_class(worms, keys):
    human, worm = worms / "g" / "human.fa", worms / "g" / "worm.fa.gz"
    # Without keys: the folder of references named as in metadata.yaml.
    genome = worms / "g" if keys is None else {keys[0]: human, keys[1]: worm}
    (one,) = find_data_sets(COLLECTION, worms / "r", genome=genome)
    assert (one.name, rows(one.read(), "id", "sequence", "label", "split")) == ("hw", EXPECTED)


def test_the_most_specific_key_is_used(worms):
    human, worm = worms / "g" / "human.fa", worms / "g" / "worm.fa.gz"
    genome = {"worm": human, "hw/worm": worm, "hw": human, "other/human": worm}
    (one,) = find_data_sets(COLLECTION, worms / "r", genome=genome)
    assert rows(one.read(), "id", "sequence", "label", "split") == EXPECTED


def test_one_genome_for_all_classes_keeps_coordinates(worms):
    (one,) = find_data_sets(COLLECTION, worms / "r", genome=str(worms / "g" / "human.fa"))
    assert rows(one.read(), "chrom", "start", "sequence")[:3] == [("X", 0, "GTT"), ("X", 1, "ACC"), ("X", 0, "AA")]


def test_coordinates_outside_of_the_genome_are_refused(worms, write):
    path = write("r/datasets/hw/test/human.csv.gz", "id,region,start,end,strand\n1,chrX,0,5,+\n")
    (one,) = find_data_sets(COLLECTION, worms / "r", genome=worms / "g")
    with pytest.raises(MalformedLine) as error:
        one.read()
    assert str(error.value).startswith(f"{path}:2: the end 5 is past contig 'X', which has 4 bases")


def test_a_class_without_a_genome_is_refused_with_the_name_of_the_genome(worms):
    for genome, found in [
        (None, ""),
        ({"human": worms / "g" / "human.fa"}, ""),
        (worms / "r", ", and .* contains datasets/, tests/"),
    ]:
        name = "worm" if isinstance(genome, dict) else "human"
        message = f"the class '{name}' of hw has coordinates and no genome{found}; "
        hint = f"use --genome hw/{name}=FASTA with http://ftp.ensembl.org/pub/fasta/{name}.fa.gz"
        with pytest.raises(BadOption, match=message + hint):
            find_data_sets(COLLECTION, worms / "r", genome=genome)


def test_only_requested_sets_need_genomes(worms, write):
    write("r/datasets/own/train/a.fa", ">x\nAC\n")
    write("r/datasets/own/test/a.fa", ">x\nAC\n")
    assert [one.name for one in find_data_sets(COLLECTION, worms / "r", names=["own"])] == ["own"]


def test_references_are_read_from_a_description(worms, write):
    references = read_references(worms / "r" / "datasets" / "hw" / "metadata.yaml")
    assert {name: one.file for name, one in references.items()} == {"human": "human.fa.gz", "worm": "worm.fa.gz"}
    for text in ("version: 0\n", "a: [\n", "classes:\n  a: 1\n", ""):
        with pytest.raises(BadTable, match=r"m\.yaml: the file does not list the classes with their reference URLs"):
            read_references(write("m.yaml", text))


def test_a_class_of_the_description_without_coordinates_is_refused(worms):
    for split in ("train", "test"):
        (worms / "r" / "datasets" / "hw" / split / "worm.csv.gz").unlink()
    with pytest.raises(BadTable, match="hw: no coordinates of the class 'worm'"):
        find_data_sets(COLLECTION, worms / "r", genome=worms / "g")


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (["a.fa", "a.csv"], r"train: the class 'a' occurs twice: a\.csv and a\.fa"),
        (["a.fa", "a/1.txt"], r"train: the class 'a' occurs twice: a and a\.fa"),
        (["a.fa", "b.csv"], r"train: both coordinates and sequences: a\.fa, b\.csv; keep one kind"),
        (["a.doc"], r"train: no class found; it contains a\.doc; expected folders NAME/train and NAME/test"),
    ],
)
def test_a_folder_of_ambiguous_classes_is_refused(write, tmp_path, files, message):
    write("set/test/a.fa", ">x\nAC\n")
    for name in files:
        write(f"set/train/{name}", ">x\nAC\n")
    with pytest.raises(BadTable, match=message):
        find_data_sets(COLLECTION, tmp_path)
