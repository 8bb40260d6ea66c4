"""A program over the client of openapi-python-client: URL and key are its arguments."""

from __future__ import annotations

import json
import sys

from generated_client import AuthenticatedClient
from generated_client.api.jobs import get_job_status
from generated_client.api.scheduling import schedule_batch, schedule_email, schedule_sms
from generated_client.models import (
    BatchAnswer,
    BatchBody,
    EmailBody,
    JobStatusAnswer,
    Problem,
    ScheduleAnswer,
    SmsBody,
    SmsElement,
)

url, key = sys.argv[1:]
client = AuthenticatedClient(base_url=url, token=key)

message = SmsBody(
    message="Hello", contact_id="c-1", workspace_id="acme", to="+15550100034", delay=60_000
)
scheduled = schedule_sms.sync(client=client, body=message)
assert isinstance(scheduled, ScheduleAnswer), scheduled
email = EmailBody(
    to="ann@example.com", subject="Hi", html="<p>Hi</p>", contact_id="c-1", workspace_id="acme"
)
assert isinstance(schedule_email.sync(client=client, body=email), ScheduleAnswer)
element = SmsElement(
    channel="sms", message="Hello", contact_id="c-1", workspace_id="acme", to="+15550100034"
)
batch = schedule_batch.sync(client=client, body=BatchBody(messages=[element]))
assert isinstance(batch, BatchAnswer), batch
assert batch.accepted == 1
job = get_job_status.sync(scheduled.job_id, client=client)
assert isinstance(job, JobStatusAnswer), job
message.to = "x"
refused = schedule_sms.sync(client=client, body=message)
assert isinstance(refused, Problem), refused
fields = [fault.field for fault in refused.errors or []]
print(json.dumps({"accepted": scheduled.success, "status": str(job.status), "fields": fields}))
