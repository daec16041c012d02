"""AudioLCM's networks and sampler against recorded numbers of the published implementation."""

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import Tensor

from engine.autoencoders.log10_mel import log10_mel
from engine.autoencoders.mel_bands import slaney_bands
from engine.checkpoints.audiolcm import convert, skeleton
from engine.checkpoints.fitting import filled
from engine.convolutions import onednn
from engine.denoisers.audiolcm_transformer import AudioLCMTransformer, timestep_embedding
from engine.sampling.lcm import LCMSchedule, guidance_embedding, lcm_sample, skip_and_out
from engine.vocoders.alias_free import alias_free_snake
from tests.parity.fixtures import ParityFolder, assert_overall, folder
from tests.parity.heard import Heard
from tests.parity.not_yet_used import NOT_YET_USED

RECORDED = folder("audiolcm")
WEIGHTS = {"weights_ckpt.safetensors", "weights_vocoder.safetensors"}
LISTED = sorted(set(RECORDED.json["files"]) - WEIGHTS - NOT_YET_USED["audiolcm"])
DENOISER_CASES = [file for file in LISTED if file.startswith("backbone_")]
SAMPLER_CASES = [file for file in LISTED if file.startswith("sampler_")]
SINGLE_CASES = [
    f"{stage}.safetensors"
    for stage in ("schedule", "embeddings", "text_encoder", "vae", "vocoder", "chain", "mel_frontend")
]


@pytest.fixture(scope="module")
def recorded() -> ParityFolder:
    return RECORDED


@pytest.fixture(scope="module")
def networks(recorded: ParityFolder) -> Mapping[str, Any]:
    """The networks of the fixtures' sizes, loaded as the published files are."""
    files = {
        "model": {"state_dict": recorded.tensors("weights_ckpt.safetensors")},
        "vocoder": {"generator": recorded.tensors("weights_vocoder.safetensors")},
    }
    converted = convert(files, recorded.config)
    assert converted.unused == ()
    made = skeleton(recorded.config)
    return {name: filled(lambda network=network: network, converted.parts[name]) for name, network in made.items()}


@pytest.fixture(scope="module")
def schedule(recorded: ParityFolder) -> LCMSchedule:
    return LCMSchedule.of(recorded.config["schedule"])


def tolerance(recorded: ParityFolder, file: str) -> float:
    return float(recorded.json["files"][file]["tolerance"])


def test_every_kind_of_fixture_is_there_and_looked_at(recorded: ParityFolder) -> None:
    steps = {recorded.json["files"][file]["steps"] for file in SAMPLER_CASES}

    assert len(DENOISER_CASES) >= 2  # two lengths
    assert {1, 2, 4} <= steps
    assert sorted(DENOISER_CASES + SAMPLER_CASES + SINGLE_CASES) == LISTED
    assert recorded.files() - NOT_YET_USED["audiolcm"] == WEIGHTS | set(LISTED)


def test_the_schedule_and_its_timesteps(recorded: ParityFolder, schedule: LCMSchedule) -> None:
    tensors = recorded.tensors("schedule.safetensors")
    atol = tolerance(recorded, "schedule.safetensors")

    exact_power = torch.cumprod(1 - schedule.betas, 0)

    assert_overall(schedule.betas, tensors["betas"], atol=atol)
    assert_overall(schedule.signal_power, tensors["alphas_cumprod"], atol=atol)
    assert_overall(exact_power.sqrt(), tensors["sqrt_alphas_cumprod"], atol=atol)
    assert_overall((1 - exact_power).sqrt(), tensors["sqrt_one_minus_alphas_cumprod"], atol=atol)
    assert list(schedule.grid) == tensors["distill_timesteps"].tolist()
    assert_overall(schedule.signal_power[list(schedule.grid)], tensors["ddim_alpha_cumprods"], atol=atol)
    counts = [name.removeprefix("timesteps_") for name in tensors if name.startswith("timesteps_")]
    assert {"1", "2", "4"} <= set(counts)
    for count in counts:
        timesteps = schedule.timesteps(int(count))
        assert timesteps == tensors[f"timesteps_{count}"].tolist()
        c_skip, c_out = zip(*map(skip_and_out, timesteps), strict=True)
        assert_overall(torch.stack(c_skip), tensors[f"c_skip_{count}"], atol=atol)
        assert_overall(torch.stack(c_out), tensors[f"c_out_{count}"], atol=atol)


def test_guidance_and_time_are_spelt_in_waves(recorded: ParityFolder, networks: Mapping[str, Any]) -> None:
    tensors = recorded.tensors("embeddings.safetensors")
    atol = tolerance(recorded, "embeddings.safetensors")
    guidance = guidance_embedding(tensors["w"])
    pairs = min(len(tensors["t"]), len(tensors["w"]))
    time_token = networks["denoiser"].time_token

    assert_overall(guidance, tensors["guidance_embedding"], atol=atol)
    assert_overall(timestep_embedding(tensors["t"]), tensors["timestep_embedding"], atol=atol)
    assert_overall(time_token(tensors["t"], None), tensors["t_embedder_out_w0"], atol=atol)
    with_guidance = time_token(tensors["t"][:pairs], tensors["guidance_embedding"][:pairs])
    assert_overall(with_guidance, tensors["t_embedder_out_w"][:pairs], atol=atol)


