from pathlib import Path

import pytest

from kanseq.io.tables.table_docs import renewed

PAGE = Path(__file__).parents[3] / "docs" / "files.md"


def test_the_page_of_files_matches_the_registry():
    page = PAGE.read_text(encoding="utf-8")
    assert page == renewed(page), "run: python -m kanseq.io.tables.table_docs docs/files.md"


def test_a_page_without_the_section_of_tables_is_refused():
    with pytest.raises(ValueError, match="tables: begin"):
        renewed("# The files\n")
