"""A genome, annotations and tracks for browser sessions."""

import pysam
import pytest

from tests.browsers.session_files import BED9, FASTA, GFF3, GTF


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
