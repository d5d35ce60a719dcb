"""The problems of requests about photos; those of all requests are in `collector.web.server.problems`."""

from collector.web.server import problems
from collector.web.server.problems import ProblemKind

LARGEST = 20 * 1024 * 1024  # bytes of a request's body


class Code(problems.Code):
    """The codes of problems."""

    NOTHING_ASKED = ProblemKind(
        "nothing_asked", 400,
        "Give a photo: a file, its address, or one of the collection.",
        "写真を選ぶか、写真のURLを入力してください。",
    )  # fmt: skip
    NO_PICTURE = ProblemKind(
        "no_picture", 422,
        "This photo cannot be read: {detail}.",
        "この写真を読み込めません。JPEG・PNG・GIF・WebPの、壊れていない写真を選んでください。",
    )  # fmt: skip
    TOO_LARGE = ProblemKind("too_large", 413, "A photo has 20 MiB at most.", "写真は20 MiBまでです。")
    ADDRESS = ProblemKind("address", 422, "{detail}", "このURLの写真は読み込めませんでした（{detail}）")
    NO_LONGER_HELD = ProblemKind(
        "no_longer_held", 404,
        "This answer is no longer held; give the photo again.",
        "この結果はもう残っていません。もう一度写真を送ってください。",
    )  # fmt: skip
    NO_COLLECTION = ProblemKind(
        "no_collection", 503,
        "No collection is here to search: `collector crawl` makes one.",
        "検索できるコレクションがありません。",
    )  # fmt: skip
    COLLECTION_LOST = ProblemKind(
        "collection_lost", 503,
        "The collection's database cannot be reached; photos and addresses are still answered.",
        "コレクションのデータベースに接続できません。写真のアップロードとURLは使えます。",
    )  # fmt: skip
