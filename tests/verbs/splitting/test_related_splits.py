"""Folds of related genes: homologs of a test gene are not trained on, within a species and across species."""

import pytest

from kanseq.errors import BadOption, UnknownGene
from kanseq.verbs.splitting.split import split
from tests.verbs.splitting.conftest import far_apart, gene_set, reasons, roles


def groups_file(path, groups, species="."):
    """Write a table of groups, from a mapping of group -> ids in one text."""
    rows = [f"{species}\t{name}\t{group}\n" for group, names in groups.items() for name in names.split()]
    path.write_text("species\tid\tgroup\n" + "".join(rows))
    return path


def pairs_file(path, pairs):
    """Write pairs ``(species, id, species, id)``."""
    header = "species\tid\tspecies_2\tid_2\tevalue\tbits\tcoverage\tidentity\n"
    path.write_text(header + "".join("\t".join(pair) + "\t1e-30\t120\t0.9\t80\n" for pair in pairs))
    return path


def test_homologs_of_a_test_gene_are_excluded_from_training_and_the_test_gene_is_kept(tmp_path):
    genes = gene_set(far_apart(3, "1") + far_apart(3, "2") + far_apart(3, "3"))
    homology = groups_file(tmp_path / "h.tsv", {"a": "1g0 2g1 3g2", "b": "1g2 1g1", "c": "2g0", "d": "2g2 3g0 3g1"})
    result = split(genes, min_genes=1, homology=homology)
    assert result.test == {"1": 3, "2": 3, "3": 3}
    assert reasons(result, "1") == {"2g1": "homolog_test:1g0", "3g2": "homolog_test:1g0"}
    assert reasons(result, "2") == {
        "1g0": "homolog_test:2g1",
        "3g0": "homolog_test:2g2",
        "3g1": "homolog_test:2g2",
        "3g2": "homolog_test:2g1",
    }
    assert reasons(result, "3") == {"1g0": "homolog_test:3g2", "2g1": "homolog_test:3g2", "2g2": "homolog_test:3g0"}
    assert result.reasons == {"homolog_test": 9}


def test_an_empty_table_of_pairs_means_that_no_genes_are_homologous(tmp_path):
    genes = gene_set(far_apart(2, "1") + far_apart(3, "2"))
    none = pairs_file(tmp_path / "none.tsv", [])
    assert reasons(split(genes, folds="1", homology=none), "1") == {}
    foreign = pairs_file(tmp_path / "foreign.tsv", [(".", "x", ".", "y")])
    with pytest.raises(UnknownGene, match="none of its genes is in the set"):
        split(genes, folds="1", homology=foreign)


def test_pairs_exclude_direct_hits_only_and_groups_exclude_complete_families(tmp_path):
    genes = gene_set(far_apart(2, "1") + far_apart(3, "2"))
    pairs = pairs_file(tmp_path / "p.tsv", [(".", "2g0", ".", "1g1"), (".", "2g0", ".", "2g1"), (".", "2g2", ".", "9")])
    assert reasons(split(genes, folds="1", homology=pairs), "1") == {"2g0": "homolog_test:1g1"}
    family = groups_file(tmp_path / "g.tsv", {"a": "1g1 2g0 2g1", "b": "1g0", "c": "2g2"})
    found = reasons(split(genes, folds="1", homology=family), "1")
    assert found == {"2g0": "homolog_test:1g1", "2g1": "homolog_test:1g1"}


def test_homologs_of_tuning_genes_are_not_trained_on_and_homologs_of_test_genes_are_not_tuned_on(tmp_path):
    genes = gene_set(far_apart(3, "1") + far_apart(8, "2"))
    plain = roles(split(genes, folds="1", tune=0.25), "1")
    tuned = [name for name, role in plain.items() if role == "tune"]
    assert len(tuned) == 2
    trained = [name for name, role in plain.items() if role == "train"]
    homology = groups_file(tmp_path / "h.tsv", {"a": f"{tuned[1]} {trained[0]} {trained[3]}", "b": tuned[0]})
    found = reasons(split(genes, folds="1", tune=0.25, homology=homology), "1")
    assert found == {trained[0]: f"homolog_tune:{tuned[1]}", trained[3]: f"homolog_tune:{tuned[1]}"}
    everything = " ".join(["1g0", *(f"2g{number}" for number in range(6))])
    result = split(genes, folds="1", tune=0.5, homology=groups_file(tmp_path / "h.tsv", {"a": everything}))
    assert (result.train, result.tune, result.test) == ({"1": 1}, {"1": 1}, {"1": 3})
    assert result.reasons == {"homolog_test": 6}


