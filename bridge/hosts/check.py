"""Whether a host does what it is said to, for real: look, connect, read, and if asked place a clip and take it away."""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from bridge.hosts.base import Found, Host, HostChoice, HostClip, HostError, Placement, Product, SlotTaken
from bridge.wav_chunks import Musical, write_musical_wav
from osc_schemas.bounds import TEMPO_BPM_HIGH, TEMPO_BPM_LOW
from osc_schemas.nearest import nearest_only
from osc_schemas.samples import Samples

SAMPLE_RATE_HZ, LENGTH_BEATS = 48_000, 2
CLICK_HZ, CLICK_DECAY_S, CLICK_PEAK = (1_760.0, 880.0), 0.03, 0.25  # one pitch for each of the two beats
SLOTS_TRIED = 16
FAR_BEAT = 4_096.0  # 34 minutes in at 120 BPM: some hosts cut away what lies where a clip is put
NAME = "upbeat test"

Say = Callable[[str], None]


def check(product: Product, choice: HostChoice, *, found: Sequence[Found], place_on: str | None, say: Say) -> None:
    """Try a host, each step told to `say` as it ends. Raises `HostError` at the first that does not go well.

    What is only missing on this machine stops nothing: a host may run on another one, or where we did not look.
    """
    for one in found:
        say(f"look     {one.what}: {one.found}")
    if broken := [one for one in found if one.state == "broken"]:
        raise HostError(f"{broken[0].what}: {broken[0].found}")
    host = product.host(choice)
    try:
        say(f"connect  {host.connect()}")
        tracks = _tracks(host, say)
        tempo_bpm = _tempo(host, say)
        if place_on is not None:
            if tracks is not None and place_on not in tracks:
                listed = nearest_only(place_on, tracks) or f"; there are {', '.join(tracks) or 'none'}"
                raise HostError(f"{product.title} has no track {place_on[:80]!r}{listed}")
            with tempfile.TemporaryDirectory(prefix="upbeat-") as folder:
                _place_and_remove(host, trial_clip(Path(folder), tempo_bpm=tempo_bpm), place_on, say)
    finally:
        host.close()
    say("all went well")


def trial_clip(folder: Path, *, tempo_bpm: float) -> HostClip:
    """A WAV of two beats in `folder`: a high click on the first, a low one on the second."""
    path = folder / f"{NAME}.wav"
    samples = clicks(tempo_bpm=tempo_bpm)
    musical = Musical(tempo_bpm=tempo_bpm, length_beats=LENGTH_BEATS, loop=True, name=NAME)
    write_musical_wav(path, samples, SAMPLE_RATE_HZ, musical)
    return HostClip(
        path=path.absolute(),
        take_id="upbeat-test",
        name=NAME,
        length_beats=LENGTH_BEATS,
        tempo_bpm=tempo_bpm,
        frames=len(samples),
        sample_rate_hz=SAMPLE_RATE_HZ,
        loop=True,
    )


def clicks(*, tempo_bpm: float) -> Samples:
    """Two beats (frames, 1), each of which begins with a decaying tone."""
    samples = np.zeros((round(LENGTH_BEATS * 60 / tempo_bpm * SAMPLE_RATE_HZ), 1), np.float32)
    for beat, pitch_hz in enumerate(CLICK_HZ):
        rest = samples[round(beat * 60 / tempo_bpm * SAMPLE_RATE_HZ) :, 0]
        time_s = np.arange(len(rest)) / SAMPLE_RATE_HZ
        rest[:] = CLICK_PEAK * np.exp(-time_s / CLICK_DECAY_S) * np.sin(2 * np.pi * pitch_hz * time_s)
    return samples


def _tracks(host: Host, say: Say) -> list[str] | None:
    """The names of its tracks; None if it cannot tell."""
    if "tracks" not in host.abilities:
        say("tracks   it cannot tell them")
        return None
    names = [track.name for track in host.tracks()]
    say(f"tracks   {len(names)}: {', '.join(names)}" if names else "tracks   it has none yet")
    return names


def _tempo(host: Host, say: Say) -> float:
    if "tempo" not in host.abilities:
        say("time     it cannot tell it; the test clip has 120 BPM")
        return 120.0
    time = host.time()
    say(f"time     beat {time.beat:g} at {time.tempo_bpm:g} BPM, {'playing' if time.playing else 'standing still'}")
    return min(max(time.tempo_bpm, TEMPO_BPM_LOW), TEMPO_BPM_HIGH)


def _place_and_remove(host: Host, clip: HostClip, track: str, say: Say) -> None:
    if "slot" in host.abilities:
        placement = _in_a_free_slot(host, clip, track)
        where = f"slot {placement.slot}"
    else:
        placement = host.place_at_beat(clip, track=track, beat=FAR_BEAT)
        where = f"beat {placement.beat:g}"
    try:
        say(f"place    a click of two beats, {where} of {track}")
    finally:  # whatever happens to whoever reads along
        host.remove(placement)
    say("remove   it is gone again")


def _in_a_free_slot(host: Host, clip: HostClip, track: str) -> Placement:
    for slot in range(1, SLOTS_TRIED + 1):
        try:
            return host.place_in_slot(clip, track=track, slot=slot)
        except SlotTaken:  # what lies there is not ours
            continue
    raise HostError(f"the first {SLOTS_TRIED} slots of {track} are all taken; empty one, or name another track")
