"""What the model works out in a short way is what the long way gives."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.matching import walk_model as model

# Multiplied by what makes a wait that is just half a round, which may be rounded up or down, unlikely.
WAITS = st.lists(st.floats(0.01, 400).map(lambda wait: wait * 1.000123457), min_size=0, max_size=6)


@settings(max_examples=30, deadline=None)
@given(count=st.integers(1, 18), waits=WAITS, data=st.data())
def test_walks_of_horses_evenly_apart_fit_as_well_as_when_each_pair_of_places_is_looked_at(
    count: int, waits: list[float], data: st.DataObject
) -> None:
    horses = st.integers(-1, count - 1)
    taken = [
        model.Taken(np.cumsum([0.0, *waits]), data.draw(st.lists(horses, min_size=size, max_size=size)))
        for size in (len(waits) + 1,) * data.draw(st.integers(1, 2))
    ]
    orders, _ = model._orders(count)
    walks = model._walks(count).some(np.arange(0, 336, 29))
    fits = model._fit(walks, orders, taken)
    steps = [model._steps(walks, one, model.UNEVEN[0]).all for one in taken]
    for order, found in zip(orders, fits, strict=True):
        seen = [model._seen(np.tile(order, (len(walks.gaps), 1)), one) for one in taken]
        each = [model._forward(its, of)[2] for its, of in zip(seen, steps, strict=True)]
        np.testing.assert_allclose(found, sum(each), rtol=0, atol=1e-9)


def test_many_walks_and_steps_are_looked_at_in_parts_that_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = model.Taken(np.cumsum(np.linspace(2, 30, 60)), [0, *[-1] * 59])
    orders, _ = model._orders(9)
    walks = model._walks(9)
    steps, fits = model._steps(walks.some(np.arange(7)), taken, 0.3), model._fit(walks, orders[:2], [taken])
    monkeypatch.setattr(model, "HELD", 5000)
    monkeypatch.setattr(model, "AT_ONCE", 700)
    for one, other in zip(steps, model._steps(walks.some(np.arange(7)), taken, 0.3), strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_allclose(model._fit(walks, orders[:2], [taken]), fits, rtol=0, atol=1e-9)
