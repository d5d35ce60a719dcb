"""What is said of a label: its ends, its mean, and whether anything can be learnt from it."""

from dataclasses import replace
from math import log

from trainer.dataset.label_card import label_words
from trainer.dataset.manifest import LabelFacts

WET = LabelFacts(
    key="results/wet_going", words="", unit="share of the field", low="better when wet", high="worse when wet",
    knots=[[-1.0, 0.0], [1.0, 1.0]], metres=False, photos={}, shrunk=True, mean=0.01, between=0.002, within=0.06,
    training_horses=50,
)  # fmt: skip
SAID = "0 better when wet, 1 worse when wet; mean 0.01 of 50 training horses"


def test_a_label_says_its_ends_and_its_mean() -> None:
    assert label_words(WET) == SAID
    assert "mean 1,600 m of 50" in label_words(replace(WET, metres=True, mean=log(1600)))


def test_a_label_that_is_the_same_for_every_horse_says_so() -> None:
    assert label_words(replace(WET, between=0.0)).endswith("nothing can be learnt from it")
    assert label_words(replace(WET, between=0.0, shrunk=False)) == SAID  # such as the poll, where nobody knows
