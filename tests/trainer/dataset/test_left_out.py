"""Photos that an export leaves out, for lack of reviews or of consent, or because they are damaged; all are counted."""

import hashlib
import json
import zlib
from pathlib import Path

import pytest

from collector.errors import UsageError
from collector.storage.archive import digest_of
from tests.filled import SITE, damage, execute
from tests.trainer.exported import polled, rows
from trainer.dataset import export as exporting
from trainer.dataset.diff import compare
from trainer.dataset.examples import BY_WORDS, WHY_SKIPPED, Skip, why_skipped
from trainer.dataset.export import Request, export
from trainer.dataset.manifest import list_unfinished, read_version
from trainer.labels.label import WhyNone

# --- reviews --------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("plain")
def test_a_manifest_that_counts_by_sentences_is_read_as_one_of_codes(filled: str, tmp_path: Path) -> None:
    version = export(filled, tmp_path, Request())
    manifest = version.folder / "manifest.json"
    facts = json.loads(manifest.read_text())
    assert set(facts["left_out"]) <= set(WHY_SKIPPED)
    assert facts["left_out"]["no_reviews"] > 0
    words = {why_skipped(code): count for code, count in facts["left_out"].items()}
    assert words["nobody has reviewed its horse"] == facts["left_out"]["no_reviews"]
    manifest.chmod(0o600)
    manifest.write_text(json.dumps(facts | {"left_out": words | {"of a later version": 3}}))
    found = read_version(version.folder).manifest.left_out
    assert found == facts["left_out"] | {"of a later version": 3}


def test_every_skip_has_its_words() -> None:
    assert {why_skipped(code) for code in (*Skip, *WhyNone)} == set(BY_WORDS)
    assert why_skipped("of a later version") == "of a later version"


@pytest.mark.usefixtures("plain")
def test_unreviewed_horses_are_left_out_unless_asked_for(filled: str, tmp_path: Path) -> None:
    plain, all_of_them = (
        export(filled, tmp_path, Request()),
        export(filled, tmp_path, polled(keep_unreviewed=True)),
    )
    left_out = plain.manifest.left_out[WhyNone.NO_REVIEWS]
    assert left_out > 0
    assert WhyNone.NO_REVIEWS not in all_of_them.manifest.left_out
    added = compare(plain, all_of_them).added
    assert len(added) == left_out
    labels = {row["photo"]: (row["label"], row["n"]) for row in rows(all_of_them)}
    assert {labels[photo] for photo in added} == {(0.5, 0)}


@pytest.mark.usefixtures("plain")
def test_more_required_reviews_leave_fewer_photos(filled: str, tmp_path: Path) -> None:
    execute(filled, "UPDATE aptitude SET reviews = NULL WHERE reviews > 8")
    version = export(filled, tmp_path, polled(min_reviews=6))
    assert version.manifest.left_out[WhyNone.FEW_REVIEWS] > 0
    counts = {row["n"] for row in rows(version)}
    assert None in counts
    assert counts <= {None, 6, 7, 8}


# --- consent ---------------------------------------------------------------------------------------------------
@pytest.mark.usefixtures("plain")
def test_what_robots_txt_keeps_out_of_training_is_in_no_new_version(filled: str, tmp_path: Path) -> None:
    """The photos came while the site said nothing; the newest copy of its robots.txt decides."""
    whole = export(filled, tmp_path, Request())
    code = rows(whole)[0]["photo"].partition(":")[2].partition("/")[0]
    body = f"User-agent: *\nContent-Signal: /{code}/ ai-train=no\nAllow: /\n".encode()
    execute(
        filled,
        "INSERT INTO blob (digest, media_type, size, encoding, content) VALUES (%s, 'text/plain', %s, '', %s)",
        digest_of(body), len(body), body,
    )  # fmt: skip
    execute(filled, "INSERT INTO host (name) VALUES ('old.keibado.ne.jp')")
    execute(
        filled,
        "INSERT INTO page (url, host, source, kind, role, dated, due_at, state, digest) VALUES"
        " (%s || '/robots.txt', 'old.keibado.ne.jp', 'keibado', 'robots', 'robots', '-infinity', now(), 'fetched', %s)",
        SITE, digest_of(body),
    )  # fmt: skip
    kept_out = {row["photo"] for row in rows(whole) if f"{SITE}/{code}/" in row["page_url"]}
    left = export(filled, tmp_path, Request())
    assert kept_out
    assert compare(whole, left).removed == sorted(kept_out)
    assert left.manifest.left_out[Skip.KEPT_OUT] >= len(kept_out)
    execute(filled, "UPDATE page SET state = 'gone'")  # the site has no robots.txt any more
    assert export(filled, tmp_path, Request()).name == whole.name


def hold_robots(conninfo: str, digest: str, content: bytes, encoding: str) -> None:
    execute(
        conninfo,
        "INSERT INTO blob (digest, media_type, size, encoding, content) VALUES (%s, 'text/plain', 1, %s, %s)",
        digest, encoding, content,
    )  # fmt: skip
    execute(conninfo, "INSERT INTO host (name) VALUES ('old.keibado.ne.jp')")
    execute(
        conninfo,
        "INSERT INTO page (url, host, source, kind, role, dated, state, digest) VALUES"
        " (%s || '/robots.txt', 'old.keibado.ne.jp', 'keibado', 'robots', 'robots', '-infinity', 'fetched', %s)",
        SITE, digest,
    )  # fmt: skip


