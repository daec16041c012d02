"""ConsistencyTTA: a prompt becomes up to 10 s of 16 kHz mono in one call of a U-Net. Source: arXiv:2309.10740."""

from collections.abc import Sequence
from typing import Any, Self

import torch
from torch import Tensor
from torch.nn import functional

from engine.autoencoders.audioldm import AudioLDMVAE, at_trained_level, log_mel
from engine.checkpoints.consistency_tta import LAYOUT
from engine.checkpoints.fitting import filled
from engine.checkpoints.flan_t5 import FOLDER
from engine.checkpoints.layout import Model
from engine.denoisers.consistency_tta_unet import ConsistencyTTAUNet
from engine.families.base import Checkpoint, Option
from engine.families.published import Draw, Published
from engine.sampling.consistency_tta import (
    GRID,
    NOISE_ALONE,
    consistency_tta_sample,
    grid_timesteps,
    guided_query,
    place_of_strength,
    reference_timesteps,
)
from engine.text.flan_t5 import FlanT5, Tokenizer, Tokens
from engine.text.states import TextStates, batch_of
from engine.vocoders.hifigan import HiFiGAN, centred

CHANNELS = 8
BANDS = 16  # of a latent's places
HOPS = 4  # of mel, a latent's place in time
# Three times the U-Net halves its time, and lengths that halve evenly three times need no interpolation on the way up.
MULTIPLE = 8
# 2.56 s. The networks were trained at 256 places alone; with fewer than 64, there would be fewer than 8 at the U-Net's
# coarsest, where it was trained on 32, and most of what its convolutions see would be padding.
SHORTEST_PLACES = 64
# 0.24 s. Of their 10.24 s the authors play 10 at most, because the end is poor; so much is always made beyond the clip.
POOR_PLACES = 6


class ConsistencyTTA(Published):
    """Prompt, or prompt and a sound to start from, to 16 kHz mono in one, two or four calls of the denoiser."""

    name = "consistency_tta"
    layout = LAYOUT
    native_rate_hz = 16_000
    steps_offered = (1, 2, 4)
    guidance_default = 4.0  # as in the authors' demo
    guidance_low = 0.0  # no guidance at all, only what sounds are like; 1 is the text alone
    guidance_high = 6.0  # as far as the network was trained
    longest_s = 10.0
    options_offered = (
        Option(
            name="guidance_post",
            low=1.0,
            high=6.0,
            default=1.0,
            meaning="guidance from outside, on top of the network's own; 1 is off, more doubles the cost of each step",
        ),
        Option(
            name="reference_schedule",
            low=0.0,
            high=1.0,
            default=1.0,
            meaning="1: later steps as the model's authors place them, the last at no noise; 0: where it was trained",
        ),
    )
    sources_taken = frozenset({"start"})

    def __init__(
        self,
        *,
        text_encoder: FlanT5,
        denoiser: ConsistencyTTAUNet,
        autoencoder: AudioLDMVAE,
        vocoder: HiFiGAN,
        tokenizer: Tokens,
        weights_hash: str = "",
    ) -> None:
        super().__init__()
        self.text_encoder = text_encoder
        self.denoiser = denoiser
        self.autoencoder = autoencoder
        self.vocoder = vocoder
        self.tokenizer = tokenizer
        self.weights_hash = weights_hash

    @classmethod
    def of(cls, model: Model) -> Self:
        """The model of converted files and a tokenizer's folder."""
        tokenizer = Tokenizer.from_folder(model.tokenizers[FOLDER])
        return cls(**networks_of(model), tokenizer=tokenizer, weights_hash=model.weights_hash)

    def encoded(self, prompt: str) -> TextStates:
        """FLAN-T5's states of the prompt as it is."""
        return self.text_encoder.of_prompt(self.tokenizer(prompt).to(self.device))

    def latent_shape(self, native_frames: int) -> tuple[int, ...]:
        """(8, places in time, 16): enough for the frames and the poor end, 64 to 256 places in steps of 8."""
        places = -(-native_frames // (HOPS * self.vocoder.frames_per_hop)) + POOR_PLACES
        places = max(SHORTEST_PLACES, -(-places // MULTIPLE) * MULTIPLE)
        return (CHANNELS, places, BANDS)

    def sampled(self, draw: Draw) -> Tensor:
        """(batch, 8, places, 16) clean latents: each row of noises from its own seed, a new one for each step."""
        purposes = [f"step {step}" if step else "start" for step in range(len(timesteps_of(draw)))]
        return self.denoised(draw, [self.noise(draw, purpose) for purpose in purposes])

    @torch.no_grad()
    def denoised(self, draw: Draw, noises: Sequence[Tensor]) -> Tensor:
        """Clean latents of given noises (batch, 8, places, 16), used in order, one for each step."""
        text = batch_of(draw.texts)
        guidance_post = draw.options["guidance_post"]
        unguided = batch_of([self.text("")] * len(draw.texts), tokens=text.mask.shape[1]) if guidance_post > 1 else None

        def query(x: Tensor, timestep: float) -> Tensor:
            draw.checkpoint("denoise")
            return guided_query(
                self.denoiser,
                x,
                timestep,
                text=text,
                guidance_scale=draw.guidance_scale,
                unguided=unguided,
                guidance_post=guidance_post,
            )

        start = None if draw.start is None else draw.start.latents
        return consistency_tta_sample(query, noises, timesteps=timesteps_of(draw), start=start)

    @torch.no_grad()
    def decoded(self, latents: Tensor, *, checkpoint: Checkpoint) -> Tensor:
        """(batch, 640 places + 32), each row centred by itself; the authors centre a whole batch by its extremes."""
        checkpoint("decode")
        mel = self.autoencoder.decoded(latents)  # (batch, 1, 4 places, 64)
        pieces = []
        for span in self.vocoder.spans(mel.shape[2]):
            checkpoint("decode")
            pieces.append(self.vocoder.piece(mel, span))
        return centred(torch.cat(pieces, 1))

    @torch.no_grad()
    def latents_of(self, waveform: Tensor, *, latent_shape: tuple[int, ...]) -> Tensor:
        """(1, 8, places, 16) of a waveform (1, frames), brought to the level that the encoder was trained on."""
        hops = HOPS * latent_shape[1]
        frames = hops * self.vocoder.frames_per_hop
        level = at_trained_level(waveform[:, :frames])
        mel = log_mel(functional.pad(level, (0, frames - level.shape[1])))
        return self.autoencoder.encoded(mel[:, :, :hops])


def networks_of(model: Model) -> dict[str, Any]:
    """ConsistencyTTA's networks with a model's tensors in them, by part."""
    config = {**model.config, "vae": {**model.config["vae"], "scale_factor": model.settings["scale_factor"]}}
    return {
        "text_encoder": filled(lambda: FlanT5(config["text_encoder"]), model.parts["text_encoder"]),
        "denoiser": filled(lambda: ConsistencyTTAUNet(config["unet"]), model.parts["denoiser"]),
        "autoencoder": filled(lambda: AudioLDMVAE(config["vae"]), model.parts["autoencoder"]),
        "vocoder": filled(lambda: HiFiGAN(config["vocoder"]), model.parts["vocoder"]),
    }


def timesteps_of(draw: Draw) -> tuple[float, ...]:
    """Where the denoiser is asked: from noise alone, or from where the strength of a start says, downwards."""
    place = GRID if draw.start is None else place_of_strength(draw.start.strength)
    if draw.options["reference_schedule"] < 0.5:
        return grid_timesteps(draw.steps, first_place=place)
    return reference_timesteps(draw.steps, first=place * NOISE_ALONE / GRID)
