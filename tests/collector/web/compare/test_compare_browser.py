"""Photos are compared in a real browser: by mouse, finger and keys, and without a script."""

from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.browser import PHONE, Opener, assert_accessible, assert_fits, placed, wait_until
from tests.collector.web.conftest import Shown
from tests.filled import execute

MARKS = ".3,.3,.8,.4"


@pytest.fixture(scope="module")
def photos(shown: Shown) -> list[str]:
    """Photos of three horses."""
    query = "SELECT min(photo) FROM photo_search WHERE horse_id IS NOT NULL GROUP BY horse_id ORDER BY 1 LIMIT 3"
    return [photo for (photo,) in execute(shown.conninfo, query)]


def compared(photos: list[str], more: str = "") -> str:
    """The address that compares photos, all of them marked."""
    return "/compare?" + "".join(f"photo={photo}&mark={photo},{MARKS}&" for photo in photos) + more


def asked(page: Page) -> dict[str, list[str]]:
    """What a page's address says."""
    return parse_qs(urlsplit(page.url).query)


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_photos_of_any_horses_are_collected_from_pages_and_compared(open_page: Opener, script: bool) -> None:
    page = open_page("en", path="/", script=script)
    page.locator(".group .collect").nth(0).click()
    expect(page.locator(".group .collect.held")).to_have_count(1)  # the page that a later press is meant for
    page.locator(".group h2 a").nth(1).click()
    page.locator(".strip .collect").first.click()
    tray = page.get_by_label("Photos to compare")
    expect(tray.locator("img")).to_have_count(2)
    assert_accessible(page) if script else None
    page.get_by_role("link", name="Compare 2").click()
    page.wait_for_url("**/compare?**")
    expect(page.locator(".alone image")).to_have_count(2)
    expect(page.locator("#tray")).to_have_count(0)
    page.get_by_role("link", name="Take out").first.click()
    expect(page.locator(".alone image")).to_have_count(1)
    page.get_by_role("link", name="More photos").click()
    expect(tray.locator("img")).to_have_count(1)


def test_the_seam_follows_a_finger_a_slider_and_keys_and_stays_in_the_address(
    open_page: Opener, photos: list[str]
) -> None:
    page = open_page("en", path=compared(photos, "view=seam"))
    laid = placed(page.locator("svg.laid"))
    page.mouse.click(laid["x"] + laid["width"] / 4, laid["y"] + laid["height"] / 2)
    expect(page.get_by_role("slider", name="Seam")).to_have_value("25")
    wait_until(page, "location.search.includes('seam=25')")
    page.get_by_role("slider", name="Seam").press("ArrowLeft")
    wait_until(page, "location.search.includes('seam=24')")
    left = page.evaluate("document.querySelector('#right rect').x.baseVal.value")
    page.reload()
    assert page.evaluate("document.querySelector('#right rect').x.baseVal.value") == pytest.approx(left, abs=0.1)
    page.get_by_label("Above, right").select_option(photos[1])
    page.wait_for_url(f"**over={photos[1].replace(':', '%3A').replace('/', '%2F')}**")
    assert page.locator("#above image").get_attribute("href") == f"/photos/{photos[1]}/1280.jpg"
    page.get_by_role("link", name="Swap").click()
    page.wait_for_url("**under=**")
    assert page.locator("#above image").get_attribute("href") == f"/photos/{photos[0]}/1280.jpg"


def test_lines_and_the_upper_photo_follow_their_sliders(open_page: Opener, photos: list[str]) -> None:
    page = open_page("en", path=compared(photos[:2], "view=fade&guides=yes"))
    height = "document.querySelector('[data-guide=hocks]').transform.baseVal[0].matrix.f"
    before = page.evaluate(height)
    page.get_by_role("slider", name="hocks").fill("85")
    moved = page.evaluate(height)
    assert moved > before
    page.get_by_role("slider", name="Upper photo").fill("20")
    assert page.locator("#above").get_attribute("opacity") == "0.2"
    wait_until(page, "location.search.includes('hocks=85') && location.search.includes('opacity=20')")
    page.reload()
    assert page.evaluate(height) == pytest.approx(moved, abs=0.1)


def test_two_photos_in_turn_pause_and_never_start_where_motion_is_not_wanted(
    open_page: Opener, photos: list[str]
) -> None:
    page = open_page("en", path=compared(photos[:2], "view=flicker"))
    wait_until(page, "document.querySelector('#above').hasAttribute('hidden')")
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("button", name="Go on")).to_be_visible()
    expect(page.locator("#above")).not_to_have_attribute("hidden", "")
    page.emulate_media(reduced_motion="reduce")
    page.reload()
    expect(page.get_by_role("button", name="Go on")).to_be_visible()


