"""The compiled mixer, driven block by block as an output drives it."""

import re
from collections.abc import Iterable

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.tracks import kernel
from bridge.tracks.compiling import OPTIONS
from bridge.tracks.mixer import Mixer, MixerError, MixerFull, Samples

CEILING = 10 ** (-1 / 20)


def a_mixer(*tracks: str, voices_max: int = 64) -> Mixer:
    return Mixer(tracks or ("drums",), sample_rate_hz=48_000, voices_max=voices_max)


def heard(mixer: Mixer, frames: int, blocks: Iterable[int] = ()) -> Samples:
    """The next `frames` frames, asked for in `blocks` and then in one last block."""
    out = np.full((frames, 2), 9.0, np.float32)
    done = 0
    for block in blocks:
        mixer.mix(out[done : done + block])
        done += len(out[done : done + block])
    mixer.mix(out[done:])
    return out


def noise(frames: int, channels: int = 2, level: float = 0.1, seed: int = 0) -> Samples:
    return (level * np.random.default_rng(seed).uniform(-1, 1, (frames, channels))).astype(np.float32)


def ones(frames: int) -> Samples:
    return np.full((frames, 1), 0.5, np.float32)


def test_a_clip_sounds_at_its_frame_with_its_own_bits() -> None:
    mixer, clip = a_mixer(), noise(1000)
    mixer.play(clip, track="drums", start_frame=777)

    out = heard(mixer, 3000, blocks=[128] * 20)

    assert np.array_equal(out[777:1777], clip)
    assert not out[:777].any()
    assert not out[1777:].any()
    assert mixer.frame == 3000


def test_a_mono_clip_sounds_on_both_sides() -> None:
    mixer, clip = a_mixer(), noise(100, channels=1)
    mixer.play(clip, track="drums", start_frame=0, gain=0.5)

    assert np.array_equal(heard(mixer, 100), np.repeat(clip * np.float32(0.5), 2, axis=1))


def test_a_start_in_the_past_begins_now_but_in_time() -> None:
    mixer, clip = a_mixer(), noise(1000)
    heard(mixer, 300)
    voice = mixer.play(clip, track="drums", start_frame=100)

    out = heard(mixer, 1000)

    assert np.array_equal(out[:800], clip[200:])
    [report] = mixer.launched()
    assert (report.voice, report.start_frame, report.first_frame) == (voice, 100, 300)


def test_a_clip_wholly_in_the_past_is_never_heard() -> None:
    mixer = a_mixer()
    heard(mixer, 300)
    mixer.play(noise(100), track="drums", start_frame=100)

    assert not heard(mixer, 500).any()
    assert mixer.launched() == []
    assert mixer.voices_in_use == 0


def test_launches_tell_the_frame_asked_and_the_frame_heard() -> None:
    mixer = a_mixer()
    voices = [mixer.play(noise(10), track="drums", start_frame=frame) for frame in (500, 20, 260)]
    heard(mixer, 600, blocks=[64] * 5)

    assert [(r.voice, r.start_frame, r.first_frame) for r in mixer.launched()] == [
        (voices[1], 20, 20),
        (voices[2], 260, 260),
        (voices[0], 500, 500),
    ]
    assert mixer.launched() == []


def test_a_crossfade_keeps_the_power() -> None:
    mixer = a_mixer("old", "new")
    mixer.play(ones(1000), track="old", start_frame=0, end_frame=600, fade_out_frames=200)
    mixer.play(ones(1000), track="new", start_frame=400, fade_in_frames=200)
    both = a_mixer()
    both.play(ones(1000), track="drums", start_frame=400, fade_in_frames=200)
    fade_in = heard(both, 1000)[:, 0]

    total = heard(mixer, 1000)[:, 0]
    fade_out = total - fade_in

    assert np.allclose(fade_in[400:600] ** 2 + fade_out[400:600] ** 2, 0.25, atol=1e-6)
    assert np.allclose(fade_in[400:600], 0.5 * np.sin(np.pi / 2 * np.arange(200) / 200), atol=1e-7)
    assert np.array_equal(total[:400], ones(400)[:, 0])
    assert np.array_equal(total[600:], ones(400)[:, 0])


