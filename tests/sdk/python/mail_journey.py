"""Runs where an official Zoho CRM SDK of any version is installed: what an integration does with e-mails.

Arguments: base URL, folder for the SDK's files, version of the API. The client comes in CLIENT_ID, CLIENT_SECRET and
GRANT_TOKEN; what there is to work on comes as a JSON object in JOURNEY. Prints what the SDK parsed.
"""

import importlib
import inspect
import json
import os
import sys
from pathlib import Path

API = "zohocrmsdk.src.com.zoho.crm.api"
JOURNEY = json.loads(os.environ["JOURNEY"])
MODULE, RECORD, COLLEAGUE, CALLER = "Leads", *(int(JOURNEY[name]) for name in ("record", "colleague", "caller"))


def named(module, *names):
    """Import at run time: names and modules differ between versions."""
    found = importlib.import_module(f"{API}.{module}" if module else API)
    return [getattr(found, name) for name in names] if len(names) != 1 else getattr(found, names[0])


def fitting(function, **arguments):
    """Call with those arguments that this version knows."""
    known = inspect.signature(function).parameters
    return function(**{name: value for name, value in arguments.items() if name in known})


ParameterMap, HeaderMap = named("", "ParameterMap", "HeaderMap")
Choice = named("util", "Choice")
Initializer = named("initializer", "Initializer")
OAuthToken = importlib.import_module("zohocrmsdk.src.com.zoho.api.authenticator.oauth_token").OAuthToken
FileStore = importlib.import_module("zohocrmsdk.src.com.zoho.api.authenticator.store.file_store").FileStore


def main(base_url, folder, version):
    token = initialize(base_url, folder, "granted", grant_token=os.environ["GRANT_TOKEN"])
    organisation = org()
    initialize(base_url, folder, "refreshed", refresh_token=token.get_refresh_token())
    said = {
        "organisation": organisation,
        "caller": caller(),
        "contact": contact(),
        "details": details(),
        "emails": emails(),
        "email": email(),
        "no such email": code(operations().get_emails_related_record("0" * 64).get_object()),
        "from addresses": from_addresses(),
        "sent": send(),
        "sent from the CRM": [each.get_subject() for each in listed(type="sent_from_crm", owner_id=CALLER)],
        "associated": associate(),
    }
    if version == "8":
        said["shares"] = shares()
    json.dump(said, sys.stdout)


def initialize(base_url, folder, name, **secret):
    environment = fitting(
        named("dc.data_center", "DataCenter").Environment,
        url=base_url,
        accounts_url=f"{base_url}/oauth/v2/token",
        file_upload_url=base_url,
        name="here",
    )
    client = {"client_id": os.environ["CLIENT_ID"], "client_secret": os.environ["CLIENT_SECRET"]}
    token = OAuthToken(**client, **secret)
    own = Path(folder, name)
    own.mkdir()
    Initializer.initialize(
        environment=environment,
        token=token,
        store=FileStore(str(own / "tokens.csv")),
        resource_path=str(own),
        sdk_config=named("sdk_config", "SDKConfig")(auto_refresh_fields=False, pick_list_validation=False),
    )
    org()  # fetches the token, where the version has not done so yet
    return token


def org():
    (one,) = named("org", "OrgOperations")().get_organization().get_object().get_org()
    return [one.get_zgid(), one.get_company_name()]


def caller():
    operations, parameter = named("users", "UsersOperations", "GetUsersParam")
    parameters = ParameterMap()
    parameters.add(parameter.type, "CurrentUser")
    (one,) = operations().get_users(parameters, HeaderMap()).get_object().get_users()
    return [str(one.get_id()), one.get_full_name(), one.get_email()]


def contact():
    operations, record, body, field = named("record", "RecordOperations", "Record", "BodyWrapper", "Field")
    new = record()
    new.add_field_value(field.Contacts.last_name(), "Berg")
    new.add_field_value(field.Contacts.email(), "berg@customer.example")
    request = body()
    request.set_data([new])
    contacts = fitting(operations, module_api_name="Contacts")
    on = [] if inspect.signature(operations).parameters else ["Contacts"]
    (created,) = contacts.create_records(*on, request, HeaderMap()).get_object().get_data()
    made = int(created.get_details()["id"])
    response = contacts.get_record(made, *on, ParameterMap(), HeaderMap())
    (read,) = response.get_object().get_data()
    return [read.get_id() == made, read.get_key_value("Last_Name"), read.get_key_value("Email")]


def details():
    try:
        operations = named("email_sharing_details", "EmailSharingDetailsOperations")
    except ModuleNotFoundError:
        operations = named("email_sharing", "EmailSharingOperations")
    wrapper = operations(RECORD, MODULE).get_email_sharing_details().get_object()
    getter = getattr(wrapper, "get_emails_sharing_details", None) or wrapper.get_emailssharingdetails
    (one,) = getter()
    users = [[str(user.get_id()), user.get_name(), user.get_type()] for user in one.get_share_from_users()]
    return {"available_types": one.get_available_types(), "share_from_users": users}


