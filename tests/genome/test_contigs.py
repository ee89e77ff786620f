import logging

import pytest

from kanseq.errors import BadOption, BadTable, ContigMismatch, Remedy
from kanseq.genome.annotation.genes import Gene
from kanseq.genome.contigs import Placement, mismatch, read_aliases


def gene(name, contig, line=1):
    return Gene(name, contig, 10, 20, "+", None, line, name)


def test_an_alias_table_works_in_both_directions(tmp_path):
    path = tmp_path / "aliases.tsv"
    path.write_text("# comment\nannotation genome\nNC_1.1\t1\nNC_2.1\t2\tchr2\n\n")
    aliases = read_aliases(path)
    assert aliases["1"] == aliases["NC_1.1"] == {"1", "NC_1.1"}
    placement = Placement([gene("A", "NC_1.1"), gene("B", "chr2")], aliases)
    assert [[g.id for g in placement.take(contig)] for contig in ("1", "2", "3")] == [["A"], ["B"], []]


def test_an_ncbi_assembly_report_is_an_alias_table(tmp_path):
    path = tmp_path / "report.txt"
    path.write_text(
        "# Assembly name:  TAIR10\n"
        "# Sequence-Name\tSequence-Role\tAssigned-Molecule\tAssigned-Molecule-Location/Type\tGenBank-Accn\tRelationship"
        "\tRefSeq-Accn\tAssembly-Unit\tSequence-Length\tUCSC-style-name\n"
        "1\tassembled-molecule\t1\tChromosome\tCP002684.1\t=\tNC_003070.9\tPrimary Assembly\t30427671\tna\n"
    )
    assert read_aliases(path)["NC_003070.9"] == {"1", "CP002684.1", "NC_003070.9"}


@pytest.mark.parametrize(
    ("text", "message"), [("a\tb\na\tc\n", ":2: 'a' is in two lines"), ("a\n", ":1: one name, but two are required")]
)
def test_an_invalid_alias_table_is_refused(tmp_path, text, message):
    path = tmp_path / "aliases.tsv"
    path.write_text(text)
    with pytest.raises(BadTable) as error:
        read_aliases(path)
    assert message in str(error.value)


@pytest.fixture
def files(tmp_path):
    def write(genome, annotation):
        (tmp_path / "g.fa").write_text(genome)
        (tmp_path / "a.gff3").write_text(annotation)
        return tmp_path / "g.fa", tmp_path / "a.gff3"

    return write


def test_without_shared_names_the_remedy_is_a_table_of_likely_pairs(files):
    genome, path = files(">1\nACGT\n>2\nACG\n", "")
    placement = Placement([gene("A", "chr2"), gene("B", "chr1"), gene("C", "chr1")])
    placement.take("1")
    with pytest.raises(ContigMismatch) as error:
        placement.finish(genome, path, {"1": 4, "2": 3})
    assert str(error.value) == (
        f"{path}: no contig name in common: the genome has 1, 2, the annotation chr1, chr2; likely pairs: "
        "'chr1' = '1', 'chr2' = '2'; write lines of 'annotation-name TAB genome-name' into a table and pass it as "
        "aliases"
    )
    assert error.value.remedy == Remedy(
        "likely pairs", {"--aliases": "aliases.tsv"}, "aliases.tsv", [("chr1", "1"), ("chr2", "2")]
    )


def test_if_no_alias_can_be_guessed_the_error_states_the_format_of_the_table(files):
    genome, path = files(">1\nACGT\n", "")
    placement = Placement([gene("A", "NC_9")])
    with pytest.raises(ContigMismatch) as error:
        placement.finish(genome, path, {"1": 4})
    assert str(error.value).endswith(
        "; write lines of 'annotation-name TAB genome-name' into a table and pass it as aliases"
    )
    assert error.value.remedy == Remedy(
        "write lines of 'annotation-name TAB genome-name' into {table} and run",
        {"--aliases": "aliases.tsv"},
        "aliases.tsv",
    )


