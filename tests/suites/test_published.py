from collections import Counter

import pytest

from kanseq.errors import BadTable
from kanseq.suites.collections.find_data_sets import find_data_sets
from kanseq.suites.published import TABLE, PublishedScore, published, published_numbers

HEADER = "collection\tdata_set\tmodel\tMCC\n"

FOLDERS = {
    "DMEE": "dummy_mouse_enhancers_ensembl",
    "DCIS": "demo_coding_vs_intergenomic_seqs",
    "DHW": "demo_human_or_worm",
    "DES": "drosophila_enhancers_stark",
    "HEC": "human_enhancers_cohn",
    "HEE": "human_enhancers_ensembl",
    "HER": "human_ensembl_regulatory",
    "HNP": "human_nontata_promoters",
    "HOE": "human_ocr_ensembl",
}
"""Name in table 1 of the paper -> folder of Genomic Benchmarks."""

FILES = {
    "ENDO": "Endoquad_kan_dataset",
    "G4SEQ": "kan_g4_seq",
    "G4CHIP": "kan_g4_chip",
    "G4CUT": "kan_g4_cut",
    "ZKOU": "Kou500_kan_dataset",
    "ZSHIN": "Shin500_kan_dataset",
    "HKOU": "HDNA500_kan_dataset",
}
"""Name in table 2 of the paper -> table of the authors."""

MARKS = ("H3", "H3K14ac", "H3K36me3", "H3K4me1", "H3K4me2", "H3K4me3", "H3K79me3", "H3K9ac", "H4", "H4ac")
CELLS = ("GM12878", "HeLa-S3", "HUVEC", "IMR90", "K562", "NHEK")
KINDS = ("all", "notata", "tata")
NESTED = {
    **{mark.upper(): f"GUE/EMP/{mark}" for mark in MARKS},
    **{f"PD {kind.upper()}": f"GUE/prom/prom_300_{kind}" for kind in KINDS},
    **{f"CPD {kind.upper()}": f"GUE/prom/prom_core_{kind}" for kind in KINDS},
    **{f"TF HUMAN {number}": f"GUE/tf/{number}" for number in range(5)},
    **{f"TF MOUSE {number}": f"GUE/mouse/{number}" for number in range(5)},
    "VIRUS": "GUE/virus/covid",
    "SPLICE": "GUE/splice/reconstructed",
}
"""Name in table 3 of the paper -> folder of GUE as unpacked."""

FLAT = {
    **{mark.upper(): f"emp_{mark}" for mark in MARKS},
    **{f"PD {kind.upper()}": f"prom_300_{kind}" for kind in KINDS},
    **{f"CPD {kind.upper()}": f"prom_core_{kind}" for kind in KINDS},
    **{f"TF HUMAN {number}": f"human_tf_{number}" for number in range(5)},
    **{f"TF MOUSE {number}": f"mouse_{number}" for number in range(5)},
    "VIRUS": "virus_covid",
    "SPLICE": "splice_reconstructed",
}
"""Name in table 3 of the paper -> folder of GUE in a copy without nested folders."""

PLUS = {
    **{cell.upper(): f"GUE_plus/EPI/{cell}" for cell in CELLS},
    "FUNGI": "GUE_plus/fungi_species_20",
    "VIRUS": "GUE_plus/virus_species_40",
}
PLUS_FLAT = {
    **{cell.upper(): f"EPI_{cell}" for cell in CELLS},
    "FUNGI": "fungi/species_20",
    "VIRUS": "virus/species_40",
}
"""Name in table 4 of the paper -> folder of GUE+, in two layouts."""


def sources():
    """Return (collection, data set) -> the table of the paper and the name in it."""
    header, *rows = (line.split("\t") for line in TABLE.read_text().splitlines())
    assert header == ["collection", "data_set", "model", "MCC", "MCC_sd", "source", "note"]
    found = {}
    for row in rows:
        assert found.setdefault((row[0], row[1]), row[5]) == row[5]
    return found


def test_the_numbers_of_three_models_on_52_data_sets_are_known():
    numbers = published_numbers()
    assert Counter(collection for collection, _ in numbers) == {"genomic-benchmarks": 9, "flipons": 7, "gue": 36}
    assert {tuple(models) for models in numbers.values()} == {("legnet", "legnet-lkan", "legnet-ckan")}
    assert all(score.sd is not None for models in numbers.values() for score in models.values())
    assert published("gue", "tf_9") == {}


@pytest.mark.parametrize(
    ("collection", "data_set", "model", "mcc", "sd"),
    [
        ("genomic-benchmarks", "dummy_mouse_enhancers_ensembl", "legnet-ckan", 64.8, 1.3),
        ("genomic-benchmarks", "drosophila_enhancers_stark", "legnet", 27.3, 0.9),
        ("genomic-benchmarks", "human_ensembl_regulatory", "legnet-lkan", 89.3, 0.8),
        ("flipons", "shin", "legnet", 97.9, 0.5),
        ("flipons", "hdna", "legnet-lkan", 95.2, 1.1),
        ("flipons", "g4_cut", "legnet-ckan", 85.6, 1.2),
        ("gue", "H3K14ac", "legnet", 40.2, 0.8),
        ("gue", "mouse_2", "legnet-lkan", 85.5, 0.8),
        ("gue", "covid", "legnet-lkan", 58.2, 1.5),
        ("gue", "splice", "legnet", 78.2, 0.8),
        ("gue", "EPI_K562", "legnet-lkan", 44.4, 0.7),
        ("gue", "virus_species_40", "legnet-lkan", 35.3, 1.9),
    ],
)
def test_published_numbers_are_100_times_the_mcc_with_its_standard_deviation(collection, data_set, model, mcc, sd):
    assert published(collection, data_set)[model] == PublishedScore(mcc, sd)


