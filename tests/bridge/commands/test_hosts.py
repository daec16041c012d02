"""`upbeat hosts` with a host of the test's own: what is told, in which order, and what is left behind."""

import json
import sys
import types
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from bridge.cli import main
from bridge.hosts import products
from bridge.hosts.base import (
    Ability,
    BasicHost,
    Found,
    Host,
    HostChoice,
    HostClip,
    HostError,
    HostLost,
    HostTime,
    HostTrack,
    Placement,
    SlotTaken,
)
from bridge.hosts.check import clicks
from bridge.wav_chunks import read_musical


class Launcher(BasicHost):
    """A stand-in for a host with slots: three tracks, and slot 1 of Drums taken by somebody else."""

    name, title = "launcher", "The Launcher"
    abilities: frozenset[Ability] = frozenset({"slot", "tempo", "tracks"})

    def __init__(self, choice: HostChoice) -> None:
        self.choice = choice
        self.slots: dict[tuple[str, int], HostClip | str] = {("Drums", 1): "somebody's own"}
        self.done: list[str] = []
        self.tempo_heard: list[float | None] = []

    def connect(self, *, within_s: float = 2.0) -> str:
        self.done.append("connect")
        return "The Launcher 1.0"

    def close(self) -> None:
        self.done.append("close")

    def tracks(self) -> Sequence[HostTrack]:
        return [HostTrack(number=number, name=name) for number, name in enumerate(("Drums", "Bass", "Keys"), 1)]

    def time(self) -> HostTime:
        return HostTime(beat=8, tempo_bpm=97, playing=True)

    def place_in_slot(self, clip: HostClip, *, track: str, slot: int) -> Placement:
        if (track, slot) in self.slots:
            raise SlotTaken(f"slot {slot} of {track} is taken")
        self.slots[track, slot] = clip
        musical = read_musical(clip.path)
        self.tempo_heard.append(musical and musical.tempo_bpm)
        self.done.append(f"place {slot}")
        return Placement(clip=clip, track=track, slot=slot)

    def remove(self, placement: Placement) -> None:
        assert self.slots.pop((placement.track, placement.slot)) is placement.clip
        self.done.append(f"remove {placement.slot}")


class Arranger(Launcher):
    """A stand-in for a host with an arrangement, and no more."""

    abilities: frozenset[Ability] = frozenset({"bar"})

    def place_at_beat(self, clip: HostClip, *, track: str, beat: float) -> Placement:
        self.slots[track, 0] = clip
        self.done.append(f"place at {beat:g}")
        return Placement(clip=clip, track=track, beat=beat)


class Quitter(Launcher):
    """A stand-in for a host that quits as it is asked."""

    def time(self) -> HostTime:
        raise HostLost("The Launcher does not answer any more; start it again")


@dataclass
class Standin:
    """What there is to know of a stand-in."""

    kind: type[Launcher] = Launcher
    name: str = "launcher"
    title: str = "The Launcher 1.0 or later"
    found: list[Found] = field(default_factory=lambda: [Found(what="the launcher", state="good", found="version 1.0")])
    hosts: list[Launcher] = field(default_factory=list)
    moved: list[tuple[str, Path | None]] = field(default_factory=list)
    looked_in: list[Path | None] = field(default_factory=list)

    @property
    def abilities(self) -> frozenset[Ability]:
        return self.kind.abilities

    def look(self, folder: Path | None = None) -> list[Found]:
        self.looked_in.append(folder)
        if not self.found:
            raise ZeroDivisionError("no version")
        return self.found

    def install(self, folder: Path | None) -> list[str]:
        self.moved.append(("in", folder))
        return ["put the script in its place", "choose it in the preferences"]

    def remove(self, folder: Path | None) -> list[str]:
        self.moved.append(("out", folder))
        return ["took the script away"]

    def host(self, choice: HostChoice) -> Host:
        self.hosts.append(self.kind(choice))
        return self.hosts[-1]


@pytest.fixture
def standin(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Standin:
    """The one host that is known, but for one whose adapter is not there."""
    one, module = Standin(), types.ModuleType("bridge.hosts.launcher")
    module.PRODUCT = one  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "bridge.hosts.launcher", module)
    monkeypatch.setattr(products, "NAMES", ("launcher", "absent"))
    monkeypatch.setattr(products, "page", lambda name: tmp_path / f"{name}.md")
    return one


