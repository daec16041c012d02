"""AudioLCM: words to up to 20 s of 16 kHz mono in one, two or four denoiser calls. Source: arXiv:2406.00356.

What was released, not what its paper describes; see `engine.denoisers.audiolcm_transformer`.
"""

import math
from typing import Self

import torch
from torch import Tensor
from torch.nn import functional

from engine.autoencoders.log10_mel import log10_mel
from engine.autoencoders.mel_vae_1d import MelVAE1d
from engine.checkpoints.audiolcm import BERT_VOCABULARY, LAYOUT, T5_VOCABULARY
from engine.checkpoints.fitting import filled
from engine.checkpoints.layout import Model
from engine.denoisers.audiolcm_transformer import AudioLCMTransformer
from engine.families.base import Checkpoint
from engine.families.published import Draw, Published
from engine.sampling.lcm import LCMSchedule, guidance_embedding, lcm_sample
from engine.text.bert_and_t5 import (
    TOKENS,
    BertAndT5,
    Tokens,
    bert_tokens_from,
    structured_caption,
    t5_tokens_from,
)
from engine.text.states import TextStates
from engine.vocoders.bigvgan import BigVGAN

# Latent frames of the shortest and the longest clip in the training data, all of whose lengths were even.
SHORTEST = 32  # 1.02 s
LONGEST = 624  # 19.97 s

# A mel longer than 5 s is vocoded in two pieces, hops of 16 ms each, so that its beginning is there in a sixth of the
# time. No more pieces: a boundary costs 76 hops, which are decoded for both of its sides.
AT_ONCE_HOPS = 320
FIRST_HOPS = 64
MORE_HOPS = 2 * LONGEST


class AudioLCM(Published):
    """Prompt, noise and a schedule of the student's own to latents, mel and waveform."""

    name = "audiolcm"
    layout = LAYOUT
    native_rate_hz = 16_000
    steps_offered = (1, 2, 4)
    # The student was told scales of 5 to 13 while it learnt (the embedded number is one less, drawn from 4 to 12). Any
    # other is spelt in waves of phases that it never saw, and the authors' default stands at the lower edge.
    guidance_default = 5.0
    guidance_low = 5.0
    guidance_high = 13.0
    sources_taken = frozenset({"start"})

    def __init__(
        self,
        text_encoder: BertAndT5,
        denoiser: AudioLCMTransformer,
        autoencoder: MelVAE1d,
        vocoder: BigVGAN,
        *,
        schedule: LCMSchedule,
        bert_tokens: Tokens,
        t5_tokens: Tokens,
        weights_hash: str = "",
    ) -> None:
        super().__init__()
        self.text_encoder = text_encoder
        self.denoiser = denoiser
        self.autoencoder = autoencoder
        self.vocoder = vocoder
        self.schedule = schedule
        self.bert_tokens = bert_tokens
        self.t5_tokens = t5_tokens
        self.weights_hash = weights_hash
        self.frames_per_latent = vocoder.hop_frames * autoencoder.hops_per_frame
        places = len(denoiser.positions) - 1 - 2 * TOKENS  # for latents, beside the time token and the text
        self.longest = min(LONGEST, places // 2 * 2)
        self.longest_s = self.longest * self.frames_per_latent / self.native_rate_hz

    @classmethod
    def of(cls, model: Model) -> Self:
        """The model from tensors under our names."""
        config, parts = model.config, model.parts
        return cls(
            filled(lambda: BertAndT5(config["bert"], config["t5"], config["text_projection"]), parts["text_encoder"]),
            filled(lambda: AudioLCMTransformer(config["unet"]), parts["denoiser"]),
            filled(lambda: MelVAE1d(config["vae"]), parts["autoencoder"]),
            filled(lambda: BigVGAN(config["vocoder"]), parts["vocoder"]),
            schedule=LCMSchedule.of(config["schedule"]),
            bert_tokens=bert_tokens_from(model.tokenizers[BERT_VOCABULARY]),
            t5_tokens=t5_tokens_from(model.tokenizers[T5_VOCABULARY]),
            weights_hash=model.weights_hash,
        )

    def encoded(self, prompt: str) -> TextStates:
        """The denoiser's text tokens (154, width): neither noise nor time decides them, so a prompt needs them once."""
        bert_ids, t5_ids = self.bert_tokens(prompt), self.t5_tokens(structured_caption(prompt))
        context = self.text_encoder.context(bert_ids[None].to(self.device), t5_ids[None].to(self.device))
        tokens = self.denoiser.text_tokens(context)[0]
        return TextStates(states=tokens, mask=torch.ones(len(tokens), dtype=torch.bool, device=tokens.device))

    def latent_shape(self, native_frames: int) -> tuple[int, ...]:
        """(channels, frames): the shortest even length that the training data had and that holds the clip."""
        frames = math.ceil(native_frames / self.frames_per_latent / 2) * 2
        return self.denoiser.conv_in.in_channels, min(max(frames, SHORTEST), self.longest)

    @torch.no_grad()
    def sampled(self, draw: Draw) -> Tensor:
        """(batch, channels, frames). One denoiser call a step: guidance is one of the student's inputs.

        From a start, the strength is the share of the schedule that is walked again: at 0.6 the start is noised to the
        30th of 50 learnt timesteps, and the steps are spread from there. At 0 nothing is done to it, at 1 nothing of it
        is left.
        """
        x = self.noise(draw, "start")
        timesteps = self.schedule.timesteps(draw.steps)
        if draw.start is not None and draw.start.strength < 1:
            reach = self.schedule.reach_of(draw.start.strength)
            if reach == 0:
                return draw.start.latents.repeat(len(x), 1, 1)
            timesteps = self.schedule.timesteps(draw.steps, reach=reach)
            x = self.schedule.noised(draw.start.latents, x, timesteps[0])
        noises = [self.noise(draw, f"step {step}") for step in range(1, len(timesteps))]
        text_tokens = torch.stack([text.states for text in draw.texts])
        guidance = guidance_embedding(torch.full((len(x),), draw.guidance_scale - 1)).to(x.device)
        return lcm_sample(
            lambda x, timestep: self.denoiser(x, timestep, text_tokens, guidance),
            x,
            noises,
            schedule=self.schedule,
            timesteps=timesteps,
            checkpoint=draw.checkpoint,
        )

    def decoded(self, latents: Tensor, *, checkpoint: Checkpoint) -> Tensor:
        """(batch, frames): the mel at once, because all of it hangs together, then the waveform in pieces."""
        checkpoint("decode")
        mel = self.autoencoder.decoded(latents)  # (batch, bands, hops)
        first_hops = FIRST_HOPS if mel.shape[2] > AT_ONCE_HOPS else AT_ONCE_HOPS
        pieces = self.vocoder.pieces(mel, first_hops=first_hops, more_hops=MORE_HOPS, checkpoint=checkpoint)
        return torch.cat(list(pieces), 1)

    def latents_of(self, waveform: Tensor, *, latent_shape: tuple[int, ...]) -> Tensor:
        """(1, channels, frames): the likeliest latents of a waveform (1, frames), with silence after a short one."""
        frames = latent_shape[-1] * self.frames_per_latent
        whole = functional.pad(waveform[:, :frames], (0, max(0, frames - waveform.shape[1])))
        return self.autoencoder.encoded(log10_mel(whole, bands=self.autoencoder.encoder.conv_in.in_channels))
