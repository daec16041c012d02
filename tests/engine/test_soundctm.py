"""SoundCTM's two families: what a request gets of them. What both promise is tested on both."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from engine.checkpoints import soundctm, soundctm_dit
from engine.errors import Cancelled
from engine.families.base import Stage
from engine.families.published import levels_db_of
from engine.families.soundctm import SoundCTM
from engine.families.soundctm_dit import SoundCTMDiT
from engine.families.trajectory import Trajectory
from engine.sampling.ctm import SIGMA_MAX, SIGMA_MIN, sigma_of, sigmas_for
from engine.sampling.loudness import shape_of
from engine.sampling.noise import seeded_noise
from engine.text.states import TextStates
from osc_schemas.source import Source
from tests.engine.tiny_soundctm import smooth_tensors, tiny_dit, tiny_unet, word_tokens

RATE_HZ = 48_000
FRAMES = RATE_HZ // 2


@pytest.fixture(scope="module")
def unet() -> SoundCTM:
    return tiny_unet()


@pytest.fixture(scope="module")
def dit() -> SoundCTMDiT:
    return tiny_dit()


@pytest.fixture(params=["soundctm", "soundctm_dit"])
def family(request: pytest.FixtureRequest, unet: SoundCTM, dit: SoundCTMDiT) -> Trajectory:
    return unet if request.param == "soundctm" else dit


def clip(
    family: Trajectory, prompt: str = "warm rain", seed: int = 7, *, frames: int = FRAMES, **asked: object
) -> Tensor:
    """(frames,): one clip at 48 kHz."""
    given = {"steps": 1, "guidance_scale": family.guidance_default, "sample_rate_hz": RATE_HZ} | asked
    return family.waveform([prompt], [seed], frames=frames, **given)[0, 0]  # type: ignore[arg-type]


def snr_db(signal: Tensor, other: Tensor) -> float:
    return 10 * math.log10(float(signal.square().sum() / (signal - other).square().sum().clamp(min=1e-30)))


def a_tone(**use: object) -> Source:
    """Half a second of 440 Hz that swells, in stereo at 44.1 kHz."""
    time_s = np.arange(22_050) / 44_100
    tone = (time_s * np.sin(2 * np.pi * 440 * time_s)).astype(np.float32)
    return Source(samples=np.stack([tone, tone], 1), sample_rate_hz=44_100, **use)  # type: ignore[arg-type]


class Watched:
    """A denoiser whose calls are written down: what it was given."""

    def __init__(self, family: Trajectory, monkeypatch: pytest.MonkeyPatch) -> None:
        self.inputs: list[Tensor] = []
        self.levels: list[tuple[float, float]] = []
        denoiser = family.denoiser  # type: ignore[attr-defined]
        forward = denoiser.forward

        def call(x: Tensor, level_t: Tensor, level_s: Tensor, *more: object) -> Tensor:
            self.inputs.append(x)
            self.levels.append((math.exp(4 * float(level_t[0])), math.exp(4 * float(level_s[0]))))
            found: Tensor = forward(x, level_t, level_s, *more)
            return found

        monkeypatch.setattr(denoiser, "forward", call)


def test_a_clip_is_as_long_as_asked_at_the_rate_asked_and_never_louder_than_full_scale(family: Trajectory) -> None:
    for rate_hz, frames in ((16_000, 8_001), (44_100, 22_050), (48_000, 21_000)):
        waveform = clip(family, frames=frames, sample_rate_hz=rate_hz)

        assert waveform.shape == (frames,)
        assert waveform.dtype == torch.float32
        assert 0.001 < waveform.abs().max() <= 1


@pytest.mark.parametrize("steps", [1, 2, 4, *(pytest.param(steps, marks=pytest.mark.slow) for steps in (8, 16))])
def test_each_step_is_one_call_from_one_level_of_the_grid_to_the_next(
    family: Trajectory, steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert steps in family.steps_offered
    watched = Watched(family, monkeypatch)
    stages: list[Stage] = []

    clip(family, steps=steps, checkpoint=stages.append)

    sigmas = sigmas_for(steps).tolist()
    assert [t for t, _ in watched.levels] == pytest.approx(sigmas[:-1], rel=1e-4)
    assert [s for _, s in watched.levels] == pytest.approx(sigmas[1:], rel=1e-4)
    assert stages.count("denoise") == steps
    assert stages[0] == "text"
    assert stages.index("decode") > max(place for place, stage in enumerate(stages) if stage == "denoise")


def test_a_seed_says_everything_that_is_random(family: Trajectory) -> None:
    options = {"gamma": 0.6}
    assert torch.equal(clip(family, seed=3, steps=2, options=options), clip(family, seed=3, steps=2, options=options))
    assert snr_db(clip(family, seed=3), clip(family, seed=4)) < 20
    assert not torch.equal(clip(family, "dog"), clip(family, "kick"))


@pytest.mark.parametrize("options", [{}, {"nu": 1.3, "gamma": 0.5}])
def test_a_row_of_a_batch_is_that_row_alone(family: Trajectory, options: dict[str, float]) -> None:
    prompts, seeds = ["dog", "warm vinyl crackle in the rain", ""], [5, 6, 7]
    batch = family.waveform(
        prompts,
        seeds,
        steps=2,
        guidance_scale=family.guidance_default,
        frames=FRAMES,
        sample_rate_hz=RATE_HZ,
        options=options,
    )

    for row, (prompt, seed) in enumerate(zip(prompts, seeds, strict=True)):
        assert snr_db(clip(family, prompt, seed, steps=2, options=options), batch[row, 0]) >= 60


def test_the_way_without_a_prompt_is_walked_only_where_nu_weighs_it(
    family: Trajectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = Watched(family, monkeypatch)
    plain = clip(family, steps=4)
    assert len(watched.inputs) == 4

    watched.inputs.clear()
    assert torch.equal(clip(family, steps=4, options={"nu": 1.0}), plain)
    assert len(watched.inputs) == 4

    watched.inputs.clear()
    assert not torch.equal(clip(family, steps=4, options={"nu": 1.3}), plain)
    assert len(watched.inputs) == 8


def test_more_steps_with_the_same_seed_are_the_refinement_of_the_draft(
    family: Trajectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The start noise and the first level are shared; the levels of the draft are among those of the refinement."""
    watched = Watched(family, monkeypatch)
    starts, levels = [], []
    for steps in (1, 4, 16):
        watched.inputs.clear()
        watched.levels.clear()
        clip(family, seed=11, steps=steps)
        starts.append(watched.inputs[0])
        levels.append({round(t, 3) for t, _ in watched.levels})

    assert torch.equal(starts[0], starts[1])
    assert torch.equal(starts[0], starts[2])
    assert levels[0] < levels[1] < levels[2]


