from kanseq.genome.annotation.annotated_names import read_named_genes, read_transcript_genes

PHYTOZOME = """##gff-version 3
1	p	gene	1	90	.	+	.	ID=Mp1g1.v6.1;Name=Mp1g1
1	p	mRNA	1	90	.	+	.	ID=Mp1g1.1.v6.1;Name=Mp1g1.1;pacid=501;longest=1;Parent=Mp1g1.v6.1
1	p	mRNA	1	80	.	+	.	ID=Mp1g1.2.v6.1;Name=Mp1g1.2;pacid=502;longest=0;Parent=Mp1g1.v6.1
1	p	gene	200	290	.	-	.	ID=Mp1g2.v6.1;Name=Mp1g2
1	p	mRNA	200	290	.	-	.	ID=Mp1g2.1.v6.1;Name=Mp1g2.1;pacid=503;longest=1;Parent=Mp1g2.v6.1
"""


def write(folder, text, name="a.gff3"):
    path = folder / name
    path.write_text(text)
    return path


def test_a_transcript_is_known_by_its_id_its_name_and_its_pacid(tmp_path):
    found = read_transcript_genes(write(tmp_path, PHYTOZOME))
    assert [found[name] for name in ("Mp1g1.2.v6.1", "Mp1g1.2", "502", "Mp1g1")] == ["Mp1g1.v6.1"] * 4


def test_genes_get_the_ids_of_the_set(tmp_path):
    path = write(tmp_path, PHYTOZOME)
    assert read_transcript_genes(path, ["Mp1g1", "Mp1g2"])["Mp1g2.1"] == "Mp1g2"
    assert read_transcript_genes(path, None, "Name")["Mp1g2.1"] == "Mp1g2"
    assert read_transcript_genes(path, ["Mp1g1"], "absent")["Mp1g2.1"] == "Mp1g2"


def test_all_names_of_a_gene_are_read_without_prefixes(tmp_path):
    text = "1\tx\tgene\t1\t9\t.\t+\t.\tID=gene-AT1;Dbxref=GeneID:7;Name=NAC1;gene=NAC1;locus_tag=AT1\n"
    assert read_named_genes(write(tmp_path, text)).of("gene-AT1") == ("AT1", "7", "NAC1")


def test_a_name_of_two_genes_names_neither(tmp_path):
    rows = [
        "1\tx\tgene\t1\t9\t.\t+\t.\tID=A;Name=twin",
        "1\tx\tmRNA\t1\t9\t.\t+\t.\tID=A.1;Parent=A",
        "1\tx\tgene\t21\t29\t.\t+\t.\tID=B;Name=twin",
        "1\tx\tmRNA\t21\t29\t.\t+\t.\tID=B.1;Parent=B",
    ]
    found = read_transcript_genes(write(tmp_path, "\n".join(rows) + "\n"))
    assert found == {"A.1": "A", "B.1": "B", "A": "A", "B": "B"}


def test_genes_are_known_without_transcripts(tmp_path):
    text = '1\tx\tgene\t1\t9\t.\t+\t.\tgene_id "A"; gene_name "ADH";\n'
    assert read_transcript_genes(write(tmp_path, text, "a.gtf")) == {"A": "A", "ADH": "A"}


def test_a_transcript_belongs_to_its_parent_whatever_its_other_names(tmp_path):
    rows = [
        "1\tx\tgene\t1\t9\t.\t+\t.\tID=A",
        "1\tx\tmRNA\t1\t9\t.\t+\t.\tID=A.1;Parent=A;Alias=B;Name=twin",
        "1\tx\tgene\t21\t29\t.\t+\t.\tID=B",
        "1\tx\tmRNA\t21\t29\t.\t+\t.\tID=B.1;Parent=B;Name=twin",
    ]
    found = read_transcript_genes(write(tmp_path, "\n".join(rows) + "\n"))
    assert found == {"A.1": "A", "B.1": "B", "A": "A", "B": "B"}


def test_an_id_is_its_own_gene_even_if_it_is_the_symbol_of_another(tmp_path):
    rows = [
        f'1\tx\t{kind}\t{start}\t{start + 8}\t.\t+\t.\tgene_id "{gene}"; transcript_id "{name}"; gene "L";'
        for start, gene in ((1, "L"), (21, "L_1"))
        for kind, name in (("gene", ""), ("transcript", f"X{start}"))
    ]
    found = read_transcript_genes(write(tmp_path, "\n".join(rows) + "\n", "a.gtf"))
    assert found == {"L": "L", "L_1": "L_1", "X1": "L", "X21": "L_1"}
