import json

import pytest

from evalboard.cli import main
from evalboard.settings import Settings
from evalboard.stores.addresses import open_store


def test_a_missing_model_is_rejected_with_a_report(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["submit", "org/missing", "--json"]) == 1
    out, err = capsys.readouterr()
    assert err == ""
    report = json.loads(out)
    assert (report["ok"], report["model"], report["request"]) == (False, "org/missing", None)
    (finding,) = report["findings"]
    assert (finding["level"], finding["code"]) == ("error", "model_not_found")
    assert "org/missing" in finding["message"]
    assert finding["fix"]
    assert dict(open_store(settings.store_address("requests"), settings).snapshot().files) == {}


@pytest.mark.parametrize("verb", ["submit", "validate"])
def test_a_person_reads_what_is_wrong_and_what_to_do(
    verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([verb, "org/missing"]) == 1
    out, err = capsys.readouterr()
    assert err == ""
    assert "org/missing at main is rejected" in out
    assert "error" in out
    assert "→" in out


def test_a_folder_is_no_submission(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["submit", "./models", "--json"]) == 1
    (finding,) = json.loads(capsys.readouterr().out)["findings"]
    assert finding["code"] == "invalid_name"


def test_an_unknown_suite_is_a_finding(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["submit", "org/missing", "--suite", "nope", "--json"]) == 1
    codes = {finding["code"] for finding in json.loads(capsys.readouterr().out)["findings"]}
    assert codes == {"unknown_suite", "model_not_found"}
