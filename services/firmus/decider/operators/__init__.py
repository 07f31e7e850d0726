"""One module per operator; this table says which task types they are."""

from firmus.decider.operators import (
    decision,
    do_while,
    dynamic,
    exclusive_join,
    fork_join,
    fork_join_dynamic,
    human,
    inline,
    join,
    lambda_task,
    noop,
    set_variable,
    sub_workflow,
    switch,
    terminate,
    wait,
    worker_task,
)
from firmus.decider.operators.registry import OPERATORS

OPERATORS.update(
    {
        "SIMPLE": worker_task.OPERATOR,
        "FORK_JOIN": fork_join.OPERATOR,
        "FORK_JOIN_DYNAMIC": fork_join_dynamic.OPERATOR,
        "JOIN": join.OPERATOR,
        "EXCLUSIVE_JOIN": exclusive_join.OPERATOR,
        "DECISION": decision.OPERATOR,
        "DO_WHILE": do_while.OPERATOR,
        "DYNAMIC": dynamic.OPERATOR,
        "LAMBDA": lambda_task.OPERATOR,
        "SWITCH": switch.OPERATOR,
        "SET_VARIABLE": set_variable.OPERATOR,
        "INLINE": inline.OPERATOR,
        "TERMINATE": terminate.OPERATOR,
        "WAIT": wait.OPERATOR,
        "HUMAN": human.OPERATOR,
        "NOOP": noop.OPERATOR,
        "SUB_WORKFLOW": sub_workflow.OPERATOR,
    }
)
