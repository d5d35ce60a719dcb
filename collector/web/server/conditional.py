"""Answers that a reader who has them already need not be sent again."""

import hashlib

from aiohttp import ETag, web

HELD = "private, max-age=3600"  # a photo's bytes never change; one that is forgotten is gone from caches in an hour
ASK_AGAIN = "private, no-cache"


def tagged(
    request: web.Request, body: bytes, content_type: str, tag: str | None = None, cache: str = ASK_AGAIN
) -> web.Response:
    """An answer under its tag (of the body itself, where none is given); 304 where the reader names that."""
    tag = tag or hashlib.sha256(body).hexdigest()[:32]
    named = request.if_none_match or ()
    known = any(one.value in (tag, "*") for one in named)
    response = web.Response(status=304) if known else web.Response(body=body, content_type=content_type)
    if not known and content_type.startswith(("text/", "application/json")):
        response.charset = "utf-8"
    response.etag = ETag(value=tag)
    response.headers["Cache-Control"] = cache
    return response
