"""What an integration sends, and files."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from emails import MODULE
from versions import SDKException, choice, filled, named, results


def from_addresses():
    found = named("from_addresses", "FromAddressesOperations")().get_from_addresses().get_object()
    return [
        [one.get_email(), one.get_user_name(), one.get_type(), one.get_default()] for one in found.get_from_addresses()
    ]


def uploaded(path):
    """Upload a file and give what became of it, and its id."""
    request = filled("files", "BodyWrapper", file=[named("util", "StreamWrapper")(file_path=str(Path(path)))])
    try:
        answers = named("files", "FilesOperations")().upload_files(request).get_object().get_data()
    except SDKException as error:  # two versions do not let their own class of files pass, before they ask
        return [error.code], None
    ((code, message, details),) = results(answers)
    return [code, message, details["name"]], details["id"]


def sent(record, address, recipients, *, file=None, **more):
    """Send an e-mail and give what became of it, and its id."""
    mail = filled(
        "send_mail",
        "Data",
        to=[filled("send_mail", "To", email=email, user_name=name) for email, name in recipients],
        attachments=[filled("send_mail", "Attachment", id=file)] if file else [],
        content="<p>Good day</p>",
        mail_format=choice("html"),
        **{"from": filled("send_mail", "From", email=address, user_name="Bob")},
        **more,
    )
    request = filled("send_mail", "BodyWrapper", data=[mail])
    answers = named("send_mail", "SendMailOperations")(record, MODULE).send_mail(request).get_object().get_data()
    ((code, message, details),) = results(answers)
    blocked = [blocked_address(one) for one in details.get("blocked_email_addresses", [])]
    return [code, message, blocked, details.get("json_path")], details.get("message_id")


def blocked_address(one):
    return [one.get_email(), one.get_reason()] if hasattr(one, "get_email") else [one["email"], one["reason"]]


def in_reply_to(email):
    """Name the e-mail that is answered, by its id alone where this version knows no more."""
    try:
        return filled("send_mail", "InReplyTo", message_id=email.get_message_id())
    except AttributeError:
        return email.get_message_id()


def in_an_hour():
    return datetime.now(UTC) + timedelta(hours=1)


def associated(record, address, message_id="<kept@elsewhere.example>"):
    """File an e-mail by hand and give what became of it, and its id."""
    mail = filled(
        "associate_email",
        "AssociateEmail",
        to=[filled("associate_email", "To", email=address, user_name="Bob")],
        subject="Kept by hand",
        content="From another program",
        mail_format=choice("text"),
        original_message_id=message_id,
        sent=False,
        date_time=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        **{"from": filled("associate_email", "From", email="lead@customer.example", user_name="Lead")},
    )
    request = filled("associate_email", "BodyWrapper", emails=[mail])
    response = named("associate_email", "AssociateEmailOperations")().associate(record, MODULE, request)
    ((code, message, details),) = results(response.get_object().get_emails())
    return [code, message, details.get("api_name")], details.get("message_id")
