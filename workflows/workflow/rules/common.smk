# Species, conditions and models of the config and the sample sheet, and the paths of their files.
# No rules here. A "study" is a design and a condition: all models of a study are scored on the same genes.
import csv
import json
import os
import re
import shlex
import sys
import tempfile

import yaml
from snakemake.exceptions import WorkflowError
from snakemake.utils import validate

try:
    import kanseq.specification.workflow_config
except ImportError:
    # Snakemake may be in a separate environment, without the package or with an older version. The package of this
    # workflow contains it or is next to it, and this part of the package needs no other package.
    HERE = os.path.abspath(workflow.current_basedir)
    sys.path[:0] = [os.path.join(HERE, *[os.pardir] * levels) for levels in (4, 3)]
    for name in [name for name in sys.modules if name.partition(".")[0] == "kanseq"]:
        del sys.modules[name]
from kanseq.specification.workflow_config import model_schema, parted_words, without_switched_off, words_of


def validate_config():
    """Check the config; the options of models are those of the installed kanseq train."""
    # A model without settings is None in YAML.
    config["models"] = {name: settings or {} for name, settings in (config.get("models") or {}).items()}
    with open(workflow.source_path("../schemas/config.schema.yaml")) as handle:
        schema = yaml.safe_load(handle)
    schema["properties"]["models"]["additionalProperties"]["properties"].update(model_schema())
    with tempfile.NamedTemporaryFile("w", suffix=".json") as handle:
        json.dump(schema, handle)
        handle.flush()
        validate(config, handle.name)


validate_config()

SINGLE, CROSS = "single-species", "cross-species"

NEEDS = {
    "table": {"threads": 1, "mem_mb": 4000, "runtime": 60},
    "extract": {"threads": 1, "mem_mb": 4000, "runtime": 60},
    "homology": {"threads": 8, "mem_mb": 16000, "runtime": 480},
    "train": {"threads": 4, "mem_mb": 8000, "runtime": 720, "gpu": 0},
    "explain": {"threads": 4, "mem_mb": 8000, "runtime": 240, "gpu": 0},
    "suite": {"threads": 4, "mem_mb": 8000, "runtime": 2880, "gpu": 0},
}

# Published collections of labelled sequences on which models are also measured.
BENCHMARKS = config["benchmarks"]


def read_samples():
    """Read the sample sheet: a dictionary for each species in each condition."""
    with open(config["samples"], newline="") as handle:
        lines = (line for line in handle if not line.startswith("#"))
        rows = [{name: value or "" for name, value in row.items()} for row in csv.DictReader(lines, delimiter="\t")]
    seen = {}
    for row in rows:
        validate(row, "../schemas/samples.schema.yaml")
        key = row["species"], row["condition"]
        first = seen.setdefault(row["species"], row)
        if key in seen:
            raise WorkflowError(f"{config['samples']}: {key[0]} in {key[1]} is listed twice")
        if any(row[name] != first[name] for name in ("genome", "annotation")):
            raise WorkflowError(f"{config['samples']}: {key[0]} has two genomes or annotations")
        seen[key] = row
    if not rows:
        raise WorkflowError(f"{config['samples']}: no lines")
    return rows


def place(species, file):
    """Return the path of a file; a URL is downloaded to resources/."""
    return f"resources/{species}/{file.rsplit('/', 1)[1]}" if "://" in file else file


def files_of(row, name):
    """List the comma-separated files in a cell."""
    return [file.strip() for file in row[name].split(",") if file.strip()]


SAMPLES = read_samples()
SPECIES = {row["species"]: row for row in reversed(SAMPLES)}
SPECIES = dict(reversed(SPECIES.items()))
CONDITIONS = list(dict.fromkeys(row["condition"] for row in SAMPLES))
SHEET = {(row["species"], row["condition"]): row for row in SAMPLES}
MODELS = config["models"]
ADDRESSES = {
    place(row["species"], file): file
    for row in SAMPLES
    for name in ("genome", "annotation", "tpm")
    for file in files_of(row, name)
    if "://" in file
}


wildcard_constraints:
    design=f"{SINGLE}|{CROSS}",
    species="|".join(map(re.escape, SPECIES)),
    condition="|".join(map(re.escape, CONDITIONS)),
    model="|".join(map(re.escape, MODELS)),
    worker="[0-9]+",
    fold="[A-Za-z0-9_][A-Za-z0-9._-]*",
    seed="[0-9]+",


def given(name):
    """Return the input function of a species' genome or annotation."""
    return lambda wildcards: place(wildcards.species, SPECIES[wildcards.species][name])


def options_of(verb, species):
    """Join the options of a command for all species and those for one species."""
    return f"{config[verb]} {config['species'].get(species, {}).get(verb, '')}".strip()


def with_condition(condition):
    """List the species that have expression in a condition."""
    return [species for species in SPECIES if (species, condition) in SHEET]


def tested(design, condition):
    """List the species whose genes a study holds out."""
    there = with_condition(condition)
    if design == SINGLE:
        return there
    # With a single species there are no other species to train on.
    chosen = config["test_species"] or there
    return [species for species in there if species in chosen] if len(there) > 1 else []


def check_names():
    """Check that the config refers only to known species and models."""
    known = {"test_species": SPECIES, "species": SPECIES}
    for key, names in known.items():
        for name in config[key]:
            if name not in names:
                raise WorkflowError(f"config, {key}: '{name}' is not in {config['samples']}")
    for key in ("explain", "figures"):
        for name in config[key]["models"]:
            if name not in MODELS:
                raise WorkflowError(f"config, {key}: '{name}' is not a model of the config")
    if not STUDIES:
        raise WorkflowError("config, designs: cross-species needs a condition with two species")


