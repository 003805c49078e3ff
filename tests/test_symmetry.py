"""Symmetries of a start: found, and kept exactly by the solvers."""

import numpy as np

import lib
from lib import networks, plateau
from lib.core.symmetry import average, orbits

ALPHA = np.geomspace(0.1, 1e4, 20)


def model(K=2, M=2, levels=16, activation="erf"):
    return lib.StudentTeacher(lib.power_law(1.0, levels), K, M, activation)


def labels(model, **start):
    overlaps = model.initial_overlaps(**start)
    return orbits(overlaps.r, overlaps.q, overlaps.t)


def test_students_that_know_nothing_can_all_be_exchanged():
    label = labels(model(3, 2), sigma_J=0.1)
    diagonal, beside, across = label[0, 0], label[0, 1], label[0, 3]
    assert len({diagonal, beside, across}) == 3 == len(set(label.ravel()))
    assert np.all(np.diag(label) == diagonal) and np.all(label[:, 3:] == across)


def test_aligned_students_are_exchanged_together_with_their_teachers():
    label = labels(model(3, 3), sigma_J=0.1, alignment=0.2)
    R = label[:, 3:]
    assert len(set(np.diag(R))) == 1 and len(set(R[~np.eye(3, dtype=bool)])) == 1 and R[0, 0] != R[0, 1]


def test_drawn_overlaps_have_no_symmetry():
    assert labels(model(), sigma_J=0.1, N=1600) is None
    assert labels(model(1, 1), sigma_J=0.1) is None


def test_output_weights_that_differ_break_the_symmetry():
    start = model(3, 2).initial_overlaps(0.1)
    label = orbits(start.r, start.q, start.t, upper=np.array([1.0, 1.0, 2.0]))
    assert label[0, 0] == label[1, 1] != label[2, 2]


def test_average_is_the_mean_over_each_orbit():
    label = np.array([[0, 1, 2], [1, 0, 2]])
    x = np.array([[1.0, 2.0, 5.0], [4.0, 3.0, 7.0]])
    assert np.array_equal(average(label, x), [[2.0, 3.0, 6.0], [3.0, 2.0, 6.0]])


def test_large_groups_are_found_without_listing_them():
    # 16! x 16! permutations
    assert len(set(labels(model(16, 16, levels=2), sigma_J=0.1).ravel())) == 3


def test_a_symmetric_start_stays_on_the_plateau():
    """The trial's own example: the end of the curve was 7e-5 for a plateau of 5.93e-3, at a time set by ``rtol``.

    ``symmetric_error`` starts from zero instead of sigma_J: a level that still remembers its start differs by a share
    sigma_J^2 of its own variance, so that the errors differ by at most that share.
    """
    spectrum, sigma_J = lib.power_law(1.0, 256), 0.01
    m = lib.StudentTeacher(spectrum, 2, 2, "erf")
    expected = plateau.symmetric_error(spectrum, 2, 0.1, ALPHA)[-1]
    assert abs(expected - 5.93e-3) < 5e-6
    ends = {}
    for rtol in (1e-6, 1e-8, 1e-10, 1e-12):
        curve = lib.solve(m, m.initial_overlaps(sigma_J=sigma_J), 0.1, ALPHA, rtol=rtol)
        ends[rtol] = curve.eps_g[-1]
        assert abs(ends[rtol] - expected) < sigma_J**2 * expected
        assert np.ptp(curve.R[-1]) < 1e-14
    assert all(abs(end - ends[1e-12]) < 100 * rtol * expected for rtol, end in ends.items())


def test_a_start_that_tells_students_apart_leaves_the_plateau():
    m = model()
    curve = lib.solve(m, m.initial_overlaps(sigma_J=0.01, N=1600), 0.1, ALPHA)
    assert curve.eps_g[-1] < 0.1 * plateau.symmetric_error(m.spectrum, 2, 0.1, ALPHA)[-1]


def test_symmetric_starts_of_other_widths_keep_their_symmetry():
    for K, M in ((3, 2), (2, 3), (3, 3)):
        m = model(K, M, levels=4)
        curve = lib.solve(m, m.initial_overlaps(sigma_J=1e-4), 0.2, [1e4])
        expected = plateau.symmetric_error(m.spectrum, M, 0.2, [1e4], students=K)[0]
        assert abs(curve.eps_g[-1] - expected) < 1e-6 * expected  # students that differ by sigma_J^2 = 1e-8


def test_a_flow_with_its_own_output_weights_keeps_the_symmetry_too():
    network = networks.Network(lib.power_law(1.0, 4), (2,), 2, "erf")
    curve = networks.flow(network, 0.2, [1.0, 3e3], sigma_J=0.01)
    expected = plateau.symmetric_error(network.spectrum, 2, 0.2, [3e3])[0]
    assert abs(curve.eps_g[-1] - expected) < 1e-4 * expected
    assert np.ptp(curve.R[-1]) < 1e-13
