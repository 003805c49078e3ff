"""The explorer's Python side: values, results, the static picture, and its answers to the view."""

import base64
import gzip
import json
import math
import re
import threading
import time
import xml.etree.ElementTree as ElementTree
import zlib
from collections import namedtuple
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
import tree_sitter
import tree_sitter_javascript

import lib
from lib.book import figures, script
from lib.compiler.jit import kernel
from lib.compiler.layout import outputs, place, read, record, take
from lib.widgets import explore, explorer, page, picture
from lib.widgets.experiment import Axis, Control, Curve, Experiment, Messages, Preset, Readout
from lib.widgets.experiments import EXPERIMENTS

# --- An experiment of the tests: a mean of exponentials, a power law, and a noisy measurement --------

POINTS = 60
RUNS = 400

Controls = record("Controls", beta=float, rate=float, terms=int, grain=int, mode=int)
Outputs = outputs(
    "Outputs", exponent=(1,), last=(1,), theory=(2, POINTS), law=(2, POINTS), noisy=(4, POINTS)
)  # fmt: skip
OUTPUT = Outputs.size
Scratch = namedtuple("Scratch", "runs generator sums squares end")


class Message(Messages):
    """What ``decay_start`` may say."""

    ROUGH = "notice", "At η = {rate} the law of exponent {exponent} is rough; see {this}."
    NO_DECAY = "error", "No decay at β = {beta}."


@kernel
def layout(work):
    runs, at = take(work, OUTPUT, (1,))
    generator, at = take(work, at, (1,))
    sums, at = take(work, at, (POINTS,))
    squares, at = take(work, at, (POINTS,))
    return Scratch(runs, generator, sums, squares, at)


@kernel
def decay(c, data, x):
    """Mean of exp(-rate k^-(1 + beta) x) over k = 1..terms, and over the rates in ``data``."""
    total = 0.0
    for k in range(1, c.terms + 1):
        for j in range(max(1, data.shape[0])):
            total += math.exp(-c.rate * (data[j] if data.shape[0] > 0 else 1.0) * k ** -(1.0 + c.beta) * x)
    return total / c.terms / max(1, data.shape[0])


@kernel
def decay_size(p, data):
    return float(layout(p).end)


@kernel
def decay_start(p, data, work):
    c, out, s = read(Controls, p), place(Outputs, work), layout(work)
    if c.beta > 1.9:
        return Message.NO_DECAY.value
    work[:OUTPUT] = math.nan
    for i in range(POINTS):
        x = 10.0 ** (-1.0 + 5.0 * i / (POINTS - 1))
        out.theory[0, i] = out.law[0, i] = out.noisy[0, i] = x
        out.theory[1, i] = decay(c, data, x)
        out.law[1, i] = (1.0 + c.rate * x) ** (-c.beta / (1.0 + c.beta))
    out.exponent[0] = c.beta / (1.0 + c.beta)
    s.runs[0] = 0.0
    s.generator[0] = 12345.0  # Lehmer's, exact in doubles
    s.sums[:] = s.squares[:] = 0.0
    return Message.ROUGH.value if c.rate > 0.9 else 0.0


@kernel
def decay_advance(p, data, work):
    c, out, s = read(Controls, p), place(Outputs, work), layout(work)
    s.runs[0] += 1.0
    runs = s.runs[0]
    for i in range(POINTS):
        noise = 0.0
        for _ in range(c.grain):
            s.generator[0] *= 16807.0
            s.generator[0] -= 2147483647.0 * math.floor(s.generator[0] / 2147483647.0)
            noise += s.generator[0] / 2147483647.0 - 0.5
        y = decay(c, data, out.noisy[0, i]) * math.exp(noise / math.sqrt(c.grain))
        s.sums[i] += y
        s.squares[i] += y * y
        mean = s.sums[i] / runs
        error = math.sqrt(max(0.0, s.squares[i] / runs - mean * mean) / runs)
        out.noisy[1, i], out.noisy[2, i], out.noisy[3, i] = mean, mean - error, mean + error
    out.last[0] = out.noisy[1, POINTS - 1]
    return runs / RUNS


