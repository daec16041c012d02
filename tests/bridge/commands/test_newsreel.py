"""What a terminal shows of a session."""

import json
from pathlib import Path

import pytest

from bridge.commands.live import outcome
from bridge.commands.newsreel import Newsreel
from tests.bridge.stage import Stage, a_set, cue


def test_the_last_line_counts_in_the_bars_that_the_performer_has_heard_begin(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stage = Stage(a_set(cue("kick")), tmp_path)
    stage.hear("/transport/play")
    stage.run(2 + 5.2)  # two of them are the preroll
    stage.hear("/clock/align")
    stage.run(4.1)

    for as_json in (False, True):
        Newsreel(quiet=False, as_json=as_json, tells_of_engine=False).end(outcome(stage.player))

    said, as_data = capsys.readouterr().out.splitlines()
    assert said == "stopped in bar 4: 0 launches, the worst 0 frames off"
    ended = json.loads(as_data)
    assert (ended["bar"], round(ended["beat"], 1)) == (4, 9.3)  # bars begin on beat 5, so the first has one beat
