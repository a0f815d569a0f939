"""The fields of records: which name a record, which hold addresses, which link, and what Zoho CRM calls them."""

from typing import NamedTuple

from postroom.core.modules import ACCOUNTS, CONTACTS, module_key

ID_NAMES = ("id", "record_id")
_NAMES = {
    "accounts": (("account_name",),),
    "contacts": (("full_name",), ("first_name", "last_name")),
    "deals": (("deal_name",),),
    "leads": (("full_name",), ("first_name", "last_name")),
}
_OTHER_NAMES = (("subject",), ("name",))
_LINKS = {
    "account": ACCOUNTS,
    "account_name": ACCOUNTS,
    "account_name.id": ACCOUNTS,
    "contact": CONTACTS,
    "contact_name": CONTACTS,
    "contact_name.id": CONTACTS,
    "contacts": CONTACTS,
}


class Field(NamedTuple):
    """A field that a module has, as Zoho CRM describes it; `links_to` is the module that a lookup leads to."""

    api_name: str
    data_type: str
    links_to: str | None = None
    is_mandatory: bool = False
    is_read_only: bool = False

    @property
    def label(self) -> str:
        """Give the name as people read it."""
        return self.api_name.replace("_", " ")


OWNER = "Owner"
_OF_EACH = (
    Field(OWNER, "ownerlookup"),
    Field("Created_By", "ownerlookup", is_read_only=True),
    Field("Modified_By", "ownerlookup", is_read_only=True),
    Field("Created_Time", "datetime", is_read_only=True),
    Field("Modified_Time", "datetime", is_read_only=True),
)
_PEOPLE = (
    Field("First_Name", "text"),
    Field("Last_Name", "text", is_mandatory=True),
    Field("Full_Name", "text", is_read_only=True),
    Field("Email", "email"),
    Field("Secondary_Email", "email"),
)
_ACCOUNT = Field("Account_Name", "lookup", ACCOUNTS)
_CONTACT = Field("Contact_Name", "lookup", CONTACTS)
_SUBJECT = Field("Subject", "text", is_mandatory=True)
_OWN_FIELDS = {
    "leads": (*_PEOPLE, Field("Company", "text"), _ACCOUNT, _CONTACT),
    "contacts": (*_PEOPLE, _ACCOUNT),
    "accounts": (Field("Account_Name", "text", is_mandatory=True), Field("Email", "email"), _CONTACT),
    "deals": (Field("Deal_Name", "text", is_mandatory=True), _ACCOUNT, _CONTACT),
    "quotes": (_SUBJECT, _ACCOUNT, _CONTACT),
    "invoices": (_SUBJECT, _ACCOUNT, _CONTACT),
    "sales_orders": (_SUBJECT, _ACCOUNT, _CONTACT),
    "purchase_orders": (_SUBJECT, _ACCOUNT, _CONTACT),
}
_CUSTOM_FIELDS = (
    Field("Name", "text", is_mandatory=True),
    Field("Email", "email"),
    Field("Secondary_Email", "email"),
    _ACCOUNT,
    _CONTACT,
)


def fields_of(key: str) -> tuple[Field, ...]:
    """Give the fields that every record of a module has; `key` is the module's."""
    return (*_OWN_FIELDS.get(key, _CUSTOM_FIELDS), *_OF_EACH)


def folded(name: str) -> str:
    """Give the form in which names of fields compare: `Last Name`, `last-name` and `Last_Name` are one."""
    return name.strip().lower().replace(" ", "_").replace("-", "_")


def name_choices(key: str) -> tuple[tuple[str, ...], ...]:
    """Give the folded names of the fields that name a record together, the first choice first."""
    return _NAMES.get(key, _OTHER_NAMES)


def owner_names(key: str) -> tuple[str, ...]:
    """Give the folded names of the fields that can say whose a record is: `Owner`, or `Lead Owner` in exports."""
    of_module = f"{key.removesuffix('s')}_owner"
    return ("owner", "owner_email", of_module, "owner.id", f"{of_module}.id")


def is_address(name: str) -> bool:
    """Say whether a field of that folded name holds an e-mail address."""
    return name.rpartition("_")[2] in ("email", "mail")


def links_to(name: str, key: str) -> str | None:
    """Give the module that a field of that folded name links to; Account_Name of an Account is its own name."""
    module = _LINKS.get(name)
    return None if module is None or key == module_key(module) else module


def api_name_of(name: str, key: str) -> str:
    """Give the API name of a field that a file or a client named in its own way; of one that is not known, its own."""
    plain = folded(name)
    if plain in ID_NAMES:
        return "id"
    if plain in owner_names(key):
        return OWNER
    module = links_to(plain, key)
    if module is not None:
        return (_ACCOUNT if module == ACCOUNTS else _CONTACT).api_name
    known = {folded(field.api_name): field.api_name for field in fields_of(key)}
    return known.get(plain, name.strip().replace(" ", "_").replace("-", "_"))
