"""What the site must do in every engine: in Firefox and WebKit as in Chromium, which the other tests of pages drive.

A core: every explorer starts from a link, pins its state, follows a slider and gives Chromium's numbers; a reader's
file, a question and the slides work, from a folder without a server. Chapters are served without MathJax, which takes
most of a page's time and is tried from the folder. What all explorers do has its lines in ``played``.
"""

import csv
import io
from types import SimpleNamespace

import numpy as np
import pytest
import wasmtime
from conftest import PAGES, served
from test_data_browser import GOOD, X

from lib import realdata
from lib.book import course
from lib.compiler import wasm
from lib.widgets.experiments import EXPERIMENTS
from lib.widgets.exports import TABLE
from tools.engines import Chromium, launched

# States whose simulation takes a second, as a link has them. The other explorers simulate nothing. β is not 1 where a
# law is drawn by pow: WebKit takes x^(-1/2) as 1/sqrt(x), which may be an ulp away.
SHORT = {
    "asymptotics": "beta=0.9,N=256,runs=2,until=10",
    "features": "N=256,runs=2,alpha_max=30",
    "flow": "N=256,runs=2",
    "linear": "N=256,runs=2,alpha_max=30",
    "mitigation": "N=256,runs=2",
    "plateau": "N=256,runs=2,eta=0.5,alpha_max=300",
}
# An explorer, for the functions below: its slider of β or of the first rank, its picture and read-outs as text, what is
# wrong, a way to press its buttons, and whether the run is done that is shown.
EXPLORER = """(name) => {
  const root = document.querySelector(`.explorer[data-explorer="${name}"]`);
  window.explorer = {
    root,
    slider: () => [...root.querySelectorAll("input[type=range]")]
      .find(({ labels }) => /^(β|k₁)/.test(labels[0].textContent)),
    picture: () => root.querySelector("svg[role=img] path") && root.querySelector("svg[role=img]").innerHTML,
    readouts: () => [...root.querySelectorAll("dl")].map((list) => list.textContent).join(),
    problems: () => [...root.querySelectorAll(".ex-problem")].map((node) => node.textContent).join(""),
    press: (label) => [...root.querySelectorAll("button")].find(({ textContent }) => textContent === label).click(),
    done: false,
  };
  root.addEventListener("explorer:drawn", ({ detail }) => { explorer.done = detail.fraction === 1; });
  root.scrollIntoView();
}"""
# The text that the button saves, instead of saving it.
CSV = """async () => {
  const { createObjectURL } = URL, { click } = HTMLAnchorElement.prototype;
  const saved = new Promise((fulfilled) => {
    URL.createObjectURL = (blob) => { fulfilled(blob); return ""; };
    HTMLAnchorElement.prototype.click = () => {};
  });
  explorer.press("Data (CSV)");
  const text = await (await saved).text();
  URL.createObjectURL = createObjectURL;
  HTMLAnchorElement.prototype.click = click;
  return text;
}"""


@pytest.fixture(scope="module", params=["Firefox", "WebKit"])
def engine(request):
    """A browser of another engine than Chromium's; tests that need it are skipped where there is none."""
    with launched(request.param) as browser:
        if browser is None:
            pytest.skip(f"no {request.param} that can be driven: .ci/browsers says what is missing")
        yield browser


@pytest.fixture
def page(engine):
    """Its page; fails on errors of scripts, where the browser tells them."""
    engine.problems.clear()
    yield engine
    assert not engine.problems


@pytest.fixture(scope="module")
def reference(browser):
    """Chromium, behind the same methods."""
    page = Chromium(browser)
    yield page
    page.close()


@pytest.fixture(scope="module")
def home(site):
    with served(site, mathematics=False) as address:
        yield address


