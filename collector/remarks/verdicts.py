"""What is said of a mentioned distance: that it is best, fine, too long, doubtful, or that it was run. Pure."""

import re
from dataclasses import dataclass
from enum import StrEnum

from collector.remarks.mentions import HEDGE

NO = r"な[いくかさしけ]|無[いくしさ]|いら[なず]|要ら[なず]|無用|ありませ"
FITS = r"(?<![りしきね見頃度具試場間])合"  # and no 折り合い, 具合, 間合い
PART = r"(?<![息線胴脚首体腰背][がはもの])(?<![ぎみ]が)"  # what is long is not the distance
NO_END = r"(?:な[いくかけさし]|無[いくさ]|ありませ)"


class Verdict(StrEnum):
    """What a sentence says of a distance that it mentions."""

    BEST = "best"
    FINE = "fine"
    TOO_LONG = "too_long"
    TOO_SHORT = "too_short"
    MOST = "most"
    LEAST = "least"
    DOUBT = "doubt"
    OPEN = "open"  # a question, or what is still to be seen
    RAN = "ran"
    DENIED = "denied"


# The first of them that comes counts; of two at one place the first in this order.
VERDICTS = re.compile(
    rf"(?P<fine>問題(?:は|が|に|も|と)?(?:{NO}|し(?:な|て(?:い)?な))|問題外ではな"
    rf"|(?:不安|心配|懸念|支障|抵抗|壁)(?:材料|視)?(?:は|が|も|する(?:こと)?(?:は|も)?|するほどでは|に(?:は)?及ば)?(?:{NO})"
    rf"|苦に(?:は|も)?(?:し(?:な|そうも?な)|なら)|悪く(?:は|も)?{NO_END}|長く(?:は|も)?{NO_END}|長過ぎ(?:は)?し?な"
    rf"|短く(?:は|も)?{NO_END}|割り?引(?:く|き)(?:必要|材料)?(?:は|も)?な|マイナス(?:に|では)(?:は)?な"
    r"|だけで(?:は)?な[いく]|に限ら[ずな]|のみなら|はもちろん|はもとより|不問|選ばな|選り好み|問わな|こだわら|万能|自在"
    r"|長(?:い|め)(?:とは|と)(?:思わ|感じ|い[えわ]).{0,2}な)"
    r"|(?P<open>(?:対応|克服|こな)(?:でき|せ)?るか|(?:持|もつ|保つ)(?:つ)?か(?:どうか)?(?=[。が、はに]|$)"
    r"|持つか|どう出る|どう出|どこまで|鍵|カギ|課題|未知|試金石|ポイント|焦点|注目|分から|わから|未経験|経験(?:は|が|も)?な|次第|初めて|試し)"
    rf"|(?P<denied>(?:で|じゃ)(?:は|も)?な[いくかさ](?!か(?!も)|だろうか|でしょうか|かろうか|かと)"
    r"|とは(?:言え|いえ|言い難|言いがた|いい難|思え|思わ|違|ちが|異な|限ら|考えにく|趣|タイプが違)"
    r"|と(?:は|も)?(?:言|い)え(?:な|ず)|(?:に|ように|っぽく)(?:は|も)?(?:見える|映る)(?:が|けど|ものの)|には?(?:見え|映ら|思え)な|とも(?:違|言え|思え)"
    rf"|(?:向か|合わ|生き|活き|似合わ|適さ|そぐわ){NO_END}|向いて(?:は)?い?な|合って(?:は)?い?な|不向き|苦手|不得手"
    r"|適性(?:は|が|も)?(?:低|な[いく]|乏し|薄)|利か(?:な|ず)|きか(?:な|ず)|歓迎(?:でき|し|とは)[^。、]{0,4}な"
    r"|というより|と(?:言|い)うより|(?<![てで])より(?:も|は)?(?!の|[いよ]い|良|一層)|一辺倒ではな|感じ(?:は|が)?しな|印象(?:は|が)?な|イメージ(?:は|が)?な"
    r"|おすすめでき|勧められな|乏し|(?:^|(?<=[びばし]))ない(?:方|ほう))"
    r"|(?P<ran>勝ち(?!負け|そう)|勝っ|勝利|[0-9一二三四五]勝|快勝|圧勝|楽勝|辛勝|優勝|制し|制覇|[0-9一二三四五]着|連対し|入着|"
    r"敗れ|負け(?!な)|敗退|凡走|大敗|デビュー|レコード|実績|経験(?!(?:は|が|も)?な)|走って(?:い|お|き|み)|走った|使われ|使って(?:い|お|き|、)|"
    r"走破|好走(?:し(?:て|た)|歴|続|し、|$)|結果を(?:出し|残し)|活躍し(?:て(?:い|お|き)|た)|逃げ切|差し切|押し切|歩んで|"
    r"中心に(?:使|走|歩)|使い(?:続|詰)|良績|好成績|成績|完勝|(?:の|だった|した|て)?前走|連勝|連闘|戦った|戦って|持ち時計|健闘し|こなし(?:た|て(?:い|お|き))|頑張った)"
    r"|(?P<most>限界|限度|関の山|止まり|せいぜい|精々|限り|ギリギリ|ぎりぎり|上限|いっぱい|一杯|精一杯|目一杯)"
    r"|(?P<least>欲し|ほし|最低|下限|必要|[あ有]った(?:方|ほう)|あってこそ|はあって)"
    rf"|(?P<too_long>{PART}長い(?!距離|ところ|脚|方|ほう|ほど|目)|{PART}長く|長過ぎ|長すぎ|長か|{PART}長め(?!の|が|で)|長そう|長すぎる|距離負け"
    r"|スタミナ(?:面)?(?:が|は|に)?(?:持|不安|切れ|足り))"
    rf"|(?P<too_short>{PART}短い(?!距離|ところ|方|ほう|ほど|胴|目)|{PART}短く|短過ぎ|短すぎ|短か|{PART}短め(?!の|が)|短そう|忙し|せわし|慌ただし|"
    r"足りな|足りず|物足りな|不足|スピード(?:負け|不足)|追走(?:に|が|で)?(?:苦|手|一杯|いっぱい|精)|窮屈|ついて(?:い)?け)"
    r"|(?P<doubt>厳し|どうか(?!な)|どうだろ|不安|疑問|微妙(?!に)|割り?引|マイナス|心配|懸念|苦し|苦戦|きつ|キツ|辛い|ツラ|つら|"
    r"(?:持|も)た[なず]|保た[なず]|もちそうにな|壁|分が悪|こたえ|応え(?:そ|る)|手に余|荷が重|荷物|ネック|良くな|よくな|"
    r"好ましくな|未知数|危う|怪し|半信半疑|足か?枷|不利|敬遠|苦労|避けたい|甘くな|脚が上が|バテ)"
    r"|(?P<fine2>こなせ|こなす|こなし|対応|大丈夫|平気|ok|オーケー|許容|克服|走れ|カバー|融通(?!性?(?:は|が|も)?(?:利か|きか|な[いく]|乏し))|我慢|いけ(?:る|そう|な)|行け|"
    r"十分|充分|射程|歓迎|通用|(?:持|も)つ(?!か)|(?:持|も)ち(?:そう|こたえ)|保[つち]|守備範囲|圏内|範囲|可能|何とかな|"
    r"なんとかな|プラス|楽しみ|苦にせ|幅広|幅が(?:広|ある)|広い|広そう|好材料|追い風|望むところ|願っても|助か|面白|おもしろ|期待|"
    r"やれ(?:る|そう|て)|動け(?:る|そう)|好走(?:でき|可|圏|して(?:い|も)?い|し(?:て)?良)|好転|好都合|メド|目処|目途|めど|魅力|有利|活路|"
    r"折り合え(?:る|ば)|良化|見直|変わり身|見込|一変|走り頃|チャンス|吉と|前進|巻き返|反撃|変身)"
    rf"|(?P<best>ベスト|ベター|最適|最良|理想|無難|{FITS}(?:[うい]|って|った)|合致|マッチ|フィット|適[しす]|適距離|適鞍|適性|適任|適当|"
    r"向[くきいけ]|本領|こそ|[いよ]い(?!意|戦|っ|つ|状|う|る|感|頃|気|調|加)|良さそう|よさそう|良[いくさ]|好ましい|狙[いえう]|"
    r"生き(?:る|そう|て)|活き|活か|生か|得意|主戦場|テリトリー|土俵|ピッタリ|ぴったり|ピタリ|本質|真価|能力(?:全開|発揮|を)|"
    r"最も|一番|活躍|照準|妥当|望まし|見たい|みたい|ちょうど|似合|ふさわし|相応し|ドンピシャ|ツボ|強い|走りそう|強み|中心|"
    r"絶好|力(?:を|が)(?:出|発揮|生)|持ち味|切れ(?:る|味|を)|味が(?:出|ある)|巧者|専門|スペシャリスト|花形|輝|"
    r"開花|伸びしろ|パフォーマンス|力を|おすすめ|推奨|買い|好走|(?:方|ほう)が|シフト|しやす|やりやす|走りやす|乗りやす|たい(?:[。、と]|$)|べき|ところ)"
)
# Best by what comes before: ベストは1600m, 適距離は芝1800〜2200m.
BEFORE = re.compile(
    r"(?:(?:ベスト|最適|理想|適性|適距離|適鞍|本質|本来|元来|もともと|適正|一番|最も|得意|本領|合う|向く|向いている|狙い|真価|ターゲット|主戦場|いい|良い)"
    r"[^、。]{0,14}|距離(?:は|だと|なら|的に(?:は)?|適性は)?[^、。]{0,10}"
    r"|(?:ベスト|理想|適距離|本質的に|適性|最適|距離)[^、。]{0,8}、[^、。]{0,8}"
    r"|(?:タイプ|体形|体型|体つき|造り|馬体|体)(?:から|なら|だと|的に|は|を見ると|からすると)[^、。]{0,10}、?[^、。]{0,4})$"
)
STRONG = re.compile(r"ベスト|最適|理想|適距離|適鞍|適正|本質|一番|最も|合うの|向くの|得意|狙い|主戦場|ターゲット|真価")
# What stands right before a number and makes it a bound: せいぜい1800m, 短くても1400m.
MOST_BEFORE = re.compile(
    r"(?:最長でも?|長くても|せいぜい|精々|ギリギリ|ぎりぎり|最高でも)(?:で|の|、)?(?:芝|ダート)?の?$"
)
LEAST_BEFORE = re.compile(r"(?:最短でも?|短くても|最低でも?|少なくとも)(?:で|の|、)?(?:芝|ダート)?の?$")
RANGE_BEFORE = re.compile(
    r"(?:守備範囲|許容範囲|対応範囲|こなせる(?:距離|の|範囲)|距離の幅|幅)(?:は|が|も)?[^、。]{0,6}$"
)
CLOSES = re.compile(
    rf"^{HEDGE}?の?(?:だろう|でしょう|か(?:[。、と]|な|$|もしれ)|と(?:み|見)|では?ない(?:だろう)?か|といった|の(?:馬|体|器|タイプ)|馬|"
    r"(?:の)?(?:イメージ|印象|感じ)|仕様|体形|体型|型|色|で(?:こそ|見|み|真|一)|が(?:ベスト|一番)|タイプ|に見え|に映)"
)
TOPIC = re.compile(rf"(?:戦|の?レース|級)?{HEDGE}?(?:で|に|と)?(?:は|も|なら|でも|なら|までなら|までは)、")


