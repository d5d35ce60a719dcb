"""A trial of what a plug-in adds, as soon as a network is built with it: a mistake in it is a sentence then, and not an
answer of a wrong shape, which arrays would take without a word."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from collector.errors import UsageError
from trainer.models.registry import Head
from trainer.plugins import in_words, place_in_plugin
from trainer.runs.config import RunConfig

COUNT = 2  # grey photos that are tried


@contextmanager
def blaming(what: str) -> Iterator[None]:
    """Turn an error of a plug-in's code into a sentence that says what it was raised by, and where.

    Raises:
        UsageError: there was one.
    """
    try:
        yield
    except UsageError:
        raise
    except Exception as error:
        raise UsageError(f"The {what} fails{place_in_plugin(error)}: {in_words(error)}") from error


def try_out(network: Any, config: RunConfig, width: int) -> None:
    """Let a new network see COUNT photos, and its heads judge what it answers; the network stays as it is.

    Raises:
        UsageError: its code fails, or what it returns has not the shape that `docs/add-a-model.md` says.
    """
    network.eval()
    with torch.random.fork_rng(devices=()), torch.no_grad():
        with blaming(model := f"model {config.network}"):
            features = network.features(torch.full((COUNT, 3, config.height, config.width), 127.5))
        _check(model, "features", features, (COUNT, width))
        for head in network.head:
            _try_head(head, features, config)
    network.train()


def _try_head(head: Head, features: Tensor, config: RunConfig) -> None:
    name = f"head {config.head}"
    with blaming(name):
        raw, numbers = head(features), head.numbers  # pyright: ignore[reportCallIssue]
    _check(name, "raw answers", raw, (COUNT, numbers))
    with blaming(name):
        value, spread = head.value(raw), head.spread(raw)
    _check(name, "values", value, (COUNT,))
    if spread is not None:
        _check(name, "spreads", spread, (COUNT,))
    name = f"loss {config.loss}" if config.head == "plain" else name
    with blaming(name):
        loss = head.loss(raw, torch.full((COUNT,), 0.5))
    _check(name, "losses", loss, (COUNT,))


def _check(what: str, its: str, found: Any, expected: tuple[int, ...]) -> None:
    shape = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
    if shape != expected:
        raise UsageError(f"The {what} gives {its} of the shape {shape} for {COUNT} photos; it has to be {expected}.")
