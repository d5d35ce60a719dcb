"""What holds for every address of the API: tags, problems, the token, hostile input, and a database that is gone."""

from datetime import datetime, timedelta

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from psycopg.sql import SQL, Identifier

from tests.collector.web.api.test_api import THING, addresses, json_of
from tests.collector.web.conftest import Open, Shown, generous
from tests.filled import execute

TOKEN = "a-token-of-this-test"


async def test_what_is_held_already_is_not_sent_again(opened: Open, shown: Shown) -> None:
    async with opened() as client:
        for path in addresses(shown):
            answer = await client.get(path)
            assert answer.headers["Cache-Control"] == "private, no-cache"
            again = await client.get(path, headers={"If-None-Match": answer.headers["ETag"]})
            assert (again.status, await again.read()) == (304, b""), path
            changed = await client.get(path, headers={"If-None-Match": '"another"'})
            assert changed.status == 200


async def test_a_tag_changes_with_the_answer(opened: Open, own: Shown) -> None:
    ((photo, horse_id, *_),) = execute(own.conninfo, THING)
    async with opened(conninfo=own.conninfo) as client:
        before = (await client.get(f"/api/photos/{photo}")).headers["ETag"]
        execute(own.conninfo, "UPDATE horse SET name = 'アラタナナ' WHERE horse_id = %s", horse_id)
        after = await client.get(f"/api/photos/{photo}", headers={"If-None-Match": before})
        assert (await json_of(after))["name"] == "アラタナナ"


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("horses?name=a&limit=abc", "limit"), ("horses?limit=0", "limit"), ("horses?limit=-1", "limit"),
        ("horses?limit=1001", "limit"), ("horses?limit=1.5", "limit"), (f"horses?limit={'9' * 5000}", "limit"),
        ("horses?limit=%D9%A3", "limit"), ("backnumbers?limit=x", "limit"), ("backnumbers?year=99999", "year"),
        ("backnumbers?year=x", "year"), ("photos?year=1", "year"), ("photos?sex=mare", "sex"), ("photos?low=2", "low"),
        ("photos?age=x", "age"), ("photos?before=x", "before"),
        ("photos?before=2016-02-31_keibado:160104/01", "before"), ("races?limit=0", "limit"),
        ("entries?limit=1001", "limit"), ("aptitudes?limit=x", "limit"), ("races?since=x", "since"),
        ("races?since=2016-02-31", "since"), ("races?after=x", "after"), ("races?after=WzFd", "after"),
        ("entries?after=WyIyMDE2Il0", "after"), ("races?after=WyJcdTAwMDAiXQ", "after"),
        ("races?after=WyJcdWQ4MDAiXQ", "after"), ("aptitudes?after=WyJhIiwiYiIsImMiXQ", "after"),
        (f"races?after={'W' * 601}", "after"), ("races?after=馬", "after"),
    ],
)  # fmt: skip
async def test_a_value_that_is_wrong_is_named_in_one_sentence(opened: Open, path: str, field: str) -> None:
    async with opened() as client:
        problem = await json_of(await client.get(f"/api/{path}"), 400)
    assert problem["code"] == "not_understood"
    assert f": {field} is to be " in problem["error"]
    assert problem["error"].endswith(".")


@pytest.mark.parametrize(
    "path",
    ["", "nothing", "horses/9999999999", "horses/9999999999/entries", "horses/9999999999/aptitudes", "horses/short",
     "photos/keibado:991231/99",
     "photos/991231-99", "photos/1", "races/999999999999", "races/x", "issues/keibado:991231",
     "issues/991231", "issues/1", "horses/", "photos/",
     "suggest/", "horses/1%272345678", "photos/keibado:160104/01/"],
)  # fmt: skip
async def test_what_does_not_exist_is_a_problem_in_json(opened: Open, path: str) -> None:
    async with opened() as client:
        assert (await json_of(await client.get(f"/api/{path}"), 404))["code"] == "not_found"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_nothing_is_changed_here(opened: Open, shown: Shown, method: str) -> None:
    async with opened() as client:
        for path in [*addresses(shown), "/healthz", "/metrics"]:
            answer = await client.request(method, path)
            assert (await json_of(answer, 405))["code"] == "method"
            assert answer.headers["Allow"] == "GET,HEAD"


