"""The packaged Snakemake workflow, project folders that use it, and the examples for other pipelines."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import typer
import yaml

from kanseq.cli.main import _run, app
from kanseq.errors import MissingFile, NotWritable
from kanseq.specification.workflow_config import model_schema, parted_words, without_switched_off, words_of
from kanseq.verbs.project.workflow import PROJECT, init_workflow, workflow_path
from tests.suites.conftest import TINY, write_task

ROOT = Path(__file__).parents[1]
WORKFLOWS = ROOT / "workflows"
RULES = sorted((WORKFLOWS / "workflow" / "rules").glob("*.smk"))
VERBS = typer.main.get_command(app).commands  # type: ignore[attr-defined]
WRAPPERS = ROOT / "examples" / "snakemake-wrapper"
MODULES = ROOT / "examples" / "nextflow" / "modules" / "local" / "kanseq"

# kanseq is next to the Python that runs the tests; snakemake may be in any folder.
PATH = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
needs_snakemake = pytest.mark.skipif(
    shutil.which("snakemake", path=PATH) is None or shutil.which("kanseq", path=PATH) is None,
    reason="snakemake is not on the PATH (pip install 'kanseq[workflow]', Python 3.11)",
)


def snakemake(folder, *arguments):
    """Run Snakemake in a folder; return its exit code and output."""
    command = ["snakemake", "--cores", "1", *arguments]
    environment = {**os.environ, "PATH": PATH, "OMP_NUM_THREADS": "1", "XDG_CACHE_HOME": str(folder / ".cache")}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def rules_of(text):
    """Split a rules file into pairs of name and text."""
    parts = re.split(r"^(?:rule|checkpoint) (\w+):\n", text, flags=re.MULTILINE)
    return list(zip(parts[1::2], parts[2::2], strict=True))


def every_rule():
    return [(name, text) for file in RULES for name, text in rules_of(file.read_text())]


def check_options(text):
    """Check that every option after a kanseq command is an option of that command."""
    verb = re.search(r"kanseq (\w+) ", text).group(1)
    known = {option for parameter in VERBS[verb].params for option in (*parameter.opts, *parameter.secondary_opts)}
    used = set(re.findall(r"(?<![\w-])--?[a-z][\w-]*", text[text.index(f"kanseq {verb} ") :]))
    assert used - known == set(), verb
    return verb


@pytest.fixture
def simulated(tmp_path):
    """A small genome in ``data/``, and a config and sample sheet for it."""
    assert _run(["simulate", "-o", str(tmp_path / "data"), "--genes", "60", "--contigs", "3"]) == 0
    (tmp_path / "samples.tsv").write_text(
        "species\tcondition\tgenome\tannotation\ttpm\n"
        "simulated\tleaf\tdata/genome.fa.gz\tdata/genes.gtf.gz\tdata/tpm.csv\n"
    )
    config = {"samples": "samples.tsv", "split": "--min-genes 5", "homology": "none", "models": {"gc": None}}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    return tmp_path


def test_a_project_has_every_file_and_other_files_are_kept(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    made = init_workflow(tmp_path)
    files = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert files == {*PROJECT, "notes.txt"}
    assert made.files == list(PROJECT)
    for name, source in PROJECT.items():
        assert (tmp_path / name).read_text() == (WORKFLOWS / source).read_text()


def test_an_existing_project_is_not_changed(tmp_path):
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "samples.tsv").write_text("mine")
    with pytest.raises(NotWritable, match=r"samples\.tsv: this already exists"):
        init_workflow(tmp_path)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["samples.tsv"]
    assert (tmp_path / "config" / "samples.tsv").read_text() == "mine"


def test_a_project_folder_without_parent_or_that_is_a_file_is_refused(tmp_path):
    with pytest.raises(NotWritable, match="does not exist"):
        init_workflow(tmp_path / "no" / "project")
    (tmp_path / "file").write_text("")
    with pytest.raises(NotWritable, match="file: this already exists"):
        init_workflow(tmp_path / "file")


def test_the_packaged_rules_are_found_next_to_the_package_or_inside_of_it(tmp_path, monkeypatch):
    assert workflow_path() == WORKFLOWS
    package = tmp_path / "kanseq"
    package.mkdir()
    monkeypatch.setattr("kanseq.verbs.project.workflow.PACKAGE", package)
    with pytest.raises(MissingFile, match="the workflow was not installed"):
        workflow_path()
    (package / "workflows" / "workflow").mkdir(parents=True)
    (package / "workflows" / "workflow" / "Snakefile").write_text("")
    assert workflow_path() == package / "workflows"


def test_the_wheel_contains_all_folders_that_a_project_is_copied_from():
    text = (ROOT / "pyproject.toml").read_text()
    packed = dict(re.findall(r'^"workflows/(\w+)" = "kanseq/workflows/(\w+)"$', text, flags=re.MULTILINE))
    assert all(source == target for source, target in packed.items())
    assert {source.split("/")[0] for source in PROJECT.values()} | {"workflow", "protocols"} == set(packed)


def test_the_config_and_the_sample_sheet_match_their_schemas():
    for folder in (WORKFLOWS, WORKFLOWS / ".test"):
        schema = yaml.safe_load((WORKFLOWS / "workflow" / "schemas" / "config.schema.yaml").read_text())
        config = yaml.safe_load((folder / "config" / "config.yaml").read_text())
        assert set(config) <= set(schema["properties"])
        assert set(schema["required"]) <= set(config)
        for key in ("explain", "figures"):
            assert set(config[key]["models"]) <= set(config["models"])
        schema = yaml.safe_load((WORKFLOWS / "workflow" / "schemas" / "samples.schema.yaml").read_text())
        lines = (folder / "config" / "samples.tsv").read_text().rstrip("\n").split("\n")
        assert lines[0].split("\t") == list(schema["properties"])
        assert {line.count("\t") for line in lines} == {len(schema["properties"]) - 1}


@pytest.mark.parametrize(("name", "text"), every_rule())
def test_every_rule_is_a_shell_command_with_log_benchmark_and_environment(name, text):
    directives = re.findall(r"^    (\w+):", text, flags=re.MULTILINE)
    assert {"output", "log", "benchmark", "conda", "shell"} <= set(directives)
    assert not {"script", "run", "wrapper", "notebook"} & set(directives)
    environment = re.search(r'conda:\s+"(.+?)"', text).group(1)
    assert (WORKFLOWS / "workflow" / "rules" / environment).is_file()
    for caption in re.findall(r'caption="(.+?)"', text):
        assert (WORKFLOWS / "workflow" / "rules" / caption).is_file()


def test_the_rules_call_kanseq_with_existing_options():
    # The options in a rule's params are checked together with its command.
    with_kanseq = {name: text for name, text in every_rule() if "kanseq " in text}
    called = {}
    for name, text in with_kanseq.items():
        shell = text[text.index("shell:") :]
        # The shell code after the command only moves files.
        ends = [shell.index(sign) for sign in ("fold=", 'cp "$search', 'cp "$suite') if sign in shell]
        shell = shell[: min(ends)] if ends else shell
        params = " ".join(re.findall(r'"(--[^"]*)"', text[: text.index("shell:")]))
        called[name] = check_options(f"{shell} {params} ")
    assert called == {
        "extract": "extract",
        "combine": "combine",
        "homology": "homology",
        "homology_across": "homology",
        "split": "split",
        "leaks": "leaks",
        "label": "label",
        "tune": "tune",
        "tuned": "tune",
        "train": "train",
        "evaluate": "evaluate",
        "explain": "explain",
        "figures": "figures",
        "suite": "benchmark",
    }


def test_a_training_states_its_resources_and_is_retried():
    text = dict(every_rule())["train"]
    assert re.findall(r"^        (mem_mb|runtime|gpu)=", text, flags=re.MULTILINE) == ["mem_mb", "runtime", "gpu"]
    assert "    threads: train_need" in text
    assert "    retries: config" in text


def test_profiles_use_the_executors_that_they_are_named_after():
    read = {
        name: yaml.safe_load((WORKFLOWS / "profiles" / name / "config.yaml").read_text())
        for name in ("default", "slurm", "kubernetes")
    }
    assert {name: profile.get("executor") for name, profile in read.items()} == {
        "default": None,
        "slurm": "slurm",
        "kubernetes": "kubernetes",
    }
    # A training that was killed leaves a file that Snakemake regards as incomplete.
    assert all(profile["rerun-incomplete"] for profile in read.values())


@pytest.mark.parametrize("verb", ["extract", "train", "explain"])
def test_a_wrapper_is_documented_and_calls_its_command(verb):
    meta = yaml.safe_load((WRAPPERS / verb / "meta.yaml").read_text())
    assert meta["name"] == f"kanseq {verb}"
    assert meta["description"]
    assert meta["authors"]
    text = (WRAPPERS / verb / "wrapper.py").read_text()
    code = text.split('"""', 2)[2].partition("\nif ")[0]
    assert check_options(f"{code[code.index('shell(') :]} ") == verb
    described = {name for part in (*meta["input"], *meta["output"]) for name in part}
    used = set(re.findall(r"snakemake\.(?:input|output)\.(\w+)", text)) - {"get"}
    used |= set(re.findall(r'snakemake\.(?:input|output)\.get\("(\w+)"', text))
    assert used <= described
    packages = yaml.safe_load((WRAPPERS / verb / "environment.yaml").read_text())["dependencies"]
    assert any(isinstance(one, dict) and one["pip"][0].startswith("kanseq") for one in packages)


