"""Calibrate probabilities, and learn the decision threshold for calling a gene high.

In: logits and classes of genes that are neither training genes nor test genes. Out: a :class:`Calibration`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TypedDict

import numpy as np
from scipy.special import expit

from kanseq.errors import BadOption, ModelMismatch, NotFinite, OneClass
from kanseq.specification.learning import CALIBRATIONS
from kanseq.tasks.task import CLASSES

THRESHOLD = 0.5
"""Decision threshold if none was learned."""

EQUAL = 1e-12
"""Differences smaller than this are treated as rounding errors."""

STEPS, TOLERANCE = 100, 1e-10
"""Maximum number of Newton steps, and the gradient per gene below which the iteration stops."""


@dataclass(frozen=True)
class Calibration:
    """Calibration and decision threshold of a model: convert its logits to probabilities and calls.

    Attributes:
        kind: one of :data:`CALIBRATIONS`.
        threshold: genes with at least this probability are called high.
        slope, intercept: for ``platt``: the probability is ``1 / (1 + exp(-(slope · logit + intercept)))``.
        logits, probabilities: for ``isotonic``: the knots of the curve from logits to probabilities, both ascending;
            the curve is linear between knots and constant outside.
    """

    kind: str = "none"
    threshold: float = THRESHOLD
    slope: float = 1.0
    intercept: float = 0.0
    logits: tuple[float, ...] = ()
    probabilities: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Check that the kind is known and that only ``isotonic`` has knots."""
        knots = len(self.logits) == len(self.probabilities) and (len(self.logits) > 0) == (self.kind == "isotonic")
        if self.kind not in CALIBRATIONS or not knots:
            raise ModelMismatch(f"a calibration of kind '{self.kind}' with {len(self.logits)} knots is not valid")

    def probability(self, logits: np.ndarray) -> np.ndarray:
        """Return the probability of ``high``, float64 in the shape of ``logits`` and non-decreasing with the logit.

        >>> Calibration("platt", slope=2.0, intercept=0.0).probability(np.array([0.0, np.log(3) / 2])).round(6).tolist()
        [0.5, 0.75]
        """
        logits = np.asarray(logits, dtype=np.float64)
        if self.kind == "isotonic":
            return np.interp(logits, self.logits, self.probabilities)
        return expit(self.slope * logits + self.intercept)

    def called(self, logits: np.ndarray) -> np.ndarray:
        """Return whether each gene is called high, bool of the shape of ``logits``."""
        return self.probability(logits) >= self.threshold

    def to_json(self) -> dict[str, object]:
        """Return the fields that this kind of calibration uses, for a model file."""
        required = {"platt": ("slope", "intercept"), "isotonic": ("logits", "probabilities")}.get(self.kind, ())
        fields = {name: value for name, value in asdict(self).items() if name in ("kind", "threshold", *required)}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in fields.items()}

    @classmethod
    def from_json(cls, fields: Mapping[str, object]) -> "Calibration":
        """Build a calibration from the fields that :meth:`to_json` returns.

        Raises:
            ModelMismatch: the kind is unknown, or fields are missing or invalid.
        """
        try:
            return cls(**{name: _number_or_knots(value) for name, value in fields.items()})  # type: ignore[arg-type]
        except (TypeError, ValueError) as error:
            raise ModelMismatch(
                "the calibration of the model is damaged", hint="train it again, or use the version that wrote it"
            ) from error


def fit_calibration(
    kind: str,
    logits: Sequence[float] | np.ndarray,
    targets: Sequence[int] | np.ndarray,
    *,
    threshold: bool | None = None,
) -> Calibration:
    """Learn a calibration and a decision threshold for a model, from genes that it was not fitted to.

    ``platt`` fits slope and intercept of a logistic curve by Newton's method (Lin, Lin & Weng 2007, Machine Learning
    68:267). Targets are smoothed as in Platt (1999): ``(n1 + 1) / (n1 + 2)`` for the ``n1`` high genes and
    ``1 / (n0 + 2)`` for the ``n0`` low genes. A negative slope would reverse the ranking of the genes, and is replaced
    with 0. ``isotonic`` fits isotonic regression (Zadrozny & Elkan 2002), with probabilities limited to
    ``[1 / (n + 2), (n + 1) / (n + 2)]`` for ``n`` genes. The log-loss of a gene is therefore never infinite.

    Args:
        kind: one of :data:`CALIBRATIONS`.
        logits: ``(n,)`` float, in any order.
        targets: ``(n,)``, 0 (low) or 1 (high). Both must occur, unless neither a calibration nor a threshold is
            learned.
        threshold: whether to learn the threshold on the same genes, see :func:`best_threshold`. By default it is
            learned unless ``kind`` is ``none``.

    Raises:
        BadOption: the kind is unknown.
        OneClass: the targets are all low or all high.
        NotFinite: a logit is NaN or infinite.
    """
    if kind not in CALIBRATIONS:
        raise BadOption(f"calibration '{kind}' is unknown", hint=f"choose {', '.join(CALIBRATIONS)}")
    learns_threshold = kind != "none" if threshold is None else threshold
    if kind == "none" and not learns_threshold:
        return Calibration()
    logits, is_high = _checked(logits, targets)
    # Sort the genes, so that sums are bitwise the same for any order of the input.
    order = np.lexsort((is_high, logits))
    logits, is_high = logits[order], is_high[order]
    found = Calibration(kind, **_FITS[kind](logits, is_high))  # type: ignore[arg-type]
    return replace(found, threshold=best_threshold(found.probability(logits), is_high)) if learns_threshold else found


