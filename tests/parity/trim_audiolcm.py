"""Makes `data/audiolcm`, small enough to lie in the project, from the specification's folder.

    python -m tests.parity.trim_audiolcm

The networks of the recorded stages are too large to be copied, so the trimmed ones are smaller. What can be is recorded
still: the denoiser is the recorded student of the distillation step, with its recorded result; the text encoders are
those of that step, with their recorded context of the empty prompt; schedule, embeddings, mel and the activation are
copies. All else is what our own networks compute, which were held to the recorded numbers before (SECOND_HAND): the
vocoder with corners of its recorded weights, the autoencoder with random ones, both in half precision, and small.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from engine.autoencoders.mel_vae_1d import MelVAE1d
from engine.checkpoints.audiolcm import convert, skeleton
from engine.checkpoints.fitting import filled
from engine.convolutions import onednn
from engine.sampling.lcm import LCMSchedule, guidance_embedding, lcm_sample
from engine.vocoders.bigvgan import BigVGAN
from tests.parity.fixtures import SHARED, TRIMMED, assert_overall
from tests.parity.heard import Heard

SOURCE: Final = SHARED / "audiolcm"
TARGET: Final = TRIMMED / "audiolcm"
VOCODER_NAMES: Final = {
    "frequency": "act.alpha",
    "magnitude": "act.beta",
    "up_filter": "upsample.filter",
    "down_filter": "downsample.lowpass.filter",
}
SECOND_HAND: Final = {
    "embeddings": ["t_embedder_out_w", "t_embedder_out_w0"],
    "text_encoder": ["all but the context of the last row"],
    "backbone_a": ["out_without_w", "taps"],
    "backbone_b": ["all"],
    "sampler_1step": ["all"],
    "sampler_2step": ["all"],
    "sampler_4step": ["all"],
    "vae": ["all"],
    "vocoder": ["all but act_*, filter"],
    "chain": ["all"],
}


def main() -> None:
    """Write all files of the trimmed folder."""
    torch.manual_seed(1)
    torch.set_num_threads(1)
    TARGET.mkdir(parents=True, exist_ok=True)
    described = json.loads((SOURCE / "fixtures.json").read_text(encoding="utf-8"))
    config = trimmed_config(described["config"])
    state, generator = trimmed_weights(config)
    write("weights_ckpt", state)
    write("weights_vocoder", generator)
    full = {name: tensor.float() for name, tensor in state.items()}
    files = {"model": {"state_dict": full}, "vocoder": {"generator": {k: t.float() for k, t in generator.items()}}}
    parts = convert(files, config).parts
    networks = {name: filled(lambda made=made: made, parts[name]) for name, made in skeleton(config).items()}
    schedule = LCMSchedule.of(config["schedule"])

    write("schedule", recorded("schedule"))
    mel = recorded("mel_frontend")
    write("mel_frontend", mel | {"mel_basis": mel["mel_basis"].half()})
    write("embeddings", embeddings(networks))
    write("text_encoder", text_encoder(networks))
    write("backbone_a", backbone_a(networks))
    write("backbone_b", backbone(networks, backbone_b_inputs(config)))
    for steps in (1, 2, 4):
        write(f"sampler_{steps}step", sampler(networks, schedule, config, steps))
    write("vae", vae(networks["autoencoder"], config))
    write("vocoder", vocoder(networks["vocoder"], config))
    write("chain", chain(networks, schedule, config))
    described |= {"set": "trimmed", "config": config, "made_of": __doc__, "second_hand": SECOND_HAND}
    described["files"] = {
        name: {key: value for key, value in said.items() if key not in ("note", "shapes")}
        for name, said in described["files"].items()
        if "distill" not in name
    }
    del described["float32_vs_float64_error"]  # of the sizes that were recorded
    (TARGET / "fixtures.json").write_text(json.dumps(described, indent=1) + "\n", encoding="utf-8")


def trimmed_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """The sizes: of the distillation step where there is one, else the smallest that keep every structural feature."""
    trimmed = {name: sizes for name, sizes in config.items() if not name.startswith("distill_")}
    trimmed["unet"] = config["distill_unet"]
    trimmed["t5"] = config["t5"] | config["distill_t5"]
    trimmed["text_projection"] = config["distill_text_projection"]
    trimmed["vae"] = config["vae"] | {"ch_mult": [2, 1, 1], "num_res_blocks": 1}
    trimmed["vocoder"] = config["vocoder"] | {
        "upsample_initial_channel": config["vocoder"]["upsample_initial_channel"] // 2,
        "resblock_dilation_sizes": [[1, 5] for _ in config["vocoder"]["resblock_kernel_sizes"]],
    }
    return trimmed


def trimmed_weights(config: Mapping[str, Any]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The checkpoint's state and the vocoder's generator, in reference naming."""
    distilled, recorded_generator = recorded("weights_distill"), recorded("weights_vocoder")
    state = {name: tensor for name, tensor in distilled.items() if name.startswith(("unet.", "cond_stage_model."))}
    state["scale_factor"] = torch.tensor(config["scale_factor"])
    for name, wanted in shapes(MelVAE1d(config["vae"])).items():
        if name != "scale_factor":
            state[f"first_stage_model.{name}"] = drawn(name, wanted)
    generator = {}
    for name, wanted in shapes(BigVGAN(config["vocoder"])).items():
        stem, _, leaf = name.rpartition(".")
        stem = ".".join([*stem.split("."), "0"]) if stem.startswith("ups.") else stem
        if leaf == "weight":
            wanted_of = {f"{stem}.weight_v": wanted, f"{stem}.weight_g": (wanted[0], 1, 1)}
        else:
            wanted_of = {f"{stem}.{VOCODER_NAMES.get(leaf, leaf)}": wanted}
        for theirs, shape in wanted_of.items():
            tensor = recorded_generator[theirs]
            generator[theirs] = tensor if "filter" in leaf else corner(tensor, shape)
    return state, generator