def test_an_end_fades_from_its_frame() -> None:
    mixer = a_mixer()
    voice = mixer.play(ones(1000), track="drums", start_frame=0)
    mixer.end(voice, at_frame=300, fade_frames=100)

    out = heard(mixer, 1000, blocks=[77] * 10)[:, 0]

    assert np.array_equal(out[:301], ones(301)[:, 0])
    assert np.allclose(out[300:400], 0.5 * np.cos(np.pi / 2 * np.arange(100) / 100), atol=1e-7)
    assert not out[400:].any()


def test_a_voice_that_has_not_begun_by_its_end_never_sounds() -> None:
    mixer = a_mixer()
    voice = mixer.play(noise(100), track="drums", start_frame=300)
    mixer.end(voice, at_frame=300, fade_frames=100)

    assert not heard(mixer, 1000).any()
    assert mixer.launched() == []


def test_the_end_that_is_over_first_counts() -> None:
    mixer = a_mixer()
    voice = mixer.play(ones(5000), track="drums", start_frame=0)
    mixer.end(voice, at_frame=1000, fade_frames=1000)
    heard(mixer, 1500)
    mixer.end(voice, at_frame=0, fade_frames=100)
    mixer.end(voice, at_frame=0, fade_frames=3000)

    out = heard(mixer, 1000)[:, 0]

    assert out[0] == pytest.approx(0.5 * np.sqrt(0.5), abs=1e-6)  # goes on from where the first fade had come to
    assert np.all(np.diff(out[:100]) < 0)
    assert not out[100:].any()


def test_a_later_end_does_not_bring_back_a_voice_that_was_never_to_sound() -> None:
    mixer = a_mixer()
    voice = mixer.play(noise(5000), track="drums", start_frame=1000)
    mixer.end(voice, at_frame=500, fade_frames=0)
    mixer.end(voice, at_frame=2000, fade_frames=0)

    assert not heard(mixer, 6000).any()


def test_panic_fades_what_sounds_and_forgets_what_was_planned() -> None:
    mixer = a_mixer("drums", "bass")
    mixer.play(ones(5000), track="drums", start_frame=0)
    mixer.play(ones(5000), track="bass", start_frame=800)
    heard(mixer, 500)
    mixer.end_all(fade_frames=100)

    out = heard(mixer, 2000)

    assert out[0, 0] == 0.5
    assert not out[100:].any()
    assert mixer.voices_in_use == 0


def test_one_track_can_be_stopped_alone() -> None:
    mixer = a_mixer("drums", "bass")
    mixer.play(ones(5000), track="drums", start_frame=0)
    mixer.play(ones(5000), track="bass", start_frame=0, gain=0.5)
    mixer.end_all(fade_frames=0, track="drums")

    assert np.all(heard(mixer, 100) == 0.25)


def test_a_gain_moves_in_a_straight_line_from_its_frame() -> None:
    mixer = a_mixer()
    mixer.play(ones(2000), track="drums", start_frame=0)
    mixer.set_track_gain("drums", 0.0, ramp_frames=100, at_frame=250)

    out = heard(mixer, 500)[:, 0]

    assert np.all(out[:251] == 0.5)
    assert np.allclose(out[250:350], 0.5 * (1 - np.arange(100) / 100), atol=1e-7)
    assert not out[350:].any()


def test_a_new_ramp_begins_where_the_old_one_has_come_to() -> None:
    mixer = a_mixer()
    mixer.play(ones(2000), track="drums", start_frame=0)
    mixer.set_track_gain("drums", 0.0, ramp_frames=100)
    heard(mixer, 50)
    mixer.set_track_gain("drums", 1.0, ramp_frames=50)

    out = heard(mixer, 100)[:, 0]

    assert out[0] == 0.25
    assert np.all(out[50:] == 0.5)


def test_the_limiter_leaves_alone_what_fits_and_holds_what_does_not() -> None:
    mixer = a_mixer()
    loud = noise(4000, level=3.0)
    quiet = noise(48_000, level=0.8, seed=1)
    mixer.play(quiet, track="drums", start_frame=0)
    mixer.play(loud, track="drums", start_frame=48_000)
    mixer.play(quiet, track="drums", start_frame=100_000)

    out = heard(mixer, 150_000, blocks=[128] * 500)

    assert np.array_equal(out[:48_000], quiet)
    assert np.abs(out).max() <= np.float32(CEILING)
    balance = out[48_000:52_000, 0] * loud[:, 1] - out[48_000:52_000, 1] * loud[:, 0]
    assert np.abs(balance).max() < 1e-6  # both sides are turned down alike
    assert np.array_equal(out[110_000:148_000], quiet[10_000:])
    assert mixer.meters.peak == pytest.approx(3.0, rel=0.01)
    assert mixer.meters.limited_frames > 0


