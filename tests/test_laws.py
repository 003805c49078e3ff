"""The laws of a spectrum, on spectra of a known law with known noise."""

import numpy as np
import pytest

from lib import laws

WINDOW = (3, 60)
RANKS = np.arange(1.0, 81.0)
TRUE = {
    "power law": RANKS**-1.5,
    "exponential": np.exp(-0.08 * RANKS),
    "stretched exponential": np.exp(-2.5 * RANKS**0.3),
    "curved (log-normal)": np.exp(-0.3 * np.log(RANKS) - 0.4 * np.log(RANKS) ** 2),
    "broken power law": np.minimum(RANKS**-0.5, 13.0**2 * RANKS**-2.5),
}


def sample(law, noise, rng, rows=1):
    """Spectra whose logarithms scatter smoothly, as those of resampled data do: neighbours are alike."""
    shapes = np.array([np.cos(n * np.pi * np.log(RANKS) / np.log(80)) / (1 + n) for n in range(40)])
    scatter = noise * (rng.normal(size=(rows, 40)) @ shapes + 0.3 * rng.normal(size=(rows, 80)))
    return TRUE[law] * np.exp(scatter)


def spectra(law, noise, seed):
    rng = np.random.default_rng(seed)
    measured = sample(law, noise, rng)
    return np.vstack([measured, measured / TRUE[law] * sample(law, noise, rng, 200)])


@pytest.mark.parametrize("law", TRUE)
@pytest.mark.slow("fits of five laws to many samples, 9 s")
def test_the_true_law_is_not_refused(law):
    """p is uniform under the truth: of 40 draws 0.4 fall below 0.01; more than 3 have probability 0.1 %."""
    p = [
        next(fit.p_value for fit in laws.compare(spectra(law, 0.02, seed), WINDOW) if fit.name == law)
        for seed in range(40)
    ]
    assert np.sum(np.array(p) < 0.01) <= 3
    assert 0.3 < np.mean(p) < 0.7  # uniform: 0.5 with a standard error of 0.05; the break and the power c are on grids


@pytest.mark.parametrize("law", TRUE)
def test_the_true_law_wins_where_the_noise_is_small(law):
    assert laws.compare(spectra(law, 0.002, 1), WINDOW)[0].name == law


def test_a_power_law_foretells_the_ranks_held_out():
    fits = {fit.name: fit for fit in laws.compare(spectra("power law", 0.02, 2), WINDOW)}
    assert fits["power law"].held_out < 0.1 < fits["exponential"].held_out


def test_the_scale_does_not_matter():
    rows = spectra("power law", 0.02, 3)
    first, second = laws.compare(rows, WINDOW), laws.compare(1e9 * rows, WINDOW)
    assert [fit.name for fit in first] == [fit.name for fit in second]
    np.testing.assert_allclose([fit.misfit for fit in first], [fit.misfit for fit in second], rtol=1e-6)


@pytest.mark.parametrize(
    "rows, window, message",
    [
        (np.ones((20, 80)), WINDOW, "^spectra = .*at least 40 resamples"),
        (np.ones((50, 80)), (3, 9), "^window"),
        (np.vstack([np.ones((50, 80)), np.zeros((1, 80))]), WINDOW, "^window"),
        (np.ones(80), WINDOW, "^spectra"),
    ],
)
def test_bad_input_is_named(rows, window, message):
    with pytest.raises(ValueError, match=message):
        laws.compare(rows, window)