def test_both_text_encoders(recorded: ParityFolder, networks: Mapping[str, Any]) -> None:
    tensors = recorded.tensors("text_encoder.safetensors")
    atol = tolerance(recorded, "text_encoder.safetensors")
    encoder = networks["text_encoder"]
    bert_states = encoder.bert_states(tensors["bert_input_ids"])

    assert_overall(bert_states, tensors["bert_last_hidden"], atol=atol)
    assert_overall(encoder.projection(bert_states), tensors["clap_tokens"], atol=atol)
    assert_overall(encoder.t5_states(tensors["t5_input_ids"]), tensors["t5_last_hidden"], atol=atol)
    context = encoder.context(tensors["bert_input_ids"], tensors["t5_input_ids"])
    assert_overall(context, tensors["context"], atol=atol)


@pytest.mark.parametrize("file", DENOISER_CASES)
def test_the_denoiser(file: str, recorded: ParityFolder, networks: Mapping[str, Any]) -> None:
    tensors = recorded.tensors(file)
    atol = tolerance(recorded, file)
    denoiser: AudioLCMTransformer = networks["denoiser"]
    heard = Heard(denoiser)
    text_tokens = denoiser.text_tokens(tensors["context"])
    noise = denoiser(tensors["x"], tensors["t"], text_tokens, tensors["w_embedding"])
    taps = {
        "tap_t_emb": heard["time_token"],
        "tap_c1": heard["text_embedders.0"],
        "tap_c2": heard["text_embedders.1"],
        "tap_tokens_after_pos": heard.inputs["blocks.0"].transpose(1, 2),
        "tap_block0_attn1_out": heard["blocks.0.attention_1"],
        "tap_block0_ff_out": heard["blocks.0.feed_forward"],
    } | {f"tap_block{number}": heard[f"blocks.{number}"] for number in range(len(denoiser.blocks))}

    for name, tap in taps.items():
        assert_overall(tap, tensors[name], atol=atol, what=name)
    assert_overall(noise, tensors["out"], atol=atol)
    teacher_like = denoiser(tensors["x"], tensors["t"], text_tokens, None)
    assert_overall(teacher_like, tensors["out_without_w"], atol=atol)


@pytest.mark.parametrize("file", SAMPLER_CASES)
def test_sampling(file: str, recorded: ParityFolder, networks: Mapping[str, Any], schedule: LCMSchedule) -> None:
    tensors = recorded.tensors(file)
    atol = tolerance(recorded, file)
    denoiser: AudioLCMTransformer = networks["denoiser"]
    steps = recorded.json["files"][file]["steps"]
    timesteps = schedule.timesteps(steps)
    guidance = guidance_embedding((tensors["guidance_scale"] - 1).expand(len(tensors["x_T"])))
    text_tokens = denoiser.text_tokens(tensors["context"])
    seen: list[tuple[Tensor, Tensor]] = []

    def predicted_noise(x: Tensor, timestep: Tensor) -> Tensor:
        noise: Tensor = denoiser(x, timestep, text_tokens, guidance)
        seen.append((x, noise))
        return noise

    result = lcm_sample(
        predicted_noise, tensors["x_T"], list(tensors["noises"]), schedule=schedule, timesteps=timesteps
    )

    assert timesteps == tensors["timesteps"].tolist()
    assert_overall(guidance, tensors["w_embedding"], atol=tolerance(recorded, "embeddings.safetensors"))
    for step, (x, noise) in enumerate(seen):
        assert_overall(noise, tensors["model_output"][step], atol=atol, what=f"noise of step {step}")
        denoised = schedule.clean_of(x, noise, timesteps[step])
        assert_overall(denoised, tensors["denoised"][step], atol=atol, what=f"result of step {step}")
        if step:
            assert_overall(x, tensors["next_sample"][step - 1], atol=atol, what=f"start of step {step}")
    assert_overall(result, tensors["result"], atol=atol)


