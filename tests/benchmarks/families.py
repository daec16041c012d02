"""The published families at their real sizes with random weights, beside plain eager float32 as their SPECs say it.

    python -m tests.benchmarks.families [--family audiolcm] [--seconds 10] [--runs 3] [--threads 1] [--device cpu|cuda]

Part by part, so that a model of a billion weights needs a few GiB. Both ways compute with the same weights, in turns,
and each passes its own result on to the next part, so the last SNR is that of the whole clip. The plain way gets what
needs no cleverness for nothing: one text pass, no unconditional branch, no dead cross-attention. The weight norms
of BigVGAN and the waveform VAE are evaluated at every call there, as published. `--json` prints JSON, not a table.
On a GPU ours is one CUDA graph a part in bfloat16, and the plain way is eager float32; not measured on a GPU yet.
"""

import argparse
import copy
import gc
import json
import math
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from engine.autoencoders.audioldm import AudioLDMVAE
from engine.autoencoders.gaussian_dac import GaussianDAC
from engine.autoencoders.mel_vae_1d import MelVAE1d
from engine.checkpoints import audiolcm, consistency_tta, soundctm, soundctm_dit
from engine.convolutions import onednn
from engine.convolutions.quick import quicken
from engine.denoisers.audiolcm_transformer import AudioLCMTransformer
from engine.denoisers.consistency_tta_unet import ConsistencyTTAUNet
from engine.denoisers.ctm_dit import CtmDiT
from engine.denoisers.ctm_unet import CtmUNet
from engine.memory import keep_freed_memory
from engine.sampling.ctm import ctm_sample, jump_of, omega_embedding, sigmas_for
from engine.sampling.lcm import LCMSchedule, guidance_embedding, lcm_sample
from engine.text.bert_and_t5 import TOKENS, BertAndT5
from engine.text.clap_roberta import ClapText
from engine.text.flan_t5 import FlanT5
from engine.text.states import TextStates
from engine.vocoders.bigvgan import BigVGAN
from engine.vocoders.hifigan import HiFiGAN

PROMPT_TOKENS = 20

Run = Callable[[Any, Tensor], Tensor]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One stage of a family: its network, and how it is run on what the stage before it gave."""

    name: str
    calls: int  # of the network a clip
    network: Callable[[], nn.Module]
    run: Run
    plain_run: Run | None = None
    weight_normed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What one stage cost a clip, in seconds, and how near its result is."""

    family: str
    stage: str
    plain_cpu_s: float
    ours_cpu_s: float
    plain_wall_s: float
    ours_wall_s: float
    snr_db: float

    @property
    def ratio(self) -> float:
        """How many times as much processor time the plain way takes."""
        return self.plain_cpu_s / self.ours_cpu_s


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def ids(network: nn.Module, count: int) -> Tensor:
    """Tokens of some text, where the network is."""
    tokens = torch.randint(3, 30_000, (1, count), generator=torch.Generator().manual_seed(1))
    return tokens.to(next(network.parameters()).device)


def audiolcm_parts(seconds: float) -> list[Part]:
    config = audiolcm.LAYOUT.config
    frames = math.ceil(seconds * 16_000 / 512 / 2) * 2
    schedule = LCMSchedule.of(config["schedule"])

    def denoised(network: AudioLCMTransformer, context: Tensor) -> Tensor:
        tokens, guidance = network.text_tokens(context), guidance_embedding(torch.tensor([4.0])).to(context)
        x, fresh = (noise(1, 20, frames, seed=seed).to(context) for seed in (2, 3))
        return lcm_sample(
            lambda x, timestep: network(x, timestep, tokens, guidance),
            x,
            [fresh],
            schedule=schedule,
            timesteps=schedule.timesteps(2),
        )

    def text() -> BertAndT5:
        return BertAndT5(config["bert"], config["t5"], config["text_projection"])

    return [
        Part(
            name="text",
            calls=1,
            network=text,
            run=lambda network, _: network.context(ids(network, TOKENS), ids(network, TOKENS)),
        ),
        Part(name="denoiser", calls=2, network=lambda: AudioLCMTransformer(config["unet"]), run=denoised),
        Part(
            name="autoencoder",
            calls=1,
            network=lambda: MelVAE1d(config["vae"]),
            run=lambda network, latents: network.decoded(latents),
        ),
        Part(
            name="vocoder",
            calls=1,
            network=lambda: BigVGAN(config["vocoder"]),
            run=lambda network, mel: network(mel),
            weight_normed=True,
        ),
    ]


def mel_parts(config: Any) -> list[Part]:
    """The autoencoder and the vocoder of AudioLDM."""

    def pieces(network: HiFiGAN, mel: Tensor) -> Tensor:
        return torch.cat([network.piece(mel, span) for span in network.spans(mel.shape[2])], 1)

    return [
        Part(
            name="autoencoder",
            calls=1,
            network=lambda: AudioLDMVAE(config["vae"]),
            run=lambda network, latents: network.decoded(latents),
        ),
        Part(
            name="vocoder",
            calls=1,
            network=lambda: HiFiGAN(config["vocoder"]),
            run=pieces,
            plain_run=lambda network, mel: network.waveform(mel),
        ),
    ]


