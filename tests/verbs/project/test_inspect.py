import gzip
import json

import numpy as np
import pandas as pd
import pytest

from kanseq.browsers.piece_track import PieceTrack
from kanseq.browsers.tracks import write_tracks
from kanseq.errors import BadTable, MissingFile, ModelMismatch, TruncatedFile
from kanseq.geometry import Geometry
from kanseq.sequences.sequence_set import SequenceSet
from kanseq.verbs.project.inspect import Card, inspect

GEOMETRY = Geometry(upstream=8, downstream=8, pad=8)


@pytest.fixture
def genes():
    windows = (*GEOMETRY.tss_window(50, "+"), *GEOMETRY.tts_window(150, "+"))
    row = ("g0", ".", 40, "1", "+", 50, 150, *windows, "A" * 40)
    names = ["id", "species", "length", "chrom", "strand", "tss", "tts"]
    names += ["tss_start", "tss_end", "tts_start", "tts_end", "sequence"]
    inputs = [{"name": "genome.fa.gz", "bytes": 7, "sha256": "0123456789abcdef"}]
    metadata = {"contigs": {"1": {"length": 200, "md5": "0"}, "2": {"length": 50, "md5": "1"}}, "inputs": inputs}
    return SequenceSet(pd.DataFrame([row], columns=names), GEOMETRY, metadata)


def test_a_set_of_genes_is_described(genes, tmp_path):
    genes.write(tmp_path / "x.bin")
    card = inspect(tmp_path / "x.bin")
    assert card.kind == "set of genes"
    facts = ("sequences", "columns", "tokens", "contigs", "bases")
    assert {name: card.fields[name] for name in facts} == {
        "sequences": 1,
        "columns": 40,
        "tokens": 5,
        "contigs": 2,
        "bases": 250,
    }
    assert card.fields["masked columns"] == ["[8, 11)", "[29, 32)"]
    assert card.fields["inputs"] == "genome.fa.gz (sha256 0123456789ab)"


def test_a_set_of_plain_sequences_is_described(tmp_path):
    table = pd.DataFrame({"id": ["a", "b"], "species": ".", "length": 4, "sequence": "ACGT", "label": ["low", "high"]})
    SequenceSet(table, Geometry.plain(4)).write(tmp_path / "x.parquet")
    card = inspect(tmp_path / "x.parquet")
    assert card.kind == "set of sequences"
    assert card.fields["label"] == {"low": 1, "high": 1}
    assert "windows" not in card.fields


SPLITS = "species\tid\tfold\trole\treason\n.\ta\t1\ttest\t\n.\tb\t1\ttrain\t\n.\tc\t1\tunused\toverlap:b\n"
LABELS = (
    "species\tid\tcondition\tfold\texpression\tlabel\tq1\tq3\n"
    ".\ta\t*\t1\t0.1\tlow\t0.5\t1.5\n.\tb\t*\t1\t2.0\thigh\t0.5\t1.5\n.\tc\t*\t1\t1.0\tmid\t0.5\t1.5\n"
)
PREDICTIONS = (
    "species\tid\tcondition\tchrom\tfold\trole\tlogit\tprobability\ttarget\n"
    ".\ta\t*\t1\t1\ttest\t-1.0\t0.27\t0\n.\tb\t*\t1\t1\ttest\t2.0\t0.88\t\n"
)
METRICS = (
    "model\tfold\tn\taccuracy\taccuracy_low\taccuracy_high\nkan\t1\t9\t0.5\t0.4\t0.6\nkan\tmean\t9\t0.5\t0.4\t0.6\n"
)


