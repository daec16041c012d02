"""`upbeat say "PROMPT"`: one clip from words, kept as a take, written to a file if asked, and played."""

import argparse
import json
import re
import secrets
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from bridge.commands.parser import Commands, add_engine, add_json, add_output, command, number, whole
from osc_schemas.bounds import STEPS_OFFERED

if TYPE_CHECKING:
    from bridge.library import Take
    from osc_schemas.clip import Samples
    from osc_schemas.cue import Cue
    from osc_schemas.request import GenerateRequest
    from osc_schemas.shape import Shape
    from osc_schemas.source import Source

SAMPLE_RATE_HZ = 48_000
TEMPO_BPM = 120.0  # where neither the flags nor the words say one


def add(commands: Commands) -> None:
    """Its arguments."""
    does = "make one clip from words, keep it as a take, and play it"
    parser = command(commands, "say", run, does=does, example='upbeat say "warm vinyl crackle" --length-s 4 --seed 7')
    parser.add_argument("prompt", metavar="PROMPT", help="the sound, in a few words")
    parser.add_argument("--seed", type=whole, default=0, metavar="N", help="another seed, another take [%(default)s]")
    steps_help = f"denoiser steps: {', '.join(map(str, STEPS_OFFERED))}, as far as the model offers them [%(default)s]"
    parser.add_argument("--steps", type=whole, default=1, metavar="N", help=steps_help)
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--length-s", type=number, metavar="S", help="length in seconds [as the words say]")
    length.add_argument("--beats", type=number, metavar="B", help="length in beats of the tempo")
    tempo_does = f"what is rhythmic lies on its grid [as the words say, or else {TEMPO_BPM:g}]"
    parser.add_argument("--tempo", type=number, metavar="BPM", help=tempo_does)
    parser.add_argument("--key", help='what has a pitch is brought into it, such as "D minor"')
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--from", dest="start", type=Path, metavar="FILE", help="start from the sound in this file")
    source.add_argument("--follow", type=Path, metavar="FILE", help="follow the loudness of the sound in this file")
    strength_does = "from 0 to 1: how far from that sound, or how closely after its loudness [0.6]"
    parser.add_argument("--strength", type=number, metavar="X", help=strength_does)
    parser.add_argument(
        "--option", action="append", default=[], metavar="NAME=VALUE", help="a number that the model takes besides"
    )
    parser.add_argument(
        "--shape", action="append", default=[], metavar="KNOB=VALUE", help="bend it; may be given again: " + _knobs()
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="write it there too, as a WAV of 32-bit floats")
    parser.add_argument("--no-play", action="store_true", help="do not play it")
    parser.add_argument(
        "--family", metavar="NAME", help="make it with this model, in an engine started for it if need be"
    )
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
    request = take.request  # how long it is, the words may have decided
    facts = {
        "take_id": take.take_id,
        "understood": take.provenance.understood,
        "family": take.provenance.family,
        "seed": request.seed,
        "steps": request.steps,
        "tempo_bpm": request.tempo_bpm,
        "key": request.key,
        "shape": request.shape.turned,
        "options": dict(request.options),
        "made_from": None if take.made_from is None else asdict(take.made_from),
        "length_s": request.frames / SAMPLE_RATE_HZ,
        "request_to_clip_ms": round(take.request_to_clip_ms, 1),
        "path": str(take.path),
        "out": None if options.out is None else str(options.out),
    }
    if options.json:
        print(json.dumps(facts))
    else:
        print(f"understood  {take.provenance.understood or request.prompt}")
        if imposed := _imposed(options):
            print(f"imposed     {imposed}")
        print(f"length      {_length(request)}")
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
        with one_engine(options.engine, family=options.family) as engine:
            arrived = engine.clip(request)
        samples, request = arrived.clip.samples, arrived.clip.request
        tempo_bpm = request.tempo_bpm or TEMPO_BPM
        take = library.keep(
            arrived.clip,
            replace(cue, length_beats=request.frames / request.sample_rate_hz * tempo_bpm / 60),
            tempo_bpm=tempo_bpm,
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
    from bridge.scheduler import TAIL_S, request_for
    from osc_schemas import bounds
    from osc_schemas.cue import Cue
    from osc_schemas.errors import CueError
    from osc_schemas.key_name import no_key

    bounds.check_prompt(options.prompt, CueError)
    bounds.check_choice("--steps", options.steps, bounds.STEPS_OFFERED, CueError)  # before any file is read
    if options.tempo is not None:
        bounds.check_range("--tempo", options.tempo, bounds.TEMPO_BPM_LOW, bounds.TEMPO_BPM_HIGH, CueError)
    if options.key is not None and not options.key.strip():
        raise CueError(no_key(options.key) + "; leave --key away for none")
    # Only the engine knows which tempo the words name, if they do: then the beats are of that.
    fit = options.length_s is None and (options.beats is None or options.tempo is None)
    flag, unit_s, length = "--length-s", 1.0, options.length_s
    if options.beats is not None:
        flag, unit_s, length = "--beats", 60 / (options.tempo or bounds.TEMPO_BPM_HIGH), options.beats
    most_s = bounds.CLIP_S_MAX - TAIL_S
    if length is not None and not 0.01 <= length * unit_s <= most_s:
        raise CueError(
            f"{flag} is {length:g}; a clip lasts 0.01 s at least, and no model makes one of more than {most_s:g} s: "
            "many make less, and say so"
        )
    length_s = most_s if fit or length is None else length * unit_s
    cue = Cue(
        name=_name_of(options.prompt),
        track="said",
        prompt=options.prompt,
        length_beats=length_s * (options.tempo or TEMPO_BPM) / 60,
        seed=options.seed,
        steps=options.steps,
        key=options.key or "",
        source=_source(options),
        options=tuple(
            _pair("--option", said, "the name of an option and its value, such as nu=1.2") for said in options.option
        ),
        shape=_shape(options.shape),
    )
    request = request_for(
        cue,
        request_id=f"say-{secrets.token_hex(4)}",
        frames=round(length_s * SAMPLE_RATE_HZ),
        sample_rate_hz=SAMPLE_RATE_HZ,
        tempo_bpm=options.tempo,
        deadline_in_s=10.0,
        exact=True,  # the same words give the same samples, to the last bit
    )
    return cue, replace(request, fit=fit, fit_beats=options.beats or 0.0) if fit else request


def _shape(said: list[str]) -> "Shape":
    from bridge.knobs import turned
    from bridge.set_words import nearest
    from osc_schemas.errors import CueError
    from osc_schemas.shape import KNOB, NEUTRAL

    shape = NEUTRAL
    for words in said:
        knob = words.partition("=")[0]
        if knob not in KNOB:
            raise CueError(f"there is no knob {knob[:80]!r}" + nearest(knob, KNOB))
        shape = turned(shape, *_pair("--shape", words, "a knob and where it stands, such as room=0.5"))
    return shape


def _source(options: argparse.Namespace) -> "Source | None":
    from bridge.sound_files import read_source
    from osc_schemas.errors import CueError

    path = options.start or options.follow
    if path is None and options.strength is not None:
        raise CueError("--strength says how much of a sound is used, and there is none; name its file with --from")
    return path and read_source(path, use="start" if options.start else "loudness", strength=options.strength)


def _pair(flag: str, said: str, wanted: str) -> tuple[str, float]:
    """A name and a number, written name=number."""
    from osc_schemas.errors import CueError

    name, _, value = said.partition("=")
    try:
        return name, float(value)
    except ValueError:
        raise CueError(f"{flag} is {said[:80]!r}; it is {wanted}") from None


def _imposed(options: argparse.Namespace) -> str:
    """What the flags say of the sound, whatever its words say."""
    said = [] if options.tempo is None else [f"{options.tempo:g} bpm"]
    said += [options.key] if options.key else []
    said += [*options.shape, *options.option]
    said += [f"from {options.start}"] if options.start else []
    said += [f"as loud as {options.follow}"] if options.follow else []
    return ", ".join(said)


def _length(request: "GenerateRequest") -> str:
    """Such as "3.87 s, 8 beats at 124 bpm"."""
    length_s = request.frames / request.sample_rate_hz
    if request.tempo_bpm is None:
        return f"{length_s:.4g} s"
    beats = length_s * request.tempo_bpm / 60
    return f"{length_s:.4g} s, {beats:.4g} {'beat' if f'{beats:.4g}' == '1' else 'beats'} at {request.tempo_bpm:g} bpm"


def _knobs() -> str:
    from osc_schemas.shape import KNOBS

    return ", ".join(f"{knob.name} {knob.low:g} to {knob.high:g}" for knob in KNOBS)


def _name_of(prompt: str) -> str:
    """A take's name from the first words of its prompt.

    >>> _name_of("Deep, punchy KICK!")
    'deep-punchy-kick'
    """
    return re.sub(r"[^a-z0-9]+", "-", prompt.lower()).strip("-")[:32].rstrip("-") or "said"
