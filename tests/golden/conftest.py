"""Logs errors as the program does, without the variables of each frame."""

from tests.bot.discord.conftest import plain_log

__all__ = ["plain_log"]
