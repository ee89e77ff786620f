"""A small genome and its annotations as text, sessions of their files, and the content of these sessions."""

import json
import xml.etree.ElementTree as ET

import pysam

from kanseq.browsers.sessions import write_igv_session, write_jbrowse

FASTA = ">1 one\nACGTACGT\nACGTACGT\nAC\n>2\nTTTT\n"
GTF = '1\tx\tgene\t1\t9\t.\t+\t.\tgene_id "a";\n'
GFF3 = "##gff-version 3\n1\tx\tgene\t1\t9\t.\t+\t.\tID=gene:a;biotype=protein_coding\n"
BED9 = "1\t0\t8\ta|ACGTACGT\t1000\t+\t0\t8\t202,0,32\n"
WHOLE = ("a.bw", "a.bedgraph", "a.bed")


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
