// What an integration asks about the team, the modules and the records.

import { filled, given, make, parameters, refusal, results } from "./sdk.mjs";

export async function organisation() {
  const [one] = (await (await make("org/org_operations")).getOrganization()).getObject().getOrg();
  return [one.getZgid(), one.getCompanyName()];
}

export async function team() {
  const operations = await make("users/users_operations");
  const everybody = (await operations.getUsers()).getObject().getUsers();
  const current = await parameters("users/users_operations", "GetUsersParam", { TYPE: "CurrentUser" });
  const [caller] = (await operations.getUsers(current)).getObject().getUsers();
  const [one] = (await operations.getUser(caller.getId())).getObject().getUsers();
  return {
    everybody: everybody.map((user) => user.getEmail()),
    caller: [String(one.getId()), one.getFullName(), one.getEmail(), one.getStatus()],
    profile: one.getProfile().getName(),
  };
}

export async function settings() {
  const modules = (await (await make("modules/modules_operations")).getModules()).getObject().getModules();
  const contacts = await parameters("fields/fields_operations", "GetFieldsParam", { MODULE: "Contacts" });
  const fields = (await (await make("fields/fields_operations")).getFields(contacts)).getObject().getFields();
  return {
    modules: modules.filter((one) => one.getAPISupported()).map((one) => one.getAPIName()),
    fields: Object.fromEntries(fields.map((field) => [field.getAPIName(), field.getDataType()])),
  };
}

export async function records() {
  const accounts = await make("record/record_operations", "Accounts");
  const contacts = await make("record/record_operations", "Contacts");
  const account = await created(accounts, { Account_Name: "Acme" });
  const contact = await created(contacts, {
    Last_Name: "Berg",
    Email: "berg@customer.example",
    Account_Name: await filled("record/record", { Id: account }),
    Colour: "green",
  });
  const read = known(await contacts.getRecord(contact));
  const updated = await contacts.updateRecord(contact, await body({ Last_Name: "Adams" }));
  const some = await parameters("record/record_operations", "GetRecordsParam", {
    FIELDS: "Last_Name,Email,Account_Name,Owner,Colour",
  });
  const ofAddress = await parameters("record/record_operations", "SearchRecordsParam", { EMAIL: "berg@customer.example" });
  return {
    account: String(account),
    contact: String(contact),
    read,
    updated: messages(updated),
    listed: known(await contacts.getRecords(some)),
    found: known(await contacts.searchRecords(ofAddress)),
    deleted: messages(await contacts.deleteRecord(contact)),
    gone: refusal(await contacts.getRecord(contact)),
  };
}

async function created(operations, values) {
  const [[code, message, details]] = results((await operations.createRecords(await body(values))).getObject().getData());
  if (code !== "SUCCESS" || message !== "record added") throw new Error(`${code}: ${message}`);
  return BigInt(details.id);
}

async function body(values) {
  const record = await make("record/record");
  for (const [name, value] of Object.entries(values)) record.addKeyValue(name, value);
  return filled("record/body_wrapper", { Data: [record] });
}

const messages = (response) => results(response.getObject().getData()).map(([, message]) => message);

function known(response) {
  return response
    .getObject()
    .getData()
    .map((one) => ({
      id: String(one.getId()),
      name: one.getKeyValue("Last_Name"),
      email: one.getKeyValue("Email"),
      account: [String(one.getKeyValue("Account_Name").getId()), one.getKeyValue("Account_Name").getKeyValue("name")],
      owner: [String(one.getKeyValue("Owner").getId()), one.getKeyValue("Owner").getEmail()],
      colour: one.getKeyValue("Colour"),
    }));
}

/** Shares a record with a user and takes that back. */
export async function recordShares(record) {
  const operations = await make("share_records/share_records_operations", record, "Leads");
  const share = await filled("share_records/share_record", {
    User: await filled("users/users", { Id: BigInt(given.colleague) }),
    Permission: "read_only",
  });
  const request = await filled("share_records/body_wrapper", { Share: [share] });
  const made = results((await operations.shareRecord(request)).getObject().getShare());
  const listed = (await operations.getSharedRecordDetails()).getObject().getShare();
  return {
    shared: made,
    with: listed.map((one) => [String(one.getSharedWith().getId()), one.getPermission()]),
    revoked: results([(await operations.revokeSharedRecord()).getObject().getShare()]),
    then: (await operations.getSharedRecordDetails()).getStatusCode(),
  };
}
