"""The `upbeat` command without its subcommands' work: finding them, their help, and what becomes of errors."""

import argparse
import subprocess
import sys
from pathlib import Path

import pytest

from bridge import cli
from bridge.cli import main
from bridge.commands import cue, routes
from bridge.library import TakeError

COMMANDS = (
    *("demo", "up", "bridge", "cue", "learn", "say", "takes"),
    *("sounds", "render", "hosts", "routes", "doctor", "bench"),
)

BRIDGE = Path(cli.__file__).parent


def stumble(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> int:
    """Run a command that ends in `error`."""

    def run(options: argparse.Namespace) -> int:
        raise error

    monkeypatch.setattr(routes, "run", run)
    return main(["routes"])


def test_without_a_word_it_shows_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0

    shown = capsys.readouterr().out
    assert all(f"    {name}" in shown for name in (*COMMANDS, "engine", "models"))


@pytest.mark.parametrize("name", COMMANDS)
def test_help_has_an_example_that_is_a_command(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main([name, "--help"])

    assert f"example:\n  upbeat {name}" in capsys.readouterr().out


def test_an_unknown_command_is_told_the_nearest_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rednre"]) == 2
    assert capsys.readouterr().err == "upbeat: there is no command 'rednre'; the nearest is render\n"


def test_an_unknown_flag_is_named_in_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["routes", "--jsn"])

    said = capsys.readouterr().err
    assert said.startswith("upbeat: ")
    assert "--jsn" in said
    assert said.count("\n") == 1


def test_flags_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setenv("UPBEAT_OSC_PORT", "7477")
    monkeypatch.setattr(cue, "fire", lambda name, *, osc_port: asked.append(osc_port))

    main(["cue", "kick"])

    assert asked == [7477]


def test_a_wrong_variable_is_a_wrong_flag(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("UPBEAT_OSC_PORT", "seventy")

    with pytest.raises(SystemExit, match="2"):
        main(["cue", "kick"])

    assert "argument --osc-port: 'seventy' is no port" in capsys.readouterr().err


def test_an_error_of_ours_is_its_sentence_on_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert stumble(monkeypatch, TakeError("the take\nis gone; \x1bmake it again")) == 2
    assert capsys.readouterr().err == "upbeat: the take is gone;  make it again\n"


def test_what_the_system_refuses_is_a_sentence_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert stumble(monkeypatch, PermissionError(13, "Permission denied", "mix.wav")) == 2
    assert capsys.readouterr().err == "upbeat: mix.wav: Permission denied\n"


def test_a_mistake_of_our_own_says_so_and_has_another_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert stumble(monkeypatch, ZeroDivisionError("division by zero")) == 1
    assert "a mistake of our own stopped it (ZeroDivisionError: division by zero)" in capsys.readouterr().err


def test_ctrl_c_has_the_exit_code_of_its_signal(monkeypatch: pytest.MonkeyPatch) -> None:
    assert stumble(monkeypatch, KeyboardInterrupt()) == 130


def test_debug_lets_the_error_through(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(options: argparse.Namespace) -> int:
        raise TakeError("the take is gone")

    monkeypatch.setattr(routes, "run", run)
    with pytest.raises(TakeError):
        main(["routes", "--debug"])


def test_help_loads_neither_numpy_nor_anything_heavier() -> None:
    program = (
        "import sys, bridge.cli; bridge.cli.main([]); print(sorted({'numpy', 'numba', 'torch'} & set(sys.modules)))"
    )

    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout

    assert printed.splitlines()[-1] == "[]"


def test_the_bridge_never_loads_torch_or_the_engine() -> None:
    names = [f"bridge.{'.'.join(path.relative_to(BRIDGE).with_suffix('').parts)}" for path in BRIDGE.rglob("*.py")]
    modules = [name.removesuffix(".__init__") for name in names if not name.endswith((".jack", ".demo.run"))]
    program = f"import sys, {', '.join(modules)}; print(sorted({{'torch', 'engine'}} & set(sys.modules)))"

    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout

    assert printed == "[]\n"
