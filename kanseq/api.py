"""The public names of kanseq, and the module that defines each.

``kanseq.train(...)`` and ``kanseq train`` are the same function. A module is imported when one of its names is first
used, so that a script that only extracts sequences does not import torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kanseq import nn as nn
    from kanseq.array_fitting import fit as fit
    from kanseq.attribution.explanation import explain as explain
    from kanseq.data.combining import combine as combine
    from kanseq.data.extraction import extract as extract
    from kanseq.data.homologs import homology as homology
    from kanseq.data.importing import import_sequences as import_sequences
    from kanseq.data.labels import label as label
    from kanseq.data.leakage import leaks as leaks
    from kanseq.data.sequences import SequenceSet as SequenceSet
    from kanseq.data.splits import split as split
    from kanseq.demonstration import demo as demo
    from kanseq.model import Model as Model
    from kanseq.model import load_model as load_model
    from kanseq.models.listing import list_models as list_models
    from kanseq.reports.cards import inspect as inspect
    from kanseq.reports.figures_folder import figures as figures
    from kanseq.simulation import simulate as simulate
    from kanseq.suites.ablations import ablation as ablation
    from kanseq.suites.benchmarking import benchmark as benchmark
    from kanseq.suites.scaling_up import scaling as scaling
    from kanseq.training.evaluation import evaluate as evaluate
    from kanseq.training.fitting import train as train
    from kanseq.training.prediction import predict as predict
    from kanseq.training.tuning import tune as tune
    from kanseq.workflow_files import init_workflow as init_workflow
    from kanseq.workflow_files import workflow_path as workflow_path

DOORS = {
    "extract": "kanseq.data.extraction",
    "import_sequences": "kanseq.data.importing",
    "combine": "kanseq.data.combining",
    "homology": "kanseq.data.homologs",
    "split": "kanseq.data.splits",
    "leaks": "kanseq.data.leakage",
    "label": "kanseq.data.labels",
    "train": "kanseq.training.fitting",
    "tune": "kanseq.training.tuning",
    "evaluate": "kanseq.training.evaluation",
    "predict": "kanseq.training.prediction",
    "explain": "kanseq.attribution.explanation",
    "figures": "kanseq.reports.figures_folder",
    "benchmark": "kanseq.suites.benchmarking",
    "ablation": "kanseq.suites.ablations",
    "scaling": "kanseq.suites.scaling_up",
    "inspect": "kanseq.reports.cards",
    "simulate": "kanseq.simulation",
    "list_models": "kanseq.models.listing",
    "demo": "kanseq.demonstration",
    "init_workflow": "kanseq.workflow_files",
    "workflow_path": "kanseq.workflow_files",
    "fit": "kanseq.array_fitting",
    "load_model": "kanseq.model",
    "Model": "kanseq.model",
    "SequenceSet": "kanseq.data.sequences",
}
"""Public name -> the module that defines it."""


MODULES = {"nn": "kanseq.nn"}
"""Public name -> a module that is public with all its names, such as ``kanseq.nn.RBFLinear``."""


def public_names() -> list[str]:
    """List every public name of the package, sorted."""
    return sorted([*DOORS, *MODULES])


def __getattr__(name: str) -> object:
    """Import and return the object or module called ``name`` (PEP 562)."""
    if name in MODULES:
        return import_module(MODULES[name])
    if name not in DOORS:
        raise AttributeError(f"kanseq has no '{name}'; it has {', '.join(public_names())}")
    return getattr(import_module(DOORS[name]), name)
