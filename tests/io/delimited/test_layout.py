"""Delimiters, headers and titles of text tables, as programs and spreadsheets write them."""

import gzip

import pytest

from kanseq.errors import BadTable, TruncatedFile
from kanseq.io.delimited.reading import read_delimited, read_header


def read(folder, written, name="t.csv", **options):
    path = folder / name
    path.write_bytes(written if isinstance(written, bytes) else written.encode())
    return read_delimited(path, **options)


def content(table):
    """Return the rows as lists, with names in the first column."""
    return [list(row) for row in table.frame.itertuples(index=False)]


ROWS = [["Q1", 1.5, 2.0], ["Q2", 3.0, 4.25]]


@pytest.mark.parametrize(
    "text",
    [
        "id,a,b\nQ1,1.5,2\nQ2,3,4.25\n",
        "id\ta\tb\nQ1\t1.5\t2\nQ2\t3\t4.25\n",
        "id;a;b\nQ1;1.5;2\nQ2;3;4.25\n",
        "id a b\nQ1 1.5 2\nQ2 3 4.25\n",
        "   id    a    b\n   Q1  1.5    2\n   Q2    3 4.25\n",
        '"id","a","b"\n"Q1","1.5","2"\n"Q2","3","4.25"\n',
        "\ufeffid,a,b\r\nQ1,1.5,2\r\nQ2,3,4.25\r\n",
        "id,a,b\rQ1,1.5,2\rQ2,3,4.25\r",
        "id;a;b\nQ1;1,5;2\nQ2;3;4,25\n",
        "id,a,b,,\nQ1,1.5,2,,\nQ2,3,4.25,,\n,,,,\n,,,,\n",
        "id,a,b\nQ1,1.5,2,\nQ2,3,4.25,\n",
        "id;a;;b\nQ1;1.5;;2\n\nQ2;3;;4.25\n;;;\n",
        ";id;a;b\n;Q1;1.5;2\n;Q2;3;4.25\n",
        "Expression of leaves and roots\nid,a,b\nQ1,1.5,2\nQ2,3,4.25\n",
        "Table S3. TPM, mean of replicates,,\n,,\nid,a,b\nQ1,1.5,2\nQ2,3,4.25\n",
        '"Table S3; TPM";;\n;;\nid;a;b\nQ1;1,5;2\nQ2;3;4,25\n',
        "sep=;\nid;a;b\nQ1;1,5;2\nQ2;3;4,25\n",
        "# version 2\n## made by x\n\nid,a,b\nQ1,1.5,2\n# half\nQ2,3,4.25\n",
        '# Program:featureCounts v2.0.3; Command:"featureCounts" "-a" "x.gtf"\nid\ta\tb\nQ1\t1.5\t2\nQ2\t3\t4.25\n',
        '"","id","a","b"\n"1","Q1",1.5,2\n"2","Q2",3,4.25\n',
        '"id" "a" "b"\n"1" "Q1" 1.5 2\n"5" "Q2" 3 4.25\n',
        "Unnamed: 0,id,a,b\n0,Q1,1.5,2\n1,Q2,3,4.25\n",
        "# id\ta\tb\nQ1\t1.5\t2\nQ2\t3\t4.25\n",
    ],
)
def test_the_same_table_is_read_from_all_layouts(tmp_path, text):
    table = read(tmp_path, text)
    assert table.columns == ["id", "a", "b"]
    assert content(table) == ROWS


def test_a_gct_file_is_read_without_its_version_and_sizes(tmp_path):
    table = read(tmp_path, "#1.2\n2\t1\nName\tDescription\tleaf\nQ1\tna\t1.5\nQ2\tna\t3\n", "t.gct")
    assert table.columns == ["Name", "Description", "leaf"]
    assert content(table) == [["Q1", "na", 1.5], ["Q2", "na", 3.0]]
    assert table.place(0).endswith("t.gct:4")


def test_sample_annotations_of_a_gct_file_are_left_out(tmp_path):
    text = "#1.3\n2\t2\t1\t1\nid\tsymbol\tleaf\troot\ntissue\tna\tL\tR\nQ1\tx\t1.5\t2\nQ2\ty\t3\t4\n"
    assert content(read(tmp_path, text)) == [["Q1", "x", 1.5, 2], ["Q2", "y", 3.0, 4]]


def test_sample_names_of_a_tab_separated_table_may_contain_commas_and_semicolons(tmp_path):
    text = "Gene ID\tbud, day 3, dark; dry\tbud, day 9, dark; wet\nQ1\t1\t2\nQ2\t3\t4\n"
    assert read(tmp_path, text).columns == ["Gene ID", "bud, day 3, dark; dry", "bud, day 9, dark; wet"]


def test_quoted_names_may_contain_the_delimiter_and_line_breaks(tmp_path):
    table = read(tmp_path, 'id,"leaf, old","root\nTPM"\nQ1,1,2\nQ2,3,-4\n')
    assert table.columns == ["id", "leaf, old", "root TPM"]
    assert table.place(1).endswith("t.csv:4")


