"""What an integration reads of e-mails, and shares."""

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