def operations(**filters):
    return fitting(
        named("email_related_records", "EmailRelatedRecordsOperations"),
        record_id=RECORD,
        module_name=MODULE,
        **filters,
    )


def page(index=None, **filters):
    parameter = named("email_related_records", "GetEmailsRelatedRecordsParam")
    parameters = ParameterMap()
    for name, value in {**filters, "index": index}.items():
        if value is not None and hasattr(parameter, name):
            parameters.add(getattr(parameter, name), value)
    return operations(**filters).get_emails_related_records(parameters).get_object()


def listed(**filters):
    found = page(**filters)
    return [] if found is None else found.get_emails()


def emails():
    first = page(type="all_emails")
    second = page(type="all_emails", index=first.get_info().get_next_index())
    everything = first.get_emails() + second.get_emails()
    return {
        "counts": [each.get_info().get_count() for each in (first, second)],
        "more": [each.get_info().get_more_records() for each in (first, second)],
        "subjects": [each.get_subject() for each in everything],
        "owners": sorted({str(each.get_owner().get_id()) for each in everything}),
        "of the colleague": len(listed(type="user_emails", owner_id=COLLEAGUE)),
        "newest": summary(everything[0]),
    }


def summary(one):
    return {
        "from": [one.get_from().get_email(), one.get_from().get_user_name()],
        "to": [each.get_email() for each in one.get_to()],
        "time": one.get_time().timestamp(),
        "thread is a number": str(one.get_thread_id()).isdigit(),
        "sent": one.get_sent(),
    }


def email():
    newest = page(type="all_emails").get_emails()[0]
    wrapper = operations(type="all_emails").get_emails_related_record(newest.get_message_id()).get_object()
    (one,) = wrapper.get_emails()
    return {
        **summary(one),
        "subject": one.get_subject(),
        "content": one.get_content(),
        "format": one.get_mail_format(),
        "attachments": [[each.get_name(), each.get_size()] for each in one.get_attachments()],
    }


def from_addresses():
    found = named("from_addresses", "FromAddressesOperations")().get_from_addresses().get_object()
    return [[one.get_email(), one.get_user_name(), one.get_default()] for one in found.get_from_addresses()]


def send():
    operations, body, data, sender, recipient = named(
        "send_mail", "SendMailOperations", "BodyWrapper", "Data", "From", "To"
    )
    mail, request, from_1, to = data(), body(), sender(), recipient()
    from_1.set_email(JOURNEY["address"])
    from_1.set_user_name("Bob")
    to.set_email("lead@customer.example")
    mail.set_from(from_1)
    mail.set_to([to])
    mail.set_subject("From the SDK")
    mail.set_content("<p>Good day</p>")
    mail.set_mail_format(Choice("html"))
    request.set_data([mail])
    (result,) = operations(RECORD, MODULE).send_mail(request).get_object().get_data()
    return [result.get_code().get_value(), list(result.get_details())]


def associate():
    operations, body, associated, sender, recipient = named(
        "associate_email", "AssociateEmailOperations", "BodyWrapper", "AssociateEmail", "From", "To"
    )
    mail, request, from_1, to = associated(), body(), sender(), recipient()
    from_1.set_email("lead@customer.example")
    from_1.set_user_name("Lead")
    to.set_email(JOURNEY["address"])
    to.set_user_name("Bob")
    mail.set_from(from_1)
    mail.set_to([to])
    mail.set_subject("Kept by hand")
    mail.set_content("From another program")
    mail.set_mail_format(Choice("text"))
    mail.set_original_message_id("<kept@elsewhere.example>")
    mail.set_sent(False)
    mail.set_date_time(moment("2026-01-02T03:04:05+00:00"))
    request.set_emails([mail])
    (result,) = operations().associate(RECORD, MODULE, request).get_object().get_emails()
    return [result.get_code().get_value(), list(result.get_details())]


def moment(text):
    return importlib.import_module("datetime").datetime.fromisoformat(text)


def shares():
    operations, body = named("record_share_email", "RecordShareEmailOperations", "BodyWrapper")
    several = body()
    several.set_ids([RECORD, int(JOURNEY["second record"]), 1])
    shares = operations(MODULE)
    return [
        outcome(shares.share_emails(RECORD)),
        outcome(shares.share_emails(RECORD)),
        outcome(shares.share_bulk_emails(several)),
        outcome(shares.unshare_emails(RECORD)),
        outcome(shares.unshare_bulk_emails(several)),
    ]


def outcome(response):
    return [each.get_code().get_value() for each in response.get_object().get_data()]


def code(answer):
    return answer.get_code().get_value()


if __name__ == "__main__":
    main(*sys.argv[1:])
