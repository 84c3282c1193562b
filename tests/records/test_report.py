from evalboard.records.report import Finding, Level, Report


def finding(level: Level, code: str, fix: str = "") -> Finding:
    return Finding(level=level, code=code, message=f"There is {code}.", fix=fix)


def test_only_an_error_rejects() -> None:
    mild = (finding(Level.WARNING, "no_licence"), finding(Level.INFO, "large"))
    assert Report(model="org/model", revision="main", findings=mild).ok
    wrong = Report(
        model="org/model",
        revision="main",
        findings=(
            *mild,
            finding(Level.ERROR, "no_weights", "Add them."),
            finding(Level.ERROR, "b"),
        ),
        facts={"params_billion": 7.0},
    )
    assert not wrong.ok
    assert [f.code for f in wrong.errors] == ["no_weights", "b"]
    assert wrong.summary() == "There is no_weights. Add them. There is b."


def test_a_document_tells_all_and_is_read_back() -> None:
    report = Report(
        model="org/model", revision="main", findings=(finding(Level.ERROR, "no_weights"),)
    )
    document = report.to_document()
    assert document == {
        "ok": False,
        "model": "org/model",
        "revision": "main",
        "findings": [
            {
                "level": "error",
                "code": "no_weights",
                "message": "There is no_weights.",
                "fix": "",
                "where": "",
            }
        ],
        "facts": {},
    }
    assert Report.model_validate(document) == report
