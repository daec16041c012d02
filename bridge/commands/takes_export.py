"""`upbeat takes export` and `upbeat takes performances`: what was made and played, for other programs."""

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bridge.commands import console
from bridge.commands.parser import CommandError, Commands, add_engine, add_json, command

if TYPE_CHECKING:
    from bridge.library import Take
    from bridge.performance import Performance
    from osc_schemas.clip import Samples

LEFT_OUT = 1  # exit code: something is not in what was written


def add(deeds: Commands) -> None:
    """Their arguments, among the other deeds of `upbeat takes`."""
    exporting = command(
        deeds,
        "export",
        _export,
        does="write a performance as a DAWproject, or takes as WAVs with tempo, key and loop",
        example="upbeat takes export --dawproject night.dawproject\n"
        "  upbeat takes export --dawproject night.dawproject --from night-drive   (the folder of a render)\n"
        "  upbeat takes export deep-punchy-kick-9f warm-pad --wav loops",
    )
    exporting.add_argument("takes", nargs="*", metavar="ID", help="of takes, for --wav")
    exporting.add_argument("--dawproject", type=Path, metavar="FILE", help="for Bitwig, Studio One, Cubase and others")
    exporting.add_argument(
        "--performance",
        default="latest",
        metavar="ID",
        help="which one goes into the DAWproject, as `upbeat takes performances` lists them [%(default)s]",
    )
    exporting.add_argument("--wav", type=Path, metavar="DIR", help="write the takes named as WAVs into this folder")
    exporting.add_argument(
        "--one-shot", action="store_true", help="with --wav: to be played once, with its tail; without, as a loop"
    )
    _add_from(exporting)
    exporting.add_argument("--remake", action="store_true", help="make samples that are lost again first")
    exporting.add_argument("--force", action="store_true", help="replace a file that is there")
    add_engine(
        exporting, does="with --remake: the engine that listens there; without, the usual one, or one of our own"
    )
    add_json(exporting)
    listing = command(
        deeds,
        "performances",
        _performances,
        does="list what was played and rendered, the latest last",
        example="upbeat takes performances",
    )
    _add_from(listing)
    add_json(listing)


def _add_from(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--from", type=Path, dest="folder", metavar="DIR", help="folder of a render; without, the takes of live sets"
    )


def _export(options: argparse.Namespace) -> int:
    if (options.dawproject is None) == (options.wav is None):
        raise CommandError("name either --dawproject FILE, for a performance, or ID... --wav DIR, for takes")
    if options.dawproject is not None and options.takes:
        raise CommandError("a DAWproject has the takes of its performance; name takes for --wav only")
    if options.wav is not None and not options.takes:
        raise CommandError("no take is named; `upbeat takes list` shows the ids of all")
    return _export_dawproject(options) if options.dawproject is not None else _export_wavs(options)


def _export_dawproject(options: argparse.Namespace) -> int:
    from bridge.export.dawproject import write_dawproject
    from bridge.library import read_journal
    from bridge.performance import find_performance, read_performance

    folder, path = _takes_folder(options.folder), options.dawproject
    if path.suffix.lower() != ".dawproject":
        raise CommandError(f"--dawproject {path}: let the name end in .dawproject, or no program will open it")
    _check_free(path, force=options.force)
    performance = read_performance(find_performance(folder, options.performance))
    try:
        report = write_dawproject(
            path, performance, read_journal(folder), samples_of=lambda take: _samples(take, options)
        )
    except OSError as error:
        raise CommandError(f"{path} cannot be written ({error.strerror}); name a file in a folder of yours") from error
    sentences = [*report.missing.values(), *report.sentences]
    if options.json:
        facts = {
            "path": str(path),
            "performance": performance.performance_id,
            "tracks": report.tracks,
            "clips": report.clips,
            "takes": report.takes,
            "scenes": report.scenes,
            "missing": sorted(report.missing),
            "left_out": sentences,
        }
        print(json.dumps(facts))
    else:
        print(
            f"{path}: {performance.performance_id}, {report.clips} clips of {report.takes} takes on {report.tracks} "
            f"tracks, {report.scenes} scenes"
        )
        _say_what_is_left_out(sentences)
    return LEFT_OUT if report.missing else 0


