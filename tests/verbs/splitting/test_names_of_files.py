"""Names that files spell in another way than the set."""

import pandas as pd
import pytest

from kanseq.errors import UnknownGene
from kanseq.genome.coding import read_coding
from kanseq.geometry import Geometry
from kanseq.homologs.gene_names import GeneNames
from kanseq.sequences.gene_lists import chosen_genes
from kanseq.sequences.sequence_set import SequenceSet
from kanseq.verbs.preparing.extract import extract
from kanseq.verbs.splitting.homology import homology
from kanseq.verbs.splitting.label import label

LEVELS = {"a": 1, "b": 2, "c": 4, "d": 8, "e": 16, "f": 32, "g": 64, "h": 128}


def set_of(ids, **options):
    table = pd.DataFrame({"id": ids, "species": ".", "length": 1, "sequence": "A"})
    return SequenceSet(table, Geometry.plain(1), {"options": options})


def written(folder, name, text):
    path = folder / name
    path.write_text(text)
    return path


def matrix(folder, spelling):
    rows = "".join(f"{spelling.format(name)}\t{value}\n" for name, value in LEVELS.items())
    return written(folder, "tpm.tsv", "gene\tleaf\n" + rows)


@pytest.mark.parametrize(
    ("of_table", "of_set"),
    [
        ("gene:Sl{}01.2", "Sl{}01.2"),
        ("ENSG{}.12", "ENSG{}"),
        ("Cr{}.g1", "Cr{}.g1.v5.5"),
        ("lcl|X{}", "X{}"),
    ],
)
def test_labels_have_the_ids_of_the_set(tmp_path, caplog, of_table, of_set):
    genes = set_of([of_set.format(name) for name in LEVELS])
    with caplog.at_level("INFO"):
        result = label(matrix(tmp_path, of_table), genes=genes)
    assert dict(zip(result.table["id"], result.table["label"], strict=True)) == {
        of_set.format(name): kind for name, kind in zip(LEVELS, ["low"] * 2 + ["mid"] * 4 + ["high"] * 2, strict=True)
    }
    assert "8 of 8 genes are matched without" in caplog.text


@pytest.mark.parametrize(
    ("of_table", "of_set"),
    [
        (["SPAC7.03", "SPAC7.04", "SPAC8.01"], ["SPAC7.01", "SPAC8.02", "SPAC9.01"]),
        (["AC004832.3", "AC004833.2"], ["AC004832.1", "AC004833.1"]),
        (["MSTRG.1", "MSTRG.2"], ["MSTRG.3"]),
        (["Gene1-2", "H1-2", "NKX2-1"], ["Gene1", "H1", "NKX2"]),
        (["rna-3", "protein-7"], ["3", "7"]),
        (["Tp53", "Gapdh"], ["TP53", "GAPDH"]),
    ],
)
def test_names_that_distinguish_genes_are_not_matched(tmp_path, of_table, of_set):
    rows = "".join(f"{name}\t{at}.5\n" for at, name in enumerate(of_table))
    with pytest.raises(UnknownGene, match="no gene in common"):
        label(written(tmp_path, "m.tsv", "gene\tleaf\n" + rows), genes=set_of(of_set))
    for name in of_table:
        with pytest.raises(UnknownGene, match="not in the set"):
            chosen_genes(set_of(of_set), [name], None)


def test_versions_that_may_distinguish_genes_are_removed_only_on_request(tmp_path):
    genes, table = set_of([f"HC{name}.3" for name in LEVELS]), matrix(tmp_path, "HC{}.2")
    with pytest.raises(UnknownGene, match="with --strip-version 8 would match, if the numbers are versions"):
        label(table, genes=genes)
    assert label(table, genes=genes, strip_version=True).without_expression == 0


