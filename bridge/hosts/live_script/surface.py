"""Where Live holds on to us: a control surface without controls, whose timers read our port."""

from __future__ import annotations

import importlib
import time
from typing import Any

from .deeds import Deeds
from .server import Server

_TIMER_MS = 10  # Live gives no shorter one
_OPEN_AGAIN_S = 5.0


class Polling:
    """Our port, read at each tick of whichever timer Live has; a tick never raises, for that would end the timer."""

    def __init__(self, live: Any, c_instance: Any, port: int) -> None:
        """`live` is the module Live. A port that is taken is tried again every few seconds."""
        self._c_instance, self._port = c_instance, port
        self._deeds = Deeds(live, c_instance.song).table()
        self.server: Server | None = None
        self._open_at_s = 0.0
        self._open()
        self._timer = self._timer_of(live)

    def tick(self) -> None:
        """Read what has come in and go on with what is under way."""
        try:
            if self.server is None and time.monotonic() >= self._open_at_s:
                self._open()
            if self.server is not None:
                self.server.tick()
        except Exception as error:
            self._c_instance.log_message(f"Upbeat: {error!r}")

    def close(self) -> None:
        """Stop the timer and give the port back."""
        if self._timer is not None:
            self._timer.stop()
        if self.server is not None:
            self.server.close()
        self.server = None
        self._open_at_s = float("inf")

    def _open(self) -> None:
        try:
            self.server = Server(self._port, self._deeds)
        except OSError as error:
            self._open_at_s = time.monotonic() + _OPEN_AGAIN_S
            self._say(f"Upbeat: UDP port {self._port} is taken ({error}); close the other Live, or what else has it")
        else:
            self._say(f"Upbeat listens on UDP port {self.server.port}")

    def _say(self, sentence: str) -> None:
        self._c_instance.show_message(sentence)
        self._c_instance.log_message(sentence)

    def _timer_of(self, live: Any) -> Any:
        try:
            timer = live.Base.Timer(callback=self.tick, interval=_TIMER_MS, repeat=True)
            timer.start()
        except Exception as error:  # then Live's display timer has to do, ten times a second
            self._c_instance.log_message(f"Upbeat: Live has no timer of {_TIMER_MS} ms ({error!r})")
            return None
        return timer


def surface(c_instance: Any, port: int) -> Any:
    """Our control surface, for Live to keep."""
    live = importlib.import_module("Live")
    base: Any = _control_surface()

    class Upbeat(base):  # type: ignore[misc]  # Live's own class is known inside Live only
        """What Live calls."""

        def __init__(self) -> None:
            super().__init__(c_instance)
            self.polling = Polling(live, c_instance, port)

        def update_display(self) -> None:
            super().update_display()
            self.polling.tick()

        def disconnect(self) -> None:
            self.polling.close()
            super().disconnect()

    return Upbeat()


def _control_surface() -> Any:
    try:
        return importlib.import_module("_Framework.ControlSurface").ControlSurface
    except ImportError:  # a Live that has left its old framework behind
        return importlib.import_module("ableton.v2.control_surface").ControlSurface
