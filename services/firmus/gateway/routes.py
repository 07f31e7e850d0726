"""Every path of the API in one table: method, path, handler (spec section 8, published OpenAPI).

A path that clients ask for beside paths that are answered, and that firmus does not answer, is here
too, with 501; whole families of such paths are in `unsupported`. `key` is the name or id at the
second place of a path.
"""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from firmus.edge.registration import Registration
from firmus.gateway.admin import Admin
from firmus.gateway.again import Again
from firmus.gateway.asking import CommandIds
from firmus.gateway.bulk import Bulk
from firmus.gateway.control import Control
from firmus.gateway.documentation import Documentation
from firmus.gateway.event_handlers import EventHandlerRequests
from firmus.gateway.executions import Executions
from firmus.gateway.keys import KeyRequests
from firmus.gateway.lookups import Lookups
from firmus.gateway.metadata import TaskDefinitions, WorkflowDefinitions
from firmus.gateway.payloads import BASE as PAYLOADS
from firmus.gateway.payloads import Payloads
from firmus.gateway.polling import Polls
from firmus.gateway.ports import GatewayPorts
from firmus.gateway.queues import Queues
from firmus.gateway.rate_limits import RateLimits
from firmus.gateway.reading import Request, Response
from firmus.gateway.readmodels import ReadModels
from firmus.gateway.rehearsing import Rehearsing
from firmus.gateway.runs import Runs
from firmus.gateway.scheduler import Scheduler
from firmus.gateway.schemas import Schemas
from firmus.gateway.search import Search
from firmus.gateway.state_updates import StateUpdates
from firmus.gateway.tags import Tags
from firmus.gateway.tasks import Tasks
from firmus.gateway.workflows import Workflows
from firmus.ports import TagOwner
from firmus_contracts.errors import Refusal

Handler = Callable[..., Awaitable[None]]


class Route(NamedTuple):
    method: str
    path: str
    handler: Handler


async def not_yet(req: Request, _resp: Response, **_params: str) -> None:
    """What answers the paths that are known and not offered."""
    raise Refusal("NOT_IMPLEMENTED", f"{req.method} {req.path} is not offered by this server yet")


def routes(ports: GatewayPorts, polls: Polls) -> list[Route]:
    command_ids, registration = CommandIds(), Registration(ports.definitions)
    runs = Runs(ports, polls.presence)
    table = [
        *_metadata(WorkflowDefinitions(ports, registration), TaskDefinitions(ports, registration)),
        *_workflows(Workflows(ports, command_ids, registration), Search(ports)),
        Route("POST", "/api/workflow/test", Rehearsing(ports, registration).test),
        *_executions(Executions(ports, command_ids, registration, runs)),
        Route("POST", "/api/workflow/{key}/state", StateUpdates(ports, command_ids, runs).update),
        *_lists(Lookups(ports)),
        *_control(Control(ports, command_ids)),
        *_again(Again(ports, command_ids)),
        *_bulk(Bulk(ports, command_ids)),
        *_payloads(Payloads(ports)),
        *_tasks(Tasks(ports, command_ids, polls), Queues(ports), Search(ports)),
        *_scheduler(Scheduler(ports, registration)),
        *_schemas(Schemas(ports)),
        *_tags(ports),
        *_event_handlers(EventHandlerRequests(ports)),
        *_admin(Admin(ports)),
        *_read_models(ReadModels(ports)),
        *_keys(KeyRequests(ports)),
        *(Route(method, f"/api{path}", not_yet) for method, path in _NOT_YET),
    ]
    documentation = Documentation(table)
    table += [
        Route("GET", "/docs", documentation.page),
        Route("GET", "/api-docs", documentation.openapi),
        Route("GET", "/api-docs/schemas/{name}", documentation.schema),
    ]
    return table