def test_a_protein_of_a_gene_outside_the_set_is_of_no_other_gene(tmp_path):
    names = [f"s{at}-gene-0.{number}" for at in range(6) for number in (3, 4)]
    gff = "".join(
        f"1\tx\tgene\t1\t9\t.\t+\t.\tID={name}\n1\tx\tmRNA\t1\t9\t.\t+\t.\tID={name}-mRNA-1;Parent={name}\n"
        f"1\tx\tCDS\t1\t9\t.\t+\t0\tID={name}-c;Parent={name}-mRNA-1\n"
        for name in names
    )
    genes = GeneNames(set_of(names[1::2]))
    genes.learn(None, read_coding(written(tmp_path, "a.gff3", gff)))
    proteins = [f"{name}-mRNA-1" for name in names]
    assert genes.rows(proteins) == [None if number % 2 == 0 else number // 2 for number in range(12)]
    assert GeneNames(set_of(names[1::2])).rows(proteins) == genes.rows(proteins)


def test_several_transcripts_per_gene_are_refused_with_the_options_that_sum_them(tmp_path):
    rows = "".join(f"{name}.1\t1\n{name}.2\t2\n" for name in LEVELS)
    path = written(tmp_path, "m.tsv", "tx\tleaf\n" + rows)
    with pytest.raises(UnknownGene, match=r"several transcripts per gene, such as a\.1, .* use --tx2gene TABLE or"):
        label(path, genes=set_of(list(LEVELS)))


def test_the_column_that_has_the_ids_is_named_in_the_message(tmp_path):
    rows = "".join(f"Sym{name}\tG{name}\t{value}.5\n" for name, value in LEVELS.items())
    path = written(tmp_path, "m.tsv", "label\taccession code\tleaf\n" + rows)
    genes = set_of([f"G{name}" for name in LEVELS])
    with pytest.raises(UnknownGene, match="with --id-column 'accession code' 8 would match"):
        label(path, genes=genes)
    assert label(path, genes=genes, id_column="accession code").without_expression == 0


def extracted(folder):
    """Extract genes with symbols, and return the file of the set."""
    written(folder, "g.fa", ">1\n" + "ACGTGCTAGA" * 300 + "\n")
    rows = []
    for at, name in enumerate(LEVELS):
        place = f"{300 + 200 * at}\t{400 + 200 * at}\t.\t+\t."
        rows.append(f'1\tx\tgene\t{place}\tgene_id "LOC{at}"; gene_name "{name}"; locus_tag "T_{at}";\n')
        rows.append(f'1\tx\tmRNA\t{place}\tgene_id "LOC{at}"; transcript_id "X{at}";\n')
    annotation = written(folder, "a.gtf", "".join(rows))
    extract(folder / "g.fa", annotation, output=folder / "g.parquet", upstream=50, downstream=30)
    return folder / "g.parquet"


def test_the_annotation_of_the_set_is_recommended_if_it_has_the_names(tmp_path):
    genes, table = extracted(tmp_path), matrix(tmp_path, "{}")
    with pytest.raises(UnknownGene, match=r"with --annotation \S*a\.gtf 8 would match") as caught:
        label(table, genes=genes)
    assert caught.value.remedy.options == {"--annotation": str(tmp_path / "a.gtf")}
    result = label(table, genes=genes, annotation=tmp_path / "a.gtf")
    assert result.table["id"].tolist() == [f"LOC{at}" for at in range(8)]


def test_the_annotation_of_the_set_is_named_if_it_is_not_found(tmp_path):
    genes, table = extracted(tmp_path), matrix(tmp_path, "{}")
    (tmp_path / "a.gtf").unlink()
    with pytest.raises(UnknownGene, match=r"or use --annotation a\.gtf \(the annotation of the set\) to look up"):
        label(table, genes=genes)


def test_an_annotation_that_does_not_help_is_not_recommended(tmp_path):
    with pytest.raises(UnknownGene, match=r"use --gene-map for a table of old and new ids$"):
        label(matrix(tmp_path, "other_{}"), genes=extracted(tmp_path))


def test_transcripts_of_gencode_name_their_genes(tmp_path):
    rows = "".join(
        f"T{name}.1|G{name}.2|OTTG|OTTT|{name}-201|{name}|900|protein_coding|\t900\t800\t{value}\t5\n"
        for name, value in LEVELS.items()
    )
    quant = written(tmp_path, "quant.sf", "Name\tLength\tEffectiveLength\tTPM\tNumReads\n" + rows)
    assert label(quant, genes=set_of([f"G{name}" for name in LEVELS])).without_expression == 0


def test_the_second_of_two_names_may_be_the_gene(tmp_path):
    table = matrix(tmp_path, "MSTRG.7{0}|G{0}")
    assert label(table, genes=set_of([f"G{name}" for name in LEVELS])).without_expression == 0


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("sample\ta\tb\tc\ns1\t1.5\t2.5\t3.5\ns2\t1.5\t2.5\t4.5\n", "the columns of the table are genes; transpose"),
        (
            "gene\tleaf\na_NAC1\t1.5\nb_WRKY2\t2.5\nc_MYB\t3.5\n",
            "3 would match .* such as 'a' for 'a_NAC1'",
        ),
    ],
)
def test_other_tables_are_refused_with_a_hint_that_was_tested(tmp_path, text, hint):
    with pytest.raises(UnknownGene, match=hint):
        label(written(tmp_path, "m.tsv", text), genes=set_of(list("abc")))


def test_a_table_with_few_genes_of_the_set_is_reported(tmp_path, caplog):
    label(matrix(tmp_path, "{}"), genes=set_of([*LEVELS, *"ijklmnopqrst"]))
    assert "only 8 of 20 genes are in the table" in caplog.text


def test_numbers_of_ncbi_are_names_of_genes(tmp_path):
    gff = "".join(
        f"1\tx\tgene\t1\t9\t.\t+\t.\tID=gene-{name};Dbxref=Araport:x,GeneID:{70 + at};locus_tag={name}\n"
        f"1\tx\tmRNA\t1\t9\t.\t+\t.\tID=rna-{name};Parent=gene-{name}\n"
        for at, name in enumerate(LEVELS)
    )
    rows = "".join(f"{70 + at}\t{value}.5\n" for at, value in enumerate(LEVELS.values()))
    table = written(tmp_path, "m.tsv", "GeneID\tleaf\n" + rows)
    result = label(table, genes=set_of(list(LEVELS)), annotation=written(tmp_path, "a.gff3", gff))
    assert result.table["id"].tolist() == list(LEVELS)


