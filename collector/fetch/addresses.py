"""Which addresses are ever contacted: the configured sites' own, and nothing that is not on the public internet."""

import errno
import ipaddress
import socket
from collections.abc import Sequence
from urllib.parse import SplitResult, urlsplit

from collector.errors import Unsafe
from collector.settings import is_loopback

LONGEST_URL = 2000  # characters
NAT64 = ipaddress.ip_network("64:ff9b::/96")
NOT_GLOBAL = "is not on the public internet"
DEFAULT_PORTS = {"http": 80, "https": 443}

AddressInfo = tuple[int, int, int, str, tuple[str | int, ...]]


def is_global(address: str) -> bool:
    """Whether an IP address is on the public internet, also where it hides in an IPv6 form of an IPv4 one."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        translated = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF) if ip in NAT64 else ip.ipv4_mapped
        if translated:
            return is_global(str(translated))
        if any(not is_global(str(inner)) for inner in (ip.sixtofour, *(ip.teredo or ())) if inner):
            return False
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


def _port(parts: SplitResult) -> int | None:
    return parts.port or DEFAULT_PORTS.get(parts.scheme)


class AddressRules:
    """What may be contacted: the hosts of these sites; of loopback sites, exactly their port."""

    def __init__(self, sites: Sequence[str]) -> None:
        self._sites = [urlsplit(site) for site in sites]
        self._plain_origins = tuple(f"{parts.scheme}://{parts.netloc}/" for parts in self._sites)
        self._loopback_ports = {_port(parts) for parts in self._sites if is_loopback(parts.geturl())}

    def check(self, url: str) -> None:
        """Refuse an address that is not on one of the sites.

        Raises:
            Unsafe: says which rule it breaks.
        """
        if len(url) > LONGEST_URL:
            raise Unsafe(f"an address of {len(url)} characters is not asked for")
        if url.startswith(self._plain_origins):
            return  # one of the sites, as it is configured, and a path
        try:
            parts = urlsplit(url)
            port = _port(parts)
        except ValueError as error:
            raise Unsafe(f"{url!r} is not an address ({error})") from error
        if parts.scheme not in DEFAULT_PORTS:
            raise Unsafe(f"{url} is neither http nor https")
        if parts.username is not None or parts.password is not None:
            raise Unsafe("an address with a user name in it is not asked for")
        if not any(self._is_on(parts, port, site) for site in self._sites):
            raise Unsafe(f"{url} is on none of the sites")

    @staticmethod
    def _is_on(parts: SplitResult, port: int | None, site: SplitResult) -> bool:
        if parts.hostname != site.hostname:
            return False
        ports = {_port(site)} | (set(DEFAULT_PORTS.values()) if site.port is None else set())
        return port in ports

    def make_socket(self, info: AddressInfo) -> socket.socket:
        """The socket for a connection about to be made: the last look at where it really goes, after DNS."""
        family, kind, protocol, _, (address, port, *_rest) = info
        configured = ipaddress.ip_address(str(address)).is_loopback and port in self._loopback_ports
        if not configured and not is_global(str(address)):
            raise OSError(errno.EACCES, f"{address} {NOT_GLOBAL}")
        return socket.socket(family, kind, protocol)
