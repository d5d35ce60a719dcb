"""The words for each code, in English and Japanese: the one place that turns a code into a sentence. Pure.

A sentence is made where a person reads it. `{detail}` is what stands beside the code: a line of robots.txt, or what
another program said. Both come from the database, so a code may be one of a later version: it is shown as it is.
"""

from collections.abc import Mapping
from enum import StrEnum

from collector.codes import Block, Delay, Failure, MatchRule, Sign

LANGUAGES = ("en", "ja")
NO_DETAIL = "-"
WORDS: Mapping[type[StrEnum], Mapping[StrEnum, tuple[str, str]]] = {
    Delay: {
        Delay.OWN: ("our own crawl delay", "こちらで決めた間隔"),
        Delay.CRAWL_DELAY: ("Crawl-delay of robots.txt", "robots.txtのCrawl-delay"),
        Delay.REQUEST_RATE: ("Request-rate of robots.txt", "robots.txtのRequest-rate"),
        Delay.SLOW_ANSWER: ("five times the last answer's duration", "直前の応答時間の5倍"),
        Delay.LOOPBACK: ("a site on this machine", "このマシン上のサイト"),
    },
    Block: {
        Block.BUSY: ("{detail}", "サイトから間隔を空けるよう求められています（{detail}）"),
        Block.REFUSED: ("{detail}", "サイトに拒否されました（{detail}）"),
        Block.FAILING: (
            "5 pages in a row failed, the last with: {detail}",
            "5ページ続けて失敗しました（最後：{detail}）",
        ),
        Block.NO_ROBOTS: (
            "robots.txt is out of reach ({detail}), so everything is disallowed",
            "robots.txtを取得できないため、すべて取得禁止とみなしています（{detail}）",
        ),
        Block.FORGOTTEN: ("forgotten on request", "依頼により削除"),
    },
    Failure: {
        Failure.ROBOTS: ("robots.txt disallows it ({detail})", "robots.txtで取得が禁止されています（{detail}）"),
        Failure.TRAINING: (
            "robots.txt disallows training on it ({detail})",
            "robots.txtで学習への利用が禁止されています（{detail}）",
        ),
        Failure.HEADERS: ("its headers keep it out: {detail}", "応答ヘッダーで除外が指定されています：{detail}"),
        Failure.META: (
            "the page's robots meta keeps its photo out",
            "ページのrobots metaで写真の除外が指定されています",
        ),
        Failure.FORGOTTEN: ("forgotten on request", "依頼により削除"),
        Failure.REFUSED: ("{detail}", "サイトに拒否されました：{detail}"),
        Failure.BLOCK_PAGE: ("{detail}", "サイトに遮断されました：{detail}"),
        Failure.BUSY: ("{detail}", "サイトが混み合っています：{detail}"),
        Failure.TRY_LATER: ("{detail}", "取得できませんでした：{detail}"),
        Failure.UNSAFE: ("{detail}", "安全のため取得しません：{detail}"),
        Failure.GONE: ("{detail}", "該当するものがないと表示されています：{detail}"),
        Failure.LAYOUT_CHANGED: (
            "the layout of these pages has changed; archived, to be read by `reparse` after a fix",
            "この種類のページはレイアウトが変わりました。保存のみ行い、修正後に`reparse`で読み直します",
        ),
        Failure.UNREADABLE: ("{detail}", "読み取れませんでした：{detail}"),
        Failure.NO_PICTURE: ("{detail}", "画像として読み取れませんでした：{detail}"),
        Failure.NOT_STORABLE: ("{detail}", "データベースに保存できませんでした：{detail}"),
        Failure.OWN_ERROR: ("{detail}", "プログラムの不具合です：{detail}"),
    },
    Sign: {
        Sign.NAME: ("name", "馬名"),
        Sign.MISPRINT: ("a name that is nearly the same", "よく似た馬名（誤植とみなす）"),
        Sign.RACE: ("race", "レース名"),
        Sign.AGE: ("age", "年齢"),
        Sign.SEX: ("sex", "性別"),
    },
    MatchRule: {
        MatchRule.NO_ENTRY: ("name; it ran in no race of those days", "馬名（その開催には出走なし）"),
        MatchRule.BY_HAND: ("a person", "手動"),
        MatchRule.NOT_READ: ("its races have not been read", "レース結果をまだ取得していません"),
        MatchRule.NOT_LOOKED_UP: ("its name has not been looked up", "馬名をまだ調べていません"),
        MatchRule.NO_HORSE_ID: ("its horse has no id", "出走馬にIDがありません"),
        MatchRule.UNKNOWN_NAME: ("no horse of that name is known", "この名前の馬が見つかりません"),
        MatchRule.NAMESAKES: (
            "several horses have that name, and none ran on those days",
            "同名の馬が複数いて、どれもその開催に出走していません",
        ),
    },
}
SEVERAL = ("several horses fit by {signs}", "{signs}に合う馬が複数います")
JOINED_BY = (" and ", "・")


def describe(
    kind: type[StrEnum], code: str | None, detail: str | None = None, *, language: str = "en", without: str = ""
) -> str:
    """A code and its detail as a sentence; `without` is what is said where there is neither."""
    place = LANGUAGES.index(language)
    if kind is MatchRule and code in set(MatchRule):
        rule = MatchRule(code)
        if rule.signs:
            signs = JOINED_BY[place].join(WORDS[Sign][sign][place] for sign in rule.signs)
            return SEVERAL[place].format(signs=signs) if rule.several else signs
    known = WORDS[kind][kind(code)] if code in set(kind) else None
    if known is None:
        return ": ".join(part for part in (code, detail) if part) or without
    return known[place].format(detail=detail or NO_DETAIL)
