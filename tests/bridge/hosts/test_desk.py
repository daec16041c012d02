"""Clips on a host's own tracks: in slots, launched on their beats, or printed; and heard from us when that fails."""

import errno
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from pythonosc.osc_message import OscMessage

from bridge.hosts import clip_file
from bridge.hosts.base import HostChoice, HostLost
from bridge.hosts.desk import HostDesk, Now
from bridge.player import Player
from bridge.set_file import NoteTrigger, TimelineMove, TrackSpec
from bridge.triggers.keymap import Keymap
from bridge.triggers.midi import MidiFeed
from bridge.wav_chunks import read_musical
from osc_schemas.cue import Cue
from tests.bridge.hosts.grid_host import GridHost, Played
from tests.bridge.stage import RATE_HZ, Stage, a_set, cue, onsets


class Studio:
    """A stage beside a stand-in for a host, whose desk is worked by hand."""

    def __init__(
        self,
        folder: Path,
        *cues: Cue,
        at: tuple[tuple[float, str], ...] = (),
        here: bool = True,
        meter: str = "4/4",
        moves: tuple[TimelineMove, ...] = (),
        **track: object,
    ) -> None:
        drums = TrackSpec(name="drums", **({"host_track": "Drums"} | track))  # type: ignore[arg-type]
        music = a_set(
            *cues,
            tracks={"drums": drums, "bass": TrackSpec(name="bass")},
            timeline=at,
            meter=meter,
            moves=moves,
            host=HostChoice(name="live"),
        )
        self.host = GridHost(beat=self.beat, here=here)
        self.told: list[OscMessage] = []
        self.stage = Stage(music, folder / "takes", elsewhere=lambda player: self._desk(player, folder))
        self.stage.player.audience.subscribe("test", self._hear, seconds=1_000, now_s=0.0)
        self.stage.beside = self.work
        self.busy = False
        self.work()

    def _desk(self, player: Player, folder: Path) -> HostDesk:
        self.desk = HostDesk(
            self.host,
            player.music.tracks,
            player.music.cues,
            beats_per_bar=player.music.beats_per_bar,
            folder=folder / "clips",
            now=lambda frame: Now(
                beat=player.transport.beat_at_frame(frame),
                at_s=player.now_s(),
                tempo_bpm=120,
                playing=player.transport.playing,
                bar_beat=player.meter.from_beat,
            ),
            tell=player.tell,
            refuse=lambda what, sentence: player.refuse(lambda packet: None, what, "host", sentence),
            now_s=player.now_s,
        )
        return self.desk

    def beat(self) -> float:
        return self.stage.player.transport.beat_at_frame(self.stage.mixer.frame)

    def work(self) -> None:
        """What the desk's thread does meanwhile, unless the host is busy with something else."""
        for _ in range(0 if self.busy else 8):
            self.desk.work()

    def play(self, beats: float) -> None:
        """So many beats from the first one on: the preroll, a second long, comes on top."""
        if not self.stage.player.transport.playing:
            self.stage.player.play()
            beats += 2
        self.stage.run(beats)

    def heard_here(self) -> list[float]:
        """The beats at which something began to sound in our own output, the preroll taken off."""
        return [round((frame - RATE_HZ) / (RATE_HZ / 2), 3) for frame in onsets(self.stage.sound)]

    def sentences(self, address: str = "/refused") -> list[str]:
        return [str(message.params[-1]) for message in self.told if message.address == address]

    def _hear(self, packet: bytes) -> None:
        self.told.append(OscMessage(packet))


Make = Callable[..., Studio]


@pytest.fixture
def studio(tmp_path: Path) -> Make:
    def make(*cues: Cue, **changes: object) -> Studio:
        return Studio(tmp_path, *cues, **changes)  # type: ignore[arg-type]

    return make


def loop(name: str, **changes: object) -> Cue:
    return cue(name, **({"length_beats": 4.0, "quantum_beats": 4.0, "loop": True} | changes))


