"""The public names of kanseq, and the module that defines each name.

``kanseq.train(...)`` and ``kanseq train`` are the same function. A module is imported when one of its names is first
used, so that a script that only extracts sequences does not import torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kanseq import nn as nn
    from kanseq.sequences.sequence_set import SequenceSet as SequenceSet
    from kanseq.verbs.benchmarking.ablation import ablation as ablation
    from kanseq.verbs.benchmarking.benchmark import benchmark as benchmark
    from kanseq.verbs.benchmarking.scaling import scaling as scaling
    from kanseq.verbs.explaining.explain import explain as explain
    from kanseq.verbs.explaining.figures import figures as figures
    from kanseq.verbs.modelling.evaluate import evaluate as evaluate
    from kanseq.verbs.modelling.fit_arrays import fit as fit
    from kanseq.verbs.modelling.list_models import list_models as list_models
    from kanseq.verbs.modelling.load_model import Model as Model
    from kanseq.verbs.modelling.load_model import load_model as load_model
    from kanseq.verbs.modelling.predict import predict as predict
    from kanseq.verbs.modelling.train import train as train
    from kanseq.verbs.modelling.tune import tune as tune
    from kanseq.verbs.preparing.combine import combine as combine
    from kanseq.verbs.preparing.extract import extract as extract
    from kanseq.verbs.preparing.import_ import import_sequences as import_sequences
    from kanseq.verbs.preparing.simulate import simulate as simulate
    from kanseq.verbs.project.demo import demo as demo
    from kanseq.verbs.project.inspect import inspect as inspect
    from kanseq.verbs.project.workflow import init_workflow as init_workflow
    from kanseq.verbs.project.workflow import workflow_path as workflow_path
    from kanseq.verbs.splitting.homology import homology as homology
    from kanseq.verbs.splitting.label import label as label
    from kanseq.verbs.splitting.leaks import leaks as leaks
    from kanseq.verbs.splitting.split import split as split

DEFINED_IN = {
    "extract": "kanseq.verbs.preparing.extract",
    "import_sequences": "kanseq.verbs.preparing.import_",
    "combine": "kanseq.verbs.preparing.combine",
    "homology": "kanseq.verbs.splitting.homology",
    "split": "kanseq.verbs.splitting.split",
    "leaks": "kanseq.verbs.splitting.leaks",
    "label": "kanseq.verbs.splitting.label",
    "train": "kanseq.verbs.modelling.train",
    "tune": "kanseq.verbs.modelling.tune",
    "evaluate": "kanseq.verbs.modelling.evaluate",
    "predict": "kanseq.verbs.modelling.predict",
    "explain": "kanseq.verbs.explaining.explain",
    "figures": "kanseq.verbs.explaining.figures",
    "benchmark": "kanseq.verbs.benchmarking.benchmark",
    "ablation": "kanseq.verbs.benchmarking.ablation",
    "scaling": "kanseq.verbs.benchmarking.scaling",
    "inspect": "kanseq.verbs.project.inspect",
    "simulate": "kanseq.verbs.preparing.simulate",
    "list_models": "kanseq.verbs.modelling.list_models",
    "demo": "kanseq.verbs.project.demo",
    "init_workflow": "kanseq.verbs.project.workflow",
    "workflow_path": "kanseq.verbs.project.workflow",
    "fit": "kanseq.verbs.modelling.fit_arrays",
    "load_model": "kanseq.verbs.modelling.load_model",
    "Model": "kanseq.verbs.modelling.load_model",
    "SequenceSet": "kanseq.sequences.sequence_set",
}
"""Maps each public name to the module that defines it."""

MODULES = {"nn": "kanseq.nn"}
"""Maps the names of public modules, such as ``nn``, to their full names."""


def public_names() -> list[str]:
    """List every public name of the package, sorted."""
    return sorted([*DEFINED_IN, *MODULES])


def __getattr__(name: str) -> object:
    """Import and return the object or module called ``name`` (PEP 562)."""
    if name in MODULES:
        return import_module(MODULES[name])
    if name not in DEFINED_IN:
        raise AttributeError(f"kanseq has no '{name}'; it has {', '.join(public_names())}")
    return getattr(import_module(DEFINED_IN[name]), name)
