# SPDX-License-Identifier: MIT
"""The dashboard's editor of rules, silences, and alerts with their evidence."""
import json

import pytest
from browser import METRICSD, Keys, browser, page  # noqa: F401, the fixtures
from conftest import get_json, http_request, toolooctl

ALERTS = "/api/v1/system/alerts"
REFUSED = r"the server responded with a status of 400"  # the browser says so of each answer 400
RULE = {"metric": "service.cpu", "operator": ">", "threshold": 99, "severity": "info", "action": "restart-service",
        "service": "cup", "description": "of the test"}


def rules():
    return {r["id"]: r for r in get_json(METRICSD, f"{ALERTS}/rules")["rules"]}


def silences():
    return get_json(METRICSD, f"{ALERTS}/silences")["silences"]


def post(path, body):
    status, _, answer = http_request(METRICSD, f"{ALERTS}/{path}", "POST", json.dumps(body), {"Content-Type": "application/json"})
    assert status == 200, answer
    return json.loads(answer)


def delete(path):
    assert http_request(METRICSD, f"{ALERTS}/{path}", "DELETE")[0] == 200


@pytest.fixture(autouse=True)
def as_before(fleet):
    before = set(rules())
    yield
    for id in set(rules()) - before:
        delete(f"rules/{id}")
    for silence in silences():
        delete(f"silences/{silence['id']}")


@pytest.fixture
def rule():
    return post("rules", RULE)["id"]


def on_rules(page, port=METRICSD):
    page.open("/rules", port=port)
    page.when("document.querySelector('.rule')")


def item(id):
    return f".rule[data-key='{id}']"


# --- Rules ---


@pytest.mark.parametrize("port", [METRICSD, 3000], ids=["metricsd", "web"])
def test_adds_a_rule(page, port):
    on_rules(page, port)
    before = set(rules())
    page.press("Add a rule …")
    page.fill(metric="service.memory", operator=">=", threshold="1e9", service="training", severity="critical",
              action="restart-service", description="Too much <b>memory</b>", **{"for": "1min 30s"})
    page.screenshot(f"rule-editor-{port}")
    page.press("Add the rule", "dialog")
    page.dialog_closed()
    id, = set(rules()) - before
    made = rules()[id]
    assert {k: made[k] for k in ("metric", "operator", "threshold", "service", "severity", "action", "for", "cooldown", "enabled")} == {
        "metric": "service.memory", "operator": ">=", "threshold": 1e9, "service": "training", "severity": "critical",
        "action": "restart-service", "for": 90000, "cooldown": 300000, "enabled": True}
    text = page.when_text(item(id), "Memory")
    assert "Memory ≥ 1,000,000,000 bytes (954 MiB) for 1min 30s" in text and "of training: restart the service, critical" in text
    assert "Too much <b>memory</b>" in text, "text is text"
    assert page.text("#notice") == f"Rule {id} is in force."
    assert page.focused() == "Add a rule …", "the focus is where it was before the dialog"


@pytest.mark.parametrize("fields,field", [
    ({"threshold": "many"}, "threshold"),
    ({"threshold": ""}, "threshold"),
    ({"threshold": "1e999"}, "threshold"),
    ({"threshold": "1", "for": "a while"}, "for"),
    ({"threshold": "1", "for": "30h"}, "for"),
], ids=["word", "empty", "infinite", "no-duration", "long"])
def test_a_bad_field_is_shown_at_the_field(page, fields, field):
    page.expected.append(REFUSED)
    on_rules(page)
    before = rules()
    page.press("Add a rule …")
    page.fill(**fields)
    page.press("Add the rule", "dialog")
    problem = page.when_text("dialog .field:has([aria-invalid]) .problem", ".")
    # In the server's words, read out with the field, which has the focus.
    assert problem.startswith(f"{field}: ") and "expected" in problem, problem
    focused = page.driver.switch_to.active_element
    assert focused.get_attribute("name") == field and focused.get_attribute("aria-invalid") == "true"
    assert page.js("document.getElementById(document.activeElement.getAttribute('aria-describedby').split(' ')[1]).innerText") == problem
    assert rules() == before
    page.fill(threshold="5", **{"for": "10s"})
    page.press("Add the rule", "dialog")
    page.dialog_closed()
    assert len(rules()) == len(before) + 1


