"""All labels of all photos: first observed, then settled by what the training horses say."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from trainer.labels.definition import Absent, Connection, Observed, Subjects, Wanted
from trainer.labels.label import Label, WhyNone
from trainer.labels.shrink import Prior, settle


@dataclass(frozen=True, slots=True)
class Observations:
    """What each wanted definition observed, and why it has no label for the others."""

    wanted: Sequence[Wanted]
    found: dict[str, dict[str, Observed]] = field(default_factory=dict)  # by label, then by subject
    absent: dict[str, dict[str, WhyNone]] = field(default_factory=dict)

    def why_none(self, key: str) -> WhyNone | None:
        """Why a subject has none of the labels: the reason of the first one; None if it has a label."""
        if any(key in found for found in self.found.values()):
            return None
        return self.absent[self.wanted[0].key].get(key, WhyNone.NO_LABEL)

    def of(self, keys: Collection[str]) -> "Observations":
        """The same for some of the subjects."""
        found = {name: {key: one for key, one in its.items() if key in keys} for name, its in self.found.items()}
        absent = {name: {key: why for key, why in its.items() if key in keys} for name, its in self.absent.items()}
        return Observations(self.wanted, found, absent)

    def settled(self, training: Collection[str]) -> "Settled":
        """The labels; `training` are the horses from which variances are estimated."""
        labels, priors = dict[str, dict[str, Label]](), dict[str, Prior]()
        for one in self.wanted:
            labels[one.key], priors[one.key] = settle(one, self.found[one.key], training)
        return Settled(labels, priors)


@dataclass(frozen=True, slots=True)
class Settled:
    """The labels by definition/axis and subject, and what training horses say of each definition."""

    labels: Mapping[str, Mapping[str, Label]]
    priors: Mapping[str, Prior]

    def of(self, key: str) -> dict[str, Label | None]:
        """The labels of a subject; None where it has no such label."""
        return {name: labels.get(key) for name, labels in self.labels.items()}


def observe(connection: Connection, wanted: Sequence[Wanted], subjects: Subjects) -> Observations:
    """What the definitions observe for the subjects.

    Raises:
        UsageError: a definition that is a file does not fit.
    """
    observations = Observations(wanted)
    for one in wanted:
        found = observations.found[one.key] = {}
        absent = observations.absent[one.key] = {}
        for seen in one.definition.observe(connection, one.axis, subjects):
            if isinstance(seen, Absent):
                absent[seen.key] = seen.why
            else:
                found[seen.key] = seen
    return observations
