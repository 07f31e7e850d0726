"""One module per operator; this table says which task types they are."""

from firmus.decider.operators import (
    fork_join,
    fork_join_dynamic,
    human,
    inline,
    join,
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
