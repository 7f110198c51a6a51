"""Discord's error answers: status, code and message, as its API reference lists them."""

from __future__ import annotations

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


class ClientRefused(Exception):
    """What a person's client would not let them do: no such command, an option missing, a grey button."""


def not_found() -> ApiError:
    return ApiError(404, 0, "404: Not Found")


def internal() -> ApiError:
    return ApiError(500, 0, "500: Internal Server Error")


def unauthorized() -> ApiError:
    return ApiError(401, 0, "401: Unauthorized")


def unknown_channel() -> ApiError:
    return ApiError(404, 10003, "Unknown Channel")


def unknown_guild() -> ApiError:
    return ApiError(404, 10004, "Unknown Guild")


def unknown_member() -> ApiError:
    return ApiError(404, 10007, "Unknown Member")


def unknown_message() -> ApiError:
    return ApiError(404, 10008, "Unknown Message")


def unknown_user() -> ApiError:
    return ApiError(404, 10013, "Unknown User")


def unknown_webhook() -> ApiError:
    return ApiError(404, 10015, "Unknown Webhook")


def unknown_interaction() -> ApiError:
    return ApiError(404, 10062, "Unknown interaction")


def unknown_command() -> ApiError:
    return ApiError(404, 10063, "Unknown application command")


def already_acknowledged() -> ApiError:
    return ApiError(400, 40060, "Interaction has already been acknowledged.")


def foreign_message() -> ApiError:
    return ApiError(403, 50005, "Cannot edit a message authored by another user")


def empty_message() -> ApiError:
    return ApiError(400, 50006, "Cannot send an empty message")


def missing_permissions() -> ApiError:
    return ApiError(403, 50013, "Missing Permissions")


def expired_token() -> ApiError:
    return ApiError(401, 50027, "Invalid Webhook Token")


def thread_archived() -> ApiError:
    return ApiError(400, 50083, "Thread is archived")


def unreadable_body() -> ApiError:
    return ApiError(400, 50109, "The request body contains invalid JSON.")


def too_large() -> ApiError:
    return ApiError(413, 40005, "Request entity too large")


def thread_exists() -> ApiError:
    return ApiError(400, 160004, "A thread has already been created for this message")


class Problems:
    """Collects what is wrong with a body, by path, and raises it as one 50035."""

    def __init__(self) -> None:
        self._tree: Json = {}

    def add(self, path: str, code: str, message: str) -> None:
        node = self._tree
        for part in path.split(".") if path else []:
            node = node.setdefault(part, {})
        node.setdefault("_errors", []).append({"code": code, "message": message})

    def too_long(self, path: str, value: str, limit: int) -> None:
        if len(value) > limit:
            self.add(path, "BASE_TYPE_MAX_LENGTH", f"Must be {limit} or fewer in length.")

    def required(self, path: str) -> None:
        self.add(path, "BASE_TYPE_REQUIRED", "This field is required")

    def raise_if_any(self) -> None:
        if self._tree:
            raise ApiError(400, 50035, "Invalid Form Body", self._tree)


def invalid_form(path: str, code: str, message: str) -> ApiError:
    return ApiError(400, 50035, "Invalid Form Body", _one(path, code, message))


def _one(path: str, code: str, message: str) -> Json:
    leaf: Json = {"_errors": [{"code": code, "message": message}]}
    for part in reversed(path.split(".") if path else []):
        leaf = {part: leaf}
    return leaf


def missing_access() -> ApiError:
    return ApiError(403, 50001, "Missing Access")


def system_message() -> ApiError:
    return ApiError(403, 50021, "Cannot execute action on a system message")


def thread_locked() -> ApiError:
    return ApiError(403, 160005, "This thread is locked")


def direct_message() -> ApiError:
    return ApiError(403, 50003, "Cannot execute action on a DM channel")


def wrong_channel_kind() -> ApiError:
    return ApiError(400, 50024, "Cannot execute action on this channel type")
