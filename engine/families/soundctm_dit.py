"""SoundCTM-DiT: words to up to 10 s of 44.1 kHz mono in one to sixteen denoiser calls. Source: arXiv:2405.18503."""

import math
from collections.abc import Sequence
from typing import Self

import torch
from torch import Tensor
from torch.nn import functional

from engine.autoencoders.gaussian_dac import GaussianDAC
from engine.checkpoints.fitting import filled
from engine.checkpoints.layout import Model
from engine.checkpoints.soundctm_dit import LAYOUT, LatentStatistics
from engine.denoisers.ctm_dit import CtmDiT
from engine.families.base import Checkpoint
from engine.families.trajectory import Trajectory
from engine.sampling.ctm import Network
from engine.text.clap_roberta import MOST_TOKENS, ClapText
from engine.text.flan_t5 import Tokenizer, Tokens
from engine.text.states import TextStates

# It was trained on 432 latents and has no other notion of length, so what is less is a window cut from the middle of
# something: under a second its attention has too little to go by.
LEAST_LATENTS = 48  # 1.1 s
LATENT_STEP = 8  # 0.19 s: few different lengths, so that what is prepared for one is used again
MOST_LATENTS = 432
MOST_S = 10.031  # where the authors cut 432 latents


class SoundCTMDiT(Trajectory):
    """Prompt, noise and omega to the latents of a waveform VAE, and those straight to the waveform."""

    name = "soundctm_dit"
    layout = LAYOUT
    native_rate_hz = 44_100
    guidance_default = 5.0
    guidance_low, guidance_high = 1.0, 10.0  # omega, as it was drawn in training
    sigma_data = 0.5

    def __init__(
        self,
        text_encoder: ClapText,
        denoiser: CtmDiT,
        statistics: LatentStatistics,
        autoencoder: GaussianDAC,
        *,
        projected: bool,
        tokens: Tokens,
        weights_hash: str,
    ) -> None:
        """`projected` says which of CLAP's vectors the denoiser reads: version 1 the projected one, version 2 not."""
        super().__init__()
        self.text_encoder = text_encoder
        self.denoiser = denoiser
        self.statistics = statistics
        self.autoencoder = autoencoder
        self.projected = projected
        self.tokens = tokens
        self.weights_hash = weights_hash
        self.omega_width = denoiser.omega_width
        self.longest_s = min(MOST_S, MOST_LATENTS * autoencoder.hop_frames / self.native_rate_hz)

    @classmethod
    def of(cls, model: Model) -> Self:
        """The model of its converted files."""
        config = {**model.config, **model.settings["sizes"]}
        return cls(
            filled(lambda: ClapText(config["clap"]), model.parts["text_encoder"]),
            filled(lambda: CtmDiT(config["dit"]), model.parts["denoiser"]),
            filled(lambda: LatentStatistics(config["dit"]["io_channels"]), model.parts["statistics"]),
            filled(lambda: GaussianDAC(config["dac"]), model.parts["autoencoder"]),
            projected=config["dit"]["cond_token_dim"] != config["clap"]["hidden_size"],
            tokens=Tokenizer.from_folder(model.tokenizers["clap"], max_tokens=MOST_TOKENS),
            weights_hash=model.weights_hash,
        )

    def encoded(self, prompt: str) -> TextStates:
        """What the prompt adds in each of the denoiser's layers (depth, width): it never changes, so it is kept."""
        ids = self.tokens(prompt).to(self.device)
        embedding = self.text_encoder.embedding_of(ids, projected=self.projected)  # (1, 768 or 512)
        vectors = self.denoiser.text_vectors(embedding)[0]
        return TextStates(states=vectors, mask=torch.ones(len(vectors), dtype=torch.bool, device=vectors.device))

    def latent_shape(self, native_frames: int) -> tuple[int, ...]:
        """(64, latents): in steps of 0.19 s, from 1.1 s to 10.03 s."""
        latents = math.ceil(native_frames / self.autoencoder.hop_frames)
        latents = max(LEAST_LATENTS, LATENT_STEP * math.ceil(latents / LATENT_STEP))
        return self.autoencoder.config["latent_dim"], min(latents, MOST_LATENTS)

    def network(self, texts: Sequence[TextStates], omega: Tensor) -> Network:
        """The DiT with its texts and omega."""
        vectors = torch.stack([text.states for text in texts])  # (batch, depth, width)
        return lambda x, level_t, level_s: self.denoiser(x, level_t, level_s, omega, vectors)

    def decoded(self, latents: Tensor, *, checkpoint: Checkpoint) -> Tensor:
        """(batch, frames): in chunks that add up to the whole."""
        waveform = self.autoencoder.decoded(self.statistics.for_vae(latents), checkpoint=checkpoint)
        return waveform.clamp(-1, 1)

    def latents_of(self, waveform: Tensor, *, latent_shape: tuple[int, ...]) -> Tensor:
        """(1, 64, latents): the likeliest latents of a waveform (1, frames), followed by silence if it is short."""
        frames = latent_shape[-1] * self.autoencoder.hop_frames
        whole = functional.pad(waveform[:, :frames], (0, max(0, frames - waveform.shape[1])))
        mean, _ = self.autoencoder.moments(whole)
        return self.statistics.for_dit(mean)
