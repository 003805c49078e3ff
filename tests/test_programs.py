"""Programs that explorers show, for every menu and at the ends of every range, filled in by Python and by a page."""

import ast
import inspect
import re

import numpy as np
import pytest

import lib
from lib.widgets import explore
from lib.widgets.experiments import EXPERIMENTS
from lib.widgets.run import filled

# The user interface with a host that answers everything by ones: the picture is not the question.
SHOWN = """async ({ module, spec, values }) => {
  const { default: widget } = await import(URL.createObjectURL(new Blob([module], { type: "text/javascript" })));
  const size = spec.output_size;
  let hear;
  const model = { get: (name) => name === "_spec" ? spec : values[name], set() {}, save_changes() {}, off() {},
    on(event, listener) { if (event === "msg:custom") hear = listener; },
    send(message) {
      if (message.do !== "start") return;
      const output = new DataView(new Float64Array(size).fill(1).buffer);
      setTimeout(() => hear({ values: message.values, status: 0, fraction: 1 }, [output])); // no host answers at once
    } };
  const el = document.body.appendChild(document.createElement("div"));
  const drawn = new Promise((done) => el.addEventListener("explorer:drawn", done, { once: true }));
  setTimeout(() => widget.render({ model, el }));
  await drawn;
  const text = el.querySelector("code").textContent;
  el.remove();
  return text;
}"""


def program(explorer):
    """The text under "Python that gives this", filled in by Python; the last test compares it with that of a page."""
    named = {
        control.name: dict(zip(control.choices, control.choice_labels)) for control in explorer._experiment.controls
    }
    values = {name: str(named[name].get(value, value)) for name, value in explorer._values().items()}
    return filled(explorer._experiment.python, values | {"data": explorer._spec["source"]})


def end_states(name):
    """(control, value) for all choices of every control, or the ends of its range."""
    for control in EXPERIMENTS[name].controls:
        for value in control.choices or (control.minimum, control.maximum):
            yield control, value


def uncommented(text):
    """With what is commented out for its length, which must be Python too."""
    return re.sub("^# ", "", text, flags=re.MULTILINE)


def programs(browser, *explorers):
    """The same text of each explorer, as a browser shows it."""
    page = browser.new_page()
    problems = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    module = explorers[0]._esm
    texts = [
        page.evaluate(SHOWN, {"module": module, "spec": explorer._spec, "values": explorer._values()})
        for explorer in explorers
    ]
    page.close()
    assert not problems
    return texts


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_program_is_python_with_the_values_of_its_controls(name):
    """One control after the other takes all its choices, or the ends of its range."""
    for control, value in end_states(name):
        text = program(explore(name, **{control.name: value}))
        assert not re.search(r"\{\w+(!\w)?\}", text), text
        tree = ast.parse(uncommented(text))
        if "{" + control.name + "}" in EXPERIMENTS[name].python:
            shown = dict(zip(control.choices, control.choice_labels)).get(value, value)
            numbers = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
            assert (-shown if control.minimum < 0 and shown < 0 else shown) in numbers, text  # a sign is an operator


# States besides the defaults: other menus, and values that a program might take for granted.
OTHERS = {
    "asymptotics": [
        {"units": 3, "beta": 0.5, "levels": 64, "alignment": 1.0, "N": 256},
        {"show": 2, "sigma_J": 0.0, "seed": 5},
    ],
    "crossover": [{"levels": 16, "sigma_J": 1.0, "alpha_max": 10.0}],
    "features": [{"compute": 1, "levels": 16, "learned": 64, "sigma_J": 1.0}],
    "flow": [
        {"activation": 1, "students": 3, "teachers": 1, "levels": 1, "seed": 7},
        {"sigma_J": 0.01, "N": 4096, "runs": 1},
    ],
    "linear": [{"students": 3, "teachers": 2, "beta": 0.5, "levels": 64, "eta": 2.5, "alpha_max": 1.0}],
    "mitigation": [{"activation": 0, "units": 2, "count": 1, "power": 1.0, "levels": 16}],
    "phases": [{"beta": -0.3, "tau": 1.8, "largest": 1024, "ratio": 2, "rate": 0.1, "features": 8}, {"tau": -1.0}],
    "planning": [{"noise": 0.1, "compute": 0.5, "levels": 16}],
    "plateau": [{"students": 3, "teachers": 3, "levels": 64, "N": 64, "eta": 1.0, "alpha_max": 100.0, "runs": 2}],
    "realdata": [{"picture": 1, "copies": 1, "first": 8, "last": 40, "eta": 0.5, "sigma_J": 1.0}],
    "retrieval": [{"beta": 0.5, "levels": 1, "sigma_J": 1.0, "eta": 0.16}, {"eta": 0.2, "alpha_max": 1.0}],
    "rich": [{"output": 1.0, "beta": 0.5, "tau": -0.5, "levels": 64}, {"tau": 2.0, "ratio": 100.0, "alpha_max": 1e9}],
    "spectrum": [{"first": 8, "last": 40}],
    "staircase": [{"gamma": 0.4, "width": 8, "s_0": 0.1}, {"beta": 1.0, "directions": 1, "show": 1, "skill": 4}],
    "tasks": [{"tau": -1.0, "beta": 0.5, "levels": 64}, {"tau": 4.0, "eta": 2.5, "levels": 16}],
}
MEASURED = 1.0 / np.arange(1.0, 81.0) ** 1.5 * (1.0 + 0.1 * np.cos(np.arange(80)))


