"""A horse from the side, in simple shapes. The unit of length is the height at the withers."""

from dataclasses import dataclass
from random import Random

from PIL import Image, ImageDraw, ImageFont

from collector.demo.world.horses import Horse

Colour = tuple[int, int, int]
Point = tuple[float, float]

SHORTEST_BODY = 0.84  # from chest to rump, of a barrel of 0
BODY_RANGE = 0.40  # the length that a barrel of 1 adds
DEPTH = 0.40  # of the body
HIDES: dict[str, tuple[Colour, Colour]] = {  # coat -> body; mane, tail and lower legs
    "鹿毛": ((128, 76, 44), (34, 26, 24)),
    "黒鹿毛": ((78, 50, 38), (26, 22, 22)),
    "青鹿毛": ((50, 40, 40), (22, 20, 22)),
    "青毛": ((30, 28, 34), (18, 16, 20)),
    "栗毛": ((172, 98, 50), (190, 122, 70)),
    "栃栗毛": ((118, 62, 38), (96, 52, 34)),
    "芦毛": ((180, 180, 184), (120, 120, 126)),
    "白毛": ((236, 232, 226), (222, 214, 204)),
}
HOOF = (52, 46, 42)
WHITE = (238, 236, 230)


def body_length(horse: Horse) -> float:
    """From chest to rump, in heights at the withers. It shows the distance aptitude in a photo."""
    return SHORTEST_BODY + BODY_RANGE * horse.barrel


@dataclass(frozen=True, slots=True)
class Stand:
    """A horse's position in a picture: the point on the ground under the middle of its body, and its height."""

    pen: ImageDraw.ImageDraw
    x: float  # px
    y: float  # px
    height: float  # px

    def at(self, x: float, y: float) -> Point:
        """A point `x` heights to the right and `y` heights above the ground."""
        return self.x + x * self.height, self.y - y * self.height

    def polygon(self, colour: Colour, *points: Point) -> None:
        self.pen.polygon([self.at(*point) for point in points], colour)

    def oval(self, colour: Colour, left: float, top: float, right: float, bottom: float) -> None:
        self.pen.ellipse((*self.at(left, top), *self.at(right, bottom)), colour)


