import logging

import pytest

from kanseq.errors import MalformedLine
from kanseq.genome.contig_ends import PastEnd, check_ends


def past(name, contig, line=5):
    return PastEnd(f"gene '{name}'", contig, contig, 310, 300, line)


@pytest.fixture
def annotation(tmp_path):
    path = tmp_path / "a.gff3"
    path.write_text("NC_5.1\tRefSeq\tregion\t1\t300\t.\t+\t.\tID=r;Is_circular=true\n")
    return path


def test_nothing_past_an_end_needs_no_annotation(tmp_path):
    check_ends([], 0, tmp_path / "missing")


@pytest.mark.parametrize(
    ("contig", "headers"),
    [
        ("NC_5.1", {}),
        ("Pt", {}),
        ("ChrM", {}),
        ("plasmid_pXO1", {}),
        ("7", {"7": "7 length=300 depth=1.00x circular=true"}),
        ("NC_8.1", {"NC_8.1": "NC_8.1 Escherichia coli str. K-12, complete genome"}),
        ("NC_9.1", {"NC_9.1": "NC_9.1 Oryza sativa mitochondrion"}),
    ],
)
def test_a_gene_across_the_origin_of_a_circular_contig_is_a_warning(annotation, caplog, contig, headers):
    with caplog.at_level(logging.WARNING, "kanseq"):
        check_ends([past("A", contig)], 2, annotation, headers)
    message = f"{annotation}: gene 'A' ends at 310, but contig '{contig}' has 300 bases; it is left out"
    assert caplog.messages == [message]


def test_several_genes_on_circular_contigs_are_one_warning(annotation, caplog):
    with caplog.at_level(logging.WARNING, "kanseq"):
        check_ends([past("A", "Pt"), past("B", "Pt", 6), past("C", "Mt", 7)], 3, annotation)
    assert caplog.messages == [
        f"{annotation}: 3 genes end past their contigs and are left out: gene 'A' ends at 310, but contig 'Pt' has 300 "
        "bases, gene 'B' ends at 310, but contig 'Pt' has 300 bases, gene 'C' ends at 310, but contig 'Mt' has 300 "
        "bases"
    ]


@pytest.mark.parametrize(("count", "total"), [(1, 3), (1, 4000), (3, 300)])
def test_a_small_share_of_genes_on_one_linear_contig_is_a_warning(annotation, caplog, count, total):
    with caplog.at_level(logging.WARNING, "kanseq"):
        check_ends([past(str(number), "4") for number in range(count)], total, annotation)
    assert len(caplog.messages) == 1


@pytest.mark.parametrize(
    ("contigs", "total", "message"),
    [
        (["1"], 1, "a.gff3:5: gene '0' ends at 310, but contig '1' has 300 bases; use the annotation of this assembly"),
        (["1"], 2, "a.gff3:5: gene '0' ends at 310"),
        (["Pt", "1", "2"], 5000, "a.gff3:6: gene '1' ends at 310, but contig '1' has 300 bases (3 of 5,000 end past"),
        (["1"] * 4, 300, "a.gff3:5: gene '0' ends at 310, but contig '1' has 300 bases (4 of 300 end past"),
        (["NC_5.1"] * 4, 4000, "a.gff3:5: gene '0' ends at 310, but contig 'NC_5.1' has 300 bases (4 of 4,000 end"),
    ],
)
def test_many_genes_or_several_linear_contigs_are_another_assembly(annotation, contigs, total, message):
    items = [past(str(number), contig, 5 + number) for number, contig in enumerate(contigs)]
    with pytest.raises(MalformedLine) as error:
        check_ends(items, total, annotation)
    assert message in str(error.value)
