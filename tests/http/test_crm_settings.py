"""Modules and fields, as the SDKs ask for them."""

import pytest

from postroom.actions.organisation import add_module
from tests.http.crm_api import CrmApi
from tests.http.own_api import OwnApi

SCOPES = {
    "/settings/modules": "ZohoCRM.settings.modules.READ",
    "/settings/modules/Leads": "ZohoCRM.settings.modules.READ",
    "/settings/fields?module=Leads": "ZohoCRM.settings.fields.READ",
}


@pytest.fixture
def crm(own_api: OwnApi) -> CrmApi:
    """Give a client for a team with a custom module."""
    add_module(own_api.team.database, "Machine_Parks")
    return CrmApi(own_api.team)


@pytest.mark.parametrize("path", SCOPES)
def test_needs_a_token_with_the_scope(crm: CrmApi, path: str) -> None:
    assert crm.refused("", "GET", path, token="")[:2] == (401, "AUTHENTICATION_FAILURE")
    for scopes in ("ZohoCRM.modules.ALL", "ZohoCRM.settings.roles.READ", "ZohoCRM.settings.READ"):
        token = crm.team.token("Root", scopes)
        assert crm.refused("Root", "GET", path, token=token)[:2] == (401, "OAUTH_SCOPE_MISMATCH")
    for scopes in (SCOPES[path], "ZohoCRM.settings.ALL"):
        assert crm.ask("Charlie", "GET", path, token=crm.team.token("Charlie", scopes)).status_code == 200


def test_modules(crm: CrmApi) -> None:
    found = {module["api_name"]: module for module in crm.get("Charlie", "/settings/modules")["modules"]}
    kinds = {name: (found[name]["generated_type"], found[name]["api_supported"]) for name in found}
    assert kinds["Sales_Orders"] == ("default", True)
    assert kinds["Machine_Parks"] == ("custom", True)
    assert kinds["Tasks"] == ("default", False)
    assert crm.get("Charlie", "/settings/modules/leads")["modules"] == [found["Leads"]]
    assert crm.refused("Charlie", "GET", "/settings/modules/Nonsense")[:2] == (400, "INVALID_MODULE")


def test_fields(crm: CrmApi) -> None:
    def fields(module: str) -> dict[str, tuple[str, bool]]:
        found = crm.get("Charlie", f"/settings/fields?module={module}")["fields"]
        return {field["api_name"]: (field["data_type"], field["system_mandatory"]) for field in found}

    assert fields("contacts")["Last_Name"] == ("text", True)
    assert fields("Contacts")["Account_Name"] == ("lookup", False)
    assert fields("Accounts")["Account_Name"] == ("text", True)
    assert fields("Machine_Parks")["Name"] == ("text", True)
    assert fields("Machine_Parks")["Owner"] == ("ownerlookup", False)
    assert crm.refused("Charlie", "GET", "/settings/fields")[1:] == ("MANDATORY_NOT_FOUND", {"param_name": "module"})
    assert crm.refused("Charlie", "GET", "/settings/fields?module=Nonsense")[1] == "INVALID_MODULE"
    assert crm.refused("Charlie", "GET", "/settings/fields?module=Tasks")[1] == "NOT_SUPPORTED"
