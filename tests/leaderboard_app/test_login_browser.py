"""Log-in as on a Space, in a real Chromium, up to where Hugging Face itself would be asked."""

import base64
import hashlib
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from gradio import oauth
from playwright.sync_api import Browser, expect

from evalboard.settings import Settings
from leaderboard_app import login
from tests.leaderboard_app.browsing import browse
from tests.leaderboard_app.serving import build_app, serving

pytest.importorskip("authlib", reason="log-in needs gradio[oauth]")
itsdangerous = pytest.importorskip("itsdangerous", reason="log-in needs gradio[oauth]")

SECRET = "a secret"
USER = {
    "name": "Alice",
    "preferred_username": "alice",
    "profile": "https://huggingface.co/alice",
    "picture": "data:,",
}


FURTHER = "medical-pl"
PREFIXES = ("", pytest.param(f"/boards/{FURTHER}", marks=pytest.mark.slow))
"""Of the first board and of a further one."""


@pytest.fixture(scope="module")
def settings(home: Path) -> Settings:
    fields = {"home": home / "data", "suite": "open-medical", "suites": FURTHER, "offline": True}
    return Settings.model_validate(fields)


@pytest.fixture
def space(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a viewer that believes to be on a Space with log-in.

    Only what decides on log-in is told so: elsewhere Gradio would draw the Hub's own header, which
    asks other hosts.
    """
    monkeypatch.setitem(sys.modules, "transformers", None)
    for module in (oauth, login):
        monkeypatch.setattr(module, "get_space", lambda: "lab/board")
    for name, value in (
        ("OAUTH_CLIENT_ID", "client"),
        ("OAUTH_CLIENT_SECRET", SECRET),
        ("OAUTH_SCOPES", "openid profile"),
        ("OPENID_PROVIDER_URL", "http://127.0.0.1:1"),
    ):
        monkeypatch.setattr(oauth, name, value)
    with serving(build_app(settings)) as address:
        yield address


def session_of(user: dict[str, str]) -> str:
    """Return the cookie that Gradio gives who comes back from Hugging Face."""
    content = {
        "oauth_info": {
            "userinfo": user,
            "access_token": "t",
            "scope": "openid profile",
            "expires_at": time.time() + 3600,
        }
    }
    key = hashlib.sha256(f"{SECRET}-v4".encode()).hexdigest()
    signer = itsdangerous.TimestampSigner(key)
    return signer.sign(base64.b64encode(json.dumps(content).encode())).decode()


@pytest.mark.parametrize("prefix", PREFIXES)
def test_the_form_takes_the_name_of_the_account(browser: Browser, space: str, prefix: str) -> None:
    with browse(browser, space, locale="en-GB") as page:
        page.goto(f"{prefix}/submit")
        expect(page.get_by_text("Log in to submit it.")).to_be_visible()
        expect(page.get_by_role("button", name="Sign in with Hugging Face")).to_be_visible()
        expect(page.get_by_role("button", name="Submit", exact=True)).to_be_disabled()
        page.route("**/login/**", lambda route: route.fulfill(body="Hugging Face"))
        page.get_by_role("button", name="Sign in with Hugging Face").click()
        page.wait_for_url(f"**/login/huggingface?_target_url={prefix}/submit")

        page.context.add_cookies([{"name": "session", "value": session_of(USER), "url": space}])
        page.goto(f"{prefix}/submit")
        expect(page.get_by_text("Submitted by alice.")).to_be_visible()
        expect(page.get_by_label("Submitted by")).to_have_count(0)
        page.get_by_label("Model", exact=True).fill("no/such")
        page.get_by_role("button", name="Check").click()
        expect(
            page.get_by_role("heading", name="This model cannot be evaluated yet")
        ).to_be_visible()
