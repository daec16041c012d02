"""What SoundCTM's two models share: one network that jumps along a trajectory, from the start noise to the sound.

Draft and refinement are the same request. While `gamma` is 0 nothing is random but the start noise, which is the
seed's whatever the number of steps; the first noise level is the same too, and the grids of 1, 2, 4, 8 and 16 steps
nest. So a request with the same prompt, seed, guidance and length and with more steps is the refinement of the one with
fewer: the same sound, walked to more carefully. Nothing of the draft need be kept.
"""

from abc import abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor

from engine.families.base import Checkpoint, Option
from engine.families.published import Draw, Published
from engine.sampling.ctm import (
    SIGMA_MAX,
    Jump,
    Network,
    combined,
    ctm_sample,
    jump_of,
    omega_embedding,
    sigma_of,
    sigmas_for,
)
from engine.sampling.loudness import LoudnessSteer
from engine.text.states import TextStates


class Trajectory(Published):
    """A consistency trajectory model. Source: Saito et al., arXiv:2405.18503."""

    steps_offered = (1, 2, 4, 8, 16)
    options_offered = (
        Option(
            name="gamma",
            low=0.0,
            high=1.0,
            default=0.0,
            meaning="fresh noise between the steps: 0 is deterministic, so that more steps refine the same sound",
        ),
        Option(
            name="nu",
            low=0.0,
            high=2.0,
            default=1.0,
            meaning="how far each step is led by the prompt: 0 not at all, above 1 beyond it; but for 1 it costs twice",
        ),
    )
    sources_taken = frozenset({"start", "loudness"})

    sigma_data: float  # the deviation of clean latents
    omega_width: int  # of the embedding that guidance_scale has

    @abstractmethod
    def network(self, texts: Sequence[TextStates], omega: Tensor) -> Network:
        """The denoiser with its texts and the embedding of its guidance (batch, omega_width) given."""

    def sampled(self, draw: Draw) -> Tensor:
        """(batch, *latent_shape): from the seeds' noise, or a noised start, along the trajectory to the sound.

        A start's strength says how far it is noised, linear in the seventh root of the noise level as the steps are
        (`sigma_of`); all steps are walked from there. With a loudness to follow each step is steered (`LoudnessSteer`).
        """
        with torch.no_grad():
            gamma, nu = draw.options["gamma"], draw.options["nu"]
            first_level = SIGMA_MAX if draw.start is None else sigma_of(draw.start.strength)
            sigmas = sigmas_for(draw.steps, start=first_level)
            z = sigmas[0] * self.noise(draw, "start")
            if draw.start is not None:
                z = z + draw.start.latents
            fresh = range(draw.steps - 1) if gamma > 0 else ()
            noises = [self.noise(draw, f"step {step}") for step in fresh]
            jump = self._jump(draw, nu=nu)
            steer = self._steer(draw, jump)
            return ctm_sample(jump, z, sigmas, gamma=gamma, noises=noises, steer=steer)

    def _jump(self, draw: Draw, *, nu: float) -> Jump:
        scales = torch.full((len(draw.seeds),), draw.guidance_scale)
        omega = omega_embedding(scales, width=self.omega_width).to(self.device)

        def led_by(texts: Sequence[TextStates]) -> Jump:
            return jump_of(checked(self.network(texts, omega), draw.checkpoint), sigma_data=self.sigma_data)

        if nu == 1:  # the way without a prompt would be weighed with zero: half of the work
            return led_by(draw.texts)
        return combined(led_by(draw.texts), led_by([self.text("")] * len(draw.seeds)), nu=nu)

    def _steer(self, draw: Draw, jump: Jump) -> LoudnessSteer | None:
        if draw.follow is None or draw.follow.strength == 0:
            return None
        return LoudnessSteer(
            jump,
            lambda latents: self.decoded(latents, checkpoint=draw.checkpoint),
            levels_db=draw.follow.levels_db,
            hop_frames=draw.follow.hop_frames,
            reach=draw.follow.strength,
        )


def checked(network: Network, checkpoint: Checkpoint) -> Network:
    """The same network, asking before each call whether to go on."""

    def call(x: Tensor, level_t: Tensor, level_s: Tensor) -> Tensor:
        checkpoint("denoise")
        return network(x, level_t, level_s)

    return call
