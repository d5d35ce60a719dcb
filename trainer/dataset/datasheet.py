"""LICENSE and DATASHEET.md of a data set of one's own photographs. Every number comes from the photos themselves.

The datasheet answers the questions of Gebru et al., "Datasheets for Datasets", Communications of the ACM 64 (2021).
"""

from collections import Counter
from collections.abc import Mapping
from statistics import median
from typing import Any

from collector.codes import MatchRule
from collector.console.wording import counted
from trainer.dataset.examples import OF_OTHERS, Skip, why_skipped
from trainer.dataset.manifest import Manifest
from trainer.dataset.own import Own, Owner


def short_licence(manifest: Manifest, own: Own) -> str:
    """The card's lines on the licence, and on what it does not cover."""
    return (
        f"The photos are under [{own.licence.spdx}]({own.licence.url}), as those who took them state: "
        f"`{own.attribution(name_of(manifest))}`. The licence does not cover names of horses and races, nor labels: "
        "DATASHEET.md says whose they are. LICENSE is the whole statement."
    )


def name_of(manifest: Manifest) -> str:
    """The name of a version."""
    return f"{manifest.name}-{manifest.version}"


def licence_page(manifest: Manifest, own: Own) -> str:
    """The file LICENSE: what is licensed, by whom, and what is not."""
    licence = own.licence
    terms = ["Name the photographer and the licence wherever you use them, and say what you changed."] * licence.named
    terms += ["What is made of them and passed on has the same licence."] * licence.alike
    terms = terms or ["The photographer gives up all rights in them, as far as the law allows it."]
    makers = "\n".join(f"  {name}" for name in own.photographers)
    return LICENCE_PAGE.format(
        title=licence.title, spdx=licence.spdx, url=licence.url, makers=makers,
        terms="\n".join(terms), attribution=own.attribution(name_of(manifest)), photos=counted(len(own.said), "photo"),
    )  # fmt: skip


def datasheet(manifest: Manifest, own: Own) -> str:
    """The file DATASHEET.md."""
    days, rules = own.days, own.count("rule")
    return DATASHEET.format(
        name=name_of(manifest),
        makers=", ".join(own.photographers),
        photos=counted(len(own.said), "photo"),
        horses=counted(manifest.horses_in_all, "horse"),
        races=counted(len(own.count("race_id")), "race"),
        days=f"{counted(len(days), 'day')}, {days[0]} to {days[-1]}" if len(days) > 1 else f"one day, {days[0]}",
        racecourses=_listed(own.count("racecourse")),
        cameras=_listed(own.count("camera")),
        columns=", ".join(f"`{name}`" for name in manifest.facts),
        of_others=", ".join(sorted(name.replace("_", " ") for name in OF_OTHERS)),
        sides=", ".join(f"{side} {count}" for side, count in manifest.photos.items() if count),
        labels=_labels(manifest),
        named=_named(rules, own),
        remarks=counted(sum(said.remark for said in own.said), "photo"),
        pixels=_pixels(manifest),
        bursts=BURSTS_STAY if manifest.query.get("every_photo") else BURSTS_GO,
        left_out=_left_out(manifest.left_out),
        spdx=own.licence.spdx,
        url=own.licence.url,
        attribution=own.attribution(name_of(manifest)),
        owners=_owners(own),
    )


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{name} ({count})" for name, count in sorted(counts.items())) or "not known"


def _labels(manifest: Manifest) -> str:
    if not manifest.labels:
        return NO_LABELS
    rows = [f"| `{label.key}` | {sum(label.photos.values())} | {label.words} |" for label in manifest.labels]
    return "\n".join([LABELS, "", "| label | photos | what it says |", "|---|--:|---|", *rows])


def _named(rules: Counter[str], own: Own) -> str:
    """How it is known which horse a photo shows, with the share of each way."""
    hand, walk = rules[MatchRule.BY_HAND], rules[MatchRule.WALK]
    said = [f"  - A person named the horse: {_share(hand, own)}."]
    if walk:
        certainties = own.certainties
        said.append(
            f"  - The order in which horses walk in the paddock, from photos that a person named: {_share(walk, own)}; "
            f"certainty at least {certainties[0]:.3f}, {median(certainties):.3f} in the middle. Each such photo has "
            "its `certainty`; less certain ones are not in the data set."
        )
    if rest := rules.total() - hand - walk:
        said.append(f"  - By other rules, which `match_rule` names: {_share(rest, own)}.")
    return "\n".join(said)


def _share(count: int, own: Own) -> str:
    return f"{counted(count, 'photo')}, {count / max(1, len(own.said)):.0%}"


def _pixels(manifest: Manifest) -> str:
    size: Any = manifest.query["size"]
    return f"Longer edges than {size} px were made {size} px long. " if size else ""


