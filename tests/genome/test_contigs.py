import logging

import pytest

from kanseq.errors import BadOption, BadTable, ContigMismatch
from kanseq.genome.annotation.genes import Gene
from kanseq.genome.contigs import Placement, guess_aliases, read_aliases


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


@pytest.mark.parametrize(
    ("header", "annotation", "names", "expected"),
    [
        ("1", "", ["chr1", "chr2"], {"chr1": "1"}),
        ("Chr01", "", ["1"], {"1": "Chr01"}),
        ("Mito", "", ["MT"], {"MT": "Mito"}),
        ("1 REF (from NC_003070.9)", "", ["NC_003070.9"], {"NC_003070.9": "1"}),
        ("NC_003070.9 Arabidopsis thaliana chromosome 1 sequence", "", ["1"], {"1": "NC_003070.9"}),
        ("x", "##sequence-region NC_9 1 4\n", ["NC_9"], {"NC_9": "x"}),
        ("1", "NC_9\ts\tregion\t1\t99\t.\t+\t.\tID=r;chromosome=1\n", ["NC_9"], {"NC_9": "1"}),
        ("1", "", ["NC_9"], {}),
        ("1", "", ["chr1", "Chr1"], {}),
    ],
)
def test_aliases_are_guessed_from_names_titles_or_lengths(files, header, annotation, names, expected):
    genome, path = files(f">{header}\nACGT\n", annotation)
    assert guess_aliases(genome, path, names, {header.split()[0]: 4}) == expected


def test_without_shared_names_the_error_has_the_command_that_fixes_it(files):
    genome, path = files(">1\nACGT\n>2\nACG\n", "")
    placement = Placement([gene("A", "chr2"), gene("B", "chr1"), gene("C", "chr1")])
    placement.take("1")
    with pytest.raises(ContigMismatch) as error:
        placement.finish(genome, path, {"1": 4, "2": 3}, "out.parquet")
    assert str(error.value) == (
        f"{path}: no contig name in common: the genome has 1, 2, the annotation chr1, chr2; "
        f"likely pairs: printf 'chr1\\t1\\nchr2\\t2\\n' > aliases.tsv && "
        f"kanseq extract {genome} {path} --aliases aliases.tsv -o out.parquet"
    )


def test_if_no_alias_can_be_guessed_the_error_states_the_format_of_the_table(files):
    genome, path = files(">1\nACGT\n", "")
    placement = Placement([gene("A", "NC_9")])
    with pytest.raises(
        ContigMismatch, match=r"write lines of 'annotation-name TAB genome-name' into aliases.tsv and run"
    ):
        placement.finish(genome, path, {"1": 4}, None)


def test_partial_overlap_is_a_warning_with_counts(files, caplog):
    genome, path = files(">1\nACGT\n", "")
    placement = Placement([gene("A", "1"), gene("B", "Mt"), gene("C", "Mt")])
    placement.take("1")
    with caplog.at_level(logging.WARNING, "kanseq"):
        placement.finish(genome, path, {"1": 4}, None)
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
        placement.finish(genome, path, {"1": 4}, None)