@pytest.fixture(scope="module")
def play(home, pages):
    """A function that plays an explorer in a browser, once: what it shows then, and its data."""
    known = {}

    def play(page, name):
        if (page, name) not in known:
            place = next(place for place in PAGES if f'data-explorer="{name}"' in pages[place].text)
            state = f"#{name}:{SHORT[name]}" if name in SHORT else ""
            known[page, name] = played(page, f"{home}/{place}.html{state}", name)
        return known[page, name]

    return play


def begin(page, name):
    """Wait for the live picture of an explorer of the page."""
    page.evaluate(EXPLORER, name)
    page.wait("() => explorer.picture() && !explorer.root.querySelector('.explorer-picture')")
    assert page.evaluate("() => explorer.problems()") == ""


def move(page):
    """Move the slider by ten steps, wait until picture and read-outs have followed, and the run is done."""
    before = page.evaluate("""() => {
      const slider = explorer.slider(), more = slider.closest("details");
      if (more) more.open = true;
      slider.focus();
      return [explorer.picture(), explorer.readouts()];
    }""")
    page.keys("PageUp")
    page.wait("(picture, readouts) => explorer.picture() !== picture && explorer.readouts() !== readouts", *before)
    page.wait("() => explorer.done")
    assert page.evaluate("() => explorer.problems()") == ""


def played(page, address, name):
    page.go(address)
    begin(page, name)
    page.evaluate("() => explorer.press('Pin this state')")
    page.wait("() => explorer.readouts().includes('①')")
    move(page)
    assert page.evaluate("() => explorer.root.querySelectorAll('.ex-pins li').length") == 1
    return SimpleNamespace(readouts=page.evaluate("() => explorer.readouts()"), csv=page.evaluate(CSV))


def columns(text):
    """{curve: {column: numbers}} of a CSV; NaN where nothing is written."""
    rows = list(csv.DictReader(io.StringIO(text)))
    names = [key for key in rows[0] if key != "curve"]
    return {
        curve: {key: np.array([float(row[key] or "nan") for row in rows if row["curve"] == curve]) for key in names}
        for curve in dict.fromkeys(row["curve"] for row in rows)
    }


# --- Explorers ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_an_explorer_starts_pins_and_moves_picture_and_readouts(page, play, name):
    assert len(play(page, name).csv) > 1000


def functions(page):
    """What kernels take from the browser, at 5000 numbers of the size that they give to it."""
    rng = np.random.default_rng(0)
    size, share = rng.uniform(-30.0, 30.0, 5000), rng.uniform(-1.0, 1.0, 5000)
    given = {"exp": [size], "log": [np.exp(size)], "expm1": [share], "asin": [share], "pow": [np.exp(size / 3), share]}
    given |= {"sin": [size], "cos": [size], "log1p": [share], "atan2": [share, size]}
    call = "(name, ...given) => given[0].map((_, i) => Math[name](...given.map((x) => x[i])))"
    return {name: np.array(page.evaluate(call, name, *(x.tolist() for x in some))) for name, some in given.items()}


@pytest.fixture(scope="module")
def mathematics(engine, reference):
    """{function: (Chromium's values, the engine's)}"""
    expected, found = functions(reference), functions(engine)
    return {name: (values, found[name]) for name, values in expected.items()}


def test_mathematical_functions_are_chromium_s_but_for_an_ulp(mathematics):
    module = wasmtime.Module(wasmtime.Engine(), wasm.build(TABLE))
    assert {function.name for function in module.imports} <= mathematics.keys()
    for name, (expected, found) in mathematics.items():
        assert np.all(np.abs(found - expected) <= np.spacing(np.abs(expected))), name


