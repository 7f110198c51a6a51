"""The owner's yes to a profile that ships disabled, written into its file with who said it and when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from core.config.profiles import PROFILES, ProfileFiles, read_profiles
from core.config.provenance import Kind
from core.home import Home
from core.journal.model import Event
from core.kit.errors import Conflict, Invalid, NotFound
from core.kit.files import write_whole
from core.kit.problems import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileEnabled(Event):
    """Somebody said yes to a profile that ships disabled."""

    SUBJECT = "profile:{0.profile}"
    profile: str
    who: str


class ProfileNotFound(NotFound):
    """There is no profile {id}. `octet profile list` shows which there are."""


class ProfileWrong(Invalid):
    """Profile {id} is not right: {why}. Mend it first; nothing was written."""


class ProfileNotDisabled(Conflict):
    """Profile {id} is not disabled{why}; it can be used as it is."""


class ProfileNotWritable(Conflict):
    """{file} cannot be written: {why}. Nothing was changed."""


def kind_of(files: ProfileFiles, name: str, problems: list[Problem]) -> Kind:
    """The profile of this name. Raises ProfileNotFound or ProfileWrong; `problems` are those of reading `files`."""
    if name not in files.named:
        raise ProfileNotFound(id=name)
    wrong = [str(one) for one in problems if one.file == f"{PROFILES}/{name}.toml"]
    if wrong or name not in files.kinds:
        raise ProfileWrong(id=name, why="; ".join(wrong) or "it cannot be read")
    return files.kinds[name]


def disabled_kind(home: Home, name: str) -> Kind:
    """The profile of this name, which waits for a yes. Raises ProfileNotFound, ProfileWrong or ProfileNotDisabled."""
    problems: list[Problem] = []
    kind = kind_of(read_profiles(home.root, problems), name, problems)
    if not kind.disabled:
        raise ProfileNotDisabled(id=name, why=f" (enabled {kind.enabled})" if kind.enabled else "")
    return kind


def enable(home: Home, name: str, *, who: str, now_ms: int) -> ProfileEnabled:
    """Write the yes of `who` into the profile's file; what there is to tell the journal. Nothing else of the file is
    changed, and no other file is looked at: a window may still have to be calibrated, and cannot be before this.

    Raises what `disabled_kind` does, and ProfileNotWritable."""
    disabled_kind(home, name)
    at = datetime.fromtimestamp(now_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    file = home.root / PROFILES / f"{name}.toml"
    try:
        before = file.read_bytes().decode("utf-8")
        write_whole(file, _with_yes(before, _quoted(who), at))
        written = read_profiles(home.root, []).kinds.get(name)
        if written is None or not written.enabled:
            write_whole(file, before)
            raise ProfileWrong(id=name, why="the line `disabled` could not be found in its file")
    except OSError as trouble:
        raise ProfileNotWritable(file=file, why=(trouble.strerror or str(trouble)).lower()) from trouble
    return ProfileEnabled(profile=name, who=who)


def _with_yes(text: str, who: str, at: str) -> str:
    """`text` with the yes in the line above that of `disabled`, which stands before any table."""
    lines = text.splitlines(keepends=True)
    place = next((n for n, line in enumerate(lines) if line.partition("=")[0].strip() == "disabled"), 0)
    end = "\r\n" if "\r\n" in text else "\n"
    return "".join((*lines[:place], f'enabled = {{ by = "{who}", at = "{at}" }}{end}', *lines[place:]))


def _quoted(text: str) -> str:
    """What may stand between the quotes of a text in TOML."""
    kept = "".join(char for char in text if char.isprintable()).replace("\\", "\\\\").replace('"', '\\"')
    return kept[:100].rstrip("\\") or "somebody"