def _left_out(counts: Mapping[str, int]) -> str:
    known = {code: count for code, count in counts.items() if code in set(Skip)}
    return "\n".join(f"  - {why_skipped(code)}: {count}" for code, count in sorted(known.items())) or "  - nothing"


def _owners(own: Own) -> str:
    return "\n".join(map(_owner, own.owners)) or "  - Nobody is on record: ask where the names were taken from."


def _owner(owner: Owner) -> str:
    if owner.terms is None:
        return f"  - {owner.title}: nobody has read its terms."
    read = f"{owner.terms.summary} (as read on {owner.terms.read_on}" + (
        f", {owner.terms.url})" if owner.terms.url else ")"
    )
    return f"  - {owner.title}, {owner.site}: {read}"


LICENCE_PAGE = """{title}
SPDX-License-Identifier: {spdx}
{url}

The {photos} of this data set, and the remarks of their photographer beside them, are licensed under
{title} by the people who took them:

{makers}

{terms}
The whole text of the licence is at the address above.

Say: {attribution}

The licence is about the photos alone. It gives nobody a right to the names of horses and races, to entries and results,
or to labels that were made of these: they have other owners, and DATASHEET.md names them. It says nothing of the rights
of people who can be seen on the photos.
"""

BURSTS_GO = (
    "Of each burst (one camera, one horse, at most 1.5 s from photo to photo) the photo in the middle is here: the "
    "others show the same moment, and would count as examples without being any."
)
BURSTS_STAY = (
    "All photos of a burst are here. They show the same moment: count them by `burst`, not as independent examples. "
    "Photos whose horse turns its head are here too (`head_turned`): they say less of a horse's build."
)
NO_LABELS = (
    "None. Opinions and results on horses belong to others, and the sources that they come from do not let "
    "everybody pass them on."
)
LABELS = (
    "Its maker asked for these. Where they are made of what other people said or recorded, the licence does "
    'not cover them; see "What is not the photographer\'s".'
)

DATASHEET = """# Datasheet of {name}

After Gebru et al., *Datasheets for Datasets* (2021). The numbers were counted when the data set was written; what a
program cannot know is said to be unknown.

## Motivation

- **Why.** Photos of racehorses in the paddock, to study what a horse's build says. No such photos could be had under
  an open licence.
- **Who.** {makers}. Who paid for it: not known.

## Composition

- **Instances.** {photos} of {horses}, in the paddock of {races}; {days}.
- **Racecourses** (photos): {racecourses}.
- **Cameras** (photos): {cameras}. By the letters after a name two cameras of one model differ; they are not a
  serial number.
- **Sample.** What its photographer chose to photograph, and could name: no fair sample of horses, races or days.
- **Beside each photo:** {columns}.
- **Remarks** of the photographer: beside {remarks}.
- **Sides:** {sides}. No horse is on two sides unless the card says so.
- **Errors.** A horse that the order of the walk names may be another one; see below. Times are those of the cameras'
  clocks, corrected where their owner said by how much.
- **People.** Grooms, jockeys and visitors may be seen on the photos, and can be recognised on some. Whether they were
  asked is not known. Look at the photos before you publish them, and take out or blur people who would not want to be
  there.

### Labels

{labels}

## Collection

- **How.** Taken by {makers} with the cameras above, beside the paddock. No photo of anybody else is in the data set:
  photos that another source has too, without saying that the same person took them, were left out.
- **Which horse a photo shows:**
{named}
- **When:** `taken_at`. Which race it was follows from moment and racecourse.

## Preprocessing

- Each photo was turned upright and written anew as a JPEG that holds nothing but pixels. What the camera wrote into the
  file was removed: the place (GPS), the camera's serial number, its owner, its notes, and small pictures. {pixels}The
  `digest` is that of the camera's file, which is not here.
- {bursts}
- Left out (photos):
{left_out}
- **Not passed on,** although its maker holds it: {of_others}. It is what others know of horses and races.

## Uses

- **For:** how horses look, how they differ, and how a build goes with what horses do.
- **Not for:** betting on the answer of a model without looking at its errors; recognising people.

## Distribution

- **Licence of the photos:** {spdx}, {url}. Name the photographer: {attribution}
- **What is not the photographer's.** Names of horses and races, the numbers by which they are known, entries, results,
  and what labels are made of, have other owners. Names are here because a photo without one says little. The licence
  cannot cover them; read these terms before you pass them on:
{owners}

## Maintenance

- **By:** {makers}.
- **Versions.** The same collection gives the same version, and its name changes when anything in it does. `trainer
  dataset verify` compares each file with its digest.
- **Taking a photo out.** Ask the photographer. What is forgotten in the collection is in no later version.
"""