BIG = b"User-agent: *\nAllow: /\n" + b"# a line\n" * 1000
ALLOWS, BINARY = b"User-agent: *\nAllow: /\n", b"User-agent: *\n\x01"


@pytest.mark.usefixtures("plain")
@pytest.mark.parametrize(
    ("digest", "content", "encoding"),
    [
        (digest_of(BIG), zlib.compress(BIG)[:60], "zlib"),
        (digest_of(BIG), ALLOWS, ""),
        (digest_of(BINARY), BINARY, ""),  # as an earlier version has kept one that is not text
    ],
)
def test_photos_of_a_site_whose_robots_txt_cannot_be_read_are_left_out(
    filled: str, tmp_path: Path, digest: str, content: bytes, encoding: str
) -> None:
    execute(filled, "UPDATE photo SET page_url = replace(page_url, 'old.', 'new.'),"
            " image_url = replace(image_url, 'old.', 'new.') WHERE number > 2")  # fmt: skip
    whole = export(filled, tmp_path, Request())
    hold_robots(filled, digest, content, encoding)
    kept_out = {row["photo"] for row in rows(whole) if row["page_url"].startswith(SITE)}
    left = export(filled, tmp_path, Request())
    assert kept_out
    assert sorted(compare(whole, left).removed) == sorted(kept_out)
    assert left.manifest.left_out[Skip.RULES_UNKNOWN] >= len(kept_out)
    assert "robots.txt is damaged" in (left.folder / "README.md").read_text()
    execute(filled, "UPDATE photo SET page_url = replace(page_url, 'new.', 'old.')")
    with pytest.raises(UsageError, match="`collector crawl` asks the site for it again"):
        export(filled, tmp_path, Request())


# --- damage ----------------------------------------------------------------------------------------------------
def _pictures(conninfo: str, count: int) -> list[tuple[str, str, bytes]]:
    """Photos of reviewed horses, shown once: photo, digest, body."""
    return execute(
        conninfo,
        "SELECT min(photo_id), digest, content FROM photo JOIN blob"
        " USING (digest) JOIN photo_match USING (source, issue_code, number) JOIN aptitude USING (horse_id)"
        " WHERE axis = 'distance' AND value IS NOT NULL GROUP BY digest, content HAVING count(*) = 1"
        f" ORDER BY digest LIMIT {count}",
    )  # pyright: ignore[reportReturnType]


@pytest.mark.usefixtures("plain")
def test_damaged_bytes_are_left_out_and_counted(filled: str, tmp_path: Path) -> None:
    whole = export(filled, tmp_path / "before", Request())
    changed, cut, packed = _pictures(filled, 3)
    damage(filled, changed[1], changed[2][:-1] + b"?")
    damage(filled, cut[1], cut[2][:500])
    execute(filled, "UPDATE blob SET encoding = 'zlib' WHERE digest = %s", packed[1])  # and that it is not
    version = export(filled, tmp_path, Request())
    assert version.manifest.left_out[Skip.DAMAGED] == 3
    assert set(compare(whole, version).removed) == {photo for photo, _, _ in (changed, cut, packed)}
    assert list_unfinished(tmp_path) == []
    assert export(filled, tmp_path, Request()).name == version.name
    assert list_unfinished(tmp_path) == []


@pytest.mark.usefixtures("plain")
def test_all_damage_is_found_before_the_export_begins_again(
    filled: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _, digest, body in _pictures(filled, 12):
        damage(filled, digest, body[:-2])
    plans, make_plan = [], exporting.make_plan
    monkeypatch.setattr(exporting, "make_plan", lambda *given: plans.append(1) or make_plan(*given))
    assert export(filled, tmp_path, Request()).manifest.left_out[Skip.DAMAGED] == 12
    assert len(plans) == 2


@pytest.mark.parametrize("size", [None, 64])
def test_a_photo_that_came_cut_off_does_not_stop_the_export(filled: str, tmp_path: Path, size: int | None) -> None:
    # Its digest is right, so only decoding finds the fault; the collector refuses such photos now.
    for _, digest, body in _pictures(filled, 40):
        cut = body[: len(body) // 2]
        fresh = hashlib.sha256(cut).hexdigest()
        execute(
            filled,
            "INSERT INTO blob (digest, media_type, size, encoding, content) VALUES (%s, 'image/jpeg', %s, '', %s)",
            fresh, len(cut), cut,
        )  # fmt: skip
        execute(filled, "UPDATE photo SET digest = %s WHERE digest = %s", fresh, digest)
    version = export(filled, tmp_path, Request(size=size))
    assert version.manifest.left_out.get(Skip.DAMAGED, 0) == (40 if size else 0)
    assert (version.folder / "plots" / "examples.png").stat().st_size > 0
