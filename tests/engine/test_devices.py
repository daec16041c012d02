"""Where the published families compute, without a GPU: torch's meta device stands for it, which has shapes alone."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from engine import __main__ as engine_main
from engine import residents
from engine.errors import DeviceLost, EngineError, SetupError
from engine.families.audiolcm import AudioLCM
from engine.families.published import Published
from engine.residents import warm_family
from engine.sampling.noise import seeded_noise
from engine.service import Service
from osc_schemas.source import Source, Use
from tests.engine import tiny_audiolcm, tiny_consistency_tta, tiny_soundctm
from tests.engine.noise_family import NoiseFamily
from tests.engine.test_service import request, task

RATE_HZ = 16_000
FRAMES = 9_600

TINY: dict[str, Callable[[], Published]] = {
    "consistency_tta": tiny_consistency_tta.tiny_family,
    "audiolcm": tiny_audiolcm.tiny_family,
    "soundctm": tiny_soundctm.tiny_unet,
    "soundctm_dit": tiny_soundctm.tiny_dit,
}
COSTLY = {"guidance_post": 2.0, "gamma": 0.5, "nu": 1.5}  # options that ask more of the networks

_COPY = torch.ops.aten._to_copy.default
_LOOK = torch.ops.aten._local_scalar_dense.default

PROMPTS = ("dog", "warm rain kick")  # of different lengths
SEEDS = (3, 4)


class Elsewhere(TorchDispatchMode):
    """What lies on the meta device is far away: nothing computes with tensors from both sides but for single numbers.

    A GPU says no to that. What is brought from one side to the other is noted, and from far away come zeros. So is
    every look at a number there, which on a GPU lasts until all that was asked before is done; the answer is 1.
    """

    def __init__(self) -> None:
        super().__init__()
        self.brought_there: list[Tensor] = []
        self.brought_back: list[tuple[int, ...]] = []
        self.looked = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        with self:  # in inference mode operations come here before they are taken apart into smaller ones
            parts = func.decompose(*args, **(kwargs or {}))
        if parts is not NotImplemented:
            return parts
        tensors = [leaf for leaf in tree_leaves((args, kwargs or {})) if isinstance(leaf, Tensor)]
        near = [tensor for tensor in tensors if tensor.device.type == "cpu" and tensor.ndim > 0]
        far = [tensor for tensor in tensors if tensor.device.type == "meta"]
        if near and far:
            raise AssertionError(
                f"{func} of {[tuple(tensor.shape) for tensor in near]} on the CPU and others elsewhere"
            )
        if func is _LOOK and far:
            self.looked += 1
            return 1
        if func is _COPY and (wanted := (kwargs or {}).get("device")) is not None:
            if far and wanted.type == "cpu":
                self.brought_back.append(tuple(far[0].shape))
                return torch.zeros(far[0].shape, dtype=far[0].dtype)
            if near and wanted.type == "meta":
                self.brought_there.append(near[0])
        return func(*args, **(kwargs or {}))


def clip(family: Published, *, steps: int = 2, use: Use | None = None, **options: float) -> Tensor:
    """Two rows of 0.6 s."""
    sound = np.sin(np.arange(FRAMES, dtype=np.float32) / 9)[:, None]
    return family.waveform(
        PROMPTS,
        SEEDS,
        steps=steps,
        guidance_scale=family.guidance_default,
        frames=FRAMES,
        sample_rate_hz=RATE_HZ,
        source=None if use is None else Source(samples=sound, sample_rate_hz=RATE_HZ, use=use, strength=0.6),
        options=options,
    )


def all_that_costs(family: Published) -> dict[str, float]:
    """Options with which a family uses all that it has."""
    return {option.name: COSTLY.get(option.name, option.default) for option in family.options_offered}


@pytest.fixture(params=TINY)
def family(request: pytest.FixtureRequest) -> Published:
    """Each of them far away, with its texts encoded there."""
    made = TINY[request.param]()
    made.move_to("meta")
    with Elsewhere():
        for prompt in (*PROMPTS, ""):
            assert made.text(prompt).states.device.type == made.text(prompt).mask.device.type == "meta"
    return made


@pytest.mark.parametrize("steps", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_from_noise_to_samples_all_is_computed_where_the_family_is(family: Published, steps: int) -> None:
    with Elsewhere() as there:
        waveform = clip(family, steps=steps, **all_that_costs(family))

    assert waveform.shape == (2, 1, FRAMES)
    assert waveform.device.type == "cpu"
    assert len(there.brought_back) == 1  # what was decoded, and nothing on the way
    assert there.looked == 0


def test_a_sound_to_start_from_is_brought_there(family: Published) -> None:
    with Elsewhere() as there:
        clip(family, use="start")

    assert (1, FRAMES * family.native_rate_hz // RATE_HZ) in [tuple(tensor.shape) for tensor in there.brought_there]
    assert (len(there.brought_back), there.looked) == (1, 0)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["soundctm", "soundctm_dit"])
def test_a_loudness_is_followed_there(name: str) -> None:
    family = TINY[name]()
    family.move_to("meta")

    with Elsewhere() as there:
        clip(family, use="loudness")

    assert len(there.brought_back) == 1


def test_the_noise_is_the_cpus_whatever_the_device(family: Published) -> None:
    with Elsewhere() as there:
        clip(family, **all_that_costs(family))
    native_frames = -(-FRAMES * family.native_rate_hz // RATE_HZ)
    shape = family.latent_shape(native_frames)
    noises = [tensor for tensor in there.brought_there if tensor.shape == (2, *shape)]

    assert torch.equal(noises[0], seeded_noise(SEEDS, shape=shape, purpose="start"))
    assert len(noises) == 2  # one for the start, one for the second step


def test_the_stand_in_for_a_gpu_says_no_as_a_gpu_would() -> None:
    far, near = torch.ones(3, device="meta"), torch.ones(3)
    embedding, ids = nn.Embedding(4, 2, device="meta"), torch.tensor([1, 2])

    with Elsewhere() as there:
        assert (far * torch.tensor(2.0)).device.type == "meta"
        for mixed in (lambda: far * near, lambda: torch.cat([far, near]), lambda: embedding(ids)):
            with pytest.raises(AssertionError, match="on the CPU and others elsewhere"):
                mixed()
        assert (float(far.sum()), there.looked) == (1.0, 1)
        assert (far.cpu().tolist(), there.brought_back) == ([0.0, 0.0, 0.0], [(3,)])


def test_texts_that_were_encoded_before_a_move_are_encoded_again() -> None:
    family = TINY["soundctm"]()
    assert family.text("dog").states.device.type == "cpu"

    family.move_to("meta")

    with Elsewhere():
        assert family.text("dog").states.device.type == family.device == "meta"


def test_the_quick_way_of_a_cpu_is_not_taken_elsewhere() -> None:
    family = TINY["audiolcm"]()
    assert isinstance(family, AudioLCM)
    family.move_to("meta")

    with Elsewhere():
        clip(family)

    assert family.vocoder.quick is None


class Greedy(nn.Module):
    """A network that at its first call asks for more memory than there is."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.channels = network.channels
        self.asked = 0

    def forward(self, *inputs: Any) -> Any:
        self.asked += 1
        if self.asked == 1:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9.00 GiB. GPU 0 has a total capacity")
        return self.network(*inputs)


