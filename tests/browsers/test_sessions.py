"""Sessions of IGV and igv.js, and the paths, indices and loci of the sessions of all browsers."""

import json
import shutil
import xml.etree.ElementTree as ET
from urllib.parse import unquote

import pysam

from kanseq.browsers.sessions import write_igv_session, write_jbrowse
from tests.browsers.session_files import WHOLE, addresses, bgzip, igv, inputs, jbrowse


def test_every_path_of_an_igv_session_exists(files):
    session, _ = igv(files, *WHOLE, "a.bed.gz")
    paths = [session.get("genome"), *(one.get("path") for one in session.iter("Resource"))]
    assert paths == [
        "g.fa.json",
        "../ref/g.gtf",
        "../my tracks/a.bw",
        "../my tracks/a.bedgraph",
        "../my tracks/a.bed",
        "../my tracks/a.bed.gz",
    ]
    assert all((files / "out" / path).is_file() for path in paths)


def test_an_igv_session_states_version_locus_and_kinds(files):
    session, _ = igv(files, "a.bw", "a.bedgraph.gz", "a.bed.gz", locus="1:3-9")
    assert (session.tag, session.get("version"), session.get("locus")) == ("Session", "8", "1:3-9")
    kinds = [(one.get("name"), one.get("type"), one.get("format")) for one in session.iter("Resource")]
    assert kinds == [
        ("g.gtf", "gtf", "gtf"),
        ("a.bw", "bigwig", "bigwig"),
        ("a.bedgraph.gz", "bedgraph", "bedgraph"),
        ("a.bed.gz", "bed", "bed"),
    ]
    head = (files / "out" / "s.xml").read_bytes().splitlines()[0]
    assert head == b'<?xml version="1.0" encoding="UTF-8" standalone="no"?>'


def test_igv_shows_tracks_above_and_the_sequence_and_genes_below(files):
    session, _ = igv(files, "a.bw", "a.bed")
    shown = {panel.get("name"): [track.get("name") for track in panel] for panel in session.iter("Panel")}
    assert shown == {"DataPanel": ["a.bw", "a.bed"], "FeaturePanel": ["Reference sequence", "g.gtf"]}
    ids = {one.get("path") for one in session.iter("Resource")}
    assert {track.get("id") for track in session.iter("Track")} == ids | {"Reference sequence"}


def test_signed_tracks_are_red_and_blue_and_bed_rows_keep_their_colours(files):
    _, tracks = igv(files, "a.bw", "a.bedgraph", "a.bed")
    for name in ("a.bw", "a.bedgraph"):
        look = [tracks[name].get(key) for key in ("color", "altColor", "autoScale")]
        assert look == ["202,0,32", "5,113,176", "true"]
        assert tracks[name].find("DataRange").get("baseline") == "0.0"
    assert tracks["a.bed"].get("color") is None
    assert tracks["a.bed"].get("displayMode") == "EXPANDED"


def test_a_missing_index_is_written_next_to_the_session_with_a_genome_definition(files):
    written = write_igv_session(files / "out" / "s.xml", **inputs(files, "a.bw"))
    assert [path.name for path in written] == ["s.xml", "g.fa.fai", "g.fa.json"]
    # '>1 one' and its line end are 7 bytes; 18 bases in lines of 8 (9 bytes); '>2' begins after 7 + 21 bytes
    assert (files / "out" / "g.fa.fai").read_text() == "1\t18\t7\t8\t9\n2\t4\t31\t4\t5\n"
    assert json.loads((files / "out" / "g.fa.json").read_text()) == {
        "id": "g",
        "name": "g",
        "fastaURL": "../ref/g.fa",
        "indexURL": "g.fa.fai",
    }
    assert not (files / "ref" / "g.fa.fai").exists()


def test_an_index_next_to_the_genome_is_used(files):
    pysam.faidx(str(files / "ref" / "g.fa"))
    written = write_igv_session(files / "out" / "s.xml", **inputs(files, "a.bw"))
    assert [path.name for path in written] == ["s.xml"]
    assert ET.parse(written[0]).getroot().get("genome") == "../ref/g.fa"
    assert jbrowse(files)["assemblies"][0]["sequence"]["adapter"]["faiLocation"]["uri"] == "../ref/g.fa.fai"
    assert [path.name for path in (files / "jb").iterdir()] == ["config.json"]


def test_a_session_next_to_the_genome_needs_no_definition(files):
    written = write_igv_session(files / "ref" / "s.xml", **inputs(files, "a.bw"))
    assert [path.name for path in written] == ["s.xml", "g.fa.fai"]
    first = written[0].read_bytes()
    assert ET.fromstring(first).get("genome") == "g.fa"
    # The index now exists, and nothing changes.
    assert write_igv_session(files / "ref" / "s.xml", **inputs(files, "a.bw")) == [written[0]]
    assert written[0].read_bytes() == first


