"""A program in JavaScript, written for the original service with axios, that changes
nothing but its base URL.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.acceptance.processes import Arrivals, receiving, running
from tests.support.node import run, with_package

PROGRAM = """
const axios = require('axios');
const { base } = JSON.parse(require('fs').readFileSync(0, 'utf8'));

async function schedule(path, messageData, delayMs) {
  try {
    const response = await axios.post(base + path, { ...messageData, delay: delayMs });
    return { success: true, jobId: response.data.jobId, said: response.data.message };
  } catch (error) {
    return { success: false, error: error.message, why: error.response.data.message };
  }
}

async function finished(jobId) {
  for (;;) {
    const { data } = await axios.get(`${base}/api/job-status/${jobId}`);
    if (data.status === 'COMPLETED' || data.status === 'FAILED') return data.status;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function exceeded(workspaceId) {
  const { sms, email } = (await axios.get(`${base}/api/metrics/workspace/${workspaceId}`)).data;
  return { sms: sms.count, lastSms: sms.lastExceeded, details: email.details };
}

(async () => {
  const email = { to: 'ada@example.com', subject: 'News', html: '<p>Hello</p>', contactId: 'contact-1', workspaceId: 'workspace-123' };
  const sms = { phoneNumber: '+15550100', message: 'Hello', contactId: 'contact-1', workspaceId: 123 };
  const later = await schedule('/api/schedule-email', email, 200);
  const now = await schedule('/api/schedule-sms', sms, 0);
  const wrong = await schedule('/api/schedule-email', { ...email, to: 'nobody' }, 0);
  const statuses = [await finished(later.jobId), await finished(now.jobId)];
  const before = (await axios.get(`${base}/api/metrics`)).data;
  const reset = (await axios.post(`${base}/api/metrics/reset`, { type: 'sms', workspaceId: 'workspace-123' })).data;
  console.log(JSON.stringify({ later, now, wrong, statuses, processed: [before.sms.totalProcessed, before.email.totalProcessed],
    limits: await exceeded('workspace-123'), reset: reset.success }));
})();
"""


@pytest.mark.long(bounded=True)
async def test_a_program_written_for_the_original_service_works_unchanged(tmp_path: Path) -> None:
    node = with_package(tmp_path, "axios@1")
    arrivals, url = Arrivals(), f"sqlite:///{tmp_path}/queue.db"
    async with (
        receiving(arrivals) as receiver,
        running("serve", database_url=url, receiver_url=receiver.url) as [service],
    ):
        said = await asyncio.to_thread(run, node, PROGRAM, {"base": service.url})
    assert said["later"]["success"]
    assert said["later"]["said"] == "Email scheduled successfully"
    assert said["now"]["said"] == "SMS queued for immediate delivery"
    assert said["wrong"] == {
        "success": False,
        "error": "Request failed with status code 400",
        "why": said["wrong"]["why"],
    }
    assert said["wrong"]["why"].startswith("to: must be an email address")
    assert said["statuses"] == ["COMPLETED", "COMPLETED"]
    assert said["processed"] == [1, 1]
    assert said["limits"] == {"sms": 0, "lastSms": None, "details": []}
    assert said["reset"] is True
    assert sorted(arrivals.jobs()) == sorted([said["later"]["jobId"], said["now"]["jobId"]])