def test_a_clip_lands_in_a_slot_on_its_beat_and_is_not_heard_twice(studio: Make) -> None:
    night = studio(loop("beat"), at=((4.0, "beat"),))

    night.play(9)

    [played] = night.host.played
    assert (played.track, played.slot, played.beat) == ("Drums", 1, 4.0)
    assert not night.stage.sound.any()
    [placed] = [message for message in night.told if message.address == "/host/placed"]
    assert placed.params[1:5] == ["beat", "drums", "Drums", 1]


@pytest.mark.parametrize("place", ["slot", "arrangement"])
@pytest.mark.parametrize(("meter", "beats_per_bar"), [("4/4", 4.0), ("3/4", 3.0), ("7/8", 3.5)])
def test_the_files_for_a_host_count_bars_as_the_set_does(
    studio: Make, tmp_path: Path, place: str, meter: str, beats_per_bar: float
) -> None:
    night = studio(loop("beat", length_beats=3.5), at=((0.0, "beat"),), meter=meter, host_place=place)

    night.play(8)

    [file] = (tmp_path / "clips").glob("*.wav")
    musical = read_musical(file)
    assert musical is not None
    assert musical.beats_per_bar == beats_per_bar


def test_a_pass_is_printed_in_the_sound_that_it_had_however_early_a_knob_is_planned(studio: Make) -> None:
    moves = (TimelineMove(beat=8.0, shape="drums.room", value=0.5),)
    night = studio(loop("beat"), at=((0.0, "beat"),), moves=moves, host_place="arrangement")

    night.play(17)

    names = [name for _, _, name in night.host.arranged]
    assert [beat for _, beat, _ in night.host.arranged] == [0.0, 4.0, 8.0, 12.0]
    assert names[0] == names[1] != names[2] == names[3]


def test_however_hard_a_cue_is_struck_the_host_gets_few_files_and_none_is_far_off(studio: Make, tmp_path: Path) -> None:
    night = studio(cue("hit", gain_db=-3.3), host_place="arrangement")
    velocity = {"gain_db": (-18.0, 0.0)}
    pads = MidiFeed(Keymap((NoteTrigger(note=36, cue="hit", velocity=velocity),)), on_heard=night.stage.player.hear)
    loudest = []
    for hardness in range(1, 128, 3):  # 43 levels
        pads.feed(bytes([0x90, 36, hardness]))
        begun = len(night.stage.sound)
        night.stage.run(4 if hardness == 1 else 2)
        loudest.append(20 * np.log10(np.abs(night.stage.sound[begun:]).max()))

    peaks = [20 * np.log10(np.abs(sf.read(file)[0]).max()) for file in (tmp_path / "clips").glob("*.wav")]

    assert len(night.host.arranged) == 43
    assert len(peaks) == 19
    assert max(min(abs(heard - peak) for peak in peaks) for heard in loudest) <= 0.51
    assert max(peaks) == pytest.approx(loudest[-1], abs=1e-4)  # without an accent it is the sound itself


def test_where_a_performer_has_said_that_a_bar_begins_one_of_the_host_does(studio: Make) -> None:
    for place in ("arrangement", "slot"):
        night = studio(loop("beat"), host_place=place)
        night.host.ahead_beats = 1.0  # its bars begin on our beats 3, 7 and so on
        night.play(3.1)
        night.stage.player.conductor.align()
        night.stage.hear("/cue/go", name="beat")
        night.play(9)

        if place == "arrangement":
            assert [beat for _, beat, _ in night.host.arranged] == [8.0]  # our beat 7
        else:
            assert [one.beat for one in night.host.played] == [7.0]
            assert night.host.grids_beats == [4.0]  # a bar of the host, the widest there is


def test_the_next_clip_takes_the_other_slot_and_the_old_one_goes_when_it_has_landed(studio: Make) -> None:
    night = studio(loop("one"), loop("two"), loop("three"), at=((0.0, "one"), (4.0, "two"), (8.0, "three")))

    night.play(5)
    assert set(night.host.slots) == {("Drums", 1), ("Drums", 2)}
    night.play(3)
    assert [slot for _, slot in night.host.slots] == [2, 1]  # the first slot was emptied, and holds the third clip
    night.play(4)

    assert [(one.slot, one.beat) for one in night.host.played] == [(1, 0.0), (2, 4.0), (1, 8.0)]
    assert list(night.host.slots) == [("Drums", 1)]