class Failed(Greedy):
    """A network on a device that has failed."""

    def forward(self, *inputs: Any) -> Any:
        raise RuntimeError("CUDA error: an illegal memory access was encountered\nand a page of advice")


def test_a_gpu_that_has_failed_is_lost_to_the_process() -> None:
    family = tiny_soundctm.tiny_unet()
    family.denoiser = Failed(family.denoiser)  # type: ignore[assignment]

    with pytest.raises(
        DeviceLost, match=r"^the GPU has failed \(CUDA error: an illegal memory access was encountered\)"
    ):
        Service(family).clip(task(request()))


def test_a_request_that_is_too_large_for_the_memory_is_a_sentence_and_the_next_one_is_a_clip() -> None:
    family = tiny_soundctm.tiny_unet()
    family.denoiser = Greedy(family.denoiser)  # type: ignore[assignment]
    service = Service(family)

    with pytest.raises(
        EngineError, match=r"^cpu has too little free memory for 1 clip of 0.01 s by soundctm \(CUDA out"
    ):
        service.clip(task(request()))

    assert service.clip(task(request())).samples.shape == (480, 1)


@pytest.fixture
def _one_gpu(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine of which torch says that it has one."""
    threads = torch.get_num_threads()
    was = (torch.backends.cudnn.allow_tf32, torch.backends.cudnn.deterministic)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    yield
    torch.set_num_threads(threads)
    torch.backends.cudnn.allow_tf32, torch.backends.cudnn.deterministic = was


class Movable(NoiseFamily):
    """A family that could compute on a GPU; its numbers tell what torch was told when it moved."""

    devices_offered = ("cpu", "cuda")
    tf32_allowed: tuple[bool, bool] | None = None

    def move_to(self, device: str) -> None:
        self.device = device
        self.tf32_allowed = (torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32)


class TooLarge(Movable):
    name = "too_large"

    def move_to(self, device: str) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory.")


MOVABLE, FIXED = "tests.engine.test_devices:Movable", "tests.engine.noise_family:NoiseFamily"


@pytest.mark.usefixtures("_one_gpu")
@pytest.mark.parametrize(
    ("source", "asked", "device"),
    [
        (MOVABLE, "auto", "cuda"),
        (MOVABLE, "cuda", "cuda"),
        (MOVABLE, "cpu", "cpu"),
        (FIXED, "auto", "cpu"),
        (FIXED, "cuda", "cpu"),  # it is made for the CPU, whatever else the machine has
    ],
)
def test_a_family_computes_on_the_gpu_where_there_is_one_and_it_can(source: str, asked: str, device: str) -> None:
    assert warm_family(source, threads=1, device=asked).device == device


@pytest.mark.usefixtures("_one_gpu")
def test_a_gpu_computes_in_whole_float32_numbers() -> None:
    family = warm_family(MOVABLE, threads=1)

    assert isinstance(family, Movable)
    assert family.tf32_allowed == (False, False)
    assert torch.backends.cudnn.deterministic


@pytest.mark.usefixtures("_one_gpu")
def test_a_model_that_does_not_fit_in_the_gpu_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (1_500_000_000, 8_000_000_000))

    sentence = "too_large does not fit in the GPU's memory, of which 1.5 of 8.0 GB are free; .* --device cpu"
    with pytest.raises(SetupError, match=sentence):
        warm_family("tests.engine.test_devices:TooLarge", threads=1)


def test_a_gpu_that_is_not_there_is_a_sentence_before_anything_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(residents, "_load", lambda source: pytest.fail("it was loaded"))

    with pytest.raises(SetupError, match=r"the device cuda is asked for, and (torch sees no GPU|this torch is built)"):
        warm_family(MOVABLE, threads=1, device="cuda")


def test_the_device_is_named_by_a_flag_or_the_environment(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def device(*flags: Sequence[str]) -> str:
        return engine_main._options(list(flags)).device

    assert device() == "auto"
    monkeypatch.setenv("UPBEAT_ENGINE_DEVICE", "cuda")
    assert (device(), device("--device", "cpu")) == ("cuda", "cpu")

    monkeypatch.setenv("UPBEAT_ENGINE_DEVICE", "gpu")
    with pytest.raises(SystemExit) as ended:
        device()
    assert ended.value.code == 2
    assert re.search(r"'gpu' is no device; wanted is auto, cpu or cuda", capsys.readouterr().err)
