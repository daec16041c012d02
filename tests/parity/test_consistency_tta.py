"""ConsistencyTTA, part by part and as a whole, against numbers of its authors' own code."""

import re
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from engine.autoencoders.audioldm import BANDS, HIGHEST_HZ, RATE_HZ, WINDOW, log_mel, posterior_sample
from engine.autoencoders.mel_bands import slaney_bands
from engine.checkpoints.consistency_tta import LAYOUT
from engine.checkpoints.layout import Model
from engine.families.base import no_checkpoint
from engine.families.consistency_tta import ConsistencyTTA, networks_of
from engine.families.published import Draw
from engine.sampling.consistency_tta import alphas_cumprod, reference_timesteps, sigma_at
from engine.text.states import TextStates
from tests.parity.fixtures import assert_elementwise, folder, numbered
from tests.parity.not_yet_used import NOT_YET_USED

FOLDER = folder("consistencytta")
KINDS = (
    "schedule.safetensors",
    "unet_*.safetensors",
    "text.safetensors",
    "sample_*.safetensors",
    "vae.safetensors",
    "hifigan.safetensors",
    "logmel.safetensors",
)
UNETS = FOLDER.cases("unet_*.safetensors")
SAMPLES = FOLDER.cases("sample_*.safetensors")
COUNTS = 4  # of 32768, that a 16 bit sample of a whole chain may be off; 2 behind the vocoder alone


@pytest.fixture(scope="module")
def family() -> ConsistencyTTA:
    """The recorded weights, taken the way that published files are; a prompt is its ids, such as "3 5 1"."""
    weights, config = FOLDER.json["weights"], FOLDER.config
    vae = {"state_dict": FOLDER.tensors(weights["vae_and_vocoder"]), "scale_factor": config["vae"]["scale_factor"]}
    files = {
        "unet": FOLDER.tensors(weights["unet"]),
        "vae": vae,
        "text_encoder": FOLDER.tensors(weights["text_encoder"]),
    }
    converted = LAYOUT.convert(files, config)
    assert converted.unused == ()
    model = Model(
        config=config, parts=converted.parts, settings=converted.settings, tokenizers={}, weights_hash="recorded"
    )
    return ConsistencyTTA(**networks_of(model), tokenizer=ids_of)


def ids_of(prompt: str) -> Tensor:
    """The ids that a prompt of these tests is; the empty one is the end token alone."""
    return torch.tensor([int(word) for word in prompt.split()] or [FOLDER.config["text_encoder"]["eos_token_id"]])


def test_every_kind_of_fixture_is_there_and_every_file_has_its_test() -> None:
    used = {file for kind in KINDS for file in FOLDER.cases(kind)}
    weights = {FOLDER.json["weights"][name] for name in ("unet", "vae_and_vocoder", "text_encoder")}
    listed = {case["file"] for case in FOLDER.json["cases"]} | set(FOLDER.json["weights"].values())

    assert listed - used - weights <= NOT_YET_USED["consistencytta"]
    assert used | weights <= FOLDER.files()
    assert any("inter.mid" in case["tensors"] for case in UNETS.values())
    assert any("encoder_attention_mask" not in case["tensors"] for case in UNETS.values())
    assert any("waveform_raw" in case["tensors"] for case in SAMPLES.values())
    assert any(case["cfg_scale_post"] > 1 for case in SAMPLES.values())
    assert {1, 2, 4} <= {case["num_steps"] for case in SAMPLES.values()}


def test_noise_falls_as_it_did_in_training() -> None:
    for file, case in FOLDER.cases("schedule.safetensors").items():
        tensors, limits = FOLDER.tensors(file), limits_of(case)

        assert_elementwise(alphas_cumprod(), tensors["alphas_cumprod"], **limits, what="alphas_cumprod")
        for points, expected in numbered(tensors, "timesteps_"):
            # Each but the first is there twice, for a solver that looks at both ends of a step. Its grid of one point
            # is the clean end; a single query of the student is at the noisy one.
            first, *later = reference_timesteps(int(points)) if int(points) > 1 else (0.0,)
            timesteps = [first, *(timestep for timestep in later for _ in range(2))]
            sigmas = [*map(sigma_at, timesteps), 0.0]
            assert_elementwise(
                torch.tensor(timesteps, dtype=torch.float64), expected, **limits, what=f"timesteps_{points}"
            )
            assert_elementwise(torch.tensor(sigmas), tensors[f"sigmas_{points}"], **limits, what=f"sigmas_{points}")


