"""The frame of every page of db.netkeiba.com."""

STYLE = "https://cdn.netkeiba.com/img.db/style/netkeiba.ja"
NAVIGATION = """<div class="genre_menu fc"><ul>
<li><a href="/" title="競馬データTOP">競馬データTOP</a></li>
<li><a href="/?pid=horse_top" title="競走馬">競走馬</a></li>
<li><a href="/?pid=race_top" title="レース">レース</a></li>
</ul></div>"""
FOOTER = """<footer><div class="NkFooterArea"><a href="https://www.netkeiba.com/?rf=footer">look-alike</a>
<p class="CopyRight"><small>&copy; Look-alike Keiba</small></p></div></footer>
</body></html>
"""
PREMIUM = f'<img src="{STYLE}/image/ico_premium.gif" width="16" height="16" />'


def page(title: str | None, content: str, head: str = "") -> str:
    """A page of db.netkeiba.com with its content; some pages have no title."""
    titled = f"<title>{title}</title>\n" if title else "\n"
    return f"""<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html xmlns="http://www.w3.org/1999/xhtml" lang="ja" xml:lang="ja" id="html">
<head>
{titled}<meta http-equiv="X-UA-Compatible" content="IE=edge,chrome=1">
<meta http-equiv="content-language" content="ja" />
<meta http-equiv="content-type" content="text/html; charset=euc-jp" />
{head}<link href="https://cdn.netkeiba.com/img.db/common/css/common.css" rel="stylesheet" type="text/css" media="all" />
</head>
<body class="db">
<div id="page">
<header class="Header_Area fc"><div class="Header_Inner fc">
<h1><a href="https://www.netkeiba.com/?rf=logo" title="netkeiba"><img src="{STYLE}/image/common/logo.png" alt="netkeiba"></a></h1>
</div></header>
{NAVIGATION}
<div class="fc" id="contents"><div id="main">
{content}
</div></div></div>
{FOOTER}"""  # noqa: E501
