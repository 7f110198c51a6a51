"""Drafts of messages: a request's body and files, checked against the limits, ready to apply."""

from __future__ import annotations

import io
import mimetypes
import re
import warnings
from dataclasses import dataclass, field, replace
from typing import Any

from PIL import Image

from sandbox.discord import errors, limits
from sandbox.discord.errors import Problems
from sandbox.discord.model import (
    ChatAttachment,
    ChatChannel,
    ChatMessage,
    ChatPermission,
    Json,
    MessageDraft,
    MessageFlag,
    dicts,
    within,
)
from sandbox.discord.world import World

SETTABLE_FLAGS = MessageFlag.SUPPRESS_EMBEDS | MessageFlag.SUPPRESS_NOTIFICATIONS | MessageFlag.COMPONENTS_V2
USER_MENTION = re.compile(r"<@!?(\d+)>")
EVERYONE = re.compile(r"@(everyone|here)\b")
CODE = re.compile(r"(?<!`)(`+)(?!`).+?(?<!`)\1(?!`)", re.DOTALL)
"""A span or a block of code, inside which nothing is a mention."""

PICTURES = ("PNG", "JPEG", "GIF", "WEBP")


@dataclass(slots=True, kw_only=True, frozen=True)
class Upload:
    """One file of a multipart request."""

    filename: str
    content_type: str
    content: bytes


@dataclass(slots=True, kw_only=True, frozen=True)
class Body:
    """A request's JSON and the files that came with it, by their number."""

    json: Json
    files: dict[int, Upload] = field(default_factory=dict[int, Upload])


def compose(world: World, channel: ChatChannel, body: Body, *, author_id: int | None = None) -> MessageDraft:
    """Draft a new message, by default of the bot. Raises Discord's error for what Discord refuses."""
    json = body.json
    flags = _flags(json)
    attachments = attachments_of(world, channel.id, body, kept=[])
    draft = MessageDraft(
        content=json.get("content") or "",
        embeds=dicts(json, "embeds"),
        components=dicts(json, "components"),
        attachments=attachments,
        flags=flags,
        nonce=json.get("nonce"),
    )
    _check(draft, body)
    reply_to = _reply_to(world, channel, json)
    draft = _numbered(replace(draft, reply_to=reply_to))
    return _with_mentions(world, channel, draft, json.get("allowed_mentions"), author_id or world.bot.id)


def revise(world: World, message: ChatMessage, body: Body) -> MessageDraft:
    """Draft `message` after an edit: what the body does not name stays."""
    json = body.json
    flags = message.flags & ~MessageFlag.LOADING
    if "flags" in json:
        asked = _flags(json)
        flags = (flags & ~SETTABLE_FLAGS) | asked | (flags & MessageFlag.COMPONENTS_V2)
    kept = message.attachments
    if "attachments" in json:
        wanted = {int(a["id"]) for a in dicts(json, "attachments")}
        kept = [attachment for attachment in message.attachments if attachment.id in wanted]
    draft = MessageDraft(
        content=json["content"] or "" if "content" in json else message.content,
        embeds=dicts(json, "embeds") if "embeds" in json else message.embeds,
        components=dicts(json, "components") if "components" in json else message.components,
        attachments=attachments_of(world, message.channel_id, body, kept=kept),
        flags=flags,
        nonce=message.nonce,
        reply_to=message.reply_to,
    )
    _check(draft, body)
    draft = _numbered(draft)
    channel = world.channels.get(message.channel_id)
    if channel is None or not json.keys() & {"content", "components"}:
        return replace(draft, mentions=message.mentions, mentions_everyone=message.mentions_everyone)
    return _with_mentions(world, channel, draft, json.get("allowed_mentions"), message.author_id)


def _flags(json: Json) -> MessageFlag:
    return MessageFlag(json.get("flags") or 0) & SETTABLE_FLAGS


def attachments_of(world: World, channel_id: int, body: Body, *, kept: list[ChatAttachment]) -> list[ChatAttachment]:
    """Make attachments of a request's files, beside those that are kept. Raises Discord's error for too large ones."""
    sizes = [len(upload.content) for upload in body.files.values()]
    if sizes and (max(sizes) > limits.FILE_BYTES or sum(sizes) > limits.REQUEST_BYTES):
        raise errors.too_large()
    described = {str(a.get("id")): a for a in dicts(body.json, "attachments")}
    added: list[ChatAttachment] = []
    for number, upload in sorted(body.files.items()):
        about: Json = described.get(str(number), {})
        added.append(
            ChatAttachment(
                id=world.new_id(),
                channel_id=channel_id,
                filename=(name := _safe_name(str(about.get("filename") or upload.filename))),
                content_type=_content_type(name, upload.content_type),
                content=upload.content,
                description=about.get("description"),
                size=_picture_size(upload.content),
            )
        )
    return [*kept, *added]


