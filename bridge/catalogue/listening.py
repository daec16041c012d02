"""Which sounds are shown of a kind, and how a clip is made ready to be listened to beside others."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bridge.tracks import loudness
from osc_schemas.clip import Samples
from osc_schemas.kind import Kind
from osc_schemas.request import GenerateRequest

SAMPLE_RATE_HZ = 44_100  # as files for listening have it
TARGET_LUFS = -20.0  # quiet enough that a short drum can have it as well
TAIL_S = 0.25
SEEDS = 3  # of a kind's first prompt, so that it is heard what another seed changes
SILENT = 10 ** (-66 / 20)  # under a clip's peak; what comes after the last sample above is cut off
CUT_FADE_S, SHORTEST_S = 0.02, 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One sound to make."""

    prompt: str
    seed: int
    length_beats: float

    def request(self, request_id: str, *, tempo_bpm: float) -> GenerateRequest:
        """What the engine is asked for. Raises `RequestError` for a length or tempo that is out of range."""
        frames = round(self.length_beats * 60 / tempo_bpm * SAMPLE_RATE_HZ)
        return GenerateRequest(
            request_id=request_id,
            prompt=self.prompt,
            frames=frames,
            tail_frames=min(round(TAIL_S * SAMPLE_RATE_HZ), frames // 2),
            sample_rate_hz=SAMPLE_RATE_HZ,
            seed=self.seed,
            tempo_bpm=tempo_bpm,
            exact=True,  # the same weights give the same folder
        )


def wanted_of(kind: Kind, *, length_beats: float | None) -> Iterator[Wanted]:
    """Every example once, then the first one with other seeds; `length_beats` goes before the kind's own."""
    length = length_beats or kind.length_beats
    for prompt in kind.examples:
        yield Wanted(prompt=prompt, seed=0, length_beats=length)
    for seed in range(1, SEEDS):
        if kind.examples:
            yield Wanted(prompt=kind.examples[0], seed=seed, length_beats=length)


def ready_to_hear(samples: Samples, request: GenerateRequest) -> Samples:
    """A clip (frames + tail_frames, channels) with its tail faded, silence at its end cut off, at one loudness."""
    gains = np.ones(len(samples), np.float32)
    gains[request.frames :] = np.cos(np.linspace(0, np.pi / 2, request.tail_frames, dtype=np.float32))
    heard = _without_silence(samples * gains[:, None], request.sample_rate_hz)
    measured_lufs = loudness.measure_lufs(heard, request.sample_rate_hz)
    return heard * np.float32(loudness.gain(heard, measured_lufs, target_lufs=TARGET_LUFS))


def _without_silence(samples: Samples, sample_rate_hz: int) -> Samples:
    level = np.abs(samples).max(axis=1)
    audible = np.flatnonzero(level > SILENT * level.max(initial=0.0))
    fade_frames = round(CUT_FADE_S * sample_rate_hz)
    end = max(int(audible[-1]) + 1 if audible.size else 0, round(SHORTEST_S * sample_rate_hz)) + fade_frames
    if end >= len(samples):
        return samples
    cut = samples[:end].copy()
    cut[-fade_frames:] *= np.linspace(1, 0, fade_frames, dtype=np.float32)[:, None]
    return cut
