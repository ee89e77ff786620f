"""The configuration of JBrowse: how it reads genome, annotation and tracks, and what it opens."""

import shutil
from urllib.parse import unquote

import pytest

from tests.browsers.session_files import addresses, bgzip, jbrowse


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


def test_two_tracks_with_the_same_name_have_different_ids(files):
    other = files / "my tracks" / "other"
    other.mkdir()
    shutil.copy(files / "my tracks" / "a.bed", other)
    config = jbrowse(files, "a.bed", "other/a.bed", annotation=None)
    assert [track["trackId"] for track in config["tracks"]] == ["a.bed", "a.bed_2"]
