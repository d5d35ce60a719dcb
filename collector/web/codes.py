"""What can be wrong with a request to the photo search, beside what can be with one to any server of this project."""

from collector.web import problems
from collector.web.problems import ProblemKind


class Code(problems.Code):
    """What else can be wrong here."""

    COLLECTION_LOST = ProblemKind(
        "collection_lost", 503,
        "The collection's database cannot be reached, or is too busy; try again in a moment.",
        "コレクションのデータベースに接続できません。少し待ってからもう一度お試しください。",
    )  # fmt: skip
    TOO_LARGE = ProblemKind("too_large", 413, "A form here has 64 KiB at most.", "送信できるのは64 KiBまでです。")
