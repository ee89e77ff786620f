"""From logits to probabilities that mean what they say, and the threshold that calls a gene high.

In: logits and classes of genes that a model has not trained on, none of them a test gene. Out: a :class:`Calibration`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TypedDict

import numpy as np
from scipy.special import expit

from kanseq.errors import BadOption, ModelMismatch, NotFinite, OneClass
from kanseq.specification.learning import CALIBRATIONS
from kanseq.training.tasks import CLASSES

THRESHOLD = 0.5
"""Where a probability is cut that no threshold was learned for."""

EQUAL = 1e-12
"""What differs by less differs by rounding alone."""

STEPS, TOLERANCE = 100, 1e-10
"""Newton steps at most, and the gradient per gene at which they end."""


@dataclass(frozen=True)
class Calibration:
    """What was learned of a model's logits.

    Attributes:
        kind: one of :data:`CALIBRATIONS`.
        threshold: a gene of this probability or more is called high.
        slope, intercept: of ``platt``: the probability is ``1 / (1 + exp(-(slope · logit + intercept)))``.
        logits, probabilities: of ``isotonic``: its knots, both ascending; straight lines between them, constant
            outside.
    """

    kind: str = "none"
    threshold: float = THRESHOLD
    slope: float = 1.0
    intercept: float = 0.0
    logits: tuple[float, ...] = ()
    probabilities: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what no version has written."""
        knots = len(self.logits) == len(self.probabilities) and (len(self.logits) > 0) == (self.kind == "isotonic")
        if self.kind not in CALIBRATIONS or not knots:
            raise ModelMismatch(f"a calibration '{self.kind}' with {len(self.logits)} knots is unknown to kanseq")

    def probability(self, logits: np.ndarray) -> np.ndarray:
        """Give the probability of ``high``, float64, of the shape of ``logits``; it never falls as they rise.

        >>> Calibration("platt", slope=2.0, intercept=0.0).probability(np.array([0.0, np.log(3) / 2])).round(6).tolist()
        [0.5, 0.75]
        """
        logits = np.asarray(logits, dtype=np.float64)
        if self.kind == "isotonic":
            return np.interp(logits, self.logits, self.probabilities)
        return expit(self.slope * logits + self.intercept)

    def called(self, logits: np.ndarray) -> np.ndarray:
        """Say which genes are called high, bool of the shape of ``logits``."""
        return self.probability(logits) >= self.threshold

    def to_json(self) -> dict[str, object]:
        """Give the fields that say something, as they stand in a model file."""
        wanted = {"platt": ("slope", "intercept"), "isotonic": ("logits", "probabilities")}.get(self.kind, ())
        fields = {name: value for name, value in asdict(self).items() if name in ("kind", "threshold", *wanted)}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in fields.items()}

    @classmethod
    def from_json(cls, fields: Mapping[str, object]) -> "Calibration":
        """Read back what :meth:`to_json` gave.

        Raises:
            ModelMismatch: it is of an unknown kind, or not whole.
        """
        try:
            return cls(**{name: _number_or_knots(value) for name, value in fields.items()})  # type: ignore[arg-type]
        except (TypeError, ValueError) as error:
            raise ModelMismatch(
                "the calibration of a model is not whole", hint="train it again, or with the kanseq of that time"
            ) from error


def fit_calibration(
    kind: str,
    logits: Sequence[float] | np.ndarray,
    targets: Sequence[int] | np.ndarray,
    *,
    threshold: bool | None = None,
) -> Calibration:
    """Learn probabilities and a threshold from genes that the model was not fitted to.

    ``platt`` fits slope and intercept of a logistic curve by Newton's method (Lin, Lin & Weng 2007, Machine Learning
    68:267) to targets that are smoothed as Platt (1999) does: ``(n1 + 1) / (n1 + 2)`` for the ``n1`` high genes and
    ``1 / (n0 + 2)`` for the ``n0`` low ones. A slope below 0 would turn the model's order round; it becomes 0.
    ``isotonic`` takes the best steps that never fall (Zadrozny & Elkan 2002) and keeps them within
    ``[1 / (n + 2), (n + 1) / (n + 2)]``, so that no gene costs an infinite log-loss.

    Args:
        kind: one of :data:`CALIBRATIONS`.
        logits: ``(n,)`` float, in any order.
        targets: ``(n,)`` of 0 and 1, both present unless nothing is learned.
        threshold: whether to learn :func:`best_threshold` on the same genes; by default unless ``kind`` is ``none``.

    Raises:
        BadOption: there is no such kind.
        OneClass: the targets are all low or all high.
        NotFinite: a logit is NaN or infinite.
    """
    if kind not in CALIBRATIONS:
        raise BadOption(f"calibration '{kind}' is unknown", hint=f"choose {', '.join(CALIBRATIONS)}")
    learns_threshold = kind != "none" if threshold is None else threshold
    if kind == "none" and not learns_threshold:
        return Calibration()
    logits, is_high = _checked(logits, targets)
    # One order for all, so that sums end in the same bits whatever the order of the genes was.
    order = np.lexsort((is_high, logits))
    logits, is_high = logits[order], is_high[order]
    found = Calibration(kind, **_FITS[kind](logits, is_high))  # type: ignore[arg-type]
    return replace(found, threshold=best_threshold(found.probability(logits), is_high)) if learns_threshold else found


