"""Everyone's letters: the table of papers, and the converter's rules against the library's."""

import json
import re
import shutil
import subprocess

import numpy as np
import pytest
from conftest import ROOT

import lib
from lib import letters, random_features
from lib.widgets.experiments import EXPERIMENTS
from lib.widgets.letters import _table, page_script


@pytest.mark.parametrize("name", letters.PAPERS)
def test_a_paper_is_in_the_references_and_has_its_letters(name):
    paper = letters.PAPERS[name]
    assert f"{{{name}," in (ROOT / "book" / "references.bib").read_text(encoding="utf-8")
    assert 1 <= len(paper.letters) <= 2 and len(paper.beta) == len(paper.tau) == 4
    assert len(paper.letters) == 2 or paper.beta[1] == paper.beta[2] == paper.tau[1] == paper.tau[2] == 0
    point = letters.translate(name, *(letter.example for letter in paper.letters))
    assert point.beta > -1 and point.tau > -point.beta  # the converter begins with something that is there


@pytest.mark.parametrize("beta, tau", [(1.0, 0.0), (0.5, 1.3), (-0.3, 0.9), (2.0, -1.5)])
def test_letters_made_of_a_point_lead_back_to_it(beta, tau):
    b, s = 1 + beta, (beta + tau) / (1 + beta)
    made = {
        "paquette2024": (b / 2, tau / 2),
        "bordelon2024": (b, b + tau),
        "bordelon2025": (b, s),
        "lin2024": (b, b + tau),
        "li2025": (b, s),
        "cui2021": (b, s / 2),
        "caponnetto2007": (b, s),
    }
    two = {name for name, paper in letters.PAPERS.items() if len(paper.letters) == 2}
    assert two == set(made)
    for name, values in made.items():
        # a few roundings of numbers up to 3
        assert letters.translate(name, *values) == pytest.approx((beta, tau), abs=1e-14), name


def test_papers_of_one_letter_have_a_teacher_of_strength_one():
    for name, paper in letters.PAPERS.items():
        if len(paper.letters) == 1:
            beta, tau = letters.translate(name, 1.5)
            assert tau == 0 and beta in (0.5, 1.5)


def test_the_page_has_a_row_for_each():
    page = (ROOT / "book" / "letters.ipynb").read_text(encoding="utf-8")
    cited = set(re.findall(r"cite:t}`([\w,]+)`", page))
    assert set(letters.PAPERS) <= {name for group in cited for name in group.split(",")}


@pytest.mark.parametrize(
    "arguments, message",
    [
        (("nobody1999", 1.0), "paper = 'nobody1999': must be one of"),
        (("cui2021", 1.0), "exponents: 1 given: must be α, r, as in Cui"),
        (("braun2026", 1.0, 2.0), "exponents: 2 given: must be a"),
        (("braun2026", np.nan), "a = nan"),
        (("cui2021", 2.0, np.inf), "r = inf"),
    ],
)
def test_bad_letters_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        letters.translate(*arguments)


def test_the_converter_s_phases_are_the_library_s():
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node")
    rng = np.random.default_rng(0)
    points = [(beta, tau) for beta, tau in rng.uniform((-0.95, -0.9), (3.0, 6.0), (400, 2)) if tau > -beta]
    module = (ROOT / "lib" / "widgets" / "letters.mjs").as_uri()
    program = f"""const {{ frontier }} = await import("{module}");
    const points = {json.dumps(points)};
    console.log(JSON.stringify(points.map(([beta, tau]) => frontier(beta, tau))));"""
    output = subprocess.run(
        [node, "--input-type=module", "--eval", program], capture_output=True, text=True, check=True
    )
    seen = set()
    for (beta, tau), found in zip(points, json.loads(output.stdout)):
        expected = random_features.exponents(beta, tau)
        assert found["phase"] == random_features.phase(beta, tau)
        # both are short formulas; the library's looks for the vertex among lines
        assert found["features"] == pytest.approx(expected.features, rel=1e-9), (beta, tau)
        assert found["risk"] == pytest.approx(expected.risk, rel=1e-9), (beta, tau)
        seen.add(found["phase"])
    assert len(seen) == 7


def test_the_converter_shows_as_a_line_where_scripts_do_not_run():
    data = lib.widgets.letters()._repr_mimebundle_()[0]
    assert data["text/plain"] == "Converter of exponents (on the page)"
    assert 'class="letters"' in data["text/html"] and "Paquette" in data["text/html"]


def test_the_converter_leads_to_explorers_that_take_a_point():
    for explorer in _table()["explorers"]:
        controls = {control.name: control for control in EXPERIMENTS[explorer["name"]].controls}
        assert explorer["beta"][0] < 1.0 < explorer["beta"][1] and explorer["tau"][0] < 1.4 < explorer["tau"][1]
        assert {"beta", "tau"} <= set(controls)


def test_the_page_s_script_is_small():
    # a page that has it: a few kilobytes, the explorers' budget is a hundred
    assert len(page_script()) < 12_000


def test_a_reader_converts_with_labels_and_the_keyboard(browser, tmp_path):
    html = lib.widgets.letters()._repr_mimebundle_()[0]["text/html"]
    (tmp_path / "letters.js").write_text(page_script(), encoding="utf-8")
    (tmp_path / "index.html").write_text(
        f'<!doctype html><html lang="en"><meta charset="utf-8"><script defer src="letters.js"></script><body>{html}',
        encoding="utf-8",
    )
    page = browser.new_page()
    page.goto((tmp_path / "index.html").as_uri())
    page.get_by_label("Paper").select_option(label="Paquette and others 2024")
    page.get_by_label("target's coefficients").fill("0,7")
    says = page.get_by_role("status")
    assert "1.4" in says.inner_text() and "phase II" in says.inner_text()
    assert page.get_by_role("link").first.get_attribute("href").startswith("hard-and-easy.html#tasks:beta=1,tau=1.4")
    page.get_by_label("target's coefficients").fill("many")
    assert "β: write a number" in says.inner_text()
    assert page.get_by_label("target's coefficients").get_attribute("aria-invalid") == "true"
    page.close()