def test_quotes_within_descriptions_do_not_join_lines(tmp_path):
    text = 'id\tdescription\ta\nQ1\t"5 prime\t1\nQ2\tx\t2\nQ3\t3" end"\t3\n'
    assert list(read(tmp_path, text).frame["a"]) == [1, 2, 3]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-8-sig", "cp1252"])
def test_encodings_of_spreadsheets_are_read(tmp_path, encoding):
    table = read(tmp_path, "id\tBlüte\r\nQ1\t1,5\r\nQ2\t3\r\n".encode(encoding))
    assert table.columns == ["id", "Blüte"]
    assert list(table.frame["Blüte"]) == [1.5, 3.0]


@pytest.mark.parametrize(
    ("start", "what"), [(b"PK\x03\x04\x14\x00", "an Excel or OpenDocument workbook"), (b"\xd0\xcf\x11\xe0", "an Excel")]
)
def test_workbooks_are_refused_with_a_hint(tmp_path, start, what):
    with pytest.raises(TruncatedFile, match=rf"this is {what}.*; save the sheet as CSV"):
        read(tmp_path, start + bytes(range(256)))


def test_an_r_data_file_is_refused_with_a_hint(tmp_path):
    with pytest.raises(TruncatedFile, match=r"this is an R data file, not a text table; write the table with"):
        read(tmp_path, gzip.compress(b"X\n\x00\x00\x00\x02abc"), "t.rds")


@pytest.mark.parametrize(
    "text",
    [
        "id,a,b\n,(TPM),(TPM)\nQ1,1.5,2\nQ2,3,4.25\n",
        "id\ta\tb\nunit\tTPM\tTPM\nQ1\t1.5\t2\nQ2\t3\t4.25\n",
        ",TPM,TPM\nid,a,b\nQ1,1.5,2\nQ2,3,4.25\n",
        ",cold,warm\nid,a,b\nQ1,1.5,2\nQ2,3,4.25\n",
        ",TPM of tissues,\nid,a,b\nQ1,1.5,2\nQ2,3,4.25\n",
        "Table S1,,\n,TPM of tissues,\nid,a,b\nQ1,1.5,2\nQ2,3,4.25\n",
        '"# TPM",,\nid,a,b\nQ1,1.5,2\nQ2,3,4.25\n',
    ],
)
def test_lines_next_to_the_header_are_notes(tmp_path, text):
    table = read(tmp_path, text)
    assert table.columns == ["id", "a", "b"]
    assert content(table) == ROWS
    assert ("TPM" in table.notes) == ("TPM" in text)
    assert "Q1" not in table.notes


def test_the_header_names_most_columns(tmp_path):
    assert read(tmp_path, "Gene,Expression,\n,leaf,root\nQ1,1,2\nQ2,3,4\n").columns == ["", "leaf", "root"]


def test_different_units_below_the_header_become_parts_of_names(tmp_path):
    table = read(tmp_path, "id,leaf,leaf,root,root\n,TPM,FPKM,TPM,FPKM\nQ1,1,2,3,4\nQ2,1,2,3,4\n")
    assert table.columns == ["id", "leaf TPM", "leaf FPKM", "root TPM", "root FPKM"]
    assert len(table.frame) == 2


def test_lines_of_rows_are_those_of_the_file(tmp_path):
    table = read(tmp_path, "Title\n\nid,a\nQ1,1\n\n# note\nQ2,2\n,\nQ3,3\n")
    assert [table.place(row).rpartition(":")[2] for row in range(3)] == ["4", "7", "9"]


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("Q1\t7.5\nQ2\t3\n", ["gene", "sample"]),
        ("Q1\t7.5\t2\nQ2\t3\t1\n", ["gene", "column 2", "column 3"]),
        ("15S_rRNA,4\nQ2W,3\n", ["gene", "sample"]),
        ("FLC,8\nFT,3\n", ["gene", "sample"]),
        ("Q1,NA\nQ2,3\nQ3,4\n", ["gene", "sample"]),
        ("Q1,,\nQ2,3,1\nQ3,4,1\n", ["gene", "column 2", "column 3"]),
        ("N_unmapped\t9\t9\nQ2\t3\t1\nQ3\t3\t1\n", ["gene", "column 2", "column 3"]),
        ("839\t7.5\n840\t3\n", ["gene", "sample"]),
        ("Expression of leaves\nQ1\t7.5\t2\nQ2\t3\t1\n", ["gene", "column 2", "column 3"]),
    ],
)
def test_the_first_line_of_a_table_without_a_header_is_a_row(tmp_path, caplog, text, columns):
    table = read(tmp_path, text)
    assert table.columns == columns
    first = next(line for line in text.split("\n") if "leaves" not in line)
    assert table.frame["gene"].iloc[0] == first.replace(",", "\t").split("\t")[0]
    assert "no header" in caplog.text


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("gene_id,1,2,3\nQ1,4,5,6\nQ2,4,5,6\n", ["gene_id", "1", "2", "3"]),
        (",10,20\nQ1,4,5\nQ2,4,5\n", ["", "10", "20"]),
        ("Geneid\t7\nQ1\t4\nQ2\t4\n", ["Geneid", "7"]),
        ('"1" "2"\n"Q1" 4 5\n"Q2" 6 7\n', ["gene", "1", "2"]),
        ("0,1,2\nQ1,4,5\nQ2,4,5\n", ["0", "1", "2"]),
        ("symbol,2019,2020\nFLC,4,5\nFT,4,5\n", ["symbol", "2019", "2020"]),
    ],
)
def test_names_of_samples_may_be_numbers(tmp_path, text, columns):
    table = read(tmp_path, text)
    assert table.columns == columns
    assert len(table.frame) == 2


