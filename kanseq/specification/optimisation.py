"""The options of ``kanseq train`` and ``kanseq tune`` for the optimisation of networks, as recorded in ``run.json``."""

from dataclasses import asdict, dataclass, fields

from kanseq.specification.fields import option
from kanseq.specification.option_checks import settle

DECAYS = ("coupled", "decoupled", "prior")
SCHEDULES = ("constant", "cosine", "one-cycle")
BALANCES = ("none", "weights")
PRECISIONS = ("auto", "float32", "bfloat16")


@dataclass(frozen=True)
class Settings:
    """The settings for optimising a network. Each field is described by its help text. Details on some fields:

    ``batch_size``: if the last batch of an epoch has a single sequence, it is added to the batch before it.

    ``weight_decay`` applies only to parameters that a model declares for it (spline weights).

    ``decay``: ``coupled`` adds ``weight_decay * w`` to the gradient (Adam with an L2 term, Kingma and Ba 2015);
    ``decoupled`` shrinks the weights separately (AdamW, Loshchilov and Hutter 2019). The KAN-Mixer paper does not state
    which of the two it uses. The default, ``decoupled``, scored better on real genes (README). ``prior`` is ``coupled``
    with ``weight_decay / n`` for ``n`` known targets. Since the loss is a mean over the targets, this equals a Gaussian
    prior of variance ``1 / weight_decay`` with a loss summed over the targets. The more targets, the weaker the prior.

    ``schedule``: ``cosine`` decreases the learning rate to 0; ``one-cycle`` is from Smith and Topin (2018).

    ``tune`` stops training when the loss on the fold's ``tune`` genes no longer decreases, and keeps the weights of the
    best epoch.

    ``compile``: without a C++ compiler, a warning is logged and the network is trained without compilation.

    Raises:
        BadOption: a value has the wrong type, is out of range or not one of the choices.
    """

    epochs: int = option(5, "number of passes over the training genes", least=1)
    batch_size: int = option(64, "number of sequences per training step", least=1)
    learning_rate: float = option(5e-4, "learning rate of Adam", above=0)
    weight_decay: float = option(0.1, "strength of the weight decay, which applies to spline weights", least=0)
    decay: str = option(
        "decoupled",
        "type of weight decay: coupled (L2 term in the gradient), prior (coupled, but divided by the "
        "number of training genes) or decoupled (AdamW)",
        choices=DECAYS,
    )
    schedule: str = option("constant", "learning rate schedule: constant, cosine or one-cycle", choices=SCHEDULES)
    clip: float | None = option(None, "maximum gradient norm (gradient clipping)", above=0)
    balance: str = option(
        "none", "how to balance classes: none, or weights (inverse class frequency)", choices=BALANCES, recipe=False
    )
    tune: bool = option(
        False, "stop training early when the loss on tuning genes no longer decreases", recipe=False, searched=False
    )
    patience: int = option(3, "early stopping: number of epochs without improvement before training stops", least=1)
    precision: str = option(
        "auto", "precision of matrix products: auto, float32 or bfloat16", choices=PRECISIONS, searched=False
    )
    compile: bool = option(
        False, "compile the network with torch.compile, which needs a C++ compiler", recipe=False, searched=False
    )
    l1: float = option(0.0, "penalty on the magnitude of the weights of KAN edges", least=0, later=True)
    entropy: float = option(
        0.0, "entropy penalty on the magnitudes of KAN edges (favours few large edges)", least=0, later=True
    )
    smoothness: float = option(0.0, "roughness penalty on the functions of KAN edges", least=0, later=True)

    def __post_init__(self) -> None:
        """Check types, ranges and choices of all values."""
        settle(self, Settings)

    def to_json(self) -> dict[str, object]:
        """Return the settings as recorded in ``run.json``.

        Settings that were added after the first release are left out if they have their default values.
        """
        values = asdict(self)
        quiet = [each.name for each in fields(self) if each.metadata["later"] and values[each.name] == each.default]
        return {name: value for name, value in values.items() if name not in quiet}


def searchable() -> tuple[str, ...]:
    """Return the names of the settings that ``kanseq tune`` can search."""
    return tuple(each.name for each in fields(Settings) if each.metadata["searched"])
