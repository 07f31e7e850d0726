"""Recorded scenarios that need what firmus does not do yet, and what that is.

A scenario that is listed here and passes fails the suite, so the table can only shrink.
"""

LOOPS = "DO_WHILE"
HTTP = "the HTTP task"
EXCLUSIVE_JOIN = "EXCLUSIVE_JOIN"
DECISION = "DECISION, which SWITCH replaced"
START_WORKFLOW = "the START_WORKFLOW task"
DEFINITION_BY_EXPRESSION = "a sub-workflow's definition given by an expression"
RESET_CALLBACKS = "resetting callbacks"

WAITING = {
    "data_references.references_from_outside_a_loop": LOOPS,
    "data_references.references_inside_a_loop": LOOPS,
    "failure_retry.retry_in_a_loop": LOOPS,
    "failure_retry.system_task_with_a_definition": HTTP,
    "failure_retry.system_task_without_a_definition": HTTP,
    "failure_updates.async_complete_http": HTTP,
    "failure_updates.reset_callbacks": RESET_CALLBACKS,
    "operators_fork.exclusive_join_after_optional_failure": EXCLUSIVE_JOIN,
    "operators_fork.exclusive_join_default_task": EXCLUSIVE_JOIN,
    "operators_fork.exclusive_join_takes_chosen_case": EXCLUSIVE_JOIN,
    "operators_subworkflow.start_workflow_fire_and_forget": START_WORKFLOW,
    "operators_subworkflow.start_workflow_missing_input": START_WORKFLOW,
    "operators_subworkflow.sub_workflow_definition_by_expression": DEFINITION_BY_EXPRESSION,
    "operators_switch.decision_case_expression": DECISION,
    "operators_switch.decision_case_value_param": DECISION,
}
