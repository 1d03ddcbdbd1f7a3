import numpy as np
import pytest

from simpletext.lr import Curve, diverged, exponential, one_cycle, smooth


def test_one_cycle_rises_over_half_and_falls_far():
    rate = one_cycle(1e-3, 101)
    rates = [rate(step) for step in range(101)]
    assert rates[0] == pytest.approx(1e-4)
    assert np.argmax(rates) == 50
    assert rates[50] == pytest.approx(1e-3)
    assert rates[-1] == pytest.approx(1e-6)
    assert np.all(np.diff(rates[:51]) > 0)
    assert np.all(np.diff(rates[50:]) < 0)


def test_one_cycle_of_a_single_step():
    assert one_cycle(1e-3, 1)(0) == pytest.approx(1e-4)


def test_exponential_meets_both_ends():
    rate = exponential(1e-7, 1e-2, 50)
    assert rate(0) == pytest.approx(1e-7)
    assert rate(49) == pytest.approx(1e-2)


def curve(minimum=1e-3, fall=0.5):
    rates = np.geomspace(1e-7, 1e-1, 120)
    where = np.log10(rates) - np.log10(minimum)
    losses = 1.0 - fall * np.exp(-((where / 1.2) ** 2)) + np.where(where > 1, where**2, 0)
    return Curve(rates, losses)


def test_suggestions_lie_before_the_minimum():
    steepest, tenth, valley = curve().estimate()
    assert tenth == pytest.approx(1e-4, rel=0.2)
    assert 1e-5 < steepest < 1e-3
    assert 1e-6 < valley < 1e-3
    assert curve().suggest() == min(tenth, valley)


def test_a_curve_that_says_nothing_gives_no_suggestion():
    assert curve(fall=0.0).estimate() is None
    assert Curve(np.geomspace(1e-7, 1, 50), np.linspace(1, 9, 50)).suggest() is None


def test_smoothing_starts_at_the_first_loss():
    assert smooth([2.0, 2.0, 2.0]) == pytest.approx([2.0, 2.0, 2.0])


def test_divergence():
    assert diverged([1.0, float("nan")], 4)
    assert diverged([1.0] + [500.0] * 30, 4)
    assert not diverged([1.0, 0.9, 1.1], 4)