def test_marks_are_dragged_by_mouse_and_moved_by_keys(open_page: Opener, photos: list[str]) -> None:
    page = open_page("en", path=f"/compare?photo={photos[0]}&photo={photos[1]}")
    page.get_by_role("link", name="Set its marks").first.click()
    page.wait_for_url("**/compare/marks?**")  # with its script
    box = placed(page.locator("#touched img"))
    handle = page.get_by_role("button", name="Withers")
    grip = placed(handle)
    page.mouse.move(grip["x"] + 20, grip["y"] + 20)
    page.mouse.down()
    page.mouse.move(
        box["x"] + box["width"] / 2 + 20 - grip["width"] / 2,
        box["y"] + box["height"] / 4 + 20 - grip["height"] / 2,
        steps=3,
    )
    page.mouse.up()
    across, down = page.locator("[name=withers_x]"), page.locator("[name=withers_y]")
    assert float(across.input_value()) == pytest.approx(50, abs=0.3)
    assert float(down.input_value()) == pytest.approx(25, abs=0.3)
    handle.press("ArrowRight")
    assert float(across.input_value()) == pytest.approx(50.2, abs=0.3)
    page.get_by_role("button", name="Point of the buttock").press("Shift+ArrowDown")
    page.get_by_role("button", name="Use them").click()
    page.wait_for_url("**/compare?**")
    (mark,) = asked(page)["mark"]
    assert [float(share) for share in mark.split(",")[1:]] == pytest.approx([0.502, 0.25, 0.76, 0.44], abs=0.004)


def test_marks_are_set_by_a_finger_without_a_script_on_a_telephone(open_page: Opener, photos: list[str]) -> None:
    page = open_page("ja", PHONE, path=f"/compare/marks?of={photos[0]}&state=photo%3D{photos[0]}", script=False)
    assert_fits(page)
    for x, y, onward in ((90, 60, "buttock"), (200, 80, "withers")):
        page.locator("input[type=image]").tap(position={"x": x, "y": y})
        page.wait_for_url(f"**part={onward}**")
    assert float(page.locator("[name=withers_x]").input_value()) == pytest.approx(100 * 90 / 280, abs=0.5)
    assert float(page.locator("[name=buttock_x]").input_value()) == pytest.approx(100 * 200 / 280, abs=0.5)
    page.get_by_role("button", name="この印を使う").click()
    page.wait_for_url("**/compare?**mark=**")


def test_horses_of_other_sizes_meet_at_their_marks(open_page: Opener, photos: list[str]) -> None:
    other = f"photo={photos[0]}&mark={photos[0]},{MARKS}&photo={photos[1]}&mark={photos[1]},.75,.2,.45,.3"
    page = open_page("en", path=f"/compare?{other}&view=fade")
    places = page.evaluate("""() => [...document.querySelectorAll('.laid image')].map((image, number) => {
        const at = (x, y) => new DOMPoint(x * image.width.baseVal.value, y * image.height.baseVal.value)
            .matrixTransform(image.getScreenCTM());
        const [withers, buttock] = number ? [at(.75, .2), at(.45, .3)] : [at(.3, .3), at(.8, .4)];
        return [withers.x, withers.y, buttock.x, buttock.y];
    })""")
    assert places[1] == pytest.approx(places[0], abs=0.5)
    assert_accessible(page)


def test_a_comparison_is_kept_as_pixels_and_seen_on_the_whole_screen(open_page: Opener, photos: list[str]) -> None:
    page = open_page("en", path=compared(photos[:2]))
    with page.expect_download() as kept:
        page.get_by_role("link", name="Keep as a picture").click()
    assert kept.value.suggested_filename == "paddock.png"
    assert kept.value.path().read_bytes().startswith(b"\x89PNG")
    page.get_by_role("button", name="Full screen").click()
    wait_until(page, "document.fullscreenElement?.id === 'stage'")


def test_a_picture_is_kept_without_a_script(open_page: Opener, photos: list[str]) -> None:
    page = open_page("en", path=compared(photos[:2]), script=False)
    with page.expect_download() as kept:
        page.get_by_role("link", name="Keep as a picture").click()
    assert kept.value.suggested_filename == "paddock.svg"