@pytest.mark.parametrize("verb", ["extract", "train", "explain"])
def test_a_nextflow_module_is_documented_and_reports_versions(verb):
    text = (MODULES / verb / "main.nf").read_text()
    script, stub = re.split(r"\n    stub:\n", text.split("\n    script:\n")[1])
    assert check_options(script[script.index("    kanseq ") : script.index("cat <<")].split(" mv ")[0] + " ") == verb
    for part in (script, stub):
        assert part.count("END_VERSIONS") == 2
        assert "kanseq: \\$(kanseq --version | sed 's/^kanseq //')" in part
    meta = yaml.safe_load((MODULES / verb / "meta.yml").read_text())
    assert meta["name"] == f"kanseq_{verb}"
    assert list(meta["output"]) == re.findall(r"emit: (\w+)", text)
    inputs = re.findall(r"(?:val|path)\((\w+)\)", text.split("output:")[0])
    assert [name for part in meta["input"][0] for name in part] == inputs
    assert yaml.safe_load((MODULES / verb / "environment.yml").read_text())["dependencies"]


def test_the_script_of_a_nextflow_module_writes_its_outputs(tmp_path, monkeypatch):
    assert _run(["simulate", "-o", str(tmp_path / "sim"), "--genes", "40", "--contigs", "1"]) == 0
    script = (MODULES / "extract" / "main.nf").read_text().split("\n    script:\n")[1].split('"""')[1]
    given = {
        "genome": "sim/genome.fa.gz",
        "annotation": "sim/genes.gtf.gz",
        "species": "--species yeast",
        "args": "",
        "prefix": "genes",
        "task.process": "KANSEQ_EXTRACT",
    }
    for name, value in given.items():
        script = script.replace(f"${{{name}}}", value)
    script = textwrap.dedent(script).replace("\\\\", "\\").replace("\\$", "$")
    monkeypatch.setenv("PATH", PATH)
    if shutil.which("kanseq") is None:
        pytest.skip("kanseq is not on the PATH")
    subprocess.run(["bash", "-euc", script], cwd=tmp_path, check=True, capture_output=True)
    assert (tmp_path / "genes.parquet").stat().st_size > 0
    assert (tmp_path / "genes.excluded.tsv").read_text().startswith("id\treason")
    versions = yaml.safe_load((tmp_path / "versions.yml").read_text())
    assert list(versions) == ["KANSEQ_EXTRACT"]
    assert re.fullmatch(r"\d+\.\d+\.\d+.*", str(versions["KANSEQ_EXTRACT"]["kanseq"]))


