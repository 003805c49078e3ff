"""The model and its initial overlaps."""

import numpy as np
import pytest

import lib


def model(K=2, M=3, L=4, **options):
    return lib.StudentTeacher(lib.power_law(1.0, L), K, M, **options)


def test_overlaps_are_those_of_the_weights():
    m = model()
    J, B = m.initial_weights(0.3, 40, seed=5)
    o = m.initial_overlaps(0.3, 40, seed=5)
    for k in range(4):
        block = slice(10 * k, 10 * k + 10)
        np.testing.assert_allclose(o.r[k], J[:, block] @ B[:, block].T / 10, rtol=1e-13, atol=1e-15)
        np.testing.assert_allclose(o.q[k], J[:, block] @ J[:, block].T / 10, rtol=1e-13, atol=1e-15)
        np.testing.assert_allclose(o.t[k], np.eye(3), atol=1e-14)  # orthonormal in every block


def test_random_teacher_and_students_have_their_variances():
    J, B = model().initial_weights(0.3, 40_000, seed=1, teacher="random")
    # the sample variance of n normals has relative error sqrt(2/n); 4 sigma
    assert np.allclose(J.var(axis=1), 0.09, rtol=4 * np.sqrt(2 / 40_000))
    assert np.allclose(B.var(axis=1), 1.0, rtol=4 * np.sqrt(2 / 40_000))
    assert abs(np.mean(J[0] * B[0])) < 4 * 0.3 / 200


def test_mean_overlaps_are_the_limit():
    m = model()
    mean = m.initial_overlaps(0.3)
    drawn = m.initial_overlaps(0.3, 400_000)
    for name in ("r", "q", "t"):
        # entries fluctuate by at most sqrt(2/n_k) with n_k = 10^5
        assert np.abs(getattr(mean, name) - getattr(drawn, name)).max() < 5 * np.sqrt(2 / 1e5)


def test_totals_are_field_covariances():
    m = model()
    J, B = m.initial_weights(0.5, 400, seed=2)
    Q, R, T = m.initial_overlaps(0.5, 400, seed=2).totals(m.spectrum)
    lam = np.repeat(m.spectrum.eigenvalues, 100)
    np.testing.assert_allclose(Q, (J * lam) @ J.T / 400, rtol=1e-12)
    np.testing.assert_allclose(R, (J * lam) @ B.T / 400, rtol=1e-11)
    np.testing.assert_allclose(T, np.eye(3), atol=1e-13)


def test_strengths_scale_the_teachers_level_by_level():
    """The weights of the same seed, times sqrt(t_k): a level without teacher included."""
    t = np.array([0.0, 2.0, 0.5, 3.0])
    plain, strong = model(), model(strength=t)
    for teacher in ("orthonormal", "random"):
        (J, B), (J_t, B_t) = (m.initial_weights(0.3, 40, 5, teacher) for m in (plain, strong))
        np.testing.assert_array_equal(J_t, J)
        np.testing.assert_array_equal(B_t, B * np.sqrt(np.repeat(t, 10)))
    o = strong.initial_overlaps(0.3, 40, seed=5)
    np.testing.assert_allclose(o.t, t[:, None, None] * np.eye(3), atol=1e-14)
    mean, drawn = (strong.initial_overlaps(0.3, N, alignment=0.4) for N in (None, 400_000))
    for name in ("r", "q", "t"):
        # entries fluctuate by at most max(t) sqrt(2/n_k) with n_k = 10^5
        assert np.abs(getattr(mean, name) - getattr(drawn, name)).max() < 5 * 3 * np.sqrt(2 / 1e5)


def test_a_model_is_told_from_another_by_its_strengths():
    s, t = lib.power_law(1.0, 4), [1.0, 2.0, 3.0, 4.0]
    strong = lib.StudentTeacher(s, strength=t)
    assert strong == lib.StudentTeacher(s, strength=np.array(t)) and strong != lib.StudentTeacher(s)
    assert lib.StudentTeacher(s) == lib.StudentTeacher(s, strength=np.ones(4)) != "a model"
    assert hash(strong) == hash(lib.StudentTeacher(s, strength=t))
    with pytest.raises(ValueError):
        strong.strength[0] = 2.0
    t[0] = 7.0
    assert strong.strengths[0] == 1.0


BAD = [
    (lambda: model(strength=[1.0, 2.0]), "strength"),
    (lambda: model(strength=[1.0, 2.0, -1.0, 0.0]), "strength"),
    (lambda: lib.StudentTeacher([1, 2]), "spectrum"),
    (lambda: model(K=0), "students"),
    (lambda: model(M=1.5), "teachers"),
    (lambda: model(activation="relu"), "activation"),
    (lambda: model().initial_overlaps(-1.0), "sigma_J"),
    (lambda: model().initial_overlaps(0.1, 42), "N"),
    (lambda: model().initial_overlaps(0.1, 40, seed=-1), "seed"),
    (lambda: model().initial_overlaps(0.1, 40, teacher="mine"), "teacher"),
    (lambda: model().initial_overlaps(0.1, 8), "teacher"),  # two directions cannot hold three teachers
]


@pytest.mark.parametrize("call, argument", BAD)
def test_bad_input_is_named(call, argument):
    with pytest.raises(ValueError, match=rf"^{argument}\b"):
        call()
