"""Who may use which path, and how: one row for each row of the table of routes.

A row says which role is asked for, and where the name is that it is asked on: in the path, behind
the id of an execution or task in the path, or in what the handler reads itself (`inside`: it asks
for each name that it finds, and leaves out of lists what may not be read).
"""

from typing import Literal

import msgspec

from firmus.security.grants import ADMIN, EXECUTE, READ, Role


class Rule(msgspec.Struct, frozen=True):
    """`of` what the role is asked for: `name` and `workflow` and `task` (ids) stand in the
    parameter; `server`: all names; `some`: any one. `known`: whoever is recognised may. `open`:
    anybody. `ticket`: one of this server's may stand for a credential.
    """

    of: Literal["open", "known", "inside", "server", "some", "name", "workflow", "task"]
    role: Role = READ
    parameter: str = "key"
    ticket: bool = False


OPEN, KNOWN, INSIDE = Rule("open"), Rule("known"), Rule("inside")
_SEES, _RUNS, _OWNS = (Rule("name", role) for role in (READ, EXECUTE, ADMIN))
_READS, _STEERS, _REMOVES = (Rule("workflow", role) for role in (READ, EXECUTE, ADMIN))
_READS_TASK, _REPORTS_TASK = Rule("task", READ), Rule("task", EXECUTE)
_POLLS, _LISTS = Rule("name", EXECUTE, "task_type"), Rule("name", READ, "name")
_EXECUTES = Rule("name", EXECUTE, "name")
_LOOKS, _ADMINISTERS = Rule("server", READ), Rule("server", ADMIN)
_REST = Rule("server", ADMIN)
"""For what stands in no row."""