def flan_t5_part(config: Any) -> Part:
    def states(network: FlanT5, _: Tensor) -> Tensor:
        tokens = ids(network, PROMPT_TOKENS)
        return network.states(tokens, torch.ones_like(tokens))

    return Part(name="text", calls=1, network=lambda: FlanT5(config), run=states)


def text_of(states: Tensor) -> TextStates:
    return TextStates(states=states, mask=torch.ones(states.shape[:2], dtype=torch.bool, device=states.device))


def consistency_tta_parts(seconds: float) -> list[Part]:
    config = consistency_tta.LAYOUT.config
    places = math.ceil(seconds * 25.6 / 8) * 8

    def denoised(network: ConsistencyTTAUNet, states: Tensor) -> Tensor:
        x = 0.9976672 * noise(1, 8, places, 16).to(states)
        latents: Tensor = network(x, torch.tensor(999.0).to(x), torch.tensor([4.0]).to(x), text_of(states))
        return latents

    return [
        flan_t5_part(config["text_encoder"]),
        Part(name="denoiser", calls=1, network=lambda: ConsistencyTTAUNet(config["unet"]), run=denoised),
        *mel_parts(config),
    ]


def jumped(network: Any, z: Tensor, call: Callable[..., Tensor], *, sigma_data: float) -> Tensor:
    sigmas = sigmas_for(1)
    return ctm_sample(jump_of(call, sigma_data=sigma_data), sigmas[0] * z, sigmas, gamma=0.0, noises=[], steer=None)


def soundctm_parts(seconds: float) -> list[Part]:
    config = soundctm.LAYOUT.config
    places = math.ceil(seconds * 25.6 / 8) * 8

    def denoised(network: CtmUNet, states: Tensor) -> Tensor:
        omega = omega_embedding(torch.tensor([3.5]), width=network.omega_width).to(states)
        return jumped(
            network,
            noise(1, 8, places, 16).to(states),
            lambda x, t, s: network(x, t, s, omega, text_of(states)),
            sigma_data=0.25,
        )

    return [
        flan_t5_part(config["text_encoder"]),
        Part(name="denoiser", calls=1, network=lambda: CtmUNet(config["unet"]), run=denoised),
        *mel_parts(config),
    ]


def soundctm_dit_parts(seconds: float) -> list[Part]:
    config = soundctm_dit.LAYOUT.config
    frames = math.ceil(seconds * 44_100 / 1024)

    def denoised(network: CtmDiT, embedding: Tensor) -> Tensor:
        omega = omega_embedding(torch.tensor([5.0]), width=network.omega_width).to(embedding)
        vectors = network.text_vectors(embedding)
        return jumped(
            network,
            noise(1, config["dit"]["io_channels"], frames).to(embedding),
            lambda x, t, s: network(x, t, s, omega, vectors),
            sigma_data=0.5,
        )

    def text(network: ClapText, _: Tensor) -> Tensor:
        tokens = ids(network, PROMPT_TOKENS)
        return network.embedding(tokens, torch.ones_like(tokens), projected=False)

    return [
        Part(name="text", calls=1, network=lambda: ClapText(config["clap"]), run=text),
        Part(name="denoiser", calls=1, network=lambda: CtmDiT(config["dit"]), run=denoised),
        Part(
            name="vocoder",
            calls=1,
            network=lambda: GaussianDAC(config["dac"]),
            run=lambda network, latents: network.decoded(latents),
            plain_run=lambda network, latents: network.whole(latents),
            weight_normed=True,
        ),
    ]


FAMILIES: dict[str, Callable[[float], list[Part]]] = {
    "audiolcm": audiolcm_parts,
    "consistency_tta": consistency_tta_parts,
    "soundctm": soundctm_parts,
    "soundctm_dit": soundctm_dit_parts,
}


def plain_copy(network: nn.Module, *, weight_normed: bool) -> nn.Module:
    """Modules of their own that hold the same tensors; convolutions with their weights as direction and length."""
    shared = {id(tensor): tensor for tensor in (*network.parameters(), *network.buffers())}
    plain = copy.deepcopy(network, shared)
    if weight_normed:
        for module in plain.modules():
            if isinstance(module, nn.Conv1d | nn.ConvTranspose1d):
                nn.utils.parametrizations.weight_norm(module)
    return plain.requires_grad_(False)


