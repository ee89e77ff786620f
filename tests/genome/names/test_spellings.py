import pytest

from kanseq.genome.names.spellings import gene_of_isoform, unprefixed, unversioned


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("AT1G01010", "AT1G01010"),
        ("gene:Solyc01g005000.3", "Solyc01g005000.3"),
        ("mRNA:Solyc01g005000.3.1", "Solyc01g005000.3.1"),
        ("transcript:Os01t0100100-01", "Os01t0100100-01"),
        ("gene-LOC4326813", "LOC4326813"),
        ("cds-NP_171609.1", "NP_171609.1"),
        ("PAC:30543338", "30543338"),
        ("lcl|g12.t1", "g12.t1"),
        ("gnl|JCVI|mRNA.AT1G01010.1", "mRNA.AT1G01010.1"),
        ("ref|NP_171609.1|", "NP_171609.1"),
        ("sp|Q0WV96|NAC1_ARATH", "Q0WV96"),
        ("gnl|BL_ORD_ID|12", "gnl|BL_ORD_ID|12"),
        ("ENST00000641515.2|ENSG00000186092.7|OTTHUMG00000001094.4|-|OR4F5-201|OR4F5|2618|", "ENST00000641515.2"),
        ("HLA-DRB1", "HLA-DRB1"),
        ("gene:", "gene:"),
    ],
)
def test_prefixes_and_databases_are_removed(name, expected):
    assert unprefixed(name) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ENSG00000186092.7", "ENSG00000186092"),
        ("Sobic.001G000200.v3.2", "Sobic.001G000200"),
        ("Glyma.01G000137.Wm82.a4.v1", "Glyma.01G000137"),
        ("Potri.001G000400.v4.1", "Potri.001G000400"),
        ("Cre01.g000033.v5.5", "Cre01.g000033"),
        ("YAL001C", "YAL001C"),
        ("MSTRG.12", "MSTRG"),
    ],
)
def test_versions_are_removed(name, expected):
    assert unversioned(name) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("AT1G01020.2", "AT1G01020"),
        ("Zm00001d027230_T001", "Zm00001d027230"),
        ("Zm00001d027230_P001", "Zm00001d027230"),
        ("LOC_Os01g01010.1", "LOC_Os01g01010"),
        ("Os01t0100100-02", "Os01g0100100"),
        ("FvH4_1g00010.t1", "FvH4_1g00010"),
        ("Vitvi01g00001.t01", "Vitvi01g00001"),
        ("Sobic.001G000200.1.p", "Sobic.001G000200"),
        ("maker-chr1-snap-gene-0.14-mRNA-1", "maker-chr1-snap-gene-0.14"),
        ("AGAP004677-PA", "AGAP004677"),
        ("jg7.t2", "jg7"),
    ],
)
def test_suffixes_of_transcripts_and_proteins_are_removed(name, expected):
    assert gene_of_isoform(name) == expected
