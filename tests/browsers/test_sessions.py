import gzip
import json
import shutil
import xml.etree.ElementTree as ET
from urllib.parse import unquote

import pysam
import pytest

from kanseq.browsers.sessions import check_browsers, write_igv_session, write_jbrowse
from kanseq.errors import BadOption, MalformedLine, MissingFile, NotWritable

FASTA = ">1 one\nACGTACGT\nACGTACGT\nAC\n>2\nTTTT\n"
GTF = '1\tx\tgene\t1\t9\t.\t+\t.\tgene_id "a";\n'
GFF3 = "##gff-version 3\n1\tx\tgene\t1\t9\t.\t+\t.\tID=gene:a;biotype=protein_coding\n"
BED9 = "1\t0\t8\ta|ACGTACGT\t1000\t+\t0\t8\t202,0,32\n"
WHOLE = ("a.bw", "a.bedgraph", "a.bed")


@pytest.fixture
def files(tmp_path):
    """A folder with a genome without index, annotations, and tracks, some of them with an index."""
    (tmp_path / "ref").mkdir()
    (tmp_path / "my tracks").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "ref" / "g.fa").write_text(FASTA)
    (tmp_path / "ref" / "g.gtf").write_text(GTF)
    (tmp_path / "ref" / "g.gff3").write_text(GFF3)
    for name, text in (("a.bw", ""), ("a.bedgraph", "1\t0\t8\t0.5\n"), ("a.bed", BED9)):
        (tmp_path / "my tracks" / name).write_text(text)
    for name in ("a.bedgraph", "a.bed"):
        packed = str(tmp_path / "my tracks" / f"{name}.gz")
        pysam.tabix_compress(str(tmp_path / "my tracks" / name), packed)
        pysam.tabix_index(packed, preset="bed")
    pysam.tabix_compress(str(tmp_path / "ref" / "g.gff3"), str(tmp_path / "ref" / "t.gff3.gz"))
    pysam.tabix_index(str(tmp_path / "ref" / "t.gff3.gz"), preset="gff")
    return tmp_path


def inputs(files, *tracks, genome="g.fa", annotation="g.gtf", locus=None):
    return {
        "genome": files / "ref" / genome,
        "annotation": None if annotation is None else files / "ref" / annotation,
        "tracks": [files / "my tracks" / name for name in tracks],
        "locus": locus,
    }


def bgzip(files, indexed=False):
    path = str(files / "ref" / "b.fa.gz")
    pysam.tabix_compress(str(files / "ref" / "g.fa"), path, force=True)
    if indexed:
        pysam.faidx(path)
    return "b.fa.gz"


def igv(files, *tracks, name="s.xml", **options):
    """Write a session, and return its XML and the track elements by their names."""
    write_igv_session(files / "out" / name, **inputs(files, *tracks, **options))
    session = ET.parse(files / "out" / name).getroot()
    return session, {track.get("name"): track for track in session.iter("Track")}


def jbrowse(files, *tracks, **options):
    written = write_jbrowse(files / "jb", **inputs(files, *tracks, **options))
    assert written[0] == files / "jb" / "config.json"
    return json.loads(written[0].read_text())


def addresses(content):
    """All values of 'uri' and of keys that end in 'URL', anywhere inside."""
    if isinstance(content, list):
        return [address for one in content for address in addresses(one)]
    if not isinstance(content, dict):
        return []
    own = [value for key, value in content.items() if key == "uri" or key.endswith(("URL", "url"))]
    return own + addresses(list(content.values()))


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


def test_every_address_of_jbrowse_exists_for_any_folder_name(files):
    odd = files / "my tracks" / "50% #1?é+.bw"
    odd.write_bytes(b"")
    config = jbrowse(files, "a.bw", "a.bedgraph.gz", "a.bed.gz", odd.name, annotation="t.gff3.gz")
    found = addresses(config)
    assert "../my%20tracks/50%25%20%231%3F%C3%A9%2B.bw" in found
    assert len(found) == 2 + 2 + 1 + 2 + 2 + 1
    assert all((files / "jb" / unquote(address)).is_file() for address in found)


def test_jbrowse_reads_a_genome_by_its_compression(files):
    adapter = jbrowse(files)["assemblies"][0]["sequence"]["adapter"]
    assert adapter["type"] == "IndexedFastaAdapter"
    assert adapter["faiLocation"] == {"uri": "g.fa.fai", "locationType": "UriLocation"}
    adapter = jbrowse(files, genome=bgzip(files, indexed=True))["assemblies"][0]["sequence"]["adapter"]
    assert adapter["type"] == "BgzipFastaAdapter"
    assert adapter["gziLocation"]["uri"] == "../ref/b.fa.gz.gzi"


