"""The virtual environment of the compared systems: made on first use, from ``bench/requirements.lock``."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from bench.worker import ROOT

_FOLDER = ROOT / "bench" / ".venv"
_LOCK = ROOT / "bench" / "requirements.lock"


def peer_python() -> Path:
    """Its Python. Makes or updates the environment when the lock file has changed since."""
    python, mark = _FOLDER / "bin" / "python", _FOLDER / "lock"
    if not mark.is_file() or mark.read_bytes() != _LOCK.read_bytes():
        print("Installing LangChain, Chroma and Haystack into bench/.venv ...", file=sys.stderr)
        uv, environment = _uv(), _environment()
        subprocess.run(
            [uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(_FOLDER)], check=True
        )
        install = [uv, "pip", "install", "--quiet", "--python", str(python), "-r", str(_LOCK)]
        subprocess.run(install, check=True, env=environment)
        shutil.copyfile(_LOCK, mark)
    return python


def _uv() -> str:
    beside = Path(sys.executable).parent / "uv"
    found = str(beside) if beside.is_file() else shutil.which("uv")
    if found is None:
        raise SystemExit("uv is missing: run `make setup`.")
    return found


def _environment() -> dict[str, str]:
    """As the Makefile has it: a wheel folder that pip was told of, or else the CPU build of torch."""
    environment = dict(os.environ)  # noqa: TID251 (handed on to the installer)
    if folder := environment.get("PIP_FIND_LINKS"):
        return environment | {"UV_FIND_LINKS": folder}
    return environment | {"UV_TORCH_BACKEND": "cpu"}
