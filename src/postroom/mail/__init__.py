"""Real mail: archives, mailboxes and the bytes of a message. The only place that speaks IMAP."""