@dataclass(frozen=True, slots=True)
class Judgement:
    """What follows a mention, as far as it is about it."""

    text: str
    verdict: Verdict | None
    end: int = 0  # where the words of the verdict end


def judge(after: str) -> Judgement:
    """What the words after a mention say of it; they end at the comma, unless only its topic stands before that."""
    if conceded := CONCEDED.match(after):
        return Judgement(conceded[0], Verdict.FINE, conceded.end())
    topic = TOPIC.match(after)
    end = after.find("、", topic.end() if topic else 0)
    text = after if end < 0 else after[:end]
    found = VERDICTS.search(text)
    if found is None:
        return Judgement(text, None)
    name = (found.lastgroup or "").rstrip("2")
    verdict = Verdict(name)
    if verdict is Verdict.FINE and (still := STILL_OPEN.match(text, found.end())):
        return Judgement(text, Verdict.OPEN, still.end())
    end = found.end() if verdict in (Verdict.DENIED, Verdict.OPEN) else _denied(text, found.start())
    if end is None:
        return Judgement(text, verdict, found.end())
    if but := BUT_FINE.match(after, end):
        return Judgement(text, Verdict.FINE, but.end())
    return Judgement(text, Verdict.OPEN if verdict is Verdict.OPEN else Verdict.DENIED, end)


