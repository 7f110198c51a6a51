"""Routes about application commands, global and of the guild."""

from __future__ import annotations

import re

from aiohttp import web

from sandbox.discord import errors
from sandbox.discord.errors import Problems
from sandbox.discord.model import Json, dicts
from sandbox.discord.rest.requests import Api, answer, nothing, path_id, query_bool, read, read_list

NAME = re.compile(r"[-_'\w]{1,32}")
PER_SCOPE = {1: 100, 2: 15, 3: 15}
TOTAL = 8000


class CommandRoutes:
    """What the application offers to type."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def routes(self) -> list[web.RouteDef]:
        found: list[web.RouteDef] = []
        application = r"/applications/{application_id:\d+}"
        for scope in (application, application + r"/guilds/{guild_id:\d+}"):
            every, one = scope + "/commands", scope + r"/commands/{command_id:\d+}"
            found += [
                web.get(every, self.list),
                web.put(every, self.replace),
                web.post(every, self.create),
                web.get(one, self.fetch),
                web.patch(one, self.change),
                web.delete(one, self.delete),
            ]
        return found

    def _scope(self, request: web.Request) -> tuple[dict[int, Json], int | None]:
        world = self._api.world
        if path_id(request, "application_id") != world.application_id:
            raise errors.unknown_application()
        if "guild_id" not in request.match_info:
            return world.global_commands, None
        if path_id(request, "guild_id") != world.guild_id or not world.is_invited:
            raise errors.missing_access()
        return world.guild_commands, world.guild_id

    def _command(self, request: web.Request) -> Json:
        command = self._scope(request)[0].get(path_id(request, "command_id"))
        if command is None:
            raise errors.unknown_command()
        return command

    async def list(self, request: web.Request) -> web.Response:
        """With `with_localizations` all translations, as they were synced; without it none."""
        found = list(self._scope(request)[0].values())
        return answer(found if query_bool(request, "with_localizations") else [_untranslated(one) for one in found])

    async def fetch(self, request: web.Request) -> web.Response:
        return answer(self._command(request))

    async def replace(self, request: web.Request) -> web.Response:
        scope, guild_id = self._scope(request)
        wanted = await read_list(request)
        problems = Problems()
        for index, command in enumerate(wanted):
            _check_command(problems, str(index), command)
        _check_together(problems, wanted)
        problems.raise_if_any()
        ids = {(command["type"], command["name"]): command["id"] for command in scope.values()}
        made = [self._made(command, guild_id, ids.get((command.get("type", 1), command["name"]))) for command in wanted]
        self._api.world.replace_commands(scope, made)
        return answer(made)

    async def create(self, request: web.Request) -> web.Response:
        scope, guild_id = self._scope(request)
        wanted = (await read(request)).json
        problems = Problems()
        _check_command(problems, "", wanted)
        problems.raise_if_any()
        kept = [c for c in scope.values() if (c["type"], c["name"]) != (wanted.get("type", 1), wanted["name"])]
        same = [c["id"] for c in scope.values() if c not in kept]
        made = self._made(wanted, guild_id, same[0] if same else None)
        _check_together(problems, [*kept, made])
        problems.raise_if_any()
        self._api.world.replace_commands(scope, [*kept, made])
        return answer(made, status=200 if same else 201)

    async def change(self, request: web.Request) -> web.Response:
        scope, guild_id = self._scope(request)
        command = self._command(request)
        wanted = {**command, **(await read(request)).json}
        problems = Problems()
        _check_command(problems, "", wanted)
        problems.raise_if_any()
        made = self._made(wanted, guild_id, command["id"])
        self._api.world.replace_commands(scope, [made if c is command else c for c in scope.values()])
        return answer(made)

    async def delete(self, request: web.Request) -> web.Response:
        scope, _ = self._scope(request)
        command = self._command(request)
        self._api.world.replace_commands(scope, [c for c in scope.values() if c is not command])
        return nothing()

    def _made(self, wanted: Json, guild_id: int | None, command_id: str | None) -> Json:
        world, permissions = self._api.world, wanted.get("default_member_permissions")
        made: Json = {
            "id": command_id or str(world.new_id()),
            "application_id": str(world.application_id),
            "version": str(world.new_id()),
            "type": wanted.get("type") or 1,
            "name": wanted["name"],
            "name_localizations": wanted.get("name_localizations"),
            "description": wanted.get("description") or "",
            "description_localizations": wanted.get("description_localizations"),
            "default_member_permissions": None if permissions is None else str(permissions),
            "dm_permission": wanted.get("dm_permission") is not False,
            "contexts": wanted.get("contexts"),
            "integration_types": wanted.get("integration_types") or [0],
            "nsfw": bool(wanted.get("nsfw")),
        }
        if guild_id is not None:
            made["guild_id"] = str(guild_id)
        if wanted.get("options"):
            made["options"] = [_made_option(option) for option in wanted["options"]]
        return made


def _untranslated(part: Json) -> Json:
    shown = {key: value for key, value in part.items() if not key.endswith("_localizations")}
    return shown | {key: list(map(_untranslated, dicts(shown, key))) for key in {"options", "choices"} & shown.keys()}


def _made_option(option: Json) -> Json:
    made = {key: value for key, value in option.items() if value is not None}
    for key in ("options", "choices"):
        if made.get(key):
            made[key] = [_made_option(child) for child in made[key]]
    return made


def _check_command(problems: Problems, path: str, command: Json) -> None:
    at = f"{path}." if path else ""
    if (command.get("type") or 1) == 1:
        if not _is_name(command["name"]):
            problems.add(f"{at}name", "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid")
        if not command.get("description"):
            problems.required(f"{at}description")
        _check_options(problems, at, command)
    if _weight(command) > TOTAL:
        problems.add(path, "APPLICATION_COMMAND_TOO_LARGE", f"Command exceeds maximum size ({TOTAL})")


def _is_name(name: str) -> bool:
    return bool(NAME.fullmatch(name)) and name == name.lower()


def _check_options(problems: Problems, at: str, part: Json) -> None:
    options = dicts(part, "options")
    names = [option.get("name") for option in options]
    if len(names) != len(set(names)):
        problems.add(f"{at}options", "APPLICATION_COMMAND_OPTIONS_NAME_DUPLICATED", "Option names must be unique")
    optional_seen = False
    for index, option in enumerate(options):
        here = f"{at}options.{index}."
        if not _is_name(option["name"]):
            problems.add(f"{here}name", "STRING_TYPE_REGEX", "String value did not match validation regex.")
        _check_options(problems, here, option)
        if option.get("required") and optional_seen:
            text = "Required options must be placed before non-required options"
            problems.add(f"{here}required", "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID", text)
        optional_seen = optional_seen or not option.get("required")


def _check_together(problems: Problems, commands: list[Json]) -> None:
    for kind, most in PER_SCOPE.items():
        names = [command.get("name") for command in commands if (command.get("type") or 1) == kind]
        if len(names) > most:
            text = f"Maximum number of application commands reached ({most})"
            problems.add("", "MAX_APPLICATION_COMMANDS", text)
        if len(names) != len(set(names)):
            problems.add("", "APPLICATION_COMMANDS_DUPLICATE_NAME", "Application command names must be unique")


def _weight(part: Json) -> int:
    own = sum(len(str(part.get(key) or "")) for key in ("name", "description"))
    values = sum(len(str(choice.get("name"))) + len(str(choice.get("value"))) for choice in dicts(part, "choices"))
    return own + values + sum(_weight(option) for option in dicts(part, "options"))
