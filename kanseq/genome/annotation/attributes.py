"""Parse column 9 of GTF and GFF3. In: its text. Out: a mapping from keys to values; whether ``;`` is missing."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote

_GFF3 = re.compile(r'\s*[^\s="]+=')
_GFF3_ITEM = re.compile(r'\s*([^\s;="][^;="]*)=(?:\s*"((?:[^"\\]|\\.)*)"\s*(?=;|$)|([^;]*))|([^;]+)')

_GTF_ITEM = re.compile(r'([^\s;"]+)\s+(?:"([^"\\]*)"|([^";\s]+))\s*(?:;|$)')
_PLAIN_GTF = re.compile(r'(?:\s*[^\s;"=]+\s+(?:"[^"\\]*"|[^";\s]+)\s*(?:;|$))*\s*')
"""Matches attributes without exceptions; only the others are parsed step by step."""

_KEY = re.compile(r'[\s;,|]*([^\s;,"=]+)(?:\s*=\s*|\s+)')
_QUOTE = re.compile(r'(?<!\\)"')
_AFTER_QUOTE = re.compile(r'\s*(?:;|,?\s*$|[,|]?\s*[A-Za-z_][\w.:-]*(?:\s*=\s*|\s+)(?:"|[^\s";]+\s*(?:;|$)))')
"""Matches what follows the quote that ends a value: a separator, the end, or the next attribute."""

_SUSPECT = re.compile(r'"[\s,|]+[A-Za-z_]|"[A-Za-z_][\w.]*\s"')
"""Matches a quote without ``;`` before the next attribute; also some free texts with quotes."""

_IDENTIFIER = re.compile(r".*(?:_id|_name|ID|Name|Parent)")
"""Matches keys whose values contain no quotes, so that the first quote ends the value."""

_PARENTS = ("Parent", "Derives_from")

_BARE = re.compile(r'[^;"\s]*(?:[ \t]+(?!\w+_id\s|[^;"\s]+\s+")[^;"\s]+)*')
_DOUBLED = re.compile(r'\s*[^\s;"=]+[\s=]*""[^\s";,][^"]*""')
"""Matches attributes whose quotes were doubled by a spreadsheet program."""


class _Item(NamedTuple):
    """An attribute, and whether a separator or the end of the text follows."""

    key: str
    value: str
    separated: bool


def parse_attributes(text: str, bare_key: str = "gene_id") -> dict[str, str]:
    """Parse the attributes of a GTF or GFF3 row (detected by syntax); values of a repeated key are joined by commas.

    A quoted value ends at its quote, even if no ``;`` follows. Quotes that were doubled by spreadsheet programs are
    restored; single quotes around a value of GTF are removed.

    Args:
        text: column 9 of a row.
        bare_key: the key of a name without a key, which AUGUSTUS and BRAKER write.

    >>> parse_attributes('gene_id "A;1"; tag "x"; tag "y"; level 2')
    {'gene_id': 'A;1', 'tag': 'x,y', 'level': '2'}
    >>> parse_attributes('gene_id "A" transcript_id "A.1"')
    {'gene_id': 'A', 'transcript_id': 'A.1'}
    >>> parse_attributes("ID=gene:A;Note=a%3B b")
    {'ID': 'gene:A', 'Note': 'a; b'}
    >>> parse_attributes("g1.t1", "transcript_id")
    {'transcript_id': 'g1.t1'}
    """
    text = _undoubled(text)
    if _GFF3.match(text):
        return _joined(list(_gff3_items(text)))
    if _PLAIN_GTF.fullmatch(text):
        return _joined([(key, quoted or _unquoted(bare)) for key, quoted, bare in _GTF_ITEM.findall(text)])
    name = text.strip().rstrip(";")
    if '"' not in name and "=" not in name and len(name.split()) == 1:
        return {} if name == "." else {bare_key: name}
    return _joined([(item.key, item.value) for item in _gtf_items(text)])


def is_separated(text: str) -> bool:
    """Return whether attributes are separated by ``;``, as GTF and GFF3 require.

    >>> is_separated('gene_id "A"; transcript_id "A.1"'), is_separated('gene_id "A" transcript_id "A.1"')
    (True, False)
    """
    if '"' in text and not _SUSPECT.search(text):
        return True
    text = _undoubled(text)
    if _GFF3.match(text) or _PLAIN_GTF.fullmatch(text) or len(text.split()) < 2:
        return True
    return all(item.separated for item in _gtf_items(text))


def _joined(items: list[tuple[str, str]]) -> dict[str, str]:
    """Collect attributes in a mapping; join the values of a repeated key by commas."""
    found = dict(items)
    if len(found) == len(items):
        return found
    found.clear()
    for key, value in items:
        found[key] = f"{found[key]},{value}" if key in found else value
    return found


def _unquoted(value: str) -> str:
    """Remove single quotes around a value."""
    return value[1:-1] if len(value) > 2 and value[0] == value[-1] == "'" else value


def _undoubled(text: str) -> str:
    """Restore the quotes of a column that a spreadsheet program quoted, or whose quotes it doubled."""
    if '""' not in text and not text.startswith('"'):
        return text
    if text.startswith('"'):
        text = text.strip()
        return text[1:].removesuffix('"').replace('""', '"')
    return text.replace('""', '"') if _DOUBLED.match(text) else text


def _gff3_items(text: str) -> Iterator[tuple[str, str]]:
    """Yield the attributes of GFF3; values may be quoted, and an attribute may be written as in GTF."""
    if '"' not in text:
        for number, item in enumerate(text.split(";")):
            key, equals, value = item.partition("=")
            if equals:
                yield key.strip(), _decoded(key.strip(), value) if "%" in value else value.strip()
            elif number == 0 and len(item.split()) == 1:
                # AUGUSTUS may write the name first, and then the parent.
                yield "ID", item.strip()
        return
    for key, quoted, bare, other in _GFF3_ITEM.findall(text):
        if key:
            value = quoted.replace('\\"', '"') if quoted else bare
            yield key.strip(), _decoded(key.strip(), value) if "%" in value else value.strip()
        elif '"' in other:
            yield from ((item.key, item.value) for item in _gtf_items(other))


@lru_cache(maxsize=4096)
def _decoded(key: str, value: str) -> str:
    """Decode the percent signs of a GFF3 value, and remove surrounding spaces.

    In lists of parents, a comma in a name stays ``%2C``, see :func:`kanseq.genome.annotation.links.parents_in`. Rows of
    one transcript repeat their values, so results are cached.
    """
    if key in _PARENTS:
        value = re.sub("%2c", "%252C", value, flags=re.IGNORECASE)
    return " ".join(unquote(value).split())


def _gtf_items(text: str) -> Iterator[_Item]:
    """Yield the attributes of GTF step by step, whatever follows their values."""
    at = 0
    while at < len(text):
        match = _KEY.match(text, at)
        if match is None:
            # Not an attribute: continue after the next separator.
            at = text.find(";", at) + 1 or len(text)
            continue
        key, at = match.group(1), match.end()
        if text.startswith('"', at):
            end = _end_of_value(text, at + 1, key)
            value, at = text[at + 1 : end].replace('\\"', '"'), end + 1
        else:
            bare = _BARE.match(text, at)
            value, at = (_unquoted(bare.group().strip()), bare.end()) if bare else ("", at)
        yield _Item(key, value, text[at:].lstrip()[:1] in ("", ";"))


def _end_of_value(text: str, start: int, key: str) -> int:
    """Return the position of the quote that ends the value of ``key``, which begins at ``start``.

    Free text may contain quotes: there, the first quote that a separator or another attribute follows ends the value.
    """
    quotes = [match.start() for match in _QUOTE.finditer(text, start)]
    if not quotes:
        end = text.find(";", start)
        return end if end >= 0 else len(text)
    if _IDENTIFIER.fullmatch(key):
        return quotes[0]
    return next((at for at in quotes if _AFTER_QUOTE.match(text, at + 1)), quotes[0])