def _metadata(workflows: WorkflowDefinitions, tasks: TaskDefinitions) -> list[Route]:
    base = "/api/metadata"
    return [
        Route("POST", f"{base}/workflow", workflows.register),
        Route("PUT", f"{base}/workflow", workflows.put_all),
        Route("GET", f"{base}/workflow", workflows.all),
        Route("POST", f"{base}/workflow/validate", workflows.validate),
        Route("GET", f"{base}/workflow/names", workflows.names),
        Route("GET", f"{base}/workflow/names-and-versions", workflows.names_and_versions),
        Route("GET", f"{base}/workflow/latest-versions", workflows.latest_versions),
        Route("GET", f"{base}/workflow/{{key}}", workflows.get),
        Route("GET", f"{base}/workflow/{{key}}/versions", workflows.versions),
        Route("DELETE", f"{base}/workflow/{{key}}/{{version}}", workflows.delete),
        Route("DELETE", f"{base}/workflow/{{key}}", workflows.delete_by_query),
        Route("POST", f"{base}/taskdefs", tasks.register),
        Route("PUT", f"{base}/taskdefs", tasks.update),
        Route("GET", f"{base}/taskdefs", tasks.all),
        Route("GET", f"{base}/taskdefs/{{key}}", tasks.get),
        Route("DELETE", f"{base}/taskdefs/{{key}}", tasks.delete),
    ]


def _tags(ports: GatewayPorts) -> list[Route]:
    base = "/api/metadata"
    owners: tuple[TagOwner, ...] = ("workflow", "task")
    limits = RateLimits(ports)
    return [
        Route("GET", f"{base}/workflow/{{key}}/rate-limit", limits.get),
        Route("PUT", f"{base}/workflow/{{key}}/rate-limit", limits.put),
        Route("DELETE", f"{base}/workflow/{{key}}/rate-limit", limits.delete),
        Route("GET", f"{base}/tags", Tags(ports, "workflow").all),
        *(
            Route(method, f"{base}/{what}/{{key}}/tags", handler)
            for what in owners
            for tags in [Tags(ports, what)]
            for method, handler in (
                ("GET", tags.get),
                ("POST", tags.add),
                ("PUT", tags.replace),
                ("DELETE", tags.remove),
            )
        ),
    ]


def _workflows(workflows: Workflows, search: Search) -> list[Route]:
    base = "/api/workflow"
    return [
        Route("POST", base, workflows.start),
        Route("POST", f"{base}/{{key}}", workflows.start_by_name),
        Route("GET", f"{base}/{{key}}", workflows.get),
        Route("DELETE", f"{base}/{{key}}", workflows.terminate),
        Route("DELETE", f"{base}/{{key}}/terminate", workflows.terminate),
        Route("GET", f"{base}/{{key}}/tasks", workflows.tasks),
        Route("GET", f"{base}/{{key}}/status", workflows.status),
        Route("PUT", f"{base}/{{key}}/pause", workflows.pause),
        Route("PUT", f"{base}/{{key}}/resume", workflows.resume),
        Route("PUT", f"{base}/decide/{{key}}", workflows.decide),
        Route("POST", f"{base}/{{key}}/messages", workflows.push_message),
        Route("POST", "/api/admin/sweep/requeue/{key}", workflows.sweep),
        Route("POST", "/api/admin/consistency/verifyAndRepair/{key}", workflows.verify),
        Route("GET", f"{base}/search", search.workflows),
        Route("GET", f"{base}/search-v2", search.workflow_objects),
        Route("GET", f"{base}/search-by-tasks", search.workflows_by_tasks),
        Route("GET", f"{base}/search-by-tasks-v2", search.workflow_objects_by_tasks),
    ]


def _again(again: Again) -> list[Route]:
    base = "/api/workflow"
    return [
        Route("POST", f"{base}/{{key}}/restart", again.restart),
        Route("POST", f"{base}/{{key}}/retry", again.retry),
        Route("POST", f"{base}/{{key}}/rerun", again.rerun),
        Route("POST", f"{base}/{{key}}/resetcallbacks", again.reset_callbacks),
    ]


def _control(control: Control) -> list[Route]:
    base = "/api/workflow"
    return [
        Route("PUT", f"{base}/{{key}}/skiptask/{{ref}}", control.skip),
        Route("POST", f"{base}/{{key}}/variables", control.set_variables),
        Route("POST", f"{base}/{{key}}/upgrade", control.upgrade),
        Route("POST", f"{base}/{{key}}/jump/{{ref}}", control.jump),
        Route("DELETE", f"{base}/{{key}}/remove", control.remove),
        Route("DELETE", f"{base}/{{key}}/terminate-remove", control.terminate_and_remove),
    ]


