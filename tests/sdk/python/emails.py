"""What an integration does with e-mails."""

from datetime import UTC, datetime

from versions import SDKException, choice, filled, has, named, refusal, results, value_of

MODULE = "Leads"


def details(record, module=MODULE):
    """Ask for sharing details, which one version calls otherwise."""
    if has("email_sharing_details"):
        operations = named("email_sharing_details", "EmailSharingDetailsOperations")
    else:
        operations = named("email_sharing", "EmailSharingOperations")
    return operations(record, module).get_email_sharing_details()


def sharing(record):
    wrapper = details(record).get_object()
    getter = getattr(wrapper, "get_emails_sharing_details", None) or wrapper.get_emailssharingdetails
    (one,) = getter()
    users = [[str(user.get_id()), user.get_name(), user.get_type()] for user in one.get_share_from_users()]
    return {"available_types": one.get_available_types(), "share_from_users": users}


def from_addresses():
    found = named("from_addresses", "FromAddressesOperations")().get_from_addresses().get_object()
    return [
        [one.get_email(), one.get_user_name(), one.get_type(), one.get_default()] for one in found.get_from_addresses()
    ]


def uploaded(path):
    """Upload a file and give what became of it, and its id."""
    request = filled("files", "BodyWrapper", file=[named("util", "StreamWrapper")(file_path=str(path))])
    try:
        answers = named("files", "FilesOperations")().upload_files(request).get_object().get_data()
    except SDKException as error:  # two versions do not let their own class of files pass, before they ask
        return [error.code], None
    ((code, message, details),) = results(answers)
    return [code, message, details["name"]], details["id"]


def sent(record, address, recipients, file):
    mail = filled(
        "send_mail",
        "Data",
        attachments=[filled("send_mail", "Attachment", id=file)] if file else [],
        to=[filled("send_mail", "To", email=email, user_name=name) for email, name in recipients],
        subject="Grüße",
        content="<p>Good day</p>",
        mail_format=choice("html"),
        **{"from": filled("send_mail", "From", email=address, user_name="Bob")},
    )
    request = filled("send_mail", "BodyWrapper", data=[mail])
    (result,) = named("send_mail", "SendMailOperations")(record, MODULE).send_mail(request).get_object().get_data()
    details = result.get_details()
    blocked = [
        {"email": one["email"], "reason": one["reason"]} if isinstance(one, dict) else as_blocked(one)
        for one in details.get("blocked_email_addresses", [])
    ]
    return [value_of(result.get_code()), value_of(result.get_message()), sorted(details), blocked]


def as_blocked(one):
    return {"email": one.get_email(), "reason": one.get_reason()}


def associated(record, address):
    mail = filled(
        "associate_email",
        "AssociateEmail",
        to=[filled("associate_email", "To", email=address, user_name="Bob")],
        subject="Kept by hand",
        content="From another program",
        mail_format=choice("text"),
        original_message_id="<kept@elsewhere.example>",
        sent=False,
        date_time=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        **{"from": filled("associate_email", "From", email="lead@customer.example", user_name="Lead")},
    )
    request = filled("associate_email", "BodyWrapper", emails=[mail])
    response = named("associate_email", "AssociateEmailOperations")().associate(record, MODULE, request)
    return [[code, message, sorted(details)] for code, message, details in results(response.get_object().get_emails())]


def shares(record, others):
    """Share own mail and take that back, on one record and on several."""
    operations = named("record_share_email", "RecordShareEmailOperations")(MODULE)
    several = filled("record_share_email", "BodyWrapper", ids=[record, *others])
    return [
        outcome(operations.share_emails(record)),
        outcome(operations.share_emails(record)),
        outcome(operations.share_bulk_emails(several)),
        outcome(operations.unshare_emails(record)),
        outcome(operations.unshare_emails(record)),
        outcome(operations.unshare_bulk_emails(several)),
        refusal(operations.share_emails(1)),
    ]


def outcome(response):
    return [response.get_status_code(), results(response.get_object().get_data())]
