"""AudioLDM's HiFi-GAN: log-mel to 16 kHz, whole or in chunks that add up to the whole. Source: arXiv:2010.05646."""

import math
from collections.abc import Mapping
from typing import Any, Final

import torch
from torch import Tensor, nn
from transformers import SpeechT5HifiGan, SpeechT5HifiGanConfig

from engine.convolutions import onednn
from engine.vocoders.quick_hifigan import QuickHiFiGAN

AUDIOLDM: Final[Mapping[str, Any]] = {
    "upsample_rates": [5, 4, 2, 2, 2],
    "upsample_kernel_sizes": [16, 16, 8, 4, 4],
    "upsample_initial_channel": 1024,
    "resblock_kernel_sizes": [3, 7, 11],
    "resblock_dilation_sizes": [[1, 3, 5], [1, 3, 5], [1, 3, 5]],
    "num_mels": 64,
    "sampling_rate": 16_000,
}
EDGE_KERNEL: Final = 7  # of the first convolution and the last
CHUNK_HOPS: Final = 512  # 5.12 s; what is computed twice around each piece costs 7 %
EXPECTED_HOPS: Final = 544  # a chunk and what is heard in it: where the quick way on a CPU is quickest


class HiFiGAN(nn.Module):
    """Log-mel to waveform by transposed convolutions. `config` has the names of the authors' own `config.json`."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        self.rate_hz: int = config["sampling_rate"]
        self.frames_per_hop = math.prod(config["upsample_rates"])
        self._stages = tuple(zip(config["upsample_rates"], config["upsample_kernel_sizes"], strict=True))
        self._reach = max(  # of a residual block to either side: each dilated convolution and the plain one after it
            sum((kernel - 1) // 2 * (dilation + 1) for dilation in dilations)
            for kernel, dilations in zip(
                config["resblock_kernel_sizes"], config["resblock_dilation_sizes"], strict=True
            )
        )
        self.generator = SpeechT5HifiGan(
            SpeechT5HifiGanConfig(
                model_in_dim=config["num_mels"],
                sampling_rate=config["sampling_rate"],
                upsample_initial_channel=config["upsample_initial_channel"],
                upsample_rates=config["upsample_rates"],
                upsample_kernel_sizes=config["upsample_kernel_sizes"],
                resblock_kernel_sizes=config["resblock_kernel_sizes"],
                resblock_dilation_sizes=config["resblock_dilation_sizes"],
                leaky_relu_slope=0.1,
                normalize_before=False,
            )
        )
        del self.generator.mean, self.generator.scale  # of a normalisation that this model does not do
        self.quick: QuickHiFiGAN | None = None
        self.register_load_state_dict_post_hook(_forget_quick)  # type: ignore[no-untyped-call]

    def frames(self, hops: int) -> int:
        """How many frames so many hops become: 160 each and 32 more, because one stage's kernel and rate differ oddly.

        >>> import torch
        >>> with torch.device("meta"):
        ...     HiFiGAN(AUDIOLDM).frames(1024)
        163872
        """
        for rate, kernel in self._stages:
            hops = (hops - 1) * rate - 2 * ((kernel - rate) // 2) + kernel
        return hops

    def hops_heard(self, first: int, last: int) -> tuple[int, int]:
        """The first and the last hop that frames `first` to `last` depend on; either may lie outside the mel.

        From the end to the beginning: a convolution reaches to both sides by half its kernel, a transposed one spreads
        place i over places i rate - padding to i rate - padding + kernel - 1.
        """
        first, last = first - EDGE_KERNEL // 2, last + EDGE_KERNEL // 2
        for rate, kernel in reversed(self._stages):
            first, last = first - self._reach, last + self._reach
            padding = (kernel - rate) // 2
            first, last = -((kernel - 1 - padding - first) // rate), (last + padding) // rate
        return first - EDGE_KERNEL // 2, last + EDGE_KERNEL // 2

    def waveform(self, mel: Tensor) -> Tensor:
        """(batch, 160 hops + 32) in [-1, 1] of a natural-log mel (batch, 1, hops, 64), all at once.

        On a CPU and without gradients it goes the quick way, for which the weights are prepared at the first call.
        """
        if onednn.serves(mel, self.generator.conv_pre.weight):
            if self.quick is None:
                self.quick = QuickHiFiGAN(self.generator, expected_hops=EXPECTED_HOPS)
            return torch.stack([self.quick(row) for row in mel[:, 0]])
        waveform: Tensor = self.generator(mel[:, 0])
        return waveform

    def spans(self, hops: int, *, each: int = CHUNK_HOPS) -> list[tuple[int, int]]:
        """A mel's hops in parts: the first of each, and the one after its last. `waveform` is their pieces in a row."""
        return [(first, min(first + each, hops)) for first in range(0, hops, each)]

    def piece(self, mel: Tensor, span: tuple[int, int]) -> Tensor:
        """What `waveform(mel)` has for the hops of a span, 160 frames each, and the frames at the end with the last.

        It is computed with the hops around it that it depends on, and so nothing is heard of where pieces meet.
        """
        first, after = (hop * self.frames_per_hop for hop in span)
        if span[1] == mel.shape[2]:
            after = self.frames(mel.shape[2])
        heard_first, heard_last = self.hops_heard(first, after - 1)
        heard_first = max(heard_first, 0)
        skipped = heard_first * self.frames_per_hop
        return self.waveform(mel[:, :, heard_first : heard_last + 1])[:, first - skipped : after - skipped]


def _forget_quick(network: nn.Module, incompatible_keys: object) -> None:
    assert isinstance(network, HiFiGAN)
    network.quick = None


def centred(waveform: Tensor) -> Tensor:
    """Each row (batch, frames) moved so that its highest and lowest sample are equally far from 0."""
    return waveform - (torch.amax(waveform, 1, keepdim=True) + torch.amin(waveform, 1, keepdim=True)) / 2
