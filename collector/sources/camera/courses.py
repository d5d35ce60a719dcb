"""Where the racecourses of the JRA are, and which of them a camera's position is at. Pure.

The positions are of the grounds, in degrees (WGS 84). They are facts that any map shows; here they need to be right to
some hundred metres only.
"""

from math import asin, cos, isfinite, radians, sin, sqrt

COURSES = {
    "札幌": (43.0769, 141.3256),
    "函館": (41.7828, 140.7758),
    "福島": (37.7653, 140.4806),
    "新潟": (37.9478, 139.1858),
    "東京": (35.6625, 139.4856),
    "中山": (35.7242, 139.9606),
    "中京": (35.0667, 136.9894),
    "京都": (34.9067, 135.7250),
    "阪神": (34.7797, 135.3619),
    "小倉": (33.8422, 130.8744),
}
NEAR = 2.0  # km from the middle of the grounds, with the car parks and the station
EARTH = 6371.0  # km, the radius


def course_at(latitude: float, longitude: float) -> str | None:
    """The racecourse at a position in degrees; None: it is at none."""
    if not (isfinite(latitude) and isfinite(longitude)):
        return None
    away, name = min((_apart(place, (latitude, longitude)), name) for name, place in COURSES.items())
    return name if away <= NEAR else None


def _apart(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Kilometres between two positions (the haversine formula)."""
    (north, east), (its_north, its_east) = (tuple(map(radians, place)) for place in (one, other))
    chord = sin((its_north - north) / 2) ** 2 + cos(north) * cos(its_north) * sin((its_east - east) / 2) ** 2
    return 2 * EARTH * asin(sqrt(min(1.0, chord)))