def test_the_list_says_what_each_can_do_and_what_is_missing(
    standin: Standin, capsys: pytest.CaptureFixture[str]
) -> None:
    standin.found.append(Found(what="our script", state="missing", found="`upbeat hosts install launcher` brings it"))

    assert main(["hosts"]) == 0
    lines = capsys.readouterr().out.splitlines()

    assert lines[:4] == [
        "launcher: The Launcher 1.0 or later",
        "    puts clips into slots, tells its tempo and place, tells its tracks",
        "    ok  the launcher  version 1.0",
        "    --  our script    `upbeat hosts install launcher` brings it",
    ]
    assert lines[4] == "absent: absent"
    assert "bridge.hosts.absent" in lines[5]


def test_the_list_for_scripts_has_every_host(standin: Standin, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["hosts", "list", "--json"]) == 0
    first, absent = json.loads(capsys.readouterr().out)

    assert (first["name"], first["abilities"]) == ("launcher", ["slot", "tempo", "tracks"])
    assert first["found"] == [{"what": "the launcher", "state": "good", "found": "version 1.0"}]
    assert (absent["abilities"], absent["found"][0]["state"]) == ([], "broken")


def test_one_host_can_be_listed_where_it_is_portable(standin: Standin, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["hosts", "list", "launcher", "--folder", "stick"]) == 0
    assert main(["hosts", "check", "launcher", "--folder", "stick"]) == 0
    assert standin.looked_in == [Path("stick"), Path("stick")]
    assert "absent" not in capsys.readouterr().out

    assert main(["hosts", "list", "--folder", "stick"]) == 2
    assert "--folder is that of one host; name it" in capsys.readouterr().err


def test_a_portable_reaper_is_listed_with_our_script_in_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["hosts", "list", "reaper", "--folder", str(tmp_path)]) == 0
    assert f"ok  REAPER           its resource path is {tmp_path}" in capsys.readouterr().out
    assert main(["hosts", "install", "reaper", "--folder", str(tmp_path)]) == 0
    assert main(["hosts", "list", "reaper", "--folder", str(tmp_path)]) == 0
    assert f"ok  Upbeat's script  {tmp_path / 'Scripts' / 'Upbeat'}" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["live", "bitwig", "reaper", "ardour", "folder", "plugin"])
def test_every_host_can_be_looked_for_in_a_folder(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["hosts", "list", name, "--folder", str(tmp_path)]) == 0
    assert "stumbled" not in capsys.readouterr().out


def test_a_host_that_stumbles_as_it_looks_is_a_finding(standin: Standin, capsys: pytest.CaptureFixture[str]) -> None:
    standin.found.clear()

    assert main(["hosts", "list"]) == 0
    assert "!!  looking  stumbled (ZeroDivisionError: no version); report this" in capsys.readouterr().out
    assert main(["hosts", "check", "launcher"]) == 2
    assert standin.hosts == []


def test_a_check_tells_each_step_and_leaves_nothing_behind(
    standin: Standin, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["hosts", "check", "launcher", "--place", "Drums", "--port", "4711", "--folder", "clips"]) == 0

    [host] = standin.hosts
    assert host.choice == HostChoice(name="launcher", port=4711, folder=Path("clips"))
    assert host.done == ["connect", "place 2", "remove 2", "close"]
    assert host.slots == {("Drums", 1): "somebody's own"}
    assert host.tempo_heard == [97]
    assert capsys.readouterr().out.splitlines() == [
        "look     the launcher: version 1.0",
        "connect  The Launcher 1.0",
        "tracks   3: Drums, Bass, Keys",
        "time     beat 8 at 97 BPM, playing",
        "place    a click of two beats, slot 2 of Drums",
        "remove   it is gone again",
        "all went well",
    ]


def test_a_check_without_a_track_places_nothing(standin: Standin) -> None:
    assert main(["hosts", "check", "launcher"]) == 0
    assert standin.hosts[0].done == ["connect", "close"]