@needs_snakemake
def test_the_workflow_has_no_lints(simulated):
    (simulated / "config").mkdir()
    (simulated / "config.yaml").rename(simulated / "config" / "config.yaml")
    code, log = snakemake(simulated, "--snakefile", str(WORKFLOWS / "workflow" / "Snakefile"), "--lint")
    assert code == 0, log


@needs_snakemake
def test_another_workflow_can_import_and_run_the_rules_as_a_module(simulated):
    (simulated / "kept").mkdir()
    (simulated / "data").rename(simulated / "kept" / "data")
    (simulated / "Snakefile").write_text(
        "configfile: 'config.yaml'\n\n"
        "rule all:\n"
        "    input: 'kept/results/splits/single-species/simulated.tsv'\n\n"
        "module genes:\n"
        f"    snakefile: {str(WORKFLOWS / 'workflow' / 'Snakefile')!r}\n"
        "    config: config\n"
        "    prefix: 'kept'\n\n"
        "use rule * from genes as genes_*\n"
    )
    code, log = snakemake(simulated)
    assert code == 0, log
    done = re.findall(r"^Finished jobid: \d+ \(Rule: (\w+)\)", log, flags=re.MULTILINE)
    assert done[:2] == ["genes_extract", "genes_split"]
    lines = (simulated / "kept" / "results" / "splits" / "single-species" / "simulated.tsv").read_text().splitlines()
    assert lines[0] == "species\tid\tfold\trole\treason"
    assert lines[1].startswith("simulated\t")
    assert (simulated / "kept" / "benchmarks" / "extract" / "simulated.tsv").exists()


