"""Straight lines through log-log data: slope, its error, its drift, and the longest straight window.

Every point stands for the stretch of ln x around it (trapezium weights in ln x), so that a fit
describes the curve and not the places where it was sampled.
"""

from collections import namedtuple

import numpy as np

from ..compiler.jit import kernel
from ..compiler.layout import outputs, place
from ..maths.small_matrix import solve_without_exchange

ERROR_SHAPES = 4  # smooth shapes that measure the noise: see fit_window
COMPONENTS = 3 + ERROR_SHAPES  # mean, slope, bend, and the shapes that are left when a bend is fitted too

Fit = namedtuple("Fit", "exponent log_prefactor standard_error drift points")
Polynomials = outputs("Polynomials", component=(COMPONENTS,), a=(COMPONENTS,), b=(COMPONENTS,))
FIT_SCRATCH = Polynomials.size

Window = namedtuple("Window", "first last")
CubicFit = outputs("CubicFit", moment=(7,), projection=(4,), matrix=(4, 4), coefficient=(4,))
WINDOW_SCRATCH = CubicFit.size


@kernel
def _weight(x, first, last, i):
    """Trapezium weight of point ``i`` in the window of points ``first`` to ``last``."""
    return 0.5 * _log_ratio(x[min(i + 1, last)], x[max(i - 1, first)])


@kernel
def _log_ratio(above, below):
    """ln(above / below), also where the ratio is no floating-point number."""
    ratio = above / below
    if ratio < np.inf:
        return np.log(ratio)
    return np.log(above) - np.log(below)


@kernel
def _slope(x, y, first, last):
    """Log-log slope over the points ``first`` to ``last``; NaN for fewer than two."""
    total = mean_u = mean_v = 0.0
    for i in range(first, last + 1):
        weight = _weight(x, first, last, i)
        total += weight
        mean_u += weight * np.log(x[i])
        mean_v += weight * np.log(y[i])
    mean_u /= total
    mean_v /= total
    uu = uv = 0.0
    for i in range(first, last + 1):
        weight = _weight(x, first, last, i)
        u = np.log(x[i]) - mean_u
        uu += weight * u * u
        uv += weight * u * (np.log(y[i]) - mean_v)
    return uv / uu


@kernel
def fit_window(x, y, lo, hi, scratch):
    """Fit ln y = ln A + p ln x over the points with ``lo <= x <= hi``.

    ``x`` (n,) increasing and ``y`` (n,), positive in the window. Values that are not positive or not finite give NaN,
    and nothing beyond the arrays is read or written. ``scratch`` (FIT_SCRATCH,) holds the ``Polynomials``; their
    ``component`` is left there: the components of ln y on the orthonormal polynomials in ln x of degree 0, 1, ...,
    0 where there are too few points.

    Returns a ``Fit``: ``exponent`` p, ``log_prefactor`` ln A, ``standard_error`` of p, ``drift``, the slope of the
    upper half (in ln x) of the window minus the slope of its lower half, and the number of ``points`` in the window.
    With fewer than two points all but that number are NaN.

    The noise is measured at long wavelengths, where it affects the slope: the components on degrees 2 to
    5, which the straight line leaves free, are as large as the error of the component on degree 1
    if the residuals are correlated over less than the window. Their mean square is therefore its variance,
    with ERROR_SHAPES degrees of freedom; neighbouring residuals need not be independent.
    """
    n = x.shape[0]
    first = 0
    while first < n and x[first] < lo:
        first += 1
    last = n - 1
    while last >= first and x[last] > hi:
        last -= 1
    points = last - first + 1
    polynomials = place(Polynomials, scratch)
    component, a, b = polynomials.component, polynomials.a, polynomials.b
    component[:] = 0.0
    if points < 2:
        return Fit(np.nan, np.nan, np.nan, np.nan, float(points))

    # Orthogonal polynomials in t, ln x mapped to [-1, 1], by their three-term recurrence
    # P_{j+1} = (t - a_j) P_j - b_j P_{j-1}; evaluated anew at each point, so that nothing is stored.
    half_width = 0.5 * _log_ratio(x[last], x[first])
    centre = np.log(x[first]) + half_width
    previous_norm = 1.0
    slope_norm = 1.0
    for j in range(min(COMPONENTS, points)):
        norm = moment = projection = 0.0
        for i in range(first, last + 1):
            t = (np.log(x[i]) - centre) / half_width
            before = 0.0
            p = 1.0
            for k in range(j):
                before, p = p, (t - a[k]) * p - b[k] * before
            weighted = _weight(x, first, last, i) * p
            norm += weighted * p
            moment += weighted * p * t
            projection += weighted * np.log(y[i])
        a[j] = moment / norm
        b[j] = norm / previous_norm
        component[j] = projection / np.sqrt(norm)
        previous_norm = norm
        if j == 0:
            mean = projection / norm
        if j == 1:
            slope_norm = norm
    shapes = min(ERROR_SHAPES, points - 2)
    noise = 0.0
    for j in range(2, 2 + shapes):
        noise += component[j] * component[j]
    to_slope = 1.0 / (np.sqrt(slope_norm) * half_width)
    exponent = component[1] * to_slope
    log_prefactor = mean - exponent * (centre + half_width * a[0])
    standard_error = np.sqrt(noise / shapes) * to_slope

    middle = first
    while middle < last and np.log(x[middle]) < centre:
        middle += 1
    drift = _slope(x, y, middle, last) - _slope(x, y, first, middle)
    return Fit(exponent, log_prefactor, standard_error, drift, float(points))


