from pathlib import Path

import pytest

from kanseq.io.table_docs import renewed

PAGE = Path(__file__).parents[2] / "docs" / "files.md"


def test_the_page_of_files_says_what_the_registry_says():
    page = PAGE.read_text(encoding="utf-8")
    assert page == renewed(page), "run: python -m kanseq.io.table_docs docs/files.md"


def test_a_page_without_a_place_for_the_tables_is_refused():
    with pytest.raises(ValueError, match="tables: begin"):
        renewed("# The files\n")
