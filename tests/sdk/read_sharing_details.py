"""Runs where the official Zoho CRM SDK is installed: reads sharing details and prints what the SDK made of them.

Arguments: base URL, folder for the SDK's files, module, record id. The token comes in ACCESS_TOKEN; or CLIENT_ID and
CLIENT_SECRET fetch one with GRANT_TOKEN or REFRESH_TOKEN, and then the SDK keeps its own defaults.
"""

import json
import os
import sys

from zohocrmsdk.src.com.zoho.api.authenticator.oauth_token import OAuthToken
from zohocrmsdk.src.com.zoho.api.authenticator.store.file_store import FileStore
from zohocrmsdk.src.com.zoho.crm.api.dc.data_center import DataCenter
from zohocrmsdk.src.com.zoho.crm.api.email_sharing_details import (
    APIException,
    EmailSharingDetailsOperations,
    ResponseWrapper,
)
from zohocrmsdk.src.com.zoho.crm.api.initializer import Initializer
from zohocrmsdk.src.com.zoho.crm.api.sdk_config import SDKConfig


def main(base_url, folder, module, record_id):
    Initializer.initialize(
        environment=DataCenter.Environment(base_url, f"{base_url}/oauth/v2/token", base_url),
        token=token(),
        store=FileStore(f"{folder}/tokens.csv"),
        resource_path=folder,
        # update_api_domain is on by default: it lets an answer move the SDK to another server, from the second call on.
        sdk_config=SDKConfig(
            auto_refresh_fields=False, pick_list_validation=False, update_api_domain="CLIENT_ID" in os.environ
        ),
    )
    for _ in range(2):
        response = EmailSharingDetailsOperations(int(record_id), module).get_email_sharing_details()
    json.dump({"status": response.get_status_code(), **as_parsed(response.get_object())}, sys.stdout)


def token():
    # find_user is on by default, too, and asks for more than sharing details.
    if "CLIENT_ID" not in os.environ:
        return OAuthToken(access_token=os.environ["ACCESS_TOKEN"], find_user=False)
    return OAuthToken(
        client_id=os.environ["CLIENT_ID"],
        client_secret=os.environ["CLIENT_SECRET"],
        grant_token=os.environ.get("GRANT_TOKEN"),
        refresh_token=os.environ.get("REFRESH_TOKEN"),
        find_user=False,
    )


def as_parsed(answer):
    if isinstance(answer, ResponseWrapper):
        return {"class": "ResponseWrapper", "details": [sharing(one) for one in answer.get_emails_sharing_details()]}
    if isinstance(answer, APIException):
        return {
            "class": "APIException",
            "code": answer.get_code().get_value(),
            "message": answer.get_message().get_value(),
            "details": answer.get_details(),
            "error_status": answer.get_status().get_value(),
        }
    return {"class": type(answer).__name__}


def sharing(one):
    users = [[user.get_id(), user.get_name(), user.get_type()] for user in one.get_share_from_users()]
    return {"available_types": one.get_available_types(), "share_from_users": users}


if __name__ == "__main__":
    main(*sys.argv[1:])
