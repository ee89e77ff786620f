import gzip
import logging
import re

import pytest

from kanseq.errors import BadOption, BadTable
from kanseq.homologs.hits.hit_tables import read_hits

HIT = "A\tB\t41.2\t100\t50\t2\t11\t110\t1\t100\t1e-20\t80.5"
SHARES = HIT.replace("41.2", "0.412")
STANDARD = re.split(" ", "qseqid sseqid pident length mismatch gapopen qstart qend sstart send evalue bitscore")
READ = ["A", "B", 41.2, 11, 110, 1e-20, 80.5]

DIAMOND = (
    "# DIAMOND v2.1.11. http://github.com/bbuchfink/diamond\n# Invocation: diamond blastp -q a.faa -d a --header\n"
    "# Fields: {}, {}, Percentage of identical matches, Alignment length, Number of mismatches, "
    "Number of gap openings, Start of alignment in query, End of alignment in query, "
    "Start of alignment in subject, End of alignment in subject, {}, Bit score\n"
)
BLAST_7 = (
    "# BLASTP {}\n# Query: A\n# Database: a\n# Fields: {}, {}, % identity, alignment length, mismatches, {}, q. start, "
    "q. end, s. start, s. end, {}, bit score{}\n# 1 hits found\n"
)
MMSEQS = "query\ttarget\tfident\talnlen\tmismatch\tgapopen\tqstart\tqend\ttstart\ttend\tevalue\tbits"


def written(folder, text, name="file.tsv"):
    path = folder / name
    path.write_text(text)
    return path


def read(folder, text, columns=()):
    """Return the required columns of a table of one hit."""
    hits = read_hits(written(folder, text), columns)
    assert len(hits) == 1
    return hits[["qseqid", "sseqid", "pident", "qstart", "qend", "evalue", "bitscore"]].iloc[0].tolist()


@pytest.mark.parametrize(
    "text",
    [
        HIT + "\n",
        HIT.replace("\t", ",") + "\n",
        HIT.replace("\t", " ") + "\n",
        HIT + "\r\n",
        HIT.replace("80.5", " 80.5") + "\n",
        "\t".join(STANDARD) + "\n" + HIT + "\n",
        "\t".join(STANDARD).upper() + "\n" + HIT + "\n",
        "#" + "\t".join(STANDARD) + "\n" + HIT + "\n",
        "# " + "\t".join(STANDARD) + "\n" + HIT + "\n",
        "# " + ", ".join(STANDARD) + "\n" + HIT + "\n",
        ",".join(STANDARD) + "\n" + HIT.replace("\t", ",") + "\n",
        DIAMOND.format("Query ID", "Subject ID", "Expected value") + HIT + "\n",
        DIAMOND.format("Query Seq - id", "Subject Seq - id", "Expect value") + HIT + "\n",
        BLAST_7.format("2.2.26 [Sep-21-2011]", "Query id", "Subject id", "gap openings", "e-value", "") + HIT + "\n",
        BLAST_7.format("2.2.31+", "query id", "subject id", "gap opens", "evalue", "") + HIT + "\n",
        BLAST_7.format("2.5.0+", "query acc.", "subject acc.", "gap opens", "evalue", "") + HIT + "\n",
        BLAST_7.format("2.16.0+", "query acc.ver", "subject acc.ver", "gap opens", "evalue", "") + HIT + "\n",
        MMSEQS + "\n" + SHARES + "\n",
        "#" + MMSEQS + "\n" + SHARES + "\n",
        MMSEQS.replace("fident", "pident") + "\n" + SHARES + "\n",
        MMSEQS.replace("fident", "pident") + "\n" + HIT + "\n",
        SHARES + "\n",
        "query_id\tsubject_id\tidentity\taln_length\tmismatches\tgap_openings\tq_start\tq_end\ts_start\ts_end\te_value\t"
        "bit_score\n" + HIT + "\n",
        "Query_ID\tSubject_ID\t%Identity\tAlignment_length\tMismatches\tGap_opens\tQ.start\tQ.end\tS.start\tS.end\t"
        "E-value\tBit-score\n" + HIT + "\n",
        "query_id subject_id pct_identity aln_length n_of_mismatches gap_openings q_start q_end s_start s_end e_value "
        "bit_score\n" + HIT + "\n",
    ],
)
def test_the_tables_of_all_programs_have_the_same_content(tmp_path, text):
    assert read(tmp_path, text) == READ


