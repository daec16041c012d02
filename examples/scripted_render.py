"""A set written in Python and rendered through pedalboard: stems and a mix, faster than real time, the same each time.

python examples/scripted_render.py [FOLDER]
"""

import sys

from bridge.render.offline import render
from bridge.set_file import Effect, Set, TimelineEntry, TrackSpec
from osc_schemas.cue import Cue

NOTES = ["A3", "C4", "E4", "G4", "F4", "E4", "C4", "D4"]


def main() -> None:
    """Render two bars of kick and an arpeggio through delay and reverb."""
    echo = Effect(name="Delay", parameters={"delay_seconds": 0.363, "feedback": 0.3, "mix": 0.25})
    hall = Effect(name="Reverb", parameters={"room_size": 0.7, "wet_level": 0.2})
    cues = [Cue(name="kick", track="drums", prompt="deep punchy kick", length_beats=1, loop=True)]
    cues += [Cue(name=f"note-{n}", track="plucks", prompt=f"bright pluck in {n}", length_beats=1) for n in NOTES]
    music = Set(
        tempo_bpm=124,
        length_bars=2,
        tracks={
            "drums": TrackSpec(name="drums", gain_db=-3),
            "plucks": TrackSpec(name="plucks", gain_db=-6, loudness_lufs=-18, effects=(echo, hall)),
        },
        cues={cue.name: cue for cue in cues},
        timeline=[
            TimelineEntry(beat=0, cue="kick"),
            *(TimelineEntry(beat=beat, cue=f"note-{note}") for beat, note in enumerate(NOTES)),
        ],
    )
    report = render(music, sys.argv[1] if len(sys.argv) > 1 else "render")
    speed = report.music_s / report.took_s
    print(f"{report.mix}: {report.music_s:.1f} s of music in {report.took_s:.1f} s ({speed:.0f} times real time)")


if __name__ == "__main__":
    main()
