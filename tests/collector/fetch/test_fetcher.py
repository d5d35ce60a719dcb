"""One request: who asks, where it may go, how much it may bring."""

import gzip
import socket
import zlib
from datetime import UTC, datetime

import brotli
import pytest
from backports import zstd
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from collector.errors import HostBusy, Refused, TryLater, Unsafe
from collector.fetch.addresses import AddressRules, is_global
from collector.fetch.fetcher import PAGE_BYTES, Fetcher, Response, Timeouts, check_status, keeps_out, unpack
from tests.demo_site import demo_site

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
MIB = 1024 * 1024


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.0.0.1", "172.16.3.4", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
        "255.255.255.255", "198.18.0.1", "192.0.2.1", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "ff02::1",
        "::ffff:10.0.0.1", "::ffff:127.0.0.1", "2002:0a00:0001::1", "64:ff9b::a00:1", "2001:db8::1", "not an address",
    ],
)  # fmt: skip
def test_what_is_not_on_the_public_internet(address: str) -> None:
    assert not is_global(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "202.210.190.166", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_what_is_on_the_public_internet(address: str) -> None:
    assert is_global(address)


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_is_judged_alike_in_every_ipv6_disguise(address) -> None:
    packed = int(address)
    for disguise in (f"::ffff:{address}", f"64:ff9b::{packed >> 16:x}:{packed & 0xFFFF:x}"):
        assert is_global(disguise) == is_global(str(address))


REAL = AddressRules(["http://old.keibado.ne.jp"])
LOCAL = AddressRules(["http://127.0.0.1:8766"])


@pytest.mark.parametrize(
    "url", ["http://old.keibado.ne.jp/keibabook/", "https://old.keibado.ne.jp/x", "http://OLD.keibado.ne.jp:80/"]
)
def test_the_sites_own_addresses_pass(url: str) -> None:
    REAL.check(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://www.keibado.ne.jp/", "http://old.keibado.ne.jp.evil.example/", "ftp://old.keibado.ne.jp/",
        "file:///etc/passwd", "http://user:word@old.keibado.ne.jp/", "http://old.keibado.ne.jp:8080/",
        "http://old.keibado.ne.jp:99999/", "http://127.0.0.1/", "//old.keibado.ne.jp/", "", "http://[::1/",
        "http://old.keibado.ne.jp/" + "x" * 3000,
    ],
)  # fmt: skip
def test_any_other_address_is_refused(url: str) -> None:
    with pytest.raises(Unsafe):
        REAL.check(url)


def test_a_loopback_site_is_that_port_and_no_other() -> None:
    LOCAL.check("http://127.0.0.1:8766/robots.txt")
    with pytest.raises(Unsafe):
        LOCAL.check("http://127.0.0.1:5432/")


def info(address: str, port: int) -> tuple:
    return (socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))


@pytest.mark.parametrize(
    ("address", "port"), [("127.0.0.1", 80), ("10.1.2.3", 80), ("::1", 80), ("169.254.169.254", 80)]
)
def test_a_name_that_leads_home_is_refused_when_the_connection_is_made(address: str, port: int) -> None:
    with pytest.raises(OSError, match="not on the public internet"):
        REAL.make_socket(info(address, port))
    REAL.make_socket(info("8.8.8.8", 80)).close()
    with pytest.raises(OSError, match="not on the public internet"):
        LOCAL.make_socket(info("127.0.0.1", 5432))
    LOCAL.make_socket(info("127.0.0.1", 8766)).close()


async def test_a_site_whose_name_leads_to_this_machine_is_unsafe(monkeypatch: pytest.MonkeyPatch) -> None:
    """DNS that answers with an inside address (rebinding): the name is the site's, the address is not."""

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list:
        return [{"hostname": host, "host": "127.0.0.1", "port": port, "family": socket.AF_INET, "proto": 6, "flags": 0}]

    monkeypatch.setattr("aiohttp.resolver.DefaultResolver.resolve", resolve)
    async with Fetcher(None, ["http://old.keibado.ne.jp"], Timeouts()) as fetcher:
        with pytest.raises(Unsafe, match="not on the public internet"):
            await fetcher.get("http://old.keibado.ne.jp/", max_bytes=PAGE_BYTES)


