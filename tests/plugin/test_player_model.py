"""Ways of a host out of seeds: whatever it does, all begins on its frame, and the same bits come in any cut."""

import random
from typing import Any

import numpy as np
import pytest

from tests.plugin.conftest import lacking
from tests.plugin.music import Music, Stretch, made_up
from tests.plugin.player import LAUNCHED, PAD, UNPLACE, Host, Samples

pytestmark = [
    pytest.mark.plugin,
    pytest.mark.skipif(bool(lacking()), reason=f"not installed: {' '.join(lacking())}"),
]

HERE = 25  # ways in every run, and
MORE = 600  # in the long one


def played(
    compiled: Any, rate_hz: int, stretches: list[Stretch], takes: dict[str, Samples], cut: random.Random, **more: Any
) -> tuple[Samples, Host]:
    """What a player sounds along the way, in blocks that the cut draws; `more` is for its takes."""
    daw = Host(compiled, rate_hz=rate_hz, playing=False)
    lengths = more.pop("lengths")
    clips = {name: daw.clip(take, length_beats=lengths[name], **more) for name, take in takes.items()}
    notes = {f"pad {k}": 60 + k for k in range(3)}
    slots: dict[str, int] = {}
    heard = []
    grids = {name: (grid, loop) for stretch in stretches for _, name, grid, loop, _ in stretch.strokes}
    for name, (grid, loop) in grids.items():
        daw.ask(PAD, slot=notes[name], clip=clips[name], value=grid, loop=loop)
    for stretch in stretches:
        for part in stretch.place:
            slots[part.name] = len(slots)
            daw.place(
                slots[part.name], clips[part.name], part.beat,
                loop=part.loop, until_beat=part.until_beat, kept=part.kept, serial=part.serial,
            )  # fmt: skip
        for name in stretch.take_back:
            daw.ask(UNPLACE, slot=slots[name])
        daw.tempo_bpm, daw.playing = stretch.tempo_bpm, stretch.playing
        if stretch.jump_to is not None:
            daw.beat = stretch.jump_to
        blocks = [min(8192, 1 + int(cut.paretovariate(0.5))) for _ in range(50)] or [512]
        strokes = [(frame, notes[name]) for frame, name, *_ in sorted(stretch.strokes)]
        heard.append(daw.play(stretch.frames, blocks, notes=strokes))
    return np.concatenate(heard), daw


def check_the_beginnings(compiled: Any, seed: int) -> None:
    """Each take is a single frame of a level of its own, so that a frame tells all that began there."""
    rate_hz, stretches, lengths = made_up(seed)
    names = sorted(lengths)
    levels = {name: np.float32(2.0 ** (k % 12 - 12)) * (1 + k // 12) for k, name in enumerate(names)}
    takes = {name: np.full((1, 1), levels[name], np.float32) for name in names}

    heard, daw = played(compiled, rate_hz, stretches, takes, random.Random(seed), lengths=lengths)
    errors = {told.error_frames for told in daw.told if told.kind == LAUNCHED}
    daw.close()

    music = Music(rate_hz)
    for stretch in stretches:
        music.go(stretch)
    wanted: dict[int, list[str]] = {}
    for frame, name in music.begins:
        wanted.setdefault(frame, []).append(name)
    found = {int(frame): float(heard[frame, 0]) for frame in np.flatnonzero(heard[:, 0])}
    assert found == {frame: float(sum(levels[name] for name in here)) for frame, here in wanted.items()}, wanted
    assert errors <= {0} | music.late


def check_the_cuts(compiled: Any, seed: int) -> None:
    """Takes of noise with tails, struck or sustained: two cuts of the same way, bit for bit."""
    rate_hz, stretches, lengths = made_up(seed)
    rng = np.random.default_rng(seed)
    sizes = rng.integers(500, 20_000, len(lengths))
    takes = {
        name: rng.uniform(-0.5, 0.5, (size, 1 + size % 2)).astype(np.float32)
        for name, size in zip(sorted(lengths), sizes, strict=True)
    }
    both = []
    for cut in (1, 2):
        heard, daw = played(
            compiled, rate_hz, stretches, takes, random.Random(seed * 10 + cut),
            lengths=lengths, frames=400, sustained=seed % 2 == 1, gain=0.7,
        )  # fmt: skip
        daw.close()
        both.append(heard)
    different = np.flatnonzero(np.any(both[0] != both[1], axis=1))
    assert not len(different), f"from frame {different[0]} on"


@pytest.mark.parametrize("seed", range(HERE))
def test_whatever_the_host_does_every_beginning_is_on_its_frame(compiled: Any, seed: int) -> None:
    check_the_beginnings(compiled, seed)


@pytest.mark.parametrize("seed", range(HERE // 5))
def test_the_same_way_of_the_host_gives_the_same_bits_in_any_blocks(compiled: Any, seed: int) -> None:
    check_the_cuts(compiled, seed)


@pytest.mark.hosts
def test_a_thousand_ways_more(compiled: Any) -> None:
    for seed in range(HERE, MORE):
        check_the_beginnings(compiled, seed)
        if seed % 10 == 0:
            check_the_cuts(compiled, seed)