def _picture_size(content: bytes) -> tuple[int, int] | None:
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(io.BytesIO(content), formats=PICTURES) as picture:
            return picture.size
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None  # not a readable picture


def _safe_name(name: str) -> str:
    return re.sub(r"[^\w.\-]", "_", name).lstrip(".") or "file"


def _content_type(name: str, told: str) -> str:
    """Return the sender's type; where it says nothing, as with discord.py, the type of the name."""
    return told if told != "application/octet-stream" else mimetypes.guess_type(name)[0] or told


def _check(draft: MessageDraft, body: Body) -> None:
    problems = Problems()
    is_v2 = MessageFlag.COMPONENTS_V2 in draft.flags
    problems.bad_length("content", len(draft.content), 0, limits.CONTENT)
    limits.check_embeds(problems, draft.embeds)
    limits.check_components(problems, draft.components, is_v2=is_v2)
    if is_v2:
        for name, is_used in (("content", bool(draft.content)), ("embeds", bool(draft.embeds))):
            if is_used:
                problems.add(
                    name,
                    "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2",
                    f"The '{name}' field cannot be used when using MessageFlags.IS_COMPONENTS_V2",
                )
    mentions = within(body.json, "allowed_mentions")
    for name in ("users", "roles"):
        if mentions.get(name) and name in (mentions.get("parse") or []):
            text = f"parse:[{name!r}] and {name}: [ids...] are mutually exclusive."
            problems.add("allowed_mentions", "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE", text)
    names = {attachment.filename for attachment in draft.attachments}
    for path, url in _attachment_links(draft):
        if url.startswith("attachment://") and url.removeprefix("attachment://") not in names:
            problems.add(path, "UNFURLED_MEDIA_ITEM_REFERENCED_ATTACHMENT_NOT_FOUND", f"No attachment named {url!r}")
    problems.raise_if_any()
    if not (draft.content.strip() or draft.embeds or draft.components or draft.attachments):
        raise errors.empty_message()


def _attachment_links(draft: MessageDraft) -> list[tuple[str, str]]:
    """List the addresses of media, each with the path of its component."""
    return [
        (path, item["url"])
        for path, part in limits.walk(draft.components)
        for item in (part.get("media"), part.get("file"), *[one["media"] for one in dicts(part, "items")])
        if item
    ]


def _reply_to(world: World, channel: ChatChannel, json: Json) -> int | None:
    reference: Json | None = json.get("message_reference")
    if not reference:
        return None
    message_id = int(reference["message_id"])
    message = world.messages.get(message_id)
    if message is None or message.channel_id != channel.id:
        if reference.get("fail_if_not_exists", True):
            raise errors.invalid_form("message_reference", "REPLIES_UNKNOWN_MESSAGE", "Unknown message")
        return None
    if message.is_system:
        raise errors.invalid_form(
            "message_reference", "REPLIES_CANNOT_REPLY_TO_SYSTEM_MESSAGE", "Cannot reply to a system message"
        )
    return message_id


def _numbered(draft: MessageDraft) -> MessageDraft:
    components = [dict(component) for component in draft.components]
    _number(components)
    return replace(draft, components=components)


def _with_mentions(
    world: World, channel: ChatChannel, draft: MessageDraft, allowed: Json | None, author_id: int
) -> MessageDraft:
    text = "\n".join(CODE.sub("", part) for part in [draft.content, *limits.displayed_text(draft.components)])
    may = world.may(author_id, channel, ChatPermission.MENTION_EVERYONE)
    everyone = may and bool(EVERYONE.search(text)) and _allows(allowed, "everyone")
    named = {int(found) for found in USER_MENTION.findall(text)}
    if allowed is not None and not _allows(allowed, "users"):
        listed: list[Any] = allowed.get("users") or []
        named &= {int(one) for one in listed if one is not None}
    original = world.messages.get(draft.reply_to or 0)
    if original is not None and (allowed is None or allowed.get("replied_user")):
        named.add(original.author_id)
    mentions = frozenset(named & set(world.users))
    pings = frozenset(world.users) if everyone else mentions
    return replace(draft, mentions=mentions, pings=pings, mentions_everyone=everyone)


def _allows(allowed: Json | None, kind: str) -> bool:
    return allowed is None or kind in (allowed.get("parse") or [])


def _number(components: list[Json]) -> None:
    """Give every component the id that Discord gives: counted in order, unless the sender chose one."""
    parts = [part for _, part in limits.walk(components)]
    taken = {part["id"] for part in parts if part.get("id")}
    number = 0
    for part in parts:
        if not part.get("id"):
            number += 1
            while number in taken:
                number += 1
            part["id"] = number
