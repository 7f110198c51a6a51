"""Windows: a task of the Task Scheduler that runs at this user's log-in, in their own session."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from xml.sax.saxutils import escape, unescape

from bot.cli.autostart.backend import AutostartBackend, AutostartEntry, CommandResult, NotInstalled, Runner

NAMESPACE = "http://schemas.microsoft.com/windows/2004/02/mit/task"
_ARGUMENTS = re.compile(r"<Arguments>(.*?)</Arguments>", re.DOTALL)


class ScheduledTask(AutostartBackend):
    """Octet as a scheduled task. Registered by schtasks, from a file that stays in the home for people to read."""

    trouble_cure = "Look at it in the Task Scheduler (taskschd.msc)."

    def __init__(self, start: AutostartEntry, *, environ: Mapping[str, str], run: Runner) -> None:
        super().__init__(start, environ=environ, run=run)
        domain, user = environ.get("USERDOMAIN", ""), environ.get("USERNAME", "")
        self._user = f"{domain}\\{user}" if domain and user else user
        self._task = f"\\{start.name}"
        self.file = start.home / f"{start.name}-task.xml"
        self.description = f"an entry of the Task Scheduler called {start.name}"

    def files(self) -> dict[Path, str | bytes]:
        return {self.file: task(self._start, self._user).encode("utf-16")}  # the encoding that schtasks reads

    def installed_home(self) -> str | None:
        """The home of the task that Windows shows, by the last words of its command, whole."""
        known = self._query()
        if known.code != 0:
            return None
        found = _ARGUMENTS.search(known.output)
        words = unescape(found[1], {"&quot;": '"'}).strip() if found else ""
        is_ours = f" {words}".endswith(f" {subprocess.list2cmdline(self._start.run[-3:])}")
        return str(self._start.home) if is_ours else "another one"

    def register(self, *, now: bool) -> list[str]:
        self._checked("schtasks", "/Create", "/TN", self._task, "/XML", str(self.file), "/F")
        told = [f"registered the task {self._start.name}: Octet starts at your next log-in"]
        if now:
            self._checked("schtasks", "/Run", "/TN", self._task)
            told.append(f"started the task {self._start.name}")
        return told

    def remove(self) -> list[str]:
        if self._query().code != 0:
            raise NotInstalled(id=self._start.name)
        self._run(("schtasks", "/End", "/TN", self._task))
        self._checked("schtasks", "/Delete", "/TN", self._task, "/F")
        self.file.unlink(missing_ok=True)
        return [f"removed the task {self._start.name}"]

    def show(self) -> list[str]:
        state = "registered" if self._query().code == 0 else "not registered"
        return [task(self._start, self._user).rstrip(), "", f"The task {self._start.name} is {state}."]

    def _query(self) -> CommandResult:
        return self._run(("schtasks", "/Query", "/TN", self._task, "/XML"))


def task(start: AutostartEntry, user: str) -> str:
    """The task's definition. InteractiveToken is the user's own session: windows of another are out of reach. Without
    ExecutionTimeLimit it would be ended after three days."""
    program, *words = start.run
    user_id = f"<UserId>{escape(user)}</UserId>" if user else ""
    return f"""\
<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.2" xmlns="{NAMESPACE}">
  <RegistrationInfo><Description>Octet, a dispatcher for fleets of AI agents</Description></RegistrationInfo>
  <Triggers><LogonTrigger><Enabled>true</Enabled>{user_id}</LogonTrigger></Triggers>
  <Principals>
    <Principal id="Person">
      {user_id}<LogonType>InteractiveToken</LogonType><RunLevel>LeastPrivilege</RunLevel>
    </Principal>
  </Principals>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <StartWhenAvailable>true</StartWhenAvailable>
    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
    <RestartOnFailure><Interval>PT1M</Interval><Count>5</Count></RestartOnFailure>
  </Settings>
  <Actions Context="Person">
    <Exec>
      <Command>{escape(program)}</Command>
      <Arguments>{escape(subprocess.list2cmdline(words))}</Arguments>
      <WorkingDirectory>{escape(str(start.folder))}</WorkingDirectory>
    </Exec>
  </Actions>
</Task>
"""
