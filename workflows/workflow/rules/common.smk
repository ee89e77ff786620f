# What the config and the sample sheet ask for: species, conditions, models, and where their files lie.
# No rules here. A "study" is a design with a condition: all models of a study are scored on the same genes.
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
    # Snakemake may have an environment of its own, without the package or with an older one. The package of this
    # workflow lies around it, or next to it, and this part of it needs no other.
    HERE = os.path.abspath(workflow.current_basedir)
    sys.path[:0] = [os.path.join(HERE, *[os.pardir] * levels) for levels in (4, 3)]
    for name in [name for name in sys.modules if name.partition(".")[0] == "kanseq"]:
        del sys.modules[name]
from kanseq.specification.workflow_config import model_schema, parted_words, without_switched_off, words_of


def validate_config():
    """Check the config; the options of models are those of kanseq train, whatever version of it this is."""
    # A model without settings of its own is an empty line in YAML.
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

# Collections of labelled sequences that models are measured on besides.
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
            raise WorkflowError(f"{config['samples']}: {key[0]} in {key[1]} stands there twice")
        if any(row[name] != first[name] for name in ("genome", "annotation")):
            raise WorkflowError(f"{config['samples']}: {key[0]} has two genomes or annotations")
        seen[key] = row
    if not rows:
        raise WorkflowError(f"{config['samples']}: no line")
    return rows


def place(species, file):
    """Say where a file lies: what has an address is fetched."""
    return f"resources/{species}/{file.rsplit('/', 1)[1]}" if "://" in file else file


def files_of(row, name):
    """List the files in a cell, which holds one, or several between commas."""
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
    """Give the input function of a species' genome or annotation."""
    return lambda wildcards: place(wildcards.species, SPECIES[wildcards.species][name])


def options_of(verb, species):
    """Join the options of a verb for all species and those for one."""
    return f"{config[verb]} {config['species'].get(species, {}).get(verb, '')}".strip()


def with_condition(condition):
    """List the species that have expression in a condition."""
    return [species for species in SPECIES if (species, condition) in SHEET]


def tested(design, condition):
    """List the species whose genes a study holds out."""
    there = with_condition(condition)
    if design == SINGLE:
        return there
    # One species alone has nothing to train on.
    chosen = config["test_species"] or there
    return [species for species in there if species in chosen] if len(there) > 1 else []


def check_names():
    """Refuse names in the config that nothing else names."""
    known = {"test_species": SPECIES, "species": SPECIES}
    for key, names in known.items():
        for name in config[key]:
            if name not in names:
                raise WorkflowError(f"config, {key}: '{name}' is not in {config['samples']}")
    for key in ("explain", "figures"):
        for name in config[key]["models"]:
            if name not in MODELS:
                raise WorkflowError(f"config, {key}: '{name}' is none of the models")
    if not STUDIES:
        raise WorkflowError("config, designs: cross-species wants a condition that two species have")


STUDIES = [(design, condition) for design in config["designs"] for condition in CONDITIONS if tested(design, condition)]
check_names()


def set_of(design, species):
    """Give the set that is split and trained on: a species' own, or that of all species."""
    return "results/sets/all.parquet" if design == CROSS else f"results/sets/{species}.parquet"


def homologs_of(design, species):
    """Give the homologs that must not train, or nothing where they may."""
    kind = config["homology"]
    name = "all" if design == CROSS else species
    return [] if kind == "none" else [f"results/homologs/{name}.{kind}.tsv"]


def folds_of(design, species):
    """Name the folds of a split, which stand in its summary once it is made."""
    with checkpoints.split.get(design=design, species=species).output.summary.open() as handle:
        return json.load(handle)["folds"]


TRAINED = ("model.safetensors", "predictions.tsv", "held_out.txt", "done.json", "run.json")


def trainings(design, condition, model, species):
    """List the folders of a model's trainings for one tested species: one for each fold and seed."""
    folder = f"results/{design}/{condition}/trainings/{model}/{species}"
    return [f"{folder}/{fold}/seed-{seed}" for fold in folds_of(design, species) for seed in MODELS[model]["seeds"]]


def labels_of_study(wildcards):
    """List the tables of labels that a training reads."""
    across = wildcards.design == CROSS
    return expand(
        "results/{design}/{condition}/labels/{species}.tsv",
        design=wildcards.design,
        condition=wildcards.condition,
        species=with_condition(wildcards.condition) if across else wildcards.species,
    )


def options_of_all(model):
    """Return the options of all models and the model's own text, without flags that the model switches off."""
    return without_switched_off(f"{config['train']} {MODELS[model].get('options', '')}", MODELS[model])


def words(model):
    """List the options of a model's training as words of the command line: those of all models, then its own."""
    return shlex.split(options_of_all(model)) + words_of(MODELS[model])


def train_options(wildcards):
    """Join the options of a training; a searched model gets back from its search what that was given."""
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
    """Give the folder of what was found for a fold."""
    return "results/{design}/{condition}/tuning/{model}/{species}/{fold}".format(**wildcards)


def workers(wildcards):
    """List what the jobs that search in a fold leave behind."""
    return [f"{tuning(wildcards)}/worker-{number}.json" for number in range(MODELS[wildcards.model].get("workers", 2))]


def trained(name):
    """Give the input function of one file of each of these trainings."""
    return lambda wildcards: [f"{folder}/{name}" for folder in trainings(**wildcards)]


def need(job, name):
    """Say how much of a resource a kind of job wants."""
    return {**NEEDS[job], **config["resources"].get(job, {})}[name]


def train_need(name):
    """Give the function of what a model's training wants; memory grows with every attempt."""

    def amount(wildcards, attempt=1):
        wanted = MODELS[wildcards.model].get(name, need("train", name))
        return wanted * attempt if name == "mem_mb" else wanted

    return amount


def device(gpu):
    """Name the device: none is looked for where no GPU was asked for."""
    return "cuda" if gpu else "cpu"


def wanted(wildcards):
    """List all that the workflow makes, not its last files alone: what gets lost in between is made again, too."""
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
