"""How a verb is declared: one typed async function `(octet, …parameters, by)` under `@Verb(…)`.

Its signature is the schema, its docstring the help, its return type the result. Parameters before `by` that are
positional are arguments on the command line, keyword-only ones are options; the fields of a dataclass among them are
parameters in the same way. Each interface reads `VERBS` of `bot.verbs.catalogue` and makes its own form of them;
nothing here knows an interface."""

from __future__ import annotations

import inspect
import string
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import KW_ONLY, MISSING, dataclass, field, fields, is_dataclass, replace
from enum import Enum, Flag, auto
from functools import cached_property, partial
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from core.limits import NAME, NAMES, Limit, check
from core.notices.model import Place
from core.security.model import Actor, Permission

if TYPE_CHECKING:
    from core.coordinator import Coordinator
else:
    Coordinator = object  # Verbs know it by name only: its modules are slow to import

_NO_PARAMETERS = {"octet", "origin", "by", "return"}
REQUIRED = inspect.Parameter.empty  # the default of a parameter that has none


class On(Flag):
    """The interfaces beside Discord that offer a verb."""

    HTTP = auto()
    CLI = auto()
    NO_PROGRAM = 0
    PROGRAMS = HTTP | CLI


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What an interface knows about a request beside its parameters. A verb gets it as its parameter `origin`."""

    key: str | None = None  # Octet carries a request with the same key out once
    place: Place = field(default=Place())
    thread: str = ""
    url: str = ""  # the address at which the request found Octet


class Picks(Enum):
    """What a parameter names in Discord, which has a picker for it; other interfaces take its id as a text."""

    USER = auto()
    USER_OR_ROLE = auto()
    CHANNEL = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterKind:
    """What the annotation of a parameter says beside its type."""

    help: str
    parse: Callable[[Any], Any] | None = None  # reads the value from what an interface got
    takes: Any = None  # what an interface takes for it, where the type does not say
    suggest: Callable[[Coordinator, str, Actor], Sequence[tuple[str, str]]] | None = None
    """Finds values that fit the typed text, each with its label, from memory only."""
    choices: Mapping[Any, str] | None = None  # the values there are, each with its label
    picks: Picks | None = None
    is_text: bool = False  # A long text: a form, a file or standard input can give it
    is_file: bool = False  # a file, which Discord and the command line read for the user
    for_programs: bool = False  # Discord does not offer it
    option: str = ""  # its option of an agent's command; empty: its name, and an argument where the signature says so


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One parameter of a verb, as interfaces see it."""

    name: str
    type: Any  # what an interface takes for it: str, int, bool or list[str]
    default: Any
    is_option: bool
    kind: ParameterKind
    help: str
    limit: Limit

    @property
    def is_required(self) -> bool:
        return self.default is REQUIRED

    def read(self, value: Any) -> Any:
        """Return an interface's value, checked and parsed. A text may hold several values, separated by commas, so the
        limits of a list count once it is parsed."""
        is_cut = self.kind.parse is not None and self.limit.each is not None
        if is_cut:
            parts: list[Any] = [value] if isinstance(value, str) else list(value)
            value = [check(self.name, one, self.limit.whole) for one in parts]
        else:
            value = check(self.name, value, self.limit)
        value = self.kind.parse(value) if self.kind.parse else value
        return check(self.name, value, self.limit) if is_cut else value


async def _undeclared(*_: Any, **__: Any) -> Any:
    raise NotImplementedError("this verb decorates no function yet")


