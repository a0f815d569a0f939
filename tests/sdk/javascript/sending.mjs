// What an integration sends, and files.

import { module } from "./emails.mjs";
import { Choice, filled, make, results, StreamWrapper } from "./sdk.mjs";

export async function fromAddresses() {
  const found = (await (await make("from_addresses/from_addresses_operations")).getFromAddresses()).getObject();
  return found
    .getFromAddresses()
    .map((one) => [one.getEmail(), one.getUserName(), one.getType(), one.getDefault()]);
}

/** Uploads a file and gives what became of it, and its id. */
export async function uploaded(path) {
  const request = await filled("files/body_wrapper", { File: [new StreamWrapper(null, null, path)] });
  const operations = await make("files/files_operations");
  const [[code, message, details]] = results((await operations.uploadFiles(request)).getObject().getData());
  return [[code, message, details.name], details.id];
}

const party = (path, [email, name]) => filled(path, { Email: email, UserName: name });

/** Sends an e-mail and gives what became of it, and its id. */
export async function sent(record, address, recipients, { file, ...more }) {
  const mail = await filled("send_mail/data", {
    From: await party("send_mail/from", [address, "Bob"]),
    To: await Promise.all(recipients.map((one) => party("send_mail/to", one))),
    Attachments: file ? [await filled("send_mail/attachment", { Id: file })] : [],
    Content: "<p>Good day</p>",
    MailFormat: new Choice("html"),
    ...more,
  });
  const request = await filled("send_mail/body_wrapper", { Data: [mail] });
  const operations = await make("send_mail/send_mail_operations", record, module);
  const [[code, message, details]] = results((await operations.sendMail(request)).getObject().getData());
  const blocked = (details.blocked_email_addresses ?? []).map(blockedAddress);
  return [[code, message, blocked, details.json_path ?? null], details.message_id];
}

const blockedAddress = (one) => (one instanceof Map ? [one.get("email"), one.get("reason")] : [one.email, one.reason]);

export const inReplyTo = (email) => filled("send_mail/in_reply_to", { MessageId: email.getMessageId() });

export const inAnHour = () => new Date(Date.now() + 3600 * 1000);

/** Files an e-mail by hand and gives what became of it, and its id. */
export async function associated(record, address, messageId = "<kept@elsewhere.example>") {
  const mail = await filled("associate_email/associate_email", {
    From: await party("associate_email/from", ["lead@customer.example", "Lead"]),
    To: [await party("associate_email/to", [address, "Bob"])],
    Subject: "Kept by hand",
    Content: "From another program",
    MailFormat: new Choice("text"),
    OriginalMessageId: messageId,
    Sent: false,
    DateTime: new Date("2026-01-02T03:04:05Z"),
  });
  const request = await filled("associate_email/body_wrapper", { Emails: [mail] });
  const operations = await make("associate_email/associate_email_operations");
  const answers = (await operations.associate(record, module, request)).getObject().getEmails();
  const [[code, message, details]] = results(answers);
  return [[code, message, details.api_name ?? null], details.message_id];
}
