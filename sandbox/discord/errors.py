"""Discord's error answers: status, code and message, as its API reference lists them."""

from __future__ import annotations

from functools import partial

from sandbox.discord.model import Json


class ApiError(Exception):
    """An answer other than success, with Discord's own body."""

    def __init__(self, status: int, code: int, message: str, errors: Json | None = None) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.errors = errors

    def body(self) -> Json:
        body: Json = {"message": self.message, "code": self.code}
        if self.errors is not None:
            body["errors"] = self.errors
        return body


# Call one to get the error to raise: status, code and message.
too_many_pins = partial(ApiError, 400, 30003, "Maximum number of pins reached for the channel (250)")
already_acknowledged = partial(ApiError, 400, 40060, "Interaction has already been acknowledged.")
empty_message = partial(ApiError, 400, 50006, "Cannot send an empty message")
wrong_channel_kind = partial(ApiError, 400, 50024, "Cannot execute action on this channel type")
invalid_recipient = partial(ApiError, 400, 50033, "Invalid Recipient(s)")
thread_archived = partial(ApiError, 400, 50083, "Thread is archived")
unreadable_body = partial(ApiError, 400, 50109, "The request body contains invalid JSON.")
thread_exists = partial(ApiError, 400, 160004, "A thread has already been created for this message")
unauthorized = partial(ApiError, 401, 0, "401: Unauthorized")
expired_token = partial(ApiError, 401, 50027, "Invalid Webhook Token")
missing_access = partial(ApiError, 403, 50001, "Missing Access")
direct_message = partial(ApiError, 403, 50003, "Cannot execute action on a DM channel")
foreign_message = partial(ApiError, 403, 50005, "Cannot edit a message authored by another user")
missing_permissions = partial(ApiError, 403, 50013, "Missing Permissions")
system_message = partial(ApiError, 403, 50021, "Cannot execute action on a system message")
reply_without_history = partial(ApiError, 403, 160002, "Cannot reply without permission to read message history")
thread_locked = partial(ApiError, 403, 160005, "This thread is locked")
not_found = partial(ApiError, 404, 0, "404: Not Found")
unknown_application = partial(ApiError, 404, 10002, "Unknown Application")
unknown_channel = partial(ApiError, 404, 10003, "Unknown Channel")
unknown_guild = partial(ApiError, 404, 10004, "Unknown Guild")
unknown_member = partial(ApiError, 404, 10007, "Unknown Member")
unknown_message = partial(ApiError, 404, 10008, "Unknown Message")
unknown_user = partial(ApiError, 404, 10013, "Unknown User")
unknown_webhook = partial(ApiError, 404, 10015, "Unknown Webhook")
unknown_interaction = partial(ApiError, 404, 10062, "Unknown interaction")
unknown_command = partial(ApiError, 404, 10063, "Unknown application command")
method_not_allowed = partial(ApiError, 405, 0, "405: Method Not Allowed")
too_large = partial(ApiError, 413, 40005, "Request entity too large")
internal = partial(ApiError, 500, 0, "500: Internal Server Error")


class ClientRefused(Exception):
    """A user's client refuses this: no such command, an option missing, a grey button."""


class Problems:
    """Collects the problems of a request, by path, and raises them as one 50035."""

    def __init__(self) -> None:
        self.found: list[tuple[str, str, str]] = []
        self.not_kept: list[str] = []  # paths of fields that Discord takes and the sandbox does not keep
        self.unknown: list[str] = []  # paths of fields that Discord's description lacks, and Discord ignores

    def add(self, path: str, code: str, message: str) -> None:
        self.found.append((path, code, message))

    def extend(self, other: Problems) -> None:
        self.found += other.found
        self.not_kept += other.not_kept
        self.unknown += other.unknown

    def bad_length(self, path: str, length: int, least: int, most: int | None) -> None:
        if least <= length and (most is None or length <= most):
            return
        if most is None:
            self.add(path, "BASE_TYPE_MIN_LENGTH", f"Must be {least} or more in length.")
        elif least == 0:
            self.add(path, "BASE_TYPE_MAX_LENGTH", f"Must be {most} or fewer in length.")
        else:
            self.add(path, "BASE_TYPE_BAD_LENGTH", f"Must be between {least} and {most} in length.")

    def required(self, path: str) -> None:
        self.add(path, "BASE_TYPE_REQUIRED", "This field is required")

    def raise_if_any(self) -> None:
        if self.found:
            raise self.error()
        if self.not_kept:
            raise not_kept(self.not_kept)

    def error(self) -> ApiError:
        tree: Json = {}
        for path, code, message in self.found:
            node = tree
            for part in path.split(".") if path else []:
                node = node.setdefault(part, {})
            node.setdefault("_errors", []).append({"code": code, "message": message})
        return ApiError(400, 50035, "Invalid Form Body", tree)


def not_kept(paths: list[str]) -> ApiError:
    """Discord takes these fields; the sandbox would lose them, and says so instead."""
    names = ", ".join(f"'{path}'" for path in paths)
    return ApiError(
        501, 0, f"501: The local Discord does not keep {names} (sandbox/discord/description/exceptions.toml)"
    )


def invalid_form(path: str, code: str, message: str) -> ApiError:
    problems = Problems()
    problems.add(path, code, message)
    return problems.error()
