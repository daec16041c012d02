"""Events as a musician reads them."""

import json

from bridge.commands.event_lines import as_json, as_line, event_in
from osc_schemas import codec

LAUNCH = {"take_id": "kick-1", "cue": "kick", "track": "drums", "bar": 12, "beat": 3.5}


def launch(**values: codec.Value) -> bytes:
    return codec.write("/launch", **{**LAUNCH, "error_frames": 0, "how": "on-time", **values})


def test_a_launch_is_its_place_its_cue_and_its_track() -> None:
    assert as_line(event_in(launch())) == " 12.3.5  kick on drums"


def test_a_launch_that_was_not_as_asked_says_how() -> None:
    assert as_line(event_in(launch(how="last-take"))).endswith("kick on drums (last take)")
    assert as_line(event_in(launch(how="next", error_frames=-3))).endswith("kick on drums (late), -3 frames off")


def test_a_clip_says_what_was_understood_and_how_long_it_took() -> None:
    ready = {"request_id": "kick-1", "cue": "kick", "track": "drums", "request_to_clip_ms": 23.4}

    line = as_line(event_in(codec.write("/clip/ready", **ready, understood="kick, low")))

    assert line.strip() == "made kick in 23 ms: kick, low"


def test_the_beat_does_not_scroll_by() -> None:
    assert as_line(event_in(codec.write("/beat", bar=1, beat=2.0))) is None


def test_as_json_it_is_the_event_as_the_route_table_has_it() -> None:
    assert json.loads(as_json(event_in(launch()))) == {
        "event": "/launch",
        **LAUNCH,
        "error_frames": 0,
        "how": "on-time",
    }
