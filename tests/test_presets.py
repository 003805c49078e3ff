"""Presets: each opens, draws, and shows what its text says; cards, menu and notes are one list."""

import re

import pytest

from lib import realdata
from lib.widgets import explore
from lib.widgets.experiments import EXPERIMENTS

PRESETS = [
    pytest.param(
        name,
        preset,
        id=f"{name}-{preset.name}",
        marks=pytest.mark.slow("up to a minute each: their simulations run to the end") if preset.card else (),
    )
    for name, experiment in EXPERIMENTS.items()
    for preset in experiment.presets
]


@pytest.fixture(scope="module")
def data():
    """The data of the chapters' explorers, by experiment."""
    return {
        "spectrum": realdata.image_patches(16, "flower"),
        "realdata": realdata.image_patches(16, "flower", samples=20_000),
    }


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_explorer_has_three_to_six_presets_of_different_states(name):
    experiment = EXPERIMENTS[name]
    assert 3 <= len(experiment.presets) <= 6
    for part in ("title", "text"):
        assert len({getattr(preset, part) for preset in experiment.presets}) == len(experiment.presets)
    states = [tuple(experiment.state(preset.name).values()) for preset in experiment.presets]
    assert len(set(states)) == len(states)  # the menu says which one is shown


@pytest.mark.parametrize("name, preset", PRESETS)
def test_a_preset_shows_what_it_says(name, preset, data):
    explorer = explore(name, data=data.get(name))
    explorer.preset(preset.name)  # refuses what is out of range
    result = explorer.result
    assert preset.holds(result.readouts, result.curves)
    named = set(re.findall(r"\{(\w+)\}", preset.text))
    assert named <= set(explorer._finished().words())
    assert len(re.findall(r"[.!?](?:\s|$)", preset.text)) <= 3 and len(preset.text) < 300
    assert explorer.figure().axes


def test_a_preset_is_asked_for_by_name_and_named_in_the_help():
    explorer = explore("linear", eta=1.0)
    explorer.preset("divergence")
    assert explorer._values() == EXPERIMENTS["linear"].state("divergence") and explorer.eta == 2.1
    assert 'explorer.preset("divergence")' in type(explorer).__doc__
    with pytest.raises(ValueError, match=r"^the explorer 'linear' has no preset 'nothing'; it has exponent, "):
        explorer.preset("nothing")
    assert explorer.eta == 2.1


def test_up_to_three_states_are_pinned_and_removed_one_by_one():
    explorer = explore("linear")
    for beta in (0.5, 1.0, 1.0, 2.0):  # the second time it is pinned already
        explorer.beta = beta
        explorer.pin()
    assert [state["beta"] for state in explorer.pins] == [0.5, 1, 2]
    explorer.beta = 3
    with pytest.raises(ValueError, match="^3 states are pinned already: unpin one"):
        explorer.pin()
    explorer.unpin(2)
    assert [state["beta"] for state in explorer.pins] == [0.5, 2]
    with pytest.raises(ValueError, match="^number = 3: must be one of the 2 pinned states, from 1$"):
        explorer.unpin(3)
    explorer.pins[0]["beta"] = 9  # a copy
    assert explorer.pins[0]["beta"] == 0.5