# Curves whose errors are differences of overlaps: those of the integrated flow and of SGD.
CANCELLED = {"flow", "sgd", "plain", "partial", "full"}


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_numbers_are_chromium_s(page, play, reference, mathematics, name):
    """To the last digit where the mathematical functions are Chromium's, else to 1e-9.

    WebAssembly's arithmetic is the same everywhere, to the bit. Only the functions of ``Math`` may differ: Chromium and
    WebKit of Debian give what the C library gives, Firefox has its own, an ulp (2^-52) away, as the test above says.

    What becomes of an ulp: a sum of terms of one sign keeps it, an exponential multiplies it by its argument, 1000 at
    most: 2e-13. The flow and SGD may add one at every step: 256 * 300 steps here, 2e-11. That leaves a factor of 50 to
    what a plateau's instability makes of it.

    Errors of the flow and of SGD are differences, which have a floor. With M = 2 units they are sums of 16 terms
    asin(...) / (pi M) of at most 1/4; an ulp of each is 4 * 2^-52 = 9e-16. Phase retrieval's are Q^2 - 2 R^2 + 1 and
    the like, of overlaps near one, to which some 200 steps have added an ulp each: 4 * 200 * 2^-52 = 2e-13. An overlap
    may vanish while others of its matrix, from which the flow takes it, do not: the bound is one of the largest of its
    curve.
    """
    expected, found = play(reference, name), play(page, name)
    assert found.readouts == expected.readouts  # of which some digits are shown
    if all(np.array_equal(*values) for values in mathematics.values()):
        assert found.csv == expected.csv
        return
    expected, found = columns(expected.csv), columns(found.csv)
    assert list(found) == list(expected)
    for curve, numbers in expected.items():
        floor = 1e-15 if curve.partition("[")[0] in CANCELLED else 0.0  # a pin's are curve[state]
        if name == "retrieval":
            floor = 2e-13
        for column, values in numbers.items():
            if curve.startswith(("Q ", "R ")):
                floor = 1e-9 * np.nanmax(np.abs(values))
            np.testing.assert_allclose(found[curve][column], values, rtol=1e-9, atol=floor, err_msg=f"{curve} {column}")


# --- From a folder, with MathJax ------------------------------------------------------------------


def test_a_reader_s_file_is_opened(page, site, tmp_path):
    page.go(f"{site.as_uri()}/book/real-data.html")
    begin(page, "realdata")
    before = page.evaluate("() => explorer.picture()")
    file = tmp_path / "samples.npy"
    file.write_bytes(GOOD[file.name])
    page.files(".explorer[data-explorer=realdata] input[type=file]", file)
    page.wait("() => explorer.root.innerText.includes('300 samples of 20 features, 20 eigenvalues')")
    page.wait("(before) => explorer.picture() !== before && explorer.done", before)
    # As in test_data_browser.py: some roundings of the largest eigenvalue, and the mean that scales them.
    eigenvalues = realdata.spectrum(X).eigenvalues
    measured = columns(page.evaluate(CSV))["measured"]["y"]
    np.testing.assert_allclose(measured, eigenvalues, rtol=1e-13, atol=5e-15 * eigenvalues[0])
    assert page.evaluate("() => explorer.problems()") == ""


def test_a_question_is_answered(page, site):
    page.go(f"{site.as_uri()}/book/linear.html")
    page.wait("() => document.querySelector('article mjx-container')")
    asked = page.wait("""() => {
      const field = document.querySelector(".question input");
      field?.focus();
      return field?.closest(".question").id;
    }""")
    page.keys(*str(course.key(asked.removeprefix("question-")).answer), "Enter")
    said = page.wait("(id) => document.getElementById(id).querySelector('[role=status]').innerText", asked)
    assert said.startswith("Right.")


def test_slides_show_a_live_explorer(page, site):
    page.go(f"{site.as_uri()}/slides/linear.html")
    page.wait("() => window.Reveal?.isReady() && document.querySelector('.slides mjx-container')")
    number = page.evaluate(
        "() => [...document.querySelectorAll('.slides > section')].findIndex((s) => s.querySelector('.explorer'))"
    )
    page.keys(*number * ["ArrowRight"])
    page.wait("() => document.querySelector('section.present .explorer')")
    begin(page, "linear")
    move(page)
    assert page.evaluate("() => Reveal.getIndices().h") == number  # the key moved the slider, not the slides