STUDIES = [(design, condition) for design in config["designs"] for condition in CONDITIONS if tested(design, condition)]
check_names()


def set_of(design, species):
    """Return the set for splits and training: that of one species, or of all species."""
    return "results/sets/all.parquet" if design == CROSS else f"results/sets/{species}.parquet"


def homologs_of(design, species):
    """Return the table of homologs to exclude from training; an empty list if none are excluded."""
    kind = config["homology"]
    name = "all" if design == CROSS else species
    return [] if kind == "none" else [f"results/homologs/{name}.{kind}.tsv"]


def folds_of(design, species):
    """Return the names of a split's folds, from its summary; Snakemake first runs the split."""
    with checkpoints.split.get(design=design, species=species).output.summary.open() as handle:
        return json.load(handle)["folds"]


TRAINED = ("model.safetensors", "predictions.tsv", "held_out.txt", "done.json", "run.json")


def trainings(design, condition, model, species):
    """List the folders of a model's trainings for one tested species: one for each fold and seed."""
    folder = f"results/{design}/{condition}/trainings/{model}/{species}"
    return [f"{folder}/{fold}/seed-{seed}" for fold in folds_of(design, species) for seed in MODELS[model]["seeds"]]


def labels_of_study(wildcards):
    """List the label tables of a training."""
    across = wildcards.design == CROSS
    return expand(
        "results/{design}/{condition}/labels/{species}.tsv",
        design=wildcards.design,
        condition=wildcards.condition,
        species=with_condition(wildcards.condition) if across else wildcards.species,
    )


def options_of_all(model):
    """Return the options of all models and the model's `options`, without the flags that the model disables."""
    return without_switched_off(f"{config['train']} {MODELS[model].get('options', '')}", MODELS[model])


def words(model):
    """List the training options of a model as command-line arguments: those of all models, then its own."""
    return shlex.split(options_of_all(model)) + words_of(MODELS[model])


def train_options(wildcards):
    """Join the options of a training; a searched model gets the options of the search from its result."""
    model = wildcards.model
    if "search" in MODELS[model]:
        return shlex.join(parted_words(words(model))[1])
    return f"{options_of_all(model)} {shlex.join(words_of(MODELS[model]))}".strip()


def search_options(wildcards, input):
    """Join the options of a fold's search."""
    settings = MODELS[wildcards.model]
    given = [*(word for table in input.labels for word in ("--labels", table)), "--holdout", wildcards.fold]
    given += ["--model", settings.get("model", wildcards.model), "--trials", str(settings.get("trials", 20))]
    given += parted_words(words(wildcards.model))[0] + shlex.split(settings.get("tune_options", ""))
    return shlex.join([*given, *(word for text in settings["search"] for word in ("--search", text))])


TUNED = ("best.yaml", "trials.tsv", "journal.log")


def tuning(wildcards):
    """Return the folder with the result of a fold's search."""
    return "results/{design}/{condition}/tuning/{model}/{species}/{fold}".format(**wildcards)


def workers(wildcards):
    """List the outputs of the jobs that search in a fold."""
    return [f"{tuning(wildcards)}/worker-{number}.json" for number in range(MODELS[wildcards.model].get("workers", 2))]


def trained(name):
    """Return the input function that lists one file of each training of a model."""
    return lambda wildcards: [f"{folder}/{name}" for folder in trainings(**wildcards)]


def need(job, name):
    """Return the amount of a resource that a kind of job needs."""
    return {**NEEDS[job], **config["resources"].get(job, {})}[name]


def train_need(name):
    """Return the function of a resource that a model's training needs; memory grows with every attempt."""

    def amount(wildcards, attempt=1):
        wanted = MODELS[wildcards.model].get(name, need("train", name))
        return wanted * attempt if name == "mem_mb" else wanted

    return amount


def device(gpu):
    """Return the device: a GPU is used only if the job requests one."""
    return "cuda" if gpu else "cpu"


def wanted(wildcards):
    """List all outputs of the workflow, not only the final ones, so that lost intermediate files are made again."""
    files = ["results/comparison.tsv", "results/comparison.html"]
    for suite in BENCHMARKS:
        files += [f"results/benchmarks/{suite}/{name}" for name in ("results.tsv", "results.md", "checks.tsv", "runs")]
    for design, condition in STUDIES:
        folder = f"results/{design}/{condition}"
        files += [f"{folder}/metrics.{ending}" for ending in ("json", "tsv", "txt")]
        files += [f"{folder}/predictions/{model}.tsv" for model in MODELS]
        for species in tested(design, condition):
            files += [f"results/splits/{design}/{species}.tsv", f"results/leaks/{design}/{species}.json"]
            files += [f"{folder}/labels/{species}.tsv", set_of(design, species), *homologs_of(design, species)]
            for model in MODELS:
                files.append(f"{folder}/runs/{model}/{species}")
                files += [f"{one}/{name}" for one in trainings(design, condition, model, species) for name in TRAINED]
                if "search" in MODELS[model]:
                    place = f"{folder}/tuning/{model}/{species}"
                    files += [f"{place}/{fold}/{name}" for fold in folds_of(design, species) for name in TUNED]
            for model in config["explain"]["models"]:
                files += [
                    f"{folder}/attributions/{model}/{species}.{ending}"
                    for ending in ("parquet", "bed.gz", "bed.gz.tbi", "bedgraph.gz", "bedgraph.gz.tbi", "bw")
                ]
            files += [f"{folder}/figures/{model}/{species}" for model in config["figures"]["models"]]
    return list(dict.fromkeys(files))
