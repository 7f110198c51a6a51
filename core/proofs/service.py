"""Runs the checks of tasks whose agents say done, keeps the evidence, and decides what follows."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from core import limits
from core.agent_messages.service import AgentMessages
from core.journal.model import Entry
from core.kit.clock import DAY_MS
from core.kit.errors import OctetError
from core.kit.supervise import supervise, wait_for_event
from core.limits import clean_text
from core.messages.model import Source
from core.messages.prompts import PromptPart
from core.notices.model import Halt, NoticeKind
from core.proofs import _store
from core.proofs.looks import CheckFinding, find_protected, look_at_commits, look_at_diff, look_at_files
from core.proofs.model import (
    CHECK_STEPS,
    OPEN_CHECKS,
    CheckEnded,
    CheckFault,
    CheckRun,
    CheckState,
    ControlResult,
    Diff,
)
from core.proofs.ports import Confined, Ran, SandboxPort
from core.reasons import BY_CHECKS, ParkCause, Reason, WaitReason
from core.remedies import refused, sentence
from core.security.model import HUB, Actor, Permission, require
from core.settings.model import CheckSettings
from core.settings.projects import CommandCheck, DiffCheck, FilesCheck, GitCheck, PersonCheck
from core.store.engine import Tx, at_row
from core.tasks.model import ENDED, ProofOfDone, Task, TaskId, TaskMoved, TaskState, parse_task_id
from core.tasks.service import Tasks
from core.tasks.services import TaskServices
from core.workspaces.model import FileChange, Merged, Workspace
from core.workspaces.plans import PlannedCheck

log = structlog.get_logger(__name__)

_RETRY_S = 30.0  # how often Octet looks again at folders that were not ready
_CLEAN_S = 3600.0  # how often it removes the folders of ended tasks
_OUTPUT_CHARS = 20_000  # of the output that is kept
_SHOWN_CHARS = 3_000  # of the output that the agent gets
_FILE_BYTES = 1_000_000  # of a file that a check reads
_PATCH_BYTES = 5_000_000  # of a patch that a check reads
_COMMITS = 1_000


class Proofs:
    """The checks of tasks: `done` is a claim until they have passed on one commit."""

    def __init__(
        self,
        services: TaskServices,
        tasks: Tasks,
        agent_messages: AgentMessages,
        sandbox: SandboxPort,
        settings: CheckSettings,
    ) -> None:
        """Call `load`, then `run`."""
        self._services, self._store, self._clock = services, services.store, services.clock
        self._tasks, self._repository, self._agent_messages = tasks, tasks.repository, agent_messages
        self._workspaces, self._sandbox, self._settings = services.workspaces, sandbox, settings
        self._news, self._at_work = asyncio.Event(), set[str]()
        services.journal.follow(TaskMoved, self._task_moved)

    async def load(self) -> None:
        """Queue the runs again that an earlier process left."""
        await self._sandbox.remove()
        await self._store.write(lambda tx: tx.execute(_store.AGAIN))

    async def run(self) -> None:
        """Run checks until cancelled; look again at folders that were not ready, and remove those of ended tasks."""
        slots, cleans_s = asyncio.Semaphore(self._settings.at_once), 0.0
        async with asyncio.TaskGroup() as group:
            while True:
                self._news.clear()
                rows = await self._store.fetch(_store.OPEN)
                for task in dict.fromkeys(row.task for row in rows):
                    if task not in self._at_work:
                        self._at_work.add(task)
                        supervise(group, f"checks of {task}", self._prove(TaskId(task), slots))
                await self._store.write(self._retry_folders)
                if self._clock.monotonic_s() >= cleans_s:
                    await self._remove_ended()
                    cleans_s = self._clock.monotonic_s() + _CLEAN_S
                await wait_for_event(self._news, _RETRY_S)

    async def list_for_task(self, task: TaskId, *, by: Actor) -> tuple[CheckRun, ...]:
        """List all runs of the task's checks, oldest first. Raises TaskNotFound."""
        require(by, Permission.TASK_READ)
        found = await self._repository.get(parse_task_id(task))
        return tuple(map(_store.run_of, await self._store.fetch(_store.OF_TASK, {"of_task": found.id})))

    async def check(self, task: TaskId, *, by: Actor) -> Task:
        """Run the task's checks again. Raises TaskNotFound or not_in_review."""

        def again(tx: Tx, found: Task) -> Task:
            self._check_reviewed(found)
            self._end_open(tx, found, CheckState.CANCELLED)
            if found.state is TaskState.PARKED:
                self._repository.move(tx, found.id, TaskState.WORKING, by=by)
                return self._repository.move(tx, found.id, TaskState.REVIEW, cause=found.cause, by=by)
            self._queue(tx, found)
            return found

        return await self._tasks.change(task, Permission.TASK_CHANGE, again, by=by)

    async def accept(self, task: TaskId, *, by: Actor) -> Task:
        """Approve what a check asks, which proves the task if all others passed; else accept it as it is. Raises
        TaskNotFound or not_in_review."""

        def end(tx: Tx, found: Task) -> Task:
            self._check_reviewed(found)
            self._end_asked(tx, found, CheckState.PASSED, by=by)
            runs = self._last_round(tx, found)
            is_proven = bool(runs) and all(one.state is CheckState.PASSED for one in runs)
            self._end_open(tx, found, CheckState.CANCELLED)
            proof = ProofOfDone.PROVEN if is_proven else ProofOfDone.ACCEPTED
            answer = self._services.messages.last_final_answer(tx, found.id)
            return self._repository.finish(tx, found, by=by, answer=answer.id if answer else "", proof=proof)

        return await self._tasks.change(task, Permission.TASK_END, end, by=by)

    async def reject(self, task: TaskId, why: str, *, by: Actor) -> Task:
        """Give the task back to an agent, with the reason. Raises TaskNotFound, not_in_review or as clean_text."""

        def back(tx: Tx, found: Task) -> Task:
            self._check_reviewed(found)
            reason = clean_text(why, limits.PROGRESS)
            self._end_asked(tx, found, CheckState.FAILED, by=by, why=reason)
            self._end_open(tx, found, CheckState.CANCELLED)
            return self._give_back(tx, found, [PromptPart(text=reason, source=Source.OPERATOR, intro=_REJECTED)], by=by)

        return await self._tasks.change(task, Permission.TASK_CHANGE, back, by=by)

    async def diff(self, task: TaskId, *, by: Actor) -> Diff:
        """Return what the task changed since its base, as of now. Raises TaskNotFound, no_workspace or git_failed."""
        require(by, Permission.TASK_READ)
        found = await self._repository.get(parse_task_id(task))
        place = await self._workspaces.newest(found.id)
        if found.state not in ENDED and place.head:
            place = await self._workspaces.snapshot(found.id, subject="looked at")
        repository = self._workspaces.repository(place.project)
        files = await self._workspaces.git.changes(repository, base=place.base, head=place.head)
        patch, is_whole = await self._workspaces.patch(place)
        text = limits.storable(patch.decode("utf-8", "replace"))
        return Diff(
            task=found.id,
            branch=place.branch,
            base=place.base,
            head=place.head,
            files=files,
            patch=text,
            is_whole=is_whole,
        )

    async def merge(self, task: TaskId, *, squash: bool, by: Actor) -> Merged:
        """Bring the checked commit of a task that is done into the base branch of the owner's repository. Raises
        TaskNotFound, not_done, no_workspace, merge_conflicts, base_moved, branch_checked_out or git_failed."""
        require(by, Permission.TASK_MERGE)
        found = await self._repository.get(parse_task_id(task))
        if found.state is not TaskState.DONE:
            raise refused("not_done", id=found.id, state=found.state.value)
        place = await self._workspaces.newest(found.id)
        runs = await self.list_for_task(found.id, by=HUB)
        checked = [one.snapshot for one in runs if one.state is CheckState.PASSED and one.snapshot]
        commit = checked[-1] if found.proof is ProofOfDone.PROVEN and checked else place.head
        merged = await self._workspaces.merge(place, commit, squash=squash, subject=f"{found.id}: {found.title}")
        if merged.conflicts:
            raise refused("merge_conflicts", id=found.id, paths=", ".join(merged.conflicts[:10]))
        return merged

    def _task_moved(self, tx: Tx, entry: Entry[TaskMoved]) -> None:
        """Queue the checks of a task that went to review; end those of one that left it."""
        event = entry.event
        if TaskState.REVIEW.value not in {event.now, event.was} and event.was != TaskState.PARKED.value:
            return
        task = self._repository.find(tx, event.task)
        if event.now == TaskState.REVIEW.value:
            self._queue(tx, task)
        elif event.now != TaskState.PARKED.value:
            self._end_open(tx, task, CheckState.CANCELLED)

    def _queue(self, tx: Tx, task: Task) -> None:
        number = 1 + max((one.round for one in self._runs(tx, task) if one.fence == task.fence), default=0)
        for given in task.checks:
            try:
                planned = self._workspaces.plans.planned(given)
            except OctetError:  # config/checks.toml has changed: the run says so
                planned = None
            about = {"name": given.partition("(")[0].strip(), "kind": planned.check.kind if planned else ""}
            row: dict[str, Any] = {"task": task.id, "fence": task.fence, "round": number, "given": given, **about}
            row["definition"] = planned.definition if planned else ""
            tx.execute(_store.ADD, {**row, "state": CheckState.QUEUED.value})
        tx.after_commit(self._news.set)

    async def _prove(self, task: TaskId, slots: asyncio.Semaphore) -> None:
        """Run the open checks of a task one after the other, and decide."""
        try:
            async with slots:
                found = await self._repository.get(task)
                rows = map(_store.run_of, await self._store.fetch(_store.OF_TASK, {"of_task": task}))
                queued = [one for one in rows if one.state is CheckState.QUEUED]
                if found.state is TaskState.REVIEW and queued:
                    await self._run_all(found, queued)
                    await self._tasks.quarantine.write_when_back(partial(self._conclude, of=found))
        finally:
            self._at_work.discard(task)
            self._news.set()

    async def _run_all(self, task: Task, queued: Sequence[CheckRun]) -> None:
        place, changes, trouble = None, tuple[FileChange, ...](), ""
        if task.project is not None:
            try:
                place = await self._workspaces.snapshot(task.id, subject=f"done, attempt {task.fence}")
                repository = self._workspaces.repository(place.project)
                changes = await self._workspaces.git.changes(repository, base=place.base, head=place.head)
            except OctetError as error:
                trouble = error.message
        for run in queued:
            at = {"snapshot": place.head, "base": place.base} if place else {}
            began = partial(self._step, run=run, to=CheckState.RUNNING, began_ms=self._clock.now_ms(), **at)
            started = await self._store.write(began)
            if started is None:
                return  # the task has left review
            if trouble:
                ended: dict[str, Any] = _refused(CheckFault.NO_FOLDER, trouble)
            else:
                ended = await self._look(started, place, changes)
            await self._store.write(partial(self._step, run=started, **ended))

    async def _look(self, run: CheckRun, place: Workspace | None, changes: Sequence[FileChange]) -> dict[str, Any]:
        """Carry one check out; return what its row gets."""
        try:
            planned = self._workspaces.plans.planned(run.given)
            if planned.definition != run.definition:
                return _refused(CheckFault.NOT_CONFIGURED, "config/checks.toml has changed since; run it again")
            if isinstance(planned.check, PersonCheck):
                return {"to": CheckState.ASKED, "note": planned.check.question}
            assert place is not None, "Plans.of_task gives such a check only to tasks of projects"
            if isinstance(planned.check, CommandCheck):
                return await self._run_command(run, planned, planned.check, place, changes)
            found = await self._find(planned, place, changes)
        except OctetError as error:
            code = CheckFault.NOT_CONFIGURED if error.code in _UNPLANNED else CheckFault.NO_FOLDER
            return _refused(code, error.message)
        except Exception as error:  # the outer edge of one check: no check ends Octet, and none passes by an error
            log.exception("check_broke_off", task=run.task, check=run.given)
            return _refused(CheckFault.INTERNAL_ERROR, f"the check broke off ({type(error).__name__})")
        return _ended(found)

    async def _find(
        self, planned: PlannedCheck, place: Workspace, changes: Sequence[FileChange]
    ) -> CheckFinding | None:
        git, repository = self._workspaces.git, self._workspaces.repository(place.project)
        match planned.check:
            case FilesCheck() as check:
                files, texts = await git.list_files(repository, place.head), dict[str, str | None]()
                for path in {*check.contains, *check.matches}:
                    data = await git.read_file(repository, place.head, path, most=_FILE_BYTES)
                    texts[path] = None if data is None else data.decode("utf-8", "replace")
                return look_at_files(check, files, texts)
            case DiffCheck() as check:
                patch, is_whole = await git.patch(repository, base=place.base, head=place.head, most=_PATCH_BYTES)
                return look_at_diff(check, changes, patch.decode("utf-8", "replace"), is_whole=is_whole)
            case GitCheck() as check:
                own = await git.log(repository, place.folder, branch=place.branch, base=place.base, most=_COMMITS)
                return look_at_commits(check, own[0], is_clean=not own[1])
            case other:
                raise AssertionError(f"{other} does not only look")

    async def _run_command(
        self,
        run: CheckRun,
        planned: PlannedCheck,
        check: CommandCheck,
        place: Workspace,
        changes: Sequence[FileChange],
    ) -> dict[str, Any]:
        if found := find_protected(changes, check.protects):
            return _ended(found)
        control = await self._control(run, planned, check, place)
        ran = await self._confined(run, planned, check, place, place.head)
        state = CheckState.PASSED if ran.fault is None and ran.exit_code == 0 else CheckState.FAILED
        if ran.fault in _NOT_RUN:
            state = CheckState.REFUSED
        output = limits.storable(ran.output.decode("utf-8", "replace"))
        if len(output) > _OUTPUT_CHARS:
            output = f"{output[: _OUTPUT_CHARS // 2]}\n[…]\n{output[-_OUTPUT_CHARS // 2 :]}"
        return {
            "to": state,
            "fault": ran.fault or "",
            "note": ran.note,
            "exit_code": ran.exit_code,
            "output": output,
            "output_size": ran.output_size,
            "output_sha256": ran.sha256,
            "control": control.value,
            "environment": f"bubblewrap, {' '.join(planned.command)}"[:1000],
        }

    async def _control(
        self, run: CheckRun, planned: PlannedCheck, check: CommandCheck, place: Workspace
    ) -> ControlResult:
        """Run the check on the tree before the work, unless an earlier run of it did."""
        if not check.control:
            return ControlResult.NONE
        known = await self._store.fetch(_store.CONTROL, {"same": run.definition, "tree": place.base})
        if known:
            return ControlResult(known[0].control)
        ran = await self._confined(run, planned, check, place, place.base)
        if ran.fault in _NOT_RUN:
            return ControlResult.NONE
        return ControlResult.PASSED if ran.fault is None and ran.exit_code == 0 else ControlResult.FAILED

    async def _confined(
        self, run: CheckRun, planned: PlannedCheck, check: CommandCheck, place: Workspace, commit: str
    ) -> Ran:
        repository = self._workspaces.repository(place.project)
        if why := await self._sandbox.why_not():
            return Ran(fault=CheckFault.NO_SANDBOX, note=why)
        folder = self._sandbox.new_folder(f"{run.id}-{commit[:12]}")
        try:
            await self._workspaces.git.export(repository, commit, folder)
            shares = tuple((str(Path(repository.source) / share), share) for share in repository.project.share)
            return await self._sandbox.run(
                Confined(
                    run=f"{run.id}",
                    folder=folder,
                    command=planned.command,
                    shares=shares,
                    environment=tuple(sorted(check.environment.items())),
                    network=check.network,
                    time_s=check.time_s,
                    memory_mb=check.memory_mb,
                    processes=check.processes,
                    disk_mb=check.disk_mb,
                )
            )
        finally:
            await self._sandbox.remove(folder)

    def _step(self, tx: Tx, *, run: CheckRun, to: CheckState, **values: object) -> CheckRun | None:
        """Take a step of a run; None where a user, or the task's end, ended it meanwhile."""
        (now,) = [one for one in self._runs(tx, run) if one.id == run.id]
        if to not in CHECK_STEPS.get(now.state, ()):
            return None
        if to not in OPEN_CHECKS:
            values["ended_ms"] = self._clock.now_ms()
            event = CheckEnded(task=run.task, check=run.name, state=to.value, commit=run.snapshot)
            self._services.journal.append(tx, event, by=HUB.id)
        row = tx.update_row(_store.check_runs.c.id, run.id, state=to.value, **values)
        return _store.run_of(row)

    def _conclude(self, tx: Tx, of: Task) -> None:
        """Decide what the evidence of the newest round means for a task in review."""
        with at_row(of.id):
            task = self._repository.find(tx, of.id)
            runs = self._last_round(tx, task)
            if task.state is not TaskState.REVIEW or task.fence != of.fence or not runs:
                return
            states = {one.state for one in runs}
            if states & {CheckState.QUEUED, CheckState.RUNNING}:
                return
            failed = [one for one in runs if one.state is CheckState.FAILED]
            if CheckState.REFUSED in states:
                refusal = next(one for one in runs if one.state is CheckState.REFUSED)
                self._park(tx, task, ParkCause.CHECKS_REFUSED, f"{refusal.given}: {refusal.note}")
            elif failed and max(one.round for one in runs) > self._settings.retries:
                self._park(tx, task, ParkCause.CHECKS_FAILED, ", ".join(one.given for one in failed))
            elif failed:
                parts = [part for one in failed for part in say_failure(one)]
                self._give_back(tx, task, [PromptPart(text=_FAILED.format(task=task.id)), *parts], by=HUB)
            elif CheckState.ASKED in states:
                self._park(
                    tx, task, ParkCause.CHECK_ASKS, next(one.note for one in runs if one.state is CheckState.ASKED)
                )
            else:
                answer = self._services.messages.last_final_answer(tx, task.id)
                cause = task.cause if isinstance(task.cause, Reason) else None
                said = answer.id if answer else ""
                self._repository.finish(tx, task, by=HUB, cause=cause, answer=said, proof=ProofOfDone.PROVEN)

    def _park(self, tx: Tx, task: Task, cause: ParkCause, note: str) -> None:
        self._repository.suspend(tx, task.id, TaskState.PARKED, reason=cause, note=limits.storable(note)[:500])
        if task.agent is not None:
            self._services.agents.free(tx, task.agent, task=task.id)

    def _give_back(self, tx: Tx, task: Task, parts: Sequence[PromptPart], *, by: Actor) -> Task:
        """Have the same agent repair its work in the same conversation, if it still has the task; else make the task
        ready again."""
        agents, agent = self._services.agents, task.agent or ""
        has_it = agents.named(agent) is not None and agents.status(tx, agent).task == task.id
        if not has_it or not agents.abilities(agent).queues:
            return self._repository.reopen(tx, task, by=by)
        body = self._tasks.prompts.compose([parts], agent=agent)
        self._agent_messages.queue_message(tx, body, agents.get(agent), task=task)
        after = self._repository.move(tx, task.id, TaskState.WORKING, note=sentence(ParkCause.CHECKS_FAILED), by=by)
        detail = Halt(state=after.state, reason=Reason.CHECKS_AGAIN)
        self._services.notices.notify(tx, NoticeKind.HELD, task.id, detail=detail)
        return after

    def _retry_folders(self, tx: Tx) -> None:
        for task in self._repository.find_in_states(tx, {TaskState.WAITING}):
            if task.reason is WaitReason.FOLDER:
                with at_row(task.id):
                    self._repository.move(tx, task.id, TaskState.READY)

    async def _remove_ended(self) -> None:
        before_ms = self._clock.now_ms() - round(self._settings.keep_folders_days * DAY_MS)
        kept = await self._workspaces.list_kept()
        lines = await self._repository.summaries({one.task for one in kept})
        ended = [task for task, one in lines.items() if one.state in ENDED]
        old = {task for task in ended if (await self._repository.get(task)).changed_ms < before_ms}
        await self._workspaces.remove([one for one in kept if one.task in old])

    def _check_reviewed(self, task: Task) -> None:
        is_parked = task.state is TaskState.PARKED and task.reason in BY_CHECKS
        if task.state is not TaskState.REVIEW and not is_parked:
            raise refused("not_in_review", id=task.id, state=task.state.value)

    def _runs(self, tx: Tx, of: Task | CheckRun) -> list[CheckRun]:
        name = of.id if isinstance(of, Task) else of.task
        return [_store.run_of(row) for row in tx.execute(_store.OF_TASK, {"of_task": name})]

    def _last_round(self, tx: Tx, task: Task) -> list[CheckRun]:
        mine = [one for one in self._runs(tx, task) if one.fence == task.fence]
        last = max((one.round for one in mine), default=0)
        return [one for one in mine if one.round == last]

    def _end_open(self, tx: Tx, task: Task, to: CheckState) -> None:
        for run in self._runs(tx, task):
            if run.state in OPEN_CHECKS:
                self._step(tx, run=run, to=to)

    def _end_asked(self, tx: Tx, task: Task, to: CheckState, *, by: Actor, why: str = "") -> None:
        for run in self._runs(tx, task):
            if run.state is CheckState.ASKED:
                fault = {"fault": CheckFault.REJECTED.value} if to is CheckState.FAILED else {}
                self._step(tx, run=run, to=to, note=f"{by.name}{': ' * bool(why)}{why}", **fault)