@pytest.mark.parametrize(
    ("text", "kind", "fields"),
    [
        (SPLITS, "splits", {"roles": {"1": {"test": 1, "train": 1, "unused": 1}}, "unused": {"overlap": 1}}),
        (
            LABELS,
            "labels",
            {
                "labels": {"low": 1, "high": 1, "mid": 1},
                "quartiles of": "each fold's training genes",
                "first to third quartile": {"1": "0.5 to 1.5"},
            },
        ),
        (SPLITS.replace("unused\toverlap:b", "train\t"), "splits", {"roles": {"1": {"test": 1, "train": 2}}}),
        (PREDICTIONS, "predictions", {"targets": {"0": 1, "none": 1}, "logit": {"min": -1.0, "mean": 0.5, "max": 2.0}}),
        (
            PREDICTIONS.replace("target\n", "target\tcalled\tlogit:exon\tlogit:gene\tlogit:none\n")
            .replace("\t0\n", "\t2\t0\t1\t0\t0\n")
            .replace("0.88\t\n", "0.88\t\t1\t0\t1\t0\n"),
            "predictions",
            {"targets": {"none": 2}},
        ),
        (
            PREDICTIONS.replace("0.27\t0", "\t0.3").replace("0.88", ""),
            "predictions",
            {"targets": {"measured": 1, "none": 1}, "logit": {"min": -1.0, "mean": 0.5, "max": 2.0}},
        ),
        ("id\treason\tdetail\na\tedge\tx\nb\tedge\ty\n", "genes left out", {"genes": 2, "reasons": {"edge": 2}}),
        (
            "species\tid\tgroup\n.\ta\t1\n.\tb\t2\n.\tc\t1\n",
            "groups of homologs",
            {"genes": 3, "groups": 2, "groups of two or more": 1, "genes in them": 2, "largest": 2},
        ),
        (
            "species\tid\tspecies_2\tid_2\tevalue\tbits\tcoverage\tidentity\n"
            ".\ta\t.\tb\t1e-9\t60\t80\t50\n.\ta\t.\tc\t1e-9\t60\t80\t50\n",
            "pairs of homologs",
            {"pairs": 2, "genes": 3},
        ),
        (METRICS, "metrics", {"models": {"kan": {"accuracy": "0.5"}}, "folds": 1}),
        (
            "gene_id\tchrom\tscored\tsignal\tnoise\ng1\t1\t1\t0.5\t0.1\ng2\t1\t0\t0.5\t0.1\n",
            "truth of a simulation",
            {"genes": 2, "chrom": {"1": 2}, "scored": 1},
        ),
        (
            '{"epoch": 1, "loss": 0.7, "tune_loss": null, "genes_per_second": 9.0}\n',
            "log of a training",
            {"epochs": 1, "loss": [0.7], "tune loss": None},
        ),
        (
            '{"epoch": 1, "loss": 0.7, "tune_error": 0.5, "learning_rate": 0.1, "genes_per_second": 9.0}\n',
            "log of a training",
            {"epochs": 1, "loss": [0.7], "tune error": [0.5]},
        ),
        ("1\t0\t8\tg:TSS\t0\t+\n", "BED track", {"rows": 1, "strand": {"+": 1}}),
        ("1\t0\t8\t0.5\n1\t8\t20\t-1e-3\n", "bedGraph track", {"covered bases": 20, "min": -0.001, "max": 0.5}),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_text_files_are_recognised_by_their_first_line(tmp_path, text, kind, fields, packed):
    path = tmp_path / "whatever"
    path.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    card = inspect(path)
    assert card.kind == kind
    assert {name: card.fields[name] for name in fields} == fields


def test_tracks_are_described(genes, tmp_path):
    values = np.array([[1, -2, 3, 0]], dtype=np.float32)
    codes = np.zeros((1, 40), dtype=np.uint8)
    track = PieceTrack(genes.table, GEOMETRY, {"1": 200, "2": 50}, values, lambda rows: codes[rows])
    write_tracks(track, bed=tmp_path / "a.bed.gz", bigwig=tmp_path / "a.bw")
    bed = inspect(tmp_path / "a.bed.gz")
    assert bed.kind == "BED track of attributions"
    assert bed.fields["rows by sign"] == {"raise": 2, "lower": 1, "zero": 1}
    bigwig = inspect(tmp_path / "a.bw")
    assert bigwig.kind == "bigWig track"
    assert bigwig.fields == {"contigs": 2, "bases": 250, "covered bases": 32, "min": -2.0, "max": 3.0}
    (tmp_path / "cut.bw").write_bytes((tmp_path / "a.bw").read_bytes()[:30])
    with pytest.raises(TruncatedFile):
        inspect(tmp_path / "cut.bw")


def test_a_model_is_described_and_a_truncated_one_refused(tmp_path):
    from safetensors.numpy import save

    described = {"architecture": "mlp", "geometry": GEOMETRY.to_json(), "config": {"hidden": 3, "geometry": {}}}
    described |= {"fold": "I", "seed": 0, "task": {"name": "binary", "outputs": 2}}
    arrays = {"w": np.zeros((3, 4), dtype=np.float32), "kanseq.known_sequences": np.zeros(9, dtype=np.uint64)}
    path = tmp_path / "model"
    path.write_bytes(save(arrays, metadata={"kanseq": json.dumps(described)}))
    card = inspect(path)
    assert card.kind == "model"
    facts = {name: card.fields[name] for name in ("architecture", "numbers", "config", "fold", "seed")}
    assert facts == {"architecture": "mlp", "numbers": 12, "config": {"hidden": 3}, "fold": "I", "seed": 0}
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(ModelMismatch, match="truncated"):
        inspect(path)


def test_a_run_is_described(tmp_path):
    with pytest.raises(BadTable, match=r"not a kanseq run"):
        inspect(tmp_path)
    run = {
        "format": 1,
        "model": "kan",
        "config": {"hidden": 4, "geometry": {}},
        "settings": {"epochs": 5},
        "inputs": {},
    }
    (tmp_path / "run.json").write_text(json.dumps(run))
    for fold in ("I", "II"):
        (tmp_path / "folds" / fold / "seed-0").mkdir(parents=True)
    (tmp_path / "folds" / "I" / "seed-0" / "done.json").write_text('{"training_genes": 90, "test_genes": 10}')
    card = inspect(tmp_path)
    assert (card.kind, card.fields["finished"]) == ("run", "1 of 2 begun")
    assert card.fields["folds"] == {"I/seed-0": {"trained on": 90, "held out": 10}}
    assert inspect(tmp_path / "run.json").kind == "run"


def test_metrics_json_is_described(tmp_path):
    mean = {"auROC": {"value": 0.75, "low": 0.5, "high": 1.0}}
    content = {"format": 1, "bootstrap": 10, "models": [{"name": "kan", "folds": [], "mean": mean}], "comparisons": []}
    (tmp_path / "m.json").write_text(json.dumps(content))
    card = inspect(tmp_path / "m.json")
    assert card.kind == "metrics"
    assert "models:    kan (auROC (value 0.75, low 0.5, high 1))" in card.lines()


def test_lines_are_aligned_and_long_lists_shortened():
    lines = Card("x", {"name": "a", "longer name": list(range(30)), "nothing": None, "flag": True}).lines()
    assert lines[0] == "kind:        x"
    assert lines[2].endswith("18, 19, and 10 more")
    assert lines[3] == "flag:        yes"
    assert len(lines) == 4


@pytest.mark.parametrize(
    "content", [b"", b"hello\n", b"\x00\xff\xfe\x80" * 20, b">1\nACGT\n", b"{}", b"[1]", b"PAR1", b"a\tb\n"]
)
def test_other_files_are_refused(tmp_path, content):
    (tmp_path / "x").write_bytes(content)
    with pytest.raises((BadTable, TruncatedFile)):
        inspect(tmp_path / "x")


def test_missing_and_truncated_files_are_refused(tmp_path):
    with pytest.raises(MissingFile):
        inspect(tmp_path / "none")
    (tmp_path / "cut.gz").write_bytes(gzip.compress(SPLITS.encode())[:-12])
    with pytest.raises(TruncatedFile):
        inspect(tmp_path / "cut.gz")