@pytest.mark.parametrize(
    ("header", "cells"),
    [
        ("query\ttarget\tevalue\tbits\tpident\tqstart\tqend", "A\tB\t1e-20\t80.5\t41.2\t11\t110"),
        ("qseqid\tsseqid\tevalue\tbitscore\tapprox_pident\tqstart\tqend", "A\tB\t1e-20\t80.5\t41.2\t11\t110"),
        ("qaccver\tsaccver\tevalue\tbitscore\tpident\tqstart\tqend", "A\tB\t1e-20\t80.5\t41.2\t11\t110"),
        # MMseqs2 writes both identities: the share and the percentage.
        ("query\ttarget\tfident\tpident\tqstart\tqend\tevalue\tbits", "A\tB\t0.412\t41.2\t11\t110\t1e-20\t80.5"),
        ("qtitle\tstitle\tevalue\tbitscore\tpident\tqstart\tqend", "A one\tB two\t1e-20\t80.5\t41.2\t11\t110"),
        ("qseqid\tsallseqid\tevalue\tbitscore\tpident\tqstart\tqend", "A\tB;C\t1e-20\t80.5\t41.2\t11\t110"),
        ("qseqid\tsalltitles\tevalue\tbitscore\tpident\tqstart\tqend", "A\tB<>C x\t1e-20\t80.5\t41.2\t11\t110"),
        ("qseqid\tsseqid\tevalue\tbitscore\tpident\tqstart\tqend", '"A"\t"B"\t1e-20\t80.5\t41.2\t11\t110'),
    ],
)
def test_columns_are_found_by_name_in_any_order(tmp_path, header, cells):
    assert read(tmp_path, f"{header}\n{cells}\n") == READ


@pytest.mark.parametrize(
    ("text", "length"),
    [
        (HIT + "\n", None),
        (HIT + "\t200\n", 200),
        (HIT + "\t200\t180\t50\n", 200),
        (HIT + "\t200\t180\t50\t50\tKinase of rice\n", 200),
        (MMSEQS + "\tqlen\ttlen\tqcov\ttcov\n" + SHARES + "\t200\t180\t0.500\t0.556\n", 200),
        (
            BLAST_7.format("2.12.0+", "query id", "subject id", "gap opens", "evalue", ", query length")
            + HIT
            + "\t200\n",
            200,
        ),
        # The web page of BLAST adds the percentage of positives; other people add titles or raw scores.
        (HIT + "\t100.00\n", None),
        (HIT + "\tKinase of rice\n", None),
        (HIT + "\t198\n" + HIT + "\t143\n", None),
    ],
)
def test_lengths_of_queries_are_read_if_the_column_can_be_a_length(tmp_path, text, length):
    hits = read_hits(written(tmp_path, text))
    assert (hits["qlen"].tolist() if "qlen" in hits else [None])[0] == length


def test_a_number_of_a_species_is_not_a_length(tmp_path):
    def has_lengths(queries, number):
        lines = [HIT.replace("A", f"A{query}") + f"\t{number}\n" for query in range(queries)]
        return "qlen" in read_hits(written(tmp_path, "".join(lines)))

    assert [has_lengths(4, 3702), has_lengths(5, 3702), has_lengths(5, 440)] == [True, False, True]


def test_blocks_of_several_queries_and_repeated_headers_are_skipped(tmp_path):
    block = BLAST_7.format("2.16.0+", "query id", "subject id", "gap opens", "evalue", "")
    empty = "# BLASTP 2.16.0+\n# Query: C\n# Database: a\n# 0 hits found\n"
    text = block + HIT + "\n" + empty + block + HIT.replace("A", "D") + "\n# BLAST processed 3 queries\n"
    assert read_hits(written(tmp_path, text))["qseqid"].tolist() == ["A", "D"]
    text = f"{MMSEQS}\n{SHARES}\n\n{MMSEQS}\n{SHARES.replace('A', 'D')}\n"
    assert read_hits(written(tmp_path, text))["qseqid"].tolist() == ["A", "D"]


def test_a_compressed_table_is_read(tmp_path):
    path = tmp_path / "hits.tsv.gz"
    path.write_bytes(gzip.compress(f"{MMSEQS}\n{SHARES}\n".encode()))
    assert read_hits(path)["pident"].tolist() == [41.2]