def test_every_explorer_has_states_to_test():
    missing = set(EXPERIMENTS) - set(OTHERS)
    assert not missing, f"explorers without a test: add states of {', '.join(sorted(missing))} to OTHERS"


def first_time_only(train):
    """The same function, called with the same arguments, that stops at the first time it is asked for."""
    signature = inspect.signature(train)

    def shortened(*args, **kwargs):
        call = signature.bind(*args, **kwargs)
        call.arguments["alpha"] = np.asarray(call.arguments["alpha"])[:1]
        return train(*call.args, **call.kwargs)

    return shortened


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_program_runs_as_it_is_copied(monkeypatch, name):
    """With no names but its own, what is commented out too; SGD, the long part, stops at its first time."""
    monkeypatch.setattr(lib, "simulate", first_time_only(lib.simulate))
    monkeypatch.setattr(lib.mitigation, "train", first_time_only(lib.mitigation.train))
    data = {"data": MEASURED} if "{data}" in EXPERIMENTS[name].python else {}
    for state in ({}, *OTHERS[name]):
        explorer, names = explore(name, **data, **state), {}
        exec(uncommented(program(explorer)), names)
        if data:
            fit = names.get("fit") or names["s"].fit((explorer.first, explorer.last))
            assert fit.beta == pytest.approx(explorer.result.readouts["beta"], rel=1e-6)
            np.testing.assert_allclose(
                np.sort(explorer.data), np.sort(names.get("spectrum", names.get("s")).eigenvalues), rtol=1e-9
            )


def test_the_book_says_where_its_measured_spectra_come_from():
    """The expressions that the chapters give as source are Python that gives the very data."""
    given = lib.Spectrum.from_data(lib.realdata.image_patches(16, "flower", samples=2_000))
    source = 'lib.Spectrum.from_data(lib.realdata.image_patches(16, "flower", samples=2_000))'
    for name in ("spectrum", "realdata"):
        text = program(explore(name, data=given if name == "realdata" else given.eigenvalues, source=source, last=64))
        names = {}
        exec(text.split("s.fit")[0].split("fit =")[0], names)
        np.testing.assert_array_equal(names.get("spectrum", names.get("s")).eigenvalues, given.eigenvalues)


@pytest.mark.parametrize("changed", [{}, {"activation": 0, "units": 2, "power": 1.0, "seed": 5, "alpha_max": 8.5}])
def test_the_program_of_the_whitening_gives_its_flows(changed):
    explorer = explore("mitigation", **({"levels": 8, "N": 64, "runs": 1, "sigma_J": 0.5} | changed))
    text = program(explorer)
    result = explorer.result
    before, after = re.split("^alpha = .*$", text, flags=re.MULTILINE)
    names = {"alpha": result["plain"].x}
    exec(before + after, names)
    for name in ("plain", "partial"):  # the picture's flow is good to 1e-5 a step, and takes at most some hundred
        np.testing.assert_allclose(names[name].eps_g, result[name].y, rtol=1e-3)
    assert names["sgd"].eps_g.shape == (1, 11)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_a_page_fills_in_the_same_program_as_python(browser, name):
    """Up to the way a number is written: 0.00001 there, 1e-05 here."""
    explorers = [explore(name, **{control.name: value}) for control, value in end_states(name)]
    explorers += [explore(name, data=MEASURED) for _ in range("{data}" in EXPERIMENTS[name].python)]
    for explorer, shown in zip(explorers, programs(browser, *explorers)):
        ours = program(explorer)
        assert ast.dump(ast.parse(uncommented(shown))) == ast.dump(ast.parse(uncommented(ours)))
        assert re.findall("^# ?", shown, re.MULTILINE) == re.findall("^# ?", ours, re.MULTILINE)
