"""``kanseq tune``."""

from typing import Any

import typer

from kanseq.cli.options import show
from kanseq.cli.specified import with_options_of
from kanseq.specification.training import TuneSpec


@with_options_of(TuneSpec)
def tune(given: dict[str, Any], as_json: bool) -> None:
    """Search hyper-parameters inside one fold's training genes; several calls may search in one folder at once.

    The options of the optimisation are those of kanseq train, which takes the best trial's by --config.

    Example: kanseq tune genes.parquet --labels labels.tsv --splits splits.tsv --holdout 1
    --search learning_rate=1e-3..1e-2:log --search weight_decay=500..8000:log -o tuning/
    """
    from kanseq import api

    show(api.tune(**given), as_json)


def add_to(app: typer.Typer) -> None:
    """Register the verb."""
    app.command("tune")(tune)