def test_shares_become_percent_only_if_all_identities_are_at_most_one(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    same = HIT.replace("41.2", "1.000") + "\n"
    assert read_hits(written(tmp_path, same))["pident"].tolist() == [100.0]
    assert "file.tsv: identities are shares and are converted to percent" in caplog.text
    caplog.clear()
    assert read_hits(written(tmp_path, same + HIT + "\n"))["pident"].tolist() == [1.0, 41.2]
    assert caplog.text == ""


def test_a_share_above_one_is_refused(tmp_path):
    with pytest.raises(
        BadTable, match=r"the column 'fident' is a share, but its largest value is 41\.2; if it is a percentage"
    ):
        read_hits(written(tmp_path, f"{MMSEQS}\n{HIT}\n"))
    columns = MMSEQS.replace("fident", "pident").split("\t")
    assert read_hits(written(tmp_path, f"{MMSEQS}\n{HIT}\n"), columns)["pident"].tolist() == [41.2]


def test_the_first_word_of_a_name_counts_and_descriptions_are_kept(tmp_path):
    text = HIT.replace("B", "B pep gene:G2").replace("A\t", ">A\t") + "\n"
    hits = read_hits(written(tmp_path, text))
    assert (hits["qseqid"][0], hits["sseqid"][0], hits["stitle"][0]) == ("A", "B", "B pep gene:G2")
    hits = read_hits(written(tmp_path, f"{MMSEQS}\tqheader\ttheader\n{SHARES}\tA kinase\tB pep gene:G2\n"))
    assert (hits["sseqid"][0], hits["qtitle"][0], hits["stitle"][0]) == ("B", "A kinase", "B pep gene:G2")


def test_titles_name_the_subjects_of_a_database_without_names(tmp_path):
    text = BLAST_7.format("2.2.31+", "query id", "subject id", "gap opens", "evalue", ", subject title")
    hits = read_hits(written(tmp_path, text + HIT.replace("B", "gnl|BL_ORD_ID|7") + "\tB.1 kinase\n"))
    assert hits["sseqid"].tolist() == ["B.1"]


def test_queries_that_diamond_could_not_align_are_skipped(tmp_path):
    none = "C\t*\t-1\t-1\t-1\t-1\t-1\t-1\t-1\t-1\t-1\t-1\n"
    assert read_hits(written(tmp_path, HIT + "\n" + none))["qseqid"].tolist() == ["A"]


def test_e_values_of_old_versions_of_blast_are_read(tmp_path):
    assert read_hits(written(tmp_path, HIT.replace("1e-20", "e-105") + "\n"))["evalue"].tolist() == [1e-105]


def test_positions_on_the_reverse_strand_are_swapped(tmp_path):
    hits = read_hits(written(tmp_path, HIT.replace("11\t110", "110\t11") + "\n"))
    assert (hits["qstart"][0], hits["qend"][0]) == (11, 110)


@pytest.mark.parametrize("text", ["", "# BLASTP 2.12.0+\n# 0 hits found\n", MMSEQS + "\n"])
def test_an_empty_table_of_hits_is_valid(tmp_path, text):
    assert len(read_hits(written(tmp_path, text))) == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("A\tB\t41.2\n", "file.tsv: 3 columns, but outfmt 6 has 12 .*; use --hit-columns to name the columns"),
        (HIT.replace("80.5", "x") + "\n", r"file.tsv:1: 'x' is not a number \(column 'bitscore'\); use --hit-columns"),
        (f"# a\n\n{HIT}\n" + HIT.replace("1e-20", "nan"), r"file.tsv:4: 'nan' is not a number \(column 'evalue'\)"),
        (
            HIT + "\t50\n",
            "file.tsv:1: a hit ends at 110 of a query of 50 letters; column 13 is read as qlen; use --hit-c",
        ),
        (f"{HIT}\n{HIT}\tmore\tand more\n", "file.tsv:2: 14 columns, but 12 in the lines above; do not join tables"),
        (f"{HIT}\n# a\nA\tC\t41.2\t100\n", "file.tsv:3: 4 columns, but other lines have more; is the file complete"),
        (HIT.replace("41.2", "141.2") + "\n", "file.tsv: an identity of 141.2 %; use --hit-columns"),
        # A common order of 14 columns: qlen and slen before the positions.
        (
            "A\tB\t41.2\t100\t50\t2\t200\t11\t110\t180\t1\t100\t1e-20\t80.5\n",
            "file.tsv: column 11 cannot be the e-value: its smallest value is 1; use --hit-columns to name the columns",
        ),
        (
            "qseqid\tsseqid\tevalue\nA\tB\t1\n",
            "file.tsv: the columns pident, qstart, qend, bitscore are missing; write the table with them$",
        ),
        (
            "query\ttarget\traw\tnident\tqstart\tqend\tevalue\tqcov\nA\tB\t300\t50\t1\t100\t1e-9\t0.5\n",
            "file.tsv: the columns pident, bits are missing; repeat mmseqs with --format-output",
        ),
        (
            "qseqid\tsseqid\tpident\tfrom\tto\tevalue\tbitscore\nA\tB\t41.2\t1\t100\t1e-9\t80\n",
            "the columns qstart, qend are missing; write the table with them; or, if they are called from, to, use "
            "--hit-columns to name all columns",
        ),
        (
            "# Fields: query id, subject id, % identity, q. start, q. end, evalue\nA\tB\t41.2\t1\t100\t1e-9\n",
            "file.tsv: the column bitscore is missing",
        ),
        (
            f"{MMSEQS}\n{SHARES}\n" + "\t".join(STANDARD) + f"\n{HIT}\n",
            "file.tsv:3: the columns differ from those above",
        ),
        (
            f"{MMSEQS}\n{SHARES}\n# Fields: query id, subject id, evalue, bit score\n",
            "file.tsv:3: the columns differ from those above; do not join tables with different columns",
        ),
    ],
)
def test_invalid_tables_of_hits_are_refused(tmp_path, text, message):
    with pytest.raises(BadTable, match=message):
        read_hits(written(tmp_path, text))


