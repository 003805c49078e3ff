"""The programs that explorers show: filled in by the page's own code, for every menu and at the ends of every range."""

import ast
import re

import numpy as np
import pytest

from lib.widgets import explore
from lib.widgets.experiments import EXPERIMENTS
from lib.widgets.explorer import _FOLDER

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
      hear({ values: message.values, status: 0, fraction: 1 }, [output]);
    } };
  const el = document.body.appendChild(document.createElement("div"));
  const drawn = new Promise((done) => el.addEventListener("explorer:drawn", done, { once: true }));
  setTimeout(() => widget.render({ model, el }));
  await drawn;
  const text = el.querySelector("code").textContent;
  el.remove();
  return text;
}"""


def programs(browser, *explorers):
    """The text under "Python that gives this" of each explorer, as a browser shows it."""
    page = browser.new_page()
    problems = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    module = (_FOLDER / "explorer.mjs").read_text(encoding="utf-8")
    texts = [page.evaluate(SHOWN, {"module": module, "spec": explorer._spec, "values": explorer._values()})
             for explorer in explorers]
    page.close()
    assert not problems
    return texts


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_program_is_python_with_the_values_of_its_controls(browser, name):
    """One control after the other takes all its choices, or the ends of its range."""
    experiment = EXPERIMENTS[name]
    states = [(control, value) for control in experiment.controls
              for value in control.choices or (control.minimum, control.maximum)]
    texts = programs(browser, *(explore(name, **{control.name: value}) for control, value in states))
    for (control, value), text in zip(states, texts):
        assert not re.search(r"\{\w+(!\w)?\}", text), text
        # what is commented out for its length must be Python too
        tree = ast.parse(re.sub("^# ", "", text, flags=re.MULTILINE))
        if "{" + control.name + "}" in experiment.python:
            shown = dict(zip(control.choices, control.choice_labels)).get(value, value)
            assert shown in [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)], text


@pytest.mark.parametrize("changed", [{}, {"activation": 0, "units": 2, "power": 1.0, "seed": 5, "alpha_max": 8.5}])
def test_the_program_of_the_whitening_gives_its_flows(browser, changed):
    explorer = explore("mitigation", **({"levels": 8, "N": 64, "runs": 1, "sigma_J": 0.5} | changed))
    [text] = programs(browser, explorer)
    result = explorer.result
    before, after = re.split("^alpha = .*$", text, flags=re.MULTILINE)
    names = {"alpha": result["plain"].x}
    exec(before + after, names)
    for name in ("plain", "partial"):  # the picture's flow is good to 1e-5 a step, and takes at most some hundred
        np.testing.assert_allclose(names[name].eps_g, result[name].y, rtol=1e-3)
    assert names["sgd"].eps_g.shape == (1, 11)
