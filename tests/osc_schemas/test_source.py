"""A sound that comes along with a request, checked where it is born."""

import numpy as np
import pytest

from osc_schemas.errors import RequestError
from osc_schemas.samples import Samples
from osc_schemas.source import Source


def ramp(frames: int = 480, channels: int = 1) -> Samples:
    return np.linspace(-1, 1, frames * channels, dtype=np.float32).reshape(frames, channels)


def test_two_sources_are_equal_if_they_sound_and_are_used_the_same() -> None:
    first, again = (Source(samples=ramp(), sample_rate_hz=48_000) for _ in range(2))

    assert first == again
    assert hash(first) == hash(again)
    assert first != Source(samples=ramp(), sample_rate_hz=48_000, strength=0.5)
    assert first != Source(samples=ramp(), sample_rate_hz=44_100)
    assert first != Source(samples=ramp(240, 2), sample_rate_hz=48_000)  # the same numbers, as two channels


def test_how_it_is_used_does_not_change_which_sound_it_is() -> None:
    start = Source(samples=ramp(), sample_rate_hz=48_000)
    follow = Source(samples=ramp(), sample_rate_hz=48_000, use="loudness", strength=1.0)

    assert start.samples_hash == follow.samples_hash


@pytest.mark.parametrize(
    ("samples", "sentence"),
    [
        (np.zeros(480, np.float32), "shape"),
        (ramp(480, 3), "1 or 2 channels"),
        (ramp(0), "at least one frame"),
        (ramp(60 * 48_000 + 1), "at most 60 s"),
        (np.full((4, 1), np.nan, np.float32), "no finite numbers"),
    ],
)
def test_samples_that_are_no_sound_are_refused(samples: Samples, sentence: str) -> None:
    with pytest.raises(RequestError, match=sentence):
        Source(samples=samples, sample_rate_hz=48_000)


@pytest.mark.parametrize("changes", [{"strength": 1.1}, {"strength": -0.1}, {"use": "melody"}, {"sample_rate_hz": 1}])
def test_values_out_of_range_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(RequestError):
        Source(**({"samples": ramp(), "sample_rate_hz": 48_000} | changes))  # type: ignore[arg-type]


def test_more_bytes_than_a_message_carries_are_refused() -> None:
    with pytest.raises(RequestError, match="70 MiB of samples; at most 64 MiB"):
        Source(samples=np.zeros((70 * 2**17, 2), np.float32), sample_rate_hz=192_000)