def test_the_error_counts_the_contigs_and_genes_that_are_not_among_the_pairs(files):
    names = [f"chr{number}" for number in range(1, 44)]
    genome, path = files("".join(f">{number}\nACGT\n" for number in range(1, 44)), "")
    genes = [gene("A", name) for name in names for _ in range(2)] + [gene("B", "plasmid")]
    placement = Placement(genes)
    with pytest.raises(ContigMismatch) as error:
        placement.finish(genome, path, {str(number): 4 for number in range(1, 44)})
    remedy = error.value.remedy
    assert remedy.rows[0] == ("chr1", "1")
    assert remedy.rows[-1] == ("chr40", "40")
    assert remedy.lead == (
        "likely pairs (no pair for: plasmid (1 of 87 genes); not shown, add lines for them: chr41, chr42, chr43 "
        "(6 of 87 genes))"
    )


def test_the_table_keeps_the_aliases_of_other_species_and_no_name_is_in_two_rows(files):
    genome, path = files(">1\nACGT\n>2\nACG\n", "")
    other, same = frozenset({"NC_7", "7"}), frozenset({"2", "II"})
    aliases = {"NC_7": other, "7": other, "2": same, "II": same}
    error = mismatch(genome, path, {"chr1": 1, "chr2": 1}, {"1": 4, "2": 3}, aliases=aliases)
    assert error.remedy.rows == [("1", "chr1"), ("7", "NC_7"), ("2", "II", "chr2")]


def test_a_mismatch_is_reported_before_a_contig_to_keep_that_is_not_in_the_genome(files):
    genome, path = files(">1\nACGT\n", "")
    placement = Placement([gene("A", "chr1")], only=["chr1"])
    placement.take("1")
    with pytest.raises(ContigMismatch, match="'chr1' = '1'"):
        placement.finish(genome, path, {"1": 4})


def test_a_partial_overlap_names_likely_pairs_among_the_contigs_without_genes(files, caplog):
    genome, path = files(">1\nACGT\n>ChrC\nACG\n", "")
    placement = Placement([gene("A", "1"), gene("B", "Pt"), gene("C", "chr1")])
    placement.take("1")
    with caplog.at_level(logging.WARNING, "kanseq"):
        placement.finish(genome, path, {"1": 4, "ChrC": 3})
    assert caplog.messages == [
        "2 of the 3 contigs with genes to extract (2 genes) are not in the genome: Pt, chr1; if they have other names "
        "there, use --aliases; likely pairs: 'Pt' = 'ChrC'"
    ]


def test_a_contig_of_the_genome_is_kept_by_any_of_its_names():
    aliases = {"1": frozenset({"1", "chr1"}), "chr1": frozenset({"1", "chr1"})}
    placement = Placement([], aliases, only=["chr1"])
    assert [placement.keeps(name) for name in ("1", "2")] == [True, False]


def test_partial_overlap_is_a_warning_with_counts(files, caplog):
    genome, path = files(">1\nACGT\n", "")
    placement = Placement([gene("A", "1"), gene("B", "Mt"), gene("C", "Mt")])
    placement.take("1")
    with caplog.at_level(logging.WARNING, "kanseq"):
        placement.finish(genome, path, {"1": 4})
    assert "1 of the 2 contigs with genes to extract (2 genes) are not in the genome: Mt" in caplog.text
    assert [(item.id, item.reason, item.detail) for item in placement.excluded] == [
        ("B", "no_contig", "contig Mt"),
        ("C", "no_contig", "contig Mt"),
    ]


def test_contigs_are_kept_and_excluded_by_any_alias(files):
    aliases = {"1": frozenset({"1", "chr1"}), "chr1": frozenset({"1", "chr1"})}
    genes = [gene("A", "1"), gene("B", "2"), gene("C", "3")]
    only = Placement(genes, aliases, only=["chr1"])
    assert [len(only.take(name)) for name in ("1", "2", "3")] == [1, 0, 0]
    without = Placement(genes, aliases, without=["chr1", "3"])
    assert [len(without.take(name)) for name in ("1", "2", "3")] == [0, 1, 0]
    assert {item.reason for item in without.excluded} == {"contig_filtered"}


def test_a_contig_to_keep_that_is_not_in_the_genome_is_an_error(files):
    genome, path = files(">1\nACGT\n", "")
    placement = Placement([gene("A", "1")], only=["9"])
    placement.take("1")
    with pytest.raises(BadOption, match="--contigs 9: not in the genome; it has 1"):
        placement.finish(genome, path, {"1": 4})