@needs_snakemake
def test_a_collection_of_labelled_sequences_can_be_benchmarked(simulated):
    write_task(simulated / "GUE" / "tf" / "0")
    options = " ".join(["--model gc --model legnet --folds 1 --epochs 1", *(f"--set {one}" for one in TINY)])
    config = yaml.safe_load((simulated / "config.yaml").read_text())
    config["benchmarks"] = {"tasks": {"collection": "gue", "folder": "GUE", "options": options}}
    (simulated / "config.yaml").write_text(yaml.safe_dump(config))
    (simulated / "config").mkdir()
    (simulated / "config.yaml").rename(simulated / "config" / "config.yaml")
    folder = "results/benchmarks/tasks"
    code, log = snakemake(simulated, "--snakefile", str(WORKFLOWS / "workflow" / "Snakefile"), f"{folder}/results.tsv")
    assert code == 0, log
    lines = (simulated / folder / "results.tsv").read_text().splitlines()
    assert [line.split("\t")[:2] for line in lines[1:]] == [["tf_0", "legnet"], ["tf_0", "gc"]]
    assert (simulated / folder / "runs" / "tf_0" / "legnet" / "run.json").exists()
    assert not list((simulated / folder).parent.glob("tasks.unfinished*"))


@needs_snakemake
def test_a_new_project_plans_its_jobs(simulated):
    init_workflow(simulated / "project")
    for name in ("data", "config.yaml", "samples.tsv"):
        target = simulated / "project" if name == "data" else simulated / "project" / "config"
        shutil.move(simulated / name, target / name)
    config = simulated / "project" / "config" / "config.yaml"
    config.write_text(config.read_text().replace("samples.tsv", "config/samples.tsv"))
    code, log = snakemake(simulated / "project", "--dry-run")
    assert code == 0, log
    planned = re.findall(r"^(\w+) +(\d+)$", log.rpartition("Job stats:")[2], flags=re.MULTILINE)
    assert dict(planned)["extract"] == "1"
    assert dict(planned)["all"] == "1"
    assert "profiles/default" in log


