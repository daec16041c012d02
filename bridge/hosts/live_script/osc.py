"""OSC messages as bytes and back: as much of it as two programs need that both are ours."""

from __future__ import annotations

import struct
from typing import Any

_NUMBERS = {"i": ">i", "f": ">f", "d": ">d", "h": ">q"}
_INT32 = 2**31


class OscError(ValueError):
    """Bytes that are no message."""


def write(address: str, *args: Any) -> bytes:
    """A message of whole numbers (i, or h where they are large), numbers (d) and texts (s)."""
    tags, body = ",", b""
    for arg in args:
        if isinstance(arg, str):
            tag, raw = "s", _text(arg)
        elif isinstance(arg, int):  # True and False too, as 1 and 0
            tag = "i" if -_INT32 <= arg < _INT32 else "h"
            raw = struct.pack(_NUMBERS[tag], arg)
        else:
            tag, raw = "d", struct.pack(">d", arg)
        tags += tag
        body += raw
    return _text(address) + _text(tags) + body


def read(packet: bytes) -> tuple[str, tuple[Any, ...]]:
    """The address and the arguments of one message; of i, f, d, h, s, T and F. Raises `OscError`."""
    try:
        address, at = _text_at(packet, 0)
        tags, at = _text_at(packet, at)
        if not address.startswith("/") or not tags.startswith(","):
            raise OscError("the packet is no OSC message")
        args: list[Any] = []
        for tag in tags[1:]:
            if tag == "s":
                text, at = _text_at(packet, at)
                args.append(text)
            elif tag in "TF":
                args.append(tag == "T")
            elif tag in _NUMBERS:
                args.append(struct.unpack_from(_NUMBERS[tag], packet, at)[0])
                at += struct.calcsize(_NUMBERS[tag])
            else:
                raise OscError(f"the message has an argument of type {tag!r}")
    except (struct.error, UnicodeDecodeError) as error:
        raise OscError(f"the packet is cut short or broken ({error})") from error
    return address, tuple(args)


def _text(text: str) -> bytes:
    raw = text.replace("\0", " ").encode("utf-8", errors="replace")
    return raw + b"\0" * (4 - len(raw) % 4)


def _text_at(packet: bytes, at: int) -> tuple[str, int]:
    end = packet.find(b"\0", at)
    if end < 0:
        raise OscError("the packet is cut short")
    return packet[at:end].decode("utf-8"), end + 4 - (end - at) % 4
