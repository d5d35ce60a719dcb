"""Files that mean harm, or that are damaged: named, counted, nothing of them half-written, and memory stays bounded."""

import gzip
import io
import os
import resource
import socket
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from backports import zstd

from collector.codes import Aside
from collector.imports import files as files_module
from collector.imports.captures import Capture, LeftOut
from collector.imports.files import Files
from tests.collector.imports.conftest import Home
from tests.collector.imports.saved import Saved, bring, later, left, record, response, rows, warc, write_folder

PAGE = b"<html><body>201601010101</body></html>"
MEGABYTE = 1 << 20


def found(*paths: Path) -> tuple[list[str], list[tuple[str, str]]]:
    """The names of the captures, and what is left out with its reason."""
    captures, out = list[str](), list[tuple[str, str]]()
    for one in Files(list(paths)).captures():
        if isinstance(one, Capture):
            captures.append(one.file)
        else:
            out.append((one.file, str(one.code)))
    return captures, out


def tar_of(*members: tuple[str, bytes | str, bytes], mode: str = "w") -> bytes:
    """A tar archive: name, type, and content or what it links to."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:  # type: ignore[call-overload]
        for name, kind, content in members:
            info = tarfile.TarInfo(name)
            info.type = kind if isinstance(kind, bytes) else tarfile.REGTYPE
            if info.type == tarfile.REGTYPE:
                info.size = len(content)
            else:
                info.linkname = content.decode()
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def zip_of(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return out.getvalue()


def peak() -> int:
    """The most memory that this process has had, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


# --- where archives would lead ----------------------------------------------------------------------------


def test_names_that_lead_out_of_an_archive_lead_nowhere(tmp_path: Path) -> None:
    names = ["../../201601010101.bin", "/etc/201601010102.bin", "a/../../201601010103.bin", "..\\201601010104.bin"]
    (tmp_path / "a.zip").write_bytes(zip_of(*[(name, PAGE) for name in names]))
    (tmp_path / "b.tar").write_bytes(tar_of(*[(name, "", PAGE) for name in names]))
    before = sorted(tmp_path.parent.rglob("*"))
    captures, out = found(tmp_path / "a.zip", tmp_path / "b.tar")
    assert captures[:2] == ["a.zip/201601010101.bin", "a.zip/etc/201601010102.bin"]
    assert len(captures) == 8
    assert not any(".." in name for name in captures)
    assert out == []
    assert sorted(tmp_path.parent.rglob("*")) == before


def test_links_and_devices_in_a_tar_are_left_out(tmp_path: Path) -> None:
    kinds = [(tarfile.SYMTYPE, "link"), (tarfile.LNKTYPE, "link"), (tarfile.CHRTYPE, "not_a_file"),
             (tarfile.FIFOTYPE, "not_a_file")]  # fmt: skip
    members = [(f"{number}.bin", kind, b"/etc/passwd") for number, (kind, _) in enumerate(kinds)]
    (tmp_path / "a.tar").write_bytes(tar_of(*members, ("201601010101.bin", "", PAGE)))
    captures, out = found(tmp_path)
    assert captures == [f"{tmp_path.name}/a.tar/201601010101.bin"]
    assert [code for _, code in out] == [code for _, code in kinds]


def test_links_and_devices_in_a_folder_are_left_out(tmp_path: Path) -> None:
    folder = tmp_path / "pages"
    folder.mkdir()
    (folder / "201601010101.bin").write_bytes(PAGE)
    (folder / "loop").symlink_to(folder, target_is_directory=True)
    (folder / "dangling.bin").symlink_to("nowhere")
    (folder / "me.bin").symlink_to("me.bin")
    os.mkfifo(folder / "pipe.bin")
    with socket.socket(socket.AF_UNIX) as listening:
        os.chdir(folder)  # a socket's name must be short
        listening.bind("socket.bin")
        captures, out = found(folder)
    assert captures == ["pages/201601010101.bin"]
    assert sorted(out) == [
        ("pages/dangling.bin", "cannot_read"), ("pages/loop", "link"), ("pages/me.bin", "cannot_read"),
        ("pages/pipe.bin", "not_a_file"), ("pages/socket.bin", "not_a_file"),
    ]  # fmt: skip


