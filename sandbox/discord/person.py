"""A user's client: offers synced commands, checks options, clicks existing buttons, sends dialogs."""

from __future__ import annotations

import base64
from typing import Any

from sandbox.discord import limits
from sandbox.discord.drafts import Body, Upload, attachments_of, compose
from sandbox.discord.errors import ClientRefused
from sandbox.discord.interactions import Interactions
from sandbox.discord.model import (
    ChatChannel,
    ChatMessage,
    Interaction,
    InteractionKind,
    InteractionState,
    Json,
    MessageFlag,
    User,
    dicts,
)
from sandbox.discord.payloads import Payloads
from sandbox.discord.world import World

SUBCOMMAND, GROUP = 1, 2
MESSAGE = 3  # the type of a command in the menu of messages
STRING, INTEGER, BOOLEAN, USER, CHANNEL, ROLE, MENTIONABLE, NUMBER, ATTACHMENT = 3, 4, 5, 6, 7, 8, 9, 10, 11
KINDS: dict[int, tuple[type, ...]] = {
    STRING: (str,), INTEGER: (int,), BOOLEAN: (bool,), USER: (str, int), CHANNEL: (str, int), NUMBER: (int, float),
    ROLE: (str, int), MENTIONABLE: (str, int), ATTACHMENT: (dict,),
}  # fmt: skip


