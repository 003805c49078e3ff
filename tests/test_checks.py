"""The wording of every check of an argument: here a message is compared to the letter, and nowhere else.

Other tests look for the name, the value and the range in a message, in this order (``says``), so that the words
between them can be mended in ``lib/core/checks.py`` and in this file alone.
"""

import re
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
import scipy.sparse

import lib
from lib.core import checks


def says(*parts):
    """Pattern of a message that begins with the first part and holds the others, in their order."""
    first, *others = map(re.escape, parts)
    return "(?s)" + "^" + ".*".join([first + r"(?![\w.])", *others])


TWO = lib.Spectrum([1.5, 0.5])
RANGES = [
    (lambda: checks.number("x", -1.0, 0.0), "x = -1.0: must be a number >= 0"),
    (lambda: checks.number("x", 0.0, 0.0, open_minimum=True), "x = 0.0: must be a number > 0"),
    (lambda: checks.number("x", 2.5, 0.0, 2.0), "x = 2.5: must be a number >= 0 and <= 2"),
    (lambda: checks.number("x", np.nan), "x = nan: must be a finite number"),
    (lambda: checks.number("x", 10**400, 0.0), "x = inf: must be a number >= 0"),
    (lambda: checks.number("x", "steep", maximum=1.0), "x = 'steep': must be a number <= 1"),
    (lambda: checks.number("x", np.ones(2), 0.0), "x = array([1., 1.]): must be a number >= 0"),
    (lambda: checks.number("x", True), "x = True: must be a finite number"),
    (lambda: checks.whole("n", 0), "n = 0: must be a whole number >= 1"),
    (lambda: checks.whole("n", 40.5), "n = 40.5: must be a whole number >= 1"),
    (lambda: checks.whole("n", 5, 1, 4), "n = 5: must be a whole number >= 1 and <= 4"),
    (lambda: checks.whole("n", 2**54), "n = 1.8014398509481984e+16: must be a whole number <= 2^53"),
    (
        lambda: checks.one_of("how", "quickly", ("direct", "reduced")),
        "how = 'quickly': must be one of 'direct', 'reduced'",
    ),
    (
        lambda: checks.one_of("how", np.array(["direct", "reduced"]), ("direct", "reduced")),
        "how = array(['direct', 'reduced'], dtype='<U7'): must be one of 'direct', 'reduced'",
    ),
    (lambda: checks.array("x", []), "x has shape (0,): must have 1 dimension(s) and not be empty"),
    (lambda: checks.array("x", [[1.0]]), "x has shape (1, 1): must have 1 dimension(s) and not be empty"),
    (lambda: checks.array("x", 1.0), "x = 1.0: must be an array of numbers with 1 dimension(s)"),
    (lambda: checks.array("x", [1.0, np.inf]), "x[1] = inf: must be finite"),
    (lambda: checks.shape("x", np.ones(2), (3,)), "x has shape (2,): must be (3,)"),
    (lambda: checks.times("alpha", [-1.0]), "alpha[0] = -1.0: must be >= 0"),
    (lambda: checks.times("alpha", 0.0, open_minimum=True), "alpha[0] = 0.0: must be > 0"),
    (lambda: checks.times("alpha", [2.0, 1.0]), "alpha[1] = 1.0 after alpha[0] = 2.0: must be strictly increasing"),
    (lambda: checks.increasing("x", np.ones(2), [4, 7]), "x[7] = 1.0 after x[4] = 1.0: must be strictly increasing"),
    (lambda: checks.window("window", None), "window = None: must be a pair (low, high) of numbers, low < high"),
    (lambda: checks.window("window", (2, 1)), "window = (2, 1): must be a pair (low, high) of numbers, low < high"),
    (
        lambda: checks.steps("alpha", np.array([1.0, 1e15]), 40),
        "alpha[1] = 1000000000000000.0: must be <= 2.2518e+14, 2^53 steps",
    ),
    (lambda: checks.seeds("seeds", []), "seeds = []: must be a number of runs or a list of seeds that is not empty"),
    (lambda: checks.seeds("seeds", [0, -1]), "seeds = -1: must be a whole number >= 0"),
    (
        lambda: checks.spectrum([3.0, 2.0]),
        "spectrum = [3.0, 2.0]: must be a lib.Spectrum, as from lib.power_law or lib.Spectrum(eigenvalues)",
    ),
    (lambda: checks.model(None), "model = None: must be a lib.StudentTeacher"),
    (lambda: checks.strength(TWO, [1.0]), "strength has shape (1,): must be (2,)"),
    (lambda: checks.strength(TWO, [[1.0]]), "strength has shape (1, 1): must have 1 dimension(s) and not be empty"),
    (lambda: checks.strength(TWO, [1.0, -2.0]), "strength[1] = -2.0: must be >= 0"),
    (lambda: checks.strength(TWO, [np.nan, 1.0]), "strength[0] = nan: must be finite"),
    (lambda: checks.strength(TWO, [0.0, 0.0]), "strength = 0 in every level: must be > 0 in one at least"),
    (
        lambda: checks.strength(TWO, [2.0, 2.0], normalised=True),
        "strength: sum of weights * eigenvalues * strength = 2: must be 1 (lib.source)",
    ),
]


