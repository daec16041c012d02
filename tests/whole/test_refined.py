"""A draft that is refined while it loops: a real engine process, the wire, and the recording of what was heard."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.player import Player
from bridge.session import Session
from bridge.set_file import parse_set
from bridge.triggers.heard import Heard, message_of, unanswered
from tests.whole.live import perform, wait_until
from tests.whole.wire import Engine, engine

SET = """
[set]
tempo_bpm = 240
[tracks.keys]
[cues.riff]
track = "keys"
prompt = "riff"
length_beats = 3
quantum_beats = 1
loop = true
seed = 11
"""


@pytest.fixture(scope="module")
def noise() -> Iterator[Engine]:
    with engine() as process:
        yield process


def test_the_refined_twin_takes_over_where_the_next_pass_begins(tmp_path: Path, noise: Engine) -> None:
    def hear(session: Session, address: str, **values: str) -> None:
        session.hear(Heard(message=message_of(address, **values), trigger="osc", reply=unanswered, sender="test"))

    def play(session: Session) -> None:
        hear(session, "/cue/go", name="riff")
        wait_until(lambda: session.ask(lambda player: any(launch.heard_frame for launch in player.launcher.launches)))
        hear(session, "/take/refine", track="keys")

    def done(player: Player) -> bool:
        launches = player.launcher.launches
        return len(launches) == 2 and player.mixer.frame > launches[1].asked_frame + 48_000

    recorded = perform(parse_set(SET), tmp_path, noise.endpoint, play=play, done=done)

    draft, refined = recorded.launches
    assert (draft.cue.steps, refined.cue.steps) == (1, 2)  # as many as the noise has, up to 4
    assert refined.cue.seed == draft.cue.seed == 11
    assert (refined.asked_beat - draft.asked_beat) % 3 == 0
    assert refined.asked_beat > draft.asked_beat
    assert refined.error_frames == recorded.error_frames(refined) == 0
