import gzip
import json
import re

import numpy as np
import pandas as pd
import pyfaidx
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from kanseq.errors import BadOption, NotWritable
from kanseq.geometry import Geometry
from kanseq.simulation.grammar import Element, Genes, Grammar, columns_of, plant
from kanseq.verbs.preparing.simulate import simulate

FILES = ["genes.gtf.gz", "genome.fa.gz", "tpm.csv", "truth.bed", "truth.json", "truth.tsv"]
COMPLEMENT = str.maketrans("ACGTN", "TGCAN")


class Walk:
    """A simulation, read with tools other than those that wrote it."""

    def __init__(self, folder, seed):
        self.result = simulate(folder, seed=seed)
        plain = folder / "plain.fa"
        plain.write_bytes(gzip.decompress((folder / "genome.fa.gz").read_bytes()))
        self.genome = {record.name: str(record) for record in pyfaidx.Fasta(str(plain))}
        annotation = gzip.decompress((folder / "genes.gtf.gz").read_bytes()).decode()
        rows = [line.split("\t") for line in annotation.splitlines() if line[0] != "#"]
        self.rows = rows
        self.genes = pd.DataFrame(
            {
                "id": [re.search('gene_id "(.+?)"', row[8])[1] for row in rows if row[2] == "gene"],
                "biotype": [re.search('gene_biotype "(.+?)"', row[8])[1] for row in rows if row[2] == "gene"],
                "chrom": [row[0] for row in rows if row[2] == "gene"],
                "start": [int(row[3]) - 1 for row in rows if row[2] == "gene"],
                "end": [int(row[4]) for row in rows if row[2] == "gene"],
                "strand": [row[6] for row in rows if row[2] == "gene"],
            }
        ).set_index("id")
        names = ["chrom", "start", "end", "name", "score", "strand"]
        bed = pd.read_csv(folder / "truth.bed", sep="\t", names=names, dtype={"chrom": str})
        bed[["gene", "element"]] = bed["name"].str.split(":", expand=True)
        self.bed = bed.join(self.genes[["start", "end"]].add_prefix("gene_"), on="gene")
        self.tpm = pd.read_csv(folder / "tpm.csv", index_col=0)
        self.truth = pd.read_csv(folder / "truth.tsv", sep="\t", index_col=0, dtype={"chrom": str})
        self.card = json.loads((folder / "truth.json").read_text())

    def kept(self):
        """Return protein-coding genes with both windows on their contig, by the package's geometry."""
        kept, geometry = [], Geometry()
        for gene in self.genes[self.genes["biotype"] == "protein_coding"].itertuples():
            ends = (gene.start, gene.end - 1) if gene.strand == "+" else (gene.end - 1, gene.start)
            windows = (*geometry.tss_window(ends[0], gene.strand), *geometry.tts_window(ends[1], gene.strand))
            if min(windows) >= 0 and max(windows) <= len(self.genome[gene.chrom]):
                kept.append(gene.Index)
        return kept

    def labels(self):
        """Return level and class (0 low, 1 high, -1 mid) of the genes that are kept."""
        level = np.log10(self.tpm.loc[self.kept()].max(axis=1) + 1)
        low, high = level.quantile([0.25, 0.75])
        return level, np.where(level <= low, 0, np.where(level >= high, 1, -1))

    def windows(self):
        """Return the 3,000 letters of each kept gene, in the direction of transcription, upper case, unmasked."""
        letters = []
        for gene in self.genes.loc[self.kept()].itertuples():
            contig = self.genome[gene.chrom].upper()
            left, right = contig[gene.start - 1000 : gene.start + 500], contig[gene.end - 500 : gene.end + 1000]
            if gene.strand == "-":
                left, right = right.translate(COMPLEMENT)[::-1], left.translate(COMPLEMENT)[::-1]
            letters.append(left + right)
        return letters


@pytest.fixture(scope="module")
def walk(tmp_path_factory):
    return Walk(tmp_path_factory.mktemp("simulation"), seed=3)


def test_files_are_identical_for_the_same_seed_only(tmp_path):
    sizes = {"genes": 60, "contigs": 2}
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        simulate(tmp_path / name, seed=seed, **sizes)
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == FILES
    for name in FILES:
        first = (tmp_path / "a" / name).read_bytes()
        assert first == (tmp_path / "b" / name).read_bytes()
        assert first != (tmp_path / "c" / name).read_bytes()


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_auroc_of_the_oracle_is_between_090_and_095(tmp_path, seed):
    result = simulate(tmp_path / "sim", seed=seed, genome_size=6_000_000)
    assert 0.90 <= result.oracle_auroc <= 0.95


