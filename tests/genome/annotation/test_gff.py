import gzip

import pytest

from kanseq.errors import MalformedLine, TruncatedFile
from kanseq.genome.annotation import gff
from kanseq.genome.annotation.gff import GENES, TRANSCRIPTS, Row, attributes_of, read_rows, split_rows

GTF = (
    '#!genome-build X\n1\tsrc\tgene\t11\t20\t.\t+\t.\tgene_id "A";\n'
    '1\tgene\texon\t11\t15\t.\t+\t.\tgene_id "A"; note "a gene here";\n'
    "\n###\n"
    '2\tsrc\tpseudogene\t1\t1\t.\t-\t.\tgene_id "B";\r\n'
    '2\tsrc\tmRNA\t1\t1\t.\t-\t.\tgene_id "B";'
)


def row(attributes):
    return Row("gene", "1", 0, 9, "+", attributes, 1)


@pytest.mark.parametrize("block", [1, 10, 100, 1 << 20])
def test_rows_have_half_open_coordinates_and_line_numbers(tmp_path, monkeypatch, block):
    monkeypatch.setattr(gff, "BLOCK", block)
    path = tmp_path / "a.gtf.gz"
    path.write_bytes(gzip.compress(GTF.encode()))
    found = list(read_rows(path, GENES))
    assert [(r.type, r.contig, r.start, r.end, r.strand, r.line) for r in found] == [
        ("gene", "1", 10, 20, "+", 2),
        ("pseudogene", "2", 0, 1, "-", 6),
    ]
    assert [(r.type, r.line) for r in read_rows(path, TRANSCRIPTS)] == [("exon", 3), ("mRNA", 7)]
    assert [r.line for r in read_rows(path)] == [2, 3, 6, 7]


@pytest.mark.parametrize("block", [8, 1 << 20])
@pytest.mark.parametrize("section", ["##FASTA\n>1\nACGT\n", ">1 gene\nACGT\n"])
def test_a_fasta_section_ends_the_annotation(tmp_path, monkeypatch, section, block):
    monkeypatch.setattr(gff, "BLOCK", block)
    path = tmp_path / "a.gff3"
    path.write_text("##gff-version 3\n1\t.\tgene\t1\t9\t.\t+\t.\tID=A\n" + section)
    assert [r.line for r in read_rows(path)] == [2]


def test_gtf_attributes_may_have_semicolons_quotes_repeated_keys_and_empty_values():
    text = 'gene_id "AT1"; transcript_id ""; note "5\' end; "so-called", odd"; db_xref "A:1"; db_xref "B:2"; level 2;'
    assert attributes_of(row(text)) == {
        "gene_id": "AT1",
        "transcript_id": "",
        "note": '5\' end; "so-called", odd',
        "db_xref": "A:1,B:2",
        "level": "2",
    }


def test_gff3_attributes_are_percent_decoded():
    text = "ID=gene:A;Note=x%3B y%2C z%09tab;Alias=a,b; Name=N"
    assert attributes_of(row(text)) == {"ID": "gene:A", "Note": "x; y, z tab", "Alias": "a,b", "Name": "N"}


def test_a_bare_name_written_by_augustus_is_that_of_the_gene_or_of_the_transcript():
    assert attributes_of(row("g1")) == {"gene_id": "g1"}
    assert attributes_of(row("g1.t1")._replace(type="transcript")) == {"transcript_id": "g1.t1"}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1\tx\tgene\t1\t9\t.\t+", "too few columns (7); GTF and GFF3 have 9, separated by tabs"),
        ("1 x gene 1 9 . + . ID=A", "too few columns (1)"),
        ("1\tx\texon\t1\t9\t.\t+\t.", "too few columns (8)"),
        ("1\tx\tgene\t1e3\t9\t.\t+\t.\tID=A", "the start '1e3' is not a whole number"),
        ("1\tx\tgene\t1\t-9\t.\t+\t.\tID=A", "the end '-9' is not a whole number"),
        (f"1\tx\tgene\t1\t{'9' * 5000}\t.\t+\t.\tID=A", f"the end '{'9' * 36}' is not a whole number"),
        ("1\tx\tgene\t0\t9\t.\t+\t.\tID=A", "the start is 0, but positions in GTF and GFF3 begin at 1"),
        ("1\tx\tgene\t10\t9\t.\t+\t.\tID=A", "the start 10 is after the end 9; the row is empty: remove it"),
        (
            "1\tx\tgene\t4900\t100\t.\t+\t.\tID=A",
            "the start 4900 is after the end 100; if the row crosses the origin of a circular contig, add the length "
            "of the contig to the end, otherwise correct the coordinates",
        ),
    ],
)
def test_the_error_of_a_malformed_line_states_its_number(tmp_path, line, message):
    path = tmp_path / "a.gtf"
    path.write_text("# comment\n1\tx\tgene\t1\t9\t.\t+\t.\tID=A\n\n" + line + "\n1\tx\tgene\t1\t9\t.\t+\t.\tID=B\n")
    with pytest.raises(MalformedLine) as error:
        list(read_rows(path, GENES))
    assert str(error.value).startswith(f"{path}:4: {message}")


def test_a_truncated_last_line_is_refused(tmp_path):
    path = tmp_path / "a.gtf"
    path.write_text("1\tx\tgene\t1\t9\t.\t+\t.\tID=A\n1")
    with pytest.raises(MalformedLine, match=r":2: too few columns \(1\)"):
        list(read_rows(path, GENES))


def test_values_of_a_repeated_gff3_key_are_joined():
    assert attributes_of(row("ID=A;tag=x;tag=Ensembl_canonical")) == {"ID": "A", "tag": "x,Ensembl_canonical"}


def test_a_genome_passed_as_annotation_is_recognised(tmp_path):
    path = tmp_path / "genome.fa"
    path.write_text(">1\nACGT\n")
    with pytest.raises(MalformedLine, match=r":1: .*the genome comes first, then the annotation"):
        list(read_rows(path))


def test_a_truncated_gzip_is_refused(tmp_path):
    path = tmp_path / "a.gtf.gz"
    path.write_bytes(gzip.compress(GTF.encode() * 300)[:-30])
    with pytest.raises(TruncatedFile, match="ends too early"):
        list(read_rows(path))


@pytest.mark.parametrize("rest", ["1\tb\t5\t9", '"q"\t1', ""])
def test_columns_after_the_ninth_are_ignored(tmp_path, rest):
    # As written by bedtools intersect -wb.
    path = tmp_path / "a.gtf"
    path.write_text(f'1\tx\tgene\t1\t9\t.\t+\t.\tgene_id "A"; note "a\tb"\t{rest}\n')
    (found,) = read_rows(path, GENES)
    assert found.attributes == 'gene_id "A"; note "a\tb"'
    assert [columns[8] for _, columns in split_rows(path)] == [b'gene_id "A"; note "a\tb"']
