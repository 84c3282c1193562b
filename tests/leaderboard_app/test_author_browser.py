"""The way of a model's author, in a real Chromium: from a mistyped name to the reason of a failure."""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from evalboard.lifecycle import claim, fail
from evalboard.publishing import publish_queue
from evalboard.records.request import Claim, Failure
from evalboard.settings import Settings
from evalboard.stores.addresses import open_queue
from tests.leaderboard_app.submitted import write_model

FAILURE = Failure(code="load_failed", message="Tensor 3 is empty.", log_tail="Loading weights")


@pytest.fixture(scope="module")
def settings(settings: Settings, home: Path) -> Iterator[Settings]:
    """On a machine that has the viewer alone, with a model in its mirror."""
    write_model(home / "models" / "org" / "model")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "transformers", None)
        yield settings.model_copy(update={"models": home / "models"})


def fail_the_only_request(settings: Settings) -> None:
    """Do as a run does that cannot load the model."""
    queue, now = open_queue(settings), datetime.now(UTC)
    (entry,) = queue.entries()
    queue.change(
        entry.path,
        lambda record: claim(record, Claim(run_id="r", host="h"), now=now),
        message="claim",
    )
    queue.change(entry.path, lambda record: fail(record, FAILURE, now=now), message="fail")
    publish_queue(settings)


@pytest.mark.slow
def test_an_author_finds_the_way_without_help(page: Page, settings: Settings) -> None:
    page.goto("/submit")
    page.get_by_label("Submitted by").fill("Lab")
    model = page.get_by_label("Model", exact=True)
    model.fill("https://huggingface.co/org/modle")
    model.press("Enter")
    expect(page.get_by_role("heading", name="This model cannot be evaluated yet")).to_be_focused()
    expect(model).to_have_attribute("aria-invalid", "true")
    expect(page.locator(".field", has=model).locator(".told")).to_contain_text("org/modle")

    page.get_by_role("button", name="org/model").click()
    expect(page.get_by_role("heading", name="All checks passed")).to_be_focused()
    expect(model).not_to_have_attribute("aria-invalid", "true")
    page.get_by_role("button", name="Submit now").click()
    expect(page.get_by_role("heading", name="Submitted", exact=True)).to_be_focused()

    page.get_by_role("link", name="See the queue").click()
    row = page.locator(".request")
    expect(row).to_contain_text("org/model")
    expect(row.locator(".status")).to_have_text("Pending · 1.")

    fail_the_only_request(settings)
    expect(row.locator(".status")).to_have_text("Failed")
    details = page.locator("tr.more")
    expect(details).to_contain_text("The model could not be loaded.")
    expect(details).to_contain_text("Tensor 3 is empty.")
    expect(details).to_contain_text("What the author can do: Load exactly this revision")
    page.get_by_text("End of the log").click()
    expect(page.locator(".log pre")).to_have_text("Loading weights")

    page.goto("/submit")
    page.get_by_label("Submitted by").fill("Lab")
    feed = page.locator(".own").get_by_role("link", name="as a feed")
    expect(feed).to_have_attribute("href", "data/queue.atom?sender=Lab")
    page.get_by_role("link", name="My submissions").click()
    expect(row).to_contain_text("org/model")


def test_the_reason_is_told_in_the_readers_language(page: Page, settings: Settings) -> None:
    page.goto("/submit?lang=es")
    model = page.get_by_label("Modelo", exact=True)
    model.fill("org/modle")
    model.press("Enter")
    finding = page.locator("#outcome .findings li").first
    expect(finding).to_contain_text("Este modelo no existe o es privado.")
    expect(finding.locator("[lang=en]").first).to_contain_text("'org/modle'")
    expect(page.locator("#outcome")).to_contain_text("¿Querías decir?")