async def test_everything_asks_for_the_token_and_health_does_not(opened: Open, shown: Shown) -> None:
    async with opened(guard=generous(token=TOKEN)) as client:
        for path in [*addresses(shown), "/metrics", "/api/nothing"]:
            assert (await json_of(await client.get(path), 401))["code"] == "no_token"
            wrong = {"Authorization": "Bearer another"}
            assert (await json_of(await client.get(path, headers=wrong), 401))["code"] == "no_token"
        for path in addresses(shown):
            await json_of(await client.get(path, headers={"Authorization": f"Bearer {TOKEN}"}))
        assert (await json_of(await client.get("/healthz")))["status"] == "ok"


NO_NAMES = ["%25", "_", "%25%25", "%5C", "%5C%25", "%27", "%27%20OR%201=1--", "{named}", "%25(part)s", "$$", "("]
HOSTILE = [
    *NO_NAMES, "%00", "ス%00ス", "%ED%A0%80", "%ED%A0%80%ED%B0%80", "%FF%FE", "%25s", "%22;DROP%20TABLE%20photo;--",
    "ア" * 800, "a" * 8000, "%F0%9F%90%8E", "%E2%80%AE", "ス%0A%0D", "<script>", "ー", "ッ", "%CC%81", "%E3%82%99", "*",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
async def test_whatever_is_typed_gets_an_answer(opened: Open, text: str) -> None:
    async with opened() as client:
        for asked in ("horses?name", "suggest?name", "photos?name", "photos?race", "photos?course"):
            await json_of(await client.get(f"/api/{asked}={text}"))
        for asked in ("horses?limit", "backnumbers?year", "photos?year", "photos?low", "photos?sex", "photos?before"):
            await json_of(await client.get(f"/api/{asked}={text}"), 400)
        for asked in ("horses", "photos", "races", "issues"):
            await json_of(await client.get(f"/api/{asked}/{text}"), 404)


@pytest.mark.parametrize(
    "path",
    [
        "photos?yaer=2016",
        "horses?nmae=a",
        "backnumbers?Year=2016",
        "photos?limit=1",
        "races?offset=1",
        "entries?horse=1",
    ],
)
async def test_an_unknown_field_is_refused_by_name(opened: Open, path: str) -> None:
    async with opened() as client:
        problem = await json_of(await client.get(f"/api/{path}"), 400)
    assert repr(path.partition("?")[2].partition("=")[0]) in problem["error"]


@pytest.mark.parametrize("text", NO_NAMES)
async def test_what_means_something_in_sql_means_itself_here(opened: Open, text: str) -> None:
    async with opened() as client:
        assert await json_of(await client.get(f"/api/horses?name={text}")) == []
        assert await json_of(await client.get(f"/api/suggest?name={text}")) == []
        for field in ("name", "course") if text == "(" else ("name", "race", "course"):  # races have brackets
            assert (await json_of(await client.get(f"/api/photos?{field}={text}")))["groups"] == []


async def test_health_says_when_the_search_was_renewed(opened: Open) -> None:
    async with opened() as client:
        health = await json_of(await client.get("/healthz"))
    assert health.keys() == {"status", "database", "search_renewed_at"}
    assert (health["status"], health["database"]) == ("ok", "ok")
    at = health["search_renewed_at"]
    assert at is None or datetime.fromisoformat(at).utcoffset() == timedelta(0)


async def test_a_lost_database_is_reported_and_the_server_stays(opened: Open, own: Shown, cluster: str) -> None:
    name = conninfo_to_dict(own.conninfo)["dbname"]
    assert isinstance(name, str)
    async with opened(conninfo=own.conninfo) as client:
        await json_of(await client.get("/healthz"))
        with psycopg.connect(cluster, autocommit=True) as connection:
            connection.execute(SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(Identifier(name)))
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
        for path in ("/healthz", "/api/photos"):
            answer = await client.get(path)
            assert (await json_of(answer, 503))["code"] == "collection_lost"
            assert answer.headers["Retry-After"] == "5"
        assert (await client.get("/static/look/look.css")).status == 200
        assert (await client.get("/metrics")).status == 200
        with psycopg.connect(cluster, autocommit=True) as connection:
            connection.execute(SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(Identifier(name)))
