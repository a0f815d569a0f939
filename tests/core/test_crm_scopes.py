"""The scopes of Zoho CRM that open users, settings, records, their shares and their mail."""

import pytest

from postroom.core.scopes import (
    CrmOperation,
    email_families,
    may_call,
    module_families,
    send_families,
    share_families,
)

LEADS = module_families("leads")


@pytest.mark.parametrize(
    ("scopes", "operation", "families"),
    [
        ("ZohoCRM.users.READ", CrmOperation.READ, ("users",)),
        ("zohocrm.users.all", CrmOperation.DELETE, ("users",)),
        ("ZohoCRM.settings.ALL", CrmOperation.READ, ("settings.fields",)),
        ("ZohoCRM.settings.fields.ALL", CrmOperation.READ, ("settings.fields",)),
        ("ZohoCRM.modules.ALL", CrmOperation.DELETE, LEADS),
        ("ZohoCRM.modules.leads.WRITE", CrmOperation.CREATE, LEADS),
        ("ZohoCRM.modules.WRITE", CrmOperation.UPDATE, LEADS),
        ("ZohoCRM.modules.custom.READ", CrmOperation.READ, module_families("machine_parks")),
        ("ZohoCRM.share.salesorders.CREATE", CrmOperation.CREATE, share_families("sales_orders")),
        ("ZohoCRM.share.ALL", CrmOperation.READ, share_families("leads")),
        ("ZohoCRM.send_mail.all.CREATE", CrmOperation.CREATE, send_families("leads")),
        ("ZohoCRM.send_mail.salesorders.CREATE", CrmOperation.CREATE, send_families("sales_orders")),
        ("ZohoCRM.modules.emails.READ", CrmOperation.READ, email_families("leads")),
        ("ZohoCRM.modules.emails.leads.ALL", CrmOperation.CREATE, email_families("leads")),
    ],
)
def test_scopes_that_open(scopes: str, operation: CrmOperation, families: tuple[str, ...]) -> None:
    assert may_call(scopes, operation, *families)
    assert may_call(f"Postroom.audit.READ,{scopes}", operation, *families)


@pytest.mark.parametrize(
    ("scopes", "operation", "families"),
    [
        ("", CrmOperation.READ, ("users",)),
        ("ZohoCRM.users.READ", CrmOperation.UPDATE, ("users",)),
        ("ZohoCRM.users.READ", CrmOperation.READ, ("org",)),
        ("ZohoCRM.settings.READ", CrmOperation.READ, ("settings.fields",)),
        ("ZohoCRM.settings.roles.ALL", CrmOperation.READ, ("settings.fields",)),
        ("ZohoCRM.modules.WRITE", CrmOperation.READ, LEADS),
        ("ZohoCRM.modules.WRITE", CrmOperation.DELETE, LEADS),
        ("ZohoCRM.modules.contacts.ALL", CrmOperation.READ, LEADS),
        ("ZohoCRM.modules.emails.ALL", CrmOperation.READ, module_families("emails")[1:]),
        ("ZohoCRM.modules.leads.ALL", CrmOperation.READ, share_families("leads")),
        ("ZohoCRM.send_mail.contacts.CREATE", CrmOperation.CREATE, send_families("leads")),
        ("ZohoCRM.modules.emails.contacts.ALL", CrmOperation.READ, email_families("leads")),
        ("Postroom.settings.ALL", CrmOperation.READ, ("settings.fields",)),
    ],
)
def test_scopes_that_do_not(scopes: str, operation: CrmOperation, families: tuple[str, ...]) -> None:
    assert not may_call(scopes, operation, *families)