def drawn(name: str, shape: torch.Size) -> Tensor:
    """Random numbers of about the size that a network's training begins with, in half precision."""
    if len(shape) > 1:
        return (torch.randn(shape) / shape[1:].numel() ** 0.5).half()
    return (torch.randn(shape) * 0.1 + (1.0 if "norm" in name and name.endswith("weight") else 0.0)).half()


def shapes(network: nn.Module) -> dict[str, torch.Size]:
    """The shape of each of a network's tensors."""
    return {name: tensor.shape for name, tensor in network.state_dict().items()}


def corner(tensor: Tensor, shape: tuple[int, ...]) -> Tensor:
    """The first numbers along every axis, in half precision."""
    return tensor[tuple(slice(size) for size in shape)].half()


def embeddings(networks: Mapping[str, Any]) -> dict[str, Tensor]:
    """Recorded waves, and what our time token makes of them."""
    tensors = recorded("embeddings")
    pairs = min(len(tensors["t"]), len(tensors["w"]))
    token = networks["denoiser"].time_token
    tensors["t_embedder_out_w0"] = token(tensors["t"], None)
    tensors["t_embedder_out_w"] = token(tensors["t"][:pairs], tensors["guidance_embedding"][:pairs])
    return tensors


def text_encoder(networks: Mapping[str, Any]) -> dict[str, Tensor]:
    """One of the recorded prompts, and the empty one with its recorded context."""
    ids, step = recorded("text_encoder"), recorded("distill_step")
    encoder = networks["text_encoder"]
    bert_ids = torch.stack([*ids["bert_input_ids"][:1], step["bert_empty_ids"]])
    t5_ids = torch.stack([*ids["t5_input_ids"][:1], step["t5_empty_ids"]])
    states = encoder.bert_states(bert_ids)
    context = encoder.context(bert_ids, t5_ids)
    assert_overall(context[-1], step["uncond_context"][0], atol=1e-5)
    context[-1] = step["uncond_context"][0]
    return {
        "bert_input_ids": bert_ids,
        "t5_input_ids": t5_ids,
        "bert_last_hidden": states,
        "clap_tokens": encoder.projection(states),
        "t5_last_hidden": encoder.t5_states(t5_ids),
        "context": context,
    }


