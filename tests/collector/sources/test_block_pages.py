"""A page by which a site turns us away is known by its words; an ordinary page is not taken for one."""

import pytest

from collector.sources.text_tools.text import (
    block_reason,
)


@pytest.mark.parametrize(
    "page",
    [
        "<html><title>Access Denied</title><body>You don't have permission</body></html>",
        "<title>403 Forbidden</title>",
        "<html><head><title>Just a moment...</title></head><body></body></html>",
        "<body>ただいまアクセスが集中しております。しばらくお待ちください。</body>",
        "<title>メンテナンス中</title>",
    ],
)
def test_block_pages_are_recognised(page: str) -> None:
    assert block_reason(page)


def test_an_ordinary_page_may_say_forbidden_words_in_its_text() -> None:
    assert block_reason(f"<title>競馬ブック</title><body>{'写真' * 1500} access denied</body>") is None


@pytest.mark.parametrize(
    "page",
    [
        "<title>Access Denied</title><h1>Access Denied</h1>Reference #18.1",
        "<title>403 Forbidden</title>",
        "<title>Just a moment...</title>" + "<script>x</script>" * 500,
        "<title>Attention Required! | Cloudflare</title>",
        "<html>Too Many Requests",
        "<p>Please solve this CAPTCHA",
        "<title>アクセス制限</title>",
        "<p>ただいまアクセスが集中しております。",
        "<p>ただいま大変混雑しております。",
        "<p>お客様のご利用を制限しております。",
        "<h1>メンテナンス中</h1>" + "<p>お待ちください。" * 500,
        "<title>メンテナンス</title>",
        "<title>ERROR: The request could not be satisfied</title>",
        "<h1>Service Temporarily Unavailable</h1>",
    ],
)
def test_a_block_page_is_recognised(page: str) -> None:
    assert block_reason(page)


@pytest.mark.parametrize(
    "page",
    [
        "",
        "<title>PHOTOパドック</title><b>フォービドゥン</b>",
        "<title>Forbidden Apple</title><p>よく見せる。",
        "<title>競馬ニュース</title><h1>新しい競馬場へのアクセス</h1>" + "<p>アクセスが集中した売り場もあった。" * 200,
        "<h1>坂路のメンテナンス完了</h1>" + "<p>馬場は良好。" * 300,
        "<p>429勝、403日ぶりの出走。",
        "<title" * 50_000,
    ],
)
def test_an_ordinary_page_is_not_a_block_page(page: str) -> None:
    assert not block_reason(page)
