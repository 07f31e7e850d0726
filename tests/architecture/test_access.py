"""Every path of the API says who may use it."""

from firmus.broker.polldata import PollTable
from firmus.gateway.polling import Polls
from firmus.gateway.routes import routes
from firmus.gateway.rules import RULES, rule_of
from tests.gateway.ports import World


def test_every_route_has_a_row_in_the_table_of_access_and_every_row_a_route() -> None:
    world = World()
    polls = Polls(world.queues, world.clock, PollTable())
    offered = {f"{route.method} {route.path}" for route in routes(world.ports(), polls)}
    assert offered - RULES.keys() == set(), "say in firmus.gateway.rules who may use these paths"
    assert RULES.keys() - offered == set(), "these rows of firmus.gateway.rules have no path"


def test_a_path_without_a_row_is_for_those_who_may_do_everything() -> None:
    rule = rule_of("GET", "/api/of/tomorrow")
    assert (rule.of, rule.role) == ("server", "admin")
