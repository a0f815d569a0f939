// Uses an official Zoho CRM SDK as its users do: what an integration does with e-mails.
//
// Arguments: the package, base URL, folder for the SDK's files. The client comes in CLIENT_ID, CLIENT_SECRET and
// GRANT_TOKEN; what there is to work on comes as a JSON object in JOURNEY. Prints what the SDK parsed.

import { mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const [, , sdkName, baseUrl, folder] = process.argv;
const require = createRequire(process.env.NODE_MODULES_OF);
const library = `${sdkName}/${sdkName.includes("typescript") ? "dist" : "lib"}`;
const journey = JSON.parse(process.env.JOURNEY);
const moduleName = "Leads";
const [record, colleague, caller] = [journey.record, journey.colleague, journey.caller].map(BigInt);

const load = (path) => import(require.resolve(`${library}/${path}.js`));
const api = async (path) => load(`core/com/zoho/crm/api/${path}`);
const make = async (path, ...values) => new (await api(path)).MasterModel(...values);
const sdk = await load("index");
const { Choice } = await load("utils/util/choice");

async function initialize(name, configure) {
  const own = join(folder, name);
  mkdirSync(own);
  const environment = sdk.DataCenter.setEnvironment(baseUrl, `${baseUrl}/oauth/v2/token`, baseUrl);
  const client = new sdk.OAuthBuilder().clientId(process.env.CLIENT_ID).clientSecret(process.env.CLIENT_SECRET);
  const token = configure(client).build();
  const builder = await new sdk.InitializeBuilder();
  const config = new sdk.SDKConfigBuilder().autoRefreshFields(false).pickListValidation(false).build();
  await builder
    .environment(environment)
    .token(token)
    .store(new sdk.FileStore(join(own, "tokens.txt")))
    .SDKConfig(config)
    .resourcePath(own)
    .initialize();
  return token;
}

const answered = (response) => response.getObject();

async function organisation() {
  const [one] = answered(await (await make("org/org_operations")).getOrganization()).getOrg();
  return [one.getZgid(), one.getCompanyName()];
}

async function currentUser() {
  const { MasterModel: UsersOperations, GetUsersParam } = await api("users/users_operations");
  const parameters = new sdk.ParameterMap();
  await parameters.add(GetUsersParam.TYPE, "CurrentUser");
  const [one] = answered(await new UsersOperations().getUsers(parameters, new sdk.HeaderMap())).getUsers();
  return [String(one.getId()), one.getFullName(), one.getEmail()];
}

async function contact() {
  const contacts = await make("record/record_operations", "Contacts");
  const request = await make("record/body_wrapper");
  const created = await make("record/record");
  created.addKeyValue("Last_Name", "Berg");
  created.addKeyValue("Email", "berg@customer.example");
  request.setData([created]);
  const [made] = answered(await contacts.createRecords(request, new sdk.HeaderMap())).getData();
  const id = BigInt(made.getDetails().get("id"));
  const response = await contacts.getRecord(id, new sdk.ParameterMap(), new sdk.HeaderMap());
  const [read] = answered(response).getData();
  return [read.getId() === id, read.getKeyValue("Last_Name"), read.getKeyValue("Email")];
}

async function details() {
  const operations = await make("email_sharing_details/email_sharing_details_operations", record, moduleName);
  const [one] = answered(await operations.getEmailSharingDetails()).getEmailsSharingDetails();
  return {
    available_types: one.getAvailableTypes(),
    share_from_users: one.getShareFromUsers().map((user) => [String(user.getId()), user.getName(), user.getType()]),
  };
}

async function operations(type, owner) {
  return make("email_related_records/email_related_records_operations", record, moduleName, type, owner);
}

async function page(type, owner, index) {
  const { GetEmailsRelatedRecordsParam } = await api("email_related_records/email_related_records_operations");
  const parameters = new sdk.ParameterMap();
  if (index) await parameters.add(GetEmailsRelatedRecordsParam.INDEX, index);
  return answered(await (await operations(type, owner)).getEmailsRelatedRecords(parameters));
}

async function emails() {
  const first = await page("all_emails");
  const second = await page("all_emails", undefined, first.getInfo().getNextIndex());
  const pages = [first, second];
  const everything = pages.flatMap((each) => each.getEmails());
  return {
    counts: pages.map((each) => each.getInfo().getCount()),
    more: pages.map((each) => each.getInfo().getMoreRecords()),
    subjects: everything.map((each) => each.getSubject()),
    owners: [...new Set(everything.map((each) => String(each.getOwner().getId())))].sort(),
    "of the colleague": (await page("user_emails", colleague)).getEmails().length,
    newest: summary(everything[0]),
  };
}

const summary = (one) => ({
  from: [one.getFrom().getEmail(), one.getFrom().getUserName()],
  to: one.getTo().map((each) => each.getEmail()),
  time: one.getTime().getTime() / 1000,
  "thread is a number": /^\d+$/.test(one.getThreadId()),
  sent: one.getSent(),
});

async function email() {
  const [newest] = (await page("all_emails")).getEmails();
  const [one] = answered(await (await operations("all_emails")).getEmailsRelatedRecord(newest.getMessageId())).getEmails();
  return {
    ...summary(one),
    subject: one.getSubject(),
    content: one.getContent(),
    format: one.getMailFormat(),
    attachments: one.getAttachments().map((each) => [each.getName(), each.getSize()]),
  };
}

async function fromAddresses() {
  const found = answered(await (await make("from_addresses/from_addresses_operations")).getFromAddresses());
  return found.getFromAddresses().map((one) => [one.getEmail(), one.getUserName(), one.getDefault()]);
}

async function party(path, email, name) {
  const one = await make(path);
  one.setEmail(email);
  if (name) one.setUserName(name);
  return one;
}

async function send() {
  const mail = await make("send_mail/data");
  mail.setFrom(await party("send_mail/from", journey.address, "Bob"));
  mail.setTo([await party("send_mail/to", "lead@customer.example")]);
  mail.setSubject("From the SDK");
  mail.setContent("<p>Good day</p>");
  mail.setMailFormat(new Choice("html"));
  const request = await make("send_mail/body_wrapper");
  request.setData([mail]);
  const [result] = answered(await (await make("send_mail/send_mail_operations", record, moduleName)).sendMail(request)).getData();
  return [result.getCode().getValue(), [...result.getDetails().keys()]];
}

async function associate() {
  const mail = await make("associate_email/associate_email");
  mail.setFrom(await party("associate_email/from", "lead@customer.example", "Lead"));
  mail.setTo([await party("associate_email/to", journey.address, "Bob")]);
  mail.setSubject("Kept by hand");
  mail.setContent("From another program");
  mail.setMailFormat(new Choice("text"));
  mail.setOriginalMessageId("<kept@elsewhere.example>");
  mail.setSent(false);
  mail.setDateTime(new Date("2026-01-02T03:04:05Z"));
  const request = await make("associate_email/body_wrapper");
  request.setEmails([mail]);
  const operations = await make("associate_email/associate_email_operations");
  const [result] = answered(await operations.associate(record, moduleName, request)).getEmails();
  return [result.getCode().getValue(), [...result.getDetails().keys()]];
}

async function shares() {
  const several = await make("record_share_email/body_wrapper");
  several.setIds([record, BigInt(journey["second record"]), 1n]);
  const shares = await make("record_share_email/record_share_email_operations", moduleName);
  const outcome = (response) => answered(response).getData().map((each) => each.getCode().getValue());
  return [
    outcome(await shares.shareEmails(record)),
    outcome(await shares.shareEmails(record)),
    outcome(await shares.shareBulkEmails(several)),
    outcome(await shares.unshareEmails(record)),
    outcome(await shares.unshareBulkEmails(several)),
  ];
}

const token = await initialize("granted", (client) => client.grantToken(process.env.GRANT_TOKEN));
const said = { organisation: await organisation() };
await initialize("refreshed", (client) => client.refreshToken(token.getRefreshToken()));
said.caller = await currentUser();
said.contact = await contact();
said.details = await details();
said.emails = await emails();
said.email = await email();
said["no such email"] = answered(await (await operations()).getEmailsRelatedRecord("0".repeat(64))).getCode().getValue();
said["from addresses"] = await fromAddresses();
said.sent = await send();
said["sent from the CRM"] = (await page("sent_from_crm", caller)).getEmails().map((each) => each.getSubject());
said.associated = await associate();
said.shares = await shares();
process.stdout.write(JSON.stringify(said));
process.exit(0);