async def test_each_request_says_who_asks_and_is_not_followed_anywhere() -> None:
    async with demo_site(hostile=["redirect-loop@/keibabook/bn/2016.html"]) as site:
        async with Fetcher("https://example.org/crawl", [site.base], Timeouts()) as fetcher:
            response = await fetcher.get(f"{site.base}/keibabook/bn/2016.html", max_bytes=PAGE_BYTES)
            assert 300 <= response.status < 400
            assert response.location == f"{site.base}/keibabook/bn/2016.html"
        (request,) = site.requests
    assert request.user_agent == "paddock-collector/0.1.0 (+https://example.org/crawl)"
    assert request.contact == "https://example.org/crawl"


async def test_validators_bring_a_304() -> None:
    async with demo_site() as site, Fetcher(None, [site.base], Timeouts()) as fetcher:
        url = f"{site.base}/keibabook/bn/2016.html"
        first = await fetcher.get(url, max_bytes=PAGE_BYTES)
        again = await fetcher.get(url, max_bytes=PAGE_BYTES, etag=first.etag, last_modified=first.last_modified)
    assert (first.status, again.status, again.body) == (200, 304, b"")


PACKERS = {"gzip": gzip.compress, "br": brotli.compress, "zstd": zstd.compress}


@pytest.mark.parametrize("packing", PACKERS)
@given(body=st.binary(max_size=5000))
def test_a_packed_body_comes_back(packing: str, body: bytes) -> None:
    assert unpack(PACKERS[packing](body), packing, 10_000) == body


@pytest.mark.parametrize("packing", PACKERS)
def test_a_body_that_unpacks_to_more_than_allowed_is_unsafe(packing: str) -> None:
    with pytest.raises(Unsafe, match="larger than"):
        unpack(PACKERS[packing](bytes(40 * MIB)), packing, 5 * MIB)
    assert len(unpack(PACKERS[packing](bytes(5 * MIB)), packing, 5 * MIB)) == 5 * MIB


@pytest.mark.parametrize("packing", PACKERS)
@given(cut=st.integers(1, 200))
def test_a_packed_body_that_is_cut_off_is_not_an_answer(packing: str, cut: int) -> None:
    whole = PACKERS[packing](bytes(range(256)) * 40)
    with pytest.raises(TryLater):
        unpack(whole[: -min(cut, len(whole) - 1)], packing, MIB)


def test_a_coding_that_was_not_asked_for_is_not_an_answer() -> None:
    with pytest.raises(TryLater, match="not asked for"):
        unpack(zlib.compress(b"x"), "deflate", MIB)


def answer(status: int, **headers: str) -> Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response("http://old.keibado.ne.jp/", status, CIMultiDict(named), b"")


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (200, None), (304, None), (404, None), (410, None), (301, None), (308, None),
        (429, HostBusy), (503, HostBusy), (500, TryLater), (502, TryLater), (408, TryLater), (425, TryLater),
        (204, TryLater), (206, TryLater), (401, Refused), (403, Refused), (451, Refused), (400, Refused),
    ],
)  # fmt: skip
def test_a_status_says_what_to_do(status: int, error: type[Exception] | None) -> None:
    if error is None:
        check_status(answer(status), NOW)
        return
    with pytest.raises(error) as caught:
        check_status(answer(status), NOW)
    assert type(caught.value) is error


def test_a_busy_host_says_for_how_long() -> None:
    with pytest.raises(HostBusy) as caught:
        check_status(answer(503, Retry_After="Mon, 23 Nov 2026 12:05:00 GMT"), NOW)
    assert caught.value.retry_after == 300


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        (["noai"], "noai"), (["index, NoImageIndex"], "noimageindex"), (["paddock-collector: noai"], "noai"),
        (["otherbot: noai"], None), (["index, follow"], None), ([], None),
        (["otherbot: noai", "noimageai"], "noimageai"),
        (["unavailable_after: 25 Jun 2030 15:00:00 GMT"], None),
    ],
)  # fmt: skip
def test_the_header_that_keeps_a_photo_out(lines: list[str], found: str | None) -> None:
    assert keeps_out(CIMultiDict([("X-Robots-Tag", line) for line in lines])) == found
