"""Which rows of the notation's table a formula holds."""

import pytest
from conftest import ROOT


@pytest.fixture
def table(monkeypatch):
    """The rows of a table with these symbols, one each, found by what a formula holds."""
    monkeypatch.syspath_prepend(ROOT / "book" / "_ext")
    import symbols

    def make(*names):
        rows = [{"id": name, "symbols": [name], "pages": [], "inside": True} for name in names]
        return symbols.Symbols(rows, "page")

    return make


@pytest.mark.parametrize("name", [r"\mathcal P", r"\mathcal{P}", r"\mathcal P_x(p)"])
@pytest.mark.parametrize("formula", [r"\mathcal{P}_1 + 1", r"a \mathcal P"])
def test_a_letter_of_another_alphabet_is_found_as_such(table, name, formula):
    rows = table(name, "x")
    assert rows.of(formula) == [name]
    assert rows.of("P + x") == ["x"]


def test_indices_and_powers(table):
    rows = table(r"\lambda_k", r"\sigma_J", r"\sigma", r"\langle \lambda^2 \rangle")
    assert rows.of(r"\lambda_1^2") == [r"\lambda_k"]
    assert rows.of(r"\sigma_J \sigma") == [r"\sigma_J", r"\sigma"]
    assert rows.of(r"\langle\lambda^2\rangle")[0] == r"\langle \lambda^2 \rangle"
