"""What a plug-in inside a host and the bridge say to each other, through real OSC bytes."""

import numpy as np
import pytest

from osc_schemas import codec
from osc_schemas.errors import WireError
from osc_schemas.plugin_clip import PluginClip

TIME = {"beat": 4.5, "tempo_bpm": 97.0, "playing": 1, "beats_per_bar": 4.0, "age_s": 0.001, "frame": 9, "epoch": 2}


def test_a_clip_survives_the_wire_with_its_samples_and_how_it_is_played() -> None:
    samples = np.arange(20, dtype=np.float32).reshape(10, 2) / 20
    sent = PluginClip(
        take_id="kick-1", samples=samples, frames=8, sample_rate_hz=44_100, gain=0.5, length_beats=1, tempo_bpm=97
    )

    head, audio = codec.write_plugin_clip(sent)
    [message] = codec.read(head, to="plugin")
    came = codec.read_plugin_clip(message, audio)

    assert np.array_equal(came.samples, samples)
    assert message.values["tail_frames"] == 2
    assert (came.take_id, came.frames, came.gain, came.loop) == ("kick-1", 8, 0.5, False)


def test_a_clip_whose_audio_was_cut_is_refused_in_a_sentence() -> None:
    samples = np.zeros((10, 1), np.float32)
    sent = PluginClip(
        take_id="kick-1", samples=samples, frames=8, sample_rate_hz=44_100, gain=1, length_beats=1, tempo_bpm=97
    )
    head, audio = codec.write_plugin_clip(sent)
    [message] = codec.read(head, to="plugin")

    with pytest.raises(WireError, match="the clip kick-1 came with 36 bytes of audio; 10 frames"):
        codec.read_plugin_clip(message, bytes(audio)[:-4])


def test_both_ends_may_ask_the_other_whether_it_is_there() -> None:
    packet = codec.write("/plugin/alive", nonce=7)

    for end in ("plugin", "plugin_port"):
        [message] = codec.read(packet, to=end)  # type: ignore[arg-type]
        assert message.route.to == end


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"tempo_bpm": 0.0}, "tempo_bpm is 0; it must be 1 to 10000"),
        ({"beat": float("nan")}, "beat is nan; it must be a finite number"),
        ({"playing": 2}, "playing is 2; it must be 0 to 1"),
        ({"age_s": -1.0}, "age_s is -1; it must be 0 to 60"),
        ({"epoch": 2**40}, "epoch is"),
    ],
)
def test_a_time_that_cannot_be_is_refused_in_a_sentence(changes: dict[str, float], sentence: str) -> None:
    with pytest.raises(WireError, match=sentence):
        codec.write("/plugin/time", **(TIME | {"offline": 0} | changes))


def test_what_is_for_the_plugin_is_not_known_on_the_bridges_side() -> None:
    with pytest.raises(WireError, match="'/plugin/drop' is not known here"):
        codec.read(codec.write("/plugin/drop", take_id="kick-1"), to="plugin_port")
