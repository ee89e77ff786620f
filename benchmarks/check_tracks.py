"""Check a BED track of attributions against the genome, row by row, without any code of kanseq.

    python benchmarks/check_tracks.py attribution.bed.gz genome.fa.gz genes.parquet

For every row: the name is as long as the piece; every letter of it except N is the base of the genome there (read with
pyfaidx, reverse-complemented for genes on the minus strand); it is N exactly if the column is masked or the genome has
no A, C, G or T. For every gene: the rows are exactly the pieces of both windows. Exits 1 otherwise.
"""

import gzip
import json
import shutil
import sys
import tempfile
from collections import Counter, defaultdict
from itertools import pairwise
from pathlib import Path

import pyarrow.parquet as pq
import pyfaidx

COMPLEMENT = str.maketrans("ACGTN", "TGCAN")
TOKEN = 8


def main(bed: str, genome: str, genes: str) -> int:
    table = pq.read_table(genes)
    geometry = json.loads(table.schema.metadata[b"kanseq"])["geometry"]
    places = {place["id"]: place for place in table.drop_columns(["sequence"]).to_pylist()}
    faults: Counter[str] = Counter()
    letters_seen: Counter[str] = Counter()
    rows: dict[str, Counter[tuple[int, int, str]]] = defaultdict(Counter)
    order = []
    with tempfile.TemporaryDirectory() as folder:
        fasta = open_genome(genome, Path(folder))
        with gzip.open(bed, "rt") if bed.endswith(".gz") else open(bed) as handle:
            for line in handle:
                chrom, start_text, end_text, name, _score, strand, *_ = line.rstrip("\n").split("\t")
                start, end = int(start_text), int(end_text)
                gene, letters = name.rsplit("|", 1)
                order.append((chrom, start, end))
                place = places[gene]
                faults["wrong contig or strand"] += (chrom, strand) != (place["chrom"], place["strand"])
                faults["name and piece differ in length"] += len(letters) != end - start
                bases = read(fasta[chrom], start, end, strand)
                faults["letter differs from the genome"] += any(
                    letter not in ("N", base) for letter, base in zip(letters, bases, strict=False)
                )
                letters_seen.update(letters)
                rows[gene][start, end, letters] += 1
        faults["not sorted"] = sum(after < before for before, after in pairwise(order))
        for gene, found in rows.items():
            expected = expected_rows(places[gene], geometry, fasta[places[gene]["chrom"]])
            faults["unexpected row (position or N)"] += (found - expected).total()
            faults["missing row"] += (expected - found).total()
    strands = Counter(places[gene]["strand"] for gene in rows)
    print(f"rows: {len(order):,}  genes: {len(rows):,} (+ {strands['+']:,}, - {strands['-']:,})")
    print("letters:", ", ".join(f"{letter} {letters_seen[letter]:,}" for letter in sorted(letters_seen)))
    for fault, count in faults.items():
        print(f"{fault}: {count:,}")
    return 1 if sum(faults.values()) or not order else 0


def open_genome(genome: str, folder: Path) -> dict[str, str]:
    """Read the FASTA from a copy in a temporary folder, so that no index is written next to the original."""
    plain = folder / "genome.fa"
    with open(genome, "rb") as handle:
        packed = handle.read(2) == b"\x1f\x8b"
    with gzip.open(genome, "rb") if packed else open(genome, "rb") as source, open(plain, "wb") as target:
        shutil.copyfileobj(source, target)
    return {record.name: str(record[:]).upper() for record in pyfaidx.Fasta(str(plain))}


def read(contig: str, start: int, end: int, strand: str) -> str:
    """Return the bases in the direction of the strand, with N for anything except A, C, G and T."""
    bases = "".join(base if base in "ACGT" else "N" for base in contig[start:end])
    return bases.translate(COMPLEMENT)[::-1] if strand == "-" else bases


def expected_rows(place: dict, geometry: dict, contig: str) -> Counter[tuple[int, int, str]]:
    """Return the expected rows of a gene, from the genome position and the visible letter of each column."""
    upstream, downstream, pad = geometry["upstream"], geometry["downstream"], geometry["pad"]
    step = -1 if place["strand"] == "-" else 1
    window = upstream + downstream
    tss = [place["tss"] + step * (column - upstream) for column in range(window)]
    tts = [place["tts"] + step * (column - downstream + 1) for column in range(window)]
    width = min(3, downstream) if geometry["mask"] else 0
    masked = {
        *range(upstream, upstream + width),
        *range(2 * window + pad - upstream - width, 2 * window + pad - upstream),
    }
    rows: Counter[tuple[int, int, str]] = Counter()
    for first, positions in ((0, tss), (window + pad, tts)):
        piece: list[tuple[int, str]] = []
        for offset, position in enumerate(positions):
            column = first + offset
            if 0 <= position < len(contig):
                letter = "N" if column in masked else read(contig, position, position + 1, place["strand"])
                piece.append((position, letter))
            if piece and (column % TOKEN == TOKEN - 1 or offset == window - 1):
                spots = [spot for spot, _ in piece]
                rows[min(spots), max(spots) + 1, "".join(letter for _, letter in piece)] += 1
                piece = []
    return rows


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