def test_named_columns_replace_a_header_with_unknown_names(tmp_path):
    text = "Gene 1\tGene 2\tidentities\tfrom\tto\tE\tbits of the hit\nA\tB\t41.2\t11\t110\t1e-20\t80.5\n"
    with pytest.raises(BadTable, match="7 columns, but outfmt 6 has 12"):
        read_hits(written(tmp_path, text))
    for columns in (
        "qseqid sseqid pident qstart qend evalue bitscore",
        "query target identity q_start q_end evalue bits",
    ):
        assert read(tmp_path, text, columns.split()) == READ


def test_hit_columns_must_include_the_required_ones(tmp_path):
    with pytest.raises(BadOption, match="--hit-columns: evalue is missing; required are qseqid"):
        read_hits(written(tmp_path, HIT + "\n"), ["qseqid", "sseqid", "pident", "qstart", "qend", "bitscore"])
    with pytest.raises(BadTable, match="12 columns, but 7 are named"):
        read_hits(written(tmp_path, HIT + "\n"), ["qseqid", "sseqid", "pident", "qstart", "qend", "evalue", "bitscore"])


def test_the_command_in_a_comment_is_no_header(tmp_path):
    path = tmp_path / "d.tsv"
    path.write_text(
        "# DIAMOND v2.1.9. http://github.com/bbuchfink/diamond\n"
        "# Invocation: diamond blastp -q p.fa -d p --outfmt 6 qseqid sseqid evalue bitscore pident qlen qstart qend\n"
        "# Fields: Query ID, Subject ID, Expected value, Bit score, Percentage of identical matches, Query length, "
        "Start of alignment in query, End of alignment in query\n"
        "A\tB\t1e-40\t150\t55.5\t120\t3\t101\n"
    )
    hits = read_hits(path)
    assert hits[["qseqid", "sseqid", "pident", "qstart", "qend", "qlen"]].values.tolist() == [
        ["A", "B", 55.5, 3, 101, 120]
    ]


def test_missing_columns_of_mmseqs_are_named_with_the_option_that_writes_them(tmp_path):
    path = tmp_path / "m.tsv"
    path.write_text("query\ttarget\tfident\talnlen\tqcov\tevalue\tbits\nA\tB\t0.5\t90\t0.9\t1e-9\t90\n")
    with pytest.raises(BadTable, match="columns qstart, qend are missing; repeat mmseqs with --format-output query,"):
        read_hits(path)