class UserClient:
    """Acts for the guild's users; refuses what a real client would refuse."""

    def __init__(self, world: World, payloads: Payloads, interactions: Interactions) -> None:
        self._world = world
        self._payloads = payloads
        self._interactions = interactions

    def user(self, user: str | int) -> User:
        for found in self._world.users.values():
            if str(user) in {str(found.id), found.name}:
                return found
        raise ClientRefused(f"There is no user called {user!r}")

    def channel(self, channel: str | int) -> ChatChannel:
        wanted = str(channel).removeprefix("#")
        for found in self._world.channels.values():
            if wanted in {str(found.id), found.name}:
                return found
        raise ClientRefused(f"There is no channel {channel!r}")

    def _role(self, role: str | int) -> Json:
        for found in self._payloads.roles():
            if str(role) in {found["id"], found["name"]}:
                return found
        raise ClientRefused(f"There is no role {role!r}")

    def _mentionable(self, wanted: str | int) -> str:
        """Return the id of a user or of a role."""
        for user in self._world.users.values():
            if str(wanted) in {str(user.id), user.name}:
                return str(user.id)
        return str(self._role(wanted)["id"])

    def message(self, user: User, message_id: str | int) -> ChatMessage:
        message = self._world.messages.get(int(message_id))
        if message is None or message.only_for not in {None, user.id}:
            raise ClientRefused("That message is gone")
        return message

    def _place(self, user: str | int, channel: str | int) -> tuple[User, ChatChannel]:
        who, where = self.user(user), self.channel(channel)
        if not self._world.may_see(where, who.id):
            raise ClientRefused(f"{who.name} cannot see {where.name!r}")
        return who, where

    def say(self, user: str | int, channel: str | int, text: str) -> ChatMessage:
        who, where = self._place(user, channel)
        if not text.strip():
            raise ClientRefused("An empty message cannot be sent")
        draft = compose(self._world, where, Body(json={"content": text}), author_id=who.id)
        return self._world.post(where, who.id, draft)

    def dismiss(self, user: str | int, message_id: str | int) -> None:
        """Remove a message that only this user sees; the application does not learn of it."""
        message = self.message(self.user(user), message_id)
        if message.only_for is None:
            raise ClientRefused("Only private messages can be dismissed")
        self._world.delete_message(message)

    async def slash(self, user: str | int, channel: str | int, command: str, options: Json) -> Interaction:
        who, where = self._place(user, channel)
        synced, chain, offered = self._find(command)
        given = [self._uploaded(one, where) for one in self._filled(offered, options)]
        data = self._command_data(synced, chain, given)
        return await self._interactions.start(
            InteractionKind.COMMAND,
            user_id=who.id,
            channel_id=where.id,
            data=data,
            label="/" + " ".join(command.split()),
        )

    def _uploaded(self, option: Json, where: ChatChannel) -> Json:
        """Upload the file of an option ("filename", and "content" in base64), as the client does before it sends."""
        if option["type"] != ATTACHMENT:
            return option
        file, plain = option["value"], "application/octet-stream"
        content = base64.b64decode(file["content"], validate=True)
        upload = Upload(filename=file["filename"], content_type=file.get("content_type") or plain, content=content)
        (stored,) = attachments_of(self._world, where.id, Body(json={}, files={0: upload}), kept=[])
        self._world.attachments[stored.id] = stored
        return {**option, "value": str(stored.id)}

    async def use_on_message(self, user: str | int, message_id: str | int, command: str) -> Interaction:
        """Choose a synced command of the message's menu."""
        who = self.user(user)
        message = self.message(who, message_id)
        synced = next((c for c in self._world.all_commands() if c["name"] == command and c["type"] == MESSAGE), None)
        if synced is None:
            raise ClientRefused(f"No message command {command!r} is synced")
        target = str(message.id)
        resolved = {"messages": {target: self._payloads.message(message)}}
        return await self._interactions.start(
            InteractionKind.COMMAND,
            user_id=who.id,
            channel_id=message.channel_id,
            data={**self._command_data(synced, [], []), "target_id": target, "resolved": resolved},
            label=command,
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
        """Find the synced command, the group and subcommand below it, and its options."""
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
            if option.get("required") and options.get(name) in (None, ""):
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
        if kind == ROLE:
            value = str(self._role(value)["id"])
        if kind == MENTIONABLE:
            value = self._mentionable(value)
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
            is_role = option["type"] in {ROLE, MENTIONABLE} and int(option["value"]) not in self._world.users
            if is_role:
                resolved.setdefault("roles", {})[option["value"]] = self._role(option["value"])
            elif option["type"] in {USER, MENTIONABLE}:
                user = self._world.user(int(option["value"]))
                member = {k: v for k, v in payloads.member(user).items() if k not in {"user", "deaf", "mute"}}
                resolved.setdefault("users", {})[str(user.id)] = payloads.user(user)
                resolved.setdefault("members", {})[str(user.id)] = {**member, "permissions": "0"}
            if option["type"] == ATTACHMENT:
                file = self._world.attachments[int(option["value"])]
                resolved.setdefault("attachments", {})[str(file.id)] = payloads.attachment(file, ephemeral=True)
            if option["type"] == CHANNEL:
                channel = self._world.channel(int(option["value"]))
                shown = {**payloads.channel(channel), "permissions": "0"}
                resolved.setdefault("channels", {})[str(channel.id)] = shown
        return resolved

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
        if part["type"] != limits.BUTTON:
            data |= self._picked(part, values or [], who)
        return await self._interactions.start(
            InteractionKind.COMPONENT,
            user_id=who.id,
            channel_id=message.channel_id,
            data=data,
            label=str(part.get("label") or part["custom_id"]),
            message_id=message.id,
        )

    def _component(self, message: ChatMessage, button: str) -> Json:
        if MessageFlag.LOADING in message.flags:
            raise ClientRefused("The application is still thinking")
        kinds = {limits.BUTTON, *limits.SELECTS}
        clickable = [part for _, part in limits.walk(message.components) if part.get("type") in kinds]
        for key in ("custom_id", "label"):
            found = [part for part in clickable if part.get(key) == button]
            if len(found) == 1:
                return found[0]
            if found:
                raise ClientRefused(f"{button!r} names {len(found)} buttons; use a custom id")
        raise ClientRefused(f"The message has no button {button!r}")

    def _picked(self, menu: Json, values: list[str], who: User) -> Json:
        """Return what the client sends for these values of a menu, of whichever of the five kinds."""
        world, kind = self._world, menu["type"]
        roles = {role["id"]: role for role in self._payloads.roles()} if kind in {6, 7} else {}
        people = {str(user_id) for user_id in world.users} if kind in {5, 7} else set[str]()
        wanted = menu.get("channel_types") or ([0, 11, 12] if kind == 8 else [])
        channels = {str(c.id) for c in world.channels.values() if c.kind in wanted and world.may_see(c, who.id)}
        offered = {*roles, *people, *channels, *(option["value"] for option in dicts(menu, "options"))}
        if len(set(values)) < len(values) or not set(values) <= offered:
            raise ClientRefused(f"{values!r} is not among the menu's values")
        least, most = menu.get("min_values", 1), menu.get("max_values", 1)
        if not least <= len(values) <= most and (values or menu.get("required", True)):
            raise ClientRefused(f"The menu takes {least} to {most} values")
        if kind == limits.SELECT:
            return {"values": values}
        chosen = [{"type": USER if one in people else CHANNEL, "value": one} for one in values if one not in roles]
        resolved = self._resolved(chosen)
        if named := {one: roles[one] for one in values if one in roles}:
            resolved["roles"] = named
        return {"values": values, "resolved": resolved}

    async def submit_modal(self, user: str | int, interaction_id: str | int, values: Json) -> Interaction:
        """Send the dialog that `interaction_id` opened: by its custom id, a text for each field, a list for each menu.

        The dialog stays open until the application has answered, so that it can be sent again."""
        who = self.user(user)
        opener = self._interactions.by_id.get(int(interaction_id))
        if opener is None or opener.modal is None or opener.user_id != who.id:
            raise ClientRefused("There is no such dialog open")
        if opener.submission is not None and opener.submission.state is not InteractionState.FAILED:
            raise ClientRefused("The dialog was sent already")
        modal = opener.modal
        kinds = {limits.TEXT_INPUT, *limits.SELECTS}
        inputs = {part["custom_id"]: part for _, part in limits.walk(modal["components"]) if part.get("type") in kinds}
        for name in values:
            if name not in inputs:
                raise ClientRefused(f"The dialog has no field {name!r}")
        filled: dict[str, Json] = {}
        resolved: Json = {}
        for name, part in inputs.items():
            if part["type"] in limits.SELECTS:
                filled[name] = self._picked(part, values.get(name, []), who)
                for kind, found in filled[name].pop("resolved", {}).items():
                    resolved.setdefault(kind, {}).update(found)
                continue
            text = values.get(name, part.get("value") or "")
            if part.get("required", True) and not text:
                raise ClientRefused(f"The field {name!r} is required")
            if not part.get("min_length", 0) <= len(text) <= part.get("max_length", 4000) and text:
                raise ClientRefused(f"The field {name!r} has the wrong length")
            filled[name] = {"value": text}
        data = {"custom_id": modal["custom_id"], "components": [_filled_in(p, filled) for p in modal["components"]]}
        opener.submission = await self._interactions.start(
            InteractionKind.MODAL,
            user_id=who.id,
            channel_id=opener.channel_id,
            data=data | ({"resolved": resolved} if resolved else {}),
            label=str(modal["title"]),
            message_id=opener.message_id,
            opener=opener,
        )
        return opener.submission


def _filled_in(part: Json, filled: dict[str, Json]) -> Json:
    """Return a dialog's component as the client sends it back."""
    sent: Json = {"type": part["type"], "id": part.get("id", 0)}
    if part.get("custom_id") in filled:
        return {**sent, "custom_id": part["custom_id"], **filled[part["custom_id"]]}
    if part["type"] == limits.LABEL:
        return {**sent, "component": _filled_in(part["component"], filled)}
    return {**sent, "components": [_filled_in(child, filled) for child in dicts(part, "components")]}
