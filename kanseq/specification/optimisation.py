"""How a network is optimised: the options that ``kanseq train`` and ``kanseq tune`` take, and ``run.json`` records."""

from dataclasses import asdict, dataclass, fields

from kanseq.specification.fields import option
from kanseq.specification.option_checks import settle

DECAYS = ("coupled", "decoupled", "prior")
SCHEDULES = ("constant", "cosine", "one-cycle")
BALANCES = ("none", "weights")
PRECISIONS = ("auto", "float32", "bfloat16")


@dataclass(frozen=True)
class Settings:
    """The optimisation of one network. The help of each field says what it is; more about some of them:

    ``batch_size``: a last batch of one sequence joins the batch before it.

    ``weight_decay`` acts on the parameters that a model names (spline weights); all others have none.

    ``decay``: ``coupled`` adds ``weight_decay * w`` to the gradient (Adam with an L2 term, Kingma and Ba 2015);
    ``decoupled`` shrinks the weights separately (AdamW, Loshchilov and Hutter 2019). The KAN-Mixer paper does not say
    which it means; the default did better on real genes (README). ``prior`` is ``coupled`` with ``weight_decay / n``
    for ``n`` known targets: since the loss is a mean over these, that is a Gaussian prior of variance
    ``1 / weight_decay`` on a sum over them, and it weighs the less the more targets there are.

    ``schedule``: ``one-cycle`` is Smith and Topin (2018); ``cosine`` ends at 0.

    ``tune`` stops early by the loss on the fold's ``tune`` genes and keeps the weights of the best epoch.

    ``compile``: without a C++ compiler training goes on without it, with one warning.

    Raises:
        BadOption: a value is of another type, out of range, or no choice.
    """

    epochs: int = option(5, "passes over the training genes", least=1)
    batch_size: int = option(64, "sequences per step", least=1)
    learning_rate: float = option(5e-4, "of Adam", above=0)
    weight_decay: float = option(0.1, "of the spline weights only", least=0)
    decay: str = option(
        "decoupled",
        "coupled (L2 in the gradient), prior (that over the training genes' number), decoupled (AdamW)",
        choices=DECAYS,
    )
    schedule: str = option("constant", "constant, cosine or one-cycle", choices=SCHEDULES)
    clip: float | None = option(None, "largest norm of the gradient", above=0)
    balance: str = option("none", "none, or weights: by the classes' rarity", choices=BALANCES, recipe=False)
    tune: bool = option(False, "stop early by the folds' genes of role tune", recipe=False, searched=False)
    patience: int = option(3, "epochs without progress under --tune", least=1)
    precision: str = option("auto", "auto, float32 or bfloat16 products", choices=PRECISIONS, searched=False)
    compile: bool = option(False, "torch.compile the steps; needs a C++ compiler", recipe=False, searched=False)
    l1: float = option(0.0, "penalty on the magnitude of KAN weights", least=0, later=True)
    entropy: float = option(0.0, "penalty on how evenly a KAN layer uses its edges", least=0, later=True)
    smoothness: float = option(0.0, "penalty on the roughness of KAN curves", least=0, later=True)

    def __post_init__(self) -> None:
        """Check types, ranges and choices."""
        settle(self, Settings)

    def to_json(self) -> dict[str, object]:
        """Return the fields as ``run.json`` has them; later additions only where they differ from their default."""
        values = asdict(self)
        quiet = [each.name for each in fields(self) if each.metadata["later"] and values[each.name] == each.default]
        return {name: value for name, value in values.items() if name not in quiet}


def searchable() -> tuple[str, ...]:
    """Name the settings that ``kanseq tune`` can search."""
    return tuple(each.name for each in fields(Settings) if each.metadata["searched"])
