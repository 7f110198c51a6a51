"""Watches a confined command from outside, where it cannot lie: by /proc and by the folder that it writes into."""

from __future__ import annotations

import asyncio
import contextlib
import os
import stat
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from automation.bubblewrap.trees import stored
from core.proofs.model import CheckFault
from core.proofs.ports import Confined

MB = 1_000_000
Overrun = tuple[CheckFault, str]
_FIRST_S, _LONGEST_S = 0.02, 0.25
_ENDING_S = 0.2  # within this a command's end is known; until then another program may have its number
_SHARE, _DISK_SHARE = 4, 20
"""A look waits for so many times as long as the last one took, and one at the folder longer."""
_DISK_S = 1.0
_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4_096


class Watch:
    """Compares what the processes of one command use with what they may."""

    def __init__(self, order: Confined, init: int, before: int) -> None:
        """`init` is the first process of their namespace; `before` what the folder took when they began."""
        self._order, self._init, self._before = order, init, before
        self._device = Path(order.folder).stat().st_dev
        self._free = self._free_bytes()
        self._next_disk_s = 0.0

    async def until(self, ended: asyncio.Future[bytes]) -> Overrun | None:
        """Wait until the command has ended (None), or say what it used too much of. The caller ends it then."""
        now_s = asyncio.get_running_loop().time
        began_s, pause_s, longest_s = now_s(), 0.0, _FIRST_S
        while True:
            left_s = began_s + self._order.time_s - now_s()
            if left_s <= 0:
                return CheckFault.TOO_LONG, f"it ran for {self._order.time_s:g} seconds"
            await asyncio.wait({ended}, timeout=min(left_s, max(pause_s, longest_s)))
            if ended.done():
                return None
            longest_s, looked_s = min(longest_s * 1.5, _LONGEST_S), now_s()
            if overrun := await asyncio.to_thread(self._look, looked_s - began_s):
                await asyncio.wait({ended}, timeout=_ENDING_S)
                return None if ended.done() else overrun
            pause_s = (now_s() - looked_s) * _SHARE

    def _look(self, at_s: float) -> Overrun | None:
        order, processes = self._order, descendants(self._init)
        if len(processes) - 1 > order.processes:  # the namespace's first one is bubblewrap's own
            return CheckFault.TOO_MANY_PROCESSES, f"it had {len(processes) - 1} processes"
        unlinked = {(one.st_dev, one.st_ino): one.st_blocks * 512 for one in _unlinked_files(processes)}
        on_disk = sum(size for (device, _), size in unlinked.items() if device == self._device)
        in_memory = sum(unlinked.values()) - on_disk  # files of memory, and in /tmp
        used = in_memory + sum(processes.values())
        if used > order.memory_mb * MB:
            used = in_memory + sum(map(_own_memory, processes, processes.values()))  # pages in common count once
        if used > order.memory_mb * MB:
            return CheckFault.TOO_MUCH_MEMORY, f"it used {used // MB} MB of memory"
        grown = self._free - self._free_bytes()
        if grown <= order.disk_mb * MB / 2 and at_s < self._next_disk_s:
            return None
        now, is_whole = stored(order.folder)
        written = max(now - self._before + on_disk, 0 if is_whole else grown)
        self._next_disk_s = at_s + _DISK_S
        if written > order.disk_mb * MB:
            return CheckFault.TOO_MUCH_DISK, f"it wrote {written // MB} MB"
        return None

    def _free_bytes(self) -> int:
        disk = os.statvfs(self._order.folder)
        return disk.f_bavail * disk.f_frsize


def descendants(first: int) -> dict[int, int]:
    """Return this process and all below it, with the bytes of memory that each one has in use."""
    children: defaultdict[int, list[int]] = defaultdict(list)
    sizes: dict[int, int] = {}
    with os.scandir("/proc") as entries:
        names = [entry.name for entry in entries if entry.name.isdigit()]
    for name in names:
        with contextlib.suppress(OSError):  # it has ended
            fields = Path(f"/proc/{name}/stat").read_bytes().rpartition(b")")[2].split()
            children[int(fields[1])].append(int(name))
            sizes[int(name)] = int(fields[21]) * _PAGE
    found: dict[int, int] = {}
    left = [first]
    while left:
        process = left.pop()
        if process in sizes:
            found[process] = sizes[process]
            left += children[process]
    return found


def _own_memory(process: int, resident: int) -> int:
    """Return its share of the memory that it has in use; all of that where the kernel does not say."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{process}/smaps_rollup").read_bytes().splitlines():
            if line.startswith(b"Pss:"):
                return int(line.split()[1]) * 1_024
    return resident


def _unlinked_files(processes: dict[int, int]) -> Iterator[os.stat_result]:
    """Yield the open files that no folder shows: removed ones, and those of memory."""
    for process in processes:
        with contextlib.suppress(OSError), os.scandir(f"/proc/{process}/fd") as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    found = entry.stat()
                    if found.st_nlink == 0 and stat.S_ISREG(found.st_mode):
                        yield found
