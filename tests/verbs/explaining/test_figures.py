import numpy as np
import pandas as pd
import pytest
import torch

from kanseq.errors import BadOption, ContigMismatch, ModelMismatch, NotWritable, SeenGene, UnknownGene
from kanseq.geometry import Geometry
from kanseq.models.registry import architecture, make_config
from kanseq.runs.prediction_tables import write_held_out
from kanseq.runs.predictors import build_predictor
from kanseq.runs.trained_model import TrainedModel, read_model, save_model
from kanseq.sequences.sequence_set import PLACE, SequenceSet
from kanseq.tasks.task import Task
from kanseq.verbs.explaining.explain import explain
from kanseq.verbs.explaining.figures import figures

GEOMETRY = Geometry(upstream=16, downstream=8, pad=8)
CONTIGS = {name: {"length": 900, "md5": name} for name in ("1", "2")}
SCORES = ["edges.tsv", "nodes.tsv", "grid.tsv"]


@pytest.fixture(scope="module")
def genes():
    """Twelve genes, six per contig."""
    letters = np.random.default_rng(0).choice(list("ACGT"), (12, GEOMETRY.columns))
    letters[:, 24:32] = "N"
    rows = []
    for number in range(12):
        tss, tts = 50 + 60 * (number % 6), 80 + 60 * (number % 6)
        windows = (*GEOMETRY.tss_window(tss, "+"), *GEOMETRY.tts_window(tts, "+"))
        contig = str(1 + number // 6)
        place = (f"g{number}", ".", GEOMETRY.columns, contig, "+", tss, tts, *windows)
        rows.append((*place, "".join(letters[number])))
    table = pd.DataFrame(rows, columns=["id", "species", "length", *PLACE, "sequence"])
    return SequenceSet(table, GEOMETRY, {"contigs": CONTIGS})


def write_model(path, name="kan-mixer", task=None, fold="1", geometry=GEOMETRY, **options):
    task = Task() if task is None else task
    torch.manual_seed(0)
    config = make_config(name, geometry, options, outputs=task.outputs)
    predictor = build_predictor(architecture(name), config, task)
    described = {"fold": fold, "seed": 0, "contigs": CONTIGS}
    save_model(path, TrainedModel(name, config, geometry, task, predictor, described))
    return path


@pytest.fixture
def run(genes, tmp_path):
    """A run of two folds, each of which holds out one contig."""
    for fold in ("1", "2"):
        folder = tmp_path / "run" / "folds" / fold / "seed-0"
        folder.mkdir(parents=True)
        write_model(folder / "model.safetensors", fold=fold, channels=5)
        held_out = genes.table[genes.table["chrom"] == fold]
        write_held_out(folder / "held_out.txt", list(zip(held_out["species"], held_out["id"], strict=True)))
        (folder / "done.json").write_text("{}")
    return tmp_path / "run"


def look(model, genes, tmp_path, **options):
    return figures(model, genes, output=tmp_path / "figures", edges=1, threads=1, **options)


def test_a_run_is_inspected_by_its_first_fold_on_the_held_out_genes(run, genes, tmp_path):
    folder = tmp_path / "figures"
    folder.mkdir()
    (folder / "mine.txt").write_text("mine")
    found = look(run, genes, tmp_path)
    assert (found.architecture, found.fold, found.seed, found.genes) == ("kan-mixer", "1", 0, 6)
    assert (found.layers, found.token_layer) == (["token.0", "channel"], "token.0")
    assert found.files == [*SCORES, "layer-token.0.png", "layer-channel.png", "tokens.png"]
    first = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert sorted(first) == sorted([*found.files, "figures.json", "mine.txt"])
    grid = pd.read_csv(folder / "grid.tsv", sep="\t")
    whole = grid[grid["input"] == "*"].set_index("layer")["outside"]
    assert whole["token.0"] == pytest.approx(found.outside_grid["token.0"], abs=1e-6)
    nodes = pd.read_csv(folder / "nodes.tsv", sep="\t")
    assert nodes["name"].iloc[:3].tolist() == ["token 0 (TSS-16)", "token 1 (TSS-8)", "token 2 (TSS+0)"]
    # A second call writes the same bytes, and keeps files that are not from figures.
    look(run, genes, tmp_path)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == first
    # Pictures of another model are deleted.
    other = look(write_model(tmp_path / "kan.safetensors", "kan", hidden=3), genes, tmp_path, allow_seen=True)
    there = {path.name for path in folder.iterdir()}
    assert there == {*other.files, "figures.json", "mine.txt"}
    assert "tokens.png" not in there


def test_a_kan_on_bases_has_scores_along_the_windows_but_no_token_map(genes, tmp_path, caplog):
    model = write_model(tmp_path / "kan.safetensors", "kan", hidden=3)
    with caplog.at_level("INFO", "kanseq"):
        found = look(model, genes, tmp_path, allow_seen=True, top=4, samples=0)
    assert (found.token_layer, found.genes) == (None, 12)
    assert "no layer of this model has a token axis" in caplog.text
    layers = ["layer-layers.0.png", "layer-layers.1.png"]
    assert found.files == [*SCORES, *layers, "positions.tsv", "positions.png"]
    assert len(pd.read_csv(found.output / "positions.tsv", sep="\t")) == GEOMETRY.columns
    assert pd.read_csv(found.output / "edges.tsv", sep="\t")["layer"].value_counts().to_dict() == {
        "layers.0": 4,
        "layers.1": 4,
    }


def test_samples_depend_on_the_seed(genes, tmp_path):
    model = write_model(tmp_path / "kan.safetensors", "kan", hidden=3)

    def nodes(**options):
        found = look(model, genes, tmp_path, allow_seen=True, **options)
        return found.genes, (found.output / "nodes.tsv").read_bytes()

    first, other = nodes(samples=4), nodes(samples=4, seed=1)
    assert (first[0], other[0]) == (4, 4)
    assert first[1] != other[1]


def test_attributions_are_summarised_in_a_profile_and_words(run, genes, tmp_path):
    explain(run, genes, output=tmp_path / "a.parquet", method="gradient", reference="shuffle:1", threads=1)
    options = {"attributions": tmp_path / "a.parquet", "word_length": (2, 3, 2)}
    found = look(run, genes, tmp_path, **options)
    assert found.attributed == 12
    assert found.files[-6:] == [
        "profile.tsv",
        "profile.png",
        "words-2.tsv",
        "words-2.png",
        "words-3.tsv",
        "words-3.png",
    ]
    profile = pd.read_csv(found.output / "profile.tsv", sep="\t")
    attributions = np.stack(pd.read_parquet(tmp_path / "a.parquet")["attributions"])
    first = profile[(profile["site"] == "TSS") & (profile["position"] == -16)].iloc[0]
    assert first["mean"] == pytest.approx(attributions[:, 0].mean(), rel=1e-4)
    some = figures(run, genes, output=tmp_path / "some", edges=1, fold="2", gene=["g1", "g7", "g8"], **options)
    assert (some.fold, some.genes, some.attributed) == ("2", 2, 3)


def test_plain_sequences_have_words_but_no_profile(tmp_path):
    geometry = Geometry.plain(24)
    letters = np.random.default_rng(0).choice(list("ACGT"), (5, 24))
    table = pd.DataFrame({"id": list("abcde"), "species": ".", "length": 24, "sequence": ["".join(x) for x in letters]})
    genes = SequenceSet(table, geometry)
    model = write_model(tmp_path / "m.safetensors", geometry=geometry, channels=5)
    explain(model, genes, output=tmp_path / "a.parquet", method="gradient", reference="shuffle:1", threads=1)
    found = look(model, genes, tmp_path, attributions=tmp_path / "a.parquet", word_length=(2,))
    assert found.files[-3:] == ["tokens.png", "words-2.tsv", "words-2.png"]


def test_a_class_is_compared_with_the_mean_of_the_others(genes, tmp_path):
    task = Task("multiclass", 3, classes=("exon", "intron", "other"))
    model = write_model(tmp_path / "words.safetensors", "kan-words", task=task)
    trained = read_model(model)
    # Curves are flat initially.
    torch.nn.init.normal_(trained.network.words.weight)
    save_model(model, trained)
    with pytest.raises(BadOption, match="has several classes; choose exon, intron, other"):
        look(model, genes, tmp_path, allow_seen=True)
    for chosen in task.classes:
        look(model, genes, tmp_path, allow_seen=True, condition=chosen)
        table = pd.read_csv(tmp_path / "figures/places.tsv", sep="\t").set_index(["word", "column"])["value"]
        layer = trained.network.words
        curves = layer.curves().detach().numpy()
        at = task.classes.index(chosen)
        expected = curves[at] - np.delete(curves, at, axis=0).mean(axis=0)
        first = sorted({column for _, column in table.index})[0]
        word = "A" * round(np.log(layer.kinds) / np.log(4))
        assert table[word, first] == pytest.approx(expected[0, first], rel=1e-4)
        assert abs(expected[0, first]) > 0.01


def test_one_condition_of_several_is_scored(genes, tmp_path):
    task = Task("binary", 2, ("leaf", "root"))
    model = write_model(tmp_path / "m.safetensors", "kan", task, hidden=3)
    with pytest.raises(BadOption, match="choose leaf, root"):
        look(model, genes, tmp_path, allow_seen=True)
    found = look(model, genes, tmp_path, allow_seen=True, condition="root")
    nodes = pd.read_csv(found.output / "nodes.tsv", sep="\t")
    assert nodes[nodes["layer"] == "layers.1"]["score"].tolist()[-2:] == [0, 1]


@pytest.mark.parametrize("name", ["gc", "mlp"])
def test_a_model_without_kan_layers_is_refused(name, genes, tmp_path):
    model = write_model(tmp_path / "m.safetensors", name)
    with pytest.raises(BadOption, match=f"'{name}' has no KAN layer; figures supports .*kan-mixer, kan"):
        look(model, genes, tmp_path, allow_seen=True)
    assert not (tmp_path / "figures").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"samples": -1}, "samples is -1"),
        ({"edges": 0}, "edges is 0"),
        ({"top": 0}, "top is 0"),
        ({"layer": "tokens"}, "no layer 'tokens'"),
        ({"word_length": (9,)}, "words of 9 bases"),
        ({"fold": "7"}, "no finished fold '7'"),
    ],
)
def test_bad_options_leave_no_files(options, words, run, genes, tmp_path):
    with pytest.raises(BadOption, match=words):
        figures(run, genes, output=tmp_path / "figures", **{"threads": 1, **options})
    assert not (tmp_path / "figures").exists()


