"""The model that ships with us, in its own process: warm soon, the same bits every time, quick to let go."""

import time
from collections.abc import Iterator

import pytest

from osc_schemas import codec
from tests.whole.wire import Engine, WireClient, engine

LONGEST_FRAMES = 12 * 48_000


@pytest.fixture(scope="module")
def running() -> Iterator[Engine]:
    with engine(family="embedded") as process:
        yield process


@pytest.fixture(scope="module")
def restarted() -> Iterator[Engine]:
    with engine(family="embedded") as process:
        yield process


@pytest.fixture
def client(running: Engine) -> Iterator[WireClient]:
    with WireClient(running.endpoint) as greeted:
        yield greeted


def test_a_request_that_is_to_fit_its_words_is_as_long_as_they_say(client: WireClient) -> None:
    words = "four on the floor kick loop, 124 bpm, 2 bars"
    client.ask("as they say", prompt=words, frames=59 * 48_000, tail_frames=12_000, fit=True)
    client.ask("in beats", prompt=words, frames=59 * 48_000, tail_frames=12_000, fit=True, fit_beats=4.0)

    clips = [codec.read_clip(*client.hear()) for _ in range(2)]

    assert [(clip.request.frames, clip.request.tempo_bpm) for clip in clips] == [
        (round(8 * 60 / 124 * 48_000), 124.0),
        (round(4 * 60 / 124 * 48_000), 124.0),
    ]
    assert all(len(clip.samples) == clip.request.frames + 12_000 for clip in clips)


def test_a_prompt_comes_back_as_what_was_understood(client: WireClient) -> None:
    client.ask("r1", prompt="deep punchy kick", frames=24_000, seed=3)  # a seed of its own: nothing is remembered

    message, audio = client.hear()

    clip = codec.read_clip(message, audio)
    assert "kick" in clip.provenance.understood
    assert abs(clip.samples).max() > 0.1
    assert clip.provenance.denoise_ms > 0


def test_a_prompt_is_understood_once(client: WireClient) -> None:
    def prompts_cached() -> int:
        client.say(codec.write("/engine/status"))
        return client.hear()[0].whole("prompts_cached")

    before = prompts_cached()
    for seed in range(3):
        client.ask(f"r{seed}", prompt="a prompt that was never said before", seed=seed)
        client.hear()

    assert prompts_cached() == before + 1


@pytest.mark.parametrize("steps", [1, 2, 4])
def test_a_seed_gives_the_same_bits_whatever_came_before_and_after_a_restart(
    client: WireClient, restarted: Engine, steps: int
) -> None:
    client.ask("r1", prompt="warm pad in F#2", steps=steps, seed=11, frames=48_000, exact=True)
    first = client.hear()[1]
    client.ask("r2", prompt="closed hat", seed=12, frames=4_800)
    client.ask("r1", prompt="warm pad in F#2", steps=steps, seed=11, frames=48_000)
    assert client.hear_ids(1) == ["r2"]
    assert client.hear()[1] == first

    with WireClient(restarted.endpoint) as other_client:
        other_client.ask("r1", prompt="warm pad in F#2", steps=steps, seed=11, frames=48_000, exact=True)
        assert other_client.hear()[1] == first


def test_a_cancel_frees_the_worker_long_before_its_clip_would_be_done(client: WireClient) -> None:
    client.ask("whole", prompt="rain", frames=LONGEST_FRAMES, steps=4)
    provenance = codec.read_clip(*client.hear()).provenance
    whole_s = (provenance.text_ms + provenance.denoise_ms + provenance.decode_ms) / 1000

    freed_s = []
    for number in range(5):
        client.ask(f"r{number}", prompt="rain", frames=LONGEST_FRAMES, steps=4, seed=number)
        cancelled_s = time.monotonic()
        client.say(codec.write("/engine/cancel", request_id=f"r{number}"))
        refusal = client.hear()[0]
        freed_s.append(time.monotonic() - cancelled_s)
        assert (refusal.text("request_id"), refusal.text("reason")) == (f"r{number}", "cancelled")

    assert (
        sorted(freed_s)[2] < whole_s / 2
    )  # four steps and eleven chunks; the median, for the machine has others to serve
