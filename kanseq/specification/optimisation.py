"""Optimisation of networks: options of ``kanseq train`` and ``kanseq tune``, recorded in ``run.json``."""

from dataclasses import asdict, dataclass, fields

from kanseq.specification.fields import option
from kanseq.specification.option_checks import settle

DECAYS = ("coupled", "decoupled", "prior")
SCHEDULES = ("constant", "cosine", "one-cycle")
BALANCES = ("none", "weights")
PRECISIONS = ("auto", "float32", "bfloat16")


@dataclass(frozen=True)
class Settings:
    """The optimisation of one network. The help text of each field describes it; details on some of them:

    ``batch_size``: a last batch of a single sequence is added to the batch before it.

    ``weight_decay`` applies only to the parameters that a model names (spline weights).

    ``decay``: ``coupled`` adds ``weight_decay * w`` to the gradient (Adam with an L2 term, Kingma and Ba 2015);
    ``decoupled`` shrinks the weights separately (AdamW, Loshchilov and Hutter 2019). The KAN-Mixer paper does not state
    which it uses; the default scored better on real genes (README). ``prior`` is ``coupled`` with ``weight_decay / n``
    for ``n`` known targets: since the loss is a mean over the targets, this equals a Gaussian prior of variance
    ``1 / weight_decay`` with a loss summed over them, and its influence falls with the number of targets.

    ``schedule``: ``one-cycle`` is Smith and Topin (2018); ``cosine`` ends at 0.

    ``tune`` stops early on the loss of the fold's ``tune`` genes, and keeps the weights of the best epoch.

    ``compile``: without a C++ compiler, training continues uncompiled, with one warning.

    Raises:
        BadOption: a value has a wrong type, is out of range or not a choice.
    """

    epochs: int = option(5, "passes over the training genes", least=1)
    batch_size: int = option(64, "sequences per step", least=1)
    learning_rate: float = option(5e-4, "learning rate of Adam", above=0)
    weight_decay: float = option(0.1, "weight decay of the spline weights", least=0)
    decay: str = option(
        "decoupled",
        "weight decay: coupled (L2 in the gradient), prior (coupled, over the number of genes) or decoupled (AdamW)",
        choices=DECAYS,
    )
    schedule: str = option("constant", "learning rate schedule: constant, cosine or one-cycle", choices=SCHEDULES)
    clip: float | None = option(None, "largest gradient norm, for clipping", above=0)
    balance: str = option(
        "none", "class balance: none, or weights (inverse class frequency)", choices=BALANCES, recipe=False
    )
    tune: bool = option(False, "stop early on the loss of each fold's tuning genes", recipe=False, searched=False)
    patience: int = option(3, "epochs without improvement before --tune stops", least=1)
    precision: str = option(
        "auto", "precision of products: auto, float32 or bfloat16", choices=PRECISIONS, searched=False
    )
    compile: bool = option(
        False, "compile training steps with torch.compile; needs a C++ compiler", recipe=False, searched=False
    )
    l1: float = option(0.0, "penalty on the magnitude of KAN weights", least=0, later=True)
    entropy: float = option(0.0, "penalty on how evenly a KAN layer uses its edges", least=0, later=True)
    smoothness: float = option(0.0, "penalty on the roughness of KAN curves", least=0, later=True)

    def __post_init__(self) -> None:
        """Check types, ranges and choices."""
        settle(self, Settings)

    def to_json(self) -> dict[str, object]:
        """Return the fields as in ``run.json``, without later additions that have their default."""
        values = asdict(self)
        quiet = [each.name for each in fields(self) if each.metadata["later"] and values[each.name] == each.default]
        return {name: value for name, value in values.items() if name not in quiet}


def searchable() -> tuple[str, ...]:
    """Return the names of the settings that ``kanseq tune`` can search."""
    return tuple(each.name for each in fields(Settings) if each.metadata["searched"])
