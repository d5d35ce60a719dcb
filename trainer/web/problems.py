"""Why a request gets no answer: one sentence and a status, for programs in English, for people in their language."""

from enum import StrEnum

LARGEST = 20 * 1024 * 1024  # bytes of a request's body


class Code(StrEnum):
    """What is wrong."""

    NOTHING_ASKED = "nothing_asked"
    NOT_UNDERSTOOD = "not_understood"
    NO_PICTURE = "no_picture"
    TOO_LARGE = "too_large"
    ADDRESS = "address"
    NOT_FOUND = "not_found"
    NO_LONGER_HELD = "no_longer_held"
    METHOD = "method"
    NO_COLLECTION = "no_collection"
    COLLECTION_LOST = "collection_lost"
    BUSY = "busy"
    TOO_OFTEN = "too_often"
    TOO_SLOW = "too_slow"
    NO_TOKEN = "no_token"  # noqa: S105
    WRONG_HOST = "wrong_host"
    FROM_ELSEWHERE = "from_elsewhere"
    FAILED = "failed"


STATUS: dict[Code, int] = {
    Code.NOTHING_ASKED: 400,
    Code.NOT_UNDERSTOOD: 400,
    Code.NO_PICTURE: 422,
    Code.TOO_LARGE: 413,
    Code.ADDRESS: 422,
    Code.NOT_FOUND: 404,
    Code.NO_LONGER_HELD: 404,
    Code.METHOD: 405,
    Code.NO_COLLECTION: 503,
    Code.COLLECTION_LOST: 503,
    Code.BUSY: 503,
    Code.TOO_OFTEN: 429,
    Code.TOO_SLOW: 503,
    Code.NO_TOKEN: 401,
    Code.WRONG_HOST: 421,
    Code.FROM_ELSEWHERE: 403,
    Code.FAILED: 500,
}
SENTENCES: dict[Code, tuple[str, str]] = {  # English, Japanese
    Code.NOTHING_ASKED: (
        "Give a photo: a file, its address, or one of the collection.",
        "写真を選ぶか、写真のURLを入力してください。",
    ),
    Code.NOT_UNDERSTOOD: ("This request cannot be understood: {detail}.", "リクエストを理解できませんでした。"),
    Code.NO_PICTURE: (
        "This photo cannot be read: {detail}.",
        "この写真を読み込めません。JPEG・PNG・GIF・WebPの、壊れていない写真を選んでください。",
    ),
    Code.TOO_LARGE: ("A photo has 20 MiB at most.", "写真は20 MiBまでです。"),
    Code.ADDRESS: ("{detail}", "このURLの写真は読み込めませんでした（{detail}）"),
    Code.NOT_FOUND: ("There is nothing at this address.", "お探しのページはありません。"),
    Code.NO_LONGER_HELD: (
        "This answer is no longer held; give the photo again.",
        "この結果はもう残っていません。もう一度写真を送ってください。",
    ),
    Code.METHOD: ("This address does not take {detail}.", "この操作はできません。"),
    Code.NO_COLLECTION: (
        "No collection is here to search: `collector crawl` makes one.",
        "検索できるコレクションがありません。",
    ),
    Code.COLLECTION_LOST: (
        "The collection's database cannot be reached; photos and addresses are still answered.",
        "コレクションのデータベースに接続できません。写真のアップロードとURLは使えます。",
    ),
    Code.BUSY: (
        "Too many photos are waiting; try again in a moment.",
        "ただいま混み合っています。少し待ってからもう一度お試しください。",
    ),
    Code.TOO_OFTEN: (
        "That was often; try again in {detail} s.",
        "リクエストが多すぎます。{detail}秒後にもう一度お試しください。",
    ),
    Code.TOO_SLOW: ("That took too long and was given up.", "時間がかかりすぎたため中止しました。"),
    Code.NO_TOKEN: (
        "A token is needed: in the address that the terminal showed, or as `Authorization: Bearer`.",
        "トークンが必要です。起動時に表示されたアドレスを開いてください。",
    ),
    Code.WRONG_HOST: (
        "This server answers by the name of this machine only, localhost or 127.0.0.1.",
        "localhost または 127.0.0.1 でアクセスしてください。",
    ),
    Code.FROM_ELSEWHERE: (
        "Requests from another site's pages are not answered.",
        "ほかのサイトからのリクエストには応答しません。",
    ),
    Code.FAILED: (
        "Something went wrong here; the log says what.",
        "サーバーで問題が起きました。",
    ),
}


class Problem(Exception):
    """A request that gets no answer. `retry_after` is in seconds."""

    def __init__(self, code: Code, detail: str = "", retry_after: int | None = None) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.retry_after = retry_after

    @property
    def status(self) -> int:
        """The HTTP status that fits."""
        return STATUS[self.code]

    def sentence(self, language: str = "en") -> str:
        """What to tell whoever asked."""
        english, japanese = SENTENCES[self.code]
        return (japanese if language == "ja" else english).format(detail=self.detail)
