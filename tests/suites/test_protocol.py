"""Splits of a set for a benchmark, and options of its trainings."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from kanseq.errors import BadOption, BadTable, EmptySplit
from kanseq.geometry import Geometry
from kanseq.sequences.sequence_set import SequenceSet
from kanseq.specification.fields import to_json
from kanseq.splits.split_tables import read_splits
from kanseq.suites.contestants import Entry, make_entries
from kanseq.suites.jobs import Machine
from kanseq.suites.protocol import Protocol, job_of, prepare
from kanseq.verbs.splitting.split import split


def labelled(split_of, letters=None):
    count = len(split_of)
    columns = {
        "id": [f"s{number}" for number in range(count)],
        "species": ".",
        "length": 8,
        "sequence": letters or [format(number, "08b").replace("0", "A").replace("1", "C") for number in range(count)],
        "label": ["a", "b"] * (count // 2),
        "split": split_of,
    }
    return SequenceSet(pd.DataFrame(columns), Geometry.plain(8))


def roles_in(folder):
    table = pd.read_csv(folder / "splits.tsv", sep="\t", keep_default_na=False)
    return {fold: rows.set_index("id")["role"].to_dict() for fold, rows in table.groupby("fold")}


SPLIT = ["train"] * 20 + ["dev"] * 4 + ["test"] * 6


def test_one_fold_tunes_on_dev_and_several_on_parts_of_all_but_the_test(tmp_path):
    prepare(labelled(SPLIT), tmp_path / "one", Protocol(folds=1))
    (one,) = roles_in(tmp_path / "one").values()
    assert {name for name, role in one.items() if role == "tune"} == {"s20", "s21", "s22", "s23"}
    prepare(labelled(SPLIT), tmp_path / "four", Protocol(folds=4))
    four = roles_in(tmp_path / "four")
    assert list(four) == ["part0", "part1", "part2", "part3"]
    for role_of in four.values():
        assert [role_of[f"s{number}"] for number in range(24, 30)] == ["test"] * 6
        assert sum(role == "tune" for role in role_of.values()) == 6
    assert json.loads((tmp_path / "one" / "set.json").read_text()) == {"classes": ["a", "b"], "columns": 8}


def test_one_fold_without_dev_tunes_on_a_tenth(tmp_path):
    prepare(labelled(["train"] * 20 + ["test"] * 6), tmp_path / "one", Protocol(folds=1))
    (one,) = roles_in(tmp_path / "one").values()
    assert sum(role == "tune" for role in one.values()) == 2


def test_copies_of_test_sequences_do_not_train_unless_they_are_kept(tmp_path):
    genes = labelled(SPLIT)
    genes.table.loc[3, "sequence"] = genes.table["sequence"][25]
    genes.table.loc[21, "sequence"] = genes.table["sequence"][26]
    for copies, roles in (("drop", ("unused", "unused")), ("keep", ("train", "tune"))):
        prepare(genes, tmp_path / copies, Protocol(folds=1, copies=copies))
        (one,) = roles_in(tmp_path / copies).values()
        assert (one["s3"], one["s21"]) == roles
        assert one["s25"] == one["s26"] == "test"
    prepare(genes, tmp_path / "rotated", Protocol(folds=4, copies="keep"))
    for name in ("s3", "s21"):
        assert sorted(each[name] for each in roles_in(tmp_path / "rotated").values()) == ["train"] * 3 + ["tune"]


def test_overlapping_sequences_keep_the_split_of_the_collection(tmp_path):
    genes = labelled(SPLIT)
    # All overlap along one contig; the first has the coordinates and letters of a test sequence.
    start = 4 * np.arange(30)
    start[0] = start[25]
    genes.table.loc[0, "sequence"] = genes.table["sequence"][25]
    genes.table = genes.table.assign(chrom="1", start=start, end=start + 8)
    assert split(genes, by="column").unused == {"test": 3}
    prepare(genes, tmp_path / "out", Protocol(folds=1))
    (one,) = roles_in(tmp_path / "out").values()
    assert one["s0"] == "unused"
    assert [one[f"s{number}"] for number in range(1, 20)] == ["train"] * 19
    assert [one[f"s{number}"] for number in range(20, 24)] == ["tune"] * 4


def test_tuning_sequences_do_not_train_baselines(tmp_path):
    prepare(labelled(SPLIT), tmp_path / "four", Protocol(folds=4))
    networks, plain = (
        pd.read_csv(tmp_path / "four" / name, sep="\t", keep_default_na=False)
        for name in ("splits.tsv", "splits.plain.tsv")
    )
    tunes = networks["role"] == "tune"
    assert tunes.sum() == 24
    assert plain["role"][tunes].unique().tolist() == ["unused"]
    assert plain["role"][~tunes].equals(networks["role"][~tunes])


def test_a_fold_that_lacks_a_class_is_refused_before_anything_is_written(tmp_path):
    genes = labelled(SPLIT)
    genes.table["label"] = ["a", "b"] * 15
    genes.table.loc[[2, 25], "label"] = "rare"
    with pytest.raises(EmptySplit, match=r"fold 'part\d': no sequence of the class rare is left to train; use fewer"):
        prepare(genes, tmp_path / "out", Protocol(folds=3))
    genes = labelled(SPLIT)
    genes.table.loc[24:, "label"] = "a"
    with pytest.raises(EmptySplit, match=r"fold 'test': no sequence of the class b is left to test"):
        prepare(genes, tmp_path / "out", Protocol(folds=1))
    assert not (tmp_path / "out").exists()


def test_names_may_hold_quotes(tmp_path):
    genes = labelled(SPLIT)
    genes.table["id"] = [f's"{number}"' for number in range(30)]
    prepare(genes, tmp_path / "out", Protocol(folds=1))
    assert read_splits(tmp_path / "out" / "splits.tsv")["id"].tolist() == genes.table["id"].tolist()


def test_a_folder_of_another_set_or_protocol_is_refused_and_unchanged(tmp_path):
    prepare(labelled(SPLIT), tmp_path / "one", Protocol(folds=1))
    before = {path.name: path.read_bytes() for path in (tmp_path / "one").iterdir()}
    with pytest.raises(BadOption, match=r"this run was started with folds 1, and not 2"):
        prepare(labelled(SPLIT), tmp_path / "one", Protocol(folds=2))
    with pytest.raises(BadOption, match=r"this run was started with different inputs: set"):
        prepare(labelled(["dev", *SPLIT[1:]]), tmp_path / "one", Protocol(folds=1))
    prepare(labelled(SPLIT), tmp_path / "one", Protocol(folds=1))
    assert {path.name: path.read_bytes() for path in (tmp_path / "one").iterdir()} == before


def test_sets_that_cannot_be_split_are_refused(tmp_path):
    one_class = labelled(SPLIT)
    one_class.table["label"] = "a"
    bare = labelled(SPLIT)
    bare.table = bare.table.drop(columns="label")
    for genes, message in (
        (labelled(["train"] * 20), "no sequence of the split 'test'"),
        (one_class, "all sequences have the label 'a'"),
        (bare, "needs sequences with a label and a split"),
    ):
        with pytest.raises(BadTable, match=message):
            prepare(genes, tmp_path / "bad", Protocol(folds=1))
    assert not (tmp_path / "bad").exists()


def spec_of(entry, protocol, **machine):
    return job_of(entry.on(Geometry.plain(30), 2), Path("out/tf_0"), protocol, Machine(threads=1, **machine)).spec


def test_a_training_runs_all_epochs_and_keeps_the_best():
    (legnet,) = make_entries(["legnet"], ["widths=8,6", "learning_rate=0.01"])
    spec = spec_of(legnet, Protocol(seeds=3, seed=7, epochs=4))
    assert to_json(spec)["options"] == {
        "genes": "out/tf_0/set.parquet",
        "splits": "out/tf_0/splits.tsv",
        "output": "out/tf_0/legnet",
        "model": "legnet",
        "options": {"widths": "8,6"},
        "epochs": 4,
        "learning_rate": 0.01,
        "tune": True,
        "patience": 4,
        "baseline": False,
        "seed": 7,
        "seeds": 3,
        "threads": 1,
    }
    # Without epochs in the protocol, the model's own number; an entry's own option overrides the protocol.
    assert spec_of(legnet, Protocol()).settings["patience"] == 10
    (own,) = make_entries(["legnet"], ["widths=8,6", "epochs=2"])
    assert spec_of(own, Protocol(epochs=4)).settings["epochs"] == 2
    assert spec_of(own, Protocol(epochs=4)).settings["patience"] == 2


def test_the_machine_s_precision_overrides_a_model_s():
    (legnet,) = make_entries(["legnet"], ["widths=8,6", "precision=float32"])
    assert spec_of(legnet, Protocol()).settings["precision"] == "float32"
    assert spec_of(legnet, Protocol(), precision="bfloat16").settings["precision"] == "bfloat16"


def test_baselines_take_no_options_of_networks():
    assert spec_of(Entry("gc", "gc", {}, {}), Protocol(epochs=4)).settings["tune"] is False


@pytest.mark.parametrize(
    ("protocol", "machine", "message"),
    [
        ({"folds": 0}, {}, "--folds 0; it must be a whole number of at least 1"),
        ({"folds": 2.5}, {}, "--folds 2.5; it must be a whole number of at least 1"),
        ({"copies": "some"}, {}, "--copies some; choose drop, keep"),
        ({"epochs": 2.5}, {}, "epochs is 2.5; it must be a whole number"),
        ({"epochs": 0}, {}, "epochs is 0; it must be at least 1"),
        ({"seeds": 0}, {}, "seeds is 0; it must be at least 1"),
        ({"seed": "1"}, {}, "seed is '1'; it must be a whole number"),
        ({}, {"jobs": 0}, "--jobs 0; it must be a whole number of at least 1"),
        ({}, {"threads": -1}, "threads is -1; it must be at least 0"),
        ({}, {"precision": "half"}, "precision 'half' is unknown; choose auto, float32, bfloat16"),
    ],
)
def test_an_invalid_protocol_is_refused(protocol, machine, message):
    with pytest.raises(BadOption, match=message):
        Protocol(**protocol).check(Machine(**machine))
