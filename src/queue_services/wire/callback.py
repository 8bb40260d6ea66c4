"""The body of a callback: what the application receives for a message that is due.

Called by `delivery.callback`. Metadata passes through as it came: its values are spliced,
never parsed, so that no number loses a digit.
"""

from __future__ import annotations

import msgspec

from queue_services.domain.message import Channel, Content

_encode = msgspec.json.Encoder().encode
_read_metadata = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def callback_body(
    content: Content, *, channel: Channel, contact: str, workspace: str, job: str
) -> bytes:
    """The JSON body: the channel's members, then every member of the metadata whose name is
    not taken.

    Raises msgspec.DecodeError where the metadata is no JSON object, which intake does not let in.
    """
    body: dict[str, object] = {"to": content.to}
    if channel is Channel.SMS:
        body["message"] = content.text
    else:
        html = msgspec.Raw(
            _encode(content.html)
        )  # up to 2 MiB, and it goes out twice: escape it once
        body |= {"subject": content.subject, "html": html, "content": html}
    body |= {"contactId": contact, "workspaceId": workspace, "jobId": job}
    if channel is Channel.SMS and content.media_url is not None:
        body["mediaUrl"] = content.media_url
    for name, value in _read_metadata(content.metadata).items():
        body.setdefault(name, value)
    return _encode(body)
