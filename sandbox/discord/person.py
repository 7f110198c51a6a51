"""What a person's client does: offers synced commands, checks options, clicks buttons that are there, sends dialogs."""

from __future__ import annotations

from typing import Any

from sandbox.discord import limits
from sandbox.discord.drafts import Body, compose
from sandbox.discord.errors import ClientRefused
from sandbox.discord.interactions import Interactions
from sandbox.discord.model import Channel, Interaction, InteractionKind, Json, Message, MessageFlag, User, dicts
from sandbox.discord.payloads import Payloads
from sandbox.discord.world import World

SUBCOMMAND, GROUP = 1, 2
STRING, INTEGER, BOOLEAN, USER, CHANNEL, NUMBER = 3, 4, 5, 6, 7, 10
KINDS: dict[int, tuple[type, ...]] = {
    STRING: (str,), INTEGER: (int,), BOOLEAN: (bool,), USER: (str, int), CHANNEL: (str, int), NUMBER: (int, float),
}  # fmt: skip


class Person:
    """Acts in the name of the guild's people; refuses what a client would not let them do."""

    def __init__(self, world: World, payloads: Payloads, interactions: Interactions) -> None:
        self._world = world
        self._payloads = payloads
        self._interactions = interactions

    # Names

    def user(self, user: str | int) -> User:
        for found in self._world.users.values():
            if str(user) in {str(found.id), found.name}:
                return found
        raise ClientRefused(f"Nobody here is called {user!r}")

    def channel(self, channel: str | int) -> Channel:
        wanted = str(channel).removeprefix("#")
        for found in self._world.channels.values():
            if wanted in {str(found.id), found.name}:
                return found
        raise ClientRefused(f"There is no channel {channel!r}")

    def message(self, user: User, message_id: str | int) -> Message:
        message = self._world.messages.get(int(message_id))
        if message is None or message.only_for not in {None, user.id}:
            raise ClientRefused("That message is not there any more")
        return message

    def _place(self, user: str | int, channel: str | int) -> tuple[User, Channel]:
        who, where = self.user(user), self.channel(channel)
        if not self._world.may_see(where, who.id):
            raise ClientRefused(f"{who.name} cannot see {where.name!r}")
        return who, where

    # Messages

    def say(self, user: str | int, channel: str | int, text: str) -> Message:
        who, where = self._place(user, channel)
        if not text.strip():
            raise ClientRefused("An empty message cannot be sent")
        draft = compose(self._world, where, Body(json={"content": text}), author_id=who.id)
        return self._world.post(where, who.id, draft)

    def dismiss(self, user: str | int, message_id: str | int) -> None:
        """Take away a message that only this person sees; the application is not told."""
        message = self.message(self.user(user), message_id)
        if message.only_for is None:
            raise ClientRefused("Only private messages can be dismissed")
        self._world.delete_message(message)

    # Commands

    async def slash(self, user: str | int, channel: str | int, command: str, options: Json) -> Interaction:
        who, where = self._place(user, channel)
        synced, chain, offered = self._find(command)
        given = self._filled(offered, options)
        data = self._command_data(synced, chain, given)
        return await self._interactions.start(
            InteractionKind.COMMAND,
            user_id=who.id,
            channel_id=where.id,
            data=data,
            label="/" + " ".join(command.split()),
        )

    async def autocomplete(
        self, user: str | int, channel: str | int, command: str, options: Json, focused: str
    ) -> Interaction:
        who, where = self._place(user, channel)
        synced, chain, offered = self._find(command)
        by_name = {option["name"]: option for option in offered}
        if not by_name.get(focused, {}).get("autocomplete"):
            raise ClientRefused(f"The option {focused!r} has no autocomplete")
        given: list[Json] = []
        for name, value in {focused: "", **options}.items():
            if name not in by_name:
                raise ClientRefused(f"/{command} has no option {name!r}")
            one: Json = {"name": name, "type": by_name[name]["type"], "value": str(value) if name == focused else value}
            given.append({**one, "focused": True} if name == focused else one)
        data = self._command_data(synced, chain, given)
        label = f"/{command} {focused}"
        return await self._interactions.start(
            InteractionKind.AUTOCOMPLETE, user_id=who.id, channel_id=where.id, data=data, label=label
        )

    def _find(self, command: str) -> tuple[Json, list[Json], list[Json]]:
        """The synced command, the group and subcommand below it, and the options it offers."""
        words = command.removeprefix("/").split()
        synced = next(
            (c for c in self._world.all_commands() if words and c["name"] == words[0] and c["type"] == 1), None
        )
        if synced is None:
            raise ClientRefused(f"No command /{command} is synced")
        chain: list[Json] = []
        offered: list[Json] = synced.get("options") or []
        for word in words[1:]:
            step = next((o for o in offered if o["name"] == word and o["type"] in {SUBCOMMAND, GROUP}), None)
            if step is None:
                raise ClientRefused(f"No command /{command} is synced")
            chain.append(step)
            offered = step.get("options") or []
        if any(option["type"] in {SUBCOMMAND, GROUP} for option in offered):
            raise ClientRefused(f"/{command} needs a subcommand")
        return synced, chain, offered

    def _filled(self, offered: list[Json], options: Json) -> list[Json]:
        by_name = {option["name"]: option for option in offered}
        for name in options:
            if name not in by_name:
                raise ClientRefused(f"There is no option {name!r}")
        for name, option in by_name.items():
            if option.get("required") and options.get(name) in {None, ""}:
                raise ClientRefused(f"The option {name!r} is required")
        return [self._checked(by_name[name], value) for name, value in options.items()]

    def _checked(self, option: Json, value: Any) -> Json:
        name, kind = option["name"], option["type"]
        accepted = KINDS.get(kind)
        if accepted is None:
            raise ClientRefused(f"The sandbox cannot fill options of type {kind}")
        if not isinstance(value, accepted) or (isinstance(value, bool) and kind != BOOLEAN):
            raise ClientRefused(f"The option {name!r} does not take {value!r}")
        choices = option.get("choices")
        if choices and value not in [choice["value"] for choice in choices]:
            raise ClientRefused(f"{value!r} is none of the choices of {name!r}")
        size: float = len(str(value)) if kind == STRING else value
        least, most = ("min_length", "max_length") if kind == STRING else ("min_value", "max_value")
        if kind in {STRING, INTEGER, NUMBER}:
            if option.get(least) is not None and size < option[least]:
                raise ClientRefused(f"The option {name!r} needs at least {option[least]}")
            if size > option.get(most, 6000 if kind == STRING else 2**53):
                raise ClientRefused(f"The option {name!r} takes at most {option.get(most, 6000)}")
        if kind == USER:
            value = str(self.user(value).id)
        if kind == CHANNEL:
            value = str(self.channel(value).id)
        return {"name": name, "type": kind, "value": value}

    def _command_data(self, synced: Json, chain: list[Json], given: list[Json]) -> Json:
        options = given
        for step in reversed(chain):
            options = [{"name": step["name"], "type": step["type"], "options": options}]
        data: Json = {"id": synced["id"], "name": synced["name"], "type": synced["type"], "options": options}
        if "guild_id" in synced:
            data["guild_id"] = synced["guild_id"]
        resolved = self._resolved(given)
        return data | ({"resolved": resolved} if resolved else {})

    def _resolved(self, given: list[Json]) -> Json:
        payloads = self._payloads
        resolved: Json = {}
        for option in given:
            if option["type"] == USER:
                user = self._world.user(int(option["value"]))
                member = {k: v for k, v in payloads.member(user).items() if k not in {"user", "deaf", "mute"}}
                resolved.setdefault("users", {})[str(user.id)] = payloads.user(user)
                resolved.setdefault("members", {})[str(user.id)] = {**member, "permissions": "0"}
            if option["type"] == CHANNEL:
                channel = self._world.channel(int(option["value"]))
                shown = {**payloads.channel(channel), "permissions": "0"}
                resolved.setdefault("channels", {})[str(channel.id)] = shown
        return resolved

    # Components and dialogs

    async def click(
        self, user: str | int, message_id: str | int, button: str, values: list[str] | None = None
    ) -> Interaction:
        """Click the button (or pick in the menu) with this custom id or label."""
        who = self.user(user)
        message = self.message(who, message_id)
        part = self._component(message, button)
        if part.get("disabled"):
            raise ClientRefused(f"{button!r} is disabled")
        if part.get("style") == limits.LINK_STYLE:
            raise ClientRefused(f"{button!r} is a link")
        data: Json = {"component_type": part["type"], "custom_id": part["custom_id"], "id": part.get("id", 0)}
        if part["type"] == limits.SELECT:
            offered = {option["value"] for option in part["options"]}
            if not values or not set(values) <= offered:
                raise ClientRefused(f"{values!r} is not among the menu's values")
            data["values"] = values
        return await self._interactions.start(
            InteractionKind.COMPONENT,
            user_id=who.id,
            channel_id=message.channel_id,
            data=data,
            label=str(part.get("label") or part["custom_id"]),
            message_id=message.id,
        )

    def _component(self, message: Message, button: str) -> Json:
        if MessageFlag.LOADING in message.flags:
            raise ClientRefused("The application is still thinking")
        clickable = [
            part for _, part in limits.walk(message.components) if part.get("type") in {limits.BUTTON, limits.SELECT}
        ]
        for key in ("custom_id", "label"):
            found = [part for part in clickable if part.get(key) == button]
            if len(found) == 1:
                return found[0]
            if found:
                raise ClientRefused(f"{button!r} names {len(found)} buttons; use a custom id")
        raise ClientRefused(f"The message has no button {button!r}")

    async def submit_modal(self, user: str | int, interaction_id: str | int, values: dict[str, str]) -> Interaction:
        """Send the dialog that `interaction_id` opened, with a text for each field by its custom id."""
        who = self.user(user)
        opener = self._interactions.by_id.get(int(interaction_id))
        if opener is None or opener.modal is None or opener.user_id != who.id:
            raise ClientRefused("There is no such dialog open")
        modal = opener.modal
        inputs = [part for _, part in limits.walk(modal["components"]) if part.get("type") == limits.TEXT_INPUT]
        known = {part["custom_id"] for part in inputs}
        for name in values:
            if name not in known:
                raise ClientRefused(f"The dialog has no field {name!r}")
        for part in inputs:
            text = values.get(part["custom_id"], part.get("value") or "")
            if part.get("required", True) and not text:
                raise ClientRefused(f"The field {part['custom_id']!r} is required")
            if not part.get("min_length", 0) <= len(text) <= part.get("max_length", 4000) and text:
                raise ClientRefused(f"The field {part['custom_id']!r} has the wrong length")
        components = [_filled_in(part, values) for part in modal["components"]]
        opener.modal = None
        return await self._interactions.start(
            InteractionKind.MODAL,
            user_id=who.id,
            channel_id=opener.channel_id,
            data={"custom_id": modal["custom_id"], "components": components},
            label=str(modal["title"]),
            message_id=opener.message_id,
            opener=opener,
        )


def _filled_in(part: Json, values: dict[str, str]) -> Json:
    """A dialog's component as the client sends it back."""
    sent: Json = {"type": part["type"], "id": part.get("id", 0)}
    if part["type"] == limits.TEXT_INPUT:
        custom_id = part["custom_id"]
        return {**sent, "custom_id": custom_id, "value": values.get(custom_id, part.get("value") or "")}
    if part["type"] == limits.LABEL:
        return {**sent, "component": _filled_in(part["component"], values)}
    return {**sent, "components": [_filled_in(child, values) for child in dicts(part, "components")]}
