"""A small player of DAWproject files that knows the file alone: the arrangement's clips -> samples on each track."""

import io
import itertools
import xml.etree.ElementTree as ET
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import soundfile as sf

from osc_schemas.clip import Samples


class DawProject:
    """A file, read."""

    def __init__(self, path: Path) -> None:
        self.archive = zipfile.ZipFile(path)
        self.root = ET.fromstring(self.archive.read("project.xml"))
        self.names = {track.get("id", ""): track.get("name", "") for track in self.root.iter("Track")}
        points = self.root.findall("Arrangement/TempoAutomation/RealPoint")
        self.tempi = [(float(point.get("time", "")), float(point.get("value", ""))) for point in points]
        self.markers = [(float(marker.get("time", "")), marker.get("name")) for marker in self.root.iter("Marker")]

    def close(self) -> None:
        self.archive.close()

    def seconds_at(self, beat: float) -> float:
        """Beats to seconds, tempo by tempo."""
        seconds = 0.0
        for (start, tempo_bpm), (end, _) in itertools.pairwise([*self.tempi, (float("inf"), 0.0)]):
            if beat <= start:
                break
            seconds += (min(beat, end) - start) * 60 / tempo_bpm
        return seconds

    def gain_at(self, track_id: str, beat: float) -> float:
        """The volume of a track on a beat, with those of the groups around it."""
        gain = 1.0
        for track in self.root.iter("Track"):
            if track.get("id") == track_id or any(inner.get("id") == track_id for inner in track.iter("Track")):
                volume = track.find("Channel/Volume")
                assert volume is not None
                now = float(volume.get("value", ""))
                for points in self.root.iter("Points"):
                    target = points.find("Target")
                    if target is not None and target.get("parameter") == volume.get("id"):
                        for point in points.iter("RealPoint"):
                            now = float(point.get("value", "")) if float(point.get("time", "")) <= beat else now
                gain *= now
        return gain

    def sound(self, clip_path: str) -> tuple[Samples, int]:
        samples, rate_hz = sf.read(io.BytesIO(self.archive.read(clip_path)), dtype="float32", always_2d=True)
        return samples, rate_hz

    def clips(self) -> dict[str, list[ET.Element]]:
        """The arrangement's clips by track id."""
        return {
            lanes.get("track", ""): list(lanes.findall("Clips/Clip"))
            for lanes in self.root.findall("Arrangement/Lanes/Lanes")
        }

    def played(self, *, frames: int, rate_hz: int) -> Mapping[str, Samples]:
        """What each track sounds like, (frames, 2), by its name."""
        heard = {}
        for track_id, clips in self.clips().items():
            bus = np.zeros((frames, 2), np.float64)
            for clip in clips:
                self._play(clip, bus, rate_hz, track_id)
            heard[self.names[track_id]] = bus.astype(np.float32)
        return heard

    def _play(self, clip: ET.Element, bus: Samples, rate_hz: int, track_id: str) -> None:
        time, duration = float(clip.get("time", "")), float(clip.get("duration", ""))
        gain = self.gain_at(track_id, time)
        end = round(self.seconds_at(time + duration) * rate_hz)
        warps = clip.find("Warps")
        file = clip.find(".//File")
        assert file is not None
        samples, _ = self.sound(file.get("path", ""))
        if warps is None:  # in seconds, as it is
            begin = round(self.seconds_at(time) * rate_hz)
            _add(bus, samples[: round(float(clip.get("playStop", "")) * rate_hz)] * gain, begin, len(bus))
            return
        points = [(float(warp.get("time", "")), float(warp.get("contentTime", ""))) for warp in warps.iter("Warp")]
        play, start, stop = (float(clip.get(name, "")) for name in ("playStart", "loopStart", "loopEnd"))
        first_s = np.interp(start, [at for at, _ in points], [content for _, content in points])
        last_s = np.interp(stop, [at for at, _ in points], [content for _, content in points])
        one_pass = samples[round(first_s * rate_hz) : round(last_s * rate_hz)]
        beat = time - (play - start)
        while beat < time + duration - 1e-9:
            begin = round(self.seconds_at(beat) * rate_hz) if beat >= 0 else 0
            into = round((time - beat) / (stop - start) * len(one_pass)) if beat < time else 0
            _add(bus, one_pass[into:] * gain, max(begin, round(self.seconds_at(time) * rate_hz)), end)
            beat += stop - start


def _add(bus: Samples, samples: Samples, begin: int, end: int) -> None:
    room = max(0, min(end, len(bus)) - begin)
    bus[begin : begin + min(room, len(samples))] += samples[:room]
