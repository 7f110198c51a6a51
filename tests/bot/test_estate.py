"""What the settings say reaches the coordinator."""

from __future__ import annotations

from pathlib import Path

from bot.app import _estate
from core.config.loader import load
from core.settings.model import ReceiptSettings
from tests.core.config.test_loader import RIGHT, write_home


def test_receipts_pictures_and_texts_are_kept_as_long_as_the_settings_say(tmp_path: Path) -> None:
    receipts = "[receipts]\nkeep_days = 3\nkeep_pictures_days = 2\nkeep_texts_days = 5\n"
    home = write_home(tmp_path, {**RIGHT, "config/octet.toml": RIGHT["config/octet.toml"] + receipts})
    assert _estate(load(home)).keeping == ReceiptSettings(keep_days=3, keep_pictures_days=2, keep_texts_days=5)
