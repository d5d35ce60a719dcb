"""The settings, read once from the environment (PADDOCK_*) and a .env file."""

import ipaddress
import os
import re
import unicodedata
from collections.abc import Iterable
from datetime import time
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import parse_qs, urlsplit

from dotenv import dotenv_values
from platformdirs import user_data_path
from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from collector.errors import UsageError

HOURS = re.compile(r"(\d{1,2}):(\d{2})-(\d{1,2}):(\d{2})")
CONTACT = re.compile(r"[!-~]+@[!-~]+|https?://[!-~]+")  # it goes into headers, so only visible ASCII
TOKEN = re.compile(r"[\w-]{16,200}", re.ASCII)  # it goes into an address and a header
DEMO_PORT = 8766
ADDRESS = re.compile(r"PADDOCK_[A-Z][A-Z0-9_]*_URL")  # of a source's site
OURS = "PADDOCK_DATABASE_URL"


def default_home() -> Path:
    """The platform's user data folder; for root a system folder, because Postgres, not as root, cannot enter /root."""
    return Path("/var/lib/paddock") if hasattr(os, "geteuid") and os.geteuid() == 0 else user_data_path("paddock")


def is_loopback(url: str) -> bool:
    """Whether a URL's host is this machine, by name or by address."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def read_address(name: str, value: str, example: str) -> str | None:
    """The address of a site in a variable's value; None where the value is empty, which switches the site off.

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
        shown = "its value" if "@" in value else repr(value)  # it may hold a password
        raise UsageError(f"{name}: {shown} is not a site; write it as {example}.")
    return value.strip().rstrip("/")


def _read_urls() -> dict[str, str]:
    """The addresses of sites in .env and in the environment, which has priority."""
    held = {name.upper(): value or "" for name, value in dotenv_values(".env").items()}
    held |= {name.upper(): value for name, value in os.environ.items()}  # noqa: TID251  (this is settings.py)
    return {name: value for name, value in held.items() if ADDRESS.fullmatch(name) and name != OURS}


def _names(value: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in value.split(",") if name.strip())


