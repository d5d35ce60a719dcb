"""Why a request gets no answer: one sentence and a status, for programs in English, for people in their language."""

from dataclasses import dataclass

from collector.console.catalogue import SERVERS, Catalogue


@dataclass(frozen=True, slots=True)
class ProblemKind:
    """A sort of problem."""

    word: str  # by which programs decide
    status: int  # of HTTP
    words: Catalogue = SERVERS  # that has its sentence


class Code:
    """What can be wrong with a request to any server of this project; a server's own problems are a subclass."""

    NOT_UNDERSTOOD = ProblemKind("not_understood", 400)
    NOT_FOUND = ProblemKind("not_found", 404)
    METHOD = ProblemKind("method", 405)
    BUSY = ProblemKind("busy", 503)
    TOO_OFTEN = ProblemKind("too_often", 429)
    TOO_SLOW = ProblemKind("too_slow", 503)
    TOO_LARGE = ProblemKind("too_large", 413)
    TOO_MANY = ProblemKind("too_many", 413)
    NO_PICTURE = ProblemKind("no_picture", 422)
    NO_LONGER_HELD = ProblemKind("no_longer_held", 404)
    NO_TOKEN = ProblemKind("no_token", 401)
    WRONG_HOST = ProblemKind("wrong_host", 421)
    FROM_ELSEWHERE = ProblemKind("from_elsewhere", 403)
    FAILED = ProblemKind("failed", 500)


def problem_kinds(codes: type[Code]) -> list[ProblemKind]:
    """All problems of a server."""
    named = (getattr(codes, name) for name in dir(codes))
    return [kind for kind in named if isinstance(kind, ProblemKind)]


class Problem(Exception):
    """A request that gets no answer. `retry_after` is in seconds."""

    def __init__(self, code: ProblemKind, detail: str = "", retry_after: int | None = None) -> None:
        super().__init__(f"{code.word}: {detail}")
        self.code = code
        self.detail = detail
        self.retry_after = retry_after

    @property
    def status(self) -> int:
        """The HTTP status that fits."""
        return self.code.status

    def sentence(self, language: str = "en") -> str:
        """The problem in a reader's language."""
        return self.code.words.read(language)[f"problem_{self.code.word}"].format(detail=self.detail)
