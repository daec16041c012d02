"""Ardour's map of tempos, as its session file has it: quarter notes <-> frames, to the frame that Ardour itself takes.

Ardour counts time in superclocks, of which a quarter note has a whole number, and a frame is the superclock rounded
down. So we reckon as it does: a clip of ours then lies under the user's own that was snapped to the same beat.
"""

import math
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass

TICKS_PER_BEAT = 1920


@dataclass(frozen=True, slots=True, kw_only=True)
class TempoPoint:
    """From a quarter note on, a tempo. `omega` is how it grows per superclock's reciprocal; 0: it stays."""

    quarters: float
    superclock: int
    superclocks_per_quarter: int
    omega: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TempoMap:
    """The tempos of a session in the order of time; the first one holds before its own place too."""

    points: Sequence[TempoPoint]
    superclocks_per_s: int
    sample_rate_hz: int
    beats_per_bar: float = 4.0  # in quarter notes, of the first meter

    def superclock_at(self, beat: float) -> int:
        """A quarter note, which Ardour counts in 1920ths."""
        beat = round(beat * TICKS_PER_BEAT) / TICKS_PER_BEAT
        point = self._last([point.quarters <= beat for point in self.points])
        ahead = point.superclocks_per_quarter * (beat - point.quarters)
        if point.omega:
            ahead = math.log1p(ahead * point.omega) / point.omega
        return point.superclock + round(ahead)

    def frame_at(self, beat: float) -> int:
        """The frame on which Ardour has that quarter note."""
        return self.superclock_at(beat) * self.sample_rate_hz // self.superclocks_per_s

    def beat_at(self, frame: int) -> float:
        """The quarter note that Ardour has at that frame, not rounded."""
        superclock = frame * self.superclocks_per_s / self.sample_rate_hz
        point, ahead = self._before(superclock)
        if point.omega:
            ahead = math.expm1(ahead * point.omega) / point.omega
        return point.quarters + ahead / point.superclocks_per_quarter

    def tempo_at(self, frame: int) -> float:
        """Quarter notes a minute at that frame."""
        point, ahead = self._before(frame * self.superclocks_per_s / self.sample_rate_hz)
        return 60 * self.superclocks_per_s / point.superclocks_per_quarter * math.exp(ahead * point.omega)

    def _before(self, superclock: float) -> tuple[TempoPoint, float]:
        point = self._last([point.superclock <= superclock for point in self.points])
        return point, superclock - point.superclock

    def _last(self, have_begun: list[bool]) -> TempoPoint:
        return [
            point for point, begun in zip(self.points, have_begun, strict=True) if begun or point is self.points[0]
        ][-1]


def tempo_map(session: ET.Element) -> TempoMap:
    """The map of a `<Session>`. Raises `ValueError` or `KeyError` where the file has none that we can read."""
    element = session.find("TempoMap")
    if element is None:
        raise ValueError("there is no TempoMap")
    per_s = int(element.attrib["superclocks-per-second"])
    points = [_point(tempo, per_s) for tempo in element.iterfind("Tempos/Tempo")]
    if not points:
        raise ValueError("there is no Tempo in the TempoMap")
    meter = element.find("Meters/Meter")
    beats_per_bar = (
        4.0 if meter is None else int(meter.attrib["divisions-per-bar"]) * 4 / int(meter.attrib["note-value"])
    )
    return TempoMap(
        points=sorted(points, key=lambda point: point.superclock),
        superclocks_per_s=per_s,
        sample_rate_hz=int(session.attrib["sample-rate"]),
        beats_per_bar=beats_per_bar,
    )


def _point(tempo: ET.Element, superclocks_per_s: int) -> TempoPoint:
    beats, ticks = tempo.attrib["quarters"].split(":")
    notes_per_quarter = int(tempo.attrib["note-type"]) / 4
    per_note = round(superclocks_per_s * 60 / float(tempo.attrib["npm"]))
    return TempoPoint(
        quarters=int(beats) + int(ticks) / TICKS_PER_BEAT,
        superclock=int(tempo.attrib["sclock"]),
        superclocks_per_quarter=round(per_note * notes_per_quarter),
        omega=float(tempo.attrib.get("omega", "0")),
    )
