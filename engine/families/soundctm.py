"""SoundCTM's U-Net: words to up to 10 s of 16 kHz mono in one to sixteen denoiser calls. Source: arXiv:2405.18503."""

import math
from collections.abc import Sequence
from typing import Self

import torch
from torch import Tensor
from torch.nn import functional

from engine.autoencoders.audioldm import BANDS, AudioLDMVAE, at_trained_level, log_mel
from engine.checkpoints.fitting import filled
from engine.checkpoints.flan_t5 import FOLDER
from engine.checkpoints.layout import Model
from engine.checkpoints.soundctm import LAYOUT
from engine.denoisers.ctm_unet import CtmUNet
from engine.families.base import Checkpoint
from engine.families.trajectory import Trajectory
from engine.sampling.ctm import Network
from engine.text.flan_t5 import FlanT5, Tokenizer, Tokens
from engine.text.states import TextStates, batch_of
from engine.vocoders.hifigan import HiFiGAN

# The U-Net halves the time three times. Lengths that divide by 8 are whole at every level; with fewer than 64 there are
# fewer than 8 places at the coarsest, where it was trained on 32, and most of what its convolutions see is padding.
LATENT_STEP = 8  # 0.32 s
LEAST_LATENTS = 64  # 2.56 s
MOST_LATENTS = 256  # 10.24 s, which the authors cut at 10 s
HOPS_PER_LATENT = 4
BANDS_PER_LATENT = 4


class SoundCTM(Trajectory):
    """Prompt, noise and omega to the latents of AudioLDM's mel autoencoder, to its mel, to the waveform."""

    name = "soundctm"
    layout = LAYOUT
    native_rate_hz = 16_000
    guidance_default = 3.5
    guidance_low, guidance_high = 2.0, 5.0  # omega, as it was drawn in training
    longest_s = 10.0
    sigma_data = 0.25

    def __init__(
        self,
        text_encoder: FlanT5,
        denoiser: CtmUNet,
        autoencoder: AudioLDMVAE,
        vocoder: HiFiGAN,
        *,
        tokens: Tokens,
        weights_hash: str,
    ) -> None:
        super().__init__()
        self.text_encoder = text_encoder
        self.denoiser = denoiser
        self.autoencoder = autoencoder
        self.vocoder = vocoder
        self.tokens = tokens
        self.weights_hash = weights_hash
        self.omega_width = denoiser.omega_width
        self.frames_per_latent = HOPS_PER_LATENT * vocoder.frames_per_hop

    @classmethod
    def of(cls, model: Model) -> Self:
        """The model of its converted files."""
        config = model.config
        vae = {**config["vae"], "scale_factor": model.settings["scale_factor"]}
        return cls(
            filled(lambda: FlanT5(config["text_encoder"]), model.parts["text_encoder"]),
            filled(lambda: CtmUNet(config["unet"]), model.parts["denoiser"]),
            filled(lambda: AudioLDMVAE(vae), model.parts["autoencoder"]),
            filled(lambda: HiFiGAN(config["vocoder"]), model.parts["vocoder"]),
            tokens=Tokenizer.from_folder(model.tokenizers[FOLDER]),
            weights_hash=model.weights_hash,
        )

    def encoded(self, prompt: str) -> TextStates:
        """FLAN-T5's states of the prompt (tokens, 1024)."""
        return self.text_encoder.of_prompt(self.tokens(prompt).to(self.device))

    def latent_shape(self, native_frames: int) -> tuple[int, ...]:
        """(8, latents, 16): in steps of 0.32 s, from 2.56 s to 10.24 s."""
        latents = LATENT_STEP * math.ceil(native_frames / self.frames_per_latent / LATENT_STEP)
        return self.denoiser.channels, min(max(latents, LEAST_LATENTS), MOST_LATENTS), BANDS // BANDS_PER_LATENT

    def network(self, texts: Sequence[TextStates], omega: Tensor) -> Network:
        """The U-Net with its texts and omega."""
        text = batch_of(texts)
        return lambda x, level_t, level_s: self.denoiser(x, level_t, level_s, omega, text)

    def decoded(self, latents: Tensor, *, checkpoint: Checkpoint) -> Tensor:
        """(batch, frames): the mel whole, since its middle attends to all of it; the waveform in pieces."""
        checkpoint("decode")
        mel = self.autoencoder.decoded(latents)  # (batch, 1, hops, 64)
        pieces = []
        for span in self.vocoder.spans(mel.shape[2]):
            checkpoint("decode")
            pieces.append(self.vocoder.piece(mel, span))
        return torch.cat(pieces, dim=1).clamp(-1, 1)

    def latents_of(self, waveform: Tensor, *, latent_shape: tuple[int, ...]) -> Tensor:
        """(1, 8, latents, 16): the likeliest latents of a waveform (1, frames), at the level that was trained on."""
        frames = latent_shape[1] * self.frames_per_latent
        whole = functional.pad(waveform[:, :frames], (0, max(0, frames - waveform.shape[1])))
        mel = log_mel(at_trained_level(whole))[:, :, : latent_shape[1] * HOPS_PER_LATENT]
        return self.autoencoder.encoded(mel)
