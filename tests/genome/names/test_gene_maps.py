import pandas as pd
import pytest

from kanseq.errors import BadTable, UnknownGene
from kanseq.genome.names.gene_maps import read_gene_map


def write(folder, text):
    path = folder / "map.tsv"
    path.write_text(text)
    return path


def test_the_column_of_the_set_is_found(tmp_path):
    path = write(tmp_path, "v4\tv5\nZm00001d1\tZm00001eb9\nZm00001d2\tZm00001eb8\nZm00001d3\tNA\n")
    assert read_gene_map(path, ["Zm00001eb9", "Zm00001eb8"]).gene_of == {
        "Zm00001d1": "Zm00001eb9",
        "Zm00001d2": "Zm00001eb8",
    }
    assert read_gene_map(path, ["Zm00001d1"]).gene_of == {"Zm00001eb9": "Zm00001d1"}


def test_lists_of_transcripts_are_read_as_their_gene(tmp_path):
    path = write(tmp_path, "Os01g0100100\tLOC_Os01g01010.1,LOC_Os01g01010.2\nOs01g0100200\tNone\n")
    assert read_gene_map(path, ["LOC_Os01g01010", "LOC_Os01g01020"]).gene_of == {"Os01g0100100": "LOC_Os01g01010"}


def test_divided_genes_have_no_gene_and_merged_genes_share_one(tmp_path, caplog):
    path = write(tmp_path, "old1,new1\nold1,new2\nold2,new3\nold3,new3\n")
    found = read_gene_map(path, ["new1", "new2", "new3"])
    assert (found.gene_of, found.divided) == ({"old2": "new3", "old3": "new3"}, ["old1"])
    assert "1 genes correspond to several genes and are not used: old1" in caplog.text


def test_a_gene_is_divided_even_if_a_part_is_not_in_the_set(tmp_path):
    path = write(tmp_path, "old1,new1\nold1,new2\nold3,new3\n")
    assert read_gene_map(path, ["new1", "new3"]).gene_of == {"old3": "new3"}


def test_a_map_of_other_genes_is_refused(tmp_path):
    with pytest.raises(UnknownGene, match=r"the columns have a, c and b, d, the set has x; one of the first two"):
        read_gene_map(write(tmp_path, "a\tb\nc\td\n"), ["x"])


def test_without_a_set_the_second_column_has_the_new_ids():
    assert read_gene_map(pd.DataFrame({"one": ["a"], "two": ["b"]}), None).gene_of == {"a": "b"}


def test_empty_cells_and_row_numbers_are_no_names(tmp_path):
    assert read_gene_map(write(tmp_path, "a,x\nb,\nc,z\n"), ["x", "z"]).gene_of == {"a": "x", "c": "z"}
    assert read_gene_map(write(tmp_path, ",old,new\n0,a,x\n1,b,z\n"), ["x", "z"]).gene_of == {"a": "x", "b": "z"}
    with pytest.raises(BadTable, match="two columns are required; separate them with tabs"):
        read_gene_map(write(tmp_path, "a\nb\n"), ["a"])
