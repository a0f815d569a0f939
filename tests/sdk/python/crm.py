"""What an integration asks about the team, the modules and the records."""

from versions import filled, fitting, named, parameters, refusal, results, value_of


def organisation():
    (one,) = named("org", "OrgOperations")().get_organization().get_object().get_org()
    return [one.get_zgid(), one.get_company_name()]


def team():
    operations = named("users", "UsersOperations")()
    everybody = operations.get_users().get_object().get_users()
    current = parameters("users", "GetUsersParam", type="CurrentUser")
    (caller,) = operations.get_users(current).get_object().get_users()
    (one,) = operations.get_user(caller.get_id()).get_object().get_users()
    return {
        "everybody": [user.get_email() for user in everybody],
        "caller": [str(one.get_id()), one.get_full_name(), one.get_email(), value_of(one.get_status())],
        "profile": one.get_profile().get_name(),
    }


def settings():
    modules = named("modules", "ModulesOperations")().get_modules().get_object().get_modules()
    contacts = parameters("fields", "GetFieldsParam", module="Contacts")
    fields = named("fields", "FieldsOperations")().get_fields(contacts).get_object().get_fields()
    return {
        "modules": [module.get_api_name() for module in modules if module.get_api_supported()],
        "fields": {field.get_api_name(): value_of(field.get_data_type()) for field in fields},
    }


def records():
    field = named("record", "Field")
    account = created("Accounts", {field.Accounts.account_name(): "Acme"})
    link = filled("record", "Record", id=account)
    contact = created(
        "Contacts",
        {
            field.Contacts.last_name(): "Berg",
            field.Contacts.email(): "berg@customer.example",
            field.Contacts.account_name(): link,
        },
        Colour="green",
    )
    read = known(on("Contacts", "get_record", id=contact))
    edited = filled("record", "Record")
    edited.add_field_value(field.Contacts.last_name(), "Adams")
    updated = on("Contacts", "update_record", id=contact, request=body(edited))
    some = parameters("record", "GetRecordsParam", fields="Last_Name,Email,Account_Name,Owner,Colour")
    of_address = parameters("record", "SearchRecordsParam", email="berg@customer.example")
    return {
        "account": str(account),
        "contact": str(contact),
        "read": read,
        "updated": [message for _, message, _ in results(updated.get_object().get_data())],
        "listed": known(on("Contacts", "get_records", param_instance=some)),
        "found": known(on("Contacts", "search_records", param_instance=of_address)),
        "deleted": [each[1] for each in results(on("Contacts", "delete_record", id=contact).get_object().get_data())],
        "gone": refusal(on("Contacts", "get_record", id=contact)),
    }


def shared(record, user):
    """Share a record with a user and take that back."""
    operations = named("share_records", "ShareRecordsOperations")(record, "Leads")
    share = filled("share_records", "ShareRecord", user=filled("users", "Users", id=user), permission="read_only")
    request = filled("share_records", "BodyWrapper", share=[share])
    made = results(operations.share_record(request).get_object().get_share())
    listed = operations.get_shared_record_details().get_object().get_share()
    return {
        "shared": made,
        "with": [[str(one.get_shared_with().get_id()), value_of(one.get_permission())] for one in listed],
        "revoked": results([operations.revoke_shared_record().get_object().get_share()]),
        "then": operations.get_shared_record_details().get_status_code(),
    }


def on(module, method, **arguments):
    """Ask about records; the module is told to each call or, in later versions, once for all."""
    operations = fitting(named("record", "RecordOperations"), module_api_name=module)
    return fitting(getattr(operations, method), module_api_name=module, **arguments)


def created(module, values, **others):
    record = filled("record", "Record")
    for field, value in values.items():
        record.add_field_value(field, value)
    for name, value in others.items():
        record.add_key_value(name, value)
    (result,) = results(on(module, "create_records", request=body(record)).get_object().get_data())
    code, message, details = result
    assert (code, message) == ("SUCCESS", "record added")
    return int(details["id"])


def body(record):
    return filled("record", "BodyWrapper", data=[record])


def known(response):
    return [
        {
            "id": str(record.get_id()),
            "name": record.get_key_value("Last_Name"),
            "email": record.get_key_value("Email"),
            "account": [
                str(record.get_key_value("Account_Name").get_id()),
                record.get_key_value("Account_Name").get_key_value("name"),
            ],
            "owner": [str(record.get_key_value("Owner").get_id()), record.get_key_value("Owner").get_email()],
            "colour": record.get_key_value("Colour"),
        }
        for record in response.get_object().get_data()
    ]
