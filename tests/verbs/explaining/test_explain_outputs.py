"""Pictures of a gene and browser sessions from `explain`."""

import json

import pytest

from kanseq.errors import BadOption, ContigMismatch
from kanseq.verbs.explaining.explain import explain


@pytest.fixture
def genome(contigs, tmp_path):
    (tmp_path / "genome.fa").write_text("".join(f">{name}\n{letters.decode()}\n" for name, letters in contigs.items()))
    return tmp_path / "genome.fa"


def test_sessions_open_the_tracks_at_the_first_gene(make_run, gene_file, genome, tmp_path):
    (tmp_path / "genes.gtf").write_text('2\tx\tgene\t101\t401\t.\t+\t.\tgene_id "g0";\n')
    found = explain(
        make_run(), gene_file, threads=1, bed=tmp_path / "a.bed", bigwig=tmp_path / "a.bw", strand_specific=True,
        genome=genome, annotation=tmp_path / "genes.gtf",
        igv_session=tmp_path / "s.xml", jbrowse=tmp_path / "jbrowse",
    )  # fmt: skip
    text = found.igv_session.read_text()
    # Windows of g0 are [60, 164) and [377, 441); a margin of 500 bases reaches the contig's start.
    assert 'locus="2:1-' in text
    for name in ("a.bed", "a.plus.bw", "a.minus.bw", "genes.gtf"):
        assert f'path="{name}"' in text
    config = json.loads((found.jbrowse / "config.json").read_text())
    assert len(config["tracks"]) == 4


def test_a_genome_with_another_checksum_is_refused(make_run, gene_file, genome, tmp_path):
    run = make_run()
    before = sorted(tmp_path.iterdir())
    text = genome.read_text()
    options = {"bed": tmp_path / "a.bed", "genome": genome, "igv_session": tmp_path / "s.xml", "threads": 1}
    genome.write_text(text.replace("ACG", "AGG", 1))
    with pytest.raises(ContigMismatch, match=r"genome\.fa: contig '2' differs from the genome"):
        explain(run, gene_file, **options)
    genome.write_text(text.replace(">1", ">chr1"))
    with pytest.raises(ContigMismatch, match="this genome has no contig 1; provide the genome of these genes"):
        explain(run, gene_file, **options)
    assert sorted(tmp_path.iterdir()) == before


def test_a_picture_shows_one_gene(make_run, gene_file, tmp_path):
    run = make_run()
    found = explain(run, gene_file, threads=1, gene=["g3"], picture=tmp_path / "g3.png")
    assert found.picture.read_bytes().startswith(b"\x89PNG")
    assert found.table is None
    again = explain(run, gene_file, threads=1, gene=["g3"], picture=tmp_path / "again.png")
    assert again.picture.read_bytes() == found.picture.read_bytes()
    with pytest.raises(BadOption, match="a picture shows one gene, and 6 are chosen; use --gene"):
        explain(run, gene_file, threads=1, picture=tmp_path / "all.png")
    with pytest.raises(BadOption, match="png"):
        explain(run, gene_file, threads=1, gene=["g3"], picture=tmp_path / "g3.gif")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"bed": "a.bed"}, "a browser session needs a genome; use --genome"),
        ({"genome": "genome.fa"}, "there is no track to open; use --bed"),
    ],
)
def test_a_browser_needs_a_genome_and_tracks(make_run, gene_file, genome, tmp_path, monkeypatch, options, words):
    run = make_run()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadOption, match=words):
        explain(run, gene_file, threads=1, igv_session="s.xml", output="a.parquet", **options)
