"""Which of Octet's locked packages Windows' own Python gets under Wine. (`make test-windows` itself is run by hand.)"""

from __future__ import annotations

import re
from pathlib import Path

from scripts.wine import LOCKS, SOURCE_ONLY, _patch_level, is_for_windows, requirements

LOCK = """
aiohttp==3.1 \\
    --hash=sha256:00 \\
    --hash=sha256:01
    # via octet
python-xlib==0.33 ; sys_platform == 'linux' \\
    --hash=sha256:02
colorama==0.4 ; sys_platform == 'win32' \\
    --hash=sha256:03
"""


def test_each_pin_keeps_its_hashes_and_what_is_not_for_windows_is_left_out() -> None:
    blocks = list(requirements(LOCK))
    assert [block.partition("==")[0].strip() for block in blocks] == ["aiohttp", "python-xlib", "colorama"]
    assert blocks[0].count("--hash") == 2
    assert [is_for_windows(block) for block in blocks] == [True, False, True]


def test_the_lock_of_the_product_has_all_that_is_built_from_source_and_no_x11_for_windows() -> None:
    names = {block.partition("==")[0].strip() for block in _locked("runtime") if is_for_windows(block)}
    assert names >= SOURCE_ONLY
    assert not names & {"python-xlib", "dbus-fast"}


def test_windows_python_is_pinned_by_its_hash() -> None:
    (block,) = _locked("wine")
    assert re.match(r"panda3d==[\d.]+ ", block)
    assert "--hash=sha256:" in block


def test_a_library_says_its_patch_level_itself() -> None:
    assert _patch_level(b"\x008.6.12\x008.6\x00") == "8.6.12"


def _locked(name: str) -> list[str]:
    text = Path(LOCKS[name]).read_text("utf-8")
    return list(requirements(text))
