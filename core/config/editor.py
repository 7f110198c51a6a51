"""Changes files of config/ for a user: keeps comments, and checks the whole before it writes anything."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import tomlkit
from tomlkit.exceptions import TOMLKitError

from core.config.loader import Config, load
from core.home import Home
from core.kit.files import write_whole
from core.remedies import refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """What a change came to."""

    config: Config  # The configuration as it is now
    files: tuple[Path, ...]  # What was written


class Edit:
    """One change of the files of config/, before anything of it is written. Names are relative to config/."""

    def __init__(self, home: Home) -> None:
        self._folder = home.config
        self._read: dict[str, str | None] = {}  # The content of each file at first; None where there was none
        self._documents: dict[str, tomlkit.TOMLDocument] = {}
        self._texts: dict[str, str | None] = {}  # None: it is to go

    def has(self, name: str) -> bool:
        return self._before(name) is not None

    def document(self, name: str) -> tomlkit.TOMLDocument:
        """Return the file, to be changed in place; new and empty where there is none."""
        if name not in self._documents:
            try:
                self._documents[name] = tomlkit.parse(self._before(name) or "")
            except TOMLKitError as trouble:
                raise refused(
                    "not_changeable", file=self._folder / name, why=f"it is not TOML ({trouble})"
                ) from trouble
        return self._documents[name]

    def write(self, name: str, text: str) -> None:
        self._before(name)
        self._texts[name] = text

    def remove(self, name: str) -> None:
        self._before(name)
        self._texts[name] = None

    def wanted(self) -> dict[str, str | None]:
        texts = {name: tomlkit.dumps(document) for name, document in self._documents.items()} | self._texts
        return {name: text for name, text in texts.items() if text != self._read[name]}

    def write_all(self, wanted: Mapping[str, str | None]) -> None:
        """Write these files; put all back if one cannot be written. Raises changed_meanwhile or not_writable."""
        for name, before in self._read.items():
            if _text_of(self._folder / name) != before:
                raise refused("changed_meanwhile", file=self._folder / name)
        written: list[str] = []
        for name, text in wanted.items():
            try:
                _put(self._folder / name, text)
            except OSError as trouble:
                why = (trouble.strerror or str(trouble)).lower()
                raise refused(
                    "not_writable", file=self._folder / name, why=why, left=self._put_back(written)
                ) from trouble
            written.append(name)

    def _put_back(self, written: list[str]) -> str:
        stayed: list[str] = []
        for name in written:
            try:
                _put(self._folder / name, self._read[name])
            except OSError:
                stayed.append(name)
        if stayed:
            return f"Octet could not restore these files: {', '.join(stayed)}. Free space and try again."
        return "Nothing was changed."

    def _before(self, name: str) -> str | None:
        if name not in self._read:
            self._read[name] = _text_of(self._folder / name)
        return self._read[name]


def change(home: Home, work: Callable[[Edit], None]) -> Changed:
    """Have `work` change files of config/, check the resulting configuration, then write it. Raises ConfigWrong with
    every problem; whatever it raises, the files are as they were."""
    edit = Edit(home)
    work(edit)
    wanted = edit.wanted()
    config = _checked(home, wanted)
    edit.write_all(wanted)
    return Changed(config=config, files=tuple(home.config / name for name in wanted))


def _checked(home: Home, wanted: Mapping[str, str | None]) -> Config:
    """Return the configuration that these files make together with the others. Raises ConfigWrong."""
    with tempfile.TemporaryDirectory(prefix="octet-config-") as folder:  # for its owner only
        copy = Home(root=Path(folder))
        if home.config.is_dir():
            shutil.copytree(home.config, copy.config)
        if home.env_file.is_file():
            shutil.copyfile(home.env_file, copy.env_file)
        for name, text in wanted.items():
            _put(copy.config / name, text)
        return replace(load(copy), home=home)


def _text_of(file: Path) -> str | None:
    try:
        return file.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return None
    except OSError as trouble:
        raise refused("not_changeable", file=file, why=(trouble.strerror or str(trouble)).lower()) from trouble
    except UnicodeDecodeError as trouble:
        raise refused("not_changeable", file=file, why="it is not UTF-8") from trouble


def _put(file: Path, text: str | None) -> None:
    if text is None:
        file.unlink(missing_ok=True)
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    write_whole(file, text)
