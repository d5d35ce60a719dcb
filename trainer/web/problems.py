"""The problems of requests about photos; those of all requests are in `collector.web.server.problems`."""

from collector.web.server import problems
from collector.web.server.problems import ProblemKind
from trainer.web.words import PAGES

LARGEST = 20 * 1024 * 1024  # bytes of a request's body, with all its photos


class Code(problems.Code):
    """The codes of problems."""

    NOTHING_ASKED = ProblemKind("nothing_asked", 400, PAGES)
    ADDRESS = ProblemKind("address", 422, PAGES)
    NO_COLLECTION = ProblemKind("no_collection", 503, PAGES)
    COLLECTION_LOST = ProblemKind("collection_lost", 503, PAGES)
