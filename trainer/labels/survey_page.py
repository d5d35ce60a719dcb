"""A survey of labels for people: as a table on the terminal, and as a page with pictures."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from trainer.directories import make_folder, write_file
from trainer.labels.agreement import Figure
from trainer.labels.definition import Observed
from trainer.labels.label import WORDS, WhyNone
from trainer.labels.observing import Observations, Settled
from trainer.labels.survey import AT_LEAST, SHARES, Agreement, LabelSurvey, Survey, first_of_each

DRAWN = 2_000  # horses in a picture of two labels


def label_rows(found: Survey) -> list[dict[str, str]]:
    """One row for each label."""
    return [
        {
            "label": label.key,
            found.about: f"{label.subjects:,}",
            "horses": f"{label.horses:,}",
            "middle": _middle(label),
            "evidence": _evidence(label),
            "reliability": figure_words(label.split_half),
            "two judges": figure_words(label.ceiling),
        }
        for label in found.labels
    ]


def agreement_rows(found: Survey) -> list[dict[str, str]]:
    """One row for each two labels of one axis that can be compared."""
    return [_agreement_row(its) for its in found.agreements if its.rank]


def _agreement_row(its: Agreement) -> dict[str, str]:
    row = {
        "labels": f"{its.one} and {its.other}",
        "horses": f"{its.rank.horses:,}" if its.rank else "0",
        "rank correlation": figure_words(its.rank),
        "without chance": figure_words(its.true_rank),
    }
    for least in AT_LEAST[1:]:
        found = its.by_evidence[least]
        row[f"{least} or more"] = f"{found.value:.2f} ({found.horses:,})" if found else "-"
    return row


def figure_words(found: Figure | None) -> str:
    """A number with its interval; a dash if there is none."""
    return str(found) if found else "-"


def _middle(label: LabelSurvey) -> str:
    """The label and the value of the horse in the middle."""
    if not label.labels:
        return "-"
    value = label.values["0.5"]
    return f"{label.labels['0.5']:.2f} ({value:,.0f} m)" if value > 100 else f"{label.labels['0.5']:.2f}"


def _evidence(label: LabelSurvey) -> str:
    if not label.pieces:
        return "not stated"
    middle, low, high = (label.pieces[share] for share in ("0.5", "0.05", "0.95"))
    return f"{middle:.0f} ({low:.0f} to {high:.0f})"


def write_pages(folder: Path, found: Survey, observations: Observations, settled: Settled) -> Path:
    """Write labels.md with its pictures to a folder; returns the path of the page."""
    from trainer.plots import histogram, save, scatter  # half a second to import

    make_folder(folder)
    by_horse = {one.key: first_of_each(observations.found[one.key].values()) for one in observations.wanted}
    pictures: list[str] = []
    for one in observations.wanted:
        labels = settled.labels[one.key]
        values = [labels[its.key].value for its in by_horse[one.key].values()]
        if values:
            name = f"{_file(one.key)}.png"
            save(histogram({one.key: values}, (), "horses"), folder / name)
            pictures.append(f"![{one.key}]({name})")
    for its in found.agreements:
        pairs = _some_pairs(by_horse[its.one], by_horse[its.other])
        if pairs:
            name = f"{_file(its.one)}-{_file(its.other)}.png"
            drawn = [[settled.labels[key][one.key].value for one in side] for key, side in _sides(its, pairs)]
            save(scatter(drawn[0], drawn[1], "", (its.one, its.other)), folder / name)
            pictures.append(f"![{its.one} and {its.other}]({name})")
    write_file(folder / "labels.md", page(found, pictures))
    return folder / "labels.md"


def _sides(its: Agreement, pairs: Sequence[tuple[Observed, Observed]]) -> list[tuple[str, list[Observed]]]:
    return [(its.one, [one for one, _ in pairs]), (its.other, [other for _, other in pairs])]


def _some_pairs(one: Mapping[str, Observed], other: Mapping[str, Observed]) -> list[tuple[Observed, Observed]]:
    both = [(its, other[horse]) for horse, its in one.items() if horse in other]
    chosen = np.linspace(0, len(both) - 1, min(len(both), DRAWN)).round().astype(int)
    return [both[number] for number in chosen]


def _file(key: str) -> str:
    return key.replace("/", "-")


def page(found: Survey, pictures: Sequence[str]) -> str:
    """The page as Markdown."""
    shares = ["label", *(f"{share:.0%}" for share in SHARES)]
    spread = [[label.key, *(_value(label, f"{share:g}") for share in SHARES)] for label in found.labels if label.labels]
    kinds = [[label.key, *(f"{count:,}" for count in label.kinds.values())] for label in found.labels if label.kinds]
    absent = [
        [label.key, WORDS[WhyNone(why)], f"{count:,}"] for label in found.labels for why, count in label.absent.items()
    ]
    parts = [
        "# Labels",
        f"Of {found.about}. A horse counts once in all figures but the number of {found.about}. Intervals are of 95 %.",
        _table_of(label_rows(found)),
        NOTES.format(about=found.about),
        "## Agreement",
        _table_of(agreement_rows(found)) if found.agreements else "Only one label has each axis.",
        "The last columns are of the horses with at least that many reviews or starts behind both labels.",
        "## Distribution",
        _table(shares, spread),
        _table(["label", "sprint", "mile", "middle", "long"], kinds) if kinds else "",
        "## Without a label",
        _table(["label", "why", found.about], absent) if absent else f"All {found.about} have all labels.",
        "## Pictures" if pictures else "",
        "\n".join(pictures),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _value(label: LabelSurvey, share: str) -> str:
    value = label.values[share]
    return f"{label.labels[share]:.2f} ({value:,.0f} m)" if value > 100 else f"{label.labels[share]:.2f}"


def _table_of(rows: Sequence[Mapping[str, str]]) -> str:
    return _table(list(rows[0]), [list(row.values()) for row in rows]) if rows else ""


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---", *["--:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


NOTES = """\
- **middle**: the label of the horse in the middle, and what it stands for.
- **evidence**: reviews or starts behind a label: in the middle, and from 5 % to 95 % of the horses.
- **reliability**: how far two halves of the evidence agree (every second start), for the whole of it. The page of a
  horse gives only the sum of its reviews, so the reliability of the poll cannot be measured.
- **two judges**: how far two remarks on one horse within 30 days agree: what a person reaches, and a model can hardly
  exceed.
- **without chance**: the rank correlation divided by the root of what is known of both reliabilities."""