@pytest.mark.parametrize("file", UNETS)
def test_the_u_net_finds_the_same_clean_latents(family: ConsistencyTTA, file: str) -> None:
    tensors, limits = FOLDER.tensors(file), limits_of(UNETS[file])
    states = tensors["encoder_hidden_states"]
    mask = tensors.get("encoder_attention_mask", torch.ones(states.shape[:2], dtype=torch.bool))
    inner = {name: tensor for name, tensor in tensors.items() if name.startswith("inter.")}
    seen = {name: outputs_of(module) for name in inner if (module := module_of(family, name)) is not None}
    text = TextStates(states=states, mask=mask)

    with torch.no_grad():
        clean = family.denoiser(tensors["sample"], tensors["timestep"], tensors["guidance"], text)
        waves = family.denoiser.guidance_waves(tensors["guidance"]).expand(len(clean), -1)

    for name, expected in inner.items():
        assert_elementwise(seen[name][0] if name in seen else waves, expected, **limits, what=name)
    assert_elementwise(clean, tensors["output"], **limits, what="output")


def test_the_text_encoder_reads_the_same(family: ConsistencyTTA) -> None:
    for file, case in FOLDER.cases("text.safetensors").items():
        tensors, limits = FOLDER.tensors(file), limits_of(case)
        with torch.no_grad():
            states = family.text_encoder.states(tensors["input_ids"], tensors["attention_mask"])
            unguided = family.text_encoder.states(tensors["uncond_input_ids"], tensors["uncond_attention_mask"])

        assert_elementwise(states, tensors["cond_embeds"], **limits, what="cond_embeds")
        assert_elementwise(torch.cat([unguided, states]), tensors["cfg_embeds"], **limits, what="cfg_embeds")
        assert torch.equal(tensors["attention_mask"] == 1, tensors["cond_mask"])


@pytest.mark.parametrize("file", SAMPLES)
def test_the_same_noise_becomes_the_same_latents_and_the_same_sound(family: ConsistencyTTA, file: str) -> None:
    case, tensors = SAMPLES[file], FOLDER.tensors(file)
    limits = limits_of(case)
    asked = inputs_of(family.denoiser)

    latents = family.denoised(draw_of(family, case, tensors), list(tensors["noise"]))

    assert_elementwise(latents, tensors["latents"], **limits, what="latents")
    timesteps = torch.cat([timestep for _, timestep in asked])
    assert_elementwise(timesteps, tensors["query_timesteps"], **limits, what="query_timesteps")
    guided = asked[0][0][-len(latents) :]  # behind the half for the empty prompt, if there is one
    assert_elementwise(guided, tensors["query0_input"], **limits, what="query0_input")
    if "mel" in tensors:
        assert_same_sound(family, latents, tensors, limits)


def test_the_autoencoder_writes_and_reads_the_same_mel(family: ConsistencyTTA) -> None:
    for file, case in FOLDER.cases("vae.safetensors").items():
        tensors, limits = FOLDER.tensors(file), limits_of(case)
        with torch.no_grad():
            mel = family.autoencoder.decoded(tensors["latents"])
            mean, log_variance = family.autoencoder.posterior(tensors["encode_mel"])
            as_heard = family.autoencoder.encoded(tensors["encode_mel"])

        assert_elementwise(mel, tensors["mel"], **limits, what="mel")
        assert_elementwise(mean, tensors["encode_mean"], **limits, what="encode_mean")
        assert_elementwise(log_variance, tensors["encode_logvar"], **limits, what="encode_logvar")
        drawn = posterior_sample(mean, log_variance, tensors["encode_eps"]) * family.autoencoder.scale_factor
        assert_elementwise(drawn, tensors["encode_latents_scaled"], **limits, what="encode_latents_scaled")
        scaled = tensors["encode_mean"] * family.autoencoder.scale_factor
        assert_elementwise(as_heard, scaled, **limits, what="the mean of the latents")


def test_the_vocoder_makes_the_same_waveform_whole_and_in_pieces(family: ConsistencyTTA) -> None:
    for file, case in FOLDER.cases("hifigan.safetensors").items():
        tensors, limits = FOLDER.tensors(file), limits_of(case)
        for number, mel in numbered(tensors, "mel_"):
            mel = mel.mT[:, None]
            with torch.no_grad():
                waveform = family.vocoder.waveform(mel)
                spans = family.vocoder.spans(mel.shape[2], each=7)
                pieces = torch.cat([family.vocoder.piece(mel, span) for span in spans], 1)

            expected = tensors[f"wav_{number}"][:, 0]
            assert_elementwise(waveform, expected, **limits, what=f"wav_{number}")
            assert_elementwise(pieces, expected, **limits, what=f"wav_{number} in pieces")
            assert_counts(centred_together(waveform), tensors[f"pcm16_{number}"], within=2)


