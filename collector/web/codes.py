"""What can be wrong with a request to the photo search, beside what can be with one to any server of this project."""

from collector.console.catalogue import PAGES
from collector.web.server import problems
from collector.web.server.problems import ProblemKind


class Code(problems.Code):
    """What else can be wrong here."""

    COLLECTION_LOST = ProblemKind("collection_lost", 503, PAGES)
    NO_PHOTO = ProblemKind("no_photo", 400, PAGES)
    NO_MODEL = ProblemKind("no_model", 404, PAGES)
    MODEL_LOST = ProblemKind("model_lost", 503, PAGES)
    MODEL_TOKEN = ProblemKind("model_token", 503, PAGES)
    MODEL_OTHER = ProblemKind("model_other", 502, PAGES)
    READ_ONLY = ProblemKind("read_only", 403, PAGES)
    NOT_DECIDED = ProblemKind("not_decided", 400, PAGES)
    READING = ProblemKind("reading", 409, PAGES)
    NOT_ACCEPTABLE = ProblemKind("not_acceptable", 406, PAGES)