def _export_wavs(options: argparse.Namespace) -> int:
    from bridge.export.media import media_of
    from bridge.library import TakeError, find_take, read_journal

    folder, takes = options.wav, read_journal(_takes_folder(options.folder))
    chosen = list({take.take_id: take for take in (find_take(takes, wanted) for wanted in options.takes)}.values())
    for take in chosen:
        _check_free(folder / f"{take.take_id}.wav", force=options.force)
    written, missing = [], {}
    for take in chosen:
        path = folder / f"{take.take_id}.wav"
        try:
            samples = _samples(take, options)
        except TakeError as error:
            missing[take.take_id] = str(error)
            continue
        _, content = media_of(
            take,
            samples,
            path=path.name,
            loop=not options.one_shot,
            gain=1.0,
            beats_per_bar=take.beats_per_bar,
        )
        _write_whole(path, content)
        written.append(path)
    if options.json:
        print(json.dumps({"paths": [str(path) for path in written], "missing": sorted(missing)}))
    else:
        for path in written:
            print(path)
        _say_what_is_left_out(list(missing.values()))
    return LEFT_OUT if missing else 0


def _performances(options: argparse.Namespace) -> int:
    from bridge.performance import PerformanceError, list_performances, performances_folder, read_performance

    folder = _takes_folder(options.folder)
    found: list[Performance] = []
    for path in list_performances(folder):
        try:
            found.append(read_performance(path))
        except PerformanceError as error:
            _say_what_is_left_out([str(error)])
    if options.json:
        print(json.dumps([_facts(performance) for performance in found], indent=2))
    elif not found:
        print(
            f"no performances yet in {performances_folder(folder)}; play a set, or render one and name it with --from"
        )
    else:
        print(console.columns([_row(performance) for performance in found]))
    return 0


def _facts(performance: "Performance") -> dict[str, object]:
    return {
        "performance": performance.performance_id,
        "title": performance.title,
        "made": performance.made,
        "began_unix_s": performance.began_unix_s,
        "bars": performance.end_beat / performance.beats_per_bar,
        "tempo_bpm": [tempo_bpm for _, tempo_bpm in performance.tempi],
        "launches": len(performance.played),
        "takes": len({played.take_id for played in performance.played}),
    }


def _row(performance: "Performance") -> list[str]:
    bars = performance.end_beat / performance.beats_per_bar
    began_unix_s = performance.began_unix_s
    when = "a render" if began_unix_s is None else time.strftime("%Y-%m-%d %H:%M", time.localtime(began_unix_s))
    return [performance.performance_id, when, f"{bars:.4g} bars", f"{len(performance.played)} launches"]


def _takes_folder(folder: Path | None) -> Path:
    """The takes of live sets, or those in the folder of a render."""
    from bridge.folders import takes_folder

    if folder is None:
        return takes_folder()
    for candidate in (folder / "takes", folder):
        if (candidate / "journal.jsonl").exists():
            return candidate
    raise CommandError(f"--from {folder}: there are no takes; name the folder that `upbeat render --out` was given")


def _check_free(path: Path, *, force: bool) -> None:
    if path.is_dir():
        raise CommandError(f"{path} is a folder; name a file")
    if path.exists() and not force:
        raise CommandError(f"{path} is there already; name another file, or replace it with --force")


def _samples(take: "Take", options: argparse.Namespace) -> "Samples":
    """The samples of a take, made again where they are lost and that is asked for. Raises `TakeError`."""
    from bridge.commands.takes import make_again
    from bridge.library import TakeError, read_samples

    try:
        return read_samples(take)
    except TakeError:
        if not options.remake:
            raise
    try:
        make_again(take, options.engine)
    except CommandError as error:
        raise TakeError(str(error)) from error
    return read_samples(take)


def _write_whole(path: Path, content: bytes) -> None:
    aside = path.with_suffix(".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        aside.write_bytes(content)
        os.replace(aside, path)
    except OSError as error:
        raise CommandError(f"{path} cannot be written ({error.strerror}); name a folder that is yours") from error
    finally:
        aside.unlink(missing_ok=True)


def _say_what_is_left_out(sentences: list[str]) -> None:
    for sentence in sentences:
        print(f"upbeat: {sentence}", file=sys.stderr)
