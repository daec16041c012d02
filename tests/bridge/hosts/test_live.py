"""Our script inside a stand-in for Live, driven by the real adapter; `pages/live.md` has the check-list for a real one.

No sound and no real Live here: `live_stand_in.py` says what the stand-in holds to.
"""

import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from bridge.hosts import live_install
from bridge.hosts.base import HostClip, HostError, HostLost, HostTime, HostTrack, Placement, SlotTaken
from bridge.hosts.live import Live
from tests.bridge.hosts.ableton_osc_stand_in import AbletonOscStandIn
from tests.bridge.hosts.live_stand_in import ClipSlotOfOld, LiveStandIn

RATE_HZ = 48_000


def a_clip(folder: Path, stem: str = "kick-9f2785", **changed: Any) -> HostClip:
    """Four beats at 120 bpm."""
    clip = HostClip(
        path=folder / f"{stem}.wav",
        take_id=stem,
        name=stem,
        length_beats=4,
        tempo_bpm=120,
        frames=2 * RATE_HZ,
        sample_rate_hz=RATE_HZ,
        loop=True,
    )
    clip = replace(clip, **changed)
    soundfile.write(clip.path, np.zeros((clip.frames, 2), np.float32), RATE_HZ, subtype="FLOAT")
    return clip


def port_of_nobody() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


class Rig:
    """A Live with our script in it, and the adapter; `live` may be prepared before it is started."""

    def __init__(self, folder: Path) -> None:
        self.library = folder / "User Library"
        self.library.mkdir()
        live_install.install([self.library])
        self.live = LiveStandIn()
        self.host = Live()

    def start(self, live: LiveStandIn | None = None) -> "Rig":
        self.live = live or self.live
        port = self.live.start(self.library / "Remote Scripts")
        self.host = Live(port=port, osc_port=port_of_nobody(), osc_reply_port=port_of_nobody())
        return self

    def slot(self, track: int, slot: int) -> ClipSlotOfOld:
        return self.live.song.tracks[track].clip_slots[slot - 1]

    def clip_in(self, track: int, slot: int) -> Any:
        clip = self.slot(track, slot).clip
        assert clip is not None
        return clip


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    rig = Rig(tmp_path)
    yield rig
    rig.host.close()
    rig.live.quit()


def test_a_loop_lies_in_its_slot_with_its_beats_where_its_samples_are(rig: Rig, tmp_path: Path) -> None:
    clip = a_clip(tmp_path)
    with rig.start().live.running():
        assert rig.host.connect() == "Live 12.1.0"
        placement = rig.host.place_in_slot(clip, track="Drums", slot=2)

    there = rig.clip_in(0, 2)
    assert placement == Placement(clip=clip, track="Drums", slot=2)
    assert (there.file_path, there.name) == (str(clip.path), "kick-9f2785")
    assert (there.warping, there.warp_mode, there.looping) == (True, 0, True)
    assert (there.loop_start, there.loop_end, there.start_marker) == (0.0, 4.0, 0.0)
    assert [there.seconds_at(beat) for beat in (0, 1, 2.5, 4)] == pytest.approx([0, 0.5, 1.25, 2])
    assert (there.launch_mode, there.launch_quantization) == (0, 5)  # one bar, in a clip's own numbers


@pytest.mark.parametrize(("guess_bpm", "guess_start_s"), [(128.0, 0.0), (87.3, 0.31), (120.0, 0.0), (61.0, 1.2)])
def test_whatever_live_guesses_of_a_clip_is_replaced(
    rig: Rig, tmp_path: Path, guess_bpm: float, guess_start_s: float
) -> None:
    rig.live.guess_bpm, rig.live.guess_start_s = guess_bpm, guess_start_s
    with rig.start().live.running():
        rig.host.connect()
        rig.host.place_in_slot(a_clip(tmp_path), track="Drums", slot=1)

    there = rig.clip_in(0, 1)
    assert [there.seconds_at(beat) for beat in (0, 1, 4)] == pytest.approx([0, 0.5, 2])


def test_a_one_shot_ends_with_its_tail_and_does_not_come_round(rig: Rig, tmp_path: Path) -> None:
    with rig.start().live.running():
        rig.host.connect()
        rig.host.place_in_slot(a_clip(tmp_path, loop=False, frames=3 * RATE_HZ), track="Drums", slot=1)

    there = rig.clip_in(0, 1)
    assert not there.looping
    assert (there.start_marker, there.end_marker) == (0.0, pytest.approx(6.0))


