"""Every kind asked for, heard, drawn and written. Start reading here: an engine's vocabulary becomes a folder."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import soundfile as sf

from bridge.catalogue import spectrogram
from bridge.catalogue.folder import AUDIO, INDEX, PICTURES, FolderError, made_aside
from bridge.catalogue.listening import Wanted, ready_to_hear, wanted_of
from bridge.catalogue.page import Card, Shown, anchor, page
from osc_schemas.clip import Clip
from osc_schemas.errors import CueError
from osc_schemas.kind import Kind
from osc_schemas.nearest import nearest_only
from osc_schemas.request import GenerateRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What was written."""

    page: Path
    model: str
    kinds: int
    sounds: int
    size_bytes: int


def chosen(kinds: Sequence[Kind], names: Sequence[str]) -> list[Kind]:
    """The kinds of those names in their own order, all if none is named. Raises `CueError` for one that there is not.

    >>> tom = Kind(group="drums", name="tom", phrases=("rack tom",), examples=("tom",))
    >>> chosen([tom], ["rack tom"])
    Traceback (most recent call last):
    osc_schemas.errors.CueError: there is no kind of sound 'rack tom'; these are words for tom, ...
    """
    known = {kind.name: kind for kind in kinds}
    for name in names:
        if name not in known:
            meant = next((kind.name for kind in kinds if name.lower() in kind.phrases), None)
            near = f"; these are words for {meant}" if meant else nearest_only(name.lower(), known)
            raise CueError(f"there is no kind of sound {name[:80]!r}{near}, and all are {', '.join(known)}")
    return [kind for kind in kinds if not names or kind.name in names]


def write_sounds(
    out: Path,
    kinds: Sequence[Kind],
    make: Callable[[GenerateRequest], Clip],
    *,
    tempo_bpm: float,
    length_beats: float | None = None,
    progress: Callable[[float], None] = lambda share: None,
) -> Written:
    """Ask for every sound of `kinds` and write the folder `out`; `progress` hears the share that is done, 0 to 1.

    Raises `FolderError` for a folder that cannot be written, `RequestError` for a length or tempo out of range, and
    whatever `make` raises; then nothing has changed.
    """
    wanted = {place: list(wanted_of(kind, length_beats=length_beats)) for place, kind in enumerate(kinds)}
    sounds = sum(map(len, wanted.values()))
    done, model, cards = 0, "", []
    with made_aside(out) as folder:
        for place, kind in enumerate(kinds):
            shown = []
            for number, one in enumerate(wanted[place], start=1):
                stem = f"{place + 1:02d}-{anchor(kind.name)}-{number}"
                clip = make(one.request(stem[-64:], tempo_bpm=tempo_bpm))
                model = f"{clip.provenance.family}, weights {clip.provenance.weights_hash[:12]}"
                shown.append(_written(folder, stem, one, clip))
                done += 1
                progress(done / sounds)
            examples = len(kind.examples)
            cards.append(Card(kind=kind, sounds=tuple(shown[:examples]), reseeded=tuple(shown[examples:])))
        text = page(cards, model=model, tempo_bpm=tempo_bpm)
        (folder / INDEX).write_bytes(text.encode())  # not `write_text`, whose line ends depend on the system
        size_bytes = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    return Written(page=out / INDEX, model=model, kinds=len(kinds), sounds=sounds, size_bytes=size_bytes)


def _written(folder: Path, stem: str, wanted: Wanted, clip: Clip) -> Shown:
    """One sound as a file for any browser, lossless, and as a picture."""
    samples = ready_to_hear(clip.samples, clip.request)
    rate_hz = clip.request.sample_rate_hz
    audio, picture = f"{AUDIO}/{stem}.flac", f"{PICTURES}/{stem}.png"
    try:
        sf.write(folder / audio, samples, rate_hz, subtype="PCM_16")
    except sf.LibsndfileError as error:
        raise FolderError(
            f"a sound cannot be written ({error.error_string}); make room, or name another --out"
        ) from error
    spectrogram.draw(folder / picture, samples, rate_hz)
    return Shown(
        prompt=wanted.prompt,
        seed=wanted.seed,
        understood=clip.provenance.understood,
        length_s=len(samples) / rate_hz,
        audio=audio,
        picture=picture,
    )