@kernel
def longest_window(u, v, tolerance, minimum_width, minimum_points, scratch):
    """Find the longest stretch of ``u`` (n,), increasing, over which ``v`` (n,) is straight: O(n^2).

    A cubic is fitted to every window, and its slope (a parabola) taken at the ends of the window and
    at its vertex: the window is straight if that slope varies by no more than ``tolerance`` times the
    mean slope. (A quadratic would call a curve straight that bends one way at its start and the other at its
    end.) ``scratch`` is (WINDOW_SCRATCH,). Returns a ``Window``, its first and last index, or -1 for both where no
    window is straight.
    """
    n = u.shape[0]
    found = Window(-1, -1)
    s = place(CubicFit, scratch)
    widest = 0.0
    for first in range(n - 1):
        s.moment[:] = 0.0
        s.projection[:] = 0.0
        for last in range(first + 1, n):
            width = u[last] - u[first]
            # Trapezium sums of s^m and s^m v, s = u - u[first], grow by one segment.
            weight = 0.5 * (u[last] - u[last - 1])
            for i in range(last - 1, last + 1):
                term = weight
                for m in range(7):
                    s.moment[m] += term
                    if m < 4:
                        s.projection[m] += term * (v[i] - v[first])
                    term *= u[i] - u[first]
            if width < minimum_width or last - first + 1 < minimum_points or width <= widest:
                continue
            # In units of the width, s in [0, 1]: normal equations of condition 1.6e4, harmless.
            for row in range(4):
                for column in range(4):
                    s.matrix[row, column] = s.moment[row + column] / width ** (row + column + 1)
                s.coefficient[row] = s.projection[row] / width ** (row + 1)
            mean = s.coefficient[0] / s.matrix[0, 0]
            mean_s = s.matrix[0, 1] / s.matrix[0, 0]
            slope = (s.coefficient[1] - mean * s.matrix[0, 1]) / (s.matrix[1, 1] - mean_s * s.matrix[0, 1])
            solve_without_exchange(s.matrix, s.coefficient)
            c1, c2, c3 = s.coefficient[1], s.coefficient[2], s.coefficient[3]
            at_end = c1 + 2.0 * c2 + 3.0 * c3
            low = min(c1, at_end)
            high = max(c1, at_end)
            vertex = -c2 / (3.0 * c3)
            if 0.0 < vertex < 1.0:
                at_vertex = c1 + c2 * vertex
                low = min(low, at_vertex)
                high = max(high, at_vertex)
            if high - low <= tolerance * abs(slope):
                widest = width
                found = Window(first, last)
    return found
