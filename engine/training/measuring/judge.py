"""A listener of our own: a network that names the kind and the attributes of a sound from its spectrogram.

It hears noise, odd equalisers and levels while it learns. One that was trained on clean sounds alone is useless: a
tiny change that no ear would notice made it blind to whole kinds.
"""

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.text.kinds import ATTRIBUTES, KINDS
from engine.training.kinds import draw
from engine.training.optimiser import Optimiser
from engine.training.progress import Course, Held, Report
from engine.training.sketch import Sound
from engine.training.wishes import APPLIES, Wish, random_wish
from engine.vocoders.curve_decoder import decode

JUDGE_RATE_HZ: Final = 44_100
LISTENED_S: Final = 2.0  # a longer sound is judged by its beginning, a shorter one with silence after it
SHORTEST_HEARD_S: Final = 0.4
LONGEST_HEARD_S: Final = 4.0
FFT_FRAMES: Final = 1024
HOP_FRAMES: Final = 512
MEL_BANDS: Final = 64
FEATURES: Final = 64
FLOOR_DB: Final = -60.0  # under the loudest moment; a low floor would make silence the loudest evidence
BATCH: Final = 48
REUSED: Final = 4  # how often a rendered sound is heard, each time degraded differently
POOL: Final = 2_000
FIRST_POOL: Final = 400  # rendered before the first update
HISS_POWER: Final = 384.0  # of white noise of variance 1 in each band: the sum of the squared window