# 初の1200mだが、対応できる.
CONCEDED = re.compile(
    rf"(?:戦)?{HEDGE}?(?:だが|ですが|だけど|ながら)、[^。]{{0,16}}?(?:対応(?:でき|可)|こなせ(?!るか)|克服でき|大丈夫)"
)
# What is wished for and not yet known: 距離克服が鍵.
STILL_OPEN = re.compile(
    r"(?:力|性|面)?(?:が|は|も|でき(?:る)?か(?:どうか)?(?:が|は)?)(?:鍵|カギ|課題|ポイント|焦点|未知)|(?:でき|せ)?る?か(?:どうか|が|は|。|$)"
)
# ベストではないが、こなせる.
BUT_FINE = re.compile(
    r"[^、]{0,4}?(?:が|けれど|けど|ものの)、?[^、]{0,6}?(?:こなせ|こなす|対応|問題な|守備範囲|走れ|大丈夫|悪くな)"
)
DENIAL = re.compile(
    r"(?:で|じゃ)(?:は|も)?な[いくかさ](?!か(?!も)|だろうか|でしょうか|かろうか|かと)|とは(?:言え|いえ|思え|言い難|限ら)"
    r"|と(?:は|も)?(?:言|い)え(?:な|ず)|とは(?:違|異な)|に(?:は|も)?(?:見える|映る)(?:が|けど|ものの)"
)


def _denied(text: str, at: int) -> int | None:
    """Where a denial of the verdict ends: マイルがベストではない."""
    found = DENIAL.search(text, at, at + 16)
    only = found and re.search(r"だけ$|のみ$", text[: found.start()])
    return found.end() if found and not only else None