def test_homologs_of_held_out_genes_that_are_not_scored_are_excluded_from_training(tmp_path):
    (tmp_path / "score.txt").write_text("1g0\n")
    genes = gene_set(far_apart(2, "1") + far_apart(3, "2"))
    homology = groups_file(tmp_path / "h.tsv", {"a": "1g1 2g2"})
    result = split(genes, folds="1", score_only=tmp_path / "score.txt", homology=homology)
    assert reasons(result, "1") == {"1g1": "not_scored", "2g2": "homolog_test:1g1"}


def test_orthologs_in_another_species_are_excluded_from_training(tmp_path):
    genes = gene_set(far_apart(2, "1", "A") + far_apart(3, "1", "B"))
    pairs = pairs_file(tmp_path / "p.tsv", [("A", "1g1", "B", "1g2"), ("B", "1g1", "B", "1g0")])
    result = split(genes, by="species", folds="A", homology=pairs)
    rows = result.table[result.table["role"] == "unused"]
    assert rows[["species", "id", "reason"]].to_numpy().tolist() == [["B", "1g2", "homolog_test:1g1"]]


def test_homology_of_other_genes_is_refused_and_missing_genes_are_counted(tmp_path, caplog):
    genes = gene_set(far_apart(3, "1") + far_apart(3, "2"))
    split(genes, min_genes=1, homology=groups_file(tmp_path / "h.tsv", {"a": "1g0 2g0", "b": "9g9"}))
    assert "h.tsv: 4 of 6 genes of the set are not in it and count as genes without homologs: 1g1, 1g2, 2g1, … (4)" in (
        caplog.text
    )
    other = groups_file(tmp_path / "o.tsv", {"a": "AT1 AT2"})
    with pytest.raises(UnknownGene, match=r"o.tsv: none of its genes is in the set: it has AT1, AT2, the set has 1g0"):
        split(genes, min_genes=1, homology=other)
    named = groups_file(tmp_path / "n.tsv", {"a": "1g0 1g1"}, species="thaliana")
    with pytest.raises(UnknownGene, match=r"the ids match, but the species are thaliana in the file and \. in the set"):
        split(genes, min_genes=1, homology=named)


def three_species():
    places = far_apart(3, "1", "A") + far_apart(2, "2", "A") + far_apart(4, "1", "B") + far_apart(3, "1", "C")
    return gene_set(places + far_apart(1, "Mt", "A"))


def rows_with(result, fold, role):
    rows = result.table[(result.table["fold"] == fold) & (result.table["role"] == role)]
    return [" ".join(key) for key in zip(rows["species"], rows["id"], strict=True)]


def test_each_chromosome_of_one_species_is_tested_after_training_on_other_species():
    result = split(three_species(), min_genes=2, test_species="A")
    assert result.folds == ["A.1", "A.2"]
    assert rows_with(result, "A.2", "test") == ["A 2g0", "A 2g1"]
    assert result.train == {"A.1": 7, "A.2": 7}
    assert reasons(result, "A.2") == {
        "1g0": "test_species",
        "1g1": "test_species",
        "1g2": "test_species",
        "Mtg0": "small_contig",
    }


def test_only_named_species_are_trained_on_and_the_rest_is_unused():
    result = split(three_species(), folds="2", test_species="A", train_species="C")
    assert result.folds == ["A.2"]
    assert rows_with(result, "A.2", "train") == ["C 1g0", "C 1g1", "C 1g2"]
    assert result.reasons == {"other_species": 4, "test_species": 4}
    blocks = split(three_species(), by="block", blocks=2, min_genes=1, test_species="B", train_species=["A", "C"])
    assert blocks.test == {"B.1.block0": 2, "B.1.block1": 2}
    assert blocks.train == {"B.1.block0": 9, "B.1.block1": 9}


def test_orthologs_of_test_genes_are_excluded_across_species(tmp_path):
    pairs = pairs_file(tmp_path / "p.tsv", [("A", "2g0", "B", "1g3"), ("A", "1g0", "C", "1g0")])
    result = split(three_species(), min_genes=2, test_species="A", homology=pairs)
    assert "B 1g3" in rows_with(result, "A.2", "unused")
    assert result.train == {"A.1": 6, "A.2": 6}
    assert result.reasons["homolog_test"] == 2


def test_inconsistent_species_options_are_refused():
    genes = three_species()
    with pytest.raises(BadOption, match=r"the set has no species D; it has A, B, C"):
        split(genes, test_species="D")
    with pytest.raises(BadOption, match=r"'A' cannot be used for both training and testing"):
        split(genes, test_species="A", train_species="A,B")
    with pytest.raises(BadOption, match=r"--train-species requires a species to test"):
        split(genes, train_species="A")
    with pytest.raises(BadOption, match=r"the set has no other species to train on; .* kanseq combine"):
        split(gene_set(far_apart(4)), test_species=".")
    with pytest.raises(BadOption, match=r"--test-species with --by species"):
        split(genes, by="species", test_species="A")
