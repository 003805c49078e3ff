"""Claims hold, or raise; and say what they compared."""

import json
from dataclasses import asdict, fields

import nbformat
import numpy as np
import pytest
from conftest import PICTURES, ROOT
from IPython.core.formatters import DisplayFormatter

from lib.book.claims import MIME, Claim, ClaimError, claim

TEXT = dict(why="because")


@pytest.mark.parametrize(
    "measured, expected, tolerance",
    [(1.04, 1.0, 0.05), ([1.0, 2.0], [1.01, 1.99], 0.02), (3.0, (2.0, 4.0), None), (1e9, (2.0, np.inf), None)],
)
def test_true_claims_show_themselves(measured, expected, tolerance):
    result = claim("a-b", "It holds.", measured=measured, expected=expected, tolerance=tolerance, **TEXT)
    assert "It holds." in repr(result) and "because" in repr(result)
    assert 'id="claim-a-b"' in result._repr_html_()


@pytest.mark.parametrize(
    "measured, expected, tolerance",
    [
        (1.06, 1.0, 0.05),
        ([1.0, 2.1], [1.0, 2.0], 0.02),
        (5.0, (2.0, 4.0), None),
        (1.0, (2.0, np.inf), None),
        (np.nan, 1.0, 0.05),
        (np.nan, (0.0, 1.0), None),
    ],
)
def test_false_claims_raise(measured, expected, tolerance):
    with pytest.raises(ClaimError, match="a-b"):
        claim("a-b", "It does not.", measured=measured, expected=expected, tolerance=tolerance, **TEXT)


@pytest.mark.parametrize(
    "measured, expected, tolerance, words",
    [
        ([], 1.0, 0.1, r"^measured = array\(\[\]"),
        ([], (0, 1), None, r"^measured = array\(\[\]"),
        (1.0, (-np.inf, np.inf), None, r"^expected = \(-inf, inf\).*a pair"),
        (1.0, 1.0, None, r"^expected = 1.0.*a pair"),
        ([1.0, 1.0], [1.0], 0.1, r"^expected\b.*\(1,\).*\(2,\)"),
        (1.0, [1.0, 1.0], 0.1, r"^expected\b.*\(2,\).*\(\)"),
    ],
)
def test_claims_of_nothing_are_refused(measured, expected, tolerance, words):
    with pytest.raises(ValueError, match=words):
        claim("a-b", "It holds.", measured=measured, expected=expected, tolerance=tolerance, **TEXT)


def test_digits_follow_the_tolerance():
    assert claim("a", "s", measured=0.123456, expected=0.12, tolerance=0.01, **TEXT).measured == "0.123"


def test_of_many_numbers_the_range_is_shown():
    few, many = (claim("a", "s", measured=np.arange(n) - 2.0, expected=0, tolerance=10, **TEXT) for n in (8, 9))
    assert few.measured == "-2, -1, 0, 1, 2, 3, 4, 5"
    assert many.measured == "-2 to 6 (9 values)"


def test_html_is_escaped():
    result = claim("a", "x < y & z", measured=1, expected=1, tolerance=0.1, why="<b>")
    assert "x &lt; y &amp; z" in result._repr_html_() and "&lt;b&gt;" in result._repr_html_()


def test_a_notebook_gets_the_claim_as_data_beside_what_it_shows():
    made = claim("a-1", 'x < y & "z"', measured=[1.0, 2.0], expected=(0, 3), why="1 > 0 <i>", source="Someone & Other")
    data, metadata = DisplayFormatter().format(made)
    assert data == {"text/plain": repr(made), "text/html": made._repr_html_(), MIME: asdict(made)}
    assert data[MIME]["statement"] == 'x < y & "z"' and data[MIME]["measured"] == "1, 2" and data[MIME]["kept"] == ""
    assert not metadata
    assert Claim(**json.loads(json.dumps(data[MIME]))) == made


def test_the_ledger_reads_what_claims_give(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "book" / "_ext")
    import claims_ledger

    assert claims_ledger.MIME == MIME
    assert claims_ledger.Claim._fields == tuple(field.name for field in fields(Claim))


@pytest.mark.parametrize(
    "path", sorted({*(ROOT / "book").glob("*.ipynb")} - {ROOT / f"{PICTURES}.ipynb"}), ids=lambda path: path.stem
)
def test_stored_claims_show_their_own_data(path):
    outputs = [output for cell in nbformat.read(path, as_version=4).cells for output in cell.get("outputs", ())]
    shown = [output.data for output in outputs if 'class="claim"' in output.get("data", {}).get("text/html", "")]
    assert shown
    for data in shown:
        stored = Claim(**data[MIME])
        assert data["text/html"] == stored._repr_html_() and data["text/plain"] == repr(stored)


def test_a_kept_measurement_says_that_this_build_did_not_make_it():
    kept, made = (
        claim("a", "It was fast.", measured=2, expected=(1, 3), kept=kept, **TEXT) for kept in ("2026-11-29, here", "")
    )
    assert kept.kept == "2026-11-29, here" and not made.kept
    for shown in (repr(kept), kept._repr_html_()):
        assert "2026-11-29, here" in shown and "kept measurement" in shown.lower()
    for shown in (repr(made), made._repr_html_()):
        assert "kept" not in shown.lower()
    with pytest.raises(ClaimError):  # and it may fail as any other
        claim("a", "It was fast.", measured=4, expected=(1, 3), kept="2026-11-29, here", **TEXT)


@pytest.mark.parametrize("name", ["", "A claim", "twice--", None])
def test_a_name_that_is_no_address_is_refused(name):
    with pytest.raises(ValueError, match=r"name = .*: must be small letters and digits with hyphens between them"):
        claim(name, "s", measured=1.0, expected=1.0, tolerance=0.1, **TEXT)
