"""Makes `data/soundctm`, small enough to lie in the project, from the specification's folder.

    python -m tests.parity.trim_soundctm

The U-Net and its samplings, and CLAP's text vector, are copies: of the one call of the U-Net, its first row. The DiT
and the waveform VAE are too large to be copied: corners of their recorded weights stand for them, and what these
compute is recorded anew (SECOND_HAND), after the same code was held to the numbers of the whole ones: the DiT's by
the library's general class, which is not what plays it.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from engine.autoencoders.gaussian_dac import GaussianDAC
from engine.checkpoints.fitting import filled
from engine.checkpoints.soundctm_dit import dac_tensors, stock_tensors
from engine.denoisers.ctm_dit import rotary_of, stock
from engine.sampling.ctm import (
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
from tests.parity.fixtures import SHARED, TRIMMED

SOURCE: Final = SHARED / "soundctm"
TARGET: Final = TRIMMED / "soundctm"
FIRST_ROW_ALONE: Final = ("x_t", "net_in", "t", "s", "omega", "omega_embedding", "text_hidden", "text_mask")
UNET_RESULTS: Final = ("F", "F_without_omega", "g_theta", "G_theta")
SECOND_HAND: Final = [
    "dit_forward: all but the inputs",
    "dit_sampling: out_*, denorm_det2",
    "vae_io: all but the inputs",
]
LAYERS: Final = 1
SHRINK: Final = 4  # the DiT's widths
ROTARY_WIDTH: Final = 32


def main() -> None:
    """Write all files of the trimmed folder."""
    torch.set_num_threads(1)
    TARGET.mkdir(parents=True, exist_ok=True)
    said = json.loads((SOURCE / "fixtures.json").read_text(encoding="utf-8"))
    for file in (
        said["unet"]["weights"]["student"]["file"],
        said["unet"]["sampling"]["file"],
        said["dit_clap_text"]["weights"].split()[0],
        said["dit_clap_text"]["file"],
    ):
        (TARGET / file).write_bytes((SOURCE / file).read_bytes())
    unet_forward = recorded(said["unet"]["forward"]["file"])
    write(said["unet"]["forward"]["file"], {n: unet_forward[n][:1] for n in (*FIRST_ROW_ALONE, *UNET_RESULTS)})
    with torch.no_grad():
        trim_dit(said["dit"])
        trim_vae(said["dit_vae"])
    for family in ("unet", "dit"):
        del said[family]["training"]
    del said["unet"]["weights"]["teacher"], said["tensors"]
    said |= {"made_of": __doc__, "second_hand": SECOND_HAND}
    (TARGET / "fixtures.json").write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")


def trim_dit(said: dict[str, Any]) -> None:
    """The DiT at a quarter of its widths and with one layer; `said` becomes what is said of it."""
    config = said["config"]
    for name in ("embed_dim", "cond_token_dim", "global_cond_dim"):
        config[name] //= SHRINK
    config["num_heads"], config["depth"] = 2, LAYERS
    said["head_width"] = config["embed_dim"] // config["num_heads"]
    file = said["weights"]["student"]["file"]
    weights = {
        name: corner(tensor, dit_shape(name, tensor.shape))
        for name, tensor in recorded(file).items()
        if f".layers.{LAYERS}." not in name
    }
    write(file, weights)
    whole = stock(config)
    whole.global_proj = torch.nn.Identity()
    whole.load_state_dict({name: tensor.float() for name, tensor in stock_tensors(weights).items()})

    def network(text: Tensor, omega: Tensor, mask: Tensor | None = None) -> Network:
        def call(x: Tensor, level_t: Tensor, level_s: Tensor) -> Tensor:
            levels = whole.timestep_proj(whole.time_proj(level_s))
            found: Tensor = whole(
                x,
                timestep=level_t,
                encoder_hidden_states=text,
                encoder_attention_mask=mask,
                global_hidden_states=(levels + omega)[:, None],
                rotary_embedding=rotary_of(ROTARY_WIDTH, tokens=x.shape[2] + 1),
                return_dict=False,
            )[0]
            return found

        return call

    trim_dit_forward(said, whole, network)
    trim_dit_sampling(said, network)


def trim_dit_forward(said: Mapping[str, Any], whole: Any, network: Any) -> None:
    """One call of the DiT, with one token of text and with three."""
    width, sigma_data = said["config"]["cond_token_dim"], said["sigma_data"]
    file = said["forward"]["file"]
    tensors = {n: recorded(file)[n] for n in ("x_t", "net_in", "t", "s", "omega", "ctx3_mask")}
    tensors |= {n: recorded(file)[n][..., :width].contiguous() for n in ("text_emb", "text_emb_uncond", "ctx3")}
    x, t, s = (tensors[n] for n in ("x_t", "t", "s"))
    omega = omega_embedding(tensors["omega"], width=said["config"]["embed_dim"])
    scaled = c_in(t, sigma_data=sigma_data)[:, None, None] * x
    one = network(tensors["text_emb"], omega)
    write(
        file,
        tensors
        | {
            "omega_embedding": omega,
            "fourier_t": whole.time_proj(c_noise(t)),
            "F": one(scaled, c_noise(t), c_noise(s)),
            "F_ctx3": network(tensors["ctx3"], omega, tensors["ctx3_mask"].bool())(scaled, c_noise(t), c_noise(s)),
            "g_theta": denoised(one, x, t, s, sigma_data=sigma_data),
            "G_theta": jump_of(one, sigma_data=sigma_data)(x, t, s),
        },
    )


def trim_dit_sampling(said: Mapping[str, Any], network: Any) -> None:
    """All runs of the DiT."""
    width, file = said["config"]["cond_token_dim"], said["sampling"]["file"]
    tensors = {n: t for n, t in recorded(file).items() if not n.startswith(("out_", "denorm_", "text_"))}
    tensors |= {n: recorded(file)[n][..., :width].contiguous() for n in ("text_emb", "text_emb_uncond")}
    for run in said["sampling"]["runs"]:
        rows = len(tensors["x_T"])
        omega = omega_embedding(torch.full((rows,), run["omega"]), width=said["config"]["embed_dim"])
        branches = (tensors["text_emb"], tensors["text_emb_uncond"].expand(rows, -1, -1))
        conditional, unconditional = (jump_of(network(text, omega), sigma_data=said["sigma_data"]) for text in branches)
        tensors[f"out_{run['name']}"] = ctm_sample(
            combined(conditional, unconditional, nu=run["nu"]),
            tensors["x_T"],
            sigmas_for(run["steps"]),
            gamma={"deterministic": 0.0, "cm_multistep": 1.0, "gamma_multistep": run["gamma"]}[run["sampler"]],
            noises=list(tensors.get(f"noise_{run['name']}", ())),
        )
    z_std, z_mean = (tensors[n][None, :, None] for n in ("z_std", "z_mean"))
    write(file, tensors | {"denorm_det2": 2 * z_std * tensors["out_det2"] + z_mean})


def dit_shape(name: str, shape: torch.Size) -> tuple[int, ...]:
    """The shape of one of the DiT's tensors at a quarter of its widths; latents and Fourier features keep theirs."""
    if name.endswith(("timestep_features.weight", "inv_freq", "preprocess_conv.weight", "postprocess_conv.weight")):
        return tuple(shape)
    kept = {"project_in.weight": 1, "project_out.weight": 0, "to_timestep_embed.0.weight": 1}
    fixed = next((axis for ending, axis in kept.items() if name.endswith(ending)), None)
    return tuple(size if axis == fixed else size // SHRINK for axis, size in enumerate(shape))


def trim_vae(said: dict[str, Any]) -> None:
    """The waveform VAE at half of its widths; `said` becomes what is said of it."""
    config = said["config"]
    config["encoder_dim"] //= 2
    config["decoder_dim"] //= 2
    file = said["weights"].split()[0]
    last = {f"encoder.block.{len(config['encoder_rates']) + 2}.", f"decoder.model.{len(config['decoder_rates']) + 2}."}
    weights = {n: corner(t, vae_shape(n, t.shape, last=last)) for n, t in recorded(file).items()}
    write(file, weights)
    vae = filled(lambda: GaussianDAC(config), dac_tensors(weights))
    inputs = {n: t for n, t in recorded(said["file"]).items() if n in ("audio", "audio_padded", "z", "eps")}
    mean, _ = vae.moments(inputs["audio"][:, 0])
    moments = vae.pre_conv(vae.encoder(inputs["audio_padded"]))
    deviation = (0.5 * moments.chunk(2, dim=1)[1].clamp(-30, 20)).exp()
    results = {
        "z_after_post_conv": vae.post_conv(inputs["z"]),
        "wav": vae.decoder(vae.post_conv(inputs["z"])),
        "moments": moments,
        "z_sample": mean + deviation * inputs["eps"],
    }
    write(said["file"], inputs | results)


def vae_shape(name: str, shape: torch.Size, *, last: set[str]) -> tuple[int, ...]:
    """The shape of one of the VAE's tensors at half of its widths; latents and the waveform keep theirs."""
    if name.startswith(("pre_conv.", "post_conv.")):
        return tuple(shape)
    first = name.startswith(("encoder.block.0.", "decoder.model.0."))
    halved = {0, 1} if len(shape) == 3 else {0}
    if name.startswith(tuple(last)):
        halved.discard(0)
    if first:
        halved.discard(1)
    return tuple(size // 2 if axis in halved and size > 1 else size for axis, size in enumerate(shape))


def corner(tensor: Tensor, shape: tuple[int, ...]) -> Tensor:
    """The first numbers along every axis."""
    return tensor[tuple(slice(size) for size in shape)].contiguous()


def recorded(file: str) -> dict[str, Tensor]:
    """A file of the specification's folder."""
    return dict(load_file(SOURCE / file))


def write(file: str, tensors: Mapping[str, Tensor]) -> None:
    """A file of the trimmed folder."""
    save_file({name: tensor.contiguous().clone() for name, tensor in tensors.items()}, TARGET / file)


if __name__ == "__main__":
    main()
