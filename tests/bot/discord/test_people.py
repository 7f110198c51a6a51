"""Users with roles in Discord: who may what, by which role of the server, where, and for how long."""

from __future__ import annotations

import asyncio

from bot.discord.errors import sentence_of
from bot.verbs.catalogue import VERBS
from core.kit.clock import SteadyClock, SystemClock
from core.maintenance.service import Audit
from core.remedies import refused
from core.security.model import OPERATOR, ROLE_ALLOWS, HolderId, Permission, Role
from core.tasks.model import TaskState
from sandbox.discord.model import Json
from tests.bot.discord.test_commands import options_of
from tests.bot.discord.town import DRY_RUN, Town, text_of
from tests.fakes.sandbox_client import wait_thread


async def shown_to(town: Town, wanted: str | None) -> None:
    """Return when Discord shows the commands only to users with the permission `wanted`; None: to all."""
    async with asyncio.timeout(60):
        while True:
            version = town.sandbox.world.version
            if {one["default_member_permissions"] for one in await town.sandbox.commands()} == {wanted}:
                return
            await town.sandbox.changed(version, 60)


async def options_by_command(town: Town) -> dict[str, Json]:
    found = dict[str, Json]()
    for group in await town.sandbox.commands():
        for one in group.get("options", ()) if group["type"] == 1 else ():
            if one["type"] == 1:
                found[f"{group['name']} {one['name']}"] = {} if one["name"] == "claim" else options_of(one)
    return found


async def test_a_role_of_the_server_counts_as_the_role_that_it_is_bound_to(owned: Town) -> None:
    assert await owned.ask("task list", "Ben") == owned.stranger
    crew = owned.sandbox.world.crew_id
    assert await owned.ask("admin bind", who="crew", role="member") == f"<@&{crew}>: **member**"
    assert "T-1" in await owned.ask("task new", "Ben", brief="Count the birds")
    assert await owned.ask("desk stop", "Ben") == owned.refuses(Permission.DESK_USE)
    assert await owned.ask("admin bind", who="Ben", role="viewer", channel="general") == (
        f"<@{owned.sandbox.world.ben.id}>: **viewer** in <#{owned.sandbox.person.channel('general').id}>"
    )
    listed = await owned.ask("admin roles")
    assert f"<@{owned.ada}> (Ada): **owner**" in listed
    assert "Server Settings → Integrations" in listed
    assert await owned.ask("admin unbind", who="crew") == "They no longer have the role member there."
    assert await owned.ask("task list", "Ben") == owned.stranger


async def test_every_command_denies_a_viewer_what_viewers_may_not(owned: Town) -> None:
    await owned.coordinator.people.bind(
        HolderId(f"discord-role:{owned.sandbox.world.crew_id}"), Role.VIEWER, by=OPERATOR
    )
    given, wrong = await options_by_command(owned), dict[str, str]()
    for verb in VERBS:
        if verb.discord != "off" and verb.permission and verb.permission not in ROLE_ALLOWS[Role.VIEWER]:
            answer = await owned.sandbox.slash("Ben", "#octet", verb.full_name, given[verb.full_name])
            text = text_of(await owned.answered(answer))
            if text != owned.refuses(verb.permission):
                wrong[verb.full_name] = text
    assert wrong == {}
    assert (owned.worker.told, await owned.tasks()) == ([], [])


async def test_a_role_bound_to_a_channel_counts_in_its_threads_and_nowhere_else(owned: Town) -> None:
    await owned.ask("admin bind", who="Ben", role="member", channel="octet")
    await owned.ask("task new", "Ben", brief="Count the birds")
    await owned.card("T-1")
    thread = (await wait_thread(owned.sandbox))["id"]
    assert "T-1" in await owned.ask("task list", "Ben", where=thread)
    assert await owned.ask("task list", "Ben", where="#general") == owned.stranger


async def test_a_button_counts_by_the_role_at_the_press(owned: Town) -> None:
    await owned.ask("admin bind", who="Ben", role="operator")
    await owned.ask("task new", brief="Count the birds", agent="Dry-1")
    card = await owned.card("T-1", DRY_RUN)
    await owned.ask("admin bind", who="Ben", role="viewer")
    assert text_of(await owned.press(card, "Cancel", "Ben")) == owned.refuses(Permission.TASK_END)
    await owned.ask("admin unbind", who="Ben")
    assert text_of(await owned.press(card, "Cancel", "Ben")) == owned.refuses(Permission.TASK_END)
    assert (await owned.task()).state is TaskState.WAITING


async def test_discord_shows_the_commands_to_all_once_others_than_owners_have_a_role(owned: Town) -> None:
    manage_guild = str(1 << 5)
    await shown_to(owned, manage_guild)
    await owned.ask("admin bind", who="crew", role="viewer")
    await shown_to(owned, None)
    await owned.ask("admin unbind", who="crew")
    await shown_to(owned, manage_guild)


async def test_users_give_at_most_their_own_role_and_the_last_owner_stays(owned: Town) -> None:
    denied = await owned.ask("admin unbind", who="Ada")
    assert denied == sentence_of(refused("last_owner", id=f"discord:{owned.ada}"))
    assert f"<@{owned.ada}>" in denied
    await owned.ask("admin bind", who="Ben", role="admin")
    too_high = sentence_of(refused("role_too_high", role="owner"))
    assert await owned.ask("admin bind", "Ben", who="Ben", role="owner") == too_high
    assert await owned.ask("admin unbind", "Ben", who="Ada") == too_high
    assert await owned.ask("admin grant", "Ben", who="Ben", role="owner", hours=1, reason="x") == too_high
    await owned.ask("admin bind", who="Ben", role="owner")
    assert await owned.ask("admin unbind", "Ben", who="Ada") == "They no longer have the role owner there."


async def test_a_key_is_shown_once_and_privately(owned: Town) -> None:
    answer = await owned.answer("admin key-new", name="ci", scopes="viewer, task.create")
    secret = text_of(answer).split("`")[1]
    assert answer["sandbox"]["only_for"] == owned.ada
    actor = await owned.coordinator.api_keys.actor(secret)
    assert actor is not None
    assert actor.permissions == ROLE_ALLOWS[Role.MEMBER]
    listed = await owned.ask("admin keys")
    assert "**ci**" in listed
    assert secret not in listed
    await owned.ask("admin key-revoke", name="ci")
    assert await owned.coordinator.api_keys.actor(secret) is None


async def test_the_journals_head_is_posted_for_admins_once_a_day(owned: Town) -> None:
    journal, world = owned.coordinator.journal, owned.sandbox.world
    seq, head = await owned.coordinator.store.write(journal.last)
    octet, channel = owned.coordinator, str(owned.sandbox.person.channel("general").id)
    audit = Audit(octet.store, octet.journal, octet.notices, SteadyClock(SystemClock()), admin_channel=channel)
    await audit.post()
    await audit.post()
    posted = await owned.said("Journal on", f"row {seq}", head)
    assert posted["channel_id"] == str(owned.sandbox.person.channel("general").id)
    assert "admin_channel_id" in await owned.ask("admin audit"), "this town posts it nowhere"
    assert sum("Journal on" in text_of(one) for one in await owned.sandbox.messages(user=world.ada.id)) == 1