def test_samples_that_are_no_numbers_sound_as_silence_and_are_counted() -> None:
    mixer, clip = a_mixer(), noise(300)
    clip[10, 0], clip[20, 1], clip[30] = np.nan, np.inf, 1e30
    mixer.play(clip, track="drums", start_frame=0)
    mixer.play(ones(300), track="drums", start_frame=0, gain=0.25)

    out = heard(mixer, 300)

    assert out[10, 0] == out[20, 1] == out[30, 0] == 0.125
    assert np.allclose(out[40:], clip[40:] + 0.125, atol=1e-7)
    assert mixer.meters.bad_samples == 4


def test_a_swap_goes_on_at_the_same_place_with_the_bits_of_each_before_and_after() -> None:
    mixer, old, new = a_mixer(), noise(4000), noise(4000, channels=1, seed=1)
    voice = mixer.play(old, track="drums", start_frame=500, gain=0.5)
    mixer.swap(voice, new, at_frame=1500, fade_frames=700, gain=0.25)

    out = heard(mixer, 6000, blocks=[128] * 30)[500:]

    x = (np.arange(700) / 700)[:, None]
    assert np.array_equal(out[:1000], old[:1000] * np.float32(0.5))
    assert np.allclose(out[1000:1700], 0.5 * old[1000:1700] * (1 - x) + 0.25 * new[1000:1700] * x, atol=1e-7)
    assert np.array_equal(out[1700:4000], np.repeat(new[1700:] * np.float32(0.25), 2, axis=1))
    assert not out[4000:].any()
    assert mixer.voices_in_use == 0


def test_sounds_that_are_alike_keep_their_level_while_one_takes_over() -> None:
    mixer = a_mixer()
    voice = mixer.play(ones(4000), track="drums", start_frame=0)
    mixer.swap(voice, ones(4000), at_frame=1000, fade_frames=700)

    assert np.allclose(heard(mixer, 4000), 0.5, atol=1e-7)


def test_a_swap_that_comes_too_late_begins_with_the_next_block_in_time() -> None:
    mixer, old, new = a_mixer(), noise(4000), noise(4000, seed=1)
    voice = mixer.play(old, track="drums", start_frame=0)
    first = heard(mixer, 2000)
    mixer.swap(voice, new, at_frame=1500, fade_frames=100)

    then = heard(mixer, 2000)

    assert np.array_equal(first, old[:2000])
    assert np.array_equal(then[0], old[2000])
    assert np.array_equal(then[100:], new[2100:])


def test_a_voice_that_has_not_begun_is_swapped_from_its_beginning() -> None:
    mixer, old, new = a_mixer(), noise(1000), noise(1000, seed=1)
    voice = mixer.play(old, track="drums", start_frame=2000, fade_in_frames=0)
    twin = mixer.swap(voice, new, at_frame=1900, fade_frames=480)

    out = heard(mixer, 4000)

    assert np.array_equal(out[2000:3000], new)
    assert [(report.voice, report.first_frame) for report in mixer.launched()] == [(twin, 2000)]
    assert mixer.voices_in_use == 0


def test_what_was_planned_for_a_voice_holds_for_the_one_that_takes_over() -> None:
    def performance(*, swap_at: int | None) -> Samples:
        mixer, clip = a_mixer(), noise(4000)
        voice = mixer.play(clip, track="drums", start_frame=0, fade_in_frames=3000, fade_out_frames=3000)
        mixer.end(voice, at_frame=2500, fade_frames=1000)
        if swap_at is not None:
            twin = mixer.swap(voice, clip, at_frame=swap_at, fade_frames=200)
            assert twin is not None
            mixer.end(twin, at_frame=2200, fade_frames=500)
        else:
            mixer.end(voice, at_frame=2200, fade_frames=500)
        return heard(mixer, 4500)

    assert np.allclose(performance(swap_at=None), performance(swap_at=1200), atol=1e-7)


