"""What a host turns a parameter to, where that is no number of the parameter's: it stays one that can be played."""

import math
from pathlib import Path

import numpy as np
import pytest

from tests.plugin.clap_host import Bundle, Instance, value
from tests.plugin.conftest import lacking

pytestmark = [
    pytest.mark.plugin,
    pytest.mark.hosts,
    pytest.mark.skipif(bool(lacking()), reason=f"not installed: {' '.join(lacking())}"),
]


@pytest.mark.parametrize("to", [math.nan, math.inf, -math.inf, 1e30, -1e30])
def test_a_parameter_never_leaves_its_range(built: Path, monkeypatch: pytest.MonkeyPatch, to: float) -> None:
    monkeypatch.setenv("UPBEAT_PLUGIN_ENDPOINT", "tcp://127.0.0.1:1")  # where no bridge listens
    bundle = Bundle(built / "upbeat.clap")
    one = Instance(bundle)
    one.activate()
    try:
        names = [info.name.decode() for info in one.parameters() if info.name.decode() != "Status"]
        heard = one.play(512, events=[value(0, one.number(name), to) for name in names])
        for info in one.parameters():
            assert info.low <= one.value(info.name.decode()) <= info.high, info.name
        assert np.all(np.isfinite(heard))
    finally:
        one.close()
        bundle.close()
