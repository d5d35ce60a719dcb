"""Why a request gets no answer: one sentence and a status, for programs in English, for people in their language."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ProblemKind:
    """A sort of problem."""

    word: str  # by which programs decide
    status: int  # of HTTP
    english: str
    japanese: str


class Code:
    """What can be wrong with a request to any server of this project; a server's own problems are a subclass."""

    NOT_UNDERSTOOD = ProblemKind(
        "not_understood", 400,
        "This request cannot be understood: {detail}.",
        "リクエストを理解できませんでした（{detail}）。",
    )  # fmt: skip
    NOT_FOUND = ProblemKind("not_found", 404, "There is nothing at this address.", "お探しのページはありません。")
    METHOD = ProblemKind("method", 405, "This address does not take {detail}.", "この操作はできません。")
    BUSY = ProblemKind(
        "busy", 503,
        "Too many photos are waiting; try again in a moment.",
        "ただいま混み合っています。少し待ってからもう一度お試しください。",
    )  # fmt: skip
    TOO_OFTEN = ProblemKind(
        "too_often", 429,
        "That was often; try again in {detail} s.",
        "リクエストが多すぎます。{detail}秒後にもう一度お試しください。",
    )  # fmt: skip
    TOO_SLOW = ProblemKind(
        "too_slow", 503, "That took too long and was given up.", "時間がかかりすぎたため中止しました。"
    )
    NO_TOKEN = ProblemKind(
        "no_token", 401,
        "A token is needed: in the address that the terminal showed, or as `Authorization: Bearer`.",
        "トークンが必要です。起動時に表示されたアドレスを開いてください。",
    )  # fmt: skip
    WRONG_HOST = ProblemKind(
        "wrong_host", 421,
        "This server answers by the name of this machine only, localhost or 127.0.0.1.",
        "localhost または 127.0.0.1 でアクセスしてください。",
    )  # fmt: skip
    FROM_ELSEWHERE = ProblemKind(
        "from_elsewhere", 403,
        "Requests from another site's pages are not answered.",
        "ほかのサイトからのリクエストには応答しません。",
    )  # fmt: skip
    FAILED = ProblemKind("failed", 500, "Something went wrong here; the log says what.", "サーバーで問題が起きました。")


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
        """What to tell whoever asked."""
        return (self.code.japanese if language == "ja" else self.code.english).format(detail=self.detail)
