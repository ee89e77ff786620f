import pytest

from kanseq.genome.names.resolver import EXACT, KnownNames, match_names


def matched(names, known, **options):
    """Return name -> matched known name, and the words of the rule."""
    found = match_names(names, known, **options)
    pairs = {name: known[place] for name, place in zip(names, found.places.tolist(), strict=True) if place >= 0}
    return pairs, found.rule.words


@pytest.mark.parametrize(
    ("names", "known", "expected", "words"),
    [
        (["A", "B"], ["B", "C"], {"B": "B"}, "by their exact names"),
        (["gene:A", "gene:B"], ["A", "B"], {"gene:A": "A", "gene:B": "B"}, "without prefixes"),
        (["A.5", "B.1"], ["A", "B"], {"A.5": "A", "B.1": "B"}, "without version suffixes of the file"),
        (["A", "B"], ["A.5", "B.1"], {"A": "A.5", "B": "B.1"}, "without version suffixes of the known genes"),
        (["NM_000001.2"], ["NM_000001.3"], {"NM_000001.2": "NM_000001.3"}, "without version suffixes"),
        (["A.2", "B.2"], ["A.3", "B.3"], {}, "by their exact names"),
    ],
)
def test_the_strictest_rule_that_matches_most_is_used(names, known, expected, words):
    assert matched(names, known) == (expected, words)


def test_proteins_of_a_gene_match_it_if_several_names_may():
    names = ["A1_P001", "A1_P002", "B2_P001"]
    assert matched(names, ["A1", "B2"]) == ({}, "by their exact names")
    assert matched(names, ["A1", "B2"], many=True)[0] == {"A1_P001": "A1", "A1_P002": "A1", "B2_P001": "B2"}


def test_names_that_become_the_same_are_reported():
    found = match_names(["A.1", "A.2", "B.1", "B.2"], ["A", "B"])
    assert (found.found, found.clashing) == (0, ["A.1", "A.2", "B.1", "B.2"])


def test_a_laxer_rule_must_match_a_tenth_more():
    names = [f"G{number}" for number in range(20)]
    known = [*names[:19], "G19.1"]
    assert matched(names, known)[1] == "by their exact names"
    known = [*names[:15], *(f"G{number}.1" for number in range(15, 20))]
    assert len(matched(names, known)[0]) == 20


def test_a_few_matches_by_chance_are_not_used():
    names = [f"X{number}.1" for number in range(20)]
    known = ["X3", *(f"Y{number}" for number in range(19))]
    assert matched(names, known) == ({}, EXACT.words)


def test_exact_matches_are_kept_under_a_laxer_rule():
    assert matched(["A", "A.1", "B.1", "C.1"], ["A", "B", "C"])[0] == {"A": "A", "B.1": "B", "C.1": "C"}


def test_a_rule_that_makes_known_names_equal_is_not_used_unless_they_stand_for_the_same():
    assert matched(["A", "B"], ["A.1", "A.2", "B.1"])[0] == {}
    found = match_names(["A", "B"], KnownNames(["A.1", "A.2", "B.1"], ["g", "g", "h"]))
    assert (found.places.tolist(), found.found) == ([0, 2], 2)


def test_letter_case_counts_unless_it_is_ignored():
    assert matched(["Tp53", "Gapdh"], ["TP53", "GAPDH"])[0] == {}
    assert matched(["Tp53", "Gapdh"], ["TP53", "GAPDH"], ignore_case=True)[0] == {"Tp53": "TP53", "Gapdh": "GAPDH"}
