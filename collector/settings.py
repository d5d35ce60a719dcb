"""What can be configured, read once from the environment (PADDOCK_*) and a .env file."""

import ipaddress
import os
import re
import unicodedata
from collections.abc import Iterable
from datetime import time
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from dotenv import dotenv_values
from platformdirs import user_data_path
from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from collector.errors import UsageError

HOURS = re.compile(r"(\d{1,2}):(\d{2})-(\d{1,2}):(\d{2})")
CONTACT = re.compile(r"[!-~]+@[!-~]+|https?://[!-~]+")  # goes into headers, so nothing but visible ASCII
TOKEN = re.compile(r"[\w-]{16,200}", re.ASCII)  # goes into an address and a header
DEMO_PORT = 8766
ADDRESS = re.compile(r"PADDOCK_[A-Z][A-Z0-9_]*_URL")  # of a source's site
OURS = "PADDOCK_DATABASE_URL"


def default_home() -> Path:
    """The platform's user data folder; for root, whose own folder Postgres (not root) cannot enter, a system one."""
    return Path("/var/lib/paddock") if hasattr(os, "geteuid") and os.geteuid() == 0 else user_data_path("paddock")


def is_loopback(url: str) -> bool:
    """Whether a URL's host is this machine itself, by name or by address."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def read_address(name: str, value: str, example: str) -> str | None:
    """The address of a site as a variable says it; None where the variable is empty, which switches the site off.

    Raises:
        UsageError: it is not the address of a site; names the variable.
    """
    if not value.strip():
        return None
    try:
        parts = urlsplit(value.strip())
        usable = parts.scheme in ("http", "https") and parts.hostname and (parts.port or 1)
    except ValueError:
        usable = False
    if not usable:
        said = "what stands there" if "@" in value else repr(value)  # a password, maybe
        raise UsageError(f"{name}: {said} is not a site; write it as {example}.")
    return value.strip().rstrip("/")


def _read_urls() -> dict[str, str]:
    """The addresses of sites in the environment, and in .env where the environment says nothing."""
    held = {name.upper(): value or "" for name, value in dotenv_values(".env").items()}
    held |= {name.upper(): value for name, value in os.environ.items()}  # noqa: TID251  (this is settings.py)
    return {name: value for name, value in held.items() if ADDRESS.fullmatch(name) and name != OURS}


class Settings(BaseSettings):
    """Everything a command may need to know. Built in the command line, handed on as plain values."""

    model_config = SettingsConfigDict(env_prefix="PADDOCK_", env_file=".env", extra="ignore", frozen=True)

    home: Path = Field(default_factory=default_home, validate_default=True)
    database_url: str | None = None  # postgresql://...; unset: the embedded Postgres under home
    contact: str | None = None  # an address or URL; goes into User-Agent and From
    urls: dict[str, str] = Field(default_factory=_read_urls)  # by variable: the addresses of sources' sites
    crawl_delay: float = Field(default=5.0, ge=0)  # seconds between requests to one host
    hours: Annotated[tuple[time, time] | None, NoDecode] = None  # opening hours in Asia/Tokyo
    labels_cron: str | None = "0 2 * * *"  # when labels are refreshed, Asia/Tokyo; empty: never
    back_numbers_cron: str | None = "0 9 * * 1"  # when new back numbers are looked for
    demo_port: int = Field(default=DEMO_PORT, ge=1, le=65535)
    serve_token: str | None = None  # what `trainer serve` asks for; unset: made at start where one is needed
    demo: bool = False

    @field_validator("home", mode="before")
    @classmethod
    def _read_home(cls, value: object) -> object:
        if not isinstance(value, str | Path):
            return value
        if not str(value).strip():
            raise ValueError("it is empty; name a folder, or unset it")
        if any(unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") for letter in str(value)):
            raise ValueError(f"{str(value)!r} has a line break, or what cannot be shown, in it; name another folder")
        try:
            # Shells expand ~ in most places, a .env file never does; and another process may be in another folder.
            return Path(value).expanduser().absolute()
        except (RuntimeError, OSError) as error:
            raise ValueError(f"{str(value)!r} names no folder ({error}); write its whole path") from error

    @field_validator("hours", mode="before")
    @classmethod
    def _read_hours(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        match = HOURS.fullmatch(value.strip())
        if not match:
            raise ValueError(f"{value!r} is not opening hours; write them as 01:00-06:00")
        start_hour, start_minute, end_hour, end_minute = map(int, match.groups())
        if end_hour == 24 and end_minute == 0:
            end_hour = 0
        return time(start_hour, start_minute), time(end_hour, end_minute)

    @field_validator("contact")
    @classmethod
    def _check_contact(cls, value: str | None) -> str | None:
        if value and not CONTACT.fullmatch(value):
            raise ValueError(f"{value!r} is no contact; write an address (you@example.org) or a URL (https://...)")
        return value or None

    @field_validator("database_url")
    @classmethod
    def _read_database_url(cls, value: str | None) -> str | None:
        return (value or "").strip() or None

    @field_validator("serve_token")
    @classmethod
    def _check_token(cls, value: str | None) -> str | None:
        if value and not TOKEN.fullmatch(value):
            raise ValueError("a token is 16 to 200 letters, digits, - and _")  # and is not told
        return value or None

    def check_crawl(self, sites: Iterable[str]) -> None:
        """Refuse to crawl a real site without a contact, or too fast.

        Raises:
            UsageError: with the variable to set.
        """
        real = [site for site in sites if not is_loopback(site)]
        if real and not self.contact:
            raise UsageError(
                f"{real[0]} is a real site: set PADDOCK_CONTACT to an address or URL where its keepers "
                "can reach you (or add --demo to try everything on a local look-alike)."
            )
        if real and self.crawl_delay < 1:
            raise UsageError(
                f"PADDOCK_CRAWL_DELAY={self.crawl_delay:g} is under one second, which is allowed for a "
                "site on this machine only; set it to 1 or more."
            )

    def for_demo(self) -> Self:
        """The same settings for the look-alike site: a home and a database of its own, no contact."""
        return self.model_copy(
            update={
                "home": self.home / "demo",
                "database_url": None,
                "crawl_delay": 0.0,  # the look-alike's own Crawl-delay holds
                "hours": None,
                "demo": True,
            }
        )


def load_settings() -> Settings:
    """The settings of this process.

    Raises:
        UsageError: names the variable that cannot be understood.
    """
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = f"PADDOCK_{'_'.join(str(part) for part in first['loc']).upper()}"
        raise UsageError(f"{name}: {first['msg'].removeprefix('Value error, ')}.") from error
    except UnicodeDecodeError as error:
        raise UsageError(f".env in {Path.cwd()} is no UTF-8 text, so it cannot be read: {error.reason}.") from error
