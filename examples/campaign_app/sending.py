"""Sends what falls due: the handlers of the callback endpoints. Email goes out by SMTP; SMS
by an SMTP gateway, as some providers have.
"""

from __future__ import annotations

import smtplib
from email.message import EmailMessage as Mail

from queue_services_client.receiver import EmailMessage, Reject, RetryLater, SlowDown, SmsMessage

SENDER = "campaigns@example.com"
TIMEOUT = 5.0
"""Seconds: below the ten that the service waits for an answer."""
BUSY = {421, 450, 451, 452}


class Mailer:
    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port

    def send_email(self, message: EmailMessage) -> None:
        self._send(message.job_id, message.to, message.subject, message.html, "html")

    def send_sms(self, message: SmsMessage) -> None:
        digits = "".join(character for character in message.to if character.isdigit())
        self._send(message.job_id, f"{digits}@sms.example.com", "SMS", message.message, "plain")

    def _send(self, job_id: str, to: str, subject: str, text: str, subtype: str) -> None:
        """Raises what tells the service how to go on: Reject is final, the others come again."""
        mail = Mail()
        mail["From"], mail["To"], mail["Subject"] = SENDER, to, " ".join(subject.split())
        mail["Message-ID"] = f"<{job_id}@campaign-app.example.com>"
        mail.set_content(text, subtype=subtype)
        try:
            with smtplib.SMTP(self._host, self._port, timeout=TIMEOUT) as smtp:
                smtp.send_message(mail)
        except smtplib.SMTPRecipientsRefused as error:
            code, reason = error.recipients[to]
            raise (
                SlowDown(30)
                if code in BUSY
                else Reject(f"{code} {reason.decode(errors='replace')}")
            ) from error
        except (smtplib.SMTPException, OSError) as error:
            raise RetryLater(f"the mail server is away: {type(error).__name__}") from error
