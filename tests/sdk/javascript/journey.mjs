// Uses an official Zoho CRM SDK for JavaScript as its users do, and prints what the SDK parsed on the way.

import * as crm from "./crm.mjs";
import * as emails from "./emails.mjs";
import { asClient, given, initialize, refusal, tokenUrl } from "./sdk.mjs";
import * as sending from "./sending.mjs";

const [record, silentRecord, oddRecord, noRecord] = [...given.records, 1].map(BigInt);
const [colleague, caller] = [given.colleague, given.caller].map(BigInt);
const { address, recipients } = given;

async function journey() {
  const first = await initialize("granted", (builder) => asClient(builder).grantToken(given.grant_token));
  const organisation = await crm.organisation();
  const refreshToken = first.getRefreshToken();
  return {
    organisation,
    ...(await refreshed(refreshToken)),
    "refused tokens": {
      code: await refused("code", (builder) => asClient(builder).grantToken("1000.a.b")),
      secret: await refused("secret", (builder) => asClient(builder).clientSecret("wrong").grantToken("1000.a.b")),
      client: await refused("client", (builder) => asClient(builder).clientId("1000.A").grantToken("1000.a.b")),
      "refresh token": await refused("refresh token", (builder) => asClient(builder).refreshToken(refreshToken)),
    },
    "wrong access token": await withoutAccess(),
  };
}

async function refreshed(refreshToken) {
  const token = await initialize("refreshed", (builder) => asClient(builder).refreshToken(refreshToken));
  return {
    team: await crm.team(),
    settings: await crm.settings(),
    records: await crm.records(),
    "record shares": await crm.recordShares(record),
    details: await emails.sharing(record),
    "details of nothing": await emails.sharing(silentRecord),
    "no such record": refusal(await emails.details(noRecord)),
    "no such module": refusal(await emails.details(record, "Nonsense")),
    emails: await reading(),
    sending: await sendingAndFiling(),
    "details after that": await emails.sharing(record),
    shares: await emails.shares(record, [silentRecord, noRecord]),
    revoked: await revoked(token, refreshToken),
  };
}

async function reading() {
  const [newest] = await emails.listed(record, { type: "user_emails", owner: caller });
  return {
    pages: await emails.pages(record),
    opened: await emails.opened(record, newest),
    "no such email": refusal(await emails.one(record, "0".repeat(64))),
    "no such file": refusal(await emails.download(silentRecord, newest)),
    "of the colleague": await emails.subjects(record, { type: "user_emails", owner: colleague }),
    "with a subject": await emails.withSubject(record, "Order 3"),
    "sent from the CRM": await emails.subjects(record, { type: "sent_from_crm", owner: caller }),
    "that says nothing": emails.shown((await emails.listed(oddRecord))[0]),
    "of nothing": (await emails.page(silentRecord)).getStatusCode(),
    "of no record": refusal(await emails.page(noRecord)),
    "of no type": refusal(await emails.page(record, { type: "nonsense" })),
  };
}

async function sendingAndFiling() {
  const [upload, file] = await sending.uploaded(given.file);
  const [sent, sentId] = await sending.sent(record, address, recipients, { file, Subject: "Grüße" });
  const [newest] = await emails.listed(record, { type: "user_emails", owner: caller });
  const reply = { Subject: "Re: Offer", InReplyTo: await sending.inReplyTo(newest) };
  const [replied, repliedId] = await sending.sent(record, address, recipients.slice(0, 1), reply);
  const later = { Subject: "Later", ScheduledTime: sending.inAnHour() };
  const [scheduled] = await sending.sent(record, address, recipients.slice(0, 1), later);
  const [associated, associatedId] = await sending.associated(record, address);
  const [notOwn] = await sending.sent(record, "root@team.example", recipients.slice(0, 1), { Subject: "Not mine" });
  const [misnamed] = await sending.associated(record, address, "two words");
  const ofIds = { [sentId]: "sent", [repliedId]: "replied", [associatedId]: "associated" };
  const filed = await emails.listed(record, { type: "sent_from_crm", owner: caller });
  return {
    "from addresses": await sending.fromAddresses(),
    uploaded: upload,
    sent,
    replied,
    scheduled,
    associated,
    "not from an own address": notOwn,
    misnamed,
    listed: filed.map((email) => [ofIds[email.getMessageId()], email.getSubject()]).sort(),
  };
}

/** Revokes a refresh token; both SDKs stumble over the answer, of whatever kind. */
async function revoked(token, refreshToken) {
  await token.revokeRefreshToken(refreshToken, `${tokenUrl}/revoke`).catch(() => null);
  return (await refused("revoked", (builder) => asClient(builder).refreshToken(refreshToken))).includes("invalid_code");
}

/** Gives what the SDK says where it gets no token. */
async function refused(name, configure) {
  try {
    await initialize(`wrong ${name}`, configure);
    return await crm.organisation();
  } catch (error) {
    return `${error.code} - ${error.message}`;
  }
}

async function withoutAccess() {
  await initialize("without access", (builder) => builder.accessToken("wrong").findUser(false));
  return refusal(await emails.details(record));
}

process.stdout.write(JSON.stringify(await journey()));
process.exit(0); // kept connections would hold it
