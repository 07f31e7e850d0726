"""Operations on schedules and event handlers, as they are told."""

from typing import Final

from firmus.gateway.openapi import answered
from firmus.gateway.openapi import parameters as p
from firmus.gateway.openapi.operations import Operation, body, done, shaped
from firmus_contracts.event_handlers import EventHandler
from firmus_contracts.requests import Tag, WorkflowSchedule

_TAG: Final = "Scheduler"
_EVENT: Final = "Event"
_BASE: Final = "/api/scheduler"
_NAMES: Final = body(list[str], "1 to 1000 names of schedules")
_TAGS: Final = body(list[Tag])
_ALL: Final = shaped(answered.SchedulesStatus, "Done")
_QUERY: Final = p.text("query", "Conditions on fields; docs/schedules.md has the grammar.")

SCHEDULES: Final = {
    f"POST {_BASE}/schedules": Operation(
        id="saveSchedule",
        tag=_TAG,
        summary="Create or replace a schedule",
        about="An expression that cannot be read is taken and never runs; a header says so.",
        parameters=(p.ACTOR,),
        body=body(WorkflowSchedule),
        answers=shaped(
            WorkflowSchedule, "The schedule", (("firmus-warning", "Why it never runs, if so."),)
        ),
        refuses=(404, 409, 501),
    ),
    f"GET {_BASE}/schedules": Operation(
        id="getAllSchedules",
        tag=_TAG,
        summary="List schedules",
        parameters=(p.text("workflowName", "Only those of a workflow."),),
        answers=shaped(list[WorkflowSchedule], "The schedules"),
        refuses=(501,),
    ),
    f"GET {_BASE}/schedules/search": Operation(
        id="searchSchedules",
        tag=_TAG,
        summary="Search schedules",
        about="In the order of their names.",
        parameters=(
            p.text("workflowName", "Only those of a workflow."),
            p.text("scheduleName", "Only names that contain this."),
            p.flag("paused", "Only those that are paused, or are not.", default=None),
            *p.SCHEDULE_PAGE,
            p.unused("freeText"),
            p.unused("sort"),
        ),
        answers=shaped(answered.SearchResultWorkflowSchedule, "The page"),
        refuses=(501,),
    ),
    f"GET {_BASE}/schedules/{{name}}": Operation(
        id="getSchedule",
        tag=_TAG,
        summary="Get a schedule",
        answers=shaped(WorkflowSchedule, "The schedule"),
        refuses=(404, 501),
    ),
    f"DELETE {_BASE}/schedules/{{name}}": Operation(
        id="deleteSchedule",
        tag=_TAG,
        summary="Delete a schedule",
        about="An unknown one is no mistake.",
        parameters=(p.ACTOR,),
        answers=done(),
        refuses=(501,),
    ),
    f"PUT {_BASE}/schedules/{{name}}/pause": Operation(
        id="pauseSchedule",
        tag=_TAG,
        summary="Pause a schedule",
        parameters=(p.REASON, p.ACTOR),
        answers=done(),
        refuses=(404, 501),
    ),
    f"PUT {_BASE}/schedules/{{name}}/resume": Operation(
        id="resumeSchedule",
        tag=_TAG,
        summary="Resume a schedule",
        parameters=(p.ACTOR,),
        answers=done(),
        refuses=(404, 501),
    ),
    f"GET {_BASE}/schedules/{{name}}/tags": Operation(
        id="getScheduleTags",
        tag=_TAG,
        summary="Get the tags of a schedule",
        answers=shaped(list[Tag], "The tags"),
        refuses=(404, 501),
    ),
    f"PUT {_BASE}/schedules/{{name}}/tags": Operation(
        id="addScheduleTags",
        tag=_TAG,
        summary="Add tags to a schedule",
        parameters=(p.ACTOR,),
        body=_TAGS,
        answers=done(),
        refuses=(404, 501),
    ),
    f"DELETE {_BASE}/schedules/{{name}}/tags": Operation(
        id="removeScheduleTags",
        tag=_TAG,
        summary="Remove tags from a schedule",
        parameters=(p.ACTOR,),
        body=_TAGS,
        answers=done(),
        refuses=(404, 501),
    ),
    f"GET {_BASE}/nextFewSchedules": Operation(
        id="getNextFewSchedules",
        tag=_TAG,
        summary="Get the next times of an expression",
        about="In UTC, none of them past.",
        parameters=(
            p.text("cronExpression", "Six fields, seconds first.", required=True),
            p.long("scheduleStartTime", "Epoch milliseconds; none before it."),
            p.long("scheduleEndTime", "Epoch milliseconds; none after it."),
            p.integer("limit", "How many; more than 5 are 5.", default=5),
        ),
        answers=shaped(list[int], "Epoch milliseconds"),
        refuses=(501,),
    ),
    f"GET {_BASE}/search/executions": Operation(
        id="searchScheduleExecutions",
        tag=_TAG,
        summary="Search the runs of schedules",
        parameters=(
            _QUERY,
            p.text("sort", "`field:ASC` or `field:DESC`."),
            *p.SCHEDULE_PAGE,
            p.unused("freeText"),
        ),
        answers=shaped(answered.SearchResultWorkflowScheduleExecutionModel, "The page"),
        refuses=(501,),
    ),
    f"GET {_BASE}/admin/requeue": Operation(
        id="requeueScheduleExecutions",
        tag=_TAG,
        summary="Count the runs that have not ended",
        about="They are in no queue that could lose them, so nothing is put back.",
        answers=shaped(answered.PendingRuns, "Their number, and some of their ids"),
        refuses=(501,),
    ),
    f"GET {_BASE}/admin/pause": Operation(
        id="pauseAllSchedules",
        tag=_TAG,
        summary="Pause all schedules",
        parameters=(p.ACTOR,),
        answers=_ALL,
        refuses=(501,),
    ),
    f"GET {_BASE}/admin/resume": Operation(
        id="resumeAllSchedules",
        tag=_TAG,
        summary="Resume all schedules",
        parameters=(p.ACTOR,),
        answers=_ALL,
        refuses=(501,),
    ),
    f"PUT {_BASE}/bulk/pause": Operation(
        id="pauseSchedules",
        tag=_TAG,
        summary="Pause several schedules",
        parameters=(p.ACTOR,),
        body=_NAMES,
        answers=shaped(answered.BulkResponseString, "What became of each, by name"),
        refuses=(501,),
    ),
    f"PUT {_BASE}/bulk/resume": Operation(
        id="resumeSchedules",
        tag=_TAG,
        summary="Resume several schedules",
        parameters=(p.ACTOR,),
        body=_NAMES,
        answers=shaped(answered.BulkResponseString, "What became of each, by name"),
        refuses=(501,),
    ),
}

EVENT_HANDLERS: Final = {
    "POST /api/event": Operation(
        id="createEventHandler",
        tag=_EVENT,
        summary="Add an event handler",
        body=body(EventHandler | list[EventHandler]),
        answers=done(),
        refuses=(409, 501),
    ),
    "PUT /api/event": Operation(
        id="updateEventHandler",
        tag=_EVENT,
        summary="Replace an event handler",
        body=body(EventHandler),
        answers=done(),
        refuses=(404, 501),
    ),
    "GET /api/event": Operation(
        id="getAllEventHandlers",
        tag=_EVENT,
        summary="List all event handlers",
        answers=shaped(list[EventHandler], "The event handlers"),
        refuses=(501,),
    ),
    "GET /api/event/{name}": Operation(
        id="getEventHandlersForEvent",
        tag=_EVENT,
        summary="List the event handlers of an event",
        parameters=(p.flag("activeOnly", "Whether resting ones are left out.", default=True),),
        answers=shaped(list[EventHandler], "The event handlers"),
        refuses=(501,),
    ),
    "DELETE /api/event/{name}": Operation(
        id="deleteEventHandler",
        tag=_EVENT,
        summary="Delete an event handler",
        answers=done(),
        refuses=(404, 501),
    ),
}
