"""The ranges of hyper-parameters that a search varies.

In: text such as ``learning_rate=1e-4..1e-2:log``. Out: checked ranges, and values that the sampler chooses from them.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import TYPE_CHECKING, get_type_hints

from kanseq.errors import BadOption
from kanseq.models.architecture import Architecture
from kanseq.models.registry import Value, option_types, parse_option
from kanseq.specification.optimisation import Settings, searchable

if TYPE_CHECKING:
    from optuna import Trial

OPTIMISATION = searchable()
"""Names of the optimisation settings that can be searched, if the architecture uses them."""

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_RANGE = re.compile(rf"({_NUMBER})\.\.({_NUMBER})(?::(log|{_NUMBER}))?")


@dataclass(frozen=True)
class Range:
    """The values of one hyper-parameter that a search may try: a list, or an interval.

    Attributes:
        name: name of the hyper-parameter.
        choices: the values of a list; empty for an interval.
        low, high: the smallest and the largest value of an interval.
        step: distance between values in an interval; None if there is no fixed distance.
        log: whether values of an interval are sampled on a logarithmic scale.
        of_model: whether the hyper-parameter belongs to the model; otherwise it is an optimisation setting.
    """

    name: str
    choices: tuple[Value, ...] = ()
    low: int | float = 0
    high: int | float = 0
    step: int | float | None = None
    log: bool = False
    of_model: bool = True

    @classmethod
    def read(cls, text: str) -> "Range":
        """Parse ``NAME=LOW..HIGH``, ``NAME=LOW..HIGH:log``, ``NAME=LOW..HIGH:STEP`` or ``NAME=VALUE,VALUE``.

        >>> Range.read("channels=32..128:32")
        Range(name='channels', choices=(), low=32, high=128, step=32, log=False, of_model=True)
        >>> Range.read("decay=coupled,decoupled").choices
        ('coupled', 'decoupled')

        Raises:
            BadOption: the text has none of these forms, or the range is empty.
        """
        name, equals, listed = text.partition("=")
        if not (name.strip() and equals and listed.strip()):
            raise BadOption(f"--search {text}: expected NAME=LOW..HIGH or NAME=VALUE,VALUE")
        name, listed = name.strip().replace("-", "_"), listed.strip()
        found = _RANGE.fullmatch(listed)
        if found is None:
            if ".." in listed:
                raise BadOption(
                    f"--search {text}: this is not a range", hint="write LOW..HIGH, LOW..HIGH:log or LOW..HIGH:STEP"
                )
            choices = tuple(_value(one.strip()) for one in listed.split(","))
            if len(set(choices)) < len(choices) or "" in choices:
                raise BadOption(f"--search {text}: a value is empty or listed twice")
            return cls(name, choices)
        low, high = _value(found[1]), _value(found[2])
        assert isinstance(low, int | float)
        assert isinstance(high, int | float)
        log, step = found[3] == "log", _value(found[3]) if found[3] not in (None, "log") else None
        if not low < high or (log and low <= 0) or (step is not None and not 0 < step <= high - low):  # type: ignore[operator]
            raise BadOption(f"--search {text}: expected LOW < HIGH, for log also 0 < LOW, and 0 < STEP <= HIGH - LOW")
        return cls(name, (), low, high, step, log)  # type: ignore[arg-type]

    def of(self, kind: Architecture) -> "Range":
        """Return the range for an architecture, with values converted to the hyper-parameter's type.

        Raises:
            BadOption: the architecture has no such hyper-parameter or setting, or the values are not allowed.
        """
        own = {field.name for field in fields(kind.config) if "help" in field.metadata}
        others = tuple(filter(kind.takes, OPTIMISATION))
        if self.name not in {*own, *others}:
            raise BadOption(
                f"--search {self}: '{kind.name}' has no hyper-parameter '{self.name}'",
                hint=f"it has {', '.join(sorted({*own, *others}))}",
            )
        # If model and optimisation both have this name, it refers to the model: some estimators have a learning rate.
        of_model = self.name in own
        kind_of_value = (option_types(kind.config) if of_model else get_type_hints(Settings))[self.name]
        read = partial(parse_option, self.name, kind_of_value)
        if self.choices:
            return replace(self, choices=tuple(map(read, self.choices)), of_model=of_model)
        low, high, step = read(self.low), read(self.high), None if self.step is None else read(self.step)
        if any(isinstance(number, bool | str) for number in (low, high)):
            raise BadOption(f"--search {self}: this is not a number", hint=f"list values: {self.name}=VALUE,VALUE")
        return replace(self, low=low, high=high, step=step, of_model=of_model)

    def suggest(self, trial: "Trial") -> Value:
        """Return the value that an Optuna trial suggests for this hyper-parameter."""
        if self.choices:
            return trial.suggest_categorical(self.name, self.choices)
        if isinstance(self.low, int) and isinstance(self.high, int):
            return trial.suggest_int(self.name, self.low, self.high, step=self.step or 1, log=self.log)  # type: ignore[arg-type]
        return trial.suggest_float(self.name, self.low, self.high, step=self.step, log=self.log)

    def __str__(self) -> str:
        """Return the range as text that :meth:`read` can parse."""
        if self.choices:
            return f"{self.name}={','.join(map(str, self.choices))}"
        how = ":log" if self.log else "" if self.step is None else f":{self.step}"
        return f"{self.name}={self.low}..{self.high}{how}"


def read_ranges(texts: Sequence[str]) -> list[Range]:
    """Parse all ranges of a search, see :meth:`Range.read`.

    Raises:
        BadOption: ``texts`` is empty, a range is invalid, or two ranges have the same name.
    """
    ranges = [Range.read(text) for text in texts]
    if not ranges:
        raise BadOption("nothing to search", hint="use --search, such as --search learning_rate=1e-4..1e-2:log")
    names = [each.name for each in ranges]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise BadOption(f"--search {twice[0]}: specified twice")
    return ranges


def _value(text: str) -> int | float | str:
    """Parse an integer or a float; return any other text unchanged."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return text
