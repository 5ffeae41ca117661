"""The year of a province, made small."""

from __future__ import annotations

from multiprocessing import Array

import pytest

from bench import province
from bench.province_page import write

CALLS, CALLBACKS = 365 * 2600, 365 * 780


def test_cities_share_out_everything() -> None:
    made = province.cities(province.YEAR)
    assert sum(city.callbacks for city in made) == pytest.approx(province.CALLBACKS, abs=len(made))
    expected = sum(
        sum(city.world.inbound.expected((province.START.weekday() + day) % 7)) * province.STORMS.get(day, 1)
        for city in made
        for day in range(province.YEAR)
    )
    assert expected == pytest.approx(province.CALLS)
    for city in made:
        pace = city.world.pace
        assert pace.trunk_lines > province.most_agents(city.world) + pace.lines
    due = province.due_on(made[-1])
    assert sum(len(due(day)) for day in range(province.YEAR)) == made[-1].callbacks
    assert due(1) == sorted(due(1))
    assert due(province.YEAR) == []


def test_a_day_of_a_small_one() -> None:
    province._join(Array("d", len(province.CITIES)))
    made = province.cities(1, CALLS, CALLBACKS)[:2]
    results = [province.simulate(number, city) for number, city in enumerate(made)]
    for one in results:
        assert one.peak_lines <= one.city.world.pace.lines
        assert one.targets == one.city.callbacks == one.left + sum(one.states.values())
        assert len(one.with_campaign) + one.blocked[0] == len(one.without) + one.blocked[1] > 200
    page = write(results, {"days": 1, "workers": 1, "wall_s": 1.0, "scale": 0.003, "storms": 0})
    assert "苏州" in page
    assert f"{sum(one.targets for one in results):,}" in page
    assert "{" not in page
