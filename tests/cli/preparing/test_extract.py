import gzip
import json
import subprocess
import sys

import pytest

from kanseq.cli.main import _run

GTF = '1\ts\tgene\t1501\t3000\t.\t-\t.\tgene_id "A"; gene_biotype "protein_coding";\n'


@pytest.fixture
def inputs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "genome.fa").write_text(">1\n" + "ACGTTGCA" * 600 + "\n")
    (tmp_path / "genes.gtf").write_text(GTF)
    (tmp_path / "out").mkdir()
    return tmp_path


def test_the_set_and_the_excluded_genes_are_written(inputs, capsys):
    assert _run(["extract", "genome.fa", "genes.gtf", "-o", "out/g.parquet", "--excluded", "out/x.tsv", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "genes": 1,
        "excluded": 0,
        "reasons": {},
        "contigs": 1,
        "output": "out/g.parquet",
    }
    assert (inputs / "out/x.tsv").read_text() == "id\treason\tdetail\n"


def test_data_goes_to_standard_output_and_the_rest_to_standard_error(inputs, capsys):
    assert _run(["extract", "genome.fa", "genes.gtf", "-o", "out/g.parquet", "--bed", "-"]) == 0
    output = capsys.readouterr()
    assert output.out == "1\t500\t2000\tA:TTS\t0\t-\n1\t2500\t4000\tA:TSS\t0\t-\n"
    assert output.err.startswith("genes: 1\nexcluded: 0\n")


def test_every_option_reaches_the_function(inputs, monkeypatch):
    import kanseq.api

    called = {}

    def fake(genome, annotation, **options):
        called.update(options)
        raise KeyboardInterrupt

    monkeypatch.setattr(kanseq.api, "extract", fake, raising=False)
    words = (
        "extract g a -o o --excluded e --bed b --fasta f --upstream 1 --downstream 2 --pad 3 --no-mask "
        "--biotype x --biotype y --id k --contigs c --exclude-contigs d --edge pad --max-n 0.1 --aliases t --species s "
        "--tss canonical"
    )
    assert _run(words.split()) == 130
    paths = {name: called.pop(name).name for name in ("output", "excluded", "bed", "fasta", "aliases")}
    assert paths == {"output": "o", "excluded": "e", "bed": "b", "fasta": "f", "aliases": "t"}
    assert called == {
        "upstream": 1,
        "downstream": 2,
        "pad": 3,
        "mask": False,
        "biotype": ["x", "y"],
        "id": "k",
        "contigs": ["c"],
        "exclude_contigs": ["d"],
        "edge": "pad",
        "max_n": 0.1,
        "species": "s",
        "tss": "canonical",
    }


@pytest.mark.parametrize(
    ("annotation", "message"),
    [
        (
            GTF.replace("1\ts", "chr1\ts"),
            "likely pairs: printf '%s\\t%s\\n' chr1 1 > aliases.tsv && kanseq extract genome.fa genes.gtf -o "
            "out/g.parquet --excluded out/x.tsv --aliases aliases.tsv\n",
        ),
        (GTF + "1\ts\tgene\t5\n", "genes.gtf:2: too few columns (4)"),
        (GTF.replace("1501", "x"), "genes.gtf:1: the start 'x' is not a whole number"),
        (GTF.replace("1501", "3001"), "genes.gtf:1: the start 3001 is after the end 3000"),
        (GTF.replace("3000", "4801"), "genes.gtf:1: gene 'A' ends at 4801, but contig '1' has 4800 bases"),
        (GTF.replace("gene\t", "CDSx\t").replace("gene_id", "name"), "genes.gtf: no gene rows; its row types are CDSx"),
    ],
)
def test_bad_annotations_are_a_one_line_error_and_write_nothing(inputs, capsys, annotation, message):
    (inputs / "genes.gtf").write_text(annotation)
    assert _run(["extract", "genome.fa", "genes.gtf", "-o", "out/g.parquet", "--excluded", "out/x.tsv"]) == 3
    error = capsys.readouterr().err
    assert message in error
    assert error.startswith("kanseq: ")
    assert error.count("\n") == 1
    assert list((inputs / "out").iterdir()) == []


def test_truncated_and_missing_files_are_a_one_line_error(inputs, capsys):
    (inputs / "genes.gtf.gz").write_bytes(gzip.compress(GTF.encode() * 100)[:-9])
    for words, message in [
        ("genome.fa genes.gtf.gz -o out/g.parquet", "genes.gtf.gz: the compressed file ends too early or is damaged"),
        ("genome.fa genes.gtf -o nowhere/g.parquet", "nowhere/g.parquet: the folder 'nowhere' does not exist"),
        ("nothing.fa genes.gtf -o out/g.parquet", "nothing.fa: no such file"),
    ]:
        assert _run(["extract", *words.split()]) == 3
        error = capsys.readouterr().err
        assert error.startswith(f"kanseq: {message}")
        assert error.count("\n") == 1
    assert list((inputs / "out").iterdir()) == []


def test_a_duplicate_name_is_a_warning_and_an_excluded_gene(inputs, capsys, caplog):
    (inputs / "genes.gtf").write_text(GTF + GTF.replace("1501", "1601"))
    assert _run(["extract", "genome.fa", "genes.gtf", "-o", "out/g.parquet", "--excluded", "out/x.tsv"]) == 0
    assert "several genes have the same name; the first one is kept: A" in caplog.text
    assert "A\tduplicate_id\tline 2; the gene of line 1 was taken\n" in (inputs / "out/x.tsv").read_text()


def test_a_closed_pipe_is_no_error_and_keeps_the_files(inputs):
    # 2,000 genes are more than a pipe holds.
    genes = "".join(f'1\ts\tgene\t1501\t3000\t.\t-\t.\tgene_id "A{number}";\n' for number in range(2000))
    (inputs / "genes.gtf").write_text(genes)
    command = (
        f"{sys.executable} -m kanseq extract genome.fa genes.gtf -o out/g.parquet --fasta - --log-level error "
        "| head -c 1; echo ${PIPESTATUS[0]}"
    )
    finished = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False, cwd=inputs)
    assert (finished.stdout, finished.stderr) == (">0\n", "")
    assert (inputs / "out/g.parquet").exists()


def test_a_set_cannot_go_to_standard_output(inputs, capsys):
    assert _run(["extract", "genome.fa", "genes.gtf", "-o", "-"]) == 3
    assert capsys.readouterr().err == (
        "kanseq: this output is not text, and cannot go to standard output; use -o with a file name\n"
    )
    assert not (inputs / "-").exists()
