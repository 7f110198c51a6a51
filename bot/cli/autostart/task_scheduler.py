"""Windows: a task of the Task Scheduler that runs at this person's log-in, in their own session."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from xml.etree import ElementTree
from xml.sax.saxutils import unescape

from bot.cli.autostart.model import (
    AutostartEntry,
    AutostartOfOtherHome,
    CommandResult,
    NotInstalled,
    Runner,
    run_checked,
    write_file,
)

NAMESPACE = "http://schemas.microsoft.com/windows/2004/02/mit/task"
_ARGUMENTS = re.compile(r"<Arguments>(.*?)</Arguments>", re.DOTALL)
_THEN = "Look at it in the Task Scheduler (taskschd.msc)."


class ScheduledTask:
    """Octet as a scheduled task. Registered by schtasks, from a file that stays in the home for people to read."""

    def __init__(self, start: AutostartEntry, *, environ: Mapping[str, str], run: Runner) -> None:
        """The person is who `environ` says."""
        self._start = start
        self._run = run
        domain, person = environ.get("USERDOMAIN", ""), environ.get("USERNAME", "")
        self._person = f"{domain}\\{person}" if domain and person else person
        self.file = start.home / f"{start.name}-task.xml"
        self._task = f"\\{start.name}"

    @property
    def description(self) -> str:
        """What is set up."""
        return f"an entry of the Task Scheduler called {self._start.name}"

    def is_installed(self) -> bool:
        """Whether the task is there for this home."""
        return self._is_ours(self._query())

    def install(self, *, now: bool) -> list[str]:
        """Write the task's file and register it; one that is there for this home is replaced."""
        known = self._query()
        if known.code == 0 and not self._is_ours(known):
            raise AutostartOfOtherHome(place=f"The task {self._start.name}", home="another one")
        write_file(self.file, task(self._start, self._person))
        run_checked(self._run, ("schtasks", "/Create", "/TN", self._task, "/XML", str(self.file), "/F"), then=_THEN)
        told = [f"wrote {self.file}", f"registered the task {self._start.name}: Octet starts at your next log-in"]
        if now:
            run_checked(self._run, ("schtasks", "/Run", "/TN", self._task), then=_THEN)
            told.append(f"started the task {self._start.name}")
        return told

    def remove(self) -> list[str]:
        """End what runs of the task, and take it away."""
        if self._query().code != 0:
            raise NotInstalled(id=self._start.name)
        self._run(("schtasks", "/End", "/TN", self._task))
        run_checked(self._run, ("schtasks", "/Delete", "/TN", self._task, "/F"), then=_THEN)
        self.file.unlink(missing_ok=True)
        return [f"removed the task {self._start.name}"]

    def show(self) -> list[str]:
        """The task's file as it would be, and whether it is registered."""
        known = self._query()
        state = "registered" if known.code == 0 else "not registered"
        return [
            task(self._start, self._person).decode("utf-16").rstrip(),
            "",
            f"The task {self._start.name} is {state}.",
        ]

    def _is_ours(self, known: CommandResult) -> bool:
        """Whether the task that Windows showed starts this home: by the last words of its command, whole."""
        found = _ARGUMENTS.search(known.output)
        words = unescape(found[1], {"&quot;": '"'}).strip() if found else ""
        return f" {words}".endswith(f" {subprocess.list2cmdline(self._start.run[-3:])}")

    def _query(self) -> CommandResult:
        return self._run(("schtasks", "/Query", "/TN", self._task, "/XML"))


def task(start: AutostartEntry, person: str) -> bytes:
    """The task's definition, in the encoding that schtasks reads."""
    root = ElementTree.Element("Task", {"version": "1.2", "xmlns": NAMESPACE})
    about = _under(root, "RegistrationInfo")
    _under(about, "Description", "Octet, a dispatcher for fleets of AI agents")
    trigger = _under(_under(root, "Triggers"), "LogonTrigger")
    _under(trigger, "Enabled", "true")
    principal = _under(_under(root, "Principals"), "Principal")
    principal.set("id", "Person")
    if person:
        _under(trigger, "UserId", person)
        _under(principal, "UserId", person)
    _under(principal, "LogonType", "InteractiveToken")  # their own session: windows of another are out of reach
    _under(principal, "RunLevel", "LeastPrivilege")
    settings = _under(root, "Settings")
    for name, value in (
        ("MultipleInstancesPolicy", "IgnoreNew"),
        ("DisallowStartIfOnBatteries", "false"),
        ("StopIfGoingOnBatteries", "false"),
        ("StartWhenAvailable", "true"),
        ("ExecutionTimeLimit", "PT0S"),  # without this it would be ended after three days
    ):
        _under(settings, name, value)
    again = _under(settings, "RestartOnFailure")
    _under(again, "Interval", "PT1M")
    _under(again, "Count", "5")
    actions = _under(root, "Actions")
    actions.set("Context", "Person")
    action = _under(actions, "Exec")
    program, *words = start.run
    _under(action, "Command", program)
    _under(action, "Arguments", subprocess.list2cmdline(words))
    _under(action, "WorkingDirectory", str(start.folder))
    ElementTree.indent(root)
    text = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-16"?>\n{text}\n'.encode("utf-16")


def _under(parent: ElementTree.Element, name: str, text: str | None = None) -> ElementTree.Element:
    child = ElementTree.SubElement(parent, name)
    child.text = text
    return child