def test_a_pipe_that_takes_a_files_place_stops_nothing(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "201601010101.bin")
    with pytest.raises(files_module.Failed) as failed:
        files_module.opened(tmp_path / "201601010101.bin")
    assert failed.value.code is Aside.NOT_A_FILE
    open_before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(IsADirectoryError):
        files_module.opened(tmp_path)
    assert len(list(Path("/proc/self/fd").iterdir())) == open_before


# --- what grows ---------------------------------------------------------------------------------------------


def zeros_in_gzip(path: Path, size: int) -> None:
    with gzip.open(path, "wb") as file:
        for _ in range(size // MEGABYTE):
            file.write(bytes(MEGABYTE))


def test_bombs_are_named_and_fit_in_memory(tmp_path: Path) -> None:
    zeros_in_gzip(tmp_path / "201601010101.bin.gz", 200 * MEGABYTE)
    (tmp_path / "201601010102.bin.zst").write_bytes(zstd.compress(bytes(200 * MEGABYTE)))
    (tmp_path / "c.zip").write_bytes(zip_of(("201601010103.bin", bytes(200 * MEGABYTE))))
    before = peak()
    captures, out = found(tmp_path)
    assert captures == []
    assert [code for _, code in out] == ["too_large", "too_large", "bomb"]
    assert peak() - before < 80 * MEGABYTE


def test_a_tar_that_grows_too_much_is_given_up(tmp_path: Path) -> None:
    header = tarfile.TarInfo("201601010101.bin")
    header.size = 1 << 33
    with gzip.open(tmp_path / "a.tar.gz", "wb") as file:
        file.write(tar_of(("201601010102.bin", "", PAGE))[:1024] + header.tobuf())
        for _ in range(100):
            file.write(bytes(MEGABYTE))
    before = peak()
    captures, out = found(tmp_path)
    assert [name.rpartition("/")[2] for name in captures] == ["201601010102.bin"]
    assert [code for _, code in out] == ["too_large", "bomb"]
    assert peak() - before < 80 * MEGABYTE


def test_a_tar_whose_names_would_fill_the_memory_is_given_up(tmp_path: Path) -> None:
    header = tarfile.TarInfo("x")
    header.type, header.size = tarfile.XHDTYPE, 1 << 32
    with gzip.open(tmp_path / "a.tar.gz", "wb") as file:
        file.write(header.tobuf() + bytes(MEGABYTE))
    assert [code for _, code in found(tmp_path)[1]] == ["bomb"]


def test_a_tar_of_many_members_fits_in_memory(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for number in range(20_000):
            archive.addfile(tarfile.TarInfo(f"{number}.txt"))
            archive.members.clear()  # pyright: ignore[reportAttributeAccessIssue]
    before = peak()
    count = sum(1 for _ in Files([tmp_path]).captures())
    assert count == 20_000
    assert peak() - before < 10 * MEGABYTE


@pytest.mark.parametrize("count", [10_000_000, 65_535])
def test_a_zip_of_too_many_members_is_refused_by_what_its_end_says(tmp_path: Path, count: int) -> None:
    """The directory would be 600 MB: a sparse file, of which only the end is read."""
    length = 60 * count if count > 65_535 else 30_000_000
    with (tmp_path / "a.zip").open("wb") as file:
        file.truncate(length)
        file.seek(length)
        if count > 65_535:
            file.write(struct.pack("<4sQHHIIQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, length, 0))
            file.write(struct.pack("<4sIQI", b"PK\x06\x07", 0, length, 1))
        short = min(count, 65_535)
        file.write(struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, short, short, min(length, 0xFFFFFFFF), 0, 0))
    before = peak()
    assert [code for _, code in found(tmp_path / "a.zip")[1]] == ["too_many"]
    assert peak() - before < 30 * MEGABYTE


def test_an_archive_may_be_in_an_archive_and_no_deeper(tmp_path: Path, crawled: Home) -> None:
    page = crawled.of("race_result")[0]
    inner = warc([page])
    deep = tar_of(("b.tar", "", tar_of(("c.tar", "", tar_of(("201601010101.bin", "", PAGE))))))
    (tmp_path / "a.zip").write_bytes(zip_of(("x.warc.gz", inner), ("deep.tar", deep), ("y.zip", zip_of(("a", PAGE)))))
    captures, out = found(tmp_path)
    assert captures == [f"{tmp_path.name}/a.zip/x.warc.gz#1"]
    assert [(name.rpartition("/")[2], code) for name, code in out] == [("b.tar", "nested"), ("y.zip", "nested")]


# --- names --------------------------------------------------------------------------------------------------


def test_names_in_shift_jis_are_read(tmp_path: Path) -> None:
    name = "競馬/結果_201601010101.bin"
    raw = name.encode("cp932")
    content = zip_of(("X" * len(raw), PAGE)).replace(b"X" * len(raw), raw)
    (tmp_path / "a.zip").write_bytes(content)
    folder = os.fsencode(tmp_path) + b"/" + "結果".encode("cp932")
    os.mkdir(folder)  # noqa: PTH102
    with open(folder + b"/" + "結果.txt".encode("cp932"), "wb"):  # noqa: PTH123
        pass
    captures, out = found(tmp_path)
    assert captures == [f"{tmp_path.name}/a.zip/{name}"]
    assert out == [(f"{tmp_path.name}/結果/結果.txt", "no_page")]


def test_encrypted_members_and_other_methods_are_left_out(tmp_path: Path) -> None:
    plain = bytearray(zip_of(("201601010101.bin", PAGE)))
    at = plain.index(b"PK\x01\x02")
    plain[at + 8] |= 1
    (tmp_path / "a.zip").write_bytes(plain)
    (tmp_path / "b.zip").write_bytes(zip_of(("201601010101.bin", PAGE), method=zipfile.ZIP_LZMA))
    (tmp_path / "c.zip").write_bytes(b"not a zip")
    (tmp_path / "d.tar").write_bytes(b"not a tar" * 100)
    (tmp_path / "e.tar.gz").write_bytes(b"not packed")
    assert [code for _, code in found(tmp_path)[1]] == ["encrypted", "broken", "cut_off", "broken", "broken"]


# --- WARC ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("packed", [True, False])
def test_of_a_warc_cut_in_half_what_came_before_counts(tmp_path: Path, crawled: Home, packed: bool) -> None:
    pages = crawled.of("race_result")[:4]
    whole = warc(pages, packed=packed)
    half = len(warc(pages[:2], packed=packed)) + len(warc(pages[2:3], packed=packed)) // 2
    (tmp_path / ("a.warc.gz" if packed else "a.warc")).write_bytes(whole[:half])
    captures, out = found(tmp_path)
    assert len(captures) == 2
    assert [code for _, code in out] == ["cut_off"]


@pytest.mark.slow
def test_a_record_of_four_gigabytes_is_skipped_unread(tmp_path: Path, crawled: Home) -> None:
    page = crawled.of("race_result")[0]
    huge = later(page, body=b"")
    length = len(response(huge)) - response(huge).index(b"HTTP/1.1") - 4
    head = response(huge).replace(b"Content-Length: %d" % length, b"Content-Length: 4294967296")[:-4]
    with (tmp_path / "a.warc").open("wb") as file:
        file.write(head)
        end = len(head) - length + (1 << 32)
        file.truncate(end)
        file.seek(end)
        file.write(b"\r\n\r\n" + response(page))
    before = peak()
    one, other = list(Files([tmp_path]).captures())
    assert isinstance(one, LeftOut)
    assert one.code is Aside.TOO_LARGE
    assert isinstance(other, Capture)
    assert other.body == page.body
    assert peak() - before < 60 * MEGABYTE


def test_a_warc_whose_head_has_no_end_is_given_up(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "a.warc.gz", "wb") as file:
        file.write(b"WARC/1.1\r\nX: " + b"x" * (200 * MEGABYTE))
    before = peak()
    assert [code for _, code in found(tmp_path)[1]] == ["broken"]
    assert peak() - before < 60 * MEGABYTE


def test_packed_and_chunked_answers_are_read_and_never_grow_too_much(tmp_path: Path, crawled: Home) -> None:
    page = crawled.of("race_result")[0]
    half = len(page.body) // 2
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (page.body[:half], page.body[half:], b""))
    answers = [
        response(later(page, body=gzip.compress(page.body)), "Content-Encoding: gzip"),
        response(later(page, body=page.body), "Content-Encoding: gzip"),  # saved unpacked, with the header as it was
        response(later(page, body=chunks), "Transfer-Encoding: chunked"),
        response(later(page, body=zstd.compress(bytes(200 * MEGABYTE))), "Content-Encoding: zstd"),
        response(page, status="404 Not Found"),
        record("revisit", page.url, b"", "2020-01-01T00:00:00Z"),
        record("metadata", page.url, b"x" * 100, "2020-01-01T00:00:00Z"),
    ]
    (tmp_path / "a.warc").write_bytes(b"".join(answers))
    before = peak()
    every = list(Files([tmp_path]).captures())
    assert [one.body for one in every if isinstance(one, Capture)] == [page.body] * 3
    assert [one.code for one in every if isinstance(one, LeftOut)] == ["too_large", "no_answer", "revisit"]
    assert peak() - before < 80 * MEGABYTE


# --- pages --------------------------------------------------------------------------------------------------


async def test_a_page_that_claims_another_id_is_set_aside(conninfo: str, crawled: Home, tmp_path: Path) -> None:
    one, other = crawled.of("race_result")[:2]
    horse = crawled.of("horse")[0]
    (tmp_path / other.name.rpartition("/")[2]).write_bytes(one.body)
    canonical = b'<head><link rel="canonical" href="https://db.netkeiba.com/horse/2001101234/">'
    (tmp_path / horse.name.rpartition("/")[2]).write_bytes(horse.body.replace(b"<head>", canonical))
    (tmp_path / "a.warc").write_bytes(response(later(one, url=other.url)))
    report = await bring(conninfo, tmp_path)
    assert left(report) == {"contradiction": 3}
    assert rows(conninfo, "SELECT (SELECT count(*) FROM page), (SELECT count(*) FROM blob)") == [(0, 0)]


def block(page: Saved) -> Saved:
    return later(page, body=b"<html><title>403 Forbidden</title><h1>403 Forbidden</h1></html>")


def lossy(page: Saved) -> Saved:
    text = page.body.decode("euc_jp", "replace")
    return later(page, body=text.replace("馬", "\ufffd").encode())


CASES: list[tuple[str, Callable[[Saved], Saved]]] = [
    ("block_page", block),
    ("damaged_text", lossy),
    ("damaged_text", lambda page: later(page, body=page.body[:5000] + b"\xff\xff\xff" + page.body[5000:])),
    ("unreadable", lambda page: later(page, body=page.body[: len(page.body) // 2])),
    ("unreadable", lambda page: later(page, body=b"<html>a page that nobody knows</html>")),
    ("empty", lambda page: later(page, body=b"")),
    ("no_site", lambda page: later(page, url="https://www.example.com/race/201601010101/")),
    ("no_answer", lambda page: later(page, url="ftp://db.netkeiba.com/race/201601010101/")),
    ("no_kind", lambda page: later(page, url="https://db.netkeiba.com/jockey/00666/")),
]


@pytest.mark.parametrize(("why", "spoiled"), CASES)
async def test_what_is_not_a_page_is_named_and_nothing_of_it_is_stored(
    conninfo: str, crawled: Home, tmp_path: Path, why: str, spoiled: Callable[[Saved], Saved]
) -> None:
    (tmp_path / "a.warc").write_bytes(response(spoiled(crawled.of("race_result")[0])))
    report = await bring(conninfo, tmp_path)
    assert left(report) == {why: 1}
    assert rows(conninfo, "SELECT (SELECT count(*) FROM page), (SELECT count(*) FROM blob)") == [(0, 0)]


async def test_a_page_saved_as_utf8_is_read_as_that_whatever_it_says(
    conninfo: str, other_conninfo: str, crawled: Home, tmp_path: Path
) -> None:
    from collector.sources.text_tools.text import decode

    pages = crawled.of("race_result", "horse")
    anew = [later(page, body=decode(page.body, page.media_type, "euc-jp").encode()) for page in pages]
    assert b"charset=euc-jp" in anew[0].body
    report = await bring(conninfo, write_folder(tmp_path / "a", anew))
    assert (report.brought, report.saved_anew) == (len(pages), len(pages))
    await bring(other_conninfo, write_folder(tmp_path / "b", pages))
    names = "SELECT horse_name, jockey FROM entry ORDER BY race_id, runner"
    assert rows(conninfo, names) == rows(other_conninfo, names)
    assert {row for (row,) in rows(conninfo, "SELECT media_type FROM page WHERE digest IS NOT NULL")} == {
        "text/html; charset=utf-8"
    }