@dataclass(frozen=True, eq=False)
class Verb:
    """One verb: the decorator of the function that does it. Its name is that function's unless `name` is given."""

    group: str
    permission: Permission | None  # none: whatever the verb takes proves the right to it
    route: str = ""  # `POST /tasks/{task}/cancel`, below /api/v2; empty without HTTP
    _: KW_ONLY
    name: str = ""
    own: str = ""  # who may do it without the permission, such as "who asked for the task"; empty: no other actor
    on: On = On.PROGRAMS
    discord: Literal["default", "group", "off"]
    """Whether Discord offers it as a command: always, while its group is switched on, or never."""
    mcp: str = ""  # its name as an agent's tool; empty: it is not a tool
    needs_delegator: bool = False  # as a tool it is for agents that may give work to others
    command: str = ""
    """The agents' command, such as `inbox`; `inbox --ack`: that option calls the verb and gives its first parameter."""
    resource: str = ""  # its address as an agent's resource, such as octet://task; it takes no parameters
    undo: str = ""  # the verb of this group that undoes it; empty: none does
    says: str | Callable[[Any], str] = ""
    """The sentence about its result `it`; empty: the interface presents the result by its type."""
    is_slow: bool = False  # it may take minutes
    call: Callable[..., Awaitable[Any]] = _undeclared

    def __call__(self, call: Callable[..., Awaitable[Any]]) -> Verb:
        return replace(self, call=call, name=self.name or call.__name__.replace("_", "-"))

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        found: list[Parameter] = []
        for one in inspect.signature(self.call).parameters.values():
            hint = self._hints[one.name]
            if one.name in self._shapes:
                found += _fields(*_parts(hint))
            elif one.name not in _NO_PARAMETERS:
                is_option = one.kind is inspect.Parameter.KEYWORD_ONLY
                found.append(_parameter(one.name, hint, default=one.default, is_option=is_option))
        return tuple(found)

    @cached_property
    def result(self) -> Any:
        return self._hints["return"]

    @property
    def full_name(self) -> str:
        """The words by which users call it, such as `task new`."""
        return f"{self.group} {self.name}".strip()

    def is_offered(self, groups: Collection[str]) -> bool:
        """Tell whether Discord has it as a command while these groups are switched on."""
        return self.discord == "default" or (self.discord == "group" and self.group in groups)

    @property
    def wants_origin(self) -> bool:
        return "origin" in self._hints

    @property
    def help(self) -> str:
        return inspect.getdoc(self.call) or ""

    @property
    def summary(self) -> str:
        """The first sentence of its docstring, without the full stop."""
        return self.help.partition("\n")[0].removesuffix(".")

    async def run(self, octet: Coordinator, given: Mapping[str, Any], *, by: Actor, origin: Origin) -> Any:
        """Call the verb with an interface's values. Raises core's errors, and Invalid for an unreadable value."""
        read = self.read(given)
        if self.wants_origin:
            read["origin"] = origin
        return await self.call(octet, **read, by=by)

    def read(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Check and parse an interface's values. A parameter without a value keeps the default of its signature."""
        read = {one.name: one.read(value) for one in self.parameters if (value := given.get(one.name)) is not None}
        for name, shape in self._shapes.items():
            read[name] = shape(**{one.name: read.pop(one.name) for one in fields(shape) if one.name in read})
        return read

    def sentence(self, result: Any, escape: Callable[[str], str]) -> str:
        """Write the sentence about a result, its values escaped for the interface; empty where there is none."""
        return _Sentence(escape).format(self.says, it=result) if isinstance(self.says, str) else self.says(result)

    @cached_property
    def _shapes(self) -> dict[str, Any]:
        """The dataclasses whose fields are parameters, each by the name that the function has for it."""
        found = {name: _parts(hint) for name, hint in self._hints.items() if name not in _NO_PARAMETERS}
        return {
            name: base
            for name, (base, *notes) in found.items()
            if is_dataclass(base) and not any(isinstance(note, ParameterKind) for note in notes)
        }

    @cached_property
    def _hints(self) -> dict[str, Any]:
        return get_type_hints(self.call, include_extras=True)


AgentVerb = partial(Verb, "", None, on=On.HTTP, discord="off")  # what an agent shows with its request proves its right


def _parts(hint: Any) -> tuple[Any, ...]:
    """Return a type, and the notes beside it."""
    return get_args(hint) if get_origin(hint) is Annotated else (hint,)


def _fields(shape: Any, states: Any = None) -> list[Parameter]:
    """Make a parameter of each field of a dataclass; a list's filter has a `state`, which is one of `states`."""
    hints = get_type_hints(shape, include_extras=True)
    if states is not None:
        hints["state"] = Annotated[states, *get_args(hints["state"])[1:]]
    defaults = {one.name: REQUIRED if one.default is MISSING else one.default for one in fields(shape)}
    return [
        _parameter(one.name, hints[one.name], default=defaults[one.name], is_option=bool(one.kw_only))
        for one in fields(shape)
    ]


class _Sentence(string.Formatter):
    def __init__(self, escape: Callable[[str], str]) -> None:
        self._escape = escape

    def format_field(self, value: Any, format_spec: str) -> str:
        return self._escape(str(super().format_field(value, format_spec)))


def _parameter(name: str, hint: Any, *, default: Any, is_option: bool) -> Parameter:
    base: Any
    base, *notes = _parts(hint)
    if get_origin(base) in {Union, UnionType}:  # `AgentName | None`: the notes are inside
        base = next(part for part in get_args(base) if part is not type(None))
        if get_origin(base) is Annotated:
            base, *inner = get_args(base)
            notes = [*inner, *notes]
    kind = next((note for note in notes if isinstance(note, ParameterKind)), ParameterKind(help=""))
    texts = [note for note in notes if isinstance(note, str)]
    limit = next((note for note in reversed(notes) if isinstance(note, Limit)), None)
    if inspect.isclass(base) and issubclass(base, Enum):
        values: Any = base
        kind = ParameterKind(
            help=kind.help, parse=values, choices=kind.choices or {one.value: one.value for one in values}
        )
        base = str
    taken: Any = kind.takes or (list[str] if get_origin(base) in {frozenset, Sequence} else base)
    return Parameter(
        name=name,
        type=getattr(taken, "__supertype__", taken),
        default=default,
        is_option=is_option,
        kind=kind,
        help=texts[-1] if texts else kind.help,
        limit=limit or (NAMES if get_origin(base) in {frozenset, Sequence} else NAME),
    )