@pytest.mark.parametrize(
    ("name", "adapter", "place"),
    [
        ("a.bw", "BigWigAdapter", "bigWigLocation"),
        ("a.bedgraph", "BedAdapter", "bedLocation"),
        ("a.bedgraph.gz", "BedTabixAdapter", "bedGzLocation"),
        ("a.bed", "BedAdapter", "bedLocation"),
        ("a.bed.gz", "BedTabixAdapter", "bedGzLocation"),
    ],
)
def test_jbrowse_reads_a_track_by_its_kind_and_index(files, name, adapter, place):
    (track,) = jbrowse(files, name, annotation=None)["tracks"]
    assert track["adapter"]["type"] == adapter
    assert track["adapter"][place]["uri"] == f"../my%20tracks/{name}"
    assert ("index" in track["adapter"]) == name.endswith(".gz")
    signed = not name.startswith("a.bed.") and name != "a.bed"
    assert track["type"] == ("QuantitativeTrack" if signed else "FeatureTrack")
    assert (track["displays"][0].get("negColor") == "rgb(5,113,176)") == signed


def test_jbrowse_reads_the_signed_value_of_a_bedgraph_from_its_fourth_column(files):
    (track,) = jbrowse(files, "a.bedgraph", annotation=None)["tracks"]
    assert track["adapter"]["columnNames"].index("score") == 3
    assert track["adapter"]["scoreColumn"] == "score"


@pytest.mark.parametrize(
    ("annotation", "adapter"),
    [("g.gtf", "GtfAdapter"), ("g.gff3", "Gff3Adapter"), ("t.gff3.gz", "Gff3TabixAdapter")],
)
def test_the_format_of_the_annotation_is_detected_by_its_attributes(files, annotation, adapter):
    assert jbrowse(files, annotation=annotation)["tracks"][0]["adapter"]["type"] == adapter
    shutil.copy(files / "ref" / annotation, files / "ref" / "unnamed")
    plain = adapter.replace("Tabix", "")
    assert jbrowse(files, annotation="unnamed")["tracks"][0]["adapter"]["type"] == plain


def test_the_jbrowse_configuration_states_a_csi_index(files):
    path = files / "my tracks" / "a.bed.gz"
    path.with_name("a.bed.gz.tbi").rename(path.with_name("a.bed.gz.csi"))
    (track,) = jbrowse(files, "a.bed.gz", annotation=None)["tracks"]
    assert track["adapter"]["index"]["indexType"] == "CSI"
    assert track["adapter"]["index"]["location"]["uri"] == "../my%20tracks/a.bed.gz.csi"


def test_jbrowse_opens_all_tracks_at_the_locus(files):
    config = jbrowse(files, "a.bw", "a.bed", locus="1:7-18")
    (view,) = config["defaultSession"]["views"]
    # Twelve bases on 1,200 pixels would be 0.01 bases per pixel, closer than JBrowse can zoom.
    assert (view["bpPerPx"], view["offsetPx"]) == (0.02, 300)
    region = view["displayedRegions"][0]
    assert (region["refName"], region["end"], region["assemblyName"]) == ("1", 18, "g")
    ids = [track["trackId"] for track in config["tracks"]]
    assert [track["configuration"] for track in view["tracks"]] == ["g-ReferenceSequenceTrack", *ids]
    displays = {display["displayId"] for track in config["tracks"] for display in track["displays"]}
    opened = {track["displays"][0]["configuration"] for track in view["tracks"]}
    assert opened == displays | {"g-ReferenceSequenceTrack-LinearReferenceSequenceDisplay"}


def test_without_a_locus_igv_shows_the_genome_and_jbrowse_the_first_contig(files):
    session, _ = igv(files, "a.bw")
    assert session.get("locus") is None
    assert jbrowse(files)["defaultSession"]["views"][0]["displayedRegions"][0]["refName"] == "1"


def test_two_tracks_with_the_same_name_have_different_ids(files):
    other = files / "my tracks" / "other"
    other.mkdir()
    shutil.copy(files / "my tracks" / "a.bed", other)
    config = jbrowse(files, "a.bed", "other/a.bed", annotation=None)
    assert [track["trackId"] for track in config["tracks"]] == ["a.bed", "a.bed_2"]


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


def test_plain_gzip_is_refused_with_the_command_that_fixes_it(files):
    with gzip.open(files / "ref" / "z.fa.gz", "wt") as handle:
        handle.write(FASTA)
    path = files / "ref" / "z.fa.gz"
    command = f"gunzip -c '{path}' | bgzip > '{files / 'ref' / 'z.bgzip.fa.gz'}'"
    for write, where in ((write_igv_session, files / "out" / "s.xml"), (write_jbrowse, files / "jb")):
        with pytest.raises(BadOption) as failure:
            write(where, **inputs(files, genome="z.fa.gz"))
        assert str(failure.value).endswith(command)
        assert "\n" not in str(failure.value)
    assert not (files / "jb").exists()
    assert list((files / "out").iterdir()) == []