def backbone_a(networks: Mapping[str, Any]) -> dict[str, Tensor]:
    """The student of the distillation step: one row of what went in and of what was recorded to come out."""
    step = recorded("distill_step")
    rows = slice(2, 3)
    inputs = {"x": step["x_noisy"], "t": step["t"], "context": step["context"], "w_embedding": step["w_embedding"]}
    tensors = backbone(networks, {name: tensor[rows] for name, tensor in inputs.items()})
    assert_overall(tensors["out"], step["student_eps"][rows], atol=1e-5)
    return tensors | {"out": step["student_eps"][rows]}


def backbone_b_inputs(config: Mapping[str, Any]) -> dict[str, Tensor]:
    """One row of another length, with a text that is short."""
    unet = config["unet"]
    return {
        "x": torch.randn(1, unet["in_channels"], 31),
        "t": torch.tensor([999]),
        "context": torch.randn(1, 14, unet["context_dim"]),
        "w_embedding": guidance_embedding(torch.tensor([4.0])),
    }


def backbone(networks: Mapping[str, Any], inputs: dict[str, Tensor]) -> dict[str, Tensor]:
    """What our denoiser makes of `inputs`, and what is heard inside of it."""
    denoiser = networks["denoiser"]
    heard = Heard(denoiser)
    text_tokens = denoiser.text_tokens(inputs["context"])
    out = denoiser(inputs["x"], inputs["t"], text_tokens, inputs["w_embedding"])
    taps = {
        "tap_t_emb": heard["time_token"],
        "tap_c1": heard["text_embedders.0"],
        "tap_c2": heard["text_embedders.1"],
        "tap_tokens_after_pos": heard.inputs["blocks.0"].transpose(1, 2),
        "tap_block0_attn1_out": heard["blocks.0.attention_1"],
        "tap_block0_ff_out": heard["blocks.0.feed_forward"],
    } | {f"tap_block{number}": heard[f"blocks.{number}"] for number in range(len(denoiser.blocks))}
    without = denoiser(inputs["x"], inputs["t"], text_tokens, None)
    return inputs | taps | {"out": out, "out_without_w": without}


def sampler(
    networks: Mapping[str, Any], schedule: LCMSchedule, config: Mapping[str, Any], steps: int
) -> dict[str, Tensor]:
    """Every step of a walk down the schedule."""
    denoiser, unet = networks["denoiser"], config["unet"]
    shape = (2, unet["in_channels"], 17)
    tensors = {
        "x_T": torch.randn(shape),
        "noises": torch.randn(steps - 1, *shape),
        "context": torch.randn(2, 28, unet["context_dim"]),
        "guidance_scale": torch.tensor(5.0),
        "w_embedding": guidance_embedding(torch.tensor([4.0, 4.0])),
        "timesteps": torch.tensor(schedule.timesteps(steps)),
    }
    text_tokens = denoiser.text_tokens(tensors["context"])
    seen: list[tuple[Tensor, Tensor]] = []

    def predicted_noise(x: Tensor, timestep: Tensor) -> Tensor:
        noise: Tensor = denoiser(x, timestep, text_tokens, tensors["w_embedding"])
        seen.append((x, noise))
        return noise

    timesteps = tensors["timesteps"].tolist()
    result = lcm_sample(
        predicted_noise, tensors["x_T"], list(tensors["noises"]), schedule=schedule, timesteps=timesteps
    )
    denoised = [schedule.clean_of(x, noise, timestep) for (x, noise), timestep in zip(seen, timesteps, strict=True)]
    return tensors | {
        "model_output": torch.stack([noise for _, noise in seen]),
        "denoised": torch.stack(denoised),
        "next_sample": torch.stack([*(x for x, _ in seen[1:]), result]),
        "result": result,
    }