def in_graph(run: Run) -> Run:
    """The same in bfloat16 and as one CUDA graph, captured at the first call; without a graph where none can be had."""
    captured: list[tuple[torch.cuda.CUDAGraph, Tensor, Tensor] | None] = []

    def call(network: nn.Module, x: Tensor) -> Tensor:
        with torch.autocast("cuda", torch.bfloat16):
            if not captured:
                stream, taken = torch.cuda.Stream(), x.clone()  # type: ignore[no-untyped-call]
                with torch.cuda.stream(stream):
                    for _ in range(3):
                        run(network, taken)
                torch.cuda.synchronize()
                graph = torch.cuda.CUDAGraph()
                try:
                    with torch.cuda.graph(graph):
                        given = run(network, taken)
                    captured.append((graph, taken, given))
                except RuntimeError as error:  # something on the way asks the CPU
                    print(f"no graph: {str(error).splitlines()[0]}", file=sys.stderr)
                    captured.append(None)
            if captured[0] is None:
                return run(network, x).float()
        graph, taken, given = captured[0]
        taken.copy_(x)
        graph.replay()
        return given.float()

    return call


def timed(run: Run, network: nn.Module, x: Tensor) -> tuple[Tensor, float, float]:
    if x.is_cuda:
        torch.cuda.synchronize()
    cpu, wall = time.process_time(), time.perf_counter()
    result = run(network, x)
    if x.is_cuda:
        torch.cuda.synchronize()
    return result, time.process_time() - cpu, time.perf_counter() - wall


def snr_db(reference: Tensor, other: Tensor) -> float:
    error = (reference - other).double().square().sum().item()
    return 10 * math.log10(reference.double().square().sum().item() / error) if error else math.inf


def measured(family: str, *, seconds: float, runs: int, device: str) -> Iterator[Measured]:
    """Each stage, one after the other; nothing of a stage but its result is kept for the next."""
    plain_result = ours_result = torch.zeros(1, device=device)
    for part in FAMILIES[family](seconds):
        torch.manual_seed(0)
        ours = part.network().eval().requires_grad_(False).to(device)
        plain = plain_copy(ours, weight_normed=part.weight_normed)
        run = part.run
        if device == "cuda":
            run = in_graph(part.run)
        else:
            quicken(ours)
        plain_input, ours_input = plain_result, ours_result
        times: dict[str, list[tuple[float, float]]] = {"plain": [], "ours": []}
        run(ours, ours_input)  # prepares weights, compiles loops, captures graphs
        for _ in range(runs):  # in turns: what else the machine does falls on both
            with onednn.switched_off() if device == "cpu" else nullcontext():
                plain_result, *spent = timed(part.plain_run or part.run, plain, plain_input)
            times["plain"].append((spent[0], spent[1]))
            ours_result, *spent = timed(run, ours, ours_input)
            times["ours"].append((spent[0], spent[1]))
        plain_cpu, ours_cpu = (statistics.median(cpu for cpu, _ in times[way]) for way in ("plain", "ours"))
        plain_wall, ours_wall = (statistics.median(wall for _, wall in times[way]) for way in ("plain", "ours"))
        yield Measured(
            family=family,
            stage=part.name if part.calls == 1 else f"{part.name} x {part.calls}",
            plain_cpu_s=plain_cpu,
            ours_cpu_s=ours_cpu,
            plain_wall_s=plain_wall,
            ours_wall_s=ours_wall,
            snr_db=snr_db(plain_result, ours_result),
        )
        del ours, plain, run, part
        gc.collect()


def whole(stages: list[Measured]) -> Measured:
    """All stages of one family: their times together, and the last one's distance."""
    return Measured(
        family=stages[0].family,
        stage="whole",
        plain_cpu_s=sum(stage.plain_cpu_s for stage in stages),
        ours_cpu_s=sum(stage.ours_cpu_s for stage in stages),
        plain_wall_s=sum(stage.plain_wall_s for stage in stages),
        ours_wall_s=sum(stage.ours_wall_s for stage in stages),
        snr_db=stages[-1].snr_db,
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.families", description=__doc__)
    parser.add_argument("--family", choices=FAMILIES, action="append", help="one of them; all, if none is named")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    chosen = parser.parse_args()
    warnings.simplefilter("ignore")  # of the libraries, at sizes and names that are not ours
    keep_freed_memory()  # as the engine does; the plain way gains by it too
    torch.set_num_threads(chosen.threads)
    results: list[Measured] = []
    if not chosen.json:
        print(f"{'family':16} {'stage':13} {'plain CPU':>10} {'ours CPU':>9} {'ratio':>6}   wall s      SNR dB")
    with torch.inference_mode():
        for family in chosen.family or FAMILIES:
            stages = []
            for stage in measured(family, seconds=chosen.seconds, runs=chosen.runs, device=chosen.device):
                stages.append(stage)
                show(stage, quiet=chosen.json)
            stages.append(whole(stages))
            show(stages[-1], quiet=chosen.json)
            results += stages
    if chosen.json:
        print(json.dumps([{**asdict(stage), "ratio": round(stage.ratio, 3)} for stage in results], indent=1))


def show(stage: Measured, *, quiet: bool) -> None:
    if not quiet:
        print(
            f"{stage.family:16} {stage.stage:13} {stage.plain_cpu_s:8.2f} s {stage.ours_cpu_s:7.2f} s "
            f"{stage.ratio:6.2f}   {stage.plain_wall_s:.2f} / {stage.ours_wall_s:.2f}   {stage.snr_db:.0f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
