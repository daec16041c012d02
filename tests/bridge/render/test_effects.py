"""A track's effects: built from a set's words, in time, and the same bits each time."""

from pathlib import Path

import numpy as np
import pytest

from bridge.render.effects import EFFECTS, Chain, EffectError, chain_of, parameters_of
from bridge.set_words import Effect, TrackSpec
from osc_schemas.clip import Samples

RATE_HZ = 48_000


def chain(*effects: Effect) -> Chain:
    return chain_of(TrackSpec(name="drums", effects=effects), sample_rate_hz=RATE_HZ)


def stem(frames: int = 100_000) -> Samples:
    return np.random.default_rng(0).uniform(-0.3, 0.3, (frames, 2)).astype(np.float32)


def test_effects_are_built_from_a_sets_words() -> None:
    loud = chain(
        Effect(name="Gain", parameters={"gain_db": 6.0}),
        Effect(name="LadderFilter", parameters={"mode": "LPF24", "cutoff_hz": 100.0}),
    ).process_whole(stem())

    assert 0 < np.std(loud) < 0.2 * np.std(stem())


def test_a_block_comes_back_as_long_as_it_was() -> None:
    effects = chain(Effect(name="Reverb"))

    assert [len(effects.process(stem(frames))) for frames in (4096, 100, 4)] == [4096, 100, 4]


def test_no_effects_leave_the_bits_alone() -> None:
    assert np.array_equal(chain().process_whole(stem()), stem())


@pytest.mark.parametrize("name", sorted(set(EFFECTS) - {"Convolution"}))
def test_each_effect_gives_as_many_frames_as_it_got_and_the_same_bits_each_time(name: str) -> None:
    effects = chain(Effect(name=name))
    once, again, anew = (c.process_whole(stem(30_000)) for c in (effects, effects, chain(Effect(name=name))))

    assert once.shape == (30_000, 2)
    assert np.array_equal(once, again)
    assert np.array_equal(once, anew)


def test_blocks_of_any_size_give_the_same_bits_where_an_effect_has_no_latency() -> None:
    effects = chain(Effect(name="Reverb"), Effect(name="Delay", parameters={"delay_seconds": 0.1}))

    whole = effects.process_whole(stem())
    blocks = np.split(stem(), [1, 2, 3, 100, 4196, 4197, 50_000, 99_999])
    pieces = [effects.process(block) for block in blocks] + [effects.finish()]

    assert np.array_equal(np.concatenate(pieces), whole)


def test_an_effect_with_latency_of_its_own_stays_in_time() -> None:
    click = np.zeros((200_000, 2), np.float32)
    click[100_000] = 0.5
    limiter = chain(Effect(name="BrickwallLimiter", parameters={"lookahead_ms": 20.0}))

    assert limiter.has_latency
    assert np.argmax(np.abs(limiter.process_whole(click)[:, 0])) == 100_000


@pytest.mark.parametrize(
    ("effect", "sentence"),
    [
        (Effect(name="Reverbb"), "the effect 'Reverbb' is not known; the nearest is Reverb"),
        (Effect(name="Reverb", parameters={"roomsize": 0.2}), "Reverb has no roomsize; the nearest is room_size"),
        (Effect(name="Reverb", parameters={"room_size": 2.0}), "must be between 0.0 and 1.0"),
        (Effect(name="Reverb", parameters={"room_size": "big"}), "room_size is 'big'; it must be a number"),
        (Effect(name="Reverb", parameters={"room_size": float("nan")}), "it must be a number"),
        (Effect(name="LadderFilter", parameters={"mode": "LPF48"}), "must be one of LPF12, HPF12"),
        (Effect(name="Convolution"), "Convolution needs impulse_response_filename"),
        (Effect(name="Convolution", parameters={"impulse_response_filename": "no.wav"}), "Unable to load"),
        (Effect(path="no.vst3"), "no.vst3 cannot be loaded: there is no such file"),
    ],
)
def test_an_effect_that_is_not_in_order_is_refused_in_a_sentence(effect: Effect, sentence: str) -> None:
    with pytest.raises(EffectError, match=sentence) as refused:
        chain(Effect(name="Gain"), effect)

    assert "\n" not in str(refused.value)
    assert refused.value.key[:4] == ("tracks", "drums", "effects", 1)


def test_a_file_that_is_no_plug_in_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "fake.vst3").write_text("not a plug-in")
    track = TrackSpec(name="drums", effects=(Effect(path="fake.vst3"),))

    with pytest.raises(EffectError, match=r"fake\.vst3 cannot be loaded: ") as refused:
        chain_of(track, sample_rate_hz=RATE_HZ, base=tmp_path / "music.toml")
    assert "\n" not in str(refused.value)


def test_the_parameters_of_an_effect_can_be_listed() -> None:
    assert parameters_of("Compressor") == ["attack_ms", "ratio", "release_ms", "threshold_db"]
