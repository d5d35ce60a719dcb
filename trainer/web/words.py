"""The page in its two languages, and which of them a reader gets."""

import re
from collections.abc import Mapping

LANGUAGES = {"en": "English", "ja": "日本語"}
RANGE = re.compile(r"\s*([a-z]{1,8})(?:-[a-z0-9-]{1,20})?\s*(?:;\s*q\s*=\s*([01](?:\.\d{0,3})?))?\s*", re.I)

WORDS: dict[str, tuple[str, str]] = {
    "title": ("How far would this horse stay?", "この馬に向く距離は？"),
    "lead": (
        "Give a photo of a horse in the paddock. A model says which distance its build suggests, and how unsure it is.",
        "パドックの馬の写真から、馬体が示す距離適性を推定します。どのくらい不確かかも示します。",
    ),
    "another": ("Ask about another photo", "別の写真で試す"),
    "upload": ("Your photo", "写真を選ぶ"),
    "drop": ("Drop a photo here, or choose one", "ここに写真をドロップ、またはタップして選択"),
    "choose": ("Choose a photo", "写真を選択"),
    "formats": (
        "JPEG, PNG, GIF or WebP, up to 20 MiB; the whole horse from the side works best.",
        "JPEG・PNG・GIF・WebP、20 MiBまで。馬体全体を真横から写した写真が最適です。",
    ),
    "not_kept": (
        "The photo is not kept: it stays in memory for {minutes} minutes, without what your camera wrote into it.",
        "写真は保存されません。撮影情報を除いた画像を{minutes}分間メモリに置くだけです。",
    ),
    "kept": (
        "Whoever runs this page has chosen to keep the photos that are given here, as they come.",
        "このページの運営者は、送られた写真をそのまま保存する設定にしています。",
    ),
    "ask": ("Ask", "推定する"),
    "url": ("The address of a photo", "写真のURL"),
    "url_hint": ("https://example.org/horse.jpg", "https://example.org/horse.jpg"),
    "search": ("From the collection", "コレクションから探す"),
    "search_hint": ("Part of a name, such as スカイ", "馬名の一部（例：スカイ、すかい、ｽｶｲ）"),
    "find": ("Find", "検索"),
    "no_collection": (
        "No collection is here to search.",
        "検索できるコレクションがありません。",
    ),
    "found": ("Photos of horses with “{name}” in their names", "馬名に「{name}」を含む写真"),
    "found_none": (
        "No photo in the collection shows a horse with “{name}” in its name.",
        "馬名に「{name}」を含む写真は見つかりませんでした。",
    ),
    "found_more": (
        "Only the first {count} are shown; more of the name finds fewer.",
        "最初の{count}件を表示しています。馬名をもっと入力すると絞り込めます。",
    ),
    "samples": ("Or try a horse that the model has never seen", "学習に使っていない馬で試す"),
    "answer": ("The answer", "推定結果"),
    "short": ("short", "短い"),
    "long": ("long", "長い"),
    "kind_sprint": ("Sprinter", "短距離タイプ"),
    "kind_mile": ("Miler", "マイルタイプ"),
    "kind_middle": ("Middle distance", "中距離タイプ"),
    "kind_long": ("Stayer", "長距離タイプ"),
    "zone_sprint": ("sprint", "短距離"),
    "zone_mile": ("mile", "マイル"),
    "zone_middle": ("middle", "中距離"),
    "zone_long": ("long", "長距離"),
    "of_scale": ("on a scale from 0, short, to 1, long", "0（短い）〜1（長い）の尺度"),
    "interval": (
        "The bar: from {low} to {high}. Such intervals hold what reviewers think of nine horses in ten.",
        "帯は{low}〜{high}。このような区間に、10頭中9頭のレビュー評価が収まります。",
    ),
    "scale_label": (
        "Value {value}, 90 % interval from {low} to {high}, on a scale from 0, short, to 1, long",
        "推定値{value}、90％区間{low}〜{high}。尺度は0（短い）から1（長い）",
    ),
    "known": (
        "Reviewers put {name} at {value}{reviews}: the diamond.",
        "レビューによる{name}の評価は{value}{reviews}で、ひし形で示しています。",
    ),
    "reviews": (" ({count} reviews)", "（{count}件）"),
    "reviews_short": ("{count} reviews", "レビュー{count}件"),
    "learnt_from": (
        "The model has learnt from this very photo, so its answer proves nothing.",
        "モデルはこの写真そのものを学習しているため、この結果は参考になりません。",
    ),
    "unseen": (
        "The model has never seen this horse.",
        "モデルはこの馬を学習していません。",
    ),
    "strange": (
        "This does not look like a horse photo. The value below means nothing unless it is one.",
        "馬の写真ではないようです。馬の写真でなければ、下の値に意味はありません。",
    ),
    "look": ("What it looked at", "モデルが注目した場所"),
    "look_more": (
        "Red is where a change would move the answer the most.",
        "赤いほど、変化が推定値を大きく動かす場所です。",
    ),
    "look_alt": ("The photo in grey, with what the answer depends on in red", "推定に影響した場所を赤で重ねた写真"),
    "photo_alt": ("The photo that was given", "送られた写真"),
    "similar": ("The most similar horses of the collection", "コレクションの中で似ている馬"),
    "similar_more": (
        "As the model sees them, with what reviewers think of each.",
        "モデルから見て近い順。値はレビューによる距離適性です。",
    ),
    "similar_alt": ("{name} in the paddock", "パドックの{name}"),
    "opinion": ("opinion {value}", "評価 {value}"),
    "source": ("source", "出典"),
    "about": ("How far to trust this", "この推定をどこまで信じるか"),
    "run": ("Model", "モデル"),
    "run_is": ("{run} ({preset}), trained {trained}", "{run}（{preset}）、{trained}学習"),
    "data": ("Learnt from", "学習データ"),
    "data_is": (
        "{data}: {photos} photos of {horses} horses, up to {newest}",
        "{data}：{horses}頭の写真{photos}枚（{newest}まで）",
    ),
    "data_gone": ("{data}, which is no longer here", "{data}（現在はありません）"),
    "quality": ("How good it is", "精度"),
    "quality_none": (
        "Nobody has measured it yet: trainer evaluate does.",
        "まだ評価されていません（trainer evaluate で評価できます）。",
    ),
    "verdict_skill": ("SKILL", "SKILL（有効）"),
    "verdict_no_skill": ("NO SKILL", "NO SKILL（効果を確認できず）"),
    "verdict_constant": ("CONSTANT", "CONSTANT（ほぼ一定）"),
    "quality_is": (
        "On {photos} photos of {horses} horses that it had never seen it was off by {error} on the average; always "
        "answering the same is off by {constant}.",
        "学習に使っていない{horses}頭の写真{photos}枚での平均誤差は{error}でした。常に同じ値を答えた場合は{constant}です。",
    ),
    "little": (
        "A photo says little. Pedigree, training and a race say more; do not bet on this.",
        "写真から分かることはわずかです。血統・調教・実際のレースのほうが多くを語ります。馬券の参考にはしないでください。",
    ),
    "owners": (
        "The photos of the collection belong to those who took them; they are held for private study and are not to be "
        "passed on.",
        "コレクションの写真の権利は撮影者にあります。私的な研究のために保管しているもので、転載・配布はできません。",
    ),
    "api": ("For programs", "プログラムから使う"),
    "token": ("Token", "トークン"),
    "enter": ("Enter", "入る"),
    "welcome": ("One moment", "少しお待ちください"),
    "back": ("Back to the beginning", "最初のページへ"),
    "problem": ("That did not work", "うまくいきませんでした"),
    "sending": ("Sending the photo", "写真を送信しています"),
    "working": ("Looking at the photo", "写真を見ています"),
    "lost": ("The server cannot be reached.", "サーバーに接続できません。"),
    "no_photo": ("That is no photo.", "写真ファイルを選んでください。"),
}


def words_of(language: str) -> Mapping[str, str]:
    """All words in one language."""
    place = list(LANGUAGES).index(language)
    return {key: words[place] for key, words in WORDS.items()}


def choose_language(asked: str | None, accepted: str) -> str:
    """The language that a reader asks for, or else likes best by what the browser says (Accept-Language)."""
    if asked in LANGUAGES:
        return asked
    liked: list[tuple[float, int, str]] = []
    for place, word in enumerate(accepted[:500].split(",")):
        found = RANGE.fullmatch(word)
        if found and found[1].lower() in LANGUAGES:
            liked.append((-float(found[2] or 1), place, found[1].lower()))
    return min(liked)[2] if liked else "en"