def test_the_autoencoder_both_ways(recorded: ParityFolder, networks: Mapping[str, Any]) -> None:
    tensors = recorded.tensors("vae.safetensors")
    atol = tolerance(recorded, "vae.safetensors")
    autoencoder = networks["autoencoder"]
    heard = Heard(autoencoder)
    assert_overall(autoencoder.scale_factor, tensors["scale_factor"], atol=0)
    assert_overall(autoencoder.decoded(tensors["latent_scaled"]), tensors["mel"], atol=atol)
    last = len(recorded.config["vae"]["ch_mult"]) - 1
    taps = {
        "tap_conv_in": "decoder.conv_in",
        "tap_mid_attn": "decoder.mid.attn_1",
        "tap_mid": "decoder.mid",
        f"tap_up{last}": f"decoder.up.{last}",
        "tap_up1_upsampled": "decoder.up.1",
        "tap_up0": "decoder.up.0",
    }
    for name, module in taps.items():
        assert_overall(heard[module], tensors[name], atol=atol, what=name)
    assert_overall(autoencoder.decoded(tensors["latent_scaled_b"]), tensors["mel_b"], atol=atol)

    mean, log_variance = autoencoder.moments(tensors["mel_in"])
    assert_overall(heard["quant_conv"], tensors["moments"], atol=atol)
    assert_overall(mean, tensors["mean"], atol=atol)
    assert_overall(log_variance, tensors["logvar"], atol=atol)
    assert_overall((log_variance / 2).exp(), tensors["std"], atol=atol)
    latents = autoencoder.encoded(tensors["mel_in"], tensors["eps"])
    assert_overall(latents, tensors["latent_from_eps"], atol=atol)
    autoencoder.moments(tensors["mel_in_odd"])
    assert_overall(heard["quant_conv"], tensors["moments_odd"], atol=atol)


def test_the_vocoder(recorded: ParityFolder, networks: Mapping[str, Any]) -> None:
    tensors = recorded.tensors("vocoder.safetensors")
    atol = tolerance(recorded, "vocoder.safetensors")
    vocoder = networks["vocoder"]
    quick = vocoder(tensors["mel"])  # on a CPU by rows, with nothing to listen to inside
    heard = Heard(vocoder)
    with onednn.switched_off():
        waveform = vocoder(tensors["mel"])
    branches = len(recorded.config["vocoder"]["resblock_kernel_sizes"])

    assert_overall(heard["conv_pre"], tensors["tap_conv_pre"], atol=atol)
    assert_overall(heard["ups.0"], tensors["tap_up0"], atol=atol)
    for branch in range(branches):
        if f"tap_res{branch}" in tensors:
            assert_overall(heard[f"resblocks.{branch}"], tensors[f"tap_res{branch}"], atol=atol, what=f"block {branch}")
    assert_overall(heard["conv_post"], tensors["tap_before_tanh"], atol=atol)
    assert_overall(waveform[:, None], tensors["wav"], atol=atol)
    assert_overall(quick[:, None], tensors["wav"], atol=atol)
    assert not onednn.available() or vocoder.quick is not None


def test_the_activation_without_aliases(recorded: ParityFolder) -> None:
    tensors = recorded.tensors("vocoder.safetensors")
    kernel = tensors["filter"][0, 0]
    y = alias_free_snake(
        tensors["act_x"],
        tensors["act_alpha"].exp(),
        1 / (tensors["act_beta"].exp() + 1e-9),
        up_filter=kernel,
        down_filter=kernel,
    )

    assert_overall(y, tensors["act_y"], atol=tolerance(recorded, "vocoder.safetensors"))


def test_token_ids_to_waveform(recorded: ParityFolder, networks: Mapping[str, Any], schedule: LCMSchedule) -> None:
    tensors = recorded.tensors("chain.safetensors")
    limits = recorded.json["files"]["chain.safetensors"]["tolerance"]
    steps = recorded.json["files"]["chain.safetensors"]["steps"]
    denoiser: AudioLCMTransformer = networks["denoiser"]
    context = networks["text_encoder"].context(tensors["bert_input_ids"], tensors["t5_input_ids"])
    text_tokens = denoiser.text_tokens(context)
    guidance = guidance_embedding((tensors["guidance_scale"] - 1)[None])
    noises = tensors["noise"].reshape(steps - 1, *tensors["x_T"].shape)

    latents = lcm_sample(
        lambda x, timestep: denoiser(x, timestep, text_tokens, guidance),
        tensors["x_T"],
        list(noises),
        schedule=schedule,
        timesteps=schedule.timesteps(steps),
    )
    mel = networks["autoencoder"].decoded(latents)
    waveform = networks["vocoder"](mel)

    assert_overall(context, tensors["context"], atol=limits["context"])
    assert_overall(latents, tensors["latent"], atol=limits["latent"])
    assert_overall(mel, tensors["mel"], atol=limits["mel"])
    assert_overall(waveform, tensors["wav"], atol=limits["wav"])


def test_the_mel_of_a_waveform(recorded: ParityFolder) -> None:
    tensors = recorded.tensors("mel_frontend.safetensors")
    atol = tolerance(recorded, "mel_frontend.safetensors")
    bands = len(tensors["mel_basis"])

    basis = slaney_bands(bands, window=1024, rate_hz=16_000, lowest_hz=0, highest_hz=8000)
    assert_overall(basis, tensors["mel_basis"], atol=atol)
    assert_overall(log10_mel(tensors["wav"], bands=bands), tensors["mel"], atol=atol)