@needs_snakemake
@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("epochs", 3, "'epochs' was unexpected"),
        ("models", {"kan": {"lerning_rate": 0.1}}, "'lerning_rate' was unexpected"),
        ("models", {"kan": {"decay": "all"}}, "'all' is not one of ['coupled', 'decoupled', 'prior']"),
        ("explain", {"models": ["kan"]}, "config, explain: 'kan' is not a model of the config"),
        ("designs", ["cross-species"], "cross-species needs a condition with two species"),
    ],
)
def test_an_invalid_config_is_reported(simulated, key, value, words):
    config = yaml.safe_load((simulated / "config.yaml").read_text())
    (simulated / "config.yaml").write_text(yaml.safe_dump({**config, key: value}))
    (simulated / "config").mkdir()
    (simulated / "config.yaml").rename(simulated / "config" / "config.yaml")
    code, log = snakemake(simulated, "--snakefile", str(WORKFLOWS / "workflow" / "Snakefile"), "--dry-run")
    assert code == 1
    assert words in log


def test_options_are_divided_into_those_of_a_search_and_others():
    given = shlex.split("--epochs 3 --calibrate platt --set 'a=1 2' --visible=flanks --tune --compile --l1 0.1")
    both, others = parted_words(given)
    assert both == ["--epochs", "3", "--set", "a=1 2", "--visible=flanks", "--l1", "0.1"]
    assert others == ["--calibrate", "platt", "--tune", "--compile"]


@pytest.mark.parametrize(
    ("text", "values", "left"),
    [
        ("--epochs  3 --tune --compile", {"tune": False}, "--epochs 3 --compile"),
        ("--epochs  3 --compile", {"tune": False}, "--epochs  3 --compile"),
        ("--epochs  3 --tune", {"tune": True, "compile": False}, "--epochs  3 --tune"),
        ("--rendezvous --tune --tune", {"tune": False}, "--rendezvous --tune"),
    ],
)
def test_a_model_can_disable_flags_of_all_models(text, values, left):
    assert without_switched_off(text, values) == left


def test_a_model_of_the_config_accepts_the_options_of_train():
    keys = set(model_schema())
    assert {"learning_rate", "set", "visible", "match_parameters", "condition"} <= keys
    assert not {"genes", "splits", "output", "labels", "model", "holdout", "seed", "seeds", "threads"} & keys
    flags = {option for parameter in VERBS["train"].params for option in parameter.opts}
    assert {f"--{key.replace('_', '-')}" for key in keys} <= flags
    assert model_schema()["decay"]["enum"] == ["coupled", "decoupled", "prior"]
    values = {"learning_rate": 0.01, "condition": ["leaf", "root"], "set": {"hidden": 8}, "seeds": [1], "tune": True}
    expected = ["--learning-rate", "0.01", "--condition", "leaf", "--condition", "root", "--set", "hidden=8", "--tune"]
    assert words_of(values) == expected


@needs_snakemake
def test_options_of_a_model_are_in_its_training_command(simulated):
    config = yaml.safe_load((simulated / "config.yaml").read_text())
    config["models"] = {"kan": {"learning_rate": 0.01, "set": {"hidden": 8}, "options": "--epochs 2"}}
    snakefile = ["--snakefile", str(WORKFLOWS / "workflow" / "Snakefile"), "--configfile", "config.yaml"]
    (simulated / "config.yaml").write_text(yaml.safe_dump(config))
    (simulated / "config").mkdir()
    shutil.copy(simulated / "config.yaml", simulated / "config" / "config.yaml")
    folder = "results/single-species/leaf/trainings/kan/simulated/1/seed-0"
    code, log = snakemake(simulated, *snakefile, "--dry-run", "--printshellcmds", f"{folder}/done.json")
    assert code == 0, log
    assert "--epochs 2 --learning-rate 0.01 --set hidden=8" in log
