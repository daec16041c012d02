"""`upbeat say "PROMPT"`: one clip from words, kept as a take, written to a file if asked, and played."""

import argparse
import json
import re
import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bridge.commands.parser import Commands, add_engine, add_json, add_output, command

if TYPE_CHECKING:
    from bridge.library import Take
    from osc_schemas.clip import Samples
    from osc_schemas.cue import Cue
    from osc_schemas.request import GenerateRequest

SAMPLE_RATE_HZ = 48_000
LENGTH_S, TEMPO_BPM = 2.0, 120.0


def add(commands: Commands) -> None:
    """Its arguments."""
    does = "make one clip from words, keep it as a take, and play it"
    parser = command(commands, "say", run, does=does, example='upbeat say "warm vinyl crackle" --length-s 4 --seed 7')
    parser.add_argument("prompt", metavar="PROMPT", help="the sound, in a few words")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="another seed, another take [%(default)s]")
    parser.add_argument("--steps", type=int, default=1, metavar="N", help="1, 2 or 4 denoiser steps [%(default)s]")
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--length-s", type=float, metavar="S", help=f"length in seconds [{LENGTH_S:g}]")
    length.add_argument("--beats", type=float, metavar="B", help="length in beats of the tempo")
    tempo_does = f"what is rhythmic lies on its grid; without, on that of the words, and --beats are of {TEMPO_BPM:g}"
    parser.add_argument("--tempo", type=float, metavar="BPM", help=tempo_does)
    parser.add_argument("--key", default="", help='what has a pitch is brought into it, such as "D minor"')
    parser.add_argument(
        "--shape", action="append", default=[], metavar="KNOB=VALUE", help="bend it; may be given again: " + _knobs()
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="write it there too, as a WAV of 32-bit floats")
    parser.add_argument("--no-play", action="store_true", help="do not play it")
    add_engine(parser, does="ask the engine that listens there; without, the usual one, or one started for this clip")
    add_output(parser)
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Make it, keep it, play it, and say where it lies."""
    from bridge.commands.wav import check_writable

    cue, request = wanted(options)
    if options.out is not None:
        check_writable(options.out)
    samples, take = made(cue, request, options)
    facts = {
        "take_id": take.take_id,
        "understood": take.provenance.understood,
        "family": take.provenance.family,
        "seed": request.seed,
        "steps": request.steps,
        "tempo_bpm": request.tempo_bpm,
        "key": request.key,
        "shape": request.shape.turned,
        "length_s": request.frames / SAMPLE_RATE_HZ,
        "request_to_clip_ms": round(take.request_to_clip_ms, 1),
        "path": str(take.path),
        "out": None if options.out is None else str(options.out),
    }
    if options.json:
        print(json.dumps(facts))
    else:
        print(f"understood  {take.provenance.understood or request.prompt}")
        print(f"made in     {take.request_to_clip_ms:.0f} ms by {take.provenance.family}, steps: {request.steps}")
        print(f"take        {take.take_id}")
        print(f"lies at     {options.out or take.path}")
    if not options.no_play:
        _play(samples, request.frames, take.take_id, options)
    return 0


def made(cue: "Cue", request: "GenerateRequest", options: argparse.Namespace) -> "tuple[Samples, Take]":
    """The samples an engine makes for `request`, written where they were wanted, and the take they are kept as."""
    from bridge.commands.one_engine import one_engine
    from bridge.commands.wav import write_with_faded_tail
    from bridge.folders import takes_folder
    from bridge.library import Library
    from bridge.tracks.loudness import measure_lufs

    library = Library(takes_folder())
    try:
        with one_engine(options.engine) as engine:
            arrived = engine.clip(request)
        samples = arrived.clip.samples
        take = library.keep(
            arrived.clip,
            cue,
            tempo_bpm=request.tempo_bpm or TEMPO_BPM,
            loudness_lufs=measure_lufs(samples[: request.frames], SAMPLE_RATE_HZ),
            request_to_clip_ms=arrived.request_to_clip_ms,
        )
    finally:
        library.close()
    if options.out is not None:
        write_with_faded_tail(options.out, samples, request)
    return samples, take


def _play(samples: "Samples", frames: int, name: str, options: argparse.Namespace) -> None:
    """Play it where there is sound; where there is none, the take is what was wanted."""
    from bridge.commands.listening import hear
    from bridge.tracks.output import OutputError

    try:
        hear(samples, frames, sample_rate_hz=SAMPLE_RATE_HZ, name=name, output=options.output, device=options.device)
    except OutputError as error:
        if options.output != "auto":
            raise
        print(f"upbeat: not played: {error}", file=sys.stderr)


def wanted(options: argparse.Namespace) -> "tuple[Cue, GenerateRequest]":
    """The cue that the words are, and the request it becomes. Raises `SchemaError` for what is out of range."""
    from bridge.knobs import RESET, turned
    from bridge.scheduler import TAIL_S, request_for
    from osc_schemas import bounds
    from osc_schemas.cue import Cue
    from osc_schemas.errors import CueError
    from osc_schemas.shape import NEUTRAL

    bounds.check_prompt(options.prompt, CueError)
    if options.tempo is not None:
        bounds.check_range("--tempo", options.tempo, bounds.TEMPO_BPM_LOW, bounds.TEMPO_BPM_HIGH, CueError)
    beat_s = 60 / (options.tempo or TEMPO_BPM)
    shape = NEUTRAL
    for said in options.shape:
        knob, _, value = said.partition("=")
        if knob == RESET or not _is_number(value):
            raise CueError(f"--shape is {said[:80]!r}; it is a knob and where it stands, such as room=0.5")
        shape = turned(shape, knob, float(value))
    flag, unit_s, length = "--length-s", 1.0, LENGTH_S if options.length_s is None else options.length_s
    if options.beats is not None:
        flag, unit_s, length = "--beats", beat_s, options.beats
    bounds.check_range(flag, length, 0.01 / unit_s, (bounds.CLIP_S_MAX - TAIL_S) / unit_s, CueError)
    cue = Cue(
        name=_name_of(options.prompt),
        track="said",
        prompt=options.prompt,
        length_beats=length * unit_s / beat_s,
        seed=options.seed,
        steps=options.steps,
        key=options.key,
        shape=shape,
    )
    request = request_for(
        cue,
        request_id=f"say-{secrets.token_hex(4)}",
        frames=round(length * unit_s * SAMPLE_RATE_HZ),
        sample_rate_hz=SAMPLE_RATE_HZ,
        tempo_bpm=options.tempo,
        deadline_in_s=10.0,
        exact=True,  # the same words give the same samples, to the last bit
    )
    return cue, request


def _knobs() -> str:
    from osc_schemas.shape import KNOBS

    return ", ".join(f"{knob.name} {knob.low:g} to {knob.high:g}" for knob in KNOBS)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _name_of(prompt: str) -> str:
    """A take's name from the first words of its prompt.

    >>> _name_of("Deep, punchy KICK!")
    'deep-punchy-kick'
    """
    return re.sub(r"[^a-z0-9]+", "-", prompt.lower()).strip("-")[:32].rstrip("-") or "said"