def draw_horse(canvas: Image.Image, random: Random, horse: Horse, number: int | None = None) -> None:
    """One horse facing left, as in all paddock photos; with its number on a cloth, where it has one."""
    width, height = canvas.size
    length = body_length(horse)
    size = height * random.uniform(0.52, 0.6)
    # The head needs 0.42 heights on the left, the tail 0.1 on the right.
    left, right = (0.44 + length / 2) * size, width - (0.12 + length / 2) * size
    x = (left + right) / 2 + random.uniform(-1, 1) * max(0.0, right - left) / 2
    stand = Stand(ImageDraw.Draw(canvas), x, height * random.uniform(0.86, 0.95), size)
    body, points = HIDES[horse.coat]
    light = random.randint(-12, 12)
    body, points = _lighter(body, light), _lighter(points, light // 2)
    stand.oval(_lighter(canvas.getpixel((0, height - 1)), -46), -length / 2 - 0.1, 0.04, length / 2 + 0.15, -0.04)  # pyright: ignore
    _draw_tail(stand, random, length, points)
    _draw_legs(stand, random, length, body, points)
    _draw_body(stand, length, body)
    _draw_head(stand, random, length, body, points)
    if number is not None:
        _draw_cloth(stand, number)


def _draw_cloth(stand: Stand, number: int) -> None:
    stand.polygon(WHITE, (-0.16, 0.99), (0.16, 0.99), (0.18, 0.62), (-0.14, 0.62))
    font = ImageFont.load_default(stand.height * 0.28)
    stand.pen.text(stand.at(0.01, 0.8), str(number), (16, 14, 14), font, anchor="mm")


def _lighter(colour: Colour, by: int) -> Colour:
    red, green, blue = (min(255, max(0, value + by)) for value in colour)
    return red, green, blue


def _draw_tail(stand: Stand, random: Random, length: float, colour: Colour) -> None:
    rump, swing = length / 2, random.uniform(-0.02, 0.08)
    stand.polygon(
        colour, (rump - 0.06, 0.93), (rump + 0.05, 0.88), (rump + 0.1 + swing, 0.5), (rump + 0.04 + swing, 0.3),
        (rump - 0.01 + swing, 0.5), (rump - 0.02, 0.8),
    )  # fmt: skip


def _draw_legs(stand: Stand, random: Random, length: float, body: Colour, points: Colour) -> None:
    chest, rump = -length / 2, length / 2
    socks = random.choice((0, 0, 1, 2, 4))
    places = [(rump - 0.2, 0.06, -24), (chest + 0.24, -0.03, -24), (rump - 0.1, 0.08, 0), (chest + 0.15, -0.02, 0)]
    for number, (top, bend, shade) in enumerate(places):
        hind = bend > 0
        foot, knee = top + random.uniform(-0.09, 0.05), top + bend + random.uniform(-0.02, 0.02)
        thick = 0.13 if hind else 0.085
        upper, lower = _lighter(body, shade), _lighter(points, shade)
        stand.polygon(
            upper, (top - thick, 0.62), (top + thick, 0.62), (knee + 0.045, 0.33), (knee - 0.045, 0.33)
        )  # fmt: skip
        stand.polygon(lower, (knee - 0.045, 0.35), (knee + 0.045, 0.35), (foot + 0.03, 0.06), (foot - 0.03, 0.06))
        if number < socks:
            stand.polygon(WHITE, (foot - 0.03, 0.14), (foot + 0.032, 0.14), (foot + 0.032, 0.06), (foot - 0.03, 0.06))
        stand.polygon(HOOF, (foot - 0.032, 0.06), (foot + 0.032, 0.06), (foot + 0.04, 0.0), (foot - 0.06, 0.0))


def _draw_body(stand: Stand, length: float, body: Colour) -> None:
    chest, rump = -length / 2, length / 2
    top, under = 0.96, 0.96 - DEPTH
    stand.oval(body, chest, 0.95, chest + 0.46, 0.52)  # shoulder
    stand.oval(body, rump - 0.44, top + 0.01, rump, 0.55)  # croup
    stand.polygon(
        body, (chest + 0.2, top + 0.03), (0.0, top - 0.035), (rump - 0.22, top + 0.01), (rump - 0.16, under + 0.03),
        (0.04, under), (chest + 0.2, under - 0.03),
    )  # fmt: skip
    stand.oval(_lighter(body, 22), chest + 0.1, 0.91, chest + 0.34, 0.74)  # light on shoulder, back and croup
    stand.oval(_lighter(body, 14), chest + 0.34, 0.91, rump - 0.34, 0.8)
    stand.oval(_lighter(body, 22), rump - 0.34, 0.93, rump - 0.1, 0.76)
    stand.oval(_lighter(body, -18), chest + 0.28, 0.63, rump - 0.3, under - 0.005)  # shade of the belly


def _draw_head(stand: Stand, random: Random, length: float, body: Colour, points: Colour) -> None:
    chest, up = -length / 2, random.uniform(-0.08, 0.06)
    poll = (chest - 0.2, 1.32 + up)
    stand.polygon(points, (chest + 0.26, 0.99), (chest - 0.02, 1.28 + up), poll, (chest - 0.1, 1.36 + up))  # mane
    stand.polygon(
        body, (chest + 0.3, 0.97), (chest + 0.06, 1.16 + up / 2), (poll[0] + 0.04, poll[1] + 0.03),
        (poll[0] - 0.07, poll[1] - 0.16), (chest + 0.01, 0.88), (chest + 0.04, 0.68),
    )  # fmt: skip
    stand.polygon(body, poll, (poll[0] + 0.06, poll[1] + 0.1), (poll[0] + 0.1, poll[1] - 0.02))  # ear
    nose = (poll[0] - 0.2, poll[1] - 0.32)
    stand.polygon(
        body, (poll[0] + 0.06, poll[1] + 0.03), (poll[0] - 0.05, poll[1] + 0.01), (nose[0] - 0.03, nose[1] + 0.05),
        nose, (nose[0] + 0.07, nose[1] - 0.02), (poll[0] + 0.02, poll[1] - 0.19),
    )  # fmt: skip
    if random.random() < 0.5:
        stand.polygon(
            WHITE, (poll[0] - 0.06, poll[1] - 0.02), (nose[0] - 0.01, nose[1] + 0.06), (nose[0] + 0.01, nose[1] + 0.06)
        )
    eye = stand.at(poll[0] - 0.05, poll[1] - 0.09)
    stand.pen.ellipse((eye[0] - 4, eye[1] - 4, eye[0] + 4, eye[1] + 4), (16, 14, 14))
    bit = stand.at(nose[0] + 0.05, nose[1] + 0.04)
    stand.pen.line((*bit, *stand.at(chest - 0.5, 0.95)), random.choice(((200, 40, 40), (40, 60, 160), WHITE)), 4)