def _executions(executions: Executions) -> list[Route]:
    """In the paths of signals `ref` is the status: the path of reports names its places so."""
    base = "/api/workflow/execute/{name}"
    signal = "/api/tasks/{key}/{ref}/signal"
    return [
        Route("POST", base, executions.execute_latest),
        Route("POST", f"{base}/{{version}}", executions.execute),
        Route("POST", signal, executions.signal),
        Route("POST", f"{signal}/sync", executions.signal_sync),
    ]


def _lists(lookups: Lookups) -> list[Route]:
    base = "/api/workflow"
    return [
        Route("GET", f"{base}/running/{{name}}", lookups.running),
        Route("GET", f"{base}/{{key}}/correlated/{{correlation}}", lookups.correlated),
        Route("POST", f"{base}/{{key}}/correlated", lookups.correlated_to_each),
        Route("POST", f"{base}/correlated/batch", lookups.correlated_to_each_of),
        Route("GET", "/api/admin/task/{key}", lookups.pending_tasks),
    ]


def _payloads(payloads: Payloads) -> list[Route]:
    address = f"{PAYLOADS}/{{owner}}/{{side}}/{{name}}"
    return [
        *(
            Route("GET", f"/api/{what}/{spelling}", payloads.location)
            for what in ("workflow", "tasks")
            for spelling in ("externalstoragelocation", "external-storage-location")
        ),
        Route("GET", address, payloads.download),
        Route("PUT", address, payloads.upload),
    ]


def _bulk(bulk: Bulk) -> list[Route]:
    base = "/api/workflow/bulk"
    return [
        Route("PUT", f"{base}/pause", bulk.pause),
        Route("PUT", f"{base}/resume", bulk.resume),
        Route("POST", f"{base}/restart", bulk.restart),
        Route("POST", f"{base}/retry", bulk.retry),
        Route("POST", f"{base}/terminate", bulk.terminate),
        Route("POST", f"{base}/search", bulk.search),
        Route("DELETE", f"{base}/remove", bulk.remove),
        Route("DELETE", f"{base}/terminate-remove", bulk.terminate_and_remove),
    ]


def _tasks(tasks: Tasks, queues: Queues, search: Search) -> list[Route]:
    base = "/api/tasks"
    return [
        Route("GET", f"{base}/poll/{{task_type}}", tasks.poll),
        Route("GET", f"{base}/poll/batch/{{task_type}}", tasks.poll_batch),
        Route("POST", base, tasks.update),
        Route("POST", f"{base}/update-v2", tasks.update_and_poll),
        Route("POST", f"{base}/{{key}}/{{ref}}/{{status}}", tasks.update_by_ref),
        Route("POST", f"{base}/{{key}}/{{ref}}/{{status}}/sync", tasks.update_by_ref_sync),
        Route("POST", f"{base}/{{key}}/ack", tasks.acknowledge),
        Route("POST", f"{base}/{{key}}/log", tasks.log),
        Route("GET", f"{base}/{{key}}/log", tasks.logs),
        Route("GET", f"{base}/{{key}}", tasks.get),
        Route("GET", f"{base}/queue/sizes", queues.sizes),
        Route("GET", f"{base}/queue/size", queues.size),
        Route("GET", f"{base}/queue/all", queues.all),
        Route("GET", f"{base}/queue/all/verbose", queues.all_verbose),
        Route("GET", f"{base}/queue/polldata", queues.poll_data),
        Route("GET", f"{base}/queue/polldata/all", queues.poll_data_all),
        Route("POST", f"{base}/queue/requeue/{{task_type}}", queues.requeue),
        Route("GET", f"{base}/search", search.tasks),
        Route("GET", f"{base}/search-v2", search.task_objects),
    ]


def _event_handlers(handlers: EventHandlerRequests) -> list[Route]:
    base = "/api/event"
    return [
        Route("POST", base, handlers.add),
        Route("PUT", base, handlers.update),
        Route("GET", base, handlers.all),
        Route("GET", f"{base}/{{key}}", handlers.of_event),
        Route("DELETE", f"{base}/{{key}}", handlers.delete),
        Route("GET", "/api/admin/queues", handlers.queues),
    ]


