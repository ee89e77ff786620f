import pytest

from kanseq.genome.annotation.attributes import is_separated, parse_attributes


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # Missing semicolons, as in GTF files of maize transposons.
        ('gene_id "R"; transcript_id "T" n_id "X"; m 2', {"gene_id": "R", "transcript_id": "T", "n_id": "X", "m": "2"}),
        ('gene_id "A" transcript_id "A.1"', {"gene_id": "A", "transcript_id": "A.1"}),
        ('gene_id "A"transcript_id "A.1"', {"gene_id": "A", "transcript_id": "A.1"}),
        ('gene_id "A" level 2; x "1"', {"gene_id": "A", "level": "2", "x": "1"}),
        ('gene_id A transcript_id "A.1";', {"gene_id": "A", "transcript_id": "A.1"}),
        ('gene_id "A", transcript_id "A.1", n 1', {"gene_id": "A", "transcript_id": "A.1", "n": "1"}),
        ('gene_id "A" (draft); transcript_id "A.1";', {"gene_id": "A", "transcript_id": "A.1"}),
        # Quotes doubled by spreadsheet programs, with and without quotes around the column.
        ('gene_id ""A""; transcript_id ""A.1"";', {"gene_id": "A", "transcript_id": "A.1"}),
        ('"gene_id ""A""; transcript_id """"; n ""B"";"', {"gene_id": "A", "transcript_id": "", "n": "B"}),
        ('"ID=A;Note=b, c"', {"ID": "A", "Note": "b, c"}),
        # Quotes and semicolons in values.
        ('gene_id "A"; note "say \\"b; c\\" d"; n "1"', {"gene_id": "A", "note": 'say "b; c" d', "n": "1"}),
        ('gene_id "A"; t_id ""; note ""so" it is"; n 1', {"gene_id": "A", "t_id": "", "note": '"so" it is', "n": "1"}),
        ('ID="A";Note="b; c"; Name=N', {"ID": "A", "Note": "b; c", "Name": "N"}),
        ('ID=A;Note=5" end;Name=N', {"ID": "A", "Note": '5" end', "Name": "N"}),
        # Mixed styles, and values without quotes.
        ('gene_id=A; transcript_id "A.1";', {"gene_id": "A", "transcript_id": "A.1"}),
        ('gene_id "A"; transcript_id=A.1;', {"gene_id": "A", "transcript_id": "A.1"}),
        ('gene_id = "A"; transcript_id = A.1', {"gene_id": "A", "transcript_id": "A.1"}),
        ("gene_id A; transcript_id A.1; note two words", {"gene_id": "A", "transcript_id": "A.1", "note": "two words"}),
        ("g7.t1;Parent=g7", {"ID": "g7.t1", "Parent": "g7"}),
        ("anno1;g7.t1", {"gene_id": "anno1;g7.t1"}),
        (".", {}),
        ("", {}),
    ],
)  # fmt: skip
def test_values_end_where_they_should(text, expected):
    assert parse_attributes(text) == expected


@pytest.mark.parametrize(
    ("text", "separated"),
    [
        ('gene_id "A"; transcript_id "A.1"; n 1', True),
        ('gene_id "A" ; note "5\' "so-called" end; b";', True),
        ("ID=A;Note=x y", True),
        ("g1.t1", True),
        ('gene_id "A" transcript_id "A.1";', False),
        ('gene_id "A"; transcript_id "A.1"n "2";', False),
        ('gene_id "A", transcript_id "A.1"', False),
        ("gene_id A transcript_id A.1", False),
    ],
)
def test_missing_separators_are_found(text, separated):
    assert is_separated(text) is separated


def test_single_quotes_around_values_of_gtf_are_removed():
    text = "gene_id 'G1'; transcript_id 'G1 a'; note 5'; product \"a 'b'\";"
    assert parse_attributes("gene_id 'G1'; transcript_id 'T1';") == {"gene_id": "G1", "transcript_id": "T1"}
    assert parse_attributes(text) == {"gene_id": "G1", "transcript_id": "G1 a", "note": "5'", "product": "a 'b'"}
