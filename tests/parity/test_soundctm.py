"""SoundCTM's U-Net and DiT, its samplers, text vector and waveform VAE: the recorded numbers of the published code."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from torch import Tensor

from engine.autoencoders.gaussian_dac import GaussianDAC
from engine.checkpoints.fitting import filled
from engine.checkpoints.layout import Config, Tensors
from engine.checkpoints.soundctm import unet_tensors
from engine.checkpoints.soundctm_dit import (
    LatentStatistics,
    clap_tensors,
    dac_sizes,
    dac_tensors,
    dit_tensors,
    stock_tensors,
)
from engine.denoisers.ctm_dit import CtmDiT, rotary_of, stock
from engine.denoisers.ctm_unet import CtmUNet
from engine.sampling.ctm import (
    Jump,
    Network,
    c_in,
    c_noise,
    combined,
    ctm_sample,
    denoised,
    jump_of,
    omega_embedding,
    sigmas_for,
)
from engine.text.clap_roberta import ClapText
from engine.text.states import TextStates
from tests.parity.fixtures import ParityFolder, assert_overall, folder
from tests.parity.not_yet_used import NOT_YET_USED

RECORDED = folder("soundctm")
SAMPLERS = {"deterministic", "onestep", "cm_multistep", "gamma_multistep"}


def runs(family: str) -> list[str]:
    return [run["name"] for run in RECORDED.json[family]["sampling"]["runs"]]


@pytest.fixture(scope="module")
def recorded() -> ParityFolder:
    return RECORDED


def test_every_kind_of_fixture_is_there_and_every_file_is_used_or_listed_as_not_yet(recorded: ParityFolder) -> None:
    used = {recorded.json[family][kind]["file"] for family in ("unet", "dit") for kind in ("forward", "sampling")}
    used |= {recorded.json[family]["weights"]["student"]["file"] for family in ("unet", "dit")}
    used |= {recorded.json[part]["file"] for part in ("dit_vae", "dit_clap_text")}
    used |= {recorded.json[part]["weights"].split()[0] for part in ("dit_vae", "dit_clap_text")}
    assert used <= recorded.files()
    assert recorded.files() <= used | NOT_YET_USED["soundctm"]

    assert {run["sampler"] for run in recorded.json["unet"]["sampling"]["runs"]} == SAMPLERS
    assert {run["sampler"] for run in recorded.json["dit"]["sampling"]["runs"]} == SAMPLERS - {"onestep"}
    for family in ("unet", "dit"):
        recorded_runs = recorded.json[family]["sampling"]["runs"]
        assert any(run["nu"] != 1 for run in recorded_runs)
        assert len({run["steps"] for run in recorded_runs}) > 1


# --- the U-Net


def unet(recorded: ParityFolder) -> CtmUNet:
    weights = recorded.json["unet"]["weights"]["student"]
    tensors = without_prefix(recorded.tensors(weights["file"]), weights["prefix"])
    return filled(lambda: CtmUNet(recorded.json["unet"]["config"]), unet_tensors(tensors))


def test_the_unet_is_the_published_one_with_omega_and_without(recorded: ParityFolder) -> None:
    said = recorded.json["unet"]
    tensors = recorded.tensors(said["forward"]["file"])
    text = TextStates(states=tensors["text_hidden"], mask=tensors["text_mask"].bool())
    network = unet(recorded)

    def with_omega(omega: Tensor) -> Network:
        return lambda x, level_t, level_s: network(x, level_t, level_s, omega, text)

    check_forward(tensors, with_omega, width=network.omega_width, said=said)


@pytest.mark.parametrize("run_name", runs("unet"))
def test_the_unet_samples_as_published(recorded: ParityFolder, run_name: str) -> None:
    said = recorded.json["unet"]
    tensors = recorded.tensors(said["sampling"]["file"])
    network = unet(recorded)

    def branch(row: int, omega: Tensor) -> Network:
        text = TextStates(states=tensors["text_hidden"][row : row + 1], mask=tensors["text_mask"][row : row + 1].bool())
        return lambda x, level_t, level_s: network(x, level_t, level_s, omega, text)

    check_run(
        run_name,
        tensors,
        conditional=lambda omega: branch(0, omega),
        unconditional=lambda omega: branch(1, omega),
        width=network.omega_width,
        said=said,
    )


# --- the DiT


def dit(recorded: ParityFolder) -> CtmDiT:
    weights = recorded.json["dit"]["weights"]["student"]
    return filled(lambda: CtmDiT(recorded.json["dit"]["config"]), dit_tensors(recorded.tensors(weights["file"])))


def test_the_dit_with_a_constant_a_layer_is_the_published_one_with_one_token_of_text(recorded: ParityFolder) -> None:
    said = recorded.json["dit"]
    tensors = recorded.tensors(said["forward"]["file"])
    network = dit(recorded)
    vectors = network.text_vectors(tensors["text_emb"][:, 0])

    def with_omega(omega: Tensor) -> Network:
        return lambda x, level_t, level_s: network(x, level_t, level_s, omega, vectors)

    check_forward(tensors, with_omega, width=network.omega_width, said=said)
    fourier = network.body.time_proj(c_noise(tensors["t"]))
    assert_overall(fourier, tensors["fourier_t"], **tolerance(said["forward"]), what="the Fourier features")


def test_the_key_map_fits_the_general_path_of_several_tokens_too(recorded: ParityFolder) -> None:
    said = recorded.json["dit"]
    tensors = recorded.tensors(said["forward"]["file"])
    whole = stock(said["config"])
    weights = stock_tensors(recorded.tensors(said["weights"]["student"]["file"]))
    assert {name for name, _ in whole.named_parameters()} - set(weights) == {
        "global_proj.0.weight",
        "global_proj.2.weight",
    }
    whole.global_proj = torch.nn.Identity()
    whole.load_state_dict(weights)
    x = c_in(tensors["t"], sigma_data=said["sigma_data"])[:, None, None] * tensors["x_t"]
    levels = whole.timestep_proj(whole.time_proj(c_noise(tensors["s"])))
    omega = omega_embedding(tensors["omega"], width=said["config"]["embed_dim"])

    found = whole(
        x,
        timestep=c_noise(tensors["t"]),
        encoder_hidden_states=tensors["ctx3"],
        encoder_attention_mask=tensors["ctx3_mask"].bool(),
        global_hidden_states=(levels + omega)[:, None],
        rotary_embedding=rotary_of(dit(recorded).rotary_width, tokens=x.shape[2] + 1),
        return_dict=False,
    )[0]

    assert_overall(found, tensors["F_ctx3"], **tolerance(said["forward"]), what="F with three tokens")


@pytest.mark.parametrize("run_name", runs("dit"))
def test_the_dit_samples_as_published(recorded: ParityFolder, run_name: str) -> None:
    said = recorded.json["dit"]
    tensors = recorded.tensors(said["sampling"]["file"])
    network = dit(recorded)

    def branch(embedding: Tensor, omega: Tensor) -> Network:
        vectors = network.text_vectors(embedding[:, 0]).expand(len(omega), -1, -1)
        return lambda x, level_t, level_s: network(x, level_t, level_s, omega, vectors)

    check_run(
        run_name,
        tensors,
        conditional=lambda omega: branch(tensors["text_emb"], omega),
        unconditional=lambda omega: branch(tensors["text_emb_uncond"], omega),
        width=network.omega_width,
        said=said,
    )


def test_latents_are_brought_back_to_the_vaes_own_scale(recorded: ParityFolder) -> None:
    said = recorded.json["dit"]["sampling"]
    tensors = recorded.tensors(said["file"])
    statistics = LatentStatistics(len(tensors["z_mean"]))
    statistics.load_state_dict({name: tensors[name] for name in ("z_mean", "z_std")})

    found = statistics.for_vae(tensors["out_det2"])

    assert_overall(found, tensors["denorm_det2"], **tolerance(said), what="latents")
    assert_overall(statistics.for_dit(found), tensors["out_det2"], **tolerance(said), what="latents and back")


# --- the DiT's waveform VAE and text


def test_the_waveform_vae_decodes_and_encodes_as_published(recorded: ParityFolder) -> None:
    said = recorded.json["dit_vae"]
    weights = recorded.tensors(said["weights"].split()[0])
    assert dac_sizes(weights) == said["config"], "the sizes by the file's own shapes"
    vae = filled(lambda: GaussianDAC(said["config"]), dac_tensors(weights))
    tensors = recorded.tensors(said["file"])

    after_post_conv = vae.post_conv(tensors["z"])
    assert_overall(after_post_conv, tensors["z_after_post_conv"], **tolerance(said), what="after post_conv")
    assert_overall(vae.whole(tensors["z"])[:, None], tensors["wav"], **tolerance(said), what="the waveform")
    assert_overall(vae.decoded(tensors["z"])[:, None], tensors["wav"], **tolerance(said), what="the waveform in chunks")

    mean, log_variance = vae.moments(tensors["audio"][:, 0])
    padded_mean, _ = vae.moments(tensors["audio_padded"][:, 0])
    assert torch.equal(mean, padded_mean)
    moments = tensors["moments"].chunk(2, dim=1)
    assert_overall(mean, moments[0], **tolerance(said), what="the mean")
    assert_overall(log_variance, moments[1].clamp(-30, 20), **tolerance(said), what="the log-variance")
    sample = mean + (0.5 * log_variance).exp() * tensors["eps"]
    assert_overall(sample, tensors["z_sample"], **tolerance(said), what="a sample")


def test_claps_text_vector_is_the_published_one_in_both_versions(recorded: ParityFolder) -> None:
    said = recorded.json["dit_clap_text"]
    weights = clap_tensors(recorded.tensors(said["weights"].split()[0]))
    sizes: Config = {**said["config"], "projection_dim": len(weights["body.text_projection.linear1.bias"])}
    encoder = filled(lambda: ClapText(sizes), weights)
    tensors = recorded.tensors(said["file"])
    ids, mask = tensors["input_ids"], tensors["attention_mask"]

    assert_overall(encoder.pooled(ids, mask), tensors["pooler"], **tolerance(said), what="pooled")
    for version, projected in (("emb_v1", True), ("emb_v2", False)):
        found = encoder.embedding(ids, mask, projected=projected)
        assert_overall(found, tensors[version], **tolerance(said), what=version)
        for row, (row_ids, row_mask) in enumerate(zip(ids, mask, strict=True)):  # alone and without its padding
            alone = encoder.embedding_of(row_ids[row_mask.bool()], projected=projected)
            assert_overall(alone, tensors[version][row : row + 1], **tolerance(said), what=f"{version} without padding")


# --- what both share


def check_forward(
    tensors: Tensors, with_omega: Callable[[Tensor], Network], *, width: int, said: Mapping[str, Any]
) -> None:
    """Hold one call of a network, and the jump around it, to what was recorded."""
    x, t, s, sigma_data = tensors["x_t"], tensors["t"], tensors["s"], said["sigma_data"]
    within = tolerance(said["forward"])
    scaled = c_in(t.view(-1, *[1] * (x.ndim - 1)), sigma_data=sigma_data) * x
    assert_overall(scaled, tensors["net_in"], **within, what="the scaled input")
    embedded = omega_embedding(tensors["omega"], width=width)
    atol = said["forward"]["omega_embedding_atol"]
    assert_overall(embedded, tensors["omega_embedding"], atol=atol, what="the omega embedding")
    network = with_omega(embedded)
    assert_overall(network(scaled, c_noise(t), c_noise(s)), tensors["F"], **within, what="F")
    if "F_without_omega" in tensors:
        without = with_omega(torch.zeros_like(embedded))(scaled, c_noise(t), c_noise(s))
        assert_overall(without, tensors["F_without_omega"], **within, what="F without omega")
    clean = denoised(network, x, t, s, sigma_data=sigma_data)
    assert_overall(clean, tensors["g_theta"], **within, what="g")
    landed = jump_of(network, sigma_data=sigma_data)(x, t, s)
    assert_overall(landed, tensors["G_theta"], **within, what="G")


def check_run(
    name: str,
    tensors: Tensors,
    *,
    conditional: Callable[[Tensor], Network],
    unconditional: Callable[[Tensor], Network],
    width: int,
    said: Mapping[str, Any],
) -> None:
    """Hold one whole sampling to what was recorded; at nu = 1 with and without the branch that cancels."""
    run = next(run for run in said["sampling"]["runs"] if run["name"] == name)
    sampler = run["sampler"]
    within = tolerance(said["sampling"])
    gamma = {"deterministic": 0.0, "onestep": 0.0, "cm_multistep": 1.0, "gamma_multistep": run["gamma"]}[sampler]
    sigmas = sigmas_for(1 if sampler == "onestep" else run["steps"])
    for steps in (1, 2, 4, 8, 16):
        assert_overall(sigmas_for(steps), tensors[f"sigmas_{steps}"][:-1], atol=4e-5, what=f"the grid of {steps}")
    z = tensors["x_T"]
    omega = omega_embedding(torch.full((len(z),), run["omega"]), width=width)
    alone = jump_of(conditional(omega), sigma_data=said["sigma_data"])
    both = combined(alone, jump_of(unconditional(omega), sigma_data=said["sigma_data"]), nu=run["nu"])
    noises = list(tensors.get(f"noise_{name}", torch.empty(0)))
    assert len(noises) == run["n_noises"]
    jumps: list[Jump] = [both, alone] if run["nu"] == 1 else [both]
    for jump in jumps:
        found = ctm_sample(jump, z, sigmas, gamma=gamma, noises=noises)
        assert_overall(found, tensors[f"out_{name}"], **within, what=name)


def tolerance(said: Mapping[str, Any]) -> dict[str, float]:
    return {"atol": said["atol"], "rtol": said["rtol"]}


def without_prefix(tensors: Tensors, prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items()}


@pytest.fixture(autouse=True)
def _no_gradients() -> Any:
    with torch.no_grad():
        yield
