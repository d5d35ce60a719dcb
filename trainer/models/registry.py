"""What others can add to the models, each by a decorator: models, heads, losses, and regressors.

`docs/add-a-model.md` has an example of each. A module with such decorators is loaded if it is installed with an entry
point of the group `paddock.plugins`, or if PADDOCK_PLUGINS names it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from torch import Tensor, nn

from collector.errors import UsageError
from trainer.plugins import digest_of_plugins, load_plugins
from trainer.runs.config import RunConfig

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Parts:
    """A network without its head: from photos to features, `width` numbers for each.

    The backbone gets photos float32 (n, 3, height, width), scaled by `mean` and `std` (of 0..255, for each channel); by
    default they are 0..1. What it returns goes through the neck, which returns features (n, width).
    """

    backbone: nn.Module
    width: int
    neck: nn.Module = field(default_factory=nn.Identity)
    mean: Sequence[float] = (0.0, 0.0, 0.0)
    std: Sequence[float] = (255.0, 255.0, 255.0)


class Head(Protocol):
    """The last layer of a network, an `nn.Module`: from features (n, width) to raw answers (n, numbers)."""

    numbers: int

    def start_at(self, label: float) -> None:
        """Set the answer of the untrained head, 0..1."""
        ...

    def loss(self, raw: Tensor, label: Tensor) -> Tensor:
        """The loss of each example, (n,)."""
        ...

    def value(self, raw: Tensor) -> Tensor:
        """The answers, (n,), 0..1."""
        ...

    def spread(self, raw: Tensor) -> Tensor | None:
        """The standard deviations of the answers, (n,); None if the head predicts none."""
        ...


def digest_of_added(config: RunConfig) -> str:
    """A digest of the files of all plug-ins, if one of them makes a part of a configuration; else empty: what others
    add does not change its answers."""
    return digest_of_plugins() if config.adds else ""


class Registry(Generic[T]):
    """Things of one kind by name."""

    def __init__(self, kind: str, *others: str) -> None:
        self.kind = kind
        self._others = others  # which Paddock finds in another way
        self._held: dict[str, T] = {}

    def register(self, name: str) -> Callable[[T], T]:
        """A decorator that adds a thing under a name.

        Raises:
            UsageError: another one has the name.
        """

        def add(thing: T) -> T:
            if name in self.names:
                raise UsageError(f"Two {self.kind}s are called {name}; rename one of them.")
            self._held[name] = thing
            return thing

        return add

    @property
    def names(self) -> tuple[str, ...]:
        """All names that are taken."""
        return *self._others, *self._held

    def find(self, name: str) -> T:
        """The thing of a name, also of a plug-in.

        Raises:
            UsageError: there is none, or a plug-in cannot be imported.
        """
        load_plugins()
        if name not in self._held:
            raise UsageError(
                f"No {self.kind} is called {name!r}; there are {', '.join(self.names)}. One of your own is known where "
                "its package is installed, or PADDOCK_PLUGINS names its file."
            )
        return self._held[name]


MODELS: Registry[Callable[[RunConfig], Parts]] = Registry("model", "svr")
HEADS: Registry[Callable[[int, RunConfig], Any]] = Registry("head")
LOSSES: Registry[Callable[[Tensor, Tensor], Tensor]] = Registry("loss")
REGRESSORS: Registry[Callable[[RunConfig], Any]] = Registry("regressor", "ridge")

# The decorators. A function under
# model makes the Parts of a network; it draws its weights from torch's generator, which has the run's random seed,
model = MODELS.register
# head makes a Head for features of a width,
head = HEADS.register
# loss gets answers and labels, both (n,) on the scale 1..10, and returns the loss of each, (n,),
loss = LOSSES.register
# regressor makes a regressor of scikit-learn, not yet fitted.
regressor = REGRESSORS.register