def test_bgzip_needs_two_indices(files):
    genome = bgzip(files)
    pysam.faidx(str(files / "ref" / genome))
    (files / "ref" / f"{genome}.gzi").unlink()
    written = write_igv_session(files / "out" / "s.xml", **inputs(files, genome=genome))
    assert [path.name for path in written] == ["s.xml", "b.fa.gz.fai", "b.fa.gz.gzi", "b.fa.gz.json"]
    definition = json.loads(written[-1].read_text())
    assert definition["gziIndexURL"] == "b.fa.gz.gzi"
    shutil.copy(files / "ref" / genome, files / "out")
    with pysam.FastaFile(str(files / "out" / genome)) as fasta:
        assert fasta.fetch("1", 8, 18) == "ACGTACGTAC"


def test_a_session_of_igv_js_has_the_addresses_of_all_indices(files):
    genome = bgzip(files)
    tracks = ("a.bw", "a.bed.gz", "a.bed", "a.bedgraph.gz")
    write_igv_session(files / "out" / "s.json", **inputs(files, *tracks, genome=genome, locus="2"))
    session = json.loads((files / "out" / "s.json").read_text())
    assert session["reference"] == {
        "id": "b",
        "name": "b",
        "fastaURL": "../ref/b.fa.gz",
        "indexURL": "b.fa.gz.fai",
        "compressedIndexURL": "b.fa.gz.gzi",
    }
    assert session["locus"] == "2:1-4"
    assert [track.get("indexURL") for track in session["tracks"]] == [
        None,
        None,
        "../my%20tracks/a.bed.gz.tbi",
        None,
        "../my%20tracks/a.bedgraph.gz.tbi",
    ]
    assert session["tracks"][1]["color"] == "rgb(202,0,32)"
    assert "color" not in session["tracks"][2]
    found = addresses(session)
    assert len(found) == 10
    assert all((files / "out" / unquote(address)).is_file() for address in found)


def test_without_a_locus_igv_shows_the_genome_and_jbrowse_the_first_contig(files):
    session, _ = igv(files, "a.bw")
    assert session.get("locus") is None
    assert jbrowse(files)["defaultSession"]["views"][0]["displayedRegions"][0]["refName"] == "1"


def test_paths_are_valid_if_folders_are_symbolic_links(files):
    (files / "link").symlink_to(files / "ref" / "deep", target_is_directory=True)
    (files / "ref" / "deep").mkdir()
    (files / "tracks").symlink_to(files / "my tracks", target_is_directory=True)
    options = {**inputs(files), "tracks": [files / "tracks" / "a.bw"]}
    write_igv_session(files / "link" / "s.xml", **options)
    paths = [one.get("path") for one in ET.parse(files / "link" / "s.xml").getroot().iter("Resource")]
    assert paths == ["../g.gtf", "../../my tracks/a.bw"]
    assert all((files / "link" / path).is_file() for path in paths)


def test_relative_inputs_and_names_without_a_folder_work(files, monkeypatch):
    monkeypatch.chdir(files / "out")
    write_igv_session("s.xml", genome="../ref/g.fa", annotation=None, tracks=["../my tracks/a.bw"])
    assert ET.parse("s.xml").getroot().find("Resources/Resource").get("path") == "../my tracks/a.bw"
    write_jbrowse("jb", genome="../ref/g.fa", annotation=None, tracks=["../my tracks/a.bw"])
    assert "../../my%20tracks/a.bw" in addresses(json.loads((files / "out" / "jb" / "config.json").read_text()))


def test_same_inputs_give_the_same_bytes(files):
    genome, runs = bgzip(files), []
    for _ in range(2):
        write_igv_session(files / "out" / "s.xml", **inputs(files, *WHOLE, genome=genome))
        write_igv_session(files / "out" / "s.json", **inputs(files, *WHOLE, genome=genome))
        write_jbrowse(files / "out", **inputs(files, *WHOLE, genome=genome))
        runs.append({path.name: path.read_bytes() for path in (files / "out").iterdir()})
    assert runs[0] == runs[1]
    names = ["b.fa.gz.fai", "b.fa.gz.gzi", "b.fa.gz.json", "config.json", "s.json", "s.xml"]
    assert sorted(runs[0]) == names


def test_a_locus_is_clipped_at_the_end_of_its_contig_and_may_have_commas(files):
    session, _ = igv(files, locus="1:1,0-2,000")
    assert session.get("locus") == "1:10-18"


def test_contigs_may_have_colons_in_their_names(files):
    (files / "ref" / "g.fa").write_text(">HLA:1-2\nACGTACGT\n")
    session, _ = igv(files, locus="HLA:1-2")
    assert session.get("locus") == "HLA:1-2:1-8"
    session, _ = igv(files, locus="HLA:1-2:3-4")
    assert session.get("locus") == "HLA:1-2:3-4"