@lru_cache(maxsize=1)
def _mel_filters() -> Tensor:
    """(bins, MEL_BANDS): triangles, even on the mel scale from 40 Hz to 18 kHz."""
    mel_of = 2595 * torch.log10(1 + torch.tensor([40.0, 18_000.0]) / 700)
    edges_hz = 700 * (10 ** (torch.linspace(float(mel_of[0]), float(mel_of[1]), MEL_BANDS + 2) / 2595) - 1)
    bin_hz = torch.linspace(0, JUDGE_RATE_HZ / 2, FFT_FRAMES // 2 + 1)[:, None]
    rising = (bin_hz - edges_hz[:-2]) / (edges_hz[1:-1] - edges_hz[:-2])
    falling = (edges_hz[2:] - bin_hz) / (edges_hz[2:] - edges_hz[1:-1])
    triangles = torch.minimum(rising, falling).clamp(min=0)
    return triangles / triangles.sum(0).clamp(min=1e-9)


def mel_power(waveforms: Tensor) -> Tensor:
    """(batch, MEL_BANDS, hops) of (batch, frames), of as much as the judge listens to."""
    frames = round(LISTENED_S * JUDGE_RATE_HZ)
    waveforms = functional.pad(waveforms[:, :frames], (0, max(0, frames - waveforms.shape[1])))
    window = torch.hann_window(FFT_FRAMES)
    spectrum = torch.stft(waveforms, FFT_FRAMES, HOP_FRAMES, window=window, return_complex=True, pad_mode="constant")
    return (spectrum.abs().pow(2).transpose(1, 2) @ _mel_filters()).transpose(1, 2)


def log_mel(power: Tensor) -> Tensor:
    """What the judge sees of `mel_power`: dB under the loudest moment, scaled to [-1, 1]."""
    level_db = 10 * torch.log10(power + 1e-9)
    loudest_db = level_db.amax((1, 2), keepdim=True)
    return (level_db - loudest_db).clamp(min=FLOOR_DB) / (-FLOOR_DB / 2) + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the judge makes of a batch of sounds."""

    kinds: Tensor  # (batch, len(KINDS)) logits
    attributes: Tensor  # (batch, len(ATTRIBUTES), 3) logits
    features: Tensor  # (batch, FEATURES): where distances between sets of sounds are measured


class Judge(nn.Module):
    """Four convolutions over the log-mel spectrogram, then its mean and maximum over time."""

    def __init__(self) -> None:
        super().__init__()
        widths = (1, 24, 48, 64, 96)
        self.convolutions = nn.ModuleList(
            nn.Conv2d(before, after, 3, stride=2, padding=1) for before, after in pairwise(widths)
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for width in widths[1:])
        self.features = nn.Linear(2 * widths[-1] * (MEL_BANDS // 16), FEATURES)
        self.kind_head = nn.Linear(FEATURES, len(KINDS))
        self.attribute_head = nn.Linear(FEATURES, 3 * len(ATTRIBUTES))

    def forward(self, spectrograms: Tensor) -> Verdict:
        """The verdict on (batch, MEL_BANDS, hops) from `log_mel`."""
        x = spectrograms[:, None]
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            x = functional.relu(norm(convolution(x)))
        x = x.flatten(1, 2)  # (batch, channels and bands, hops)
        features = self.features(torch.cat([x.mean(-1), x.amax(-1)], 1))
        hidden = functional.relu(features)
        return Verdict(
            kinds=self.kind_head(hidden),
            attributes=self.attribute_head(hidden).view(-1, len(ATTRIBUTES), 3),
            features=features,
        )

    @torch.inference_mode()
    def listen(self, waveforms: list[Tensor]) -> Verdict:
        """The verdict on waveforms of any lengths, each (frames,) or (channels, frames) at `JUDGE_RATE_HZ`."""
        verdict: Verdict = self(torch.cat([log_mel(mel_power(mono(waveform)[None])) for waveform in waveforms]))
        return verdict


def mono(waveform: Tensor) -> Tensor:
    """(frames,): the mean of the channels of (channels, frames); (frames,) as it is."""
    return waveform.mean(0) if waveform.dim() == 2 else waveform


def render(sound: Sound, *, seed: int, heard_s: float = math.inf) -> Tensor:
    """(2, frames) at the judge's rate: a true sound, or as much of its beginning as is heard."""
    return decode(
        sound.curves,
        sound.constants,
        seed=seed,
        frames=round(min(sound.length_s, heard_s) * JUDGE_RATE_HZ),
        sample_rate_hz=JUDGE_RATE_HZ,
        length_s=sound.length_s,
    )


def degraded(power: Tensor) -> Tensor:
    """`mel_power` as after a poor recording: hiss 40 to 90 dB down, tilted and wavy equalisation, small errors."""
    batch = len(power)
    band = torch.linspace(-1, 1, MEL_BANDS)[:, None]
    tilt_db = 10 * (torch.rand(batch, 1, 1) - 0.5)
    waves = torch.sin(band * (1 + 4 * torch.rand(batch, 1, 1)) + 2 * math.pi * torch.rand(batch, 1, 1))
    gain_db = tilt_db * band + 2 * torch.randn(batch, 1, 1) * waves + torch.randn_like(power)
    hiss_db = -40 - 50 * torch.rand(batch, 1, 1)
    hiss = HISS_POWER * torch.pow(10.0, hiss_db / 10) * (0.5 + torch.rand_like(power))
    return power * torch.pow(10.0, gain_db / 10) + hiss


def train_judge(judge: Judge, rng: np.random.Generator, *, updates: int, report: Report) -> None:
    """Teach the judge sounds that never come twice."""
    judge.train()
    # The order of the axes and bfloat16 together halve the time of an update.
    judge.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = Optimiser(judge.parameters(), peak_rate=2e-3, updates=updates, warm_up=50, weight_decay=1e-2)
    # A run that goes on after a kill fills its pool anew: it ends with a judge as good, not with the same bits.
    held: Held = {"judge": judge, "optimiser": optimiser, "sounds": rng}
    course = Course("judge", updates=updates, report=report, holds=held)
    lessons = _lessons(rng)
    for _ in course:
        power, wishes = next(lessons)
        with torch.autocast("cpu", torch.bfloat16):
            verdict = judge(log_mel(degraded(power)))
        kinds = torch.tensor([KINDS.index(wish.kind) for wish in wishes])
        loss = functional.cross_entropy(verdict.kinds.float(), kinds)
        for place, attribute in enumerate(ATTRIBUTES):
            applies = torch.tensor([wish.kind in APPLIES[attribute] for wish in wishes])
            levels = torch.tensor([wish.levels[place] for wish in wishes]) + 1
            losses = functional.cross_entropy(verdict.attributes[:, place].float(), levels, reduction="none")
            loss = loss + 0.3 * (losses * applies).sum() / applies.sum().clamp(min=1)
        course.note(optimiser.step(loss))
    judge.eval()
    judge.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]


def fresh_sound(rng: np.random.Generator, *, kind: str | None = None) -> tuple[Wish, Sound]:
    """A wish and a sound that fits it, of any length that is judged: evenly spread over octaves."""
    wish = random_wish(rng, kind=kind)
    length_s = float(np.exp(rng.uniform(math.log(SHORTEST_HEARD_S), math.log(LONGEST_HEARD_S))))
    return wish, draw(wish, length_s=length_s, rng=rng)


def _lessons(rng: np.random.Generator) -> Iterator[tuple[Tensor, list[Wish]]]:
    """Batches of `mel_power`, from a pool in which new sounds replace the oldest."""
    pool: deque[tuple[Tensor, Wish]] = deque(maxlen=POOL)
    while True:
        for _ in range(BATCH // REUSED if pool else FIRST_POOL):
            wish, sound = fresh_sound(rng)
            waveform = mono(render(sound, seed=int(rng.integers(2**31)), heard_s=LISTENED_S))
            pool.append((mel_power(waveform[None])[0], wish))
        chosen = [pool[i] for i in rng.integers(0, len(pool), BATCH)]
        yield torch.stack([power for power, _ in chosen]), [wish for _, wish in chosen]