def test_an_annotation_translates_to_the_attribute_with_the_ids_of_the_set(tmp_path):
    gff = "".join(
        f"1\tx\tgene\t1\t9\t.\t+\t.\tID={name}.v2.1;Name=Mp{name}\n"
        f"1\tx\tmRNA\t1\t9\t.\t+\t.\tID={name}.1.v2.1;Name=Mp{name}.1;Parent={name}.v2.1\n"
        f"1\tx\tmRNA\t1\t9\t.\t+\t.\tID={name}.2.v2.1;Name=Mp{name}.2;Parent={name}.v2.1\n"
        for name in LEVELS
    )
    annotation = written(tmp_path, "a.gff3", gff)
    rows = "".join(f"Mp{name}.1\t90\t80\t{value}\t5\nMp{name}.2\t90\t80\t1\t5\n" for name, value in LEVELS.items())
    quant = written(tmp_path, "quant.sf", "Name\tLength\tEffectiveLength\tTPM\tNumReads\n" + rows)
    for ids, options in (("Mp{}", {"id": "Name"}), ("Mp{}", {}), ("{}.v2.1", {})):
        genes = set_of([ids.format(name) for name in LEVELS], **options)
        result = label(quant, genes=genes, annotation=annotation)
        assert result.table["id"].tolist() == [ids.format(name) for name in LEVELS]
        assert result.without_expression == 0
    assert (10 ** result.table["expression"] - 1).round(6).tolist() == [value + 1 for value in LEVELS.values()]


def test_a_table_of_annotation_releases_translates_ids_and_sums_merged_genes(tmp_path):
    pairs = "".join(f"new_{name}\told_{name}.1,old_{name}.2\n" for name in "bcdefgh") + "new_b\told_a\n"
    table = written(tmp_path, "releases.tsv", pairs)
    genes = set_of([f"new_{name}" for name in "bcdefgh"])
    result = label(matrix(tmp_path, "old_{}"), genes=genes, gene_map=table)
    expected = {f"new_{name}": value for name, value in LEVELS.items() if name != "a"} | {"new_b": 3}
    assert (10 ** result.table.set_index("id")["expression"] - 1).round(6).to_dict() == expected


HITS = "qseqid\tsseqid\tpident\tqstart\tqend\tevalue\tbitscore\tqlen\n"


@pytest.mark.parametrize(
    "spelling", ["lcl|{}_P001", "{}_P002", "{}.1 some description", "gnl|db|{}.1", "protein:{}_P003", "{}.1.p"]
)
def test_subjects_of_hits_are_found_under_other_spellings(tmp_path, spelling):
    pairs = (("Zm1", "Zm2"), ("Zm3", "Zm4"))
    rows = "".join(f"{one}.1\t{spelling.format(other)}\t90\t1\t90\t1e-30\t200\t100\n" for one, other in pairs)
    genes = set_of(["Zm1", "Zm2", "Zm3", "Zm4"])
    result = homology(genes, hits=written(tmp_path, "h.tsv", HITS + rows))
    assert result.table["group"].tolist() == ["1", "1", "2", "2"]


def test_hits_of_another_release_are_translated(tmp_path):
    rows = "old1_P001\told2_P001\t90\t1\t90\t1e-30\t200\t100\n"
    table = written(tmp_path, "releases.tsv", "a\told1\nb\told2\nc\tNone\n")
    result = homology(set_of(list("abc")), hits=written(tmp_path, "h.tsv", HITS + rows), gene_map=table)
    assert result.table["group"].tolist() == ["1", "1", "2"]


def test_genes_to_explain_are_found_under_other_spellings():
    genes = set_of(["AT1G01010", "AT1G01020", "Sl1.3"])
    assert chosen_genes(genes, ["gene:AT1G01020"], None).table["id"].tolist() == ["AT1G01020"]
    assert chosen_genes(genes, ["AT1G01020.1"], None).table["id"].tolist() == ["AT1G01020"]
    assert chosen_genes(genes, ["Sl1"], None).table["id"].tolist() == ["Sl1.3"]
    with pytest.raises(UnknownGene, match="not in the set: AT9G01020; the set has AT1G01010"):
        chosen_genes(genes, ["AT9G01020", "AT1G01010"], None)


def test_genes_to_explain_are_found_under_all_names_of_an_annotation(tmp_path):
    gff = "1\tx\tgene\t1\t9\t.\t+\t.\tID=LOC7;Name=NAC1;locus_tag=AT1G7\n"
    gff += "1\tx\tmRNA\t1\t9\t.\t+\t.\tID=NM_7.2;Parent=LOC7\n"
    genes = set_of(["AT1G6", "AT1G7"])
    for name in ("NAC1", "LOC7", "NM_7.2"):
        assert chosen_genes(genes, [name], None, written(tmp_path, "a.gff3", gff)).table["id"].tolist() == ["AT1G7"]
