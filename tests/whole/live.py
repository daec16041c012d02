"""A live session on the silent output, performed and recorded, and its launches found again in the recording."""

import time
from collections.abc import Callable
from pathlib import Path

import soundfile as sf

from bridge.demo.measure import find_take
from bridge.library import read_samples
from bridge.player import Player
from bridge.session import Session
from bridge.set_file import Set
from bridge.wish import Launch


class Recorded:
    """What a live session left: its launches, and the recording of every track."""

    def __init__(self, folder: Path, session: Session, launches: list[Launch]) -> None:
        names = session.mixer.track_names
        self.launches = launches
        self.stems = {name: sf.read(folder / f"stems/{name}.wav", dtype="float32")[0] for name in names}
        self._takes = session.library.takes

    def error_frames(self, launch: Launch) -> int | None:
        """Heard less asked, as the recording has it; None if the take is not there."""
        take = self._takes[launch.take_id]
        found = find_take(
            self.stems[launch.cue.track],
            read_samples(take)[: take.request.frames],
            near_frame=launch.asked_frame,
            within_frames=4_800,
            sample_rate_hz=take.request.sample_rate_hz,
            skip_frames=480,
        )
        return None if found is None else found.frame - launch.asked_frame


def perform(
    music: Set, folder: Path, endpoint: str, *, play: Callable[[Session], None], done: Callable[[Player], bool]
) -> Recorded:
    """Play a set live on the null output while `play` performs, until `done` or a minute is over."""
    session = Session(
        music, engine_endpoint=endpoint, takes_folder=folder / "takes", record_folder=folder, output_kind="null"
    )
    with session:
        wait_until(lambda: session.link.state == "ready")
        play(session)
        wait_until(lambda: session.ask(done))
        launches = session.ask(lambda player: list(player.launcher.launches))
    return Recorded(folder, session, launches)


def beat_now(player: Player) -> float:
    """Where the music is."""
    return player.transport.beat_at_frame(player.mixer.frame)


def wait_until(true: Callable[[], bool], *, within_s: float = 60.0) -> None:
    """Look fifty times a second; fail when the time is over."""
    ends_at_s = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < ends_at_s, f"not within {within_s:g} s"
        time.sleep(0.02)
