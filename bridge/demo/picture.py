"""Draws a recording as a musician reads it: tracks as waveform lanes over a bar ruler, launches marked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from osc_schemas.clip import Samples

INK, PAPER, GRID, FAINT = "#e8e6e3", "#16181d", "#2a2e37", "#8b909c"
LANES = ("#6cc5b0", "#f0b95a", "#8fa8ff", "#ff8aa0", "#b7d968", "#d09bf0")
TRIGGERS = {"timeline": ("#8b909c", "timeline"), "osc": ("#ffd166", "OSC"), "midi": ("#ef6f6c", "MIDI")}
COLUMNS = 1_800  # of the waveform; about one for each pixel


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A launch in the picture: a flag on a track's lane."""

    track: str
    cue: str
    trigger: str
    frame: int


def draw(
    path: Path,
    stems: Mapping[str, Samples],
    marks: Sequence[Mark],
    *,
    title: str,
    first_beat_frame: int,
    frames_per_beat: float,
    beats_per_bar: float,
    bars: int,
) -> None:
    """Write the picture of `stems` (frames, channels) by track to `path`, a PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(14, 1.5 * len(stems) + 1.1), dpi=110, facecolor=PAPER)
    FigureCanvasAgg(figure)
    end_beat = bars * beats_per_bar
    for row, (track, stem) in enumerate(stems.items()):
        axes = figure.add_axes((0.075, 0.09 + (len(stems) - 1 - row) * 0.79 / len(stems), 0.915, 0.74 / len(stems)))
        axes.set_facecolor(PAPER)
        axes.set_xlim(-0.3, end_beat)
        axes.set_ylim(-1.12, 1.12)
        for beat in np.arange(0, end_beat + 0.5, 1):
            bar_line = beat % beats_per_bar == 0
            axes.axvline(beat, color=GRID, linewidth=1.1 if bar_line else 0.4, zorder=0)
        beats, low, high = _envelope(stem, first_beat_frame, frames_per_beat, end_beat)
        axes.fill_between(beats, low, high, color=LANES[row % len(LANES)], linewidth=0, zorder=2)
        for mark in marks:
            if mark.track == track:
                beat = (mark.frame - first_beat_frame) / frames_per_beat
                colour, _ = TRIGGERS.get(mark.trigger, (INK, mark.trigger))
                axes.plot([beat, beat], [-1.05, 1.05], color=colour, linewidth=1.2, zorder=3)
                axes.plot([beat], [1.05], marker="v", color=colour, markersize=5, zorder=4)
        axes.set_yticks([])
        for side in axes.spines.values():
            side.set_visible(False)
        axes.set_ylabel(track, color=INK, rotation=0, ha="right", va="center", labelpad=10, fontsize=12)
        last = row == len(stems) - 1
        bar_beats = np.arange(bars) * beats_per_bar
        axes.set_xticks(bar_beats, [str(bar + 1) for bar in range(bars)] if last else [""] * bars)
        axes.tick_params(colors=FAINT, length=0, labelsize=10)
    figure.text(0.075, 0.935, title, color=INK, fontsize=13, va="center")
    for place, (colour, name) in enumerate(TRIGGERS.values()):
        figure.text(0.80 + 0.075 * place, 0.935, f"▼ {name}", color=colour, fontsize=10, va="center")
    figure.savefig(path, facecolor=PAPER)


def _envelope(
    stem: Samples, first_beat_frame: int, frames_per_beat: float, end_beat: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(beats, low, high) of the stem's waveform in columns, its own peak as 1."""
    first, last = first_beat_frame, min(len(stem), first_beat_frame + round(end_beat * frames_per_beat))
    mono = stem[first:last].mean(axis=1)
    step = max(1, len(mono) // COLUMNS)
    columns = mono[: len(mono) // step * step].reshape(-1, step)
    peak = max(float(np.abs(mono).max(initial=0.0)), 1e-9)
    beats = (np.arange(len(columns)) + 0.5) * step / frames_per_beat
    return beats, columns.min(axis=1) / peak, columns.max(axis=1) / peak
