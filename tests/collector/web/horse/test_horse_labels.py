"""A horse's labels by other definitions than the poll: on its page, over the API and on the command line."""

from typer.testing import CliRunner

from collector.cli.app import app
from tests.collector.web.conftest import Open, Shown
from tests.filled import as_json, execute

STORE = """INSERT INTO horse_label (horse_id, definition, axis, value, reliability, n, metres, evidence, computed_at)
VALUES (%s, 'results<b>', 'distance', 0.42, 0.9, 12, 1730, '{"starts": 12}', now())"""


async def test_other_labels_are_on_the_page_and_in_the_api(opened: Open, own: Shown) -> None:
    ((horse_id,),) = execute(own.conninfo, "SELECT horse_id FROM aptitude ORDER BY horse_id LIMIT 1")
    async with opened(conninfo=own.conninfo) as client:
        before = await (await client.get(f"/horses/{horse_id}")).text()
        execute(own.conninfo, STORE, horse_id)
        pages = [await (await client.get(f"/horses/{horse_id}?lang={lang}")).text() for lang in ("en", "ja")]
        known = await (await client.get(f"/api/horses/{horse_id}")).json()
    assert "Other labels" not in before
    assert "<code>results&lt;b&gt;</code>" in pages[0]
    assert "1,730 m" in pages[0]
    assert "n = 12" in pages[0]
    assert "n = 12" in pages[1]
    (label,) = known["labels"]
    assert (label["axis"], label["value"], label["metres"], label["n"]) == ("distance", 0.42, 1730, 12)


def test_the_command_line_says_them_too(own: Shown) -> None:
    ((horse_id,),) = execute(own.conninfo, "SELECT horse_id FROM aptitude ORDER BY horse_id LIMIT 1")
    execute(own.conninfo, STORE, horse_id)
    env = {"PADDOCK_DATABASE_URL": own.conninfo}
    said = CliRunner().invoke(app, ["horse", horse_id], env=env)
    assert "distance by results<b>: 0.420 (1,730 m)  12 starts, reliability 0.90" in said.stdout
    (horse,) = as_json(CliRunner().invoke(app, ["horse", horse_id, "--json"], env=env).stdout)
    assert horse["labels"][0]["evidence"] == {"starts": 12}