def best_threshold(probabilities: np.ndarray, targets: np.ndarray) -> float:
    """Find the cut with the highest MCC (Matthews correlation) when probabilities at or above it are called high.

    A cut lies in the middle between two neighbouring probabilities, or is 0.5 where that parts the same two. Of cuts
    that are equally good the one nearest to 0.5 is taken, and of two that are equally near the lower one.

    >>> best_threshold(np.array([0.1, 0.2, 0.3, 0.4]), np.array([0, 0, 1, 1]))
    0.25
    >>> best_threshold(np.array([0.1, 0.45, 0.7, 0.9]), np.array([0, 0, 1, 1]))
    0.5
    """
    is_high = np.asarray(targets) == 1
    levels, level = np.unique(np.asarray(probabilities, dtype=np.float64), return_inverse=True)
    below, above = levels[:-1], levels[1:]
    middle = below + (above - below) / 2
    cuts = np.where((below < THRESHOLD) & (above >= THRESHOLD), THRESHOLD, np.where(middle > below, middle, above))
    highs, lows = (np.bincount(level[kind], minlength=len(levels)).astype(np.float64) for kind in (is_high, ~is_high))
    # What each cut leaves below it.
    missed, true_low = np.cumsum(highs)[:-1], np.cumsum(lows)[:-1]
    true_high, false_high = highs.sum() - missed, lows.sum() - true_low
    scale = (true_high + false_high) * (missed + true_low) * highs.sum() * lows.sum()
    mcc = (true_high * true_low - false_high * missed) / np.sqrt(np.where(scale > 0, scale, np.inf))
    # Calling all genes alike has an MCC of 0.
    if not len(cuts) or mcc.max() <= EQUAL:
        return THRESHOLD
    best = cuts[mcc >= mcc.max() - EQUAL]
    return float(best[np.argmin(np.round(np.abs(best - THRESHOLD), 12))])


class _Curve(TypedDict):
    """What Platt scaling learns."""

    slope: float
    intercept: float


class _Steps(TypedDict):
    """What isotonic regression learns."""

    logits: tuple[float, ...]
    probabilities: tuple[float, ...]


def _platt(logits: np.ndarray, is_high: np.ndarray) -> _Curve:
    """Fit a logistic curve to smoothed targets."""
    highs = int(is_high.sum())
    wanted = np.where(is_high, (highs + 1) / (highs + 2), 1 / (len(logits) - highs + 2))
    centre, spread = float(logits.mean()), float(logits.std())
    flat = _Curve(slope=0.0, intercept=float(np.log(wanted.mean() / (1 - wanted.mean()))))
    if spread <= EQUAL * max(1.0, abs(centre)):
        return flat
    inputs = np.stack([(logits - centre) / spread, np.ones(len(logits))])
    weights = np.array([0.0, flat["intercept"]])
    loss = _log_loss(weights @ inputs, wanted)
    for _ in range(STEPS):
        probability = expit(weights @ inputs)
        gradient = inputs @ (probability - wanted)
        if np.abs(gradient).max() <= TOLERANCE * len(logits):
            break
        hessian = (inputs * (probability * (1 - probability))) @ inputs.T + EQUAL * np.eye(2)
        step = np.linalg.solve(hessian, gradient)
        # The whole step, or the first of its halves that lowers the loss.
        for tried in (weights - step / 2**halved for halved in range(40)):
            if (now := _log_loss(tried @ inputs, wanted)) < loss:
                weights, loss = tried, now
                break
        else:
            break
    slope = float(weights[0]) / spread
    return _Curve(slope=slope, intercept=float(weights[1]) - slope * centre) if slope > 0 else flat


def _log_loss(logits: np.ndarray, wanted: np.ndarray) -> float:
    """Sum the cross-entropy of probabilities to smoothed targets."""
    return float(np.sum(np.logaddexp(0.0, logits) - wanted * logits))


def _isotonic(logits: np.ndarray, is_high: np.ndarray) -> _Steps:
    """Fit steps that never fall."""
    from sklearn.isotonic import IsotonicRegression

    genes = len(logits)
    fitted = IsotonicRegression(y_min=1 / (genes + 2), y_max=(genes + 1) / (genes + 2), out_of_bounds="clip")
    fitted.fit(logits, is_high.astype(np.float64))
    return _Steps(
        logits=tuple(fitted.X_thresholds_.astype(np.float64).tolist()),
        probabilities=tuple(fitted.y_thresholds_.astype(np.float64).tolist()),
    )


_FITS: dict[str, Callable[[np.ndarray, np.ndarray], Mapping[str, object]]] = {
    "none": lambda logits, is_high: {},
    "platt": _platt,
    "isotonic": _isotonic,
}


def _checked(logits: object, targets: object) -> tuple[np.ndarray, np.ndarray]:
    """Give logits as float64 and whether each gene is high."""
    logits, targets = np.asarray(logits, dtype=np.float64), np.asarray(targets)
    if logits.ndim != 1 or logits.shape != targets.shape:
        raise ValueError(f"logits {logits.shape} and targets {targets.shape}: two arrays (n,) are wanted")
    if not np.isfinite(logits).all():
        raise NotFinite("calibration: a logit is NaN or infinite", hint="train with a lower learning rate")
    kinds = np.unique(targets)
    if len(kinds) < 2:
        which = f"all {len(targets):,} genes are {CLASSES[int(kinds[0])]}" if len(kinds) else "there is no gene"
        raise OneClass(f"calibration: {which}", hint="keep genes of both classes for it")
    return logits, targets == 1


def _number_or_knots(value: object) -> object:
    """Read one field of a calibration."""
    if isinstance(value, list):
        return tuple(float(item) for item in value)
    return value if isinstance(value, str) else float(value)  # type: ignore[arg-type]
