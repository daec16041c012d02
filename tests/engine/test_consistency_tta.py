"""ConsistencyTTA as a family: what the engine promises holds for it, at small sizes."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from engine.errors import Cancelled
from engine.families.base import NO_OPTIONS, Stage
from engine.families.consistency_tta import ConsistencyTTA
from osc_schemas.source import Source
from tests.engine.tiny_consistency_tta import tiny_family, write_model_folder

RATE_HZ = 16_000  # the model's own
SHORT_S = 0.5


@pytest.fixture(scope="module")
def family() -> ConsistencyTTA:
    """Small random networks, and one token a word."""
    return tiny_family()


def clips(
    family: ConsistencyTTA,
    prompts: list[str],
    seeds: list[int],
    *,
    steps: int = 1,
    guidance_scale: float = 4.0,
    length_s: float = SHORT_S,
    sample_rate_hz: int = RATE_HZ,
    source: Source | None = None,
    options: Mapping[str, float] = NO_OPTIONS,
) -> Tensor:
    """(batch, frames)."""
    return family.waveform(
        prompts,
        seeds,
        steps=steps,
        guidance_scale=guidance_scale,
        frames=round(length_s * sample_rate_hz),
        sample_rate_hz=sample_rate_hz,
        source=source,
        options=options,
    )[:, 0]


def clip(family: ConsistencyTTA, prompt: str = "warm rain", *, seed: int = 1, **asked: object) -> Tensor:
    """(frames,)."""
    return clips(family, [prompt], [seed], **asked)[0]  # type: ignore[arg-type]


def snr_db(heard: Tensor, expected: Tensor) -> float:
    """How far the difference lies below `expected`."""
    return float(10 * torch.log10(expected.square().sum() / (heard - expected).square().sum().clamp(min=1e-30)))


@pytest.mark.parametrize("steps", [1, 2, 4])
def test_a_row_of_a_batch_is_what_it_is_alone(family: ConsistencyTTA, steps: int) -> None:
    prompts, seeds = ["kick", "a long dark roll of thunder over the hills", "warm rain"], [3, 4, 5]
    together = clips(family, prompts, seeds, steps=steps)

    for row, prompt, seed in zip(together, prompts, seeds, strict=True):
        assert snr_db(row, clip(family, prompt, seed=seed, steps=steps)) >= 60


def test_with_guidance_from_outside_too_a_row_is_what_it_is_alone(family: ConsistencyTTA) -> None:
    options = {"guidance_post": 2.5}
    together = clips(family, ["kick", "warm rain on a tin roof"], [3, 4], steps=2, options=options)

    assert snr_db(together[0], clip(family, "kick", seed=3, steps=2, options=options)) >= 60


def test_the_same_seed_is_the_same_sound_and_another_is_another(family: ConsistencyTTA) -> None:
    first = clip(family, seed=7, steps=2)

    assert torch.equal(clip(family, seed=7, steps=2), first)
    assert snr_db(clip(family, seed=8, steps=2), first) < 20
    assert snr_db(clip(family, "kick", seed=7, steps=2), first) < 60


def test_the_machines_own_random_numbers_change_nothing(family: ConsistencyTTA) -> None:
    torch.manual_seed(1)
    first = clip(family, steps=2)
    torch.manual_seed(2)

    assert torch.equal(clip(family, steps=2), first)


@pytest.mark.parametrize("sample_rate_hz", [16_000, 44_100, 48_000])
@pytest.mark.parametrize("length_s", [0.1, 2.0, 3.3])
def test_a_clip_has_the_length_and_the_rate_that_were_asked_for(
    family: ConsistencyTTA, length_s: float, sample_rate_hz: int
) -> None:
    heard = clip(family, length_s=length_s, sample_rate_hz=sample_rate_hz)

    assert heard.shape == (round(length_s * sample_rate_hz),)
    assert heard.dtype == torch.float32
    assert heard.isfinite().all()
    assert 0.001 < heard.abs().max() <= 1


@pytest.mark.parametrize(
    ("length_s", "places"), [(0.05, 64), (2.3, 64), (2.4, 72), (5.0, 136), (9.5, 248), (10.0, 256)]
)
def test_the_shortest_latents_that_hold_the_clip_are_made(family: ConsistencyTTA, length_s: float, places: int) -> None:
    frames = round(length_s * RATE_HZ)

    assert family.latent_shape(frames) == (8, places, 16)
    assert family.vocoder.frames(4 * places) >= frames + 0.24 * RATE_HZ  # the poor end is beyond


def test_the_longest_clip_is_made_of_the_trained_length(family: ConsistencyTTA) -> None:
    assert family.latent_shape(round(family.longest_s * RATE_HZ)) == (8, 256, 16)


def test_each_row_is_centred_by_itself(family: ConsistencyTTA) -> None:
    latents = torch.randn(2, 8, 8, 16, generator=torch.Generator().manual_seed(1))
    latents[1] *= 3

    for row in family.decoded(latents, checkpoint=lambda stage: None):
        assert float(row.max()) == pytest.approx(-float(row.min()), abs=1e-6)


def test_guidance_from_within_and_from_outside_are_heard(family: ConsistencyTTA) -> None:
    usual = clip(family)

    assert snr_db(clip(family, guidance_scale=1.0), usual) < 60
    assert snr_db(clip(family, options={"guidance_post": 2.0}), usual) < 60
    assert torch.equal(clip(family, options={"guidance_post": 1.0}), usual)


def test_the_empty_prompt_is_encoded_only_where_it_is_used() -> None:
    family = tiny_family()
    clip(family, steps=2)
    assert family.prompts_cached == 1

    clip(family, options={"guidance_post": 2.0})
    assert family.prompts_cached == 2


def test_guidance_from_outside_doubles_the_rows_and_nothing_else_does() -> None:
    family, rows = tiny_family(), []
    family.denoiser.register_forward_pre_hook(lambda _, args: rows.append(len(args[0])))

    clip(family, steps=2)
    clip(family, steps=2, options={"guidance_post": 2.0})
    assert rows == [1, 1, 2, 2]


def test_later_steps_are_where_the_authors_place_them_unless_asked_otherwise() -> None:
    family = tiny_family()
    asked: list[float] = []
    family.denoiser.register_forward_pre_hook(lambda _, args: asked.append(float(args[1])))

    clip(family, steps=4)
    clip(family, steps=4, options={"reference_schedule": 0.0})
    assert asked[:4] == [999, 666, 333, 0]
    assert [round(timestep * 17 / 999, 9) for timestep in asked[4:]] == [17, 13, 9, 4]


def test_one_step_is_the_same_on_either_schedule(family: ConsistencyTTA) -> None:
    assert torch.equal(clip(family, options={"reference_schedule": 0.0}), clip(family))


def tone(*, length_s: float = SHORT_S, sample_rate_hz: int = 44_100) -> np.ndarray:
    """(frames, 2): a note that fades."""
    time_s = np.arange(round(length_s * sample_rate_hz)) / sample_rate_hz
    note = np.sin(2 * np.pi * 330 * time_s) * np.exp(-3 * time_s)
    return np.stack([note, note], 1).astype(np.float32)


def started(strength: float) -> Source:
    """A source to start from."""
    return Source(samples=tone(), sample_rate_hz=44_100, strength=strength)


def test_a_sound_to_start_from_is_read_into_latents_whatever_its_level(family: ConsistencyTTA) -> None:
    waveform = torch.from_numpy(tone(sample_rate_hz=RATE_HZ).mean(1))[None]
    shape = family.latent_shape(waveform.shape[1])
    latents = family.latents_of(waveform, latent_shape=shape)

    assert latents.shape == (1, *shape)
    assert snr_db(family.latents_of(waveform * 0.1, latent_shape=shape), latents) >= 60  # its level does not count
    assert snr_db(family.latents_of(torch.zeros_like(waveform), latent_shape=shape), latents) < 40


def test_the_weaker_the_start_the_more_of_the_sound_is_asked_about() -> None:
    family, asked = tiny_family(), []
    family.denoiser.register_forward_pre_hook(lambda _, args: asked.append((args[0], float(args[1]))))
    latents = family.latents_of(torch.from_numpy(tone(sample_rate_hz=RATE_HZ).mean(1))[None], latent_shape=(8, 64, 16))
    for strength in (0.2, 0.6, 0.9):
        clip(family, source=started(strength))

    likeness = [float(torch.corrcoef(torch.stack([x.flatten(), latents.flatten()]))[0, 1]) for x, _ in asked]
    assert likeness[0] > likeness[1] > likeness[2] > 0
    assert [round(timestep * 17 / 999, 9) for _, timestep in asked] == [3, 10, 15]


def test_several_steps_go_down_from_where_the_start_was_taken_up() -> None:
    family, asked = tiny_family(), []
    family.denoiser.register_forward_pre_hook(lambda _, args: asked.append(round(float(args[1]) * 17 / 999, 9)))

    clip(family, steps=2, source=started(0.6))
    clip(family, steps=4, source=started(0.6), options={"reference_schedule": 0.0})
    assert asked == [10, 0, 10, 8, 5, 3]


def test_a_start_of_strength_1_leaves_nothing_of_the_sound(family: ConsistencyTTA) -> None:
    alone = clip(family, steps=2)

    assert torch.equal(clip(family, steps=2, source=started(1.0)), alone)
    assert snr_db(clip(family, steps=2, source=started(0.6)), alone) < 60


def test_a_start_is_the_same_for_every_row(family: ConsistencyTTA) -> None:
    together = clips(family, ["kick", "warm rain"], [3, 4], source=started(0.5))

    assert snr_db(together[1], clip(family, "warm rain", seed=4, source=started(0.5))) >= 60


@pytest.mark.parametrize("at", ["denoise 2", "decode 1", "decode 3"])
def test_a_clip_can_be_taken_back_between_steps_and_between_pieces(family: ConsistencyTTA, at: str) -> None:
    seen: list[Stage] = []

    def checkpoint(stage: Stage) -> None:
        seen.append(stage)
        if f"{stage} {seen.count(stage)}" == at:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        family.waveform(
            ["kick"], [1], steps=4, guidance_scale=4, frames=5 * RATE_HZ, sample_rate_hz=RATE_HZ, checkpoint=checkpoint
        )
    assert seen[-1] == at.split()[0]


def test_every_step_and_every_piece_is_announced(family: ConsistencyTTA) -> None:
    seen: list[Stage] = []
    family.waveform(
        ["kick"], [1], steps=4, guidance_scale=4, frames=5 * RATE_HZ, sample_rate_hz=RATE_HZ, checkpoint=seen.append
    )

    # 136 places of latents are 544 hops: the autoencoder, and two pieces of up to 512 hops.
    assert seen == ["text", *["denoise"] * 4, *["decode"] * 3]


def test_a_model_folder_becomes_the_same_sound(
    family: ConsistencyTTA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UPBEAT_HOME", str(tmp_path))
    write_model_folder(tmp_path / "models" / "consistency_tta")
    loaded = ConsistencyTTA.load()
    loaded.tokenizer = family.tokenizer  # the folder's vocabulary is another, and has its own test

    assert len(loaded.weights_hash) == 64
    assert snr_db(clip(loaded), clip(family)) >= 100  # the last bits depend on where in memory the weights begin


def test_the_vocabulary_of_a_model_folder_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UPBEAT_HOME", str(tmp_path))
    write_model_folder(tmp_path / "models" / "consistency_tta")
    tokenizer = ConsistencyTTA.load().tokenizer

    assert tokenizer("warm rain").tolist() == [5, 4, 1]
    assert tokenizer("").tolist() == [1]
    assert tokenizer("rain " * 600).shape == (512,)
    assert tokenizer("rain " * 600)[-1] == 1
