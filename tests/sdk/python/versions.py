"""What differs between the versions of the official Zoho CRM SDK for Python, for the programs beside this one."""

import importlib
import importlib.util
import inspect
from functools import partial

API = "zohocrmsdk.src.com.zoho.crm.api"
AUTHENTICATOR = "zohocrmsdk.src.com.zoho.api.authenticator"


def named(module, *names):
    """Import at run time: names and modules differ between versions."""
    found = importlib.import_module(f"{API}.{module}" if module else API)
    return [getattr(found, name) for name in names] if len(names) != 1 else getattr(found, names[0])


SDKException = named("exception", "SDKException")


def fitting(function, **arguments):
    """Call with those arguments that this version knows."""
    known = inspect.signature(function).parameters
    return function(**{name: value for name, value in arguments.items() if name in known})


def has(module):
    """Say whether this version has a module of the API."""
    return importlib.util.find_spec(f"{API}.{module}") is not None


def filled(module, name, /, **values):
    """Make one of the SDK's objects with its setters."""
    made = named(module, name)()
    for member, value in values.items():
        _with_string_or_choice(getattr(made, f"set_{member}"), value)
    return made


def parameters(module, name, /, **values):
    """Give parameters of a query."""
    known, given = named(module, name), named("", "ParameterMap")()
    for parameter, value in values.items():
        _with_string_or_choice(partial(given.add, getattr(known, parameter)), value)
    return given


def _with_string_or_choice(function, value):
    """Some versions have a Choice where others have a string."""
    try:
        function(value)
    except SDKException:
        function(choice(value))


def choice(text):
    return named("util", "Choice")(text)


def value_of(choice):
    """Give what a Choice says, where one version has a Choice and another one a string."""
    return choice.get_value() if isinstance(choice, named("util", "Choice")) else choice


def results(answers):
    """Give what became of each thing: the code, the message and the details, with an id as a string."""
    return [[value_of(each.get_code()), value_of(each.get_message()), plain(each.get_details())] for each in answers]


def plain(details):
    return {name: str(told) if name == "id" else told for name, told in details.items()}


def refusal(response):
    """Give what the SDK made of an error."""
    error = response.get_object()
    (told,) = results([error])
    return [response.get_status_code(), type(error).__name__, *told, value_of(error.get_status())]


def initialize(base_url, folder, **credentials):
    """Start anew with a client's credentials, or with an access token, and with the SDK's own defaults."""
    folder.mkdir()
    store = importlib.import_module(f"{AUTHENTICATOR}.store.file_store").FileStore(str(folder / "tokens.csv"))
    token = importlib.import_module(f"{AUTHENTICATOR}.oauth_token").OAuthToken(**credentials)
    named("initializer", "Initializer").initialize(
        environment=fitting(
            named("dc.data_center", "DataCenter").Environment,
            url=base_url,
            accounts_url=f"{base_url}/oauth/v2/token",
            file_upload_url=base_url,
            name="here",
        ),
        token=token,
        store=store,
        resource_path=str(folder),
        sdk_config=named("sdk_config", "SDKConfig")(auto_refresh_fields=False, pick_list_validation=False),
    )
    return token
