"""The gateway to the openai package: one prompt becomes one streamed request to one model.

It keeps no conversation and repeats nothing. It says what became of the request as an Outcome."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING

from core.deliveries.model import Assurance, LaneAnswer, Outcome, Reason, Result, Usage
from core.limits import ANSWER
from core.settings.model import Model

if TYPE_CHECKING:
    from openai import APIConnectionError, APIStatusError, AsyncOpenAI
    from openai.types import CompletionUsage

CONNECT_S = 10.0
TELL_EVERY_S = 1.0
_NO_KEY = "none"  # the package wants a key, also for servers that ask for none
_LIMITED, _TOO_LARGE, _SERVER_FAILED = 429, 413, 500
_DENIED = frozenset({401, 403, 404, 405})  # the key, the address or the model's name is wrong: no prompt will be taken
_TOO_LONG_CODES = frozenset({"context_length_exceeded", "string_above_max_length"})
_WHOLE = "stop"
_MOST_TOKENS = 10**9  # a server that reports more is not believed


class ModelClient:
    """Asks one model. The package is imported, and the client made, with the first prompt."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._client: AsyncOpenAI | None = None

    async def prepare(self) -> None:
        """Make the client, if there is none yet; in a thread, because the import takes about a second."""
        if self._client is None:
            self._client = await asyncio.to_thread(_client, self._model)

    async def ask(self, text: str, tell: Callable[[str], Awaitable[None]]) -> Outcome:
        """Send `text`, read the whole answer, and `tell` the text so far once a second. Call `prepare`
        first. DELIVERED carries the answer. NOT_ARRIVED: the server was not reached, or refused the request. UNKNOWN:
        the request was sent, and no whole answer came back."""
        from openai import APIConnectionError, APIStatusError, OpenAIError

        assert self._client is not None
        try:
            return await self._read_answer(self._client, text, tell)
        except APIStatusError as error:
            return _refused(error)
        except APIConnectionError as error:
            return _disconnected(error)
        except (OpenAIError, ValueError, TypeError, AttributeError) as error:
            # An error inside the stream, an event that is not JSON, or one of another shape: the package checks none.
            return cut(f"the answer broke off ({type(error).__name__})")

    async def _read_answer(self, client: AsyncOpenAI, text: str, tell: Callable[[str], Awaitable[None]]) -> Outcome:
        from openai import omit

        parts, length, finish, shown_s, usage = list[str](), 0, "", -TELL_EVERY_S, None
        asked = client.chat.completions.create(
            model=self._model.model,
            messages=[{"role": "user", "content": text}],
            stream=True,
            stream_options={"include_usage": True} if self._model.asks_usage else omit,
        )
        async with await asked as stream:
            async for chunk in stream:
                usage = chunk.usage or usage
                for choice in (chunk.choices or ())[:1]:  # some servers leave it out beside the usage
                    parts.append(choice.delta.content or choice.delta.refusal or "")
                    length += len(parts[-1])
                    finish = choice.finish_reason or finish
                if (now_s := time.monotonic()) - shown_s >= TELL_EVERY_S and length:
                    shown_s = now_s
                    await tell("".join(parts))
                if length > ANSWER.most:
                    finish = "length"
                    break
        if not finish:
            return cut("the stream ended before the answer did")
        used = None if usage is None else self._used(usage)
        answer = LaneAnswer(text="".join(parts)[: ANSWER.most], is_whole=finish == _WHOLE, usage=used)
        note = "" if answer.is_whole else f"the model stopped early: {finish}"
        return Outcome(result=Result.DELIVERED, assurance=Assurance.ANSWERED, answer=answer, note=note)

    def _used(self, reported: CompletionUsage) -> Usage | None:
        """Return the tokens and their price; None for numbers that cannot be true: the package checks none."""
        tokens = reported.prompt_tokens, reported.completion_tokens
        if not all(type(count) is int and 0 <= count <= _MOST_TOKENS for count in tokens):
            return None
        prices = self._model.input_price, self._model.output_price
        cost = None if None in prices else round(sum(n * (price or 0) for n, price in zip(tokens, prices, strict=True)))
        return Usage(input_tokens=tokens[0], output_tokens=tokens[1], cost_micros=cost)


def cut(note: str) -> Outcome:
    """Return the outcome of a request that was sent, and whose answer was lost."""
    return Outcome(result=Result.UNKNOWN, reason=Reason.ANSWER_LOST, note=note)


def _client(model: Model) -> AsyncOpenAI:
    import httpx2
    from openai import AsyncOpenAI, DefaultAsyncHttpxClient

    return AsyncOpenAI(
        base_url=model.base_url,
        api_key=_NO_KEY if model.key is None else model.key.get_secret_value(),
        max_retries=0,  # dispatch decides about retries
        http_client=DefaultAsyncHttpxClient(
            timeout=httpx2.Timeout(model.timeout_s, connect=CONNECT_S),
            limits=httpx2.Limits(max_keepalive_connections=0),  # nothing stays open that a reload would have to close
            trust_env=not model.is_local,  # a proxy cannot reach this machine's loopback
        ),
    )


def _refused(error: APIStatusError) -> Outcome:
    """Return what a status other than 2xx means. Only the status and the code are kept: the text may repeat the key."""
    code = (error.code or "") if (error.code or "").replace("_", "").isalnum() else ""
    note = f"HTTP {error.status_code} {code}".strip()
    if error.status_code == _LIMITED:
        reason = Reason.RATE_LIMITED
    elif error.status_code in _DENIED:
        reason = Reason.MODEL_DENIED
    elif error.status_code == _TOO_LARGE or code in _TOO_LONG_CODES:
        reason = Reason.TOO_LONG
    elif error.status_code >= _SERVER_FAILED:
        reason = Reason.UNREACHABLE
    else:
        reason = Reason.TEXT_REFUSED
    return Outcome(
        result=Result.NOT_ARRIVED, reason=reason, note=note, retry_after_s=_retry_after_s(error.response.headers)
    )


def _disconnected(error: APIConnectionError) -> Outcome:
    """Tell a request that never left from one that was cut off: only the connection's own failures come before it."""
    import httpx2

    if isinstance(error.__cause__, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.UnsupportedProtocol):
        note = f"no connection ({type(error.__cause__).__name__})"
        return Outcome(result=Result.NOT_ARRIVED, reason=Reason.UNREACHABLE, note=note)
    return cut(f"the connection ended before the answer did ({type(error.__cause__ or error).__name__})")


def _retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Return how long the server asks to be left alone; None where it gives no number."""
    for name, unit_s in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            return max(0.0, float(headers[name]) * unit_s)
        except (KeyError, ValueError):
            continue
    return None
