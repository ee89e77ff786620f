"""Take a picture of tracks in igv.js, in a headless Chromium, without network access.

    python benchmarks/browser_picture.py --genome genome.fa.gz --annotation genes.gtf.gz --locus 1:3,000-7,000 \
        --igv node_modules/igv/dist/igv.min.js -o picture.png attribution.bw attribution.bed.gz

igv.js comes from the npm package `igv` (``npm install igv``), Chromium from the system.
"""

import argparse
import gzip
import http.server
import json
import shutil
import subprocess
import tempfile
import threading
from pathlib import Path

import pysam

PAGE = """<!doctype html><meta charset="utf-8"><style>body {{ margin: 8px; background: white }}</style>
<div id="igv"></div><script src="igv.js"></script>
<script>igv.createBrowser(document.getElementById("igv"), {options})</script>"""

HEIGHTS = {".bw": 90, ".bigwig": 90, ".bedgraph.gz": 90, ".bed.gz": 110, ".bed": 110}


def main() -> None:
    options = read_arguments()
    chrom, _, span = options.locus.replace(",", "").partition(":")
    start, end = (int(number) for number in span.split("-"))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        unpack(options.genome, folder / "genome.fa")
        pysam.faidx(str(folder / "genome.fa"))
        cut_annotation(options.annotation, folder / "genes.gtf", chrom, start, end)
        shutil.copy(options.igv, folder / "igv.js")
        tracks = [{"name": "genes", "url": "genes.gtf", "format": "gtf", "displayMode": "EXPANDED", "height": 90}]
        tracks += [add_track(path, folder) for path in options.tracks]
        reference = {"fastaURL": "genome.fa", "indexURL": "genome.fa.fai"}
        browser = {"reference": reference, "locus": options.locus, "tracks": tracks, "showNavigation": True}
        (folder / "index.html").write_text(PAGE.format(options=json.dumps(browser)))
        with serve(folder) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            take_picture(options, server.server_address[1], folder / "profile")
            server.shutdown()


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("tracks", nargs="+", type=Path, help=".bed.gz (with .tbi), .bedgraph.gz, .bw")
    parser.add_argument("--genome", required=True, type=Path, help="FASTA")
    parser.add_argument("--annotation", required=True, type=Path, help="GTF")
    parser.add_argument("--locus", required=True, help="CONTIG:START-END, 1-based")
    parser.add_argument("--igv", required=True, type=Path, help="igv.min.js")
    parser.add_argument("--chromium", default="chromium")
    parser.add_argument("--size", default="1300x620", help="size of the picture in pixels")
    parser.add_argument("-o", "--output", required=True, type=Path, help="PNG")
    return parser.parse_args()


def unpack(source: Path, target: Path) -> None:
    with open(source, "rb") as handle:
        packed = handle.read(2) == b"\x1f\x8b"
    with gzip.open(source, "rb") if packed else open(source, "rb") as text, open(target, "wb") as plain:
        shutil.copyfileobj(text, plain)


def cut_annotation(source: Path, target: Path, chrom: str, start: int, end: int) -> None:
    """Keep only rows near the locus, because igv.js reads an annotation without an index completely."""
    with gzip.open(source, "rt") if source.suffix == ".gz" else open(source) as lines, open(target, "w") as kept:
        for line in lines:
            fields = line.split("\t")
            if fields[0] == chrom and int(fields[3]) <= end and int(fields[4]) >= start:
                kept.write(line)


def add_track(path: Path, folder: Path) -> dict[str, object]:
    shutil.copy(path, folder / path.name)
    index = path.with_name(path.name + ".tbi")
    ending = next(ending for ending in HEIGHTS if path.name.lower().endswith(ending))
    track: dict[str, object] = {"name": path.name, "url": path.name, "height": HEIGHTS[ending]}
    if index.exists():
        shutil.copy(index, folder / index.name)
        track["indexURL"] = index.name
    if ending.startswith(".bed.") or ending == ".bed":
        return {**track, "format": "bed", "displayMode": "EXPANDED"}
    colours = {"color": "rgb(202,0,32)", "altColor": "rgb(5,113,176)"}
    return {**track, "type": "wig", "format": "bedgraph" if "bedgraph" in ending else "bigwig", **colours}


class RangeHandler(http.server.SimpleHTTPRequestHandler):
    """Serve byte ranges of files, with which igv.js reads indexed formats."""

    def do_GET(self) -> None:
        requested = self.headers.get("Range", "")
        path = Path(self.translate_path(self.path))
        if not requested.startswith("bytes=") or not path.is_file():
            super().do_GET()
            return
        first, _, last = requested.removeprefix("bytes=").partition("-")
        size = path.stat().st_size
        begin, end = int(first), min(int(last or size), size - 1)
        with open(path, "rb") as handle:
            handle.seek(begin)
            body = handle.read(max(0, end - begin + 1))
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {begin}-{end}/{size}")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        """Log nothing."""


def serve(folder: Path) -> http.server.ThreadingHTTPServer:
    return http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), lambda *arguments: RangeHandler(*arguments, directory=str(folder))
    )


def take_picture(options: argparse.Namespace, port: int, profile: Path) -> None:
    quiet = ["--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
    command = [options.chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", *quiet]
    command += [f"--user-data-dir={profile}", f"--window-size={options.size.replace('x', ',')}", "--hide-scrollbars"]
    command += ["--virtual-time-budget=20000", f"--screenshot={options.output.absolute()}"]
    finished = subprocess.run(
        [*command, f"http://127.0.0.1:{port}/index.html"], capture_output=True, text=True, timeout=180, check=False
    )
    if not options.output.exists():
        raise SystemExit(f"chromium made no picture:\n{finished.stderr}")
    print(options.output)


if __name__ == "__main__":
    main()