def test_off_the_bar_the_clip_is_launched_on_a_finer_grid(studio: Make) -> None:
    night = studio(loop("beat", quantum_beats=1.0), at=((6.0, "beat"),))

    night.play(8)

    assert [one.beat for one in night.host.played] == [6.0]


def test_off_every_grid_of_a_launcher_we_play_it_ourselves(studio: Make) -> None:
    night = studio(cue("hit"), at=((3.3, "hit"),))

    night.play(5)

    assert night.host.played == []
    assert night.heard_here() == [3.3]


def test_without_its_host_the_same_set_plays_here(studio: Make) -> None:
    night = studio(cue("hit"), at=((4.0, "hit"),), here=False)
    night.play(6)

    assert night.heard_here() == [4.0]
    [sentence] = [one for one in night.sentences("/host/state") if "does not answer" in one]
    assert sentence == "the stand-in does not answer; start it; until then all is heard from Upbeat"


def test_a_host_that_quits_while_a_clip_is_placed_loses_nothing(studio: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    night = studio(loop("beat"), at=((4.0, "beat"),))

    def quits(*_: object, **__: object) -> None:
        night.host.here = False
        raise HostLost("the stand-in has quit; start it again")

    monkeypatch.setattr(night.host, "place_in_slot", quits)
    night.play(9)

    assert night.heard_here()[:2] == [4.0, 8.0]
    assert "the stand-in has quit; start it again; what lands from now on is heard from Upbeat" in night.sentences(
        "/host/state"
    )


def test_a_host_that_comes_back_has_the_next_clip(studio: Make) -> None:
    night = studio(loop("one"), loop("two"), at=((0.0, "one"), (12.0, "two")))
    night.play(2)
    night.host.here = False
    night.play(3)
    night.host.here = True
    night.play(9)

    assert [(one.name[:3], one.beat) for one in night.host.played] == [("one", 0.0), ("two", 12.0)]


def test_what_lies_in_a_slot_already_stays_there(studio: Make) -> None:
    night = studio(loop("beat"), at=((4.0, "beat"),))
    night.host.slots["Drums", 1] = "a vocal of yours"

    night.play(6)

    assert night.host.slots["Drums", 1] == "a vocal of yours"
    assert [(one.slot, one.beat) for one in night.host.played] == [(2, 4.0)]


def test_with_no_slot_left_it_is_heard_here_and_said_once(studio: Make) -> None:
    night = studio(cue("hit"), at=((4.0, "hit"), (5.0, "hit"), (6.0, "hit")))
    night.host.slots |= {("Drums", 1): "yours", ("Drums", 2): "yours"}

    night.play(8)

    assert night.heard_here() == [4.0, 5.0, 6.0]
    assert night.sentences() == [
        "the slots 1 and 2 of Drums hold something of yours, so hit is heard from Upbeat; name other ones with "
        "host_slots"
    ]


def test_a_track_that_was_renamed_is_said_and_heard_here(studio: Make) -> None:
    night = studio(cue("hit"), at=((4.0, "hit"),))
    night.host.names[0] = "Beats"

    night.play(6)

    assert night.heard_here() == [4.0]
    assert night.sentences() == ["the stand-in has no track 'Drums'; there is Beats, Bass"]


def test_a_full_disk_is_said_and_the_clip_is_heard_here(studio: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(clip_file, "write_musical_wav", full)
    night = studio(cue("hit"), at=((4.0, "hit"),))

    night.play(6)

    assert night.heard_here() == [4.0]
    assert "No space left on device" in night.sentences()[0]


def test_a_host_that_is_too_slow_is_not_waited_for(studio: Make) -> None:
    night = studio(loop("beat"), at=((4.0, "beat"),))
    night.play(-1)
    night.busy = True  # it placed the clip, and does not come to launch it
    night.play(7)
    night.busy = False
    night.play(2)

    assert night.heard_here()[0] == 4.0
    assert [one for one in night.host.played if one.beat > 4] == []


def test_what_is_heard_in_both_places_is_launched_and_heard_here(studio: Make) -> None:
    night = studio(loop("beat"), at=((4.0, "beat"),), heard_in="both")

    night.play(6)

    assert [one.beat for one in night.host.played] == [4.0]
    assert night.heard_here() == [4.0]


def test_what_is_heard_from_us_only_lies_in_its_slot(studio: Make) -> None:
    night = studio(loop("beat"), at=((4.0, "beat"),), heard_in="upbeat")

    night.play(6)

    assert list(night.host.slots) == [("Drums", 1)]
    assert night.host.played == []
    assert night.heard_here() == [4.0]


def test_stopping_a_track_stops_it_in_the_host(studio: Make) -> None:
    night = studio(loop("beat"), at=((0.0, "beat"),))
    night.play(2)

    night.stage.hear("/track/stop", track="drums")
    night.play(1)

    assert night.host.stopped == ["Drums"]


def test_a_cue_over_osc_lands_in_the_host_too_and_status_says_that_it_loops(studio: Make) -> None:
    night = studio(loop("beat"))
    night.play(1)

    night.stage.hear("/cue/go", name="beat")
    night.play(8)
    night.stage.hear("/status")

    assert [one.beat for one in night.host.played] == [4.0]
    assert [track[1] for track in night.stage.replied("/status/track") if track[4] == "looping"] == ["beat"]


def test_a_loop_that_we_have_to_play_ends_the_one_in_the_host(studio: Make) -> None:
    night = studio(loop("one"), loop("two"), at=((0.0, "one"), (4.0, "two")))
    night.host.slots["Drums", 2] = "yours"

    night.play(6)

    assert night.host.played == [Played("Drums", 1, night.host.played[0].name, 0.0)]
    assert night.heard_here() == [4.0]
    assert night.host.stopped == ["Drums"]


def test_a_hit_is_printed_where_it_was_heard(studio: Make) -> None:
    night = studio(cue("hit"), at=((1.0, "hit"), (2.5, "hit")), host_place="arrangement")

    night.play(2)
    assert [beat for _, beat, _ in night.host.arranged] == [1.0]
    night.play(2)

    assert [(track, beat) for track, beat, _ in night.host.arranged] == [("Drums", 1.0), ("Drums", 2.5)]
    assert night.heard_here() == [1.0, 2.5]


def test_a_loop_is_printed_pass_by_pass_once_each_is_over(studio: Make) -> None:
    night = studio(loop("one"), loop("two"), at=((0.0, "one"), (8.0, "two")), host_place="arrangement")

    night.play(7)
    assert [beat for _, beat, _ in night.host.arranged] == [0.0]
    night.play(6)

    assert [(beat, name[:3]) for _, beat, name in night.host.arranged] == [(0.0, "one"), (4.0, "one"), (8.0, "two")]


def test_what_could_not_be_printed_is_printed_when_the_host_is_back(studio: Make) -> None:
    night = studio(cue("hit"), at=((1.0, "hit"), (3.0, "hit")), host_place="arrangement")
    night.host.here = False
    night.play(4)
    assert night.host.arranged == []

    night.host.here = True
    night.play(4)

    assert [beat for _, beat, _ in night.host.arranged] == [1.0, 3.0]


def test_a_host_some_bars_ahead_has_it_at_its_own_bar(studio: Make) -> None:
    night = studio(cue("hit"), at=((1.0, "hit"),), host_place="arrangement")
    night.host.ahead_beats = 32.02  # the same bar line, read a moment later

    night.play(4)

    assert [beat for _, beat, _ in night.host.arranged] == [33.0]


def test_the_clip_in_the_host_is_what_is_heard_here(studio: Make, tmp_path: Path) -> None:
    import soundfile as sf

    night = studio(cue("hit"), at=((4.0, "hit"),), heard_in="both", host_place="slot")
    night.play(6)

    [path] = (tmp_path / "clips").glob("*.wav")
    samples, _ = sf.read(path, dtype="float32", always_2d=True)
    begin = RATE_HZ + 4 * RATE_HZ // 2
    heard = night.stage.sound[begin : begin + len(samples)]
    assert np.abs(heard - samples[: len(heard)]).max() < 1e-3