def test_genes_that_the_model_was_trained_on_are_refused(genes, tmp_path):
    model = write_model(tmp_path / "m.safetensors", channels=5)
    with pytest.raises(SeenGene, match="--allow-seen"):
        look(model, genes, tmp_path)


def test_attributions_of_other_genes_or_windows_are_refused(run, genes, tmp_path):
    explain(run, genes, output=tmp_path / "a.parquet", gene=["g0"], method="gradient", reference="shuffle:1", threads=1)
    with pytest.raises(UnknownGene, match="they are for g0"):
        look(run, genes, tmp_path, attributions=tmp_path / "a.parquet", gene=["g1"])
    wide = SequenceSet(genes.table, Geometry(upstream=15, downstream=8, pad=10), genes.metadata)
    with pytest.raises(ModelMismatch):
        look(run, wide, tmp_path, attributions=tmp_path / "a.parquet")
    name = next(iter(genes.contigs))
    contigs = {**genes.contigs, name: {**genes.contigs[name], "md5": "other"}}
    other = SequenceSet(genes.table, genes.geometry, {**genes.metadata, "contigs": contigs})
    with pytest.raises(ContigMismatch, match=f"contig '{name}' has different bases in these attributions"):
        look(run, other, tmp_path, attributions=tmp_path / "a.parquet", allow_seen=True)


def test_an_impossible_output_folder_is_refused(run, genes, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(NotWritable, match="this is a file"):
        figures(run, genes, output=tmp_path / "file")
    with pytest.raises(NotWritable, match="does not exist"):
        figures(run, genes, output=tmp_path / "no" / "figures")
