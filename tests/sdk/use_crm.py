"""Runs where the official Zoho CRM SDK is installed: uses users, modules and records, and prints what it parsed.

Arguments: base URL, folder for the SDK's files. The token comes in ACCESS_TOKEN.
"""

import json
import os
import sys
from pathlib import Path

from zohocrmsdk.src.com.zoho.api.authenticator.oauth_token import OAuthToken
from zohocrmsdk.src.com.zoho.api.authenticator.store.file_store import FileStore
from zohocrmsdk.src.com.zoho.crm.api import HeaderMap, ParameterMap
from zohocrmsdk.src.com.zoho.crm.api.dc.data_center import DataCenter
from zohocrmsdk.src.com.zoho.crm.api.fields import FieldsOperations, GetFieldsParam
from zohocrmsdk.src.com.zoho.crm.api.initializer import Initializer
from zohocrmsdk.src.com.zoho.crm.api.modules import ModulesOperations
from zohocrmsdk.src.com.zoho.crm.api.org import OrgOperations
from zohocrmsdk.src.com.zoho.crm.api.record import (
    BodyWrapper,
    Field,
    GetRecordsParam,
    Record,
    RecordOperations,
    SearchRecordsParam,
)
from zohocrmsdk.src.com.zoho.crm.api.sdk_config import SDKConfig
from zohocrmsdk.src.com.zoho.crm.api.users import GetUsersParam, UsersOperations

EMAIL = "ann@customer.example"


def main(base_url, folder):
    # find_user stays on: the SDK asks who the caller is, and for the organisation, by itself.
    Initializer.initialize(
        environment=DataCenter.Environment(base_url, f"{base_url}/oauth/v2/token", base_url),
        token=OAuthToken(access_token=os.environ["ACCESS_TOKEN"]),
        store=FileStore(f"{folder}/tokens.csv"),
        resource_path=folder,
        sdk_config=SDKConfig(auto_refresh_fields=False, pick_list_validation=False, update_api_domain=False),
    )
    json.dump({**team(), **settings(), **records()}, sys.stdout)


def team():
    everybody = UsersOperations().get_users(ParameterMap(), HeaderMap()).get_object().get_users()
    parameters = ParameterMap()
    parameters.add(GetUsersParam.type, "CurrentUser")
    (caller,) = UsersOperations().get_users(parameters, HeaderMap()).get_object().get_users()
    (one,) = UsersOperations().get_user(caller.get_id(), HeaderMap()).get_object().get_users()
    stored = Path(Initializer.get_initializer().resource_path, "tokens.csv").read_text()
    (organisation,) = OrgOperations().get_organization().get_object().get_org()
    return {
        "users": [user.get_email() for user in everybody],
        "caller": [one.get_id(), one.get_full_name(), one.get_status(), one.get_profile().get_name()],
        "organisation": [organisation.get_zgid(), organisation.get_company_name()],
        "store": stored.splitlines()[1].split(",")[1],
    }


def settings():
    modules = ModulesOperations().get_modules(ParameterMap(), HeaderMap()).get_object().get_modules()
    parameters = ParameterMap()
    parameters.add(GetFieldsParam.module, "Contacts")
    fields = FieldsOperations().get_fields(parameters).get_object().get_fields()
    return {
        "modules": [module.get_api_name() for module in modules if module.get_api_supported()],
        "fields": {field.get_api_name(): field.get_data_type() for field in fields},
    }


def records():
    account = created("Accounts", {Field.Accounts.account_name(): "Acme"})
    link = Record()
    link.set_id(account)
    contact = created(
        "Contacts",
        {Field.Contacts.last_name(): "Berg", Field.Contacts.email(): EMAIL, Field.Contacts.account_name(): link},
        Colour="green",
    )
    before = parsed(RecordOperations("Contacts").get_record(contact, ParameterMap(), HeaderMap()))
    edited = Record()
    edited.add_field_value(Field.Contacts.last_name(), "Adams")
    updated = RecordOperations("Contacts").update_record(contact, body(edited), HeaderMap()).get_object().get_data()
    parameters = ParameterMap()
    parameters.add(GetRecordsParam.fields, "Last_Name,Email,Account_Name,Owner,Colour")
    listed = parsed(RecordOperations("Contacts").get_records(parameters, HeaderMap()))
    parameters = ParameterMap()
    parameters.add(SearchRecordsParam.email, EMAIL)
    found = parsed(RecordOperations("Contacts").search_records(parameters))
    deleted = RecordOperations("Contacts").delete_record(contact, ParameterMap(), HeaderMap()).get_object().get_data()
    gone = RecordOperations("Contacts").get_record(contact, ParameterMap(), HeaderMap()).get_object()
    return {
        "account": account,
        "contact": contact,
        "read": before,
        "updated": [each.get_code().get_value() for each in updated],
        "listed": listed,
        "found": found,
        "deleted": [each.get_message().get_value() for each in deleted],
        "gone": gone.get_code().get_value(),
    }


def created(module, values, **others):
    record = Record()
    for field, value in values.items():
        record.add_field_value(field, value)
    for name, value in others.items():
        record.add_key_value(name, value)
    (result,) = RecordOperations(module).create_records(body(record), HeaderMap()).get_object().get_data()
    assert result.get_message().get_value() == "record added"
    return int(result.get_details()["id"])


def body(record):
    request = BodyWrapper()
    request.set_data([record])
    return request


def parsed(response):
    return [
        {
            "id": record.get_id(),
            "name": record.get_key_value("Last_Name"),
            "email": record.get_key_value("Email"),
            "account": [
                record.get_key_value("Account_Name").get_id(),
                record.get_key_value("Account_Name").get_key_value("name"),
            ],
            "owner": [record.get_key_value("Owner").get_id(), record.get_key_value("Owner").get_email()],
            "colour": record.get_key_value("Colour"),
        }
        for record in response.get_object().get_data()
    ]


if __name__ == "__main__":
    main(*sys.argv[1:])
