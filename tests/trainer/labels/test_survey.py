"""What `trainer labels` says: reliability, agreement, and what has no label."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from collector.storage.racing import Axis
from trainer.labels.agreement import Figure, disattenuated, rank_correlation, split_half
from trainer.labels.definition import Observed, Wanted
from trainer.labels.label import WhyNone
from trainer.labels.observing import Observations
from trainer.labels.poll import Poll
from trainer.labels.results import RESULTS
from trainer.labels.survey import Survey, survey
from trainer.labels.survey_page import label_rows, page, write_pages

POLL, RAN = Wanted(Poll(), Axis.DISTANCE), Wanted(RESULTS, Axis.DISTANCE)
HORSES, RELIABILITY, AGREE = 3000, 0.8, 0.7


@pytest.fixture(scope="module")
def observations() -> Observations:
    """A poll without chance, and results of a known reliability; what both measure agrees by AGREE."""
    draw = np.random.default_rng(0)
    poll = draw.normal(size=HORSES)
    truth = AGREE * poll + (1 - AGREE**2) ** 0.5 * draw.normal(size=HORSES)
    chance = (1 / RELIABILITY - 1) ** 0.5
    halves = truth[:, None] + 2**0.5 * chance * draw.normal(size=(HORSES, 2))
    found: dict[str, dict[str, Observed]] = {POLL.key: {}, RAN.key: {}}
    for number in range(HORSES):
        name = f"h{number}"
        found[POLL.key][name] = Observed(name, name, float(0.5 + poll[number] / 10), None, {})
        one, other = (float(7.4 + half / 5) for half in halves[number])
        found[RAN.key][name] = Observed(name, name, (one + other) / 2, 2 + number % 10, {}, halves=(one, other))
        found[RAN.key][f"{name}-again"] = Observed(f"{name}-again", name, 9.0, 2, {})
    return Observations([POLL, RAN], found, {POLL.key: {"x": WhyNone.NO_REVIEWS}, RAN.key: {}})


@pytest.fixture(scope="module")
def found(observations: Observations) -> Survey:
    """The survey of these."""
    return survey(observations, observations.settled(set()), "photos")


def test_reliability_and_agreement_are_found_again(found: Survey) -> None:
    poll, ran = found.labels
    assert poll.split_half is None
    assert ran.split_half
    assert ran.split_half.value == pytest.approx(RELIABILITY, abs=0.03)
    (agreement,) = found.agreements
    assert agreement.rank
    assert agreement.true_rank
    assert agreement.rank.value == pytest.approx(AGREE * RELIABILITY**0.5, abs=0.03)
    assert agreement.true_rank.value == pytest.approx(AGREE, abs=0.04)


def test_a_horse_counts_once_and_subjects_each(found: Survey) -> None:
    poll, ran = found.labels
    assert (poll.subjects, ran.subjects, ran.horses) == (HORSES, 2 * HORSES, HORSES)
    assert poll.absent == {"no_reviews": 1}
    (agreement,) = found.agreements
    assert agreement.rank
    assert agreement.rank.horses == HORSES
    five = agreement.by_evidence[5]
    assert five
    assert five.horses == HORSES * 7 // 10


def test_pieces_of_evidence_are_whole_in_print(found: Survey) -> None:
    _, ran = found.labels
    between = replace(ran, pieces=ran.pieces | {"0.95": 33.05})
    assert label_rows(replace(found, labels=[between]))[0]["evidence"].endswith(" to 33)")


def test_the_interval_of_a_correlation_covers_the_truth_as_often_as_it_says() -> None:
    draw, covered = np.random.default_rng(1), 0
    for _ in range(400):
        one = draw.normal(size=80)
        other = 0.5 * one + 0.75**0.5 * draw.normal(size=80)
        its = rank_correlation(one.tolist(), other.tolist())
        assert its
        covered += its.low < 0.4826 < its.high  # Spearman's of a normal distribution with a correlation of 0.5
    assert 0.91 < covered / 400 < 0.98


def test_labels_that_share_their_evidence_have_no_correlation_without_chance() -> None:
    figure = Figure(0.9, 0.8, 0.95, 50)
    assert disattenuated(figure, []) is None
    assert disattenuated(figure, [None, None]) is None
    assert rank_correlation([1.0] * 9, list(range(9))) is None
    assert rank_correlation([1.0, 2.0, 3.0], [1.0, 2.0, 3.0]) is None
    assert split_half([]) is None


def test_no_correlation_without_chance_where_reliability_may_be_zero() -> None:
    agree, unsure = Figure(0.23, 0.07, 0.38, 145), Figure(0.15, -0.21, 0.40, 90)
    assert disattenuated(agree, [None, unsure]) is None
    assert disattenuated(agree, [Figure(0.15, 0.05, 0.30, 900), None]) is not None


def test_the_page_has_all_of_it_with_pictures(observations: Observations, found: Survey, tmp_path: Path) -> None:
    written = write_pages(tmp_path / "labels", found, observations, observations.settled(set()))
    text = written.read_text()
    assert text.startswith("# Labels")
    for name in ("poll-distance.png", "results-distance.png", "poll-distance-results-distance.png"):
        assert (tmp_path / "labels" / name).stat().st_size > 1000
        assert f"({name})" in text
    assert "nobody has reviewed its horse | 1" in text
    assert "## Pictures" not in page(found, ())
