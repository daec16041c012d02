"""`upbeat doctor`: what is there to play a set with, and for what is not, the one thing that brings it."""

import argparse
import json
from dataclasses import asdict

from bridge.commands import console
from bridge.commands.parser import Commands, add_json, add_osc_port, command, default_engine


def add(commands: Commands) -> None:
    """Its arguments."""
    does = "look at sound, MIDI, ports, engine and folders, and say what is missing"
    parser = command(commands, "doctor", run, does=does, example="upbeat doctor")
    add_osc_port(parser, does="the port of a bridge")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Look at everything. 0 if a set could be played here."""
    from bridge.commands.findings import examine

    with console.waiting("looking around"):
        findings = examine(osc_port=options.osc_port, engine_endpoint=default_engine())
    if options.json:
        print(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        marks = {"good": "ok", "missing": "--", "broken": "!!"}
        print(console.columns([[marks[finding.state], finding.what, finding.found] for finding in findings]))
    return int(any(finding.state == "broken" for finding in findings))