def test_guidance_is_an_input_and_costs_no_call(family: Trajectory) -> None:
    stages: list[Stage] = []
    low = clip(family, guidance_scale=family.guidance_low, checkpoint=stages.append)

    assert stages.count("denoise") == 1
    assert not torch.equal(low, clip(family, guidance_scale=family.guidance_high))


def test_a_prompt_is_encoded_once(family: Trajectory) -> None:
    before = family.prompts_cached
    clip(family, "a prompt of its own", seed=1)
    clip(family, "a prompt of its own", seed=2)

    assert family.prompts_cached == before + 1


@pytest.mark.parametrize(("stage", "times"), [("denoise", 2), ("decode", 1)])
def test_a_clip_ends_at_the_next_step_or_chunk_when_it_is_cancelled(
    family: Trajectory, stage: Stage, times: int
) -> None:
    stages: list[Stage] = []

    def checkpoint(reached: Stage) -> None:
        stages.append(reached)
        if stages.count(stage) == times:
            raise Cancelled("taken back")

    with pytest.raises(Cancelled):
        clip(family, steps=4, checkpoint=checkpoint)
    assert stages[-1] == stage
    assert stages.count(stage) == times


# --- audio in


def test_a_start_is_noised_as_far_as_its_strength_says_and_all_steps_are_walked_from_there(
    family: Trajectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = Watched(family, monkeypatch)

    clip(family, steps=4, source=a_tone(strength=0.4))

    sigmas = sigmas_for(4, start=sigma_of(0.4)).tolist()
    assert [t for t, _ in watched.levels] == pytest.approx(sigmas[:-1], rel=1e-4)
    assert watched.levels[-1][1] == pytest.approx(SIGMA_MIN, rel=1e-3)


def test_a_weak_start_stays_what_it_was_and_a_strong_one_does_not(family: Trajectory) -> None:
    native_frames = FRAMES * family.native_rate_hz // RATE_HZ
    shape = family.latent_shape(native_frames)
    tone = torch.sin(torch.arange(native_frames)[None] * 0.2) * torch.linspace(0, 0.5, native_frames)
    with torch.no_grad():
        latents = family.latents_of(tone, latent_shape=shape)
        silent = family.latents_of(torch.zeros_like(tone), latent_shape=shape)
        as_it_was = family.decoded(latents, checkpoint=lambda stage: None)[0]

    def from_tone(strength: float) -> Tensor:
        samples, rate_hz = tone[0, :, None].numpy(), family.native_rate_hz
        source = Source(samples=samples, sample_rate_hz=rate_hz, strength=strength)
        return clip(family, source=source, frames=native_frames, sample_rate_hz=rate_hz, steps=2)

    assert latents.shape == (1, *shape)
    assert not torch.allclose(latents, silent, atol=1e-3)
    assert snr_db(as_it_was[:native_frames], from_tone(0.0)) > snr_db(as_it_was[:native_frames], from_tone(0.9)) + 3


def test_a_start_at_full_strength_is_lost_in_the_noise(family: Trajectory, monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Watched(family, monkeypatch)
    clip(family, seed=5, source=a_tone(strength=1.0))
    shape = watched.inputs[0].shape[1:]

    noise = seeded_noise([5], shape=tuple(shape), purpose="start")

    assert watched.levels[0][0] == pytest.approx(SIGMA_MAX, rel=1e-4)
    assert float((watched.inputs[0] - noise).square().mean()) < 0.01


def with_a_smooth_decoder(family: SoundCTMDiT) -> SoundCTMDiT:
    """The recorded decoder's random snakes are as loud whatever comes in."""
    family.autoencoder.load_state_dict(smooth_tensors(family.autoencoder))
    return family


@pytest.mark.parametrize("steps", [1, pytest.param(2, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", ["soundctm", "soundctm_dit"])
def test_a_clip_comes_closer_to_the_loudness_that_it_follows(name: str, steps: int, unet: SoundCTM) -> None:
    family: Trajectory = unet if name == "soundctm" else with_a_smooth_decoder(tiny_dit())
    time_s = torch.arange(FRAMES) / RATE_HZ
    swell = 10 ** (-30 / 20 * (0.5 + 0.5 * torch.cos(2 * math.pi * 3 * time_s)))
    noise = torch.randn(FRAMES, generator=torch.Generator().manual_seed(2))
    wanted = 0.2 * swell * noise

    def error_db(waveform: Tensor) -> float:
        levels = [shape_of(levels_db_of(row[None], hop_frames=RATE_HZ // 50)) for row in (waveform, wanted)]
        return float((levels[0] - levels[1]).square().mean().sqrt())

    def led(strength: float) -> Tensor:
        source = Source(samples=wanted[:, None].numpy(), sample_rate_hz=RATE_HZ, use="loudness", strength=strength)
        return clip(family, steps=steps, source=source)

    free = clip(family, steps=steps)
    assert torch.equal(led(0.0), free)
    assert error_db(led(0.6)) < 0.85 * error_db(free)


def test_following_a_loudness_costs_one_more_call_for_every_step_but_the_last(
    dit: SoundCTMDiT, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = Watched(dit, monkeypatch)

    clip(dit, steps=2, source=a_tone(use="loudness"))

    assert len(watched.inputs) == 3
    assert [s for _, s in watched.levels] == pytest.approx([2.515, SIGMA_MIN, SIGMA_MIN], rel=1e-3)


# --- lengths


def test_the_unet_makes_the_shortest_latents_that_it_is_whole_at() -> None:
    with torch.device("meta"):
        networks = soundctm.skeleton(soundctm.PUBLISHED)
    published = SoundCTM(**networks, tokens=word_tokens(), weights_hash="")  # type: ignore[arg-type]

    assert published.latent_shape(1) == (8, 64, 16)
    assert published.latent_shape(64 * 640) == (8, 64, 16)
    assert published.latent_shape(64 * 640 + 1) == (8, 72, 16)
    assert published.latent_shape(160_000) == (8, 256, 16)
    assert published.longest_s == 10
    text = TextStates(states=torch.zeros(2, 9, 1024, device="meta"), mask=torch.ones(2, 9, device="meta"))
    assert_keeps_its_shape(published.denoiser, (8, 64, 16), omega_width=1280, text=text)


def test_the_dit_makes_the_shortest_latents_of_few_different_lengths() -> None:
    with torch.device("meta"):
        networks = soundctm_dit.skeleton(soundctm_dit.CONFIG)
    published = SoundCTMDiT(**networks, projected=False, tokens=word_tokens(), weights_hash="")  # type: ignore[arg-type]

    assert published.latent_shape(1) == (64, 48)
    assert published.latent_shape(48 * 1024 + 1) == (64, 56)
    assert published.latent_shape(math.ceil(published.longest_s * 44_100)) == (64, 432)
    assert published.longest_s == 10.031
    vectors = published.denoiser.text_vectors(torch.zeros(2, 768, device="meta"))
    assert vectors.shape == (2, 24, 1536)
    assert_keeps_its_shape(published.denoiser, (64, 432), omega_width=1536, text=vectors)


def assert_keeps_its_shape(denoiser: nn.Module, shape: tuple[int, ...], *, omega_width: int, text: object) -> None:
    """Of latents of `shape`, a denoiser without memory or numbers makes others of the same."""
    x, level = torch.zeros(2, *shape, device="meta"), torch.zeros(2, device="meta")

    assert denoiser(x, level, level, torch.zeros(2, omega_width, device="meta"), text).shape == (2, *shape)