def test_a_host_without_slots_gets_the_clip_far_beyond_what_anybody_has_written(
    standin: Standin, capsys: pytest.CaptureFixture[str]
) -> None:
    standin.kind = Arranger

    assert main(["hosts", "check", "launcher", "--place", "Voice"]) == 0

    assert standin.hosts[0].done == ["connect", "place at 4096", "remove 0", "close"]
    assert "it cannot tell it; the test clip has 120 BPM" in capsys.readouterr().out


def test_a_track_that_is_not_there_is_told_with_the_nearest(
    standin: Standin, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["hosts", "check", "launcher", "--place", "Drms"]) == 2
    assert "has no track 'Drms'; the nearest is Drums" in capsys.readouterr().err
    assert main(["hosts", "check", "launcher", "--place", "1/2"]) == 2
    assert "has no track '1/2'; there are Drums, Bass, Keys" in capsys.readouterr().err
    assert standin.hosts[0].done == ["connect", "close"]


def test_a_track_full_of_clips_is_left_as_it_is(
    standin: Standin, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def taken(self: Launcher, clip: HostClip, *, track: str, slot: int) -> Placement:
        raise SlotTaken("taken")

    monkeypatch.setattr(Launcher, "place_in_slot", taken)

    assert main(["hosts", "check", "launcher", "--place", "Drums"]) == 2
    assert "the first 16 slots of Drums are all taken" in capsys.readouterr().err


def test_a_host_that_quits_half_way_is_one_sentence_and_is_let_go(
    standin: Standin, capsys: pytest.CaptureFixture[str]
) -> None:
    standin.kind = Quitter

    assert main(["hosts", "check", "launcher", "--place", "Drums"]) == 2

    told = capsys.readouterr()
    assert told.err == "upbeat: The Launcher does not answer any more; start it again\n"
    assert "tracks   3" in told.out
    assert standin.hosts[0].done == ["connect", "close"]


def test_our_part_is_put_in_and_taken_out(standin: Standin, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["hosts", "install", "launcher"]) == 0
    assert main(["hosts", "remove", "launcher", "--folder", str(tmp_path)]) == 0

    assert standin.moved == [("in", None), ("out", tmp_path)]
    assert capsys.readouterr().out.splitlines() == [
        "put the script in its place",
        "choose it in the preferences",
        "took the script away",
    ]


def test_what_cannot_be_put_in_is_one_sentence(
    standin: Standin, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def install(self: Standin, folder: Path | None) -> list[str]:
        raise HostError("there is no User Library here; name its folder with --folder")

    monkeypatch.setattr(Standin, "install", install)

    assert main(["hosts", "install", "launcher"]) == 2
    assert capsys.readouterr().err == "upbeat: there is no User Library here; name its folder with --folder\n"


def test_the_page_of_a_host_is_printed(standin: Standin, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["hosts", "page", "launcher"]) == 2
    assert "there is no page on The Launcher" in capsys.readouterr().err

    (tmp_path / "launcher.md").write_text("# The Launcher\n\nStart it.\n")
    assert main(["hosts", "page", "launcher"]) == 0
    assert capsys.readouterr().out == "# The Launcher\n\nStart it.\n"


@pytest.mark.parametrize("deed", ["install", "remove", "check", "page"])
def test_a_name_that_is_no_host_is_told_the_nearest(
    standin: Standin, capsys: pytest.CaptureFixture[str], deed: str
) -> None:
    assert main(["hosts", deed, "lancher"]) == 2
    assert "there is no host 'lancher'; it must be one of launcher, absent; the nearest is launcher" in (
        capsys.readouterr().err
    )
    assert main(["hosts", deed, "absent"]) == 2
    assert "our adapter for absent cannot be loaded" in capsys.readouterr().err


def test_the_test_clip_clicks_on_both_of_its_beats() -> None:
    samples = np.abs(clicks(tempo_bpm=97)[:, 0])

    beat_frames = round(60 / 97 * 48_000)
    assert len(samples) == round(2 * 60 / 97 * 48_000)
    for start in (0, beat_frames):
        assert 0.2 < samples[start : start + 480].max() <= 0.25
        assert samples[start + beat_frames - 4_800 : start + beat_frames].max() < 1e-4
