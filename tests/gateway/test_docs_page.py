"""The page for people: whole in one file, safe to serve, and about everything there is."""

import base64
import hashlib
import re

from firmus.gateway.openapi.page import HTML, inline
from tests.gateway.client import Api
from tests.gateway.told import our_document


async def test_it_is_served_with_a_policy_that_lets_its_own_script_run_and_no_other(api: Api):
    page = await api.get("//docs")

    assert (page.status, page.kind, page.body) == (200, "text/html", HTML)
    policy = page.headers["content-security-policy"]
    for element in ("script", "style"):
        digest = base64.b64encode(hashlib.sha256(inline(element).encode()).digest()).decode()
        assert f"{element}-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'; connect-src 'self'")
    assert page.headers["x-content-type-options"] == "nosniff"


def test_it_needs_nothing_from_elsewhere():
    assert re.findall(r"""(?:src|href)=["']?([^"'\s>]+)""", HTML) != []
    assert set(re.findall(r"""(?:src|href)=["']?([^"'\s>]+)""", HTML)) == {
        "#operations",
        "/api-docs",
    }
    assert re.findall(r"https?:|@import|url\(", HTML) == []
    assert re.findall(r"\son\w+=|style=", HTML) == [], "the policy forbids them"


def test_it_writes_what_it_is_told_as_text_only():
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", HTML)


def test_it_reads_what_the_document_has():
    told = our_document()
    assert set(re.findall(r"\bapi\.(\w+)", inline("script"))) <= told.keys()
    tags = {tag["name"] for tag in told["tags"]}
    shown = {tag for path in told["paths"].values() for one in path.values() for tag in one["tags"]}
    assert shown == tags, "what has no section is not shown"
