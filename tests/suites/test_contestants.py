"""Options of models in a benchmark, and their size on a set."""

import pytest

from kanseq.errors import BadOption
from kanseq.geometry import Geometry
from kanseq.suites.contestants import Entry, make_entries


def test_options_reach_the_models_that_have_them():
    texts = ["grid=10", "legnet.kernel=7", "epochs=4", "kan-mixer.learning-rate=0.01", "legnet-lkan.order=2"]
    entries = {one.name: one for one in make_entries(["legnet", "legnet-lkan", "kan-mixer", "gc"], texts)}
    assert entries["legnet"].options == {"kernel": "7"}
    assert entries["legnet-lkan"].options == {"grid": "10", "order": "2"}
    assert entries["kan-mixer"].options == entries["gc"].options == {}
    assert entries["kan-mixer"].settings == {"epochs": 4, "learning_rate": 0.01}
    assert entries["legnet"].settings == {"epochs": 4}


def test_networks_with_widths_to_choose_are_matched_in_size():
    entries = make_entries(["legnet", "kan-words", "gc"], parameters=50_000)
    legnet, words, gc = (one.on(Geometry.plain(101), 2) for one in entries)
    assert abs(legnet.cost.parameters - 50_000) < 1_500
    assert list(legnet.options) == ["widths"]
    assert words.options == {}
    assert gc.cost is None


def test_several_classes_have_one_output_each():
    two, nine = (Entry("legnet", "legnet", {"widths": "8,6"}, {}).on(Geometry.plain(40), count) for count in (2, 9))
    # Seven more rows of six weights and one bias.
    assert nine.cost.parameters - two.cost.parameters == 7 * 7


@pytest.mark.parametrize(
    ("models", "options", "message"),
    [
        ([], [], "name each model once"),
        (["legnet", "legnet"], [], "name each model once"),
        (["lagnet"], [], "no model is called 'lagnet'"),
        (["legnet"], ["kernel"], r"--set kernel; use \[MODEL.\]KEY=VALUE; the models are legnet"),
        (["legnet"], ["mlp.hidden=3"], r"--set mlp.hidden=3; use \[MODEL.\]KEY=VALUE; the models are legnet"),
        (["legnet"], ["hidden=3"], "--set hidden=3: no model has an option 'hidden'"),
        (["legnet", "mlp"], ["legnet.hidden=3"], "--set legnet.hidden=3: legnet has no option 'hidden'"),
        (["legnet"], ["epochs=many"], "option '--set epochs' is 'many'; int is required"),
        (["legnet"], ["schedule=triangle"], "schedule 'triangle' is unknown"),
        (["legnet"], ["tune=no"], "no model has an option 'tune'"),
    ],
)
def test_unknown_models_and_options_are_refused(models, options, message):
    with pytest.raises(BadOption, match=message):
        make_entries(models, options)