_FAILED = (
    "You said that {task} is done. Octet ran its checks on your folder, and these failed. Repair the cause in your "
    "work, then run the `octet done` command of the task's prompt again:"
)
_REJECTED = "(A user looked at your work and rejects it, with this reason. Repair it, then say done again.)"
_NOT_RUN = frozenset({CheckFault.NO_SANDBOX, CheckFault.NO_COMMAND, CheckFault.NO_SHARE})
_UNPLANNED = frozenset({"unknown_check", "bad_check_value"})


def say_failure(run: CheckRun) -> Sequence[PromptPart]:
    """Say how a check failed, with its output quoted: that may come from anywhere."""
    how = sentence(run.fault) if run.fault else f"exit code {run.exit_code}"
    parts = [PromptPart(text=f"- {run.given}: {how}{': ' * bool(run.note)}{limits.visible(run.note)}")]
    if run.output:
        tail = run.output[-_SHOWN_CHARS:]
        parts.append(PromptPart(text=tail, source=Source.AGENT, intro=f"(The end of the output of {run.name}.)"))
    return parts


def _refused(fault: CheckFault, note: str) -> dict[str, Any]:
    return {"to": CheckState.REFUSED, "fault": fault.value, "note": note}


def _ended(found: CheckFinding | None) -> dict[str, Any]:
    if found is None:
        return {"to": CheckState.PASSED}
    return {"to": CheckState.FAILED, "fault": found.fault.value, "note": limits.storable(found.note)}
