"""`trainer index` as a user runs it: every photo gets a place in the model's space, and keeps it."""

from collections.abc import Callable

import numpy as np

from collector.storage.archive import digest_of
from collector.storage.vectors import STORED
from collector.web.likeness.space import space_of
from tests.filled import as_json, execute
from tests.trainer.dataset.test_left_out import hold_robots

HELD = "SELECT count(DISTINCT digest) FROM photo WHERE digest IS NOT NULL"
KEPT = "SELECT digest, vector, digest, digest FROM photo_vector ORDER BY digest"


def test_every_photo_gets_a_place_once_and_those_of_another_model_go(command: Callable[..., str], filled: str) -> None:
    ((held,),) = execute(filled, HELD)
    done = as_json(command("index --run {run} --device cpu --json"))
    assert (done["indexed"], done["left_out"], done["broken"]) == (held, 0, 0)
    kept = execute(filled, KEPT)
    assert as_json(command("index --run {run} --device cpu --json"))["indexed"] == 0
    execute(filled, "UPDATE photo_vector SET model = 'another' WHERE digest = %s", kept[0][0])
    assert "1 photo was placed" in command("index --run {run} --device cpu")
    again = [np.frombuffer(vector, STORED).astype(float) for _, vector, *_ in execute(filled, KEPT)]
    assert np.allclose(again, [np.frombuffer(vector, STORED).astype(float) for _, vector, *_ in kept], atol=0.05)
    space = space_of([(digest, bytes(vector), photo, shows) for digest, vector, photo, shows in kept])
    assert space.vectors.dtype == np.float32
    assert np.isfinite(space.vectors).all()
    assert len({bytes(vector) for _, vector, *_ in kept}) > held / 2, "photos differ"


def test_photos_that_may_not_be_trained_on_and_broken_ones_get_no_place(
    command: Callable[..., str], filled: str
) -> None:
    ((held,),) = execute(filled, HELD)
    ((broken,),) = execute(filled, "SELECT digest FROM photo WHERE digest IS NOT NULL LIMIT 1")
    execute(filled, "UPDATE blob SET content = 'x', encoding = '' WHERE digest = %s", broken)
    done = as_json(command("index --run {run} --device cpu --json"))
    assert (done["indexed"], done["broken"]) == (held - 1, 1)
    execute(filled, "TRUNCATE photo_vector")
    rules = b"User-agent: *\nContent-Signal: ai-train=no\nAllow: /\n"
    hold_robots(filled, digest_of(rules), rules, "")
    done = as_json(command("index --run {run} --device cpu --json"))
    assert (done["indexed"], done["left_out"]) == (0, held)