@pytest.mark.parametrize(("signature", "quantum_beats", "wanted"), [((4, 4), 0, 1), ((4, 4), 1, 8), ((3, 4), 3, 5)])
def test_a_clip_launches_on_its_cues_grid(
    rig: Rig, tmp_path: Path, signature: tuple[int, int], quantum_beats: float, wanted: int
) -> None:
    rig.live.song.signature_numerator, rig.live.song.signature_denominator = signature
    with rig.start().live.running():
        rig.host.connect()
        rig.host.place_in_slot(a_clip(tmp_path, quantum_beats=quantum_beats), track="Drums", slot=1)

    assert rig.clip_in(0, 1).launch_quantization == wanted


def test_one_take_follows_another_in_the_second_slot(rig: Rig, tmp_path: Path) -> None:
    first, second = a_clip(tmp_path, "kick-1"), a_clip(tmp_path, "kick-2")
    with rig.start().live.running():
        rig.host.connect()
        old = rig.host.place_in_slot(first, track="Drums", slot=1)
        rig.host.launch(old)
        new = rig.host.place_in_slot(second, track="Drums", slot=2)
        rig.host.launch(new)
        rig.host.remove(old)
        rig.host.remove(old)  # gone already, which is no error
        rig.host.stop("Drums")

    assert [rig.slot(0, slot).has_clip for slot in (1, 2)] == [False, True]
    assert [rig.slot(0, slot).fired for slot in (1, 2)] == [1, 1]
    assert rig.live.song.tracks[0].stopped == 1


def test_a_slot_that_holds_something_else_is_never_touched(rig: Rig, tmp_path: Path) -> None:
    theirs, ours = a_clip(tmp_path, "their break"), a_clip(tmp_path)
    with rig.start().live.running():
        rig.host.connect()
        rig.host.place_in_slot(theirs, track="Drums", slot=1)
        with pytest.raises(SlotTaken, match="slot 1 of the track 'Drums' holds 'their break', which is not ours"):
            rig.host.place_in_slot(ours, track="Drums", slot=1)
        not_there = Placement(clip=ours, track="Drums", slot=1)
        rig.host.remove(not_there)
        with pytest.raises(HostError, match="holds 'their break' now, not 'kick-9f2785'"):
            rig.host.launch(not_there)

    assert rig.clip_in(0, 1).name == "their break"
    assert rig.slot(0, 1).fired == 0


def test_the_same_clip_in_the_same_slot_is_there_already(rig: Rig, tmp_path: Path) -> None:
    clip = a_clip(tmp_path)
    with rig.start().live.running():
        rig.host.connect()
        rig.host.place_in_slot(clip, track="Drums", slot=1)
        there = rig.clip_in(0, 1)
        rig.host.place_in_slot(clip, track="Drums", slot=1)

    assert rig.clip_in(0, 1) is there


def test_a_track_that_was_renamed_is_told_with_the_nearest(rig: Rig, tmp_path: Path) -> None:
    with rig.start().live.running():
        rig.host.connect()
        placed = rig.host.place_in_slot(a_clip(tmp_path), track="Drums", slot=1)
        with rig.live.hands():
            rig.live.song.tracks[0].name = "Drums A"
        with pytest.raises(HostError, match="no track called 'Drums'; the nearest is 'Drums A'; it has 'Drums A', 'Pa"):
            rig.host.place_in_slot(a_clip(tmp_path, "other"), track="Drums", slot=2)
        rig.host.remove(placed)  # ours is found under the new name

    assert not rig.slot(0, 1).has_clip


@pytest.mark.parametrize(
    ("kind", "sentence"), [("midi", "is no audio track"), ("group", "is no audio track"), ("frozen", "is frozen")]
)
def test_a_track_that_takes_no_audio_says_so(rig: Rig, tmp_path: Path, kind: str, sentence: str) -> None:
    with rig.start(LiveStandIn([("Keys", kind)])).live.running():
        rig.host.connect()
        with pytest.raises(HostError, match=sentence):
            rig.host.place_in_slot(a_clip(tmp_path), track="Keys", slot=1)
        with pytest.raises(HostError, match=sentence):
            rig.host.place_at_beat(a_clip(tmp_path), track="Keys", beat=0)


def test_two_tracks_of_one_name_are_told(rig: Rig, tmp_path: Path) -> None:
    with rig.start(LiveStandIn([("Audio", "audio"), ("Audio", "audio")])).live.running():
        rig.host.connect()
        with pytest.raises(HostError, match="Live has 2 tracks called 'Audio'; give each its own name"):
            rig.host.place_in_slot(a_clip(tmp_path), track="Audio", slot=1)


def test_scenes_that_are_missing_are_added(rig: Rig, tmp_path: Path) -> None:
    with rig.start().live.running():
        rig.host.connect()
        rig.host.place_in_slot(a_clip(tmp_path), track="Drums", slot=10)

    assert len(rig.live.song.tracks[1].clip_slots) == 10
    assert rig.clip_in(0, 10).loop_end == 4.0


