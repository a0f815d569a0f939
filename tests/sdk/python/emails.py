"""What an integration reads of e-mails, and shares."""

from datetime import datetime
from io import BytesIO
from zipfile import ZipFile

from versions import SDKException, choice, filled, fitting, has, named, parameters, refusal, results

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


def operations(record, of_type=None, owner=None):
    """Type and owner are told here or, in one version, with each call."""
    known = named("email_related_records", "EmailRelatedRecordsOperations")
    return fitting(known, record_id=record, module_name=MODULE, type=of_type, owner_id=owner)


def page(record, *, of_type=None, owner=None, index=None, subject=None):
    """Ask for a page of a record's e-mails."""
    known = named("email_related_records", "GetEmailsRelatedRecordsParam")
    given = {"type": of_type, "owner_id": owner, "index": index, "filter": subject}
    given = {name: value for name, value in given.items() if value is not None and hasattr(known, name)}
    query = parameters("email_related_records", "GetEmailsRelatedRecordsParam", **given)
    return operations(record, of_type, owner).get_emails_related_records(query)


def listed(record, **which):
    """Give the e-mails of a page, which is empty where there is no content."""
    wrapper = page(record, **which).get_object()
    return [] if wrapper is None else wrapper.get_emails()


def subjects(record, **which):
    return [email.get_subject() for email in listed(record, **which)]


def pages(record):
    """Go through all pages, and back to the first one."""
    first = page(record, of_type="all_emails").get_object()
    second = page(record, of_type="all_emails", index=first.get_info().get_next_index()).get_object()
    back = page(record, of_type="all_emails", index=second.get_info().get_prev_index()).get_object()
    return {
        "info": [info(each) for each in (first, second)],
        "subjects": [[email.get_subject() for email in each.get_emails()] for each in (first, second)],
        "back is the first": ids(back) == ids(first),
        "each once": len({*ids(first), *ids(second)}),
        "newest": shown(first.get_emails()[0]),
    }


def info(wrapper):
    given = wrapper.get_info()
    is_last = given.get_next_index() is None
    return [given.get_per_page(), given.get_count(), given.get_more_records(), is_last]


def ids(wrapper):
    return [email.get_message_id() for email in wrapper.get_emails()]


def shown(email):
    """Give what the SDK knows of an e-mail in a list."""
    return {
        "from": person(email.get_from()),
        "to": [person(each) for each in email.get_to()],
        "cc": [person(each) for each in email.get_cc()],
        "subject": email.get_subject(),
        "time": email.get_time() and email.get_time().timestamp(),
        "sent": email.get_sent(),
        "owner": [str(email.get_owner().get_id()), email.get_owner().get_name(), email.get_owner().get_email()],
        "source": email.get_source(),
        "linked_record": email.get_linked_record(),
        "status": [each.get_type() for each in email.get_status()],
    }


def person(given):
    return [given.get_email(), given.get_user_name()]


def one(record, message_id, of_type=None, owner=None):
    """Ask for one e-mail with what it says."""
    return operations(record, of_type, owner).get_emails_related_record(message_id)


def opened(record, listed):
    """Give what the SDK knows of an e-mail beside what is listed."""
    (email,) = one(record, listed.get_message_id(), owner=listed.get_owner().get_id()).get_object().get_emails()
    has_attachment = getattr(email, "get_has_attachment", lambda: None)
    return {
        "as listed": shown(email) == shown(listed),
        "content": email.get_content(),
        "mail_format": email.get_mail_format(),
        "summary": email.get_summary(),
        "reply_to": person(email.get_reply_to()),
        "sent_time is its time": datetime.fromisoformat(email.get_sent_time()) == email.get_time(),
        "thread_id": str(email.get_thread_id()).isdigit(),
        "editable": email.get_editable(),
        "has_attachment": has_attachment(),
        "attachments": [[each.get_name(), each.get_size()] for each in email.get_attachments()],
        "download": downloaded(record, email),
    }


def downloaded(record, email):
    """Download the file of an e-mail; one version cannot name it, and gets an archive of all."""
    (attachment,) = email.get_attachments()
    file = download(record, email, id=attachment.get_id(), name=attachment.get_name()).get_object().get_file()
    content = file.get_stream().content
    if file.get_name() != "attachments.zip":
        return [file.get_name(), content.decode()]
    with ZipFile(BytesIO(content)) as archive:
        return [file.get_name(), {name: archive.read(name).decode() for name in archive.namelist()}]


def download(record, email, **which):
    """Ask for a file of an e-mail."""
    known = named("download_attachments", "GetDownloadAttachmentsDetailsParam")
    given = {"message_id": email.get_message_id(), "user_id": email.get_owner().get_id(), **which}
    given = {name: value for name, value in given.items() if hasattr(known, name)}
    query = parameters("download_attachments", "GetDownloadAttachmentsDetailsParam", **given)
    operations = named("download_attachments", "DownloadAttachmentsOperations")()
    return operations.get_download_attachments_details(record, MODULE, query)


def with_subject(record, text):
    """Filter by a subject; one version has no filters, and one can send none."""
    try:
        field = filled("email_related_records", "Field", api_name="subject")
        criteria = filled("email_related_records", "Criteria", comparator=choice("equal"), field=field, value=text)
        return subjects(record, subject=criteria)
    except (AttributeError, SDKException):
        return None


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