def _schemas(schemas: Schemas) -> list[Route]:
    base = "/api/schema"
    return [
        Route("POST", base, schemas.save),
        Route("GET", base, schemas.all),
        Route("GET", f"{base}/{{key}}", schemas.latest),
        Route("GET", f"{base}/{{key}}/{{version}}", schemas.get),
        Route("DELETE", f"{base}/{{key}}", schemas.delete_all),
        Route("DELETE", f"{base}/{{key}}/{{version}}", schemas.delete),
    ]


def _scheduler(scheduler: Scheduler) -> list[Route]:
    base = "/api/scheduler"
    return [
        Route("POST", f"{base}/schedules", scheduler.save),
        Route("GET", f"{base}/schedules", scheduler.all),
        Route("GET", f"{base}/schedules/search", scheduler.search),
        Route("GET", f"{base}/schedules/{{key}}", scheduler.get),
        Route("DELETE", f"{base}/schedules/{{key}}", scheduler.delete),
        Route("PUT", f"{base}/schedules/{{key}}/pause", scheduler.pause),
        Route("PUT", f"{base}/schedules/{{key}}/resume", scheduler.resume),
        Route("GET", f"{base}/schedules/{{key}}/tags", scheduler.tags),
        Route("PUT", f"{base}/schedules/{{key}}/tags", scheduler.add_tags),
        Route("DELETE", f"{base}/schedules/{{key}}/tags", scheduler.remove_tags),
        Route("GET", f"{base}/nextFewSchedules", scheduler.next_few),
        Route("GET", f"{base}/search/executions", scheduler.executions),
        Route("GET", f"{base}/admin/requeue", scheduler.requeue),
        Route("GET", f"{base}/admin/pause", scheduler.pause_all),
        Route("GET", f"{base}/admin/resume", scheduler.resume_all),
        Route("PUT", f"{base}/bulk/pause", scheduler.pause_each),
        Route("PUT", f"{base}/bulk/resume", scheduler.resume_each),
    ]


def _keys(keys: KeyRequests) -> list[Route]:
    base = "/api/keys"
    return [
        Route("GET", base, keys.all),
        Route("POST", base, keys.create),
        Route("DELETE", f"{base}/{{key}}", keys.revoke),
        Route("PUT", f"{base}/{{key}}/grants", keys.grant),
        Route("POST", f"{base}/{{key}}/rotate", keys.rotate),
    ]


def _admin(admin: Admin) -> list[Route]:
    return [
        Route("GET", "/health", admin.health),
        Route("GET", "/metrics", admin.metrics),
        Route("GET", "/api/health", admin.health),
        Route("GET", "/api/version", admin.version),
        Route("GET", "/api/admin/config", admin.config),
        Route("POST", "/api/token", admin.token),
        Route("GET", "/api/token", admin.token),
        Route("GET", "/api/environment", admin.environment),
        Route("GET", "/api/environment/{key}", admin.environment_value),
        Route("GET", "/api/secrets", admin.secrets),
        Route("POST", "/api/secrets", admin.secrets),
        Route("GET", "/api/secrets/{key}/exists", admin.secret_exists),
        Route("GET", "/api/queue/size", admin.no_completion_queues),
        Route("GET", "/api/queue/", admin.no_completion_queues),
        Route("POST", "/api/queue/update/{key}/{ref}/{status}", admin.no_completion_queue),
        Route("POST", "/api/queue/update/{key}/task/{task}/{status}", admin.no_completion_queue),
    ]


def _read_models(models: ReadModels) -> list[Route]:
    base = "/api/admin/readmodel"
    return [
        Route("GET", base, models.status),
        Route("POST", f"{base}/rebuild", models.rebuild),
        Route("POST", f"{base}/rollback", models.roll_back),
        Route("DELETE", f"{base}/kept", models.drop_kept),
    ]


_NOT_YET = (("GET", "/workflow/execute/{name}"),)
"""Paths without an answer, below `/api`: a GET starts nothing."""
