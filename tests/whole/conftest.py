"""One real engine for all tests that only need its clips."""

from collections.abc import Iterator

import pytest

from bridge.supervisor import Supervisor


@pytest.fixture(scope="session")
def engine_endpoint() -> Iterator[str]:
    """The embedded family, warm, in a process of its own."""
    supervisor = Supervisor()
    supervisor.start()
    yield supervisor.endpoint
    supervisor.stop()