def test_a_live_that_adds_no_more_scenes_says_so(rig: Rig, tmp_path: Path) -> None:
    rig.live.scenes_max = 8
    with rig.start().live.running():
        rig.host.connect()
        with pytest.raises(HostError, match="has 8 scenes and Live adds none for slot 9"):
            rig.host.place_in_slot(a_clip(tmp_path), track="Drums", slot=9)
        with pytest.raises(HostError, match="slot 900 is far below the 8 scenes"):
            rig.host.place_in_slot(a_clip(tmp_path), track="Drums", slot=900)


def test_a_clip_lies_on_the_arrangement_from_its_beat_to_its_end(rig: Rig, tmp_path: Path) -> None:
    clip = a_clip(tmp_path)
    with rig.start().live.running():
        rig.host.connect()
        placement = rig.host.place_at_beat(clip, track="Pads", beat=16)
        next_one = rig.host.place_at_beat(clip, track="Pads", beat=20)

    there = rig.live.song.tracks[1].arrangement_clips
    assert [(one.start_time, one.end_time) for one in there] == [(16.0, 20.0), (20.0, 24.0)]  # type: ignore[attr-defined]
    assert there[0].seconds_at(3) == pytest.approx(1.5)
    assert (placement.beat, next_one.beat) == (16, 20)


