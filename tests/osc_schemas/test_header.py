"""The header that the plug-in is built with says what the table says."""

import re
from pathlib import Path

from osc_schemas.header import header
from osc_schemas.routes import ROUTES, ROUTES_VERSION
from osc_schemas.shape import KNOBS

COMMITTED = Path(__file__).parents[2] / "bridge" / "plugin" / "routes.hpp"


def test_the_committed_header_is_current() -> None:
    made_by = "python -m osc_schemas.header > bridge/plugin/routes.hpp"

    assert COMMITTED.read_text(encoding="utf-8") == header(), f"make it anew with `{made_by}`"


def test_every_row_of_the_plugin_stands_in_it_once_with_its_tags() -> None:
    rows = re.findall(r'Row \w+\{"([^"]+)", "(\w*)"\}', header())

    wanted = {
        (route.address, "" if route.pairs else route.tags) for route in ROUTES if route.to in ("plugin", "plugin_port")
    }
    assert len(rows) == len(wanted)
    assert set(rows) == wanted
    assert f"version = {ROUTES_VERSION};" in header()


def test_every_knob_is_a_parameter_with_its_range() -> None:
    for knob in KNOBS:
        assert f'{{"{knob.name}", {knob.low}f, {knob.high}f, {knob.neutral}f, "{knob.unit}"}}' in header()