def vae(autoencoder: MelVAE1d, config: Mapping[str, Any]) -> dict[str, Tensor]:
    """Both ways, with two lengths each."""
    heard, sizes = Heard(autoencoder), config["vae"]
    tensors = {
        "scale_factor": autoencoder.scale_factor,
        "latent_scaled": torch.randn(2, sizes["embed_dim"], 12),
        "latent_scaled_b": torch.randn(1, sizes["embed_dim"], 15),
        "mel_in": torch.randn(2, sizes["in_channels"], 24),
        "mel_in_odd": torch.randn(1, sizes["in_channels"], 25),
        "eps": torch.randn(2, sizes["embed_dim"], 12),
    }
    tensors["mel_b"] = autoencoder.decoded(tensors["latent_scaled_b"])
    tensors["mel"] = autoencoder.decoded(tensors["latent_scaled"])
    for tap, module in {
        "conv_in": "conv_in",
        "mid_attn": "mid.attn_1",
        "mid": "mid",
        "up2": "up.2",
        "up1_upsampled": "up.1",
        "up0": "up.0",
    }.items():
        tensors[f"tap_{tap}"] = heard[f"decoder.{module}"]
    autoencoder.moments(tensors["mel_in_odd"])
    tensors["moments_odd"] = heard["quant_conv"]
    tensors["mean"], tensors["logvar"] = autoencoder.moments(tensors["mel_in"])
    tensors["moments"] = heard["quant_conv"]
    tensors["std"] = (tensors["logvar"] / 2).exp()
    tensors["latent_from_eps"] = autoencoder.encoded(tensors["mel_in"], tensors["eps"])
    return tensors


def vocoder(network: BigVGAN, config: Mapping[str, Any]) -> dict[str, Tensor]:
    """A waveform, and the recorded activation."""
    heard, whole = Heard(network), recorded("vocoder")
    mel = whole["mel"][:, : config["vocoder"]["num_mels"]]
    tensors = {name: tensor for name, tensor in whole.items() if name.startswith("act_") or name == "filter"}
    with onednn.switched_off():
        waveform = network(mel)
    tensors |= {"mel": mel, "wav": waveform[:, None]}
    taps = {"conv_pre": "conv_pre", "up0": "ups.0", "res0": "resblocks.0", "res2": "resblocks.2"}
    tensors |= {f"tap_{tap}": heard[module] for tap, module in taps.items()}
    return tensors | {"tap_before_tanh": heard["conv_post"]}


def chain(networks: Mapping[str, Any], schedule: LCMSchedule, config: Mapping[str, Any]) -> dict[str, Tensor]:
    """Token ids to a waveform in two steps."""
    whole = recorded("chain")
    tensors = {name: whole[name] for name in ("bert_input_ids", "t5_input_ids", "guidance_scale", "x_T", "noise")}
    denoiser = networks["denoiser"]
    tensors["context"] = networks["text_encoder"].context(tensors["bert_input_ids"], tensors["t5_input_ids"])
    text_tokens = denoiser.text_tokens(tensors["context"])
    guidance = guidance_embedding((tensors["guidance_scale"] - 1)[None])
    tensors["latent"] = lcm_sample(
        lambda x, timestep: denoiser(x, timestep, text_tokens, guidance),
        tensors["x_T"],
        [tensors["noise"]],
        schedule=schedule,
        timesteps=schedule.timesteps(2),
    )
    tensors["mel"] = networks["autoencoder"].decoded(tensors["latent"])
    tensors["wav"] = networks["vocoder"](tensors["mel"])
    return tensors


def recorded(stage: str) -> dict[str, Tensor]:
    """A file of the specification's folder."""
    return load_file(Path(SOURCE, f"{stage}.safetensors"))


def write(stage: str, tensors: Mapping[str, Tensor]) -> None:
    """A file of the trimmed folder."""
    dense = {name: tensor.detach().clone().contiguous() for name, tensor in tensors.items()}
    save_file(dense, TARGET / f"{stage}.safetensors")


if __name__ == "__main__":
    main()
