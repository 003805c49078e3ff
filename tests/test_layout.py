"""Named tuples on flat buffers, and what ties them to an explorer's labels."""

import ast
from collections import namedtuple
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import lib
from lib.compiler.jit import kernel
from lib.compiler.layout import outputs, place, read, record, take
from lib.widgets.experiment import PRIMARY, Guide, Handle, Messages, Ordered, Preset
from lib.widgets.experiments import EXPERIMENTS

Controls = record("Controls", rate=float, count=int)
Outputs = outputs("Outputs", slope=(1,), curve=(2, 3))
SCRATCH = Outputs.size
Scratch = namedtuple("Scratch", "vector matrix end")


@kernel
def layout(c, work):
    vector, at = take(work, SCRATCH, (c.count,))
    matrix, at = take(work, at, (c.count, 2))
    return Scratch(vector, matrix, at)


@kernel
def fill(p, work):
    c, out = read(Controls, p), place(Outputs, work)
    s = layout(c, work)
    out.slope[0] = c.rate
    out.curve[1, 2] = 2.0
    s.vector[0] = 3.0
    s.matrix[c.count - 1, 1] = 4.0
    return s.end


@kernel
def end(p):
    return layout(read(Controls, p), p).end


def test_the_parts_of_a_buffer_follow_each_other():
    work = np.zeros(13)
    assert fill(np.array([0.5, 2.0]), work) == 13
    assert (work == [0.5, 0, 0, 0, 0, 0, 2, 3, 0, 0, 0, 0, 4]).all()


def test_a_layout_that_no_memory_holds_has_a_size():
    assert end(np.array([0.5, 1e11])) == 7 + 3 * 10**11


@pytest.mark.parametrize("name", sorted(EXPERIMENTS))
@pytest.mark.parametrize("kind", ["controls", "readouts", "curves", "panels"])
def test_two_exchanged_labels_are_an_error(name, kind):
    experiment = EXPERIMENTS[name]
    if len(getattr(experiment, kind)) < 2:
        pytest.skip(f"{name} has fewer than two {kind}")
    first, second, *others = getattr(experiment, kind)
    with pytest.raises(
        ValueError, match=f"experiment '{name}': place .* is '.*', but what is shown is '{second.name}'"
    ):
        replace(experiment, **{kind: (second, first, *others)})


def test_a_curve_of_another_length_is_an_error():
    experiment = EXPERIMENTS["linear"]
    longer = replace(experiment.curves[0], points=162)
    with pytest.raises(ValueError, match=r"'exact' has shape \(2, 161\) in Outputs; must be \(2, 162\)"):
        replace(experiment, curves=(longer, *experiment.curves[1:]))


def test_a_panel_of_another_size_or_of_no_curve_is_an_error():
    experiment = EXPERIMENTS["linear"]
    (panel,) = experiment.panels
    with pytest.raises(ValueError, match=r"'level_errors' has shape \(162, 1, 30\) in Outputs; must be \(162, 1, 29\)"):
        replace(experiment, panels=(replace(panel, columns=panel.columns[1:]),))
    with pytest.raises(ValueError, match=r"'level_errors' has shape .* in Outputs; must be \(26, 1, 30\)"):
        replace(experiment, panels=(replace(panel, along="sgd"),))
    with pytest.raises(ValueError, match="Panel.along names 'flow', which is not one of"):
        replace(experiment, panels=(replace(panel, along="flow"),))


def test_a_whole_number_needs_a_control_that_has_only_those():
    experiment = EXPERIMENTS["linear"]
    levels = replace(experiment.controls[1], choices=(1.0, 2.5))
    with pytest.raises(ValueError, match="control 'levels' is a whole number in Controls"):
        replace(experiment, controls=(experiment.controls[0], levels, *experiment.controls[2:]))


@pytest.mark.parametrize("name", sorted(EXPERIMENTS))
def test_few_controls_are_shown_first_and_one_read_out_is_the_headline(name):
    experiment = EXPERIMENTS[name]
    folded = [control.name for control in experiment.controls if control.more]
    assert len(experiment.controls) - len(folded) <= PRIMARY
    assert {control.name for control in experiment.controls} & {"N", "copies", "runs", "seed"} <= set(folded)
    assert sum(readout.headline for readout in experiment.readouts) == 1
    with pytest.raises(ValueError, match=f"experiment '{name}': the headlines are .*; must be one read-out"):
        replace(experiment, readouts=tuple(replace(readout, headline=False) for readout in experiment.readouts))
    if folded:
        with pytest.raises(ValueError, match=f"experiment '{name}': the controls .*, {folded[-1]}.* at most 5"):
            replace(experiment, controls=tuple(replace(control, more=False) for control in experiment.controls))


@pytest.mark.parametrize(
    "change, kind, wrong",
    [
        ({"guides": (Guide("nothing", "law", ""),)}, "Guide.number", "nothing"),
        ({"guides": (Guide("law_slope", "slope", ""),)}, "Guide.curve", "slope"),
        ({"guides": (Guide("law_slope", "law", "", when=("law", (0.0,))),)}, "when", "law"),
        ({"handles": (Handle(("eta", "exact"), ""),)}, "Handle.controls", "exact"),
        ({"handles": (Handle(("eta",), "", unit="law"),)}, "Handle.unit", "law"),
        ({"handles": (Handle(("eta",), "", place="eta"),)}, "Handle.place", "eta"),
        ({"ordered": (Ordered("eta", "rho"),)}, "Ordered", "rho"),
        ({"presets": (Preset("first", "", "", {"gamma": 1.0}, bool),)}, "Preset 'first'", "gamma"),
    ],
)
def test_what_names_something_that_is_not_there_is_an_error(change, kind, wrong):
    with pytest.raises(ValueError, match=f"experiment 'linear': {kind} names '{wrong}', which is not one of"):
        replace(EXPERIMENTS["linear"], **change)


def test_the_error_of_a_read_out_is_a_read_out():
    experiment = EXPERIMENTS["spectrum"]
    beta = replace(experiment.readouts[0], error="measured")
    with pytest.raises(ValueError, match="Readout.error names 'measured'"):
        replace(experiment, readouts=(beta, *experiment.readouts[1:]))


def test_messages_are_numbered_by_their_kind():
    class Message(Messages):
        LARGE = "notice", "large"
        WRONG = "error", "wrong"
        LATE = "notice", "late"
        LOST = "error", "lost"
        LAST = "notice", "last"

    assert [message.value for message in Message] == [1.0, -1.0, 2.0, -2.0, 4.0]  # sums of notices are distinct
    with pytest.raises(ValueError, match="kind = 'warning': must be 'notice' or 'error'"):

        class Other(Messages):
            ODD = "warning", "odd"


def test_no_function_of_lib_takes_more_than_eight_positional_arguments():
    """Beyond eight, nobody sees at the call which number is which: a tuple or names say it."""
    many = []
    for path in sorted(Path(lib.__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and len(node.args.posonlyargs + node.args.args) > 8:
                many.append(f"{path.name}: {node.name}")
    assert many == []