def test_the_oracle_is_measured_on_the_genes_that_extract_keeps(walk):
    level, label = walk.labels()
    signal = walk.truth.loc[level.index, "signal"]
    assert set(level.index) == set(walk.truth.index[walk.truth["scored"] == 1])
    assert walk.result.scored == len(level) < walk.result.genes
    expected = roc_auc_score(label[label >= 0], signal[label >= 0])
    # The truth table has six decimals.
    assert walk.result.oracle_auroc == pytest.approx(expected, abs=2e-4)
    assert walk.card["oracle_auroc"] == walk.result.oracle_auroc


def test_the_oracle_is_better_than_binned_3_mers_and_these_better_than_composition(walk):
    """Train the baselines on composition and binned 3-mers, with held-out chromosomes."""
    level, label = walk.labels()
    letters = np.frombuffer("".join(walk.windows()).encode(), dtype=np.uint8).reshape(len(level), 24, 125)
    digits = np.select([letters == code for code in b"ACGT"], range(4), 4).astype(np.int64)
    word = digits[..., :-2] * 25 + digits[..., 1:-1] * 5 + digits[..., 2:]
    offset = np.arange(len(level) * 24).reshape(len(level), 24, 1) * 125
    kmers = np.bincount((word + offset).ravel(), minlength=len(level) * 24 * 125).reshape(len(level), -1)
    kmers = kmers[:, kmers.sum(axis=0) > len(level) / 10].astype(np.float32)
    composition = np.stack([(digits == code).mean(axis=(1, 2)) for code in range(4)], axis=1)
    chrom = walk.truth.loc[level.index, "chrom"].to_numpy()
    means = {}
    for name, features, strength in (("gc", composition, 1.0), ("kmers", kmers, 1e-3)):
        scores = []
        for held_out in "12345":
            train, test = (label >= 0) & (chrom != held_out), (label >= 0) & (chrom == held_out)
            model = make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=200))
            model.fit(features[train], label[train])
            scores.append(roc_auc_score(label[test], model.decision_function(features[test])))
        means[name] = np.mean(scores)
    assert 0.60 < means["gc"] < 0.72
    assert 0.74 < means["kmers"] < 0.86
    assert means["kmers"] < walk.result.oracle_auroc - 0.05


def test_every_planted_element_is_in_the_genome_on_the_strand_of_its_gene(walk):
    patterns = {
        "tata_box": "TATA[AT]A[AT]",
        "initiator": "[CT][CT]A[ACGT][AT][CT][CT]",
        "polya_signal": "AATAAA",
        "enhancer_1": "GAGAGAGA",
        "enhancer_2": "GCCACGTG",
        "silencer_1": "TTGTTGTT",
        "silencer_2": "TTAATGAT",
    }
    assert set(walk.bed["element"]) == set(patterns)
    for row in walk.bed.itertuples():
        letters = walk.genome[row.chrom][row.start : row.end].upper()
        letters = letters if row.strand == "+" else letters.translate(COMPLEMENT)[::-1]
        assert re.fullmatch(patterns[row.element], letters)
    assert (walk.bed["strand"].to_numpy() == walk.genes.loc[walk.bed["gene"], "strand"].to_numpy()).all()


def test_elements_have_the_stated_distances_and_never_start_at_a_token(walk):
    bed = walk.bed
    forward = bed["strand"] == "+"
    # Number of letters before the first transcribed base, and position after the last transcribed base.
    before_tss = np.where(forward, bed["gene_start"] - bed["start"], bed["end"] - bed["gene_end"])
    behind_tts = np.where(forward, bed["start"] - bed["gene_end"] + 1, bed["gene_start"] - bed["end"] + 1)
    for element, distance, least, most in (
        ("tata_box", before_tss, 25, 35),
        ("initiator", before_tss, 7, 12),
        ("polya_signal", -behind_tts, 10, 30),
    ):
        found = distance[bed["element"] == element]
        assert (least, most) == (found.min(), found.max())
    words = bed["element"].str.contains("enhancer|silencer")
    assert ((before_tss[words] > 48) | (behind_tts[words] > 0)).all()
    assert before_tss[words].max() <= 1000
    assert (behind_tts[words] + 7).max() <= 1000
    for column, low, high in ((1000 - before_tss, 0, 1500), (2019 + behind_tts, 1520, 3020)):
        inside = (column >= low) & (column + bed["end"] - bed["start"] <= high)
        assert set(column[inside] % 8) == {1, 2, 3, 4, 5, 6, 7}


