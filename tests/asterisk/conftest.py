"""One running hotline for the tests that leave it as it was, and a fresh one for those that break things."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.asterisk.instance import Instance
from tests.asterisk.phones import Phones

MakeInstance = Callable[..., Instance]


@pytest.fixture(scope="session")
def hotline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    """Shared by all tests that only call. Two emergency trunks: 127.0.0.3 and 127.0.0.4, played by phones."""
    instance = Instance(tmp_path_factory.mktemp("hotline"))
    instance.start()
    yield instance
    instance.stop()
    shutil.rmtree(instance.home, ignore_errors=True)


@pytest.fixture
def make_instance(tmp_path: Path) -> Iterator[MakeInstance]:
    """Start a hotline of one's own: ``make_instance(emergency={"ring_seconds": 5})``."""
    made: list[Instance] = []

    def make(**settings: Mapping[str, object]) -> Instance:
        instance = Instance(tmp_path / f"home{len(made)}", **settings)
        made.append(instance)
        instance.start()
        return instance

    yield make
    for instance in made:
        instance.stop()
        shutil.rmtree(instance.home, ignore_errors=True)


@pytest.fixture
async def phones(hotline: Instance) -> AsyncIterator[Phones]:
    async with Phones(hotline) as opened:
        yield opened