_WORKFLOW = {
    "POST ": INSIDE,
    "POST /test": INSIDE,
    "POST /{key}": _RUNS,
    "GET /{key}": _READS,
    "GET /{key}/tasks": _READS,
    "GET /{key}/status": _READS,
    "DELETE /{key}": _STEERS,
    "DELETE /{key}/terminate": _STEERS,
    "PUT /{key}/pause": _STEERS,
    "PUT /{key}/resume": _STEERS,
    "PUT /decide/{key}": _STEERS,
    "POST /{key}/messages": _STEERS,
    "POST /{key}/restart": _STEERS,
    "POST /{key}/retry": _STEERS,
    "POST /{key}/rerun": _STEERS,
    "POST /{key}/resetcallbacks": _STEERS,
    "PUT /{key}/skiptask/{ref}": _STEERS,
    "POST /{key}/variables": _STEERS,
    "POST /{key}/state": _STEERS,
    "POST /{key}/upgrade": _STEERS,
    "POST /{key}/jump/{ref}": _STEERS,
    "DELETE /{key}/remove": _REMOVES,
    "DELETE /{key}/terminate-remove": _REMOVES,
    "POST /execute/{name}": _EXECUTES,
    "GET /execute/{name}": OPEN,
    "POST /execute/{name}/{version}": _EXECUTES,
    "GET /running/{name}": _LISTS,
    "GET /{key}/correlated/{correlation}": _SEES,
    "POST /{key}/correlated": _SEES,
    "POST /correlated/batch": INSIDE,
    "GET /search": INSIDE,
    "GET /search-v2": INSIDE,
    "GET /search-by-tasks": INSIDE,
    "GET /search-by-tasks-v2": INSIDE,
    "PUT /bulk/pause": INSIDE,
    "PUT /bulk/resume": INSIDE,
    "POST /bulk/restart": INSIDE,
    "POST /bulk/retry": INSIDE,
    "POST /bulk/terminate": INSIDE,
    "POST /bulk/search": INSIDE,
    "DELETE /bulk/remove": INSIDE,
    "DELETE /bulk/terminate-remove": INSIDE,
    "GET /externalstoragelocation": KNOWN,
    "GET /external-storage-location": KNOWN,
}
_TASKS = {
    "GET /poll/{task_type}": _POLLS,
    "GET /poll/batch/{task_type}": _POLLS,
    "POST ": INSIDE,
    "POST /update-v2": INSIDE,
    "POST /{key}/{ref}/{status}": _STEERS,
    "POST /{key}/{ref}/{status}/sync": _STEERS,
    "POST /{key}/{ref}/signal": _STEERS,
    "POST /{key}/{ref}/signal/sync": _STEERS,
    "POST /{key}/ack": _REPORTS_TASK,
    "POST /{key}/log": _REPORTS_TASK,
    "GET /{key}/log": _READS_TASK,
    "GET /{key}": _READS_TASK,
    "GET /queue/sizes": INSIDE,
    "GET /queue/size": INSIDE,
    "GET /queue/all": INSIDE,
    "GET /queue/all/verbose": INSIDE,
    "GET /queue/polldata": INSIDE,
    "GET /queue/polldata/all": INSIDE,
    "POST /queue/requeue/{task_type}": _POLLS,
    "GET /search": INSIDE,
    "GET /search-v2": INSIDE,
    "GET /externalstoragelocation": KNOWN,
    "GET /external-storage-location": KNOWN,
}
_METADATA = {
    "POST /workflow": INSIDE,
    "PUT /workflow": INSIDE,
    "GET /workflow": INSIDE,
    "POST /workflow/validate": INSIDE,
    "GET /workflow/names": INSIDE,
    "GET /workflow/names-and-versions": INSIDE,
    "GET /workflow/latest-versions": INSIDE,
    "GET /workflow/{key}": _SEES,
    "GET /workflow/{key}/versions": _SEES,
    "DELETE /workflow/{key}/{version}": _OWNS,
    "DELETE /workflow/{key}": _OWNS,
    "GET /workflow/{key}/rate-limit": _SEES,
    "PUT /workflow/{key}/rate-limit": _OWNS,
    "DELETE /workflow/{key}/rate-limit": _OWNS,
    "GET /workflow/{key}/tags": _SEES,
    "POST /workflow/{key}/tags": _OWNS,
    "PUT /workflow/{key}/tags": _OWNS,
    "DELETE /workflow/{key}/tags": _OWNS,
    "GET /task/{key}/tags": _SEES,
    "POST /task/{key}/tags": _OWNS,
    "PUT /task/{key}/tags": _OWNS,
    "DELETE /task/{key}/tags": _OWNS,
    "GET /tags": INSIDE,
    "POST /taskdefs": INSIDE,
    "PUT /taskdefs": INSIDE,
    "GET /taskdefs": INSIDE,
    "GET /taskdefs/{key}": _SEES,
    "DELETE /taskdefs/{key}": _OWNS,
}
_SCHEDULER = {
    "POST /schedules": INSIDE,
    "GET /schedules": INSIDE,
    "GET /schedules/search": INSIDE,
    "GET /schedules/{key}": INSIDE,
    "DELETE /schedules/{key}": INSIDE,
    "PUT /schedules/{key}/pause": INSIDE,
    "PUT /schedules/{key}/resume": INSIDE,
    "GET /schedules/{key}/tags": INSIDE,
    "PUT /schedules/{key}/tags": INSIDE,
    "DELETE /schedules/{key}/tags": INSIDE,
    "GET /nextFewSchedules": KNOWN,
    "GET /search/executions": INSIDE,
    "GET /admin/requeue": _ADMINISTERS,
    "GET /admin/pause": _ADMINISTERS,
    "GET /admin/resume": _ADMINISTERS,
    "PUT /bulk/pause": INSIDE,
    "PUT /bulk/resume": INSIDE,
}
_SCHEMA = {
    "POST ": INSIDE,
    "GET ": INSIDE,
    "GET /{key}": _SEES,
    "GET /{key}/{version}": _SEES,
    "DELETE /{key}": _OWNS,
    "DELETE /{key}/{version}": _OWNS,
}
_ELSEWHERE = {
    "GET /health": OPEN,
    "GET /docs": OPEN,
    "GET /api-docs": OPEN,
    "GET /api-docs/schemas/{name}": OPEN,
    "GET /metrics": _LOOKS,
    "GET /api/health": OPEN,
    "GET /api/version": KNOWN,
    "POST /api/token": OPEN,
    "GET /api/token": OPEN,
    "GET /api/keys": _ADMINISTERS,
    "POST /api/keys": _ADMINISTERS,
    "DELETE /api/keys/{key}": _ADMINISTERS,
    "PUT /api/keys/{key}/grants": _ADMINISTERS,
    "POST /api/keys/{key}/rotate": _ADMINISTERS,
    "GET /api/admin/config": _LOOKS,
    "GET /api/admin/queues": _LOOKS,
    "GET /api/admin/readmodel": _LOOKS,
    "POST /api/admin/readmodel/rebuild": _ADMINISTERS,
    "POST /api/admin/readmodel/rollback": _ADMINISTERS,
    "DELETE /api/admin/readmodel/kept": _ADMINISTERS,
    "GET /api/admin/task/{key}": _SEES,
    "POST /api/admin/sweep/requeue/{key}": _STEERS,
    "POST /api/admin/consistency/verifyAndRepair/{key}": _STEERS,
    # What a handler does is not bound to the names it is written under.
    "POST /api/event": _ADMINISTERS,
    "PUT /api/event": _ADMINISTERS,
    "DELETE /api/event/{key}": _ADMINISTERS,
    "GET /api/event": INSIDE,
    "GET /api/event/{key}": INSIDE,
    "GET /api/environment": _LOOKS,
    "GET /api/environment/{key}": _LOOKS,
    "GET /api/secrets": _LOOKS,
    "POST /api/secrets": _LOOKS,
    "GET /api/secrets/{key}/exists": _LOOKS,
    "GET /api/queue/size": KNOWN,
    "GET /api/queue/": KNOWN,
    "POST /api/queue/update/{key}/{ref}/{status}": KNOWN,
    "POST /api/queue/update/{key}/task/{task}/{status}": KNOWN,
    "GET /api/external/payloads/{owner}/{side}/{name}": Rule("inside", ticket=True),
    "PUT /api/external/payloads/{owner}/{side}/{name}": Rule("some", EXECUTE, ticket=True),
}


def _below(base: str, rows: dict[str, Rule]) -> dict[str, Rule]:
    return {
        f"{method} {base}{path}": rule
        for key, rule in rows.items()
        for method, _, path in (key.partition(" "),)
    }


RULES: dict[str, Rule] = {
    **_below("/api/workflow", _WORKFLOW),
    **_below("/api/tasks", _TASKS),
    **_below("/api/metadata", _METADATA),
    **_below("/api/scheduler", _SCHEDULER),
    **_below("/api/schema", _SCHEMA),
    **_ELSEWHERE,
}


def rule_of(method: str, path: str) -> Rule:
    """What is not written down is for those who may do everything."""
    return RULES.get(f"{method} {path}", _REST)
