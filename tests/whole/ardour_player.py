"""A process of ours, for test_ardour_live.py: a live set of two tracks on a JACK server, recorded on our side too.

Usage: python ardour_player.py ENGINE_ENDPOINT FOLDER. Says "ready" once the ports are there, plays when it reads
"play", says what landed where once all has sounded, and leaves when it reads "end".
"""

import json
import sys
from pathlib import Path

from bridge.player import Player
from bridge.session import Session
from bridge.set_file import parse_set
from tests.whole.live import beat_now, wait_until

LAST_BEAT = 18
SET = """
[set]
tempo_bpm = 137
sample_rate_hz = 48000

[tracks.drums]
gain_db = -8

[tracks.bass]
gain_db = -8

[cues.kick]
track = "drums"
prompt = "deep punchy 909 kick"
length_beats = 1

[cues.clap]
track = "drums"
prompt = "clap in a room"
length_beats = 1

[cues.pluck]
track = "bass"
prompt = "bright pluck with a little reverb in A4"
length_beats = 1

[[timeline]]
beat = 0
cue = "kick"
every_beats = 4
until_beat = 15

[[timeline]]
beat = 1.5
cue = "pluck"
every_beats = 4
until_beat = 15

[[timeline]]
beat = 2.25
cue = "clap"
every_beats = 4
until_beat = 15
"""


def play(endpoint: str, folder: Path) -> None:
    """Play the set once."""
    session = Session(
        parse_set(SET),
        engine_endpoint=endpoint,
        takes_folder=folder / "takes",
        record_folder=folder,
        output_kind="jack",
        output_device="nowhere",  # the test connects our ports itself
    )
    with session:
        print("ready", flush=True)
        sys.stdin.readline()
        wait_until(lambda: session.link.state == "ready")
        underruns = session.output.underruns
        session.ask(Player.play)
        wait_until(lambda: session.ask(beat_now) > LAST_BEAT)
        launches = session.ask(lambda player: list(player.launcher.launches))
        underruns = session.output.underruns - underruns
        recorder = session.recorder
        assert recorder is not None
        takes = {take_id: str(take.path) for take_id, take in session.library.takes.items()}
        landed = [(launch.cue.name, launch.take_id, launch.asked_frame) for launch in launches]
        facts = {"underruns": underruns, "first_frame": recorder.start_frame, "landed": landed, "takes": takes}
        print(json.dumps(facts), flush=True)
        sys.stdin.readline()  # a client that leaves disturbs Ardour's recording too


if __name__ == "__main__":
    play(sys.argv[1], Path(sys.argv[2]))