def best_threshold(probabilities: np.ndarray, targets: np.ndarray) -> float:
    """Return the decision threshold on probabilities that has the highest MCC (Matthews correlation coefficient).

    Genes with probabilities at or above the threshold are called high; ``targets`` are 0 and 1. Candidates are the
    midpoints between neighbouring probabilities; if 0.5 is between two neighbours, it replaces their midpoint. Of
    equally good thresholds, the nearest to 0.5 is returned (of two at the same distance, the lower one). If no
    threshold has a positive MCC, 0.5 is returned.

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
    # Numbers of high and of low genes below each candidate threshold.
    missed, true_low = np.cumsum(highs)[:-1], np.cumsum(lows)[:-1]
    true_high, false_high = highs.sum() - missed, lows.sum() - true_low
    scale = (true_high + false_high) * (missed + true_low) * highs.sum() * lows.sum()
    mcc = (true_high * true_low - false_high * missed) / np.sqrt(np.where(scale > 0, scale, np.inf))
    # The MCC is 0 if all genes get the same call.
    if not len(cuts) or mcc.max() <= EQUAL:
        return THRESHOLD
    best = cuts[mcc >= mcc.max() - EQUAL]
    return float(best[np.argmin(np.round(np.abs(best - THRESHOLD), 12))])


class _Curve(TypedDict):
    """Parameters of Platt scaling."""

    slope: float
    intercept: float


class _Steps(TypedDict):
    """Parameters of isotonic regression."""

    logits: tuple[float, ...]
    probabilities: tuple[float, ...]


def _platt(logits: np.ndarray, is_high: np.ndarray) -> _Curve:
    """Fit Platt scaling, a logistic curve from logits to smoothed targets; see :func:`fit_calibration`."""
    highs = int(is_high.sum())
    targets = np.where(is_high, (highs + 1) / (highs + 2), 1 / (len(logits) - highs + 2))
    centre, spread = float(logits.mean()), float(logits.std())
    flat = _Curve(slope=0.0, intercept=float(np.log(targets.mean() / (1 - targets.mean()))))
    if spread <= EQUAL * max(1.0, abs(centre)):
        return flat
    inputs = np.stack([(logits - centre) / spread, np.ones(len(logits))])
    weights = np.array([0.0, flat["intercept"]])
    loss = _log_loss(weights @ inputs, targets)
    for _ in range(STEPS):
        probability = expit(weights @ inputs)
        gradient = inputs @ (probability - targets)
        if np.abs(gradient).max() <= TOLERANCE * len(logits):
            break
        hessian = (inputs * (probability * (1 - probability))) @ inputs.T + EQUAL * np.eye(2)
        step = np.linalg.solve(hessian, gradient)
        # Take the full Newton step, or halve it until the loss decreases.
        for tried in (weights - step / 2**halved for halved in range(40)):
            if (now := _log_loss(tried @ inputs, targets)) < loss:
                weights, loss = tried, now
                break
        else:
            break
    slope = float(weights[0]) / spread
    return _Curve(slope=slope, intercept=float(weights[1]) - slope * centre) if slope > 0 else flat


def _log_loss(logits: np.ndarray, targets: np.ndarray) -> float:
    """Return the cross-entropy between smoothed ``targets`` and ``sigmoid(logits)``, summed over genes."""
    return float(np.sum(np.logaddexp(0.0, logits) - targets * logits))


def _isotonic(logits: np.ndarray, is_high: np.ndarray) -> _Steps:
    """Fit isotonic regression, a non-decreasing curve from logits to probabilities; see :func:`fit_calibration`."""
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
    """Check logits and targets of genes; return the logits as float64, and a mask of the high genes."""
    logits, targets = np.asarray(logits, dtype=np.float64), np.asarray(targets)
    if logits.ndim != 1 or logits.shape != targets.shape:
        raise ValueError(f"logits {logits.shape} and targets {targets.shape}: both must have the shape (n,)")
    if not np.isfinite(logits).all():
        raise NotFinite("calibration: a logit is NaN or infinite", hint="train with a lower learning rate")
    kinds = np.unique(targets)
    if len(kinds) < 2:
        which = f"all {len(targets):,} genes are {CLASSES[int(kinds[0])]}" if len(kinds) else "there is no gene"
        raise OneClass(f"calibration: {which}", hint="calibrate on genes of both classes")
    return logits, targets == 1


def _number_or_knots(value: object) -> object:
    """Convert one JSON field of a calibration: a list to a tuple of floats, a number to float; text is unchanged."""
    if isinstance(value, list):
        return tuple(float(item) for item in value)
    return value if isinstance(value, str) else float(value)  # type: ignore[arg-type]
