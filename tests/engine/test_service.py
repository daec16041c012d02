"""One request, one clip; the family is noise, the clock is a list of readings where times matter."""

import itertools
import queue

import numpy as np
import pytest

from engine.backlog import Wish
from engine.errors import BadRequest, Cancelled
from engine.service import Broken, Done, Outcome, Ready, Service, Task, Worker
from osc_schemas.clip import Clip
from osc_schemas.request import GenerateRequest, Refusal
from osc_schemas.shape import Shape
from osc_schemas.source import Source
from tests.engine.noise_family import NoiseFamily

BOUND_S = 10


def request(prompt: str = "kick", **changes: object) -> GenerateRequest:
    wanted: dict[str, object] = {"request_id": "r1", "prompt": prompt, "frames": 480, "sample_rate_hz": 48_000}
    return GenerateRequest(**(wanted | changes))  # type: ignore[arg-type]


def a_sound(**changes: object) -> Source:
    """A ramp of 480 frames, to start from."""
    samples = np.linspace(-1, 1, 480, dtype=np.float32)[:, None]
    return Source(**({"samples": samples, "sample_rate_hz": 48_000} | changes))  # type: ignore[arg-type]


def task(wanted: GenerateRequest) -> Task:
    """`wanted` as the desk hands it over."""
    clock = itertools.count(10.0, 0.001).__next__  # a millisecond goes by with each look
    return Task(Wish(client=b"x", request=wanted, asked_s=9.5), clock=clock)


def test_a_request_becomes_a_clip_of_exactly_its_frames() -> None:
    clip = Service(NoiseFamily()).clip(task(request(frames=480, tail_frames=96)))

    assert clip.samples.shape == (576, 2)
    assert clip.samples.dtype == np.float32
    assert np.abs(clip.samples).max() <= 1
    assert clip.provenance.family == "noise"
    assert clip.provenance.guidance_scale == 1.5
    assert clip.provenance.understood == "kick"


def test_the_seed_names_the_sound() -> None:
    service = Service(NoiseFamily())
    first, again, other = (service.clip(task(request(seed=seed))) for seed in (7, 7, 8))

    assert np.array_equal(first.samples, again.samples)
    assert not np.array_equal(first.samples, other.samples)


def test_where_the_time_went_is_in_the_provenance() -> None:
    provenance = Service(NoiseFamily()).clip(task(request(steps=2))).provenance

    assert provenance.queue_ms == pytest.approx(500)
    assert (provenance.text_ms, provenance.denoise_ms) == pytest.approx((2, 2))
    assert provenance.decode_ms > 0


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"steps": 4}, "steps is 4; noise offers 1, 2"),
        ({"guidance_scale": 7.0}, "guidance_scale is 7; noise takes 1 to 5"),
        ({"frames": 481_000}, "a clip of 10.0208 s is asked for; noise makes 10 s at most$"),
        (
            {"frames": 480_000, "tail_frames": 12_000},
            "a clip of 10 s is asked for; noise makes 10 s at most, of which 0.25 s are to ring out, so ask for 9.75 s",
        ),
        ({"options": (("levle", 0.5),)}, "noise has no option 'levle'; the nearest is level"),
        ({"options": (("zz", 0.5),)}, "noise has no option 'zz'; it has level"),
        ({"options": (("level", 1.5),)}, "the option level is 1.5; noise takes 0 to 1: how loud it is"),
        ({"source": a_sound(use="loudness")}, "to follow its loudness, and noise cannot .*: it can only start from it"),
    ],
)
def test_what_the_family_does_not_offer_is_refused_with_its_limits(changes: dict[str, object], sentence: str) -> None:
    with pytest.raises(BadRequest, match=sentence):
        Service(NoiseFamily()).check(request(**changes))


def test_a_family_without_sources_options_or_shapes_says_so() -> None:
    class Plain(NoiseFamily):
        name, shapes, sources_taken, options_offered = "plain", False, frozenset(), ()

    service = Service(Plain())
    with pytest.raises(BadRequest, match="and plain cannot do that: it makes sounds from words alone"):
        service.check(request(source=a_sound()))
    with pytest.raises(BadRequest, match="plain has no option 'level'; it has none"):
        service.check(request(options=(("level", 1.0),)))
    with pytest.raises(BadRequest, match=r"the shape is pitch=-2, room=0\.5; plain cannot bend what it made"):
        service.check(request(shape=Shape(room=0.5, pitch=-2)))


