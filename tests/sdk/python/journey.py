"""Runs where an official Zoho CRM SDK is installed, of any version, and prints what the SDK parsed on the way.

What there is to work on comes as a JSON object in JOURNEY.
"""

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import crm
import emails
import sending
from versions import has, initialize, refusal

GIVEN = json.loads(os.environ["JOURNEY"])
BASE_URL, FOLDER, ADDRESS = GIVEN["base_url"], Path(GIVEN["folder"]), GIVEN["address"]
RECORD, SILENT_RECORD, ODD_RECORD, NO_RECORD = *map(int, GIVEN["records"]), 1
COLLEAGUE, CALLER = int(GIVEN["colleague"]), int(GIVEN["caller"])
CLIENT = {name: GIVEN[name] for name in ("client_id", "client_secret")}


def main():
    organisation, token = apart(granted)
    said = {
        "organisation": organisation,
        **apart(refreshed, token.get_refresh_token()),
        "refused tokens": refused(token.get_refresh_token()),
        "wrong access token": apart(without_access),
    }
    json.dump(said, sys.stdout)


def apart(function, *arguments):
    """Run in a thread of its own, because earlier versions stay with the first store of a thread."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function, *arguments).result()


def granted():
    token = initialize(BASE_URL, FOLDER / "granted", **CLIENT, grant_token=GIVEN["grant_token"])
    return crm.organisation(), token


def refreshed(refresh_token):
    token = initialize(BASE_URL, FOLDER / "refreshed", **CLIENT, refresh_token=refresh_token)
    return {
        "team": crm.team(),
        "settings": crm.settings(),
        "records": crm.records(),
        "record shares": crm.shared(RECORD, COLLEAGUE),
        "details": emails.sharing(RECORD),
        "details of nothing": emails.sharing(SILENT_RECORD),
        "no such record": refusal(emails.details(NO_RECORD)),
        "no such module": refusal(emails.details(RECORD, "Nonsense")),
        "emails": reading(),
        "sending": sending_and_filing(),
        "details after that": emails.sharing(RECORD),
        "shares": emails.shares(RECORD, [SILENT_RECORD, NO_RECORD]) if has("record_share_email") else None,
        # A token by its id in a store is not found there.
        "revoked": token.revoke_refresh_token(refresh_token, f"{BASE_URL}/oauth/v2/token/revoke"),
    }


def reading():
    (newest, *_) = emails.listed(RECORD, of_type="user_emails", owner=CALLER)
    return {
        "pages": emails.pages(RECORD),
        "opened": emails.opened(RECORD, newest),
        "no such email": refusal(emails.one(RECORD, "0" * 64)),
        "no such file": refusal(emails.download(SILENT_RECORD, newest)),
        "of the colleague": emails.subjects(RECORD, of_type="user_emails", owner=COLLEAGUE),
        "with a subject": emails.with_subject(RECORD, "Order 3"),
        "sent from the CRM": emails.subjects(RECORD, of_type="sent_from_crm", owner=CALLER),
        "that says nothing": emails.shown(emails.listed(ODD_RECORD)[0]),
        "of nothing": emails.page(SILENT_RECORD).get_status_code(),
        "of no record": refusal(emails.page(NO_RECORD)),
        "of no type": refusal(emails.page(RECORD, of_type="nonsense")),
    }


def sending_and_filing():
    upload, file = sending.uploaded(GIVEN["file"])
    sent, sent_id = sending.sent(RECORD, ADDRESS, GIVEN["recipients"], file=file, subject="Grüße")
    (newest, *_) = emails.listed(RECORD, of_type="user_emails", owner=CALLER)
    reply = {"subject": "Re: Offer", "in_reply_to": sending.in_reply_to(newest)}
    replied, replied_id = sending.sent(RECORD, ADDRESS, GIVEN["recipients"][:1], **reply)
    later = {"subject": "Later", "scheduled_time": sending.in_an_hour()}
    scheduled, _ = sending.sent(RECORD, ADDRESS, GIVEN["recipients"][:1], **later)
    associated, associated_id = sending.associated(RECORD, ADDRESS)
    not_own, _ = sending.sent(RECORD, "root@team.example", GIVEN["recipients"][:1], subject="Not mine")
    misnamed, _ = sending.associated(RECORD, ADDRESS, "two words")
    of_ids = {sent_id: "sent", replied_id: "replied", associated_id: "associated"}
    filed = emails.listed(RECORD, of_type="sent_from_crm", owner=CALLER)
    return {
        "from addresses": sending.from_addresses(),
        "uploaded": upload,
        "sent": sent,
        "replied": replied,
        "scheduled": scheduled,
        "associated": associated,
        "not from an own address": not_own,
        "misnamed": misnamed,
        "listed": sorted([of_ids[email.get_message_id()], email.get_subject()] for email in filed),
    }


def without_access():
    initialize(BASE_URL, FOLDER / "without access", access_token="wrong")
    return refusal(emails.details(RECORD))


def refused(revoked):
    """Give what the SDK says where it gets no token."""
    wrong = {
        "code": CLIENT | {"grant_token": "1000.a.b"},
        "secret": CLIENT | {"client_secret": "wrong", "grant_token": "1000.a.b"},
        "client": CLIENT | {"client_id": "1000.A", "grant_token": "1000.a.b"},
        "refresh token": CLIENT | {"refresh_token": revoked},
    }
    return {name: apart(refusal_of, f"wrong {name}", credentials) for name, credentials in wrong.items()}


def refusal_of(name, credentials):
    try:
        initialize(BASE_URL, FOLDER / name, **credentials)
        crm.organisation()
    except Exception as error:  # noqa: BLE001 (each version raises another class)
        return str(error).removeprefix("Caused By: ")
    return None


if __name__ == "__main__":
    main()
