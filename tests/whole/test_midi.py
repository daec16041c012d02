"""MIDI from another program, over a real server: JACK, because it needs neither hardware nor ALSA's sequencer."""

import os
import queue
import shutil
import subprocess
import sys
from collections.abc import Iterator

import mido
import pytest

from bridge.set_file import ControlTrigger, NoteTrigger
from bridge.triggers.heard import Heard
from bridge.triggers.keymap import Keymap
from bridge.triggers.midi import MidiPort, list_ports

SERVER = f"upbeat-midi-{os.getpid()}"
PADS = Keymap((NoteTrigger(note=36, cue="kick", channel=10), ControlTrigger(cc=20, set="kick.gain_db", range=(-12, 0))))
# A keyboard in a process of its own: it says that it is there, waits to be connected, and plays.
KEYBOARD = """
import mido, sys
out = mido.Backend("mido.backends.rtmidi/UNIX_JACK").open_output("keys", virtual=True, client_name="keyboard")
print("ready", flush=True)
sys.stdin.readline()
for note in range(30, 40):
    out.send(mido.Message("note_on", channel=9, note=note, velocity=100))
    out.send(mido.Message("note_off", channel=9, note=note))
out.send(mido.Message("control_change", control=20, value=127))
sys.stdin.readline()
"""

pytestmark = [
    pytest.mark.jack,
    pytest.mark.skipif(shutil.which("jackd") is None, reason="jackd is not installed (Debian: jackd2)"),
]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A JACK server of this test's own, without a sound card; it waits for its clients, so that no message is lost."""
    monkeypatch.setenv("JACK_DEFAULT_SERVER", SERVER)
    monkeypatch.setenv("JACK_NO_START_SERVER", "1")
    command = ["jackd", "--no-realtime", "--sync", "-n", SERVER, "-d", "dummy", "-r", "48000", "-p", "1024"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            subprocess.run(["jack_wait", "-s", SERVER, "-w", "-t", "10"], check=True, capture_output=True)
            yield SERVER
        finally:
            process.terminate()


def test_a_keyboard_in_another_process_fires_cues(server: str) -> None:
    import jack  # fails without JACK's library, which comes with the server

    heard: queue.Queue[Heard] = queue.Queue()
    over_jack = mido.Backend("mido.backends.rtmidi/UNIX_JACK")
    command = [sys.executable, "-c", KEYBOARD]

    with (
        MidiPort("pads", PADS, on_heard=heard.put, virtual=True, backend=over_jack),
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as keyboard,
    ):
        assert keyboard.stdin is not None
        assert keyboard.stdout is not None
        assert keyboard.stdout.readline() == "ready\n"
        assert "keyboard:keys" in list_ports(backend=over_jack)
        patchbay = jack.Client("patchbay", no_start_server=True)
        patchbay.connect("keyboard:keys", "upbeat:pads")
        patchbay.close()
        keyboard.stdin.write("play\n")
        keyboard.stdin.flush()

        kick, gain = heard.get(timeout=10), heard.get(timeout=10)
        keyboard.kill()

    assert (kick.message.route.address, kick.message.text("name"), kick.trigger) == ("/cue/go", "kick", "midi")
    assert (gain.message.text("key"), gain.message.number("value")) == ("gain_db", 0.0)
    assert heard.empty()
