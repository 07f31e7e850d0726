"""Recorded scenarios that need what firmus does not do yet, and what that is.

A scenario that is listed here and passes fails the suite, so the table can only shrink.
"""

_BY_CAPABILITY = {
    "restart, retry and rerun": (
        "lifecycle_again.rerun_from_a_loop",
        "lifecycle_again.rerun_from_a_subworkflow_task",
        "lifecycle_again.rerun_from_a_task",
        "lifecycle_again.rerun_from_a_task_of_the_child",
        "lifecycle_again.rerun_from_an_operator",
        "lifecycle_again.rerun_from_the_failed_task",
        "lifecycle_again.rerun_into_the_other_branch",
        "lifecycle_again.rerun_unknown_task",
        "lifecycle_again.rerun_whole",
        "lifecycle_again.restart_and_definitions",
        "lifecycle_again.restart_child_revives_the_parent",
        "lifecycle_again.restart_completed",
        "lifecycle_again.restart_failed",
        "lifecycle_again.retry_after_a_terminal_error",
        "lifecycle_again.retry_again_and_again",
        "lifecycle_again.retry_child_revives_the_parent",
        "lifecycle_again.retry_failed",
        "lifecycle_again.retry_fork",
        "lifecycle_again.retry_has_no_delay",
        "lifecycle_again.retry_loop",
        "lifecycle_again.retry_parent_resuming_the_child",
        "lifecycle_again.retry_parent_with_a_fresh_child",
        "lifecycle_again.retry_terminated",
        "lifecycle_bulk.bulk_restart",
        "lifecycle_bulk.bulk_retry",
        "lifecycle_control.rerun_by_state",
        "lifecycle_control.restart_by_state",
        "lifecycle_control.retry_by_state",
        "rest_bulk.bulk_terminate_restart_retry",
        "rest_http.content_type_of_answers",
        "rest_lifecycle.lifecycle_conflicts",
        "rest_lifecycle.lifecycle_success_statuses",
        "rest_lifecycle.removed_execution_is_gone",
        "rest_lifecycle.unknown_execution",
        "time_workflow.retry_after_workflow_timeout",
    ),
    "resetting callbacks": ("failure_updates.reset_callbacks",),
    "isolation groups": ("rest_taskdefs.full_taskdef_round_trip",),
    "event handlers": (
        "rest_events.bad_handlers",
        "rest_events.handler_crud",
        "rest_events.handlers_end_to_end",
        "rest_events.handlers_of_an_event",
        "rest_http.client_mistakes_answered_with_500",
    ),
    "its own OpenAPI document": ("rest_admin.openapi_is_served",),
}

WAITING = {name: why for why, names in _BY_CAPABILITY.items() for name in names}
