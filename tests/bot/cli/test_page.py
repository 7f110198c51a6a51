"""`octet page` as a person runs it: a real process against a served house."""

from __future__ import annotations

import re
from importlib import resources

from core.security.model import OPERATOR
from tests.bot.cli.test_verbs import Console, console, served

__all__ = ["console", "served"]
LINK = r"http://127\.0\.0\.1:\d+/page#(\S+)"


async def test_it_prints_a_link_that_lets_one_browser_in_here_or_at_the_public_address(served: Console) -> None:
    octet = served.house.core
    printed = await served.octet("page")
    assert (printed.code, printed.err) == (0, "")
    assert len(re.findall(rf"Open  {LINK}\nIt logs operator in", printed.out)) == 1
    octet.public_url = "https://octet.example.org"
    again = (await served.octet("page")).out
    (code,) = re.findall(LINK, again)
    assert f"or    https://octet.example.org/page#{code}\n" in again
    assert octet.log_ins.invited(code) is OPERATOR
    is_built = resources.files("bot.web").joinpath("static/index.html").is_file()
    assert ("make page" in again) is not is_built, "it says what to do where the page is not built"
