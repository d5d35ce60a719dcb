"""What can be wrong with a request to the photo search, beside what can be with one to any server of this project."""

from collector.web.server import problems
from collector.web.server.problems import ProblemKind


class Code(problems.Code):
    """What else can be wrong here."""

    COLLECTION_LOST = ProblemKind(
        "collection_lost", 503,
        "The collection's database cannot be reached, or is too busy; try again in a moment.",
        "コレクションのデータベースに接続できません。少し待ってからもう一度お試しください。",
    )  # fmt: skip
    TOO_LARGE = ProblemKind("too_large", 413, "A form here has 64 KiB at most.", "送信できるのは64 KiBまでです。")
    READ_ONLY = ProblemKind(
        "read_only", 403,
        "Decisions need the token for them: start the server with `collector serve --admin`, and open the address that "
        "it prints after “Decide things from”.",
        "この操作には編集用のトークンが必要です。`collector serve --admin` で起動し、“Decide things from” に続けて"
        "表示されるアドレスを開いてください。",
    )  # fmt: skip
    NOT_DECIDED = ProblemKind("not_decided", 400, "{detail}", "確定できませんでした。{detail}")
    READING = ProblemKind(
        "reading", 409,
        "The pages are being read again, and what is forgotten now might come back; try again when that is done.",
        "ページを読み直しています。いま削除すると元に戻るおそれがあるため、終わってからもう一度お試しください。",
    )  # fmt: skip
