"""SoundCTM-DiT's waveform VAE: the Descript audio codec with a Gaussian where its codebooks were."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import DacConfig
from transformers.models.dac.modeling_dac import DacDecoder, DacEncoder

from engine.autoencoders.quick_dac import QuickDacDecoder
from engine.checkpoints.layout import Config
from engine.convolutions import onednn
from engine.families.base import Checkpoint, no_checkpoint

CHUNK_FRAMES = 96  # of latents: 2.2 s. Its halo costs a fifth more than the whole at once, in a quarter of the memory
EDGE = 3  # of a convolution over 7 samples
DILATIONS = (1, 3, 9)  # of each block's residual units


class GaussianDAC(nn.Module):
    """`DacEncoder` and `DacDecoder` with a 1x1 convolution between each of them and the latents.

    `config` has encoder_dim, encoder_rates, latent_dim, decoder_dim and decoder_rates, as the published file says them.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        latent_dim = config["latent_dim"]
        self.encoder = DacEncoder(_dac_config(config, rates=config["encoder_rates"], hidden_size=2 * latent_dim))
        self.pre_conv = nn.Conv1d(2 * latent_dim, 2 * latent_dim, 1)
        self.post_conv = nn.Conv1d(latent_dim, latent_dim, 1)
        self.decoder = DacDecoder(_dac_config(config, rates=config["decoder_rates"][::-1], hidden_size=latent_dim))
        self.hop_frames = math.prod(config["decoder_rates"])
        self.halo = halo_of(config["decoder_rates"])
        self.quick: QuickDacDecoder | None = None
        self.register_load_state_dict_post_hook(_forget_quick)  # type: ignore[no-untyped-call]

    def moments(self, waveform: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance, both (batch, latent_dim, latents), of a waveform (batch, frames)."""
        padded = functional.pad(waveform, (0, -waveform.shape[1] % math.prod(self.config["encoder_rates"])))
        mean, log_variance = self.pre_conv(self.encoder(padded[:, None])).chunk(2, dim=1)
        return mean, log_variance.clamp(-30, 20)

    def whole(self, latents: Tensor) -> Tensor:
        """(batch, frames) of latents (batch, latent_dim, latents), at once.

        On a CPU and without gradients it goes the quick way, for which the weights are prepared at the first call.
        """
        if onednn.serves(latents, self.post_conv.weight):
            if self.quick is None:
                self.quick = QuickDacDecoder(self.decoder, expected_latents=CHUNK_FRAMES + 2 * self.halo)
            return torch.stack([self.quick(row) for row in self.post_conv(latents)])
        waveform: Tensor = self.decoder(self.post_conv(latents))
        return waveform[:, 0]

    def decoded(self, latents: Tensor, *, checkpoint: Checkpoint = no_checkpoint) -> Tensor:
        """The same chunk by chunk: each is decoded with as much around it as reaches into it, which is cut off."""
        chunks = []
        for first in range(0, latents.shape[2], CHUNK_FRAMES):
            checkpoint("decode")
            before = min(first, self.halo)
            end = min(first + CHUNK_FRAMES, latents.shape[2])
            chunk = self.whole(latents[:, :, first - before : end + self.halo])
            chunks.append(chunk[:, before * self.hop_frames :][:, : (end - first) * self.hop_frames])
        return torch.cat(chunks, dim=1)


def _forget_quick(network: nn.Module, incompatible_keys: object) -> None:
    assert isinstance(network, GaussianDAC)
    network.quick = None


def halo_of(decoder_rates: list[int]) -> int:
    """How many latents to either side of one reach into its samples."""
    reach = EDGE
    for rate in reversed(decoder_rates):
        reach += EDGE * sum(DILATIONS)
        reach = math.ceil(reach / rate) + 1  # a transposed convolution spreads a sample over two of its strides
    return reach + EDGE


def _dac_config(config: Config, *, rates: list[int], hidden_size: int) -> DacConfig:
    sizes = DacConfig(
        encoder_hidden_size=config["encoder_dim"],
        decoder_hidden_size=config["decoder_dim"],
        downsampling_ratios=list(rates),
    )
    sizes.hidden_size = hidden_size  # the class would have it follow from the encoder's width
    return sizes
