"""What a data set's card says of its labels: what they mean, how sure they are, and what is wrong with them."""

from math import exp

from collector.console.wording import counted
from trainer.dataset.columns import LABEL_MEANINGS, MEANINGS
from trainer.dataset.formats import columns_of
from trainer.dataset.manifest import LabelFacts, Manifest
from trainer.labels.label import WhyNone

SHOWN = (0.0, 0.2, 0.4, 0.6, 1.0)  # labels whose values are shown
NEVER_AGAIN = (
    "**Bias.** Left out of results-after, or without a label in it, because their horses have not run again: {count}."
    " These horses were hurt, sold, slow or retired, so the others are not a fair sample of all photos."
)
RESULTS_BIAS = (
    "**Bias.** Labels from results say where trainers ran a horse, and how it did there. A horse that was never "
    "entered at a distance has no chance to show that it suits. The race that a photo was taken for is never part "
    "of its label."
)


def label_words(label: LabelFacts) -> str:
    """A label's meaning and its ends in a few words."""
    named = (label.low, label.high) != ("0", "1")  # a file does not name its ends
    ends = f"0 {label.low}, 1 {label.high}; " if named else ""
    mean = f"{ends}mean {in_unit(label, label.mean)} of {counted(label.training_horses, 'training horse')}"
    if label.shrunk and label.between <= 0:
        return f"{mean}, which do not differ by more than chance: nothing can be learnt from it"
    return mean


def in_unit(label: LabelFacts, value: float) -> str:
    """A value of a label's unit as people read it."""
    return f"{exp(value):,.0f} m" if label.metres else f"{value:.2f}"


def label_section(manifest: Manifest) -> str:
    """The part of the card about labels."""
    rows = ["| label | photos | what it says | 0 | 1 |", "|---|--:|---|---|---|"]
    rows += [
        f"| `{label.key}` | {sum(label.photos.values())} | {label.words} | {label.low} | {label.high} |"
        for label in manifest.labels
    ]
    parts = ["\n".join(rows)]
    parts += [_shrinking(label) for label in manifest.labels if label.shrunk]
    if any(label.key.startswith("results") for label in manifest.labels):
        parts.append(RESULTS_BIAS)
    if any(label.key.startswith("results-after/") for label in manifest.labels):
        parts.append(NEVER_AGAIN.format(count=counted(_never_again(manifest), "photo")))
    return "\n\n".join(parts)


def _shrinking(label: LabelFacts) -> str:
    if label.between <= 0:
        return (
            f"`{label.key}`: **the {counted(label.training_horses, 'training horse does', 'training horses do')} "
            "not differ by more than chance explains**, so every photo has the same label, and nothing can be "
            "learnt from it."
        )
    chance = f"variance {label.within:.4f} of one start around its horse's mean" if label.within is not None else ""
    chance = chance or "each value states its own variance"
    lines = (
        f"`{label.key}` is in {label.unit}. The training horses have a mean of {in_unit(label, label.mean)}; variance "
        f"{label.between:.4f} between horses, {chance}. A value is drawn towards that mean by its `reliability`, "
        "variance between horses / (variance between horses + variance of the value)."
    )
    if not label.metres:
        return lines
    values = ", ".join(f"{share:g} = {in_unit(label, label.scale.value(share))}" for share in SHOWN)
    return f"{lines} Labels stand for distances: {values}."


def _never_again(manifest: Manifest) -> int:
    without = sum(manifest.photos.values()) - next(
        sum(label.photos.values()) for label in manifest.labels if label.key.startswith("results-after/")
    )
    return without + manifest.left_out.get(WhyNone.NO_LATER_START, 0)


def dictionary(manifest: Manifest) -> str:
    """The meaning of each column, and of each part of a label."""
    columns = columns_of([label.key for label in manifest.labels], manifest.facts)
    rows = [f"| `{name}` | {MEANINGS[name]} |" for name in columns]
    if manifest.labels:
        rows += [f"| `labels` → definition/axis → `{name}` | {words} |" for name, words in LABEL_MEANINGS.items()]
    return "\n".join(["| column | meaning |", "|---|---|", *rows])
