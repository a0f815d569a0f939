// What an integration reads of e-mails, and shares.

import { Choice, filled, make, parameters, refusal, results } from "./sdk.mjs";

export const module = "Leads";

export async function details(id, name = module) {
  const operations = await make("email_sharing_details/email_sharing_details_operations", id, name);
  return operations.getEmailSharingDetails();
}

export async function sharing(id) {
  const [one] = (await details(id)).getObject().getEmailsSharingDetails();
  return {
    available_types: one.getAvailableTypes(),
    share_from_users: one.getShareFromUsers().map((user) => [String(user.getId()), user.getName(), user.getType()]),
  };
}

const operationsPath = "email_related_records/email_related_records_operations";

/** Asks for a page of a record's e-mails. */
export async function page(record, { type = null, owner = null, ...which } = {}) {
  const operations = await make(operationsPath, record, module, type, owner);
  return operations.getEmailsRelatedRecords(await parameters(operationsPath, "GetEmailsRelatedRecordsParam", which));
}

/** Asks for one e-mail with what it says. */
export async function one(record, messageId, owner = null) {
  const operations = await make(operationsPath, record, module, null, owner);
  return operations.getEmailsRelatedRecord(messageId);
}

/** Gives the e-mails of a page, which is empty where there is no content. */
export const listed = async (record, which) => (await page(record, which)).getObject()?.getEmails() ?? [];

export const subjects = async (record, which) => (await listed(record, which)).map((email) => email.getSubject());

/** Goes through all pages, and back to the first one. */
export async function pages(record) {
  const type = "all_emails";
  const first = (await page(record, { type })).getObject();
  const second = (await page(record, { type, INDEX: first.getInfo().getNextIndex() })).getObject();
  const back = (await page(record, { type, INDEX: second.getInfo().getPrevIndex() })).getObject();
  return {
    info: [first, second].map(info),
    subjects: [first, second].map((each) => each.getEmails().map((email) => email.getSubject())),
    "back is the first": ids(back).join() === ids(first).join(),
    "each once": new Set([...ids(first), ...ids(second)]).size,
    newest: shown(first.getEmails()[0]),
  };
}

function info(wrapper) {
  const given = wrapper.getInfo();
  return [given.getPerPage(), given.getCount(), given.getMoreRecords(), given.getNextIndex() == null];
}

const ids = (wrapper) => wrapper.getEmails().map((email) => email.getMessageId());

/** Gives what the SDK knows of an e-mail in a list. */
export function shown(email) {
  return {
    from: person(email.getFrom()),
    to: email.getTo().map(person),
    cc: email.getCc().map(person),
    subject: email.getSubject(),
    time: email.getTime() ? email.getTime().getTime() / 1000 : null,
    sent: email.getSent(),
    owner: [String(email.getOwner().getId()), email.getOwner().getName(), email.getOwner().getEmail()],
    source: email.getSource(),
    linked_record: email.getLinkedRecord() ?? null,
    status: email.getStatus().map((each) => each.getType()),
  };
}

const person = (given) => [given.getEmail(), given.getUserName()];

/** Gives what the SDK knows of an e-mail beside what is listed. */
export async function opened(record, listed) {
  const [email] = (await one(record, listed.getMessageId(), listed.getOwner().getId())).getObject().getEmails();
  return {
    "as listed": JSON.stringify(shown(email)) === JSON.stringify(shown(listed)),
    content: email.getContent(),
    mail_format: email.getMailFormat(),
    summary: email.getSummary(),
    reply_to: person(email.getReplyTo()),
    "sent_time is its time": new Date(email.getSentTime()).getTime() === email.getTime().getTime(),
    thread_id: /^\d+$/.test(email.getThreadId()),
    editable: email.getEditable(),
    has_attachment: email.getHasAttachment(),
    attachments: email.getAttachments().map((each) => [each.getName(), each.getSize()]),
    download: await downloaded(record, email),
  };
}

/** Downloads the file of an e-mail. */
async function downloaded(record, email) {
  const [attachment] = email.getAttachments();
  const response = await download(record, email, { ID: attachment.getId(), NAME: attachment.getName() });
  const file = (await response.getObject()).getFile();
  return [file.getName(), file.getStream().toString()];
}

/** Asks for a file of an e-mail. */
export async function download(record, email, which = {}) {
  const path = "download_attachments/download_attachments_operations";
  const given = { MESSAGE_ID: email.getMessageId(), USER_ID: email.getOwner().getId(), ...which };
  const query = await parameters(path, "GetDownloadAttachmentsDetailsParam", given);
  return (await make(path)).getDownloadAttachmentsDetails(record, module, query);
}

/** Filters by a subject. */
export async function withSubject(record, text) {
  const criteria = await filled("email_related_records/criteria", {
    Comparator: new Choice("equal"),
    Field: await filled("email_related_records/field", { APIName: "subject" }),
    Value: text,
  });
  return subjects(record, { FILTER: criteria });
}

/** Shares own mail and takes that back, on one record and on several. */
export async function shares(record, others) {
  const operations = await make("record_share_email/record_share_email_operations", module);
  const several = await filled("record_share_email/body_wrapper", { Ids: [record, ...others] });
  return [
    outcome(await operations.shareEmails(record)),
    outcome(await operations.shareEmails(record)),
    outcome(await operations.shareBulkEmails(several)),
    outcome(await operations.unshareEmails(record)),
    outcome(await operations.unshareEmails(record)),
    outcome(await operations.unshareBulkEmails(several)),
    refusal(await operations.shareEmails(1n)),
  ];
}

const outcome = (response) => [response.getStatusCode(), results(response.getObject().getData())];
