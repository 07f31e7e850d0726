"""The demo's workflow: an order is checked, paid and packed at once, and shipped.

The card of every fourth order is charged in vain twice, so that a retry can be seen.
"""

from typing import Any

import msgspec

from firmus.worker import NonRetryableError, Task, TaskContext, task

WORKFLOW = "order_processing"
FLAKY_EVERY = 4


def _task_def(name: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "ownerEmail": "demo@firmus.example",
        "retryCount": 3,
        "retryLogic": "FIXED",
        "retryDelaySeconds": 0,
        "timeoutSeconds": 60,
        "responseTimeoutSeconds": 30,
        **more,
    }


def _simple(name: str, inputs: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "taskReferenceName": name, "type": "SIMPLE", "inputParameters": inputs}


TASK_DEFS = [
    _task_def(name)
    for name in ("check_order", "charge_card", "send_receipt", "reserve_stock", "ship_order")
]

DEFINITION: dict[str, Any] = {
    "name": WORKFLOW,
    "version": 1,
    "schemaVersion": 2,
    "ownerEmail": "demo@firmus.example",
    "inputParameters": ["order"],
    "tasks": [
        _simple("check_order", {"order": "${workflow.input.order}"}),
        {
            "name": "fork",
            "taskReferenceName": "pay_and_pack",
            "type": "FORK_JOIN",
            "forkTasks": [
                [
                    _simple(
                        "charge_card",
                        {
                            "number": "${workflow.input.order.number}",
                            "cents": "${check_order.output.cents}",
                        },
                    ),
                    _simple("send_receipt", {"payment": "${charge_card.output.payment}"}),
                ],
                [_simple("reserve_stock", {"items": "${workflow.input.order.items}"})],
            ],
        },
        {
            "name": "join",
            "taskReferenceName": "paid_and_packed",
            "type": "JOIN",
            "joinOn": ["send_receipt", "reserve_stock"],
        },
        {
            "name": "by_weight",
            "taskReferenceName": "by_weight",
            "type": "SWITCH",
            "evaluatorType": "value-param",
            "expression": "size",
            "inputParameters": {"size": "${reserve_stock.output.size}"},
            "decisionCases": {
                "large": [
                    {
                        **_simple("ship_order", {"carrier": "truck"}),
                        "taskReferenceName": "ship_by_truck",
                    }
                ]
            },
            "defaultCase": [
                {
                    **_simple("ship_order", {"carrier": "bicycle"}),
                    "taskReferenceName": "ship_by_bicycle",
                }
            ],
        },
    ],
    "outputParameters": {
        "payment": "${charge_card.output.payment}",
        "shelf": "${reserve_stock.output.shelf}",
    },
}


class Item(msgspec.Struct):
    name: str
    count: int
    cents: int


class Order(msgspec.Struct):
    number: int
    items: list[Item]


class CheckInput(msgspec.Struct):
    order: Order


class ChargeInput(msgspec.Struct):
    number: int
    cents: int


class StockInput(msgspec.Struct):
    items: list[Item]


class CardError(Exception):
    """The card company does not answer."""


def order(number: int) -> dict[str, Any]:
    """The input of one workflow; every third order is a large one."""
    count = 12 if number % 3 == 0 else 1 + number % 4
    return {
        "order": {
            "number": number,
            "items": [{"name": "score paper", "count": count, "cents": 350}],
        }
    }


@task("check_order")
async def check_order(given: CheckInput) -> dict[str, int]:
    if not given.order.items:
        raise NonRetryableError("an order needs items")
    return {"cents": sum(item.count * item.cents for item in given.order.items)}


@task("charge_card")
async def charge_card(given: ChargeInput, context: TaskContext) -> dict[str, str]:
    if given.number % FLAKY_EVERY == 0 and context.retry_count < 2:
        raise CardError("the card company does not answer")
    context.log(f"charged {given.cents / 100:.2f}")
    return {"payment": f"pay-{given.number}"}


@task("send_receipt")
def send_receipt(given: dict[str, Any]) -> dict[str, str]:
    return {"receipt": f"for {given['payment']}"}


@task("reserve_stock")
async def reserve_stock(given: StockInput) -> dict[str, str]:
    count = sum(item.count for item in given.items)
    return {"shelf": f"B{count:02d}", "size": "large" if count >= 10 else "small"}


@task("ship_order")
async def ship_order(given: dict[str, Any]) -> dict[str, str]:
    return {"shipped": f"by {given['carrier']}"}


TASKS: list[Task[..., Any]] = [check_order, charge_card, send_receipt, reserve_stock, ship_order]