def test_a_bad_field_that_is_folded_away_is_unfolded(page):
    page.expected.append(REFUSED)
    on_rules(page)
    page.press("Add a rule …")
    page.fill(threshold="5")
    page.find("dialog details summary").click()
    page.fill(actionParams='{"serviceID": "cup"}')
    page.find("dialog details summary").click()
    page.press("Add the rule", "dialog")
    assert "serviceID" in page.when_text("dialog .problem", "serviceID")
    page.when("document.querySelector('dialog details').open || document.querySelector('dialog .general').innerText")
    page.keys(Keys.ESCAPE)
    page.dialog_closed()


def test_json_that_is_none_is_not_sent(page):
    on_rules(page)
    page.press("Add a rule …")
    page.fill(threshold="5")
    page.find("dialog details summary").click()
    page.fill(actionParams="{")
    page.press("Add the rule", "dialog")
    assert page.when_text("dialog .field .problem", "JSON").startswith("actionParams: a JSON object is expected")
    page.keys(Keys.ESCAPE)
    page.dialog_closed()


def test_edits_a_rule(page, rule):
    on_rules(page)
    page.press(f"Edit rule {rule}")
    assert page.js("document.querySelector('dialog [name=threshold]').value") == "99"
    assert page.js("document.querySelector('dialog [name=service]').value") == "cup"
    page.fill(threshold="98.5", severity="warning")
    page.press("Save", "dialog")
    page.dialog_closed()
    changed = rules()[rule]
    assert (changed["threshold"], changed["severity"], changed["service"]) == (98.5, "warning", "cup")
    assert changed["description"] == RULE["description"], "what was not touched is as it was"
    page.when_text(item(rule), r"CPU > 98\.5 %")
    assert page.focused() == f"Edit rule {rule}"


def test_disables_and_enables_a_rule(page, rule):
    on_rules(page)
    page.press(f"Disable rule {rule}")
    page.when_text(item(rule), "disabled")
    was = rules()[rule]
    assert was["enabled"] is False and was["description"] == RULE["description"]
    assert page.focused() == f"Enable rule {rule}", "the focus stays on the button, which says the opposite now"
    page.keys(Keys.ENTER)
    page.when("!/disabled/.test(document.querySelector(args[0]).innerText)", item(rule))
    assert rules()[rule]["enabled"] is True


def test_deletes_a_rule_after_a_question(page, rule):
    on_rules(page)
    page.press(f"Delete rule {rule}")
    assert rule in page.text("dialog")
    page.press("Cancel", "dialog")
    page.dialog_closed()
    assert rule in rules()
    page.press(f"Delete rule {rule}")
    page.press("Delete it", "dialog")
    page.dialog_closed()
    page.when("!document.querySelector(args[0])", item(rule))
    assert rule not in rules()
    page.when("document.activeElement.tagName === 'H1'")  # not lost with the button


def test_a_refusal_without_a_field_is_shown_in_the_dialog(page, rule):
    """Somebody else has deleted it meanwhile."""
    page.expected.append(r"the server responded with a status of 404")
    on_rules(page)
    page.press(f"Delete rule {rule}")
    delete(f"rules/{rule}")
    page.press("Delete it", "dialog")
    assert page.when_text("dialog .general", "no rule") == f"there is no rule '{rule}'"
    page.press("Cancel", "dialog")
    page.dialog_closed()


def test_follows_what_others_change(page):
    """A list that is read is kept: nothing that has the focus is made anew."""
    on_rules(page)
    first = page.js("document.querySelector('.rule').dataset.key")
    page.driver.execute_script("arguments[0].focus()", page.button(f"Edit rule {first}"))
    id = post("rules", RULE)["id"]
    toolooctl("reload", "cup")  # something happens, so it looks
    page.when("document.querySelector(args[0])", item(id))
    assert page.focused() == f"Edit rule {first}"


# --- Silences ---


def test_adds_and_ends_a_silence(page, rule):
    on_rules(page)
    assert "None" in page.text("main")
    page.press("Add a silence …")
    page.when("document.querySelector('dialog')")
    page.fill(service="cup", rule=rule, until="45min", reason="Being rebuilt")
    page.press("Silence", "dialog")
    page.dialog_closed()
    text = page.when_text(".silence", "cup")
    assert f"cup, rule {rule}" in text and "Being rebuilt" in text and "until " in text
    silence, = silences()
    assert (silence["service"], silence["rule"], silence["reason"]) == ("cup", rule, "Being rebuilt")
    page.screenshot("rules-and-silences")
    page.press(f"End the silence of cup, rule {rule} …")
    page.press("End it", "dialog")
    page.dialog_closed()
    page.when("!document.querySelector('.silence')")
    assert silences() == []