def test_no_element_overlaps_another_or_the_masked_columns_of_its_gene(walk):
    for _, contig in walk.bed.groupby("chrom"):
        assert (contig["start"].to_numpy()[1:] >= contig["end"].to_numpy()[:-1]).all()
    bed = walk.bed
    for first in (bed["gene_start"], bed["gene_end"] - 3):
        assert ((bed["end"] <= first) | (bed["start"] >= first + 3)).all()


def test_the_bed_is_sorted_and_its_scores_are_proportional_to_effects(walk):
    order = walk.bed.sort_values(["chrom", "start", "end"], kind="stable").index
    assert list(order) == list(range(len(order)))
    scores = walk.bed.groupby("element")["score"].unique().map(lambda values: values.tolist()).to_dict()
    assert scores["tata_box"] == [1000]
    assert scores["silencer_1"] == [250]


def test_the_truth_table_equals_values_computed_from_the_genome(walk):
    counted = walk.bed.groupby(["gene", "element"]).size().unstack(fill_value=0).reindex(walk.truth.index, fill_value=0)
    assert (counted == walk.truth[counted.columns]).all(axis=None)
    gene = next(walk.genes.loc[name] for name in walk.kept() if walk.genes.loc[name, "strand"] == "-")
    contig = walk.genome[gene.chrom].upper()
    upstream, downstream = contig[gene.end : gene.end + 1000], contig[gene.start - 1000 : gene.start]
    row = walk.truth.loc[gene.name]
    shares = [sum(map(text.count, "GC")) / sum(map(text.count, "ACGT")) for text in (upstream, downstream)]
    assert row[["upstream_gc", "downstream_gc"]].tolist() == pytest.approx(shares, abs=1e-6)
    enhancing = 0.1 if row["tata_box"] else 0.05
    expected = 4.5 * (shares[0] - 0.4) - 0.75 * (shares[1] - 0.4)
    expected += 0.3 * row["tata_box"] + 0.15 * row["initiator"] + 0.25 * row["polya_signal"]
    expected += enhancing * (row["enhancer_1"] + row["enhancer_2"]) - 0.075 * (row["silencer_1"] + row["silencer_2"])
    assert row["signal"] == pytest.approx(expected, abs=1e-5)


def test_genes_are_on_both_strands_overlap_may_be_short_and_reach_contig_ends(walk):
    genes = walk.genes
    assert genes["strand"].value_counts().min() > 900
    assert (genes["biotype"] == "protein_coding").sum() == 2000
    assert genes["biotype"].nunique() == 4
    assert ((genes["end"] - genes["start"]) < 1000).mean() > 0.05
    following = genes[["chrom", "start"]].shift(-1)
    same = genes["chrom"] == following["chrom"]
    assert (same & (following["start"] < genes["end"])).sum() > 20
    assert (same & (following["start"] < genes["end"] + 1000)).sum() > 200
    for name, contig in genes.groupby("chrom"):
        assert 0 <= contig["start"].min() < 1000
        assert 0 <= len(walk.genome[name]) - contig["end"].max() < 1000
    assert walk.result.bases == sum(map(len, walk.genome.values())) == 12_000_000


def test_the_genome_has_lower_case_intervals_and_runs_of_n(walk):
    letters = walk.genome["1"]
    assert set(letters) == set("ACGTacgtN")
    assert 0.05 < sum(map(str.islower, letters)) / len(letters) < 0.3
    assert max(map(len, re.findall("N+", letters))) >= 100
    assert min(map(len, re.findall("N+", letters))) < 10


def test_lines_of_the_genome_have_60_letters_and_the_plain_text_is_the_same(tmp_path):
    simulate(tmp_path / "packed", genes=40, contigs=1, genome_size=240_007)
    simulate(tmp_path / "plain", genes=40, contigs=1, genome_size=240_007, compress=False)
    text = (tmp_path / "plain" / "genome.fa").read_bytes()
    lines = text.splitlines()
    assert lines[0].startswith(b">1 ")
    assert {len(line) for line in lines[1:-1]} == {60}
    assert len(lines[-1]) == 7
    assert gzip.decompress((tmp_path / "packed" / "genome.fa.gz").read_bytes()) == text


def test_the_genome_is_compressed_with_bgzip_and_can_be_indexed(tmp_path):
    import pysam

    result = simulate(tmp_path / "sim", genes=40, contigs=2)
    with pysam.FastaFile(str(result.genome)) as fasta:
        assert list(fasta.references) == ["1", "2"]
        assert sum(fasta.lengths) == result.bases == 240_000


