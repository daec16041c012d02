"""Outputs ask for blocks at the right pace, and say in a sentence why they cannot."""

import logging
import sys
import threading

import numpy as np
import pytest

from bridge.tracks.mixer import Mixer
from bridge.tracks.null import NullOutput
from bridge.tracks.output import OutputError, open_output


class Clock:
    """A clock that the test sets."""

    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_the_null_output_mixes_what_is_due_and_no_more() -> None:
    mixer, clock = Mixer(["drums"], sample_rate_hz=48_000), Clock()
    output = NullOutput(mixer, block_frames=480, clock=clock)

    assert output.mix_due() == pytest.approx(0.010)
    assert mixer.frame == 480
    clock.now_s += 0.035
    assert output.mix_due() == pytest.approx(0.005)
    assert mixer.frame == 4 * 480
    assert output.latest_s == pytest.approx(0.025)
    assert output.underruns == 0


def test_the_null_output_gives_up_time_that_is_long_past() -> None:
    mixer, clock = Mixer(["drums"], sample_rate_hz=48_000), Clock()
    output = NullOutput(mixer, block_frames=480, clock=clock)
    output.mix_due()
    clock.now_s += 60

    output.mix_due()

    assert mixer.frame <= 480 + 0.12 * 48_000
    assert output.underruns == 1


def test_the_null_output_runs_until_it_is_stopped() -> None:
    mixer = Mixer(["drums"], sample_rate_hz=48_000)
    output = open_output("null", mixer, block_frames=64)
    output.start()
    wait = threading.Event()
    while mixer.frame < 640:
        wait.wait(0.001)
    output.stop()
    output.stop()
    frame = mixer.frame

    assert not wait.wait(0.01)
    assert mixer.frame == frame
    assert output.latency_frames == 64
    output.start()
    while mixer.frame <= frame:
        wait.wait(0.001)
    output.stop()


def test_without_portaudio_the_music_goes_on_unheard_and_one_line_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    mixer = Mixer(["drums"], sample_rate_hz=48_000)

    with caplog.at_level(logging.WARNING):
        output = open_output("auto", mixer)

    assert isinstance(output, NullOutput)
    [line] = caplog.messages
    assert "apt install libportaudio2" in line
    with pytest.raises(OutputError, match="PortAudio library is not installed"):
        open_output("portaudio", mixer)


def test_without_a_jack_server_one_sentence_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("jack", exc_type=OSError)
    monkeypatch.setenv("JACK_DEFAULT_SERVER", "upbeat-no-such-server")

    with pytest.raises(OutputError, match="no JACK server is running"):
        open_output("jack", Mixer(["drums"], sample_rate_hz=48_000))


def test_without_the_jack_package_one_sentence_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jack", None)

    with pytest.raises(OutputError, match=r"pip install 'upbeat\[jack\]'"):
        open_output("jack", Mixer(["drums"], sample_rate_hz=48_000))


def test_a_device_that_does_not_exist_is_named() -> None:
    pytest.importorskip("sounddevice", exc_type=OSError)

    with pytest.raises(OutputError, match="the output device 'no such card'"):
        open_output("portaudio", Mixer(["drums"], sample_rate_hz=48_000), device="no such card")


def test_mixing_beside_planning_from_many_threads_loses_nothing() -> None:
    mixer = Mixer(["drums"], sample_rate_hz=48_000, voices_max=512)
    clip = np.full((64, 1), 0.25, np.float32)
    output = NullOutput(mixer, block_frames=64)
    output.start()

    def plan(first: int) -> None:
        for k in range(100):
            mixer.play(clip, track="drums", start_frame=48_000 * 10**6 + first + k)

    threads = [threading.Thread(target=plan, args=(1000 * k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert mixer.voices_in_use == 400
    mixer.end_all(fade_frames=0)
    wait = threading.Event()
    while mixer.voices_in_use:
        wait.wait(0.001)
    output.stop()
