import pytest

from kanseq.genome.contig_names import ContigRegion, guess_aliases, read_regions

REFSEQ = "{}\ts\tregion\t1\t99\t.\t+\t.\tID=r;{}\n"


def guess(folder, headers, names, annotation=""):
    """Guess with contigs of 11, 12, … bases."""
    (folder / "g.fa").write_text("".join(f">{header}\nACGT\n" for header in headers))
    (folder / "a.gff3").write_text(annotation)
    lengths = {header.split()[0]: length for length, header in enumerate(headers, 11)}
    return guess_aliases(folder / "g.fa", folder / "a.gff3", names, lengths)


@pytest.mark.parametrize(
    ("header", "annotation", "names", "expected"),
    [
        ("1", "", ["chr1", "chr2"], {"chr1": "1"}),
        ("Chr01", "", ["1"], {"1": "Chr01"}),
        ("Mito", "", ["MT"], {"MT": "Mito"}),
        ("1 REF (from NC_003070.9)", "", ["NC_003070.9"], {"NC_003070.9": "1"}),
        ("NC_003070.9 Arabidopsis thaliana chromosome 1 sequence", "", ["1"], {"1": "NC_003070.9"}),
        ("x", "##sequence-region NC_9 1 11\n", ["NC_9"], {"NC_9": "x"}),
        ("1", REFSEQ.format("NC_9", "chromosome=1"), ["NC_9"], {"NC_9": "1"}),
        ("1", "", ["NC_9"], {}),
        ("1", "", ["chr1", "Chr1"], {}),
    ],
)
def test_aliases_are_guessed_from_names_titles_or_lengths(tmp_path, header, annotation, names, expected):
    assert guess(tmp_path, [header], names, annotation) == expected


@pytest.mark.parametrize(
    ("name", "contig"),
    [
        ("3 dna:chromosome chromosome:IRGSP-1.0:3:1:36413819:1 REF", "3"),
        ("3%20dna:chromosome", "3"),
        ("chromosome:IRGSP-1.0:3:1:36413819:1", "3"),
        ("NC_029258", "NC_029258.1"),
        ("NC_029258.1", "NC_029258"),
        ("NC_029258.1", "gi|996703432|ref|NC_029258.1|"),
        ("AP014959", "ENA|AP014959|AP014959.1"),
        ("Os_3", "lcl|Os_3"),
        ("lcl|Os_3", "Os_3"),
        ("Os_3", "gnl|MyDB|Os_3"),
        ("Nip#1#Chr3", "Chr3"),
        ("chr03", "chr03:1-36413819"),
        ("chrUn_KI270302v1", "KI270302.1"),
        ("chr4_GL000008v2_random", "GL000008.2"),
        ("SCAFFOLD_3", "scaffold_3"),
        ("Scaffold0003", "scaffold_3"),
        ("chr3H", "3H"),
        ("LG3", "chr3"),
        ("mitochondrion_genome", "chrM"),
        ("dmel_mitochondrion_genome", "chrM"),
        ("Pt", "Zmays_chloroplast"),
        ("Pltd", "ChrC"),
    ],
)
def test_a_name_in_another_notation_is_recognised(tmp_path, name, contig):
    assert guess(tmp_path, ["other", contig], [name]) == {name: contig}


@pytest.mark.parametrize(
    ("headers", "names"),
    [
        (["NC_029258.2"], ["NC_029258.1"]),
        (["scaffold_1", "scaffold_2"], ["1", "2"]),
        (["SL3.0ch01", "SL3.0ch02"], ["SL4.0ch01", "SL4.0ch02"]),
        (["chr3:5000-9000"], ["chr3"]),
        (["scaffold_7 length 5"], ["5"]),
    ],
)
def test_other_versions_and_other_sequences_are_not_paired(tmp_path, headers, names):
    assert guess(tmp_path, headers, names) == {}


def test_numbers_after_a_common_beginning_are_chromosomes(tmp_path):
    assert guess(tmp_path, ["1", "2", "10"], ["Gm01", "Gm10"]) == {"Gm01": "1", "Gm10": "10"}
    assert guess(tmp_path, ["SL4.0ch01", "SL4.0ch02"], ["2"]) == {"2": "SL4.0ch02"}


def test_a_contig_that_two_names_fit_has_no_pair_and_the_others_have(tmp_path):
    assert guess(tmp_path, ["1", "2"], ["chr1", "Chr01", "chr2"]) == {"chr2": "2"}


def test_an_exact_part_of_a_name_precedes_a_similar_name(tmp_path):
    assert guess(tmp_path, ["lcl|chr1", "1"], ["chr1"]) == {"chr1": "lcl|chr1"}


def test_refseq_and_genbank_are_paired_by_chromosome_and_organelle(tmp_path):
    headers = ["CP7.1 Zea mays chromosome 1", "AP8.1 Zea mays chloroplast, complete sequence"]
    annotation = REFSEQ.format("NC_1.1", "Name=1;chromosome=1;genome=chromosome")
    annotation += REFSEQ.format("NC_2.1", "Name=Pltd;genome=chloroplast")
    assert guess(tmp_path, headers, ["NC_1.1", "NC_2.1"], annotation) == {"NC_1.1": "CP7.1", "NC_2.1": "AP8.1"}


def test_aliases_in_ensembl_rows_of_chromosomes_are_used(tmp_path):
    row = "5\tTAIR10\tchromosome\t1\t77\t.\t.\t.\tID=chromosome:5;Alias=CP002688.1,Chr5,NC_003076.8\n"
    assert guess(tmp_path, ["NC_003076.8", "NC_003075.7"], ["5"], row) == {"5": "NC_003076.8"}


def test_headers_in_the_style_of_sgd_are_paired_by_their_chromosome(tmp_path):
    headers = ["ref|NC_001133| [chromosome=I]", "ref|NC_001224| [location=mitochondrion]"]
    assert guess(tmp_path, headers, ["chrI", "chrmt"]) == {"chrI": "ref|NC_001133|", "chrmt": "ref|NC_001224|"}


def test_regions_state_length_chromosome_and_shape(tmp_path):
    path = tmp_path / "a.gff3"
    path.write_text("##sequence-region NC_2.1 1 154\n" + REFSEQ.format("NC_2.1", "Is_circular=true;genome=chloroplast"))
    assert read_regions(path) == {"NC_2.1": ContigRegion("154", "chloroplast", (), True)}
