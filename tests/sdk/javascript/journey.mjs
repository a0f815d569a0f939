// Uses an official Zoho CRM SDK for JavaScript as its users do, and prints what the SDK parsed on the way.
//
// Arguments: the folder of the package that has the SDKs, and which of them. What there is to work on comes as a JSON
// object in JOURNEY.

import { mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const [, , folderOfSdks, sdkName] = process.argv;
const require = createRequire(join(folderOfSdks, "package.json"));
const library = `${sdkName}/${sdkName.includes("typescript") ? "dist" : "lib"}`;
const given = JSON.parse(process.env.JOURNEY);
const tokenUrl = `${given.base_url}/oauth/v2/token`;
const module = "Leads";
const [record, silentRecord, noRecord] = [given.record, given["record without mail"], 1].map(BigInt);

const load = (path) => import(require.resolve(`${library}/${path}.js`));
const sdk = await load("index");
const { Choice } = await load("utils/util/choice");
const { StreamWrapper } = await load("utils/util/stream_wrapper");
const { Initializer } = await load("routes/initializer");
const api = async (path) => load(`core/com/zoho/crm/api/${path}`);
const make = async (path, ...values) => new (await api(path)).MasterModel(...values);

/** Makes one of the SDK's objects with its setters. */
async function filled(path, values) {
  const made = await make(path);
  for (const [name, value] of Object.entries(values)) made[`set${name}`](value);
  return made;
}

/** Gives parameters of a query, which a class of that name knows. */
async function parameters(path, name, values) {
  const known = (await api(path))[name];
  const all = new sdk.ParameterMap();
  for (const [parameter, value] of Object.entries(values)) await all.add(known[parameter], value);
  return all;
}

const valueOf = (choice) => (choice instanceof Choice ? choice.getValue() : choice);
const plain = ([name, value]) => [name, typeof value === "bigint" ? String(value) : value];
const asObject = (map) => Object.fromEntries([...map].map(plain));

/** Gives what became of each thing: the code, the message and the details, with an id as a string. */
const results = (answers) =>
  answers.map((one) => [valueOf(one.getCode()), valueOf(one.getMessage()), asObject(one.getDetails())]);

function refusal(response) {
  const error = response.getObject();
  return [response.getStatusCode(), error.constructor.name, ...results([error])[0], valueOf(error.getStatus())];
}

/** Starts as a new process would, with a client's credentials or an access token, and with the SDK's own defaults. */
async function initialize(name, configure) {
  Initializer.LOCAL.clear();
  Initializer.initializer = undefined;
  const folder = join(given.folder, name);
  mkdirSync(folder);
  const token = configure(new sdk.OAuthBuilder()).build();
  const config = new sdk.SDKConfigBuilder().autoRefreshFields(false).pickListValidation(false).build();
  const builder = await new sdk.InitializeBuilder();
  await builder
    .environment(sdk.DataCenter.setEnvironment(given.base_url, tokenUrl, given.base_url))
    .token(token)
    .store(new sdk.FileStore(join(folder, "tokens.txt")))
    .SDKConfig(config)
    .resourcePath(folder)
    .initialize();
  return token;
}

const asClient = (builder) => builder.clientId(given.client_id).clientSecret(given.client_secret);

async function organisation() {
  const [one] = (await (await make("org/org_operations")).getOrganization()).getObject().getOrg();
  return [one.getZgid(), one.getCompanyName()];
}

async function team() {
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

async function settings() {
  const modules = (await (await make("modules/modules_operations")).getModules()).getObject().getModules();
  const contacts = await parameters("fields/fields_operations", "GetFieldsParam", { MODULE: "Contacts" });
  const fields = (await (await make("fields/fields_operations")).getFields(contacts)).getObject().getFields();
  return {
    modules: modules.filter((one) => one.getAPISupported()).map((one) => one.getAPIName()),
    fields: Object.fromEntries(fields.map((field) => [field.getAPIName(), field.getDataType()])),
  };
}

async function records() {
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
async function recordShares() {
  const operations = await make("share_records/share_records_operations", record, module);
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

async function details(id, name = module) {
  const operations = await make("email_sharing_details/email_sharing_details_operations", id, name);
  return operations.getEmailSharingDetails();
}

async function sharing(id) {
  const [one] = (await details(id)).getObject().getEmailsSharingDetails();
  return {
    available_types: one.getAvailableTypes(),
    share_from_users: one.getShareFromUsers().map((user) => [String(user.getId()), user.getName(), user.getType()]),
  };
}

async function fromAddresses() {
  const found = (await (await make("from_addresses/from_addresses_operations")).getFromAddresses()).getObject();
  return found
    .getFromAddresses()
    .map((one) => [one.getEmail(), one.getUserName(), one.getType(), one.getDefault()]);
}

const party = (path, [email, name]) => filled(path, { Email: email, UserName: name });

/** Uploads a file and gives what became of it, and its id. */
async function uploaded() {
  const file = new StreamWrapper(null, null, given.file);
  const request = await filled("files/body_wrapper", { File: [file] });
  const operations = await make("files/files_operations");
  const [[code, message, details]] = results((await operations.uploadFiles(request)).getObject().getData());
  return [[code, message, details.name], details.id];
}

async function sent(file) {
  const mail = await filled("send_mail/data", {
    From: await party("send_mail/from", [given.address, "Bob"]),
    To: await Promise.all(given.recipients.map((one) => party("send_mail/to", one))),
    Attachments: [await filled("send_mail/attachment", { Id: file })],
    Subject: "Grüße",
    Content: "<p>Good day</p>",
    MailFormat: new Choice("html"),
  });
  const request = await filled("send_mail/body_wrapper", { Data: [mail] });
  const operations = await make("send_mail/send_mail_operations", record, module);
  const [one] = (await operations.sendMail(request)).getObject().getData();
  const blocked = (one.getDetails().get("blocked_email_addresses") ?? []).map(asBlocked);
  return [valueOf(one.getCode()), valueOf(one.getMessage()), [...one.getDetails().keys()].sort(), blocked];
}

const asBlocked = (one) => (one instanceof Map ? Object.fromEntries(one) : { email: one.email, reason: one.reason });

async function associated() {
  const mail = await filled("associate_email/associate_email", {
    From: await party("associate_email/from", ["lead@customer.example", "Lead"]),
    To: [await party("associate_email/to", [given.address, "Bob"])],
    Subject: "Kept by hand",
    Content: "From another program",
    MailFormat: new Choice("text"),
    OriginalMessageId: "<kept@elsewhere.example>",
    Sent: false,
    DateTime: new Date("2026-01-02T03:04:05Z"),
  });
  const request = await filled("associate_email/body_wrapper", { Emails: [mail] });
  const operations = await make("associate_email/associate_email_operations");
  const answers = (await operations.associate(record, module, request)).getObject().getEmails();
  return results(answers).map(([code, message, details]) => [code, message, Object.keys(details).sort()]);
}

/** Shares own mail and takes that back, on one record and on several. */
async function shares() {
  const operations = await make("record_share_email/record_share_email_operations", module);
  const several = await filled("record_share_email/body_wrapper", { Ids: [record, silentRecord, noRecord] });
  return [
    outcome(await operations.shareEmails(record)),
    outcome(await operations.shareEmails(record)),
    outcome(await operations.shareBulkEmails(several)),
    outcome(await operations.unshareEmails(record)),
    outcome(await operations.unshareEmails(record)),
    outcome(await operations.unshareBulkEmails(several)),
    refusal(await operations.shareEmails(noRecord)),
  ];
}

const outcome = (response) => [response.getStatusCode(), results(response.getObject().getData())];

/** Revokes a refresh token; both SDKs stumble over the answer, of whatever kind. */
async function revoked(token, refreshToken) {
  await token.revokeRefreshToken(refreshToken, `${tokenUrl}/revoke`).catch(() => null);
  return (await refused("revoked", (builder) => asClient(builder).refreshToken(refreshToken))).includes("invalid_code");
}

/** Gives what the SDK says where it gets no token. */
async function refused(name, configure) {
  try {
    await initialize(`wrong ${name}`, configure);
    return await organisation();
  } catch (error) {
    return `${error.code} - ${error.message}`;
  }
}

async function journey() {
  const first = await initialize("granted", (builder) => asClient(builder).grantToken(given.grant_token));
  const said = { organisation: await organisation() };
  const refreshToken = first.getRefreshToken();
  const token = await initialize("refreshed", (builder) => asClient(builder).refreshToken(refreshToken));
  said.team = await team();
  said.settings = await settings();
  said.records = await records();
  said["record shares"] = await recordShares();
  said.details = await sharing(record);
  said["details of nothing"] = await sharing(silentRecord);
  said["no such record"] = refusal(await details(noRecord));
  said["no such module"] = refusal(await details(record, "Nonsense"));
  said["from addresses"] = await fromAddresses();
  const [upload, file] = await uploaded();
  said.uploaded = upload;
  said.sent = await sent(file);
  said.associated = await associated();
  said["details after that"] = await sharing(record);
  said.shares = await shares();
  said.revoked = await revoked(token, refreshToken);
  said["refused tokens"] = {
    code: await refused("code", (builder) => asClient(builder).grantToken("1000.a.b")),
    secret: await refused("secret", (builder) => asClient(builder).clientSecret("wrong").grantToken("1000.a.b")),
    client: await refused("client", (builder) => asClient(builder).clientId("1000.A").grantToken("1000.a.b")),
    "refresh token": await refused("refresh token", (builder) => asClient(builder).refreshToken(refreshToken)),
  };
  await initialize("without access", (builder) => builder.accessToken("wrong").findUser(false));
  said["wrong access token"] = refusal(await details(record));
  return said;
}

process.stdout.write(JSON.stringify(await journey()));
process.exit(0); // kept connections would hold it
