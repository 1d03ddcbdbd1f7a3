import numpy as np
import pytest

from simpletext.errors import TrainingError
from simpletext.training.lr_finder import (
    Curve,
    Divergence,
    rate_for_training,
    smoothed,
    sweep,
    sweep_steps,
)
from simpletext.training.schedules import (
    exponential,
    linear,
    one_cycle,
    one_cycle_momentum,
    sgdr,
    triangular,
)


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
    steepest, third, valley = curve().estimate()
    assert third == pytest.approx(1e-3 / 3, rel=0.2)
    assert 1e-5 < steepest < 1e-3
    assert 1e-6 < valley < 1e-3
    assert curve().suggest() == min(sorted([steepest, third, valley])[1], third)


def test_a_suggestion_keeps_clear_of_the_rate_at_which_training_fails():
    """As on 400 sentences of SST-2: two of the three estimates lie right before the lowest loss."""
    rates = np.geomspace(1e-6, 1e-2, 81)
    fall = np.interp(np.log10(rates), [-6, -4, -3, -2.9, -2], [0.69, 0.69, 0.6, 0.57, 0.9])
    found = Curve(rates, fall)
    steepest, third, valley = found.estimate()
    assert min(steepest, valley) > third
    assert found.suggest() == third


def test_a_curve_that_says_nothing_gives_no_suggestion():
    assert curve(fall=0.0).estimate() is None
    assert Curve(np.geomspace(1e-7, 1, 50), np.linspace(1, 9, 50)).suggest() is None


def test_smoothing_delays_nothing():
    steps = np.arange(41)
    assert smoothed(np.full(5, 2.0)) == pytest.approx(np.full(5, 2.0))
    assert np.argmin(smoothed(abs(steps - 20.0))) == 20


def ended(losses, steps=20):
    """The number of losses after which a sweep of so many steps ends, or None."""
    divergence = Divergence(steps, 4)
    found = [divergence.ended(loss) for loss in losses]
    return found.index(True) + 1 if True in found else None


def test_a_sweep_ends_when_the_loss_is_too_high():
    assert ended([1.0, float("nan")]) == 2
    assert ended([1.0] * 4 + [500.0] * 16) == 5
    assert ended([1.0] * 4 + [1.5] * 16) in range(6, 12)
    assert ended([1.0] * 4 + [0.5] * 8 + [1.2] * 8) is None
    assert ended([1.0, 2.0] * 10) is None  # it varies as much from the start


def test_each_loss_costs_the_same():
    """A list of losses gone through again for each of them would take an hour here."""
    divergence = Divergence(100_000, 4)
    assert not any(divergence.ended(1.0) for _ in range(100_000))


def test_a_sweep_takes_a_fifth_of_the_training():
    """A step of a sweep computes the loss before it too, which is a third of a step."""
    for training in (100, 141, 666, 10_000):
        assert 4 / 3 * sweep_steps(training) <= training / 5
    assert sweep(47, epochs=3)[1] == 21
    assert sweep(47, epochs=3, max_epochs=2)[1] == 94


def test_rates_above_the_minimum_are_too_high():
    assert curve(1e-3).too_high() == pytest.approx(1e-3, rel=0.1)
    assert Curve(np.geomspace(1e-6, 1e-3, 30), np.linspace(1, 0.5, 30)).too_high() is None


def test_too_few_steps_are_inconclusive():
    few = Curve(np.geomspace(1e-6, 1e-2, 9), np.linspace(1, 0.1, 9))
    assert few.suggest() is None
    assert "inconclusive: 9 steps are too few. Try lr_find with more max_epochs" in few.describe()
    assert "the loss doesn't fall before it rises" in curve(fall=0.0).describe()


def test_the_rate_of_auto(capsys):
    def found(curve, usual):
        return rate_for_training(curve, usual, 1), capsys.readouterr().err.strip()

    good, flat = curve(1e-3), curve(fall=0.0)
    assert found(good, None)[0] == found(good, 1e-4)[0] == good.suggest()
    assert found(good, 1e-6) == (4e-6, "learning rate: 4.0e-06 (suggested by the sweep)")
    assert found(good, 1.0)[0] == 0.25
    assert found(flat, 3e-5) == (
        3e-5, "learning rate: 3.0e-05 (usual for this size of encoder; the curve is inconclusive)",
    )  # fmt: skip
    assert "too few steps for a sweep" in found(None, 3e-5)[1]
    with pytest.raises(TrainingError, match="curve is inconclusive"):
        rate_for_training(flat, None, 0)


def test_one_cycle_of_few_steps():
    for steps in (1, 2, 3):
        momentum, rate = one_cycle_momentum(0.95, 0.85, steps), one_cycle(1e-3, steps)
        assert all(0.849 < momentum(step) < 0.951 for step in range(steps))
        assert all(0 < rate(step) <= 1e-3 for step in range(steps))


def test_linear_warms_up_and_decays():
    rates = np.array([linear(1e-3, 100, 0.1)(step) for step in range(100)])
    assert np.argmax(rates) == 9
    assert rates.max() == pytest.approx(1e-3)
    assert np.all(rates > 0)
    assert np.all(np.diff(rates[:10]) > 0)
    assert np.all(np.diff(rates[9:]) < 0)
    assert linear(1e-3, 1)(0) == pytest.approx(1e-3)
    assert linear(1e-3, 10, warmup=0)(0) == pytest.approx(1e-3)
    assert linear(1e-3, 10, warmup=1)(9) == pytest.approx(1e-3)


def test_sgdr_restarts():
    rate = sgdr(1e-3, steps_per_epoch=10, cycle_len=2, cycle_mult=2, lr_decay=0.5)
    assert rate(0) == pytest.approx(1e-3)
    assert rate(19) < 1e-5
    assert rate(20) == pytest.approx(5e-4)
    assert rate(40) == pytest.approx(2.5e-4, rel=1e-3)  # half down the second cycle
    assert rate(60) == pytest.approx(2.5e-4)


def test_triangular_repeats_each_epoch():
    rate = triangular(1e-3, 10)
    assert [rate(step) for step in range(10)] == [rate(step) for step in range(10, 20)]
    assert triangular(1e-3, 1)(0) == pytest.approx(1e-4)


@pytest.mark.parametrize("steps", [100, 400])
@pytest.mark.parametrize("noise", [0.01, 0.1])
def test_labels_at_random_give_no_suggestion(steps, noise):
    """Single losses scatter: that one lies lower than the first one says nothing."""
    rates = np.geomspace(1e-7, 1e-2, steps)
    rising = np.maximum(np.log10(rates / 2e-3), 0) * 1.5
    found = 0
    for seed in range(20):
        losses = 0.7 + np.random.default_rng(seed).normal(size=steps) * noise + rising
        spread = float(np.std(losses[: steps // 5]))
        found += Curve(rates, smoothed(losses), spread).suggest() is not None
    assert found <= 1


def test_noise_does_not_hide_what_is_learned():
    rates = np.geomspace(1e-7, 1e-2, 200)
    losses, loss, rng = [], 0.7, np.random.default_rng(0)
    for rate in rates:
        loss += -(loss - 0.15) * min(rate / 1e-3, 1) * 0.1 + max(np.log10(rate / 3e-3), 0)
        losses.append(loss + rng.normal() * 0.05)
    rate = Curve(rates, smoothed(np.array(losses)), 0.05).suggest()
    assert rate is not None
    assert 1e-5 < rate < 1e-3


def test_curves_of_hardly_a_step():
    for count in (1, 2, 3):
        assert Curve(np.geomspace(1e-7, 1e-6, count), np.ones(count)).suggest() is None
