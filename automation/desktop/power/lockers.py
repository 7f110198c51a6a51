"""Lockers that stand beside a desktop, and the X server's own saver: xscreensaver, light-locker, `xset q`."""

from __future__ import annotations

import re
from pathlib import Path

from Xlib.display import Display
from Xlib.ext import dpms

from automation.desktop.power.habits import Ask, IdleAction, IdleEffect

_SPAN = re.compile(r"(?:(\d+):)?(\d+):(\d+)")


def xserver(display: Display) -> list[IdleAction]:
    """What the X server itself does: its screen saver and, where the screen has that, its energy saving. No lock."""
    found: list[IdleAction] = []
    saver = display.get_screen_saver()
    if saver.timeout > 0:
        found.append(
            IdleAction(who="the X server", does=IdleEffect.BLANKS, after_s=float(saver.timeout), cure="xset s off")
        )
    opcode = display.display.get_extension_major(dpms.extname) if display.has_extension(dpms.extname) else None
    if opcode is not None and dpms.DPMSInfo(display=display.display, opcode=opcode).state:
        told = dpms.DPMSGetTimeouts(display=display.display, opcode=opcode)
        times = [time for time in (told.standby_timeout, told.suspend_timeout, told.off_timeout) if time]
        if times:
            after_s = float(min(times))
            found.append(
                IdleAction(who="the X server (DPMS)", does=IdleEffect.BLANKS, after_s=after_s, cure="xset -dpms")
            )
    return found


def xscreensaver(home: Path) -> list[IdleAction]:
    """xscreensaver, by its file; what does not stand there has its default."""
    try:
        text = (home / ".xscreensaver").read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    said = {
        key.strip(): value.strip()
        for key, colon, value in (line.partition(":") for line in text.splitlines() if not line.startswith(("#", "!")))
        if colon
    }
    if said.get("mode", "random") == "off":
        return []
    after_s = _seconds(said.get("timeout", "0:10:00"))
    if said.get("lock", "False").lower() == "true":
        after_s += _seconds(said.get("lockTimeout", "0:00:00"))
        cure = "xscreensaver-settings: Lock Screen After off (lock: False in ~/.xscreensaver)"
        return [IdleAction(who="xscreensaver", does=IdleEffect.LOCKS, after_s=after_s, cure=cure)]
    cure = "xscreensaver-settings: Disable Screen Saver (mode: off in ~/.xscreensaver)"
    return [IdleAction(who="xscreensaver", does=IdleEffect.BLANKS, after_s=after_s, cure=cure)]


def light_locker(ask: Ask) -> list[IdleAction]:
    """light-locker, which follows the X server's screen saver."""
    told = ask(("gsettings", "get", "apps.light-locker", "lock-after-screensaver"))
    if told is None:
        return []
    delay_s = told.strip().rpartition(" ")[2]
    if not delay_s.isdigit() or delay_s == "0":
        return []
    cure = "gsettings set apps.light-locker lock-after-screensaver 0; xset s off"
    when = f"{delay_s} s after the X server's screen saver begins"
    return [IdleAction(who="light-locker", does=IdleEffect.LOCKS, after_s=None, when=when, cure=cure)]


def _seconds(text: str) -> float:
    found = _SPAN.search(text)
    if found is None:
        return 0.0
    hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return hours * 3600.0 + minutes * 60 + seconds