def test_a_voice_swapped_again_before_its_turn_never_sounds() -> None:
    mixer, a, b, c = a_mixer(), noise(4000), noise(4000, seed=1), noise(4000, seed=2)
    first = mixer.play(a, track="drums", start_frame=0)
    second = mixer.swap(first, b, at_frame=2000, fade_frames=100)
    assert second is not None
    mixer.swap(second, c, at_frame=1500, fade_frames=100)

    out = heard(mixer, 4000)

    assert np.array_equal(out[:2000], a[:2000])
    assert np.array_equal(out[2100:], c[2100:])


def test_a_voice_that_is_over_is_not_swapped_and_samples_of_another_length_are_refused() -> None:
    mixer = a_mixer()
    over = mixer.play(noise(100), track="drums", start_frame=0)
    heard(mixer, 200)
    sounding = mixer.play(noise(1000), track="drums", start_frame=200)

    assert mixer.swap(over, noise(100), at_frame=250, fade_frames=10) is None
    with pytest.raises(MixerError, match="have 999 frames; the 1000 they take over from are needed"):
        mixer.swap(sounding, noise(999), at_frame=250, fade_frames=10)


def test_a_planned_voice_can_be_moved_to_another_frame_either_way() -> None:
    mixer = a_mixer()
    early, late = noise(100, 1, seed=1), noise(100, 1, seed=2)
    first = mixer.play(early, track="drums", start_frame=300)
    second = mixer.play(late, track="drums", start_frame=700)
    out = heard(mixer, 256)

    mixer.move(first, start_frame=520)
    mixer.move(second, start_frame=300)
    out = np.concatenate([out, heard(mixer, 768)])

    assert np.array_equal(out[300:400, 0], late[:, 0])
    assert np.array_equal(out[520:620, 0], early[:, 0])
    assert np.count_nonzero(out[:, 0]) <= 200
    assert [(report.start_frame, report.first_frame) for report in mixer.launched()] == [(300, 300), (520, 520)]


def test_a_voice_that_sounds_or_is_over_is_not_moved() -> None:
    mixer = a_mixer()
    clip = noise(400, 1)
    voice = mixer.play(clip, track="drums", start_frame=0)
    out = heard(mixer, 256)

    mixer.move(voice, start_frame=900)
    out = np.concatenate([out, heard(mixer, 1_024)])
    mixer.move(voice, start_frame=2_000)

    assert np.array_equal(out[:400, 0], clip[:, 0])
    assert not out[400:].any()
    assert not heard(mixer, 1_024).any()


def test_a_moved_voice_still_ends_where_it_was_to_end() -> None:
    mixer = a_mixer()
    voice = mixer.play(ones(500), track="drums", start_frame=100)
    mixer.end(voice, at_frame=300, fade_frames=0)

    mixer.move(voice, start_frame=150)
    out = heard(mixer, 1_024)

    assert np.flatnonzero(out[:, 0]).tolist() == list(range(150, 300))


@settings(max_examples=200, deadline=None)
@given(
    blocks=st.lists(st.one_of(st.integers(1, 300), st.sampled_from([1, 255, 256, 257, 8192])), max_size=40),
    starts=st.lists(st.integers(-50, 9000), min_size=1, max_size=12),
    seed=st.integers(0, 1000),
)
def test_any_blocks_give_the_bits_of_one_big_block(blocks: list[int], starts: list[int], seed: int) -> None:
    def performance(blocks: list[int]) -> Samples:
        mixer = a_mixer("drums", "bass")
        rng = np.random.default_rng(seed)
        for k, start in enumerate(starts):
            length = int(rng.integers(1, 5000))
            fade_in, fade_out, cut_at, cut = (int(rng.integers(0, 700)) for _ in range(4))
            voice = mixer.play(
                noise(length, channels=1 + k % 2, level=0.5, seed=k),
                track=("drums", "bass")[k % 2],
                start_frame=start,
                gain=float(rng.uniform(0, 2)),
                fade_in_frames=fade_in,
                fade_out_frames=fade_out,
            )
            if k % 3 == 0:
                mixer.end(voice, at_frame=start + cut_at, fade_frames=cut)
            if k % 2:
                other = noise(length, channels=2, level=0.5, seed=100 + k)
                mixer.swap(voice, other, at_frame=start + int(rng.integers(-100, 3000)), fade_frames=fade_in, gain=0.7)
        mixer.set_track_gain("drums", 0.3, ramp_frames=1234, at_frame=777)
        return heard(mixer, 10_000, blocks)

    assert np.array_equal(performance([]), performance(blocks))