def test_what_lies_on_the_arrangement_is_never_cut(rig: Rig, tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    theirs, ours = a_clip(tmp_path / "theirs", "solo"), a_clip(tmp_path)
    with rig.start().live.running():
        rig.host.connect()
        rig.host.place_at_beat(theirs, track="Pads", beat=16)
        for beat in (10.0, 16.0, 18.0):
            with pytest.raises(SlotTaken, match="'solo' lies on the track 'Pads' from beat 16, and Live would cut it"):
                rig.host.place_at_beat(ours, track="Pads", beat=beat)
        rig.host.remove(Placement(clip=ours, track="Pads", beat=16))

    (there,) = rig.live.song.tracks[1].arrangement_clips
    assert (there.start_time, there.end_time) == (16.0, 20.0)  # type: ignore[attr-defined]


def test_the_next_clip_of_ours_may_cut_the_tail_of_the_one_before(rig: Rig, tmp_path: Path) -> None:
    with_tail = a_clip(tmp_path, loop=False, frames=3 * RATE_HZ)
    with rig.start().live.running():
        rig.host.connect()
        rig.host.place_at_beat(with_tail, track="Pads", beat=16)
        rig.host.place_at_beat(with_tail, track="Pads", beat=20)

    there = rig.live.song.tracks[1].arrangement_clips
    assert [(one.start_time, one.end_time) for one in there] == [(16.0, 20.0), (20.0, 26.0)]  # type: ignore[attr-defined]


def test_a_clip_whose_end_live_does_not_move_is_taken_away_again(rig: Rig, tmp_path: Path) -> None:
    rig.live.edges_stay = True
    with rig.start().live.running():
        rig.host.connect()
        with pytest.raises(HostError, match=r"Live laid 'kick-9f2785' from beat 16 to 20\.2667 instead of 20"):
            rig.host.place_at_beat(a_clip(tmp_path), track="Pads", beat=16)

    assert rig.live.song.tracks[1].arrangement_clips == []


def test_a_clip_is_taken_from_the_arrangement(rig: Rig, tmp_path: Path) -> None:
    with rig.start().live.running():
        rig.host.connect()
        placement = rig.host.place_at_beat(a_clip(tmp_path), track="Pads", beat=8)
        rig.host.remove(placement)
        rig.host.remove(placement)

    assert rig.live.song.tracks[1].arrangement_clips == []


def test_a_live_before_12_0_5_says_that_it_takes_no_clips(rig: Rig, tmp_path: Path) -> None:
    with rig.start(LiveStandIn(version=(11, 3, 21))).live.running():
        assert rig.host.connect() == "Live 11.3.21, which takes no clips from outside (12.0.5 and later do)"
        assert "slot" not in rig.host.abilities
        with pytest.raises(HostError, match=r"Live 11\.3\.21 cannot take clips from outside; update it to 12\.0\.5"):
            rig.host.place_in_slot(a_clip(tmp_path), track="Drums", slot=1)
        assert rig.host.time().tempo_bpm == 120


def test_a_file_that_is_not_there_or_no_sound_is_told_and_leaves_nothing(rig: Rig, tmp_path: Path) -> None:
    clip = a_clip(tmp_path)
    with rig.start().live.running():
        rig.host.connect()
        clip.path.write_text("no sound")
        with pytest.raises(HostError, match="Live refused: The file path is not a valid audio file"):
            rig.host.place_in_slot(clip, track="Drums", slot=1)
        clip.path.unlink()
        with pytest.raises(HostError, match="Live finds no file"):
            rig.host.place_in_slot(clip, track="Drums", slot=1)
        with pytest.raises(HostError, match="must be named from the root on"):
            rig.host.place_in_slot(replace(clip, path=Path("kick.wav")), track="Drums", slot=1)

    assert not rig.slot(0, 1).has_clip


def test_tracks_and_time_are_read(rig: Rig) -> None:
    names = [(f"Track {number} " + "ä" * 60, "audio") for number in range(1, 91)]  # more than one datagram of them
    live = LiveStandIn([*names, ("Keys", "midi")])
    live.song.tempo, live.song.current_song_time = 93.5, 17.25
    with rig.start(live).live.running():
        rig.host.connect()
        found, now = rig.host.tracks(), rig.host.time()

    assert [track.name for track in found[:-1]] == [name for name, _ in names]
    assert found[-1] == HostTrack(number=91, name="Keys", takes_audio=False)
    assert now == HostTime(beat=17.25, tempo_bpm=93.5, playing=False)


def test_undo_takes_back_lives_last_step(rig: Rig, tmp_path: Path) -> None:
    with rig.start().live.running():
        rig.host.connect()
        with pytest.raises(HostError, match="Live has nothing to undo"):
            rig.host.undo()
        rig.host.place_in_slot(a_clip(tmp_path), track="Drums", slot=1)
        rig.host.undo()

    assert not rig.slot(0, 1).has_clip


def test_a_live_without_a_short_timer_is_polled_by_its_display(rig: Rig, tmp_path: Path) -> None:
    with rig.start(LiveStandIn(short_timer=False)).live.running():
        rig.host.connect()
        rig.host.place_in_slot(a_clip(tmp_path), track="Drums", slot=1)

    assert rig.clip_in(0, 1).name == "kick-9f2785"


def test_where_only_ableton_osc_is_in_live_it_launches_and_says_how_to_place(rig: Rig, tmp_path: Path) -> None:
    reply_port = port_of_nobody()
    stock = AbletonOscStandIn(rig.live, reply_port=reply_port)
    host = rig.host = Live(port=port_of_nobody(), osc_port=stock.port, osc_reply_port=reply_port)
    clip = a_clip(tmp_path)
    with rig.live.hands():
        rig.live.song.tracks[0].clip_slots[0].create_audio_clip(str(clip.path))  # type: ignore[attr-defined]
    with rig.live.running():
        found = host.connect(within_s=1)
        assert found.startswith(
            "Live 12.1 through AbletonOSC, which puts no clips into it; for that, run `upbeat hosts"
        )
        assert host.abilities == {"launch", "tempo", "tracks"}
        assert [(track.name, track.takes_audio) for track in host.tracks()][::2] == [("Drums", True), ("Keys", False)]
        assert host.time().tempo_bpm == 120
        host.launch(Placement(clip=clip, track="Drums", slot=1))
        host.stop("Drums")
        with pytest.raises(HostError, match="slot 2 of the track 'Drums' is empty"):
            host.launch(Placement(clip=clip, track="Drums", slot=2))
        with pytest.raises(HostError, match="no track called 'Drum'; the nearest is Drums"):
            host.stop("Drum")
        with pytest.raises(HostError, match="AbletonOSC cannot put clips into slots for us; run `upbeat hosts install"):
            host.place_in_slot(clip, track="Drums", slot=2)
    stock.close()

    assert (rig.slot(0, 1).fired, rig.live.song.tracks[0].stopped) == (1, 1)


def test_no_live_at_all_is_lost_within_the_bound(rig: Rig) -> None:
    host = Live(port=port_of_nobody(), osc_port=port_of_nobody(), osc_reply_port=port_of_nobody())

    with pytest.raises(HostLost, match=r"Live does not answer on UDP port \d+; start it, and choose Upbeat"):
        host.connect(within_s=0.3)


def test_a_taken_port_of_ableton_osc_is_named_with_what_to_do(rig: Rig) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as another:
        another.bind(("127.0.0.1", 0))
        taken = another.getsockname()[1]
        host = Live(port=port_of_nobody(), osc_port=port_of_nobody(), osc_reply_port=taken)
        with pytest.raises(HostLost, match=rf"nor can AbletonOSC be asked: UDP port {taken}.*another program has it"):
            host.connect(within_s=0.2)


def test_a_script_of_another_upbeat_is_told(rig: Rig) -> None:
    script = rig.library / "Remote Scripts" / "Upbeat" / "__init__.py"
    script.write_text(script.read_text().replace("VERSION = 1", "VERSION = 99"))

    with rig.start().live.running(), pytest.raises(HostError, match="that of another Upbeat; run `upbeat hosts inst"):
        rig.host.connect()
