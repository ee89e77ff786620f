"""``kanseq tune``."""

from typing import Any

import typer

from kanseq.cli.options import show
from kanseq.cli.specified import with_options_of
from kanseq.specification.training import TuneSpec


@with_options_of(TuneSpec)
def tune(given: dict[str, Any], as_json: bool) -> None:
    """Search for good hyper-parameters on the training genes of one fold.

    Several processes can add trials to the same search folder. Use kanseq train --config tuning/best.yaml to train with
    the best values.

    Example: kanseq tune genes.parquet --labels labels.tsv --splits splits.tsv --holdout 1
    --search learning_rate=1e-3..1e-2:log --search weight_decay=500..8000:log -o tuning/
    """
    from kanseq import api

    show(api.tune(**given), as_json)


def add_to(app: typer.Typer) -> None:
    """Register the command with the program."""
    app.command("tune")(tune)