@pytest.mark.parametrize("table_3", [NESTED, FLAT])
@pytest.mark.parametrize("table_4", [PLUS, PLUS_FLAT])
def test_the_folders_of_gue_have_published_numbers(tmp_path, table_3, table_4):
    expected = {}
    for table, folders in ((3, table_3), (4, table_4)):
        for name, folder in folders.items():
            (tmp_path / folder).mkdir(parents=True)
            for split in ("train", "test"):
                (tmp_path / folder / f"{split}.csv").touch()
            expected[folder] = f"table {table}, {name}"
    places = {one.name: one.files["train"][0].parent for one in find_data_sets("gue", tmp_path)}
    known = {name: source for (collection, name), source in sources().items() if collection == "gue"}
    assert {str(place.relative_to(tmp_path)): known.get(name) for name, place in places.items()} == expected


def test_the_folders_of_genomic_benchmarks_have_published_numbers(tmp_path):
    for folder in FOLDERS.values():
        for split in ("train", "test"):
            (tmp_path / "datasets" / folder / split).mkdir(parents=True)
            (tmp_path / "datasets" / folder / split / "positive.fa").touch()
    found = {one.name for one in find_data_sets("genomic-benchmarks", tmp_path)}
    known = {name: source for (collection, name), source in sources().items() if collection == "genomic-benchmarks"}
    assert known == {folder: f"table 1, {name}" for name, folder in FOLDERS.items()}
    assert found == set(known)


def test_the_authors_tables_of_flipons_have_published_numbers(tmp_path):
    names = {}
    for name, stem in FILES.items():
        (tmp_path / f"{stem}.csv").write_text("sequence,label,split\n")
        (one,) = find_data_sets("flipons", tmp_path)
        names[one.name] = f"table 2, {name}"
        (tmp_path / f"{stem}.csv").unlink()
    assert names == {name: source for (collection, name), source in sources().items() if collection == "flipons"}


def test_slips_of_the_paper_have_a_note():
    rows = [line.split("\t") for line in TABLE.read_text().splitlines()[1:]]
    assert {(row[1], row[6]) for row in rows if row[6]} == {
        ("EPI_K562", "the paper prints K692"),
        ("splice", "the paper prints SPICE"),
        (
            "drosophila_enhancers_stark",
            "the paper prints the value of LegNet in bold, although that of LKAN is higher",
        ),
    }


def test_a_user_s_table_adds_and_replaces_numbers(tmp_path):
    path = tmp_path / "own.tsv"
    path.write_text(
        "source\tMCC\tmodel\tdata_set\tcollection\nme\t60\tlegnet\ttf_0\tgue\nme\t-5.5\tkan\ttf_0\tgue\nme\t90\tkan\tmine\tflipons\n"
    )
    assert published("gue", "tf_0", path) == {
        "legnet": (60.0, None),
        "legnet-lkan": (67.4, 0.6),
        "legnet-ckan": (65.5, 0.9),
        "kan": (-5.5, None),
    }
    assert published("flipons", "mine", path) == {"kan": (90.0, None)}
    assert published("gue", "tf_0")["legnet"] == (65.1, 0.7)


def test_a_user_s_table_may_have_standard_deviations(tmp_path):
    path = tmp_path / "own.tsv"
    path.write_text("collection\tdata_set\tmodel\tMCC\tMCC_sd\ngue\tmine\tkan\t60\t1.5\ngue\tmine\tmlp\t50\t\n")
    assert published("gue", "mine", path) == {"kan": (60.0, 1.5), "mlp": (50.0, None)}


@pytest.mark.parametrize("cell", ["-0.1", "100.5", "x", "nan"])
def test_an_invalid_standard_deviation_is_refused(tmp_path, cell):
    path = tmp_path / "own.tsv"
    path.write_text(f"{HEADER.rstrip()}\tMCC_sd\ngue\ttf_0\tkan\t60\t{cell}\n")
    with pytest.raises(BadTable, match=f":2: the standard deviation '{cell}' is not a number from 0 to 100"):
        published_numbers(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "collection\tdata_set\tMCC\n",
            ":1: the column 'model' is missing; collection, data_set, model, MCC are expected",
        ),
        (HEADER + "gue\ttf_0\tkan\t6O\n", ":2: the MCC '6O' is not a number from -100 to 100"),
        (HEADER + "gue\ttf_0\tkan\t\n", ":2: the MCC '' is not a number"),
        (HEADER + "gue\ttf_0\tkan\tnan\n", ":2: the MCC 'nan' is not a number"),
        (HEADER + "gue\ttf_0\tkan\t100.1\n", ":2: the MCC '100.1' is not a number from -100 to 100"),
        (HEADER + "gue\t\tkan\t50\n", ":2: the collection, data set or model is empty"),
        (HEADER + "gue\ttf_0\tkan\t50\ngue\ttf_0\tkan\t50\n", ":3: 'kan' on tf_0 occurs twice; keep one of them"),
        (HEADER + "gue\ttf_0\tkan\t0.65\n", ": every MCC lies between -1 and 1; write 100 times the MCC"),
        (HEADER + "gue\ttf_0\tkan\n", ":2: 3 cells, but the header has 4"),
        ("", ":1: the first line is empty"),
    ],
)
def test_an_invalid_table_is_reported_with_its_line(tmp_path, text, message):
    path = tmp_path / "own.tsv"
    path.write_text(text)
    with pytest.raises(BadTable) as error:
        published_numbers(path)
    assert str(error.value).startswith(f"{path}{message}")
