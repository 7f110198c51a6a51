"""Routes by which the application answers interactions: the callback, and follow-ups by the interaction's token."""

from __future__ import annotations

import time

from aiohttp import web

from sandbox.discord.model import CallbackKind, Interaction, Json
from sandbox.discord.rest.requests import Api, answer, nothing, path_id, query_bool, read


class InteractionRoutes:
    """What the application says to a person's act."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def routes(self) -> list[web.RouteDef]:
        webhook = r"/webhooks/{webhook_id:\d+}/{webhook_token}"
        one = webhook + r"/messages/{message_id:\d+|@original}"
        return [
            web.post(r"/interactions/{interaction_id:\d+}/{interaction_token}/callback", self.callback),
            web.post(webhook, self.follow_up),
            web.get(one, self.fetch),
            web.patch(one, self.edit),
            web.delete(one, self.delete),
        ]

    async def callback(self, request: web.Request) -> web.Response:
        received_at = time.monotonic()
        body = await read(request)
        interaction = self._api.interactions.answer(
            path_id(request, "interaction_id"), request.match_info["interaction_token"], body, received_at
        )
        if not query_bool(request, "with_response"):
            return nothing()
        return answer(self._callback_response(interaction))

    def _callback_response(self, interaction: Interaction) -> Json:
        message = self._api.world.messages.get(interaction.original_id or 0)
        about: Json = {"id": str(interaction.id), "type": int(interaction.kind)}
        kind = interaction.callback
        assert kind is not None
        resource: Json = {"type": int(kind)}
        if message is not None:
            about |= {
                "response_message_id": str(message.id),
                "response_message_loading": message.is_thinking,
                "response_message_ephemeral": message.only_for is not None,
            }
            if kind in {CallbackKind.MESSAGE, CallbackKind.UPDATE}:
                resource["message"] = self._api.payloads.message(message)
        if kind in {CallbackKind.MESSAGE, CallbackKind.UPDATE}:
            return {"interaction": about, "resource": resource}
        return {"interaction": about}

    def _interaction(self, request: web.Request) -> Interaction:
        return self._api.interactions.by_token(path_id(request, "webhook_id"), request.match_info["webhook_token"])

    def _message_id(self, request: web.Request) -> int | None:
        text = request.match_info["message_id"]
        return None if text == "@original" else int(text)

    async def follow_up(self, request: web.Request) -> web.Response:
        body = await read(request)
        message = self._api.interactions.follow_up(self._interaction(request), body)
        return answer(self._api.payloads.message(message))

    async def fetch(self, request: web.Request) -> web.Response:
        message = self._api.interactions.message_of(self._interaction(request), self._message_id(request))
        return answer(self._api.payloads.message(message))

    async def edit(self, request: web.Request) -> web.Response:
        body = await read(request)
        message = self._api.interactions.message_of(self._interaction(request), self._message_id(request))
        return answer(self._api.payloads.message(self._api.interactions.edit(message, body)))

    async def delete(self, request: web.Request) -> web.Response:
        message = self._api.interactions.message_of(self._interaction(request), self._message_id(request))
        self._api.world.delete_message(message)
        return nothing()
