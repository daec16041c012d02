"""`upbeat routes`: the printed reference of every message, made from the route table itself."""

import argparse
import json

from bridge.commands.parser import Commands, add_json, command
from osc_schemas.routes import ROUTES, Listener, Route

# Who hears a message, as a reader wants it put: (heading, how it travels).
_HEARD_BY: dict[Listener, str] = {
    "bridge": "To the bridge, over OSC",
    "sender": "Answers, to whoever spoke",
    "subscribers": "Events, to all who sent /subscribe",
    "engine": "To the engine, over ZeroMQ",
    "client": "From the engine, to its client",
    "watchers": "From the engine, to all who listen to its events",
    "plugin_port": "From the plug-in inside a host, over ZeroMQ",
    "plugin": "To the plug-in inside a host",
}


def add(commands: Commands) -> None:
    """Its arguments."""
    parser = command(commands, "routes", run, does="print every message Upbeat understands", example="upbeat routes")
    form = parser.add_mutually_exclusive_group()
    add_json(form)  # type: ignore[arg-type]  # a group takes arguments as a parser does
    form.add_argument("--markdown", action="store_true", help="print tables for a page of documentation")


def run(options: argparse.Namespace) -> int:
    """Print the table."""
    if options.json:
        print(json.dumps([as_json(route) for route in ROUTES], indent=2))
        return 0
    print(as_markdown() if options.markdown else as_text())
    return 0


def as_json(route: Route) -> dict[str, object]:
    """A row as plain data."""
    args = [
        {"name": arg.name, "tag": arg.tag, "low": arg.low, "high": arg.high, "needed": arg.needed} for arg in route.args
    ]
    return {
        "address": route.address,
        "to": route.to,
        "tags": route.tags,
        "args": args,
        "pairs": route.pairs,
        "audio": route.audio,
        "meaning": route.meaning,
    }


def as_text() -> str:
    """The table for a terminal, an address a line and what it means under it."""
    parts = []
    for heard_by, heading in _HEARD_BY.items():
        rows = [f"  {_call(route)}\n      {route.meaning}" for route in ROUTES if route.to == heard_by]
        parts.append("\n".join([heading, *rows]))
    return "\n\n".join(parts)


def as_markdown() -> str:
    """The table as Markdown, a heading for each listener."""
    parts = []
    for heard_by, heading in _HEARD_BY.items():
        rows = [
            f"| `{route.address}` | {', '.join(f'`{_arg}`' for _arg in _args(route)) or '-'} | {route.meaning} |"
            for route in ROUTES
            if route.to == heard_by
        ]
        parts.append("\n".join([f"## {heading}", "", "| address | arguments | meaning |", "|---|---|---|", *rows]))
    return "\n\n".join(parts)


def _call(route: Route) -> str:
    return "  ".join([route.address, *([", ".join(_args(route))] if route.args else [])])


def _args(route: Route) -> list[str]:
    """The arguments as one says them: tag, name, range."""
    said = []
    for arg in route.args:
        name = f'"{arg.name}" {arg.tag}' if route.pairs else f"{arg.tag} {arg.name}"
        in_range = f" ({arg.range_text})" if arg.range_text else ""
        said.append(name + in_range + ("" if arg.needed else "?"))
    return [*said, "then raw float32 audio" + ("?" if route.to == "engine" else "")] if route.audio else said