def test_igv_recognises_compression_by_the_file_name(files):
    (files / "ref" / bgzip(files)).rename(files / "ref" / "b.bgz")
    shutil.copy(files / "ref" / "g.fa", files / "ref" / "plain.gz")
    with pytest.raises(BadOption, match=r"compressed, which IGV .*rename it to end in \.gz"):
        check_browsers(files / "ref" / "b.bgz", igv_session="s.xml")
    with pytest.raises(BadOption, match=r"plain, which IGV .*rename it not to end in \.gz"):
        check_browsers(files / "ref" / "plain.gz", igv_session="s.xml")
    check_browsers(files / "ref" / "b.bgz", igv_session="s.json", jbrowse=files / "jb")


def test_a_session_with_another_extension_is_refused(files):
    with pytest.raises(BadOption, match=r"must end in \.xml or \.json"):
        write_igv_session(files / "out" / "s.txt", **inputs(files))


@pytest.mark.parametrize(
    ("locus", "hint"),
    [
        ("3", "with a contig of 1, 2"),
        ("3:1-5", "with a contig of 1, 2"),
        ("1:", "with a contig of 1, 2"),
        ("1:19-30", "1 has 18 bases"),
        ("1:9-3", "counted from 1"),
        ("1:0-3", "counted from 1"),
    ],
)
def test_a_locus_that_is_not_in_the_genome_is_refused(files, locus, hint):
    with pytest.raises(BadOption, match=f"the locus '{locus}' is not in the genome; .*{hint}"):
        jbrowse(files, locus=locus)


def test_a_locus_is_clipped_at_the_end_of_its_contig_and_may_have_commas(files):
    session, _ = igv(files, locus="1:1,0-2,000")
    assert session.get("locus") == "1:10-18"


def test_contigs_may_have_colons_in_their_names(files):
    (files / "ref" / "g.fa").write_text(">HLA:1-2\nACGTACGT\n")
    session, _ = igv(files, locus="HLA:1-2")
    assert session.get("locus") == "HLA:1-2:1-8"
    session, _ = igv(files, locus="HLA:1-2:3-4")
    assert session.get("locus") == "HLA:1-2:3-4"


def test_missing_files_and_unknown_tracks_are_refused(files):
    with pytest.raises(MissingFile, match=r"none\.bw: no such file"):
        jbrowse(files, "none.bw")
    with pytest.raises(MissingFile, match=r"none\.fa: no such file"):
        jbrowse(files, genome="none.fa")
    (files / "my tracks" / "a.txt").write_text("")
    with pytest.raises(
        BadOption, match=r"a\.txt: unknown extension of a browser track; the name must end in \.bw, .*\.bed\.gz"
    ):
        jbrowse(files, "a.txt")


def test_a_genome_that_cannot_be_indexed_raises_a_one_line_error_and_leaves_no_files(files, capfd):
    (files / "ref" / "g.fa").write_text(">1\nACGT\nAC\nACGT\n")
    with pytest.raises(MalformedLine, match=r"g\.fa: this FASTA cannot be indexed; .*the same length"):
        igv(files)
    assert list((files / "out").iterdir()) == []
    assert capfd.readouterr() == ("", "")


def test_an_empty_genome_and_a_damaged_index_are_refused(files):
    (files / "ref" / "g.fa").write_text("")
    with pytest.raises(MalformedLine, match=r"g\.fa"):
        igv(files)
    (files / "ref" / "g.fa").write_text(FASTA)
    (files / "ref" / "g.fa.fai").write_text("1\t18\t7\t8\t9\nnonsense\n")
    with pytest.raises(MalformedLine, match=r"g\.fa\.fai:2: this is not an index"):
        igv(files)


def test_an_empty_annotation_is_refused(files):
    (files / "ref" / "g.gtf").write_text("# nothing\n")
    with pytest.raises(MalformedLine, match="the annotation has no rows"):
        igv(files)
    with pytest.raises(MalformedLine, match="the annotation has no rows"):
        check_browsers(files / "ref" / "g.fa", annotation=files / "ref" / "g.gtf", igv_session="s.xml")


def test_an_invalid_output_folder_is_refused(files):
    (files / "jb").write_text("")
    with pytest.raises(NotWritable, match="this is a file, but a folder is required"):
        write_jbrowse(files / "jb", **inputs(files))
    with pytest.raises(NotWritable, match="does not exist"):
        write_igv_session(files / "no" / "s.xml", **inputs(files))