class Settings(BaseSettings):
    """All settings of a command. Built in the command line, and passed on as plain values."""

    model_config = SettingsConfigDict(env_prefix="PADDOCK_", env_file=".env", extra="ignore", frozen=True)

    home: Path = Field(default_factory=default_home, validate_default=True)
    database_url: str | None = None  # postgresql://...; unset: the embedded Postgres under home
    contact: str | None = None  # an address or URL; goes into User-Agent and From
    urls: dict[str, str] = Field(default_factory=_read_urls)  # variable -> address of a source's site
    photographer: str | None = Field(default=None, max_length=500)  # who takes the photos of `import --camera`
    rights: str | None = Field(default=None, max_length=500)  # what may be done with these photos
    accept: Annotated[tuple[str, ...], NoDecode] = ()  # sources whose terms are accepted, by name, with commas
    crawl_delay: float = Field(default=5.0, ge=0)  # seconds between requests to one host
    hours: Annotated[tuple[time, time] | None, NoDecode] = None  # opening hours in Asia/Tokyo
    labels_cron: str | None = "0 2 * * *"  # when labels are refreshed, Asia/Tokyo; empty: never
    back_numbers_cron: str | None = "0 9 * * 1"  # when the crawl looks for new back numbers
    demo_port: int = Field(default=DEMO_PORT, ge=1, le=65535)
    serve_token: str | None = None  # the token that both servers require; unset: made at start if needed
    answers: str | None = None  # the address of `trainer serve`, which `collector serve` asks; empty: nobody
    # Modules that add models to the trainer: .py files or names, with commas between them.
    plugins: Annotated[tuple[str, ...], NoDecode] = ()
    demo: bool = False

    @field_validator("home", mode="before")
    @classmethod
    def _read_home(cls, value: object) -> object:
        if not isinstance(value, str | Path):
            return value
        if not str(value).strip():
            raise ValueError("it is empty; name a folder, or unset it")
        if any(unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") for letter in str(value)):
            raise ValueError(f"{str(value)!r} has a line break or an invisible character in it; name another folder")
        try:
            # A .env file does not expand ~ as shells do. The path is absolute: another process may run elsewhere.
            return Path(value).expanduser().absolute()
        except (RuntimeError, OSError) as error:
            raise ValueError(f"{str(value)!r} does not name a folder ({error}); write its whole path") from error

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

    @field_validator("accept", mode="before")
    @classmethod
    def _read_accept(cls, value: object) -> object:
        return _names(value) if isinstance(value, str) else value

    @field_validator("plugins", mode="before")
    @classmethod
    def _read_plugins(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        # A path is absolute: a job runs in another folder.
        return tuple(str(Path(its).expanduser().absolute()) if its.endswith(".py") else its for its in _names(value))

    @field_validator("contact")
    @classmethod
    def _check_contact(cls, value: str | None) -> str | None:
        if value and not CONTACT.fullmatch(value):
            raise ValueError(f"{value!r} is not a contact; write an address (you@example.org) or a URL (https://...)")
        return value or None

    @field_validator("database_url")
    @classmethod
    def _read_database_url(cls, value: str | None) -> str | None:
        return (value or "").strip() or None

    @field_validator("answers")
    @classmethod
    def _check_answers(cls, value: str | None) -> str | None:
        try:
            address = read_address("PADDOCK_ANSWERS", value or "", "http://127.0.0.1:8771")
        except UsageError as error:
            raise ValueError(str(error).removeprefix("PADDOCK_ANSWERS: ").removesuffix(".")) from error
        parts = urlsplit(address or "")
        tokens = parse_qs(parts.query, keep_blank_values=True).get("token", [])
        if parts.username is not None or not all(map(TOKEN.fullmatch, tokens)):  # secret, so it is not shown
            raise ValueError(
                "it has a user, or a token that no server asks for; write one of 16 to 200 letters, digits, - and _ "
                "behind ?token="
            )
        return address

    @field_validator("serve_token")
    @classmethod
    def _check_token(cls, value: str | None) -> str | None:
        if value and not TOKEN.fullmatch(value):
            raise ValueError("a token is 16 to 200 letters, digits, - and _")  # the value is secret, so it is not shown
        return value or None

    def check_crawl(self, sites: Iterable[str]) -> None:
        """Refuse to crawl a real site without a contact, or too fast.

        Raises:
            UsageError: with the variable to set.
        """
        real = [site for site in sites if not is_loopback(site)]
        if real and not self.contact:
            raise UsageError(
                f"{real[0]} is a real site: set PADDOCK_CONTACT to an address or URL where its owners "
                "can reach you (or add --demo to try everything on a local look-alike)."
            )
        if real and self.crawl_delay < 1:
            raise UsageError(
                f"PADDOCK_CRAWL_DELAY={self.crawl_delay:g} is under one second, which is allowed only for a "
                "site on this machine; set it to 1 or more."
            )

    def for_demo(self) -> Self:
        """The same settings for the look-alike: its own home and database, no contact."""
        return self.model_copy(
            update={
                "home": self.home / "demo",
                "database_url": None,
                "crawl_delay": 0.0,  # the look-alike's robots.txt sets the delay
                "hours": None,
                "accept": (),
                "demo": True,
            }
        )


def load_settings() -> Settings:
    """The settings of this process.

    Raises:
        UsageError: a value is not valid; names the variable.
    """
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = f"PADDOCK_{'_'.join(str(part) for part in first['loc']).upper()}"
        raise UsageError(f"{name}: {first['msg'].removeprefix('Value error, ')}.") from error
    except UnicodeDecodeError as error:
        raise UsageError(f".env in {Path.cwd()} is not UTF-8 text, so it cannot be read: {error.reason}.") from error
