"""The printed reference: all of the route table, and nothing besides."""

import json

import pytest

from bridge.cli import main
from osc_schemas.routes import ROUTES


@pytest.mark.parametrize("flags", [[], ["--markdown"]])
def test_every_message_is_in_the_reference_with_its_meaning(
    flags: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    main(["routes", *flags])

    printed = capsys.readouterr().out
    for route in ROUTES:
        assert route.address in printed
        assert route.meaning in printed


def test_an_argument_is_printed_with_its_tag_and_its_range(capsys: pytest.CaptureFixture[str]) -> None:
    main(["routes"])

    assert "/transport/tempo  f tempo_bpm (20 to 999)\n" in capsys.readouterr().out


def test_as_json_the_table_is_data(capsys: pytest.CaptureFixture[str]) -> None:
    main(["routes", "--json"])

    [ping] = [route for route in json.loads(capsys.readouterr().out) if route["address"] == "/ping"]
    assert ping["to"] == "bridge"
    assert ping["args"] == [{"name": "nonce", "tag": "i", "low": None, "high": None, "needed": False}]