@kernel
def raising_start(p, data, work):
    """Raises at a large rate; keeps its host for about a minute at grain 20000."""
    c = read(Controls, p)
    if c.rate > 0.5:
        raise ValueError("out of its depth")
    x = 0.3
    for _ in range(5_000_000 * (c.grain // 10_000) * 1000):
        x *= 3.9 * (1.0 - x)  # chaotic: nothing of it can be left out
    status = decay_start(p, data, work)
    return status if x > 0.0 else -1.0


@kernel
def raising_advance(p, data, work):
    return 1.0


@kernel
def late_advance(p, data, work):
    """Done at once, with a notice."""
    return 2.0 * Message.ROUGH.value + 1.0


@kernel
def empty_start(p, data, work):
    work[:OUTPUT] = math.nan
    return 0.0


def experiment(name, start=decay_start, advance=decay_advance):
    return Experiment(
        name=name,
        title="Decay <of> a sum & its law",
        x=Axis("time α"),
        y=Axis("error ε_g", limits=(1e-6, 10.0)),
        controls=(
            Control("beta", "β", "exponent", 1.0, 0.1, 2.0),
            Control("rate", "η", "learning rate", 0.1, 1e-3, 1.0, "log"),
            Control("terms", "L", "levels", 32, 1, 64, "integer"),
            Control("grain", "g", "grains", 100, choices=(100, 1000, 20000)),
            Control("mode", "m", "mode", 1, choices=(1, 2), choice_labels=("plain", "fancy")),
        ),
        curves=(
            Curve("theory", "theory", POINTS),
            Curve("law", "power law", POINTS, "dashed", 1),
            Curve("noisy", "simulation", POINTS, "points", 2, band=True),
        ),
        readouts=(Readout("exponent", "exponent of the law", headline=True), Readout("last", "last mean", 4)),
        python='spectrum = {"beta": {beta}}\nlib.decay(beta={beta}, rate={rate}, levels={terms})',
        size=decay_size,
        start=start,
        advance=advance,
        Controls=Controls,
        Outputs=Outputs,
        messages=Message,
        presets=(
            Preset("start", "As it starts", "The last mean is {last} at β = {beta}.", {}, lambda *_: True),
            Preset("steep", "Steep <&>", "At β = {beta} it is {mode}.", {"beta": 1.5, "mode": 2}, lambda *_: True),
        ),
    )


Relief = outputs("Relief", ground=(3, 12), path=(2, 2))


@kernel
def relief_start(p, data, work):
    """A map of 4 columns and 3 rows, of values 10^(column - row - 1), and a line across it."""
    out = place(Relief, work)
    for j in range(3):
        for i in range(4):
            cell = 4 * j + i
            out.ground[0, cell], out.ground[1, cell] = 10.0**i, 2.0**j
            out.ground[2, cell] = 10.0 ** (i - j - 1)
    out.path[0, 0], out.path[0, 1], out.path[1, 0], out.path[1, 1] = 1.0, 1000.0, 1.0, 4.0
    return 0.0


TEST_EXPERIMENTS = {
    "decay": experiment("decay"),
    "raising": experiment("raising", raising_start, raising_advance),
    "empty": experiment("empty", empty_start, raising_advance),
    "relief": replace(
        experiment("relief", relief_start, late_advance),
        y=Axis("levels l"),
        z=Axis("height", limits=(1e-2, 1e2)),
        curves=(Curve("ground", "ground", 12, "map"), Curve("path", "path", 2, color=6)),
        readouts=(),
        Outputs=Relief,
    ),
}
EXPORTS = {
    f"{name}_{part}": (getattr(item, part), f"f8({', '.join(['f8[::1]'] * arrays)})")
    for name, item in TEST_EXPERIMENTS.items()
    for part, arrays in (("size", 2), ("start", 3), ("advance", 3))
}


@pytest.fixture(autouse=True)
def experiments(monkeypatch):
    for name, item in TEST_EXPERIMENTS.items():
        monkeypatch.setitem(explorer.EXPERIMENTS, name, item)


# --- Values ---------------------------------------------------------------------------------------


def test_controls_are_attributes():
    widget = explore("decay", beta=0.7)
    assert (widget.beta, widget.rate, widget.terms) == (0.7, 0.1, 32)
    seen = []
    widget.observe(lambda change: seen.append(change["new"]), "beta")
    widget.beta = 0.5
    widget.terms = np.float64(8.0)
    assert seen == [0.5]
    assert widget.terms == 8 and isinstance(widget.terms, int)


def test_explorers_of_one_experiment_share_their_class_and_nothing_else():
    one, two = explore("decay"), explore("decay", beta=0.2)
    assert type(one).__mro__[1] is type(two).__mro__[1]  # anywidget puts a class of its own before it
    one.rate = 0.5
    assert (one.beta, two.beta, two.rate) == (1.0, 0.2, 0.1)


@pytest.mark.parametrize(
    "name, value, words",
    [
        ("beta", 2.5, "beta = 2.5 is not a number from 0.1 to 2"),
        ("beta", math.nan, "beta = nan is not a number from 0.1 to 2"),
        ("beta", "steep", "beta = 'steep' is not a number from 0.1 to 2"),
        ("beta", None, "beta = None is not a number from 0.1 to 2"),
        ("rate", 0.0, "rate = 0.0 is not a number from 0.001 to 1"),
        ("terms", 1.5, "terms = 1.5 is not a whole number from 1 to 64"),
        ("grain", 7, "grain = 7 is not one of 100, 1000, 20000"),
        ("bata", 1.0, "the explorer 'decay' has no control 'bata'; it has beta, rate, terms, grain, mode"),
    ],
)
def test_what_a_control_cannot_take(name, value, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        explore("decay", **{name: value})
    widget = explore("decay")
    with pytest.raises(ValueError, match=re.escape(words)):
        setattr(widget, name, value)
    assert widget.beta == 1.0 and widget.rate == 0.1 and widget.terms == 32 and widget.grain == 100


def test_no_such_experiment():
    with pytest.raises(ValueError, match="no experiment 'linaer'; there are .*decay"):
        explore("linaer")


def test_a_control_may_not_hide_an_attribute(monkeypatch):
    clash = replace(
        TEST_EXPERIMENTS["decay"],
        controls=(Control("result", "r", "r", 1.0),),
        Controls=record("Clash", result=float),
        presets=(),
    )
    monkeypatch.setitem(explorer.EXPERIMENTS, "clash", clash)
    with pytest.raises(TypeError, match="'result'"):
        explore("clash")


# --- Results --------------------------------------------------------------------------------------


def test_result_is_complete_and_read_only():
    result = explore("decay", beta=0.5, terms=8).result
    assert list(result) == ["theory", "law", "noisy"] and len(result) == 3
    theory = result["theory"]
    k = np.arange(1, 9)
    expected = np.exp(-0.1 * k**-1.5 * theory.x[:, None]).mean(axis=1)
    # Eight terms and an exponential of arguments up to 1000: 1000 * 2^-53 * a few.
    np.testing.assert_allclose(theory.y, expected, rtol=1e-12, atol=1e-300)
    assert theory.lower is None and theory.upper is None
    noisy = result["noisy"]
    assert np.all((noisy.lower <= noisy.y) & (noisy.y <= noisy.upper)) and np.isfinite(noisy.y).all()
    assert result.readouts == {"exponent": pytest.approx(0.5 / 1.5, rel=1e-15), "last": noisy.y[-1]}
    assert result.notice == ""
    with pytest.raises(ValueError):
        noisy.y[0] = 0.0
    with pytest.raises(TypeError):
        result.readouts["last"] = 0.0
    with pytest.raises(AttributeError):
        result.curves = {}


def test_result_follows_values_and_data():
    widget = explore("decay")
    first = widget.result
    assert widget.result["noisy"].y[3] == first["noisy"].y[3]
    widget.beta = 0.3
    assert widget.result["theory"].y[30] < first["theory"].y[30]
    slow = explore("decay", data=[[0.1, 0.1], [0.1, 0.1]])
    same = explore("decay", rate=0.01)
    np.testing.assert_allclose(slow.result["theory"].y, same.result["theory"].y, rtol=1e-12)


def test_notices_and_errors():
    widget = explore("decay", rate=0.95, beta=0.5)
    assert widget.result.notice == "At η = 0.95 the law of exponent 0.333 is rough; see {this}."
    widget.beta = 1.95
    with pytest.raises(RuntimeError, match="No decay at β = 1.95."):
        widget.result
    with pytest.raises(ValueError, match="out of its depth"):
        explore("raising", rate=0.9).result


# --- Answers to the view --------------------------------------------------------------------------


class View:
    """What explorer.mjs does, as far as the host can tell: sends messages, records the answers."""

    def __init__(self, widget):
        self.widget = widget
        self.answers = []
        self._came = threading.Condition()
        widget.send = self._record

    def _record(self, message, buffers=()):
        with self._came:
            self.answers.append((json.loads(json.dumps(message)), [np.frombuffer(part) for part in buffers]))
            self._came.notify()

    def say(self, what, **more):
        self.widget._receive(self.widget, {"do": what, **more}, [])

    def wait(self, accept):
        """The newest answer, once it is acceptable."""
        with self._came:
            assert self._came.wait_for(lambda: self.answers and accept(self.answers[-1][0]), timeout=60)
            return self.answers[-1]


def slow_view():
    """The view of an explorer whose long part takes seconds."""
    widget = explore("decay", grain=20000)
    return View(widget), [1.0, 0.1, 32, 20000, 1]


def test_start_answers_at_once_and_resume_goes_to_the_end():
    widget = explore("decay")
    view = View(widget)
    values = [0.5, 0.2, 16, 100, 1]
    view.say("start", values=values)
    message, (output,) = view.wait(lambda message: message["fraction"] == 0)
    assert message == {"values": values, "status": 0, "fraction": 0.0}
    assert output.shape == (OUTPUT,) and np.isnan(output[2 + 5 * POINTS])
    view.say("resume")
    message, (output,) = view.wait(lambda message: message["fraction"] == 1)
    widget.set_trait("beta", 0.5), widget.set_trait("rate", 0.2), widget.set_trait("terms", 16)
    np.testing.assert_array_equal(output[2 + 5 * POINTS : 2 + 6 * POINTS], widget.result["noisy"].y)


def test_what_the_notebook_has_computed_the_view_need_not():
    widget = explore("decay")
    widget.result
    view = View(widget)
    view.say("start", values=[1.0, 0.1, 32, 100, 1])
    assert view.wait(lambda message: True)[0]["fraction"] == 1


def test_pause_keeps_what_was_done():
    view, values = slow_view()
    view.say("start", values=values)
    view.say("resume")
    view.wait(lambda message: message["fraction"] > 0)
    view.say("pause")
    time.sleep(3 * explorer._SLICE)  # the slice that ran
    count, reached = len(view.answers), view.answers[-1][0]["fraction"]
    time.sleep(3 * explorer._SLICE)
    assert len(view.answers) == count and 0 < reached < 1
    view.say("resume")
    fractions = [view.wait(lambda message: message["fraction"] > reached)[0]["fraction"]]
    assert reached < fractions[0] < reached + 0.5  # went on, did not begin again or jump
    view.say("pause")


def test_newer_values_supersede():
    view, values = slow_view()
    view.say("start", values=values)
    view.say("resume")
    view.wait(lambda message: message["fraction"] > 0)
    newer = [0.5, *values[1:3], 100, 1]
    view.say("start", values=newer)
    view.wait(lambda message: message["values"] == newer)
    view.say("resume")
    view.wait(lambda message: message["values"] == newer and message["fraction"] == 1)


def test_an_exception_is_an_answer():
    view = View(explore("raising", rate=0.1))
    view.say("start", values=[1.0, 0.9, 32, 100, 1])
    message, _ = view.wait(lambda message: "error" in message)
    assert message == {"values": [1.0, 0.9, 32, 100, 1], "error": "ValueError: out of its depth"}
    view.say("resume")
    view.say("start", values=[1.0, 0.1, 32, 100, 1])
    assert view.wait(lambda message: "status" in message)[0]["status"] == 0


def test_a_resume_that_nothing_began_leaves_the_thread_alive():
    view = View(explore("decay"))
    view.say("resume")
    view.say("start", values=[1.0, 0.1, 32, 100, 1])
    assert view.wait(lambda message: "status" in message)[0]["status"] == 0


def test_a_thread_that_ended_is_replaced(monkeypatch):
    widget = explore("decay")
    view = View(widget)
    monkeypatch.setattr(threading, "excepthook", lambda *args: None)
    widget.send = lambda *args: (_ for _ in ()).throw(ConnectionError("nobody listens"))
    view.say("start", values=[1.0, 0.1, 32, 100, 1])
    widget._thread.join(60)
    assert not widget._thread.is_alive()
    widget.send = view._record
    view.say("start", values=[0.5, 0.1, 32, 100, 1])
    assert view.wait(lambda message: "status" in message)[0]["status"] == 0


# --- The static picture ---------------------------------------------------------------------------


def test_figure_shows_the_result():
    widget = explore("decay", beta=0.5)
    (ax,) = widget.figure().axes
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("time α", "error ε$_{\\mathrm{g}}$")
    assert [line.get_label() for line in ax.lines] == ["theory", "power law", "simulation"]
    assert [line.get_linestyle() for line in ax.lines] == ["-", "--", "None"]
    np.testing.assert_array_equal(ax.lines[2].get_ydata(), widget.result["noisy"].y)
    assert len(ax.collections) == 1  # the band
    assert ax.get_ylim()[0] >= 1e-6


def test_a_map_is_cells_in_colours_with_a_scale():
    widget = explore("relief")
    ground = widget.result["ground"]
    assert ground.lower is None and widget.result["path"].value is None
    np.testing.assert_allclose(ground.value, 10.0 ** (np.arange(4) - np.arange(3)[:, None] - 1.0).ravel())
    ax, scale = widget.figure().axes
    (cells,) = ax.collections
    np.testing.assert_array_equal(cells.get_array().ravel(), ground.value)
    assert cells.get_clim() == pytest.approx((1e-2, 1e2)) and scale.get_ylabel() == "height"
    assert [line.get_label() for line in ax.lines] == ["path"]
    assert "ground: from 0.1 at (1, 1) to 1 at (1e+03, 4)" in picture.describe(widget._finished())


def test_the_long_part_may_have_a_notice():
    assert explore("relief").result.notice == "At η = 0.1 the law of exponent {exponent} is rough; see {this}."


def test_figure_says_why_there_is_no_result():
    (ax,) = explore("decay", beta=1.95).figure().axes
    assert [text.get_text() for text in ax.texts] == ["No decay at β = 1.95."]


class Page(HTMLParser):
    """Tags with their attributes, and the text of each script."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.scripts = [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        if self.tags and self.tags[-1][0] == "script" and data.strip():
            self.scripts.append(data)


def bundle(widget):
    data, _ = widget._repr_mimebundle_()
    return data


def test_bundle_for_page_print_and_notebook():
    widget = explore("decay", data=[1.0, 0.5], beta=0.5)
    widget.rate = 0.2
    data = bundle(widget)
    assert "application/vnd.jupyter.widget-view+json" in data
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")
    words = data["text/plain"]
    assert "β = 0.5, η = 0.2, L = 32, g = 100, m = plain" in words
    assert "exponent of the law: 0.333" in words and "theory: from 0.99" in words

    page = Page(data["text/html"])
    assert [tag for tag, _ in page.tags] == ["div", "script", "img"]
    root, script, picture = (attributes for _, attributes in page.tags)
    assert (root["class"], root["data-explorer"], script["type"]) == (
        "explorer full-width",
        "decay",
        "application/json",
    )
    content = json.loads(page.scripts[0])
    assert content["values"] == {"beta": 0.5, "rate": 0.2, "terms": 32, "grain": 100, "mode": 1}
    assert content["data"] == [1.0, 0.5]
    assert content["spec"] == json.loads(json.dumps(widget._spec))
    assert content["spec"]["controls"][0]["default"] == 0.5  # where Reset goes
    assert picture["alt"] == words
    assert picture["src"].startswith("data:image/svg+xml,")
    svg = ElementTree.fromstring(unquote(picture["src"].removeprefix("data:image/svg+xml,")))
    assert svg.tag == "{http://www.w3.org/2000/svg}svg"
    assert "</script" not in page.scripts[0] and data["text/html"].count("</script>") == 1


def test_bundle_where_there_is_no_result():
    assert "No decay at β = 1.95." in bundle(explore("decay", beta=1.95))["text/html"]
    assert "image/png" in bundle(explore("empty"))


def test_bundle_is_the_same_in_every_build():
    assert bundle(explore("decay"))["text/html"] == bundle(explore("decay"))["text/html"]


# --- The program ----------------------------------------------------------------------------------

FOLDER = Path(page.__file__).parent


def test_program_is_small():
    program = script.lean(page.explorer_module() + page.source("page.js"))
    assert len(gzip.compress(program.encode())) <= 29.25 * 1024  # all that a page loads is in test_site.py


def test_the_modules_of_the_user_interface_share_one_scope():
    names = re.findall(r"^(?:export )?(?:async )?(?:const|let|function|class) (\w+)", page.explorer_module(), re.M)
    assert sorted(names) == sorted(set(names))


def test_what_looks_like_a_comment_inside_a_text_stays():
    text = 'const a = `\n  // a line\n  * one ${ b /* said */ ? `y, ${c + +d}, ` : "" }\n`; // said\n'
    text += '/** Of f */ f("/* no */", / [/*]/ in e)'
    expected = 'const a=`\n  // a line\n  * one ${b?`y, ${c+ +d}, `:""}\n`;\nf("/* no */",/ [/*]/in e)'
    assert script.lean(text) == expected
    with pytest.raises(ValueError, match="no JavaScript"):
        script.lean("const a = `")


@pytest.mark.parametrize(
    "name", ["number.js", "address.js", "table.js", "page.js", "view/explorer.mjs", "view/plot.mjs"]
)
def test_a_page_runs_the_tokens_of_the_sources(name):
    parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_javascript.language()))
    text = page.source(name)
    ours, sent = (
        [token.text for token in script._tokens(parser.parse(part.encode()).root_node) if token.text]
        for part in (text, script.lean(text))
    )
    assert ours == sent and len(script.lean(text)) < 0.8 * len(text)


def test_page_script_is_plain_text_with_all_parts():
    script = page.page_script(b"\0asm")
    kernels = base64.b64decode(re.search(r'EXPLORER_WASM = "(.*)";', script)[1])
    assert zlib.decompress(kernels, wbits=-15) == b"\0asm"
    module = json.loads(re.search(r"EXPLORER_MODULE = (.*);", script)[1])
    assert "export default" in module and "/**" not in module


def test_page_and_figure_have_the_same_colours():
    style = (FOLDER / "view" / "explorer.css").read_text()
    light = style[: style.index("@media")]
    assert tuple(re.findall(r"--ex-c\d: (#\w+);", light)) == figures.COLORS
    ramp = json.loads(re.search(r"const RAMP = (.*?);", (FOLDER / "view" / "looks.mjs").read_text())[1])
    np.testing.assert_allclose(
        figures.RAMP([0.0, 1 / 3, 2 / 3, 1.0])[:, :3], np.divide(ramp, 255), atol=1 / 128
    )  # 256 steps


def test_a_maps_colours_rise_evenly_in_lightness():
    """Equal steps of the scale look equal, in black and white too: CIE lightness within a tenth of a straight line."""
    linear = ((figures.RAMP(np.linspace(0, 1, 25))[:, :3] + 0.055) / 1.055) ** 2.4
    lightness = 116 * np.cbrt(linear @ [0.2126, 0.7152, 0.0722]) - 16
    assert np.all(np.diff(lightness) > 0)
    assert np.max(np.abs(lightness - np.linspace(lightness[0], lightness[-1], 25))) < 0.1 * np.ptp(lightness)


@pytest.mark.parametrize(
    "name, state",
    [
        ("linear", {"eta": 1.9}),
        ("features", {"eta": 1.9}),
        ("flow", {"eta": 2.0, "levels": 64, "N": 64}),
        ("plateau", {"eta": 2.0, "levels": 64, "N": 128}),
        ("mitigation", {"eta": 1.0, "levels": 64, "N": 64}),
        ("realdata", {"picture": 1.0, "eta": 1.9, "copies": 1.0}),
        ("asymptotics", {"eta": 4.0, "alignment": 0.5}),
    ],
)
def test_steps_that_are_not_small_are_said(name, state):
    """In every explorer with SGD; at the defaults none says so."""
    experiment, data = EXPERIMENTS[name], lib.power_law(1.0, 64).eigenvalues if name == "realdata" else np.empty(0)

    def message(changed):
        p = np.array([float(changed.get(c.name, c.default)) for c in experiment.controls])
        work = np.full(int(experiment.size(p, data)), np.nan)
        status = int(experiment.start(p, data, work))
        return " ".join(words for number, words in experiment.sentences.items() if number > 0 and number & status)

    assert "single step" not in message({}) and "single step" in message(state)
