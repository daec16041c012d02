"""Pure Data, headless and unchanged, sends cues to a whole bridge and understands the answers.

Its replies come back to the socket that it sent from: the right outlet of [netsend -u -b], since Pd 0.50.
"""

import shutil
import subprocess
import time
from pathlib import Path

import pytest

from bridge.session import Session
from bridge.set_file import parse_set
from tests.whole.live import beat_now, perform

pytestmark = [
    pytest.mark.puredata,
    pytest.mark.skipif(shutil.which("pd") is None, reason="pd is not installed (Debian: puredata-core)"),
]

SET = """
[tracks.drums]
[cues.kick]
track = "drums"
prompt = "deep punchy kick"
length_beats = 1
quantum_beats = 1
"""

PATCH = """\
#N canvas 0 0 450 300 12;
#X obj 10 10 loadbang;
#X msg 10 40 connect 127.0.0.1 {port};
#X obj 10 240 netsend -u -b;
#X obj 200 10 delay 50;
#X obj 200 40 t b b b;
#X obj 200 70 oscformat nonsense;
#X msg 240 100 list kick;
#X obj 240 130 oscformat cue go;
#X msg 280 160 list 7;
#X obj 280 190 oscformat ping;
#X obj 200 210 list prepend send;
#X obj 200 230 list trim;
#X obj 10 270 oscparse;
#X obj 10 300 print answer;
#X connect 0 0 1 0;
#X connect 0 0 3 0;
#X connect 1 0 2 0;
#X connect 3 0 4 0;
#X connect 4 0 5 0;
#X connect 4 1 6 0;
#X connect 4 2 8 0;
#X connect 6 0 7 0;
#X connect 8 0 9 0;
#X connect 5 0 10 0;
#X connect 7 0 10 0;
#X connect 9 0 10 0;
#X connect 10 0 11 0;
#X connect 11 0 2 0;
#X connect 2 1 12 0;
#X connect 12 0 13 0;
"""


class PureData:
    """A headless Pd with the patch above, and what it prints."""

    def __init__(self, folder: Path, port: int) -> None:
        patch = folder / "cue.pd"
        patch.write_text(PATCH.format(port=port))
        self._printed = (folder / "printed.txt").open("w+")
        command = ["pd", "-nogui", "-noadc", "-noprefs", "-stderr", str(patch)]
        self._process = subprocess.Popen(command, stderr=self._printed, stdin=subprocess.DEVNULL)

    def prints(self, *texts: str, within_s: float = 10.0) -> str:
        """All it printed, once that has each of `texts` in it, or time is up."""
        ends_at_s = time.monotonic() + within_s
        printed = ""
        while time.monotonic() < ends_at_s and not all(text in printed for text in texts):
            time.sleep(0.05)
            self._printed.seek(0)
            printed = self._printed.read().replace("\\", "")  # it writes a space in a symbol as "\\ "
        return printed

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait(10)
        self._printed.close()


def test_pure_data_fires_a_cue_that_sounds_and_reads_every_answer(tmp_path: Path, engine_endpoint: str) -> None:
    printed: list[str] = []

    def play(session: Session) -> None:
        program = PureData(tmp_path, session.osc.port)
        try:
            printed.append(program.prints("pong", "planned", "prints them all"))
        finally:
            program.close()

    recorded = perform(parse_set(SET), tmp_path, engine_endpoint, play=play, done=lambda player: beat_now(player) > 3)

    assert "answer: list pong 7" in printed[0]
    assert "answer: list cue planned kick-" in printed[0]
    assert "kick drums 1 1" in printed[0]  # cue, track, bar, beat
    assert "answer: list refused /nonsense bad-message the address '/nonsense' is not known here" in printed[0]
    [launch] = recorded.launches
    assert (launch.cue.name, launch.trigger, launch.asked_beat) == ("kick", "osc", 0)
    assert recorded.error_frames(launch) == 0
