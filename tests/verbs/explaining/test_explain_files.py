"""Files from `explain`: its table agrees with its tracks, and bytes are reproducible."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pyBigWig
import pytest

from kanseq.errors import BadOption, BadTable, TruncatedFile
from kanseq.geometry import Geometry
from kanseq.runs.trained_model import save_model
from kanseq.sequences.sequence_set import SequenceSet
from kanseq.verbs.explaining.attribution_files import read_attributions
from kanseq.verbs.explaining.explain import explain
from kanseq.verbs.preparing.combine import combine
from tests.attribution.conftest import COMPLEMENT, GEOMETRY, build_model


def test_the_table_and_the_tracks_agree(make_run, gene_file, contigs, tmp_path):
    paths = {"output": "a.parquet", "bed": "a.bed.gz", "bedgraph": "a.bedgraph.gz", "bigwig": "a.bw"}
    paths = {kind: tmp_path / name for kind, name in paths.items()}
    found = explain(make_run(), gene_file, threads=1, **paths)
    assert found.table is None
    read = read_attributions(found.output)
    assert read.geometry == GEOMETRY
    assert {name: read.metadata[name] for name in ("method", "reference", "seed")} == {
        "method": "paths",
        "reference": "shuffle:5",
        "seed": 0,
    }
    assert read.metadata["inputs"]["genes"]["name"] == "genes.parquet"
    assert [model["fold"] for model in read.metadata["models"]] == ["1", "2"]
    rows = pd.read_csv(found.bed, sep="\t", header=None, dtype={0: str})
    assert len(rows) == found.rows == 6 * 16
    tokens = dict(zip(read.table["id"], read.table["tokens"], strict=True))
    # Columns 0 to 7 of g0 are [60, 68) on the genome, those of g3 on the minus strand [633, 641).
    for name, start in (("g0", 60), ("g3", 633)):
        row = rows[rows[3].str.startswith(f"{name}|") & (rows[1] == start)]
        assert list(row[8]) == ["202,0,32" if tokens[name][0] > 0 else "5,113,176"]
    for row in rows.itertuples(index=False):
        letters = row[3].split("|")[1]
        bases = contigs[row[0]][row[1] : row[2]]
        bases = (bases.translate(COMPLEMENT)[::-1] if row[5] == "-" else bases).decode()
        assert len(letters) == row[2] - row[1] == 8
        assert all(letter in ("N", base) for letter, base in zip(letters, bases, strict=True))
        assert letters.count("N") in (0, 3)
    with pyBigWig.open(str(found.bigwig)) as bigwig:
        assert list(bigwig.chroms()) == ["2", "1"]
        assert bigwig.values("2", 60, 61)[0] == pytest.approx(tokens["g0"][0], rel=1e-6)
    graph = pd.read_csv(found.bedgraph, sep="\t", header=None, dtype={0: str})
    assert list(graph[0]) == sorted(graph[0])
    assert graph[0].nunique() == 2


def test_hidden_columns_are_zero_in_the_table_and_missing_in_the_tracks(make_run, genes, tmp_path):
    # Only g3: columns 0 to 39 and 96 to 135 are flanks; it reads the minus strand of [537, 641) and [160, 264).
    run = make_run(geometry=replace(GEOMETRY, visible="flanks"))
    paths = {"output": "a.parquet", "bed": "a.bed.gz", "bedgraph": "a.bedgraph.gz", "bigwig": "a.bw"}
    found = explain(run, genes, threads=1, gene=["g3"], **{kind: tmp_path / name for kind, name in paths.items()})
    read = read_attributions(found.output)
    assert read.geometry.visible == "flanks"
    assert (read.table["attributions"][0][40:96] == 0).all()
    assert np.count_nonzero(read.table["attributions"][0]) > 70
    assert (read.table["tokens"][0][5:12] == 0).all()
    rows = pd.read_csv(found.bed, sep="\t", header=None, dtype={0: str})
    assert found.rows == len(rows) == 10
    # Flanks of the gene's 401 bases [200, 601): 40 bases on each side.
    assert (rows[1].min(), rows[2].max()) == (160, 641)
    assert not ((rows[2] > 200) & (rows[1] < 601)).any()
    assert not rows[3].str.contains("N").any()
    with pyBigWig.open(str(found.bigwig)) as bigwig:
        values = np.array(bigwig.values("1", 0, 700))
    assert np.flatnonzero(~np.isnan(values)).tolist() == [*range(160, 200), *range(601, 641)]


def test_outputs_are_reproducible_and_no_temporary_file_remains(make_run, gene_file, tmp_path):
    run = make_run()
    for name in ("x", "y"):
        (tmp_path / name).mkdir()
        outputs = {"output": "a.parquet", "bed": "a.bed.gz", "bedgraph": "a.bedgraph.gz", "bigwig": "a.bw"}
        explain(run, gene_file, threads=1, **{kind: tmp_path / name / file for kind, file in outputs.items()})
    names = sorted(path.name for path in (tmp_path / "x").iterdir())
    assert names == ["a.bed.gz", "a.bed.gz.tbi", "a.bedgraph.gz", "a.bedgraph.gz.tbi", "a.bw", "a.parquet"]
    for name in names:
        assert (tmp_path / "x" / name).read_bytes() == (tmp_path / "y" / name).read_bytes(), name


def test_plain_sequences_have_a_table_but_no_track(tmp_path):
    geometry = Geometry.plain(30)
    table = pd.DataFrame({"id": ["a", "b"], "species": ".", "length": [30, 28], "sequence": ["ACGTC" * 6, "AC" * 14]})
    sequences = SequenceSet(table, geometry)
    save_model(tmp_path / "model.safetensors", build_model("mlp", geometry, {}))
    found = explain(tmp_path / "model.safetensors", sequences, threads=1)
    assert [len(values) for values in found.table["attributions"]] == [30, 30]
    assert found.table["attributions"][1][28:].tolist() == [0, 0]
    with pytest.raises(BadOption, match="coordinates"):
        explain(tmp_path / "model.safetensors", sequences, bed=tmp_path / "a.bed.gz")


def test_other_parquet_files_are_refused(gene_file, tmp_path):
    with pytest.raises(BadTable, match="no attributions"):
        read_attributions(gene_file)
    (tmp_path / "cut.parquet").write_bytes(gene_file.read_bytes()[:500])
    with pytest.raises(TruncatedFile):
        read_attributions(tmp_path / "cut.parquet")


def test_metadata_is_a_json_text(make_run, gene_file, tmp_path):
    explain(make_run(), gene_file, output=tmp_path / "a.parquet", threads=1, gene=["g0"])
    metadata = pq.read_schema(tmp_path / "a.parquet").metadata
    described = json.loads(metadata[b"kanseq"])
    assert (described["kind"], described["format"]) == ("attributions", 2)
    assert list(described["contigs"]) == ["2", "1"]


def test_a_track_needs_genes_of_one_species(make_run, genes, tmp_path):
    others = SequenceSet(genes.table.assign(id=[f"o{row}" for row in range(6)]), GEOMETRY, {"contigs": {}})
    both = combine([others, genes], species="other,.").set
    run = make_run()
    with pytest.raises(BadOption, match=r"a track shows one genome, and these genes are from other, \.; use"):
        explain(run, both, bed=tmp_path / "a.bed")
    found = explain(run, both, bed=tmp_path / "a.bed", gene=["g0", "g4"], threads=1)
    assert found.rows == 2 * 16
    assert {line.split()[0] for line in (tmp_path / "a.bed").read_text().splitlines()} == {"1", "2"}