def test_a_waveform_has_the_same_log_mel() -> None:
    for file, case in FOLDER.cases("logmel.safetensors").items():
        tensors, limits = FOLDER.tensors(file), limits_of(case)

        bands = slaney_bands(BANDS, window=WINDOW, rate_hz=RATE_HZ, lowest_hz=0.0, highest_hz=HIGHEST_HZ)
        assert_elementwise(bands, tensors["mel_basis"], **limits, what="mel_basis")
        assert_elementwise(log_mel(tensors["wav"])[:, 0].mT, tensors["mel"], **limits, what="mel")


def limits_of(case: dict[str, Any]) -> dict[str, float]:
    """How far a case's numbers may be off."""
    return {"atol": case["atol"], "rtol": case["rtol"]}


def draw_of(family: ConsistencyTTA, case: dict[str, Any], tensors: dict[str, Tensor]) -> Draw:
    """What was asked for when a sampling case was recorded."""
    rows = zip(tensors["input_ids"], tensors["attention_mask"], strict=True)
    prompts = [" ".join(map(str, ids[mask == 1].tolist())) for ids, mask in rows]
    each = tensors["noise"].shape[1] // len(prompts)  # samples of a prompt stand beside each other
    return Draw(
        texts=[family.text(prompt) for prompt in prompts for _ in range(each)],
        seeds=(),
        latent_shape=tuple(tensors["latents"].shape[1:]),
        steps=case["num_steps"],
        guidance_scale=case["cfg_scale_input"],
        options={"guidance_post": case["cfg_scale_post"], "reference_schedule": 1.0},
        start=None,
        follow=None,
        checkpoint=no_checkpoint,
    )


def assert_same_sound(
    family: ConsistencyTTA, latents: Tensor, tensors: dict[str, Tensor], limits: dict[str, float]
) -> None:
    """The latents become the recorded mel, waveform and 16 bit samples."""
    with torch.no_grad():
        mel = family.autoencoder.decoded(latents)
        raw = family.vocoder.waveform(mel)

    assert_elementwise(mel, tensors["mel"], **limits, what="mel")
    if "waveform_raw" in tensors:
        assert_elementwise(raw, tensors["waveform_raw"], **limits, what="waveform_raw")
    assert_counts(centred_together(raw), tensors["pcm16"], within=COUNTS)
    if len(raw) == 1:  # a clip that is alone in its batch is centred by its authors as it is by us
        assert_counts(family.decoded(latents, checkpoint=no_checkpoint), tensors["pcm16"], within=COUNTS)


def module_of(family: ConsistencyTTA, name: str) -> nn.Module | None:
    """The module whose output was recorded as `name`; None for the waves, which are no module's."""
    unet, name = family.denoiser.unet, name.removeprefix("inter.")
    if block := re.fullmatch(r"(down|up)(\d)", name):
        blocks: nn.ModuleList = getattr(unet, f"{block[1]}_blocks")
        return blocks[int(block[2])]
    if name == "guidance_fourier":
        return None
    module: nn.Module = getattr(unet, {"guidance_embedding": "class_embedding", "mid": "mid_block"}.get(name, name))
    return module


def outputs_of(module: nn.Module) -> list[Tensor]:
    """A list that each output of a module is added to; of a block that also gives its skips, the first."""
    outputs: list[Tensor] = []
    module.register_forward_hook(lambda _, __, out: outputs.append(out[0] if isinstance(out, tuple) else out))
    return outputs


def inputs_of(denoiser: nn.Module) -> list[tuple[Tensor, Tensor]]:
    """A list that the latents and the timestep of each call are added to."""
    inputs: list[tuple[Tensor, Tensor]] = []
    denoiser.register_forward_pre_hook(lambda _, args: inputs.append(args[:2]))
    return inputs


def centred_together(waveform: Tensor) -> Tensor:
    """All rows moved alike, which is how the recorded 16 bit samples were made."""
    return waveform - (waveform.max() + waveform.min()) / 2


def assert_counts(waveform: Tensor, expected: Tensor, *, within: int) -> None:
    """The waveform's beginning, in 16 bits, is the expected one to so many counts."""
    counts = (waveform[:, : expected.shape[1]] * 32768).clamp(-32768, 32767).trunc()
    assert_elementwise(counts, expected, atol=within, rtol=0, what="16 bit samples")
