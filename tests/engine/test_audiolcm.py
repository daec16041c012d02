"""AudioLCM as a family: what a request gets of it."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from engine.checkpoints.audiolcm import LAYOUT
from engine.errors import Cancelled
from engine.families import audiolcm
from engine.families.audiolcm import AudioLCM
from engine.families.base import Stage, no_checkpoint
from engine.families.published import Draw, Start
from engine.sampling.lcm import LCMSchedule
from engine.text.bert_and_t5 import structured_caption
from osc_schemas.source import Source
from tests.engine.tiny_audiolcm import tiny_family, word_tokens, write_model_folder

RATE_HZ = 48_000
SECOND = RATE_HZ


@pytest.fixture(scope="module")
def family() -> AudioLCM:
    return tiny_family()


def clip(
    family: AudioLCM, prompt: str = "warm rain", seed: int = 7, *, frames: int = SECOND, **asked: object
) -> Tensor:
    """(frames,): one clip at 48 kHz."""
    given = {"steps": 2, "guidance_scale": 5.0, "sample_rate_hz": RATE_HZ} | asked
    return family.waveform([prompt], [seed], frames=frames, **given)[0, 0]  # type: ignore[arg-type]


def snr_db(signal: Tensor, other: Tensor) -> float:
    return 10 * math.log10(float(signal.square().sum() / (signal - other).square().sum().clamp(min=1e-30)))


def a_tone(strength: float = 0.6) -> Source:
    """A second of 440 Hz that swells, in stereo at 44.1 kHz."""
    time_s = np.arange(44_100) / 44_100
    tone = (0.5 * time_s * np.sin(2 * np.pi * 440 * time_s)).astype(np.float32)
    return Source(samples=np.stack([tone, tone], 1), sample_rate_hz=44_100, strength=strength)


def test_a_clip_is_as_long_as_asked_at_the_rate_asked_and_never_louder_than_full_scale(family: AudioLCM) -> None:
    for steps in family.steps_offered:
        for rate_hz, frames in ((16_000, 9_001), (44_100, 44_100), (48_000, 60_000)):
            waveform = family.waveform(
                ["dog"], [1], steps=steps, guidance_scale=5, frames=frames, sample_rate_hz=rate_hz
            )

            assert waveform.shape == (1, 1, frames)
            assert waveform.dtype == torch.float32
            assert 0.001 < waveform.abs().max() <= 1


def test_a_seed_says_everything_that_is_random(family: AudioLCM) -> None:
    assert torch.equal(clip(family, seed=3), clip(family, seed=3))
    assert snr_db(clip(family, seed=3), clip(family, seed=4)) < 10
    assert snr_db(clip(family, "dog"), clip(family, "kick")) < 30


def test_a_row_of_a_batch_is_that_row_alone(family: AudioLCM) -> None:
    prompts, seeds = ["dog", "warm vinyl crackle", ""], [5, 6, 7]
    batch = family.waveform(prompts, seeds, steps=4, guidance_scale=7, frames=SECOND + 4_321, sample_rate_hz=RATE_HZ)

    for row, (prompt, seed) in enumerate(zip(prompts, seeds, strict=True)):
        alone = clip(family, prompt, seed, frames=SECOND + 4_321, steps=4, guidance_scale=7.0)
        assert snr_db(alone, batch[row, 0]) >= 60


def test_guidance_is_an_input_and_costs_no_second_call(family: AudioLCM) -> None:
    stages: list[Stage] = []
    weak = clip(family, guidance_scale=5.0, steps=4, checkpoint=stages.append)

    assert stages.count("denoise") == 4
    assert snr_db(weak, clip(family, guidance_scale=13.0, steps=4)) < 60


def test_a_prompt_is_encoded_once_and_no_other_is() -> None:
    family = tiny_family()
    asked: list[str] = []
    family.t5_tokens = lambda text, tokens=family.t5_tokens: (asked.append(text), tokens(text))[1]
    clip(family, "dog", seed=1)
    clip(family, "dog", seed=2)

    assert asked == ["<dog& all>"]
    assert family.prompts_cached == 1


def test_no_prompt_is_no_caption() -> None:
    assert structured_caption("") == ""
    assert structured_caption("a dog barks") == "<a dog barks& all>"


@pytest.fixture(scope="module")
def published() -> AudioLCM:
    """The real sizes, without weights."""
    with torch.device("meta"):
        networks = LAYOUT.skeleton(LAYOUT.config)
    tokens = word_tokens(60)
    schedule = LCMSchedule.of(LAYOUT.config["schedule"])
    return AudioLCM(**networks, schedule=schedule, bert_tokens=tokens, t5_tokens=tokens)  # type: ignore[arg-type]


def test_the_shortest_latents_that_hold_the_clip_are_made(published: AudioLCM) -> None:
    second = published.native_rate_hz

    assert published.latent_shape(second // 10) == (20, 32)
    assert published.latent_shape(32 * 512) == (20, 32)
    assert published.latent_shape(32 * 512 + 1) == (20, 34)
    assert published.latent_shape(10 * second) == (20, 314)
    assert published.latent_shape(round(published.longest_s * second)) == (20, 624)
    assert published.longest_s == 19.968


def test_a_small_table_of_positions_bounds_the_length(family: AudioLCM) -> None:
    places = len(family.denoiser.positions)
    longest = round(family.longest_s * RATE_HZ)

    assert family.latent_shape(10**9)[-1] <= places - 155
    assert clip(family, frames=longest).shape == (longest,)


def test_a_start_at_strength_0_stays_and_at_1_is_forgotten(family: AudioLCM) -> None:
    kept, forgotten = clip(family, source=a_tone(strength=0)), clip(family, source=a_tone(strength=1))

    assert torch.equal(kept, clip(family, "kick", seed=99, source=a_tone(strength=0)))
    assert torch.equal(forgotten, clip(family))
    assert snr_db(forgotten, kept) < 10


def test_the_stronger_the_less_is_left_of_a_start(family: AudioLCM) -> None:
    samples = torch.from_numpy(a_tone().samples[:, 0])[None]
    start = family.latents_of(samples, latent_shape=family.latent_shape(samples.shape[1]))

    def distance(strength: float) -> float:
        draw = Draw(
            texts=[family.text("warm rain")],
            seeds=[7],
            latent_shape=tuple(start.shape[1:]),
            steps=2,
            guidance_scale=5,
            options={},
            start=Start(latents=start, strength=strength),
            follow=None,
            checkpoint=no_checkpoint,
        )
        return float((family.sampled(draw) - start).norm())

    distances = [distance(strength) for strength in (0.0, 0.02, 0.2, 0.5, 0.9)]

    assert distances[0] == 0
    assert distances == sorted(distances)
    assert distances[1] < distances[-1] / 10


def test_a_start_walks_the_schedule_again_from_its_strength(family: AudioLCM) -> None:
    schedule = family.schedule

    assert schedule.timesteps(1, reach=schedule.reach_of(0.6)) == [599]
    assert schedule.timesteps(2, reach=schedule.reach_of(0.6)) == [599, 299]
    assert schedule.timesteps(4, reach=schedule.reach_of(0.04)) == [39, 19]  # there are no more
    assert schedule.timesteps(4, reach=schedule.reach_of(1.0)) == schedule.timesteps(4)


def test_a_short_start_is_followed_by_silence(family: AudioLCM) -> None:
    latents = family.latents_of(torch.zeros(1, 100), latent_shape=(6, 32))

    assert torch.equal(latents, family.latents_of(torch.zeros(1, 100_000), latent_shape=(6, 32)))
    assert latents.shape[1:] == (family.denoiser.conv_in.in_channels, 32)


def test_the_waveform_in_pieces_is_the_waveform_at_once(family: AudioLCM, monkeypatch: pytest.MonkeyPatch) -> None:
    frames = round(family.longest_s * RATE_HZ)
    whole = clip(family, frames=frames)
    monkeypatch.setattr(audiolcm, "AT_ONCE_HOPS", 0)
    monkeypatch.setattr(audiolcm, "FIRST_HOPS", 9)
    monkeypatch.setattr(audiolcm, "MORE_HOPS", 31)
    stages: list[Stage] = []
    pieces = clip(family, frames=frames, checkpoint=stages.append)

    assert (whole - pieces).abs().max() < 1e-4
    hops = family.longest * family.autoencoder.hops_per_frame
    upsampled = len(family.vocoder.ups)
    assert stages.count("decode") == 1 + upsampled * (1 + math.ceil((hops - 9) / 31))


@pytest.mark.parametrize("stage", ["text", "denoise", "decode"])
def test_a_clip_can_be_taken_back_at_every_stage(family: AudioLCM, stage: Stage) -> None:
    calls = 0

    def checkpoint(reached: Stage) -> None:
        nonlocal calls
        calls += reached == stage
        if reached == stage and calls == (1 if stage == "text" else 2):
            raise Cancelled("the request was taken back")

    with pytest.raises(Cancelled):
        clip(family, checkpoint=checkpoint)


def test_the_authors_files_become_a_family_that_sounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UPBEAT_HOME", str(tmp_path))
    write_model_folder(tmp_path / "models" / "audiolcm")
    family = AudioLCM.load()
    again = AudioLCM.load()  # from the conversion that was kept

    assert torch.equal(clip(family), clip(again))
    assert clip(family).abs().max() > 0.001
    assert len(family.weights_hash) == 64
    assert snr_db(clip(family, "dog"), clip(family, "rain")) < 60