@pytest.mark.parametrize("fields,field", [
    ({"until": "tomorrow", "reason": "x"}, "until"),
    ({"until": "31d", "reason": "x"}, "until"),
    ({"until": "1h"}, "reason"),
])
def test_a_bad_silence_is_shown_at_the_field(page, fields, field):
    page.expected.append(REFUSED)
    on_rules(page)
    page.press("Add a silence …")
    page.when("document.querySelector('dialog')")
    page.fill(**fields)
    page.press("Silence", "dialog")
    assert page.when_text("dialog .field:has([aria-invalid]) .problem", ".").startswith(f"{field}: ")
    assert silences() == []
    page.keys(Keys.ESCAPE)
    page.dialog_closed()


def test_silences_one_service_from_its_page(page):
    page.open("/service/meta")
    page.press("Silence …")
    page.when("document.querySelector('dialog')")
    assert page.js("document.querySelector('dialog [name=service]').value") == "meta"
    page.fill(reason="From its page")
    page.press("Silence", "dialog")
    page.dialog_closed()
    silence, = silences()
    assert silence["service"] == "meta" and "rule" not in silence


# --- Alerts ---


def test_deeds(page):
    """What was done, why not, and whether it helped, in one sentence each."""
    page.open()
    say = """
const [alert, done] = arguments;
import("./control-room/assets/alerts.js").then(({deed}) => done(deed(alert)), error => done(String(error)));
"""

    def deed(**alert):
        return page.driver.execute_async_script(say, {"service": "coach", "action": "restart-service"} | alert)

    done = {"remediationAttempted": True, "remediationSuccess": True, "remediationAttempts": 1, "remediation": "done"}
    failed = done | {"remediationSuccess": False, "remediation": "failed"}
    assert deed(remediation="none") == "Nothing was done yet."
    assert deed(remediation="none", action="notify") == ""
    assert deed(remediation="under-way", remediationAttempted=True) == "Under way: restart."
    assert deed(**done) == "Restarted."
    assert deed(**done, helped=True) == "Restarted, and it helped."
    assert deed(**done | {"remediationAttempts": 3}, helped=False) == "Restarted 3 times, but it did not help."
    assert deed(**done, action="notify", remediationAction="reload-service") == "Reloaded."
    assert deed(**failed, remediationError="the unit did not start") == "The restart failed: the unit did not start."
    assert deed(remediationRefused="5 of 13 services are unhealthy") == "Nothing was done: 5 of 13 services are unhealthy."
    assert deed(suppressedBy="training") == "Nothing was done: coach needs training, which is down."
    assert deed(wouldDo="restart coach", dryRun=True) == "Tried out only: this would restart coach."
    assert deed(**done, action="dance") == "Dance."


def test_alerts_with_their_evidence(page, rule):
    page.open("/alerts")
    alert = post("trigger", {"metric": "service.cpu", "value": 100, "service": "cup"})["alert"]
    text = page.when_text(".alert", "CPU: 100 %[^]*Restarted")
    assert "info" in text and "cup" in text, text
    entry = f".alert[data-key='{alert['id']}']"
    page.find(f"{entry} summary .value").click()
    page.when("document.querySelector(args[0]).open && document.querySelector(args[0] + ' .evidence dl')", f"{entry} details")
    evidence = page.text(f"{entry} .evidence")
    assert rule in evidence and alert["invocationId"] in evidence and "tried by hand" in evidence
    assert alert["journal"] and alert["journal"][-1] in page.js("document.querySelector(args[0]).textContent", f"{entry} .journal")
    page.screenshot("alert-with-evidence")
    # It stays open, and where it is, when something else happens.
    post("trigger", {"metric": "service.cpu", "value": 101, "service": "cup"})
    page.when("document.querySelectorAll('.alert').length >= 2")
    assert page.js("document.querySelector(args[0]).open", f"{entry} details")


def test_says_why_nothing_was_done(page, rule):
    page.open("/service/cup")
    post("silences", {"service": "cup", "until": "10min", "reason": "of the test"})
    alert = post("trigger", {"metric": "service.cpu", "value": 100, "service": "cup"})["alert"]
    text = page.when_text(f".alert[data-key='{alert['id']}'] .deed", "Nothing was done")
    assert alert["remediationRefused"].rstrip(".") in text