def test_a_request_that_fits_is_as_long_as_its_words_say_and_never_longer_than_asked() -> None:
    class Fitting(NoiseFamily):
        def length_s(self, prompt: str, tempo_bpm: float | None) -> float | None:
            return {"short": 0.5, "tempo": 240 / (tempo_bpm or 120), "long": 100.0}.get(prompt)

        def tempo_bpm(self, prompt: str) -> float | None:
            return 240.0 if prompt == "fast" else None

    service, rate_hz = Service(Fitting()), 48_000
    asked = {"frames": 8 * rate_hz, "tail_frames": 12_000, "fit": True}

    def length_s(prompt: str, **changes: object) -> float:
        clip = service.clip(task(request(prompt, **(asked | changes))))
        assert len(clip.samples) == clip.request.frames + clip.request.tail_frames
        assert not clip.request.fit
        return clip.request.frames / rate_hz

    assert length_s("short") == 0.5
    assert length_s("tempo", tempo_bpm=60.0) == 4.0
    assert length_s("long") == length_s("silent about it") == 8.0
    assert length_s("fast", fit_beats=6.0) == 1.5
    assert length_s("fast", fit_beats=6.0, tempo_bpm=60.0) == 6.0
    assert length_s("silent about it", fit_beats=6.0) == 3.0
    assert service.clip(task(request("fast", **asked))).request.tempo_bpm == 240
    service.check(request(frames=59 * rate_hz, fit=True))
    assert length_s("long", frames=59 * rate_hz) == 9.75  # the family's longest, less the tail

    def understood(prompt: str, **changes: object) -> str:
        return service.clip(task(request(prompt, **(asked | changes)))).provenance.understood

    assert understood("short") == "short"
    assert understood("silent about it") == "silent"
    assert understood("long") == "long; 100 s are asked for, and 8 s are the most that noise makes here"
    assert understood("fast", fit_beats=100.0).startswith("fast; 25 s are asked for")


def test_a_source_and_options_reach_the_family() -> None:
    wanted = request(source=a_sound(strength=0.0), options=(("level", 0.5),))

    clip = Service(NoiseFamily()).clip(task(wanted))

    np.testing.assert_allclose(clip.samples, 0.5 * np.repeat(a_sound().samples, 2, axis=1), atol=1e-6)


def test_tempo_key_and_shape_reach_the_family() -> None:
    service = Service(NoiseFamily())
    wanted = request(frames=48_000, tail_frames=12_000, tempo_bpm=120.0, key="G minor", shape=Shape(attack_ms=1_000))

    clip = service.clip(task(wanted))
    plain = service.clip(task(request(frames=48_000, tail_frames=12_000)))

    assert clip.samples[24_000] == pytest.approx([0.5, 0.5])  # the second beat, half way up the attack
    assert clip.samples[100] == pytest.approx(-plain.samples[100] * 100 / 48_000)
    assert abs(clip.samples[48_000, 0]) < 1  # the third would stand in the tail
    assert clip.request == wanted


def test_a_task_taken_back_stops_at_its_next_checkpoint() -> None:
    taken_back = task(request("slow riser"))
    taken_back.take_back(Cancelled("not any more"))

    with pytest.raises(Cancelled, match="not any more"):
        Service(NoiseFamily()).clip(taken_back)


def worked(*prompts: str, **changes: object) -> list[Outcome]:
    """What a worker reports after it was handed one task for each prompt."""
    outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
    worker = Worker(NoiseFamily, report=outcomes.put)
    worker.start()
    for prompt in prompts:
        worker.take(task(request(prompt, **changes)))
    assert worker.close(BOUND_S)
    return [outcomes.get(timeout=BOUND_S) for _ in range(1 + len(prompts))]


def test_whatever_a_family_raises_ends_its_request_and_not_the_worker() -> None:
    ready, out_of_memory, not_finite, good = worked("broken bell", "nan bell", "bell")

    assert isinstance(ready, Ready)
    assert isinstance(out_of_memory, Done)
    assert isinstance(out_of_memory.result, Refusal)
    assert out_of_memory.result.reason == "engine-error"
    assert "MemoryError: out of memory, says the test" in out_of_memory.result.sentence
    assert isinstance(not_finite, Done)
    assert isinstance(not_finite.result, Refusal)
    assert "not finite" in not_finite.result.sentence
    assert isinstance(good, Done)
    assert isinstance(good.result, Clip)


def test_a_lost_device_ends_the_worker_and_leaves_its_task_to_be_asked_again() -> None:
    outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
    worker = Worker(NoiseFamily, report=outcomes.put)
    worker.start()
    worker.take(task(request("lost bell")))

    assert isinstance(outcomes.get(timeout=BOUND_S), Ready)
    assert outcomes.get(timeout=BOUND_S) == Broken("the device has failed, says the test")
    assert worker.close(BOUND_S)
    assert outcomes.empty()


def test_a_family_that_cannot_be_loaded_is_reported_with_a_sentence() -> None:
    def load() -> NoiseFamily:
        raise RuntimeError("no such device\nand a page of more")

    outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
    Worker(load, report=outcomes.put).start()

    assert outcomes.get(timeout=BOUND_S) == Broken("the family could not be loaded: RuntimeError: no such device")