def test_the_sum_does_not_depend_on_when_and_in_which_order_voices_were_planned() -> None:
    clips = [noise(3000, level=0.9, seed=seed) for seed in range(6)]
    starts = [0, 700, 1400, 2100, 2800, 2900]

    early = a_mixer()
    for clip, start in zip(clips, starts, strict=True):
        early.play(clip, track="drums", start_frame=start)
    late = a_mixer()
    late.play(clips[5], track="drums", start_frame=starts[5])
    out_late = [heard(late, 0)]
    for k in (2, 0, 1, 4, 3):
        late.play(clips[k], track="drums", start_frame=starts[k])
    out_late.append(heard(late, 6000))

    assert np.array_equal(heard(early, 6000), np.concatenate(out_late))


def test_voices_that_start_together_are_summed_alike_whichever_was_planned_first() -> None:
    tail, one, other = (noise(3000, level=0.9, seed=seed) for seed in range(3))

    def performance(*together: Samples) -> Samples:
        mixer = a_mixer()
        mixer.play(tail, track="drums", start_frame=0)
        for clip in together:
            mixer.play(clip, track="drums", start_frame=500)
        return heard(mixer, 4000)

    assert np.array_equal(performance(one, other), performance(other, one))


def test_the_compiled_code_allocates_nothing() -> None:
    signature = kernel.mix_block.signatures[0]  # type: ignore[attr-defined]
    fresh = numba.njit(signature, **OPTIONS)(kernel.mix_block.py_func)  # type: ignore[attr-defined]
    code = fresh.inspect_llvm(signature)

    assert "load atomic" in code
    assert not re.search(r"NRT_\w*alloc", code, re.IGNORECASE)


def test_samples_are_kept_until_their_voice_is_over() -> None:
    mixer = a_mixer(voices_max=2)
    for start in (0, 1000):
        mixer.play(noise(100), track="drums", start_frame=start)
    with pytest.raises(MixerFull, match="all 2 voices are in use"):
        mixer.play(noise(100), track="drums", start_frame=5000)

    heard(mixer, 100)

    assert mixer.voices_in_use == 1
    mixer.play(noise(100), track="drums", start_frame=5000)


def test_an_end_for_a_voice_that_is_over_does_nothing() -> None:
    mixer = a_mixer(voices_max=1)
    first = mixer.play(noise(100), track="drums", start_frame=0)
    heard(mixer, 200)
    mixer.play(ones(100), track="drums", start_frame=200)
    mixer.end(first, at_frame=0, fade_frames=0)

    assert np.all(heard(mixer, 100) == 0.5)


def test_too_many_commands_for_one_block_are_refused_in_a_sentence() -> None:
    mixer = a_mixer()
    for _ in range(1024):
        mixer.set_track_gain("drums", 1.0, ramp_frames=0)
    with pytest.raises(MixerFull, match="is the output running"):
        mixer.set_track_gain("drums", 1.0, ramp_frames=0)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"track": "violins"}, "there is no track 'violins'; there are drums"),
        ({"gain": float("nan")}, "the gain is nan"),
        ({"gain": -1.0}, "the gain is -1; it must be between 0 and 10000"),
        ({"fade_in_frames": -1}, "a fade or ramp of -1 frames"),
        ({"end_frame": 0}, "would end at frame 0, not after its start at 0"),
        ({"samples": np.zeros((10, 3), np.float32)}, r"the shape \(10, 3\)"),
        ({"samples": np.zeros((0, 2), np.float32)}, r"the shape \(0, 2\)"),
    ],
)
def test_what_cannot_be_played_is_refused_in_a_sentence(wrong: dict[str, object], sentence: str) -> None:
    mixer = a_mixer()
    asked: dict[str, object] = {"samples": noise(100), "track": "drums", "start_frame": 0} | wrong
    with pytest.raises(MixerError, match=sentence):
        mixer.play(**asked)  # type: ignore[arg-type]

    assert mixer.voices_in_use == 0
    assert not heard(mixer, 100).any()


def test_a_mixer_needs_tracks_with_different_names() -> None:
    with pytest.raises(MixerError, match="each name once"):
        Mixer(["drums", "drums"], sample_rate_hz=48_000)
