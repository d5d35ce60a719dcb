"""How often one client may ask: a bucket of tokens each, which fills again with time. Pure."""

import ipaddress
from collections import OrderedDict

MOST_CLIENTS = 10_000  # that are remembered


def client_of(address: str | None) -> str:
    """Who counts as one client: an IPv4 address, or the 64 bits of an IPv6 address that one line has."""
    try:
        ip = ipaddress.ip_address((address or "").partition("%")[0])
    except ValueError:
        return address or "?"
    if isinstance(ip, ipaddress.IPv6Address):
        return str(ip.ipv4_mapped or ipaddress.ip_network((ip, 64), strict=False))
    return str(ip)


class Buckets:
    """A bucket for each client, full at first."""

    def __init__(self, rate: float, burst: float) -> None:
        self._rate = rate  # tokens a second
        self._burst = burst  # tokens at most
        self._held: OrderedDict[str, tuple[float, float]] = OrderedDict()  # client -> tokens, as of when

    def take(self, client: str, cost: float, now: float) -> float:
        """Seconds until this much would be there; 0 where it was there and is taken now."""
        tokens, at = self._held.pop(client, (self._burst, now))
        tokens = min(self._burst, tokens + (now - at) * self._rate)
        enough = tokens >= cost
        self._held[client] = (tokens - cost if enough else tokens, now)
        if len(self._held) > MOST_CLIENTS:
            self._held.popitem(last=False)  # who has not asked for the longest time
        return 0.0 if enough else (cost - tokens) / self._rate
