"""Tables of contig aliases of NCBI, UCSC and spreadsheets."""

import pytest

from kanseq.errors import BadTable
from kanseq.genome.contigs import read_aliases


def read(folder, text):
    path = folder / "aliases.txt"
    path.write_text(text)
    return read_aliases(path)


@pytest.mark.parametrize(
    "text",
    [
        "one\tchr1\ntwo\tchr2\n",
        "one chr1\ntwo   chr2\n",
        "one,chr1\r\ntwo,chr2\r\n",
        "\ufeffone;chr1\r\ntwo;chr2\r\n;\r\n",
        '"one","chr1"\n"two","chr2"\n',
        "one\rchr1\r".replace("one\rchr1", "one\tchr1\rtwo\tchr2"),
    ],
)
def test_all_delimiters_are_read(tmp_path, text):
    assert read(tmp_path, text) == {
        "one": {"one", "chr1"},
        "chr1": {"one", "chr1"},
        "two": {"two", "chr2"},
        "chr2": {"two", "chr2"},
    }


def test_a_header_is_allowed(tmp_path):
    assert read(tmp_path, "annotation,genome\none,chr1\n")["one"] == {"one", "chr1"}


def test_the_alias_table_of_a_ucsc_hub_is_read(tmp_path):
    text = "# ucsc\tassembly\tgenbank\trefseq\nchr1\t1\tCM9.1\tNC_9.1\nchrUn_1\t\tCM8.1\t\n"
    aliases = read(tmp_path, text)
    assert aliases["NC_9.1"] == {"chr1", "1", "CM9.1", "NC_9.1"}
    assert aliases["CM8.1"] == {"chrUn_1", "CM8.1"}


def test_names_of_a_contig_on_several_lines_of_ucscs_older_table_are_joined(tmp_path):
    text = "1\tchr1\tensembl\nCM9.1\tchr1\tgenbank\nNC_9.1\tchr1\trefseq,ncbi\n2\tchr2\tensembl\n"
    aliases = read(tmp_path, text)
    assert aliases["1"] == aliases["NC_9.1"] == aliases["chr1"] == {"1", "chr1", "CM9.1", "NC_9.1"}
    assert aliases["2"] == {"2", "chr2"}


def test_a_report_of_ncbi_datasets_is_read(tmp_path):
    text = (
        "Assembly Accession\tChromosome name\tGenBank seq accession\tRefSeq seq accession\tSequence name\tSeq length\n"
        "GCF_1.1\tUn\tCM9.1\tNC_9.1\tscaffold_1\t900\nGCF_1.1\tUn\tCM8.1\tNC_8.1\tscaffold_2\t900\n"
    )
    assert read(tmp_path, text)["NC_8.1"] == {"CM8.1", "NC_8.1", "scaffold_2"}


def test_a_name_in_two_lines_is_refused(tmp_path):
    with pytest.raises(BadTable, match=r"aliases.txt:2: 'one' is in two lines; keep one of them"):
        read(tmp_path, "one,chr1\none,chr2\n")