@pytest.mark.parametrize("call, message", RANGES)
def test_a_message_has_the_argument_its_value_and_what_is_allowed(call, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        call()


def test_times_on_the_same_step_are_a_warning():
    message = (
        "alpha[0] = 0 and alpha[1] = 0.01 fall on the same step, 0 (one step is a time of 0.125): "
        "2 of the 4 times repeat the one before"
    )
    with pytest.warns(UserWarning, match=f"^{re.escape(message)}$"):
        assert checks.steps("alpha", np.array([0.0, 0.01, 0.02, 1.0]), 8).tolist() == [0, 0, 0, 8]


# --- What passes as an array ------------------------------------------------------------------------------

TABLE = pd.DataFrame({"height": [1.0, 2.0, 4.0], "day": pd.date_range("2024-01-01", periods=3)})
HOLES = pd.DataFrame({"height": [1.0, 2.0, 4.0], "width": [1.0, None, 3.0]})
MASKED = np.ma.masked_equal([[1.0, 2.0], [3.0, -999.0], [4.0, 1.0]], -999.0)
UNIT = np.datetime_data(TABLE["day"].dtype)[0]  # as this version of pandas counts


class OnADevice:
    """As an array of another library in the memory of its device."""

    def __array__(self, *args, **kwargs):
        raise TypeError("can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu()\nand more")


NO_NUMBERS = [
    (np.ones((3, 2)) * 1j, "X holds complex numbers (complex128): must be real numbers"),
    (
        scipy.sparse.eye_array(500).tocsr(),
        "X is a sparse matrix of shape (500, 500): must be an array of numbers, as from .toarray()",
    ),
    (TABLE, f"X, column 'day' holds dates (datetime64[{UNIT}]): must be real numbers"),
    (TABLE[["day"]].to_numpy(), f"X holds dates (datetime64[{UNIT}]): must be real numbers"),
    (TABLE.astype(object), "X[0, 1] (column 'day') = Timestamp('2024-01-01 00:00:00'): must be a real number"),
    (HOLES, "X[1, 1] (column 'width') = nan: must be finite"),
    (HOLES.astype("Float64"), "X[1, 1] (column 'width') is missing: must be a real number"),
    (HOLES.assign(name=list("abc")), "X[0, 2] (column 'name') = 'a': must be a real number"),
    (np.array([["1", "2"], ["3", "4"]]), "X holds text (<U1): must be real numbers"),
    (
        np.zeros(3, dtype=[("a", float), ("b", int)]),
        "X is an array of records with fields a, b: must be an array of numbers",
    ),
    (
        OnADevice(),
        "X is a OnADevice that gives no array (can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu()): "
        "must be an array of numbers",
    ),
    (MASKED, "X[1, 1] is masked: must be a number; leave out or fill in what is missing"),
    (list(MASKED), "X[1, 1] is masked: must be a number; leave out or fill in what is missing"),
    (
        [[1.0, 2.0], [3.0]],
        "X is a list that gives no array (its rows are of unequal length): must be an array of numbers",
    ),
    ([[1.0, None], [2.0, 3.0]], "X[0, 1] is missing: must be a real number"),
]


@pytest.mark.parametrize("value, message", NO_NUMBERS)
def test_what_is_no_array_of_numbers_is_refused_by_its_cause(value, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        checks.array("X", value, ndim=2)


@pytest.mark.parametrize("value", [value for value, _ in NO_NUMBERS])
def test_wherever_an_array_is_taken_the_words_are_the_same(value):
    with pytest.raises(ValueError) as caught:
        checks.array("X", value, ndim=2)
    words = str(caught.value)
    with pytest.raises(ValueError, match=f"^{re.escape(words)}$"):
        lib.Spectrum.from_data(value)
    if value is HOLES:  # a table that is read names rows and columns as a spreadsheet does
        with pytest.raises(ValueError, match=says("X", "row 2, column 2", "'width'", "nan", "finite")):
            lib.realdata.load(value, "X")
    else:
        with pytest.raises(ValueError, match=f"^{re.escape(words)}$"):
            lib.realdata.load(value, "X")


def test_what_is_an_array_of_numbers_passes():
    expected = np.array([[1.0, 2.0], [3.0, 4.0]])
    for value in (
        expected.astype(np.uint8),
        expected.astype(np.float16),
        expected.astype(np.longdouble),
        expected.tolist(),
        pd.DataFrame(expected),
        pd.DataFrame(expected).astype("Int64"),
        np.asfortranarray(expected),
        np.ma.array(expected),
        [[Fraction(1), 2], [np.float32(3.0), np.int8(4)]],
    ):
        result = checks.array("X", value, ndim=2)
        assert result.dtype == np.float64 and result.flags.c_contiguous and np.array_equal(result, expected)


def test_messages_show_no_whole_objects():
    for value in (
        np.ones(1000),
        [[1.0] * 1000] * 1000,
        pd.DataFrame(np.ones((100, 100))),
        "x" * 1000,
        10**1000,
        {i: i for i in range(1000)},
    ):
        with pytest.raises(ValueError) as caught:
            checks.refuse("value", value, "else")
        assert len(str(caught.value)) < 400 and "\n" not in str(caught.value)
