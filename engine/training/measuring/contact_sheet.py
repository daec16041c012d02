"""One picture of all kinds: true sounds beside what the model made of the prompts. Look, then believe a number."""

import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import torch
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor

from engine.training.batches import Example
from engine.training.measuring.judge import JUDGE_RATE_HZ, mono
from engine.training.measuring.makers import Maker

FFT_FRAMES: Final = 2048
HOP_FRAMES: Final = 256
RANGE_DB: Final = 80
LOWEST_HZ: Final = 40
HIGHEST_HZ: Final = 18_000
COLOURS: Final = 128
LINES: Final = 100  # of a picture, evenly spaced to the ear


def level_db(waveform: Tensor) -> Tensor:
    """(LINES, hops): the spectrogram of (frames,), in dB under its loudest point."""
    window = torch.hann_window(FFT_FRAMES)
    power = torch.stft(waveform, FFT_FRAMES, HOP_FRAMES, window=window, return_complex=True).abs().pow(2)
    line_hz = torch.logspace(math.log10(LOWEST_HZ), math.log10(HIGHEST_HZ), LINES)
    level = 10 * torch.log10(power[(line_hz * FFT_FRAMES / JUDGE_RATE_HZ).round().long()] + 1e-12)
    return level - level.max()


def draw_contact_sheet(
    file: Path, cases: Sequence[Example], columns: Sequence[tuple[str, Maker]], *, across: int = 5
) -> None:
    """Spectrograms of `cases`, made in each of the ways in `columns`, as a picture of some 600 kB."""
    rows = -(-len(cases) // across)
    wide = len(columns)
    figure = Figure(figsize=(1.25 * wide * across, 1.15 * rows), dpi=95, layout="constrained")
    axes = figure.subplots(rows, wide * across, squeeze=False)
    for place, example in enumerate(cases):
        line, group = divmod(place, across)
        for column, (name, make) in enumerate(columns):
            axis = axes[line, group * wide + column]
            axis.imshow(
                level_db(mono(make(example, place))).numpy(),
                origin="lower",
                aspect="auto",
                vmin=-RANGE_DB,
                vmax=0,
                cmap="magma",
                extent=(0, example.length_s, math.log2(LOWEST_HZ), math.log2(HIGHEST_HZ)),
            )
            axis.set_yticks([math.log2(hz) for hz in (100, 1_000, 10_000)], ["100", "1k", "10k"] if column == 0 else [])
            axis.set_title(f"{example.wish.kind}: {name}" if column == 0 else name, fontsize=7)
            axis.tick_params(labelsize=5, length=2)
    for axis in axes.flat[len(cases) * wide :]:
        axis.set_visible(False)
    with io.BytesIO() as drawn:
        figure.savefig(drawn, format="png")
        # 128 colours are as many as a spectrogram needs, and a third of the bytes.
        Image.open(drawn).convert("RGB").quantize(COLOURS).save(file, optimize=True)