@pytest.mark.parametrize("text", ["FLC,1,2\nFT,4,5\nSOC,6,7\n", "Kode,1,2\nQ1,4,5\nQ2,4,5\n"])
def test_a_line_that_can_be_header_or_row_is_refused(tmp_path, text):
    with pytest.raises(
        BadTable, match=r"t.csv:1: this line can be the header or a gene: .*, 1, 2; if it is the header"
    ):
        read(tmp_path, text)


@pytest.mark.parametrize("first", ["gene_id", "gene_id,1,2"])
def test_the_advice_for_such_a_line_is_true(tmp_path, first):
    table = read(
        tmp_path, ("gene_id,1,2\n" if first == "gene_id,1,2" else "gene_id,a,b\nFLC,1,2\n") + "FT,4,5\nSO,6,7\n"
    )
    assert len(table.frame) == (2 if first == "gene_id,1,2" else 3)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "gene_id,leaf\nQ1,1,5\nQ2,3,25\n",
            "t.csv:2: 3 cells, but the header has 2; quote numbers with decimal commas",
        ),
        ("gene_id,a,b\nQ1,1,5,2,5\nQ2,3,25,2,5\n", "t.csv:2: 5 cells, but the header has 3"),
        ("Q1,1\nQ2,3,25\nQ3,4,5\n", "t.csv:1: 2 cells (Q1, 1), but the next line has 3"),
        ("Q1,1,2\nQ2,3,25,1\nQ3,4,5,1\n", "t.csv:1: 3 cells (Q1, 1, 2), but the next line has 4"),
        ("id,a\nQ1,1,9\nQ2,2,\nQ3,3,\nQ4,4,\n", "t.csv:2: 3 cells, but the header has 2"),
        ("id,a\nQ1,1\nQ2,2\nQ3,3,9\n", "t.csv:4: 3 cells, but the header has 2"),
        ("Title\nid,a,b,a\nQ1,1,2,1\n", "t.csv:2: two columns are named 'a'"),
        ("#1.2\n", "t.csv:1: only one column"),
        ("id;a\n", "t.csv: the table has no rows"),
        ("# nothing\n\n", "t.csv: the table has no rows"),
    ],
)
def test_tables_that_do_not_fit_their_header_are_refused(tmp_path, text, message):
    with pytest.raises(BadTable) as caught:
        read(tmp_path, text)
    assert message in str(caught.value)


def test_an_empty_column_with_the_name_of_another_is_left_out(tmp_path):
    assert read(tmp_path, "id,a,a\nQ1,1,\nQ2,2,\n").columns == ["id", "a"]


def test_a_row_without_values_is_not_the_header(tmp_path):
    table = read(tmp_path, '"s1" "s2"\n"Q1" NA NA\n"Q2" 1 2\n"Q3" 1 2\n')
    assert table.columns == ["gene", "s1", "s2"]
    assert list(table.frame["gene"]) == ["Q1", "Q2", "Q3"]


def test_further_columns_can_remain_text(tmp_path):
    table = read(tmp_path, "n,locus,a\nx,007,1\ny,008,2\n", text=["locus"])
    assert list(table.frame["locus"]) == ["007", "008"]


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("Title\nid\ta\tb\nQ1\t1\t2\nQ2\t3\t4\n", ["id", "a", "b"]),
        ("# id\ta\tb\nQ1\t1\t2\nQ2\t3\t4\n", ["id", "a", "b"]),
        ("Q1\t1\t2\nQ2\t3\t4\n", ["", "", ""]),
        ("# nothing\n", []),
    ],
)
def test_the_header_is_read_without_the_rows(tmp_path, text, columns):
    (tmp_path / "t.tsv").write_text(text)
    assert read_header(tmp_path / "t.tsv") == columns


def test_the_header_of_a_large_table_is_read(tmp_path):
    (tmp_path / "t.tsv").write_text("id\tBlüte\n" + "Q1\t1.5\n" * 700_000)
    assert read_header(tmp_path / "t.tsv") == ["id", "Blüte"]