def test_coding_sequences_are_complete_codons_inside_exons(walk):
    spans, coding = {}, {}
    for row in walk.rows:
        gene = re.search('gene_id "(.+?)"', row[8])[1]
        if row[2] == "exon":
            spans.setdefault(gene, []).append((int(row[3]), int(row[4])))
        elif row[2] == "CDS":
            start, end, done = int(row[3]), int(row[4]), coding.get(gene, 0)
            assert any(first <= start and end <= last for first, last in spans[gene])
            assert int(row[7]) == -done % 3
            coding[gene] = done + end - start + 1
    assert set(coding) == set(walk.genes.index[walk.genes["biotype"] == "protein_coding"])
    assert all(length > 0 and length % 3 == 0 for length in coding.values())


def test_tpm_sums_to_a_million_and_contains_zeros(walk):
    assert walk.tpm.shape == (2100, 3)
    assert list(walk.tpm.index) == list(walk.genes.index)
    assert (walk.tpm >= 0).all(axis=None)
    assert walk.tpm.sum().tolist() == pytest.approx([1e6] * 3, abs=0.5)
    assert ((walk.tpm == 0).sum() == 105).all()


def test_a_specified_noise_is_used(tmp_path):
    silent = simulate(tmp_path / "silent", genes=100, noise=0.0)
    loud = simulate(tmp_path / "loud", genes=100, noise=5.0)
    assert (silent.noise, loud.noise) == (0.0, 5.0)
    assert silent.oracle_auroc > 0.98
    assert loud.oracle_auroc < 0.8


def test_an_element_that_would_overlap_another_one_is_rejected():
    genes = Genes(np.array([2000, 2000]), np.array([4000, 4000]), np.array([1, 1]))
    bases = np.frombuffer(b"C" * 6000, dtype=np.uint8).copy()
    element = Element("tata_box", "TATAAAA", 1.0, ((970, 971),), chance=1.0, poor_chance=1.0)
    planted, rejected = plant(bases, genes, Grammar(elements=(element,)), np.random.default_rng(0))
    assert (planted.gene.tolist(), planted.start.tolist(), planted.end.tolist(), rejected) == ([0], [1970], [1977], 1)
    assert (bases[1969:1978] & 0x7F).tobytes() == b"CTATAAAAC"


def test_columns_of_both_windows_agree_with_the_geometry():
    genes = Genes(np.array([5000, 5000]), np.array([5300, 5300]), np.array([1, -1]))
    tss, tts = columns_of(np.array([4990, 5303]), np.array([4998, 5311]), genes)
    # In a gene of 300 nt, both windows contain the bases 10 nt upstream of its TSS.
    assert (tss.tolist(), tts.tolist()) == ([990, 989], [1710, 1709])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"genes": 30}, "too few"),
        ({"genes": 100, "contigs": 11}, "too few"),
        ({"contigs": 0}, "too few"),
        ({"genome_size": 1_000_000}, "at least 6,000,000"),
        ({"samples": 0}, "at least one sample"),
        ({"oracle": 1.0}, "between 0.5 and 1"),
        ({"noise": float("nan")}, "noise between 0 and 100"),
    ],
)
def test_invalid_sizes_are_refused_and_leave_no_files(tmp_path, options, message):
    with pytest.raises(BadOption, match=message):
        simulate(tmp_path / "sim", **options)
    assert list(tmp_path.iterdir()) == []


def test_an_output_folder_without_parent_or_that_is_a_file_is_refused(tmp_path):
    with pytest.raises(NotWritable, match="mkdir -p"):
        simulate(tmp_path / "no" / "sim")
    (tmp_path / "file").write_text("mine")
    with pytest.raises(NotWritable, match="this is a file"):
        simulate(tmp_path / "file")
    assert (tmp_path / "file").read_text() == "mine"


def test_a_failure_leaves_no_new_folder_and_keeps_existing_files(tmp_path, monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    old = simulate(tmp_path / "old", genes=40, contigs=1)
    (tmp_path / "old" / "mine.txt").write_text("mine")
    before = {path: path.read_bytes() for path in old.folder.iterdir()}
    monkeypatch.setattr("kanseq.verbs.preparing.simulate.write_elements", full)
    for name in ("old", "new"):
        with pytest.raises(NotWritable, match="No space left"):
            simulate(tmp_path / name, genes=40, contigs=1, seed=9)
    assert [path.name for path in tmp_path.iterdir()] == ["old"]
    assert {path: path.read_bytes() for path in old.folder.iterdir()} == before


def test_a_full_disk_while_writing_the_genome_raises_not_writable(tmp_path, monkeypatch):
    def full(write, bases):
        raise OSError("BGZFile write failed")

    monkeypatch.setattr("kanseq.simulation.genome_files._write_lines", full)
    with pytest.raises(NotWritable, match=r"genome.fa.gz: cannot write \(BGZFile write failed\)"):
        simulate(tmp_path / "sim", genes=40, contigs=1)
    assert list(tmp_path.iterdir()) == []
